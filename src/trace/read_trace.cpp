// SPDX-License-Identifier: Apache-2.0
// Finds out what a trace is, reads it with its reader and checks the result.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string_view>
#include <utility>

#include "dojo/trace/trace.h"
#include "trace/chakra.h"
#include "trace/file_bytes.h"
#include "trace/file_formats.h"
#include "trace/graph_builder.h"
#include "trace/json_trace.h"
#include "trace/own_readers.h"
#include "trace/pytorch/pytorch.h"
#include "trace/read_bytes.h"
#include "trace/text_lines.h"

namespace dojo::workload {
namespace {

Workload read_own_json(const FileRequest& request, Findings& findings) {
  Workload workload = parse_json_trace(request.bytes, request.path, findings);
  if (findings.empty()) apply_ranks(workload, request.options, request.path, findings);
  return workload;
}

bool is_json(const std::string& bytes) {
  const std::size_t first = bytes.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  if (first == std::string::npos || (bytes[first] != '{' && bytes[first] != '[')) return false;
  if (bytes[first] == '{') return true;
  // Lists of other formats begin with a bracket too: "[rank0 ~ rank7]".
  const std::size_t next = bytes.find_first_not_of(" \t\r\n", first + 1);
  return next == std::string::npos || std::string_view("{[\"]-0123456789").find(bytes[next]) != std::string_view::npos;
}

void scale_durations(Workload& workload, double factor) {
  if (factor == 1) return;
  for (Graph& graph : workload.graphs) {
    for (Op& op : graph.ops) {
      op.duration_ns = std::llround(std::min(static_cast<double>(op.duration_ns) * factor, 9.0e15));
    }
    graph.warnings.push_back(fmt::format("{}: recorded durations are multiplied by {}", graph.file, factor));
  }
}

Workload read_file(const std::string& path, const TraceOptions& options, std::vector<std::string>* files_read,
                   Findings& findings) {
  std::string bytes = read_file_bytes(path);
  if (bytes.empty()) {
    findings.add("{}: found an empty file, expected a trace; write it again", path);
    return {};
  }
  if (const OwnReader* own = own_reader_of(path, bytes)) {
    if (files_read != nullptr) files_read->push_back(path);
    return read_by(*own, {bytes, path, options}, findings);
  }
  const bool binary = !is_plain_text(bytes.substr(0, 4096));
  const RankFormat* per_rank = rank_format_of(bytes);
  // A short text can be taken for a binary record by chance, so that texts are asked first.
  if (per_rank != nullptr && !looks_like_onnx(bytes) && (binary || is_json(bytes)))
    return read_ranks(path, options, files_read, findings, std::move(bytes));
  if (files_read != nullptr) files_read->push_back(path);
  return read_whole_bytes({bytes, path, options}, findings);
}

}  // namespace

/// Asked in this order, after the formats with one file per rank: any other JSON is taken to be the own format.
const std::vector<FileFormat>& file_formats() {
  static const std::vector<FileFormat> formats{
      {"aicb-csv", "AICB list of one rank's communication", looks_like_aicb, read_aicb},
      {"dojo-json", "dojo.trace/1: the own format, JSON (docs/trace_format.md)", is_json, read_own_json},
      {"astra-text", "layer-per-line text of ASTRA-sim 1.0 and SimAI", looks_like_layer_text, read_layer_text},
      {"scalesim-csv", "SCALE-Sim layer list: convolutions or matrix products", looks_like_scalesim, read_scalesim},
      {"onnx", "ONNX model; backward pass and update are added", looks_like_onnx, read_onnx}};
  return formats;
}

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

Workload read_whole_bytes(const FileRequest& request, Findings& findings) {
  for (const FileFormat& format : file_formats()) {
    if (format.looks(request.bytes)) return format.read(request, findings);
  }
  if (request.bytes.rfind("version https://git-lfs.", 0) == 0) {
    findings.add("{}: found a pointer of Git LFS, expected the file that it stands for; fetch it with git lfs pull",
                 request.path);
    return {};
  }
  std::string known;
  for (const TraceFormat& format : trace_formats()) known += (known.empty() ? "" : ", ") + std::string(format.name);
  findings.add("{}: found {} bytes of no known format, expected one of {}; see `dojosim list formats`", request.path,
               request.bytes.size(), known);
  return {};
}

const std::vector<RankFormat>& rank_formats() {
  static const std::vector<RankFormat> formats{
      {"chakra-json", "Chakra as JSON: workload_graph, or one protobuf message after another; a file per rank",
       looks_like_chakra_json, decode_chakra_json_rank},
      {"pytorch-et", "PyTorch execution trace, schemas 1.0.1 to 1.1.1; a file per rank", looks_like_pytorch_et,
       decode_pytorch_et_rank},
      {"kineto", "Kineto (Chrome) trace of the PyTorch profiler; a file per rank", looks_like_kineto,
       decode_kineto_rank},
      {"chakra-et", "Chakra execution trace, binary, one file per rank PREFIX.<rank>.et", looks_like_chakra,
       decode_chakra_rank}};
  return formats;
}

const std::vector<TraceFormat>& trace_formats() {
  static const std::vector<TraceFormat> formats = [] {
    std::vector<TraceFormat> all;
    for (const RankFormat& format : rank_formats()) all.push_back({format.name, format.sentence});
    for (const FileFormat& format : file_formats()) all.push_back({format.name, format.sentence});
    std::sort(all.begin(), all.end(),
              [](const TraceFormat& a, const TraceFormat& b) { return std::string(a.name) < b.name; });
    return all;
  }();
  return formats;
}

Workload read_trace(const std::string& path, const TraceOptions& options, std::vector<std::string>* files_read) {
  Findings findings;
  Workload workload;
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored) && !std::filesystem::is_directory(path, ignored)) {
    workload = read_file(path, options, files_read, findings);
  } else if (is_rank_prefix(path)) {
    workload = read_ranks(path, options, files_read, findings);
  } else if (std::filesystem::is_directory(path, ignored)) {
    read_file_bytes(path);  // throws, and says that it is a folder
  } else {
    throw Error(ExitCode::kIo,
                fmt::format("{}: no such file, and no {}.<rank>.et or .json beside it; check the name", path, path));
  }
  findings.throw_if_any();
  const bool timed =
      !options.kineto_file.empty() && !workload.graphs.empty() && workload.graphs[0].format == "pytorch-et";
  if (timed && files_read != nullptr) files_read->push_back(options.kineto_file);
  if (options.profiler_step && !workload.graphs.empty()) {
    const std::string& format = workload.graphs[0].format;
    if (format != "kineto" && format != "pytorch-et") {
      findings.add(
          "{}: found a profiler's step (--step) for a trace of format {}, expected kineto or pytorch-et; leave "
          "it out",
          path, format);
    }
  }
  read_schedule_files(workload, std::nullopt, files_read, findings);
  if (options.steps > 1) workload.steps = options.steps;
  scale_durations(workload, options.duration_scale);
  check_workload(workload, findings);
  findings.throw_if_any();
  return workload;
}

}  // namespace dojo::workload
