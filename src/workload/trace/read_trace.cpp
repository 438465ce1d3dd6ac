// SPDX-License-Identifier: Apache-2.0
// Finds out what a trace is, reads it with its reader and checks the result.
#include <fmt/format.h>

#include <filesystem>

#include "dojo/workload/trace.h"
#include "workload/trace/chakra.h"
#include "workload/trace/file_bytes.h"
#include "workload/trace/graph_builder.h"
#include "workload/trace/json_trace.h"

namespace dojo::workload {
namespace {

void apply_ranks(Workload& workload, const TraceOptions& options, const std::string& path, Findings& findings) {
  if (options.replicate) {
    if (workload.graphs.size() != 1) {
      findings.add(
          "{}: found {} graphs with workload.replicate, expected one graph for all ranks; set workload.replicate=false",
          path, workload.graphs.size());
    } else if (options.ranks > 0) {
      workload.graph_of_rank.assign(options.ranks, 0);
      workload.group_classes[0] = all_ranks_class(options.ranks);
    }
  } else if (options.ranks > 0 && options.ranks != workload.ranks()) {
    findings.add(
        "{}: found a trace of {} ranks, expected {} by workload.ranks; change workload.ranks, or set "
        "workload.replicate=true to use one rank's graph for all",
        path, workload.ranks(), options.ranks);
  }
}

Workload read_json(const std::string& bytes, const std::string& path, const TraceOptions& options, Findings& findings) {
  Workload workload = parse_json_trace(bytes, path, findings);
  if (findings.empty()) apply_ranks(workload, options, path, findings);
  return workload;
}

bool is_json(const std::string& bytes) {
  const std::size_t first = bytes.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  return first != std::string::npos && (bytes[first] == '{' || bytes[first] == '[');
}

Workload read_file(const std::string& path, const TraceOptions& options, std::vector<std::string>* files_read,
                   Findings& findings) {
  const std::string bytes = read_file_bytes(path);
  if (is_json(bytes)) {
    if (files_read != nullptr) files_read->push_back(path);
    return read_json(bytes, path, options, findings);
  }
  if (looks_like_chakra(bytes)) return read_chakra(path, options, files_read, findings);
  findings.add(
      "{}: found {} bytes of no known format, expected {} JSON or a Chakra .et file; see `dojosim list formats`", path,
      bytes.size(), kTraceFormat);
  return {};
}

}  // namespace

const std::vector<TraceFormat>& trace_formats() {
  static const std::vector<TraceFormat> formats{
      {"chakra-et", "Chakra execution trace, one file per rank PREFIX.<rank>.et, plain or gzip"},
      {"dojo-json", "dojo.trace/1: the own format, JSON, plain or gzip (docs/trace_format.md)"}};
  return formats;
}

Workload read_trace(const std::string& path, const TraceOptions& options, std::vector<std::string>* files_read) {
  Findings findings;
  Workload workload;
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored) && !std::filesystem::is_directory(path, ignored)) {
    workload = read_file(path, options, files_read, findings);
  } else if (is_chakra_prefix(path)) {
    workload = read_chakra(path, options, files_read, findings);
  } else if (std::filesystem::is_directory(path, ignored)) {
    read_file_bytes(path);  // throws, and says that it is a folder
  } else {
    throw Error(ExitCode::kIo,
                fmt::format("{}: no such file, and no {}.<rank>.et beside it; check the name", path, path));
  }
  findings.throw_if_any();
  if (options.steps > 1) workload.steps = options.steps;
  check_workload(workload, findings);
  findings.throw_if_any();
  return workload;
}

}  // namespace dojo::workload
