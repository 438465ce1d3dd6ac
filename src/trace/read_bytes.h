// SPDX-License-Identifier: Apache-2.0
// Reading from bytes in memory, below read_trace(): for the fuzz targets and the tests of damage.
#pragma once
#include "trace/file_formats.h"
#include "trace/rank_trace.h"

namespace dojo::workload {

/// The formats in which one file describes all ranks, in the order in which they are asked.
const std::vector<FileFormat>& file_formats();
/// A format in which one file describes all ranks.
Workload read_whole_bytes(const FileRequest& request, Findings& findings);

}  // namespace dojo::workload
