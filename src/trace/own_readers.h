// SPDX-License-Identifier: Apache-2.0
// What read_trace() asks of the readers of plug-ins. Private to the module.
#pragma once
#include "dojo/trace/own_readers.h"
#include "trace/file_formats.h"

namespace dojo::workload {

/// nullptr: none knows the file. Throws Error(kInvalidInput) when several do, and for an exception of one.
const OwnReader* own_reader_of(const std::string& path, const std::string& bytes);
Workload read_by(const OwnReader& reader, const FileRequest& request, Findings& findings);

}  // namespace dojo::workload
