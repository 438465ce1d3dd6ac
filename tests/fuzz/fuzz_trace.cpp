// SPDX-License-Identifier: Apache-2.0
// Feeds any bytes to one reader (DOJO_FUZZ_FORMAT), then to the checks and the description of what was read. Errors of
// type Error are answers; anything else is a finding.
#include <cstdint>
#include <string>

#include "dojo/trace/trace.h"
#include "trace/read_bytes.h"

namespace {

using dojo::Error;
using dojo::Findings;
using namespace dojo::workload;

void look(const Workload& workload) {
  Findings findings;
  check_workload(workload, findings);
  if (findings.empty()) (void)describe_workload(workload, true);
}

void read_rank(const RankFormat& format, const std::string& bytes) {
  const TraceOptions options;
  Findings findings;
  RankTrace rank = format.decode({bytes, "input", 0, options}, findings);
  if (!findings.empty() || rank.graph.ops.empty()) return;
  Workload workload;
  workload.graphs.push_back(std::move(rank.graph));
  workload.graph_of_rank = {0};
  workload.group_classes = {{"all", {Group{"all", {0}}}}};
  look(workload);
}

void read_whole(const FileFormat& format, const std::string& bytes) {
  TraceOptions options;
  options.ranks = 8;
  Findings findings;
  const Workload workload = format.read({bytes, "input", options}, findings);
  if (findings.empty()) look(workload);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const std::string name = DOJO_FUZZ_FORMAT;
  try {
    for (const RankFormat& format : rank_formats()) {
      if (name == format.name) read_rank(format, bytes);
    }
    for (const FileFormat& format : file_formats()) {
      if (name == format.name && format.looks(bytes)) read_whole(format, bytes);
    }
    if (name == "group-file") {
      Findings findings;
      RankGroups groups = read_group_file(bytes, "input", findings);
      (void)parse_process_groups(bytes, groups);
    }
  } catch (const Error& error) {
    if (error.code() == dojo::ExitCode::kInternal) throw;
  }
  return 0;
}
