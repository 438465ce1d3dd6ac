// SPDX-License-Identifier: Apache-2.0
// Formats in which one file describes all ranks. Private to the module.
#pragma once
#include <string>
#include <vector>

#include "dojo/base/error.h"
#include "dojo/trace/trace.h"

namespace dojo::workload {

struct FileRequest {
  const std::string& bytes;
  const std::string& path;
  const TraceOptions& options;
};

struct FileFormat {
  const char* name;
  const char* sentence;
  bool (*looks)(const std::string& bytes);
  Workload (*read)(const FileRequest& request, Findings& findings);
};

bool looks_like_layer_text(const std::string& bytes);
Workload read_layer_text(const FileRequest& request, Findings& findings);
bool looks_like_scalesim(const std::string& bytes);
Workload read_scalesim(const FileRequest& request, Findings& findings);
bool looks_like_aicb(const std::string& bytes);
Workload read_aicb(const FileRequest& request, Findings& findings);
bool looks_like_onnx(const std::string& bytes);
Workload read_onnx(const FileRequest& request, Findings& findings);

/// How many ranks: as asked for, else as the file `declares` (0 = it does not), else the default, rounded to a multiple
/// of `unit`; adds the note that says so.
RankId choose_ranks(const FileRequest& request, RankId declared, std::vector<std::string>& notes, RankId unit = 1);
/// What workload.ranks and workload.replicate make of a trace that says its ranks itself.
void apply_ranks(Workload& workload, const TraceOptions& options, const std::string& path, Findings& findings);
/// All ranks run `graph`.
Workload shared_graph(Graph graph, RankId ranks);

}  // namespace dojo::workload
