// SPDX-License-Identifier: Apache-2.0
// Whole files in and out, gzip and zstd seen by content when reading and by name when writing.
#pragma once
#include <string>

#include "dojo/base/files.h"

namespace dojo::workload {

/// The file's bytes, decompressed when they are gzip or zstd. Error(kIo) when it cannot be read, Error(kInvalidInput)
/// when its compressed stream is broken or unpacks to more than the limits allow.
std::string read_file_bytes(const std::string& path);
/// Into a file that is to have the name `path`. Error(kIo).
void write_file_bytes(OutputFile& file, const std::string& path, const std::string& bytes);

}  // namespace dojo::workload
