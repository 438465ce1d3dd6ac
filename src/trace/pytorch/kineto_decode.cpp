// SPDX-License-Identifier: Apache-2.0
// One rank's Kineto trace to a Graph: kernels of each stream in a row, replayed by their time; NCCL kernels become real
// collectives. The host's gaps are not replayed.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "trace/graph_builder.h"
#include "trace/json_trace.h"
#include "trace/located_json.h"
#include "trace/pytorch/et_collective.h"
#include "trace/pytorch/kineto_events.h"
#include "trace/pytorch/pytorch.h"

namespace dojo::workload {
namespace pytorch {
namespace {

class Decoder {
 public:
  Decoder(const RankRequest& request, Findings& findings)
      : request_(request), findings_(findings), builder_(request.file, "kineto") {}

  RankTrace run() {
    const std::size_t before = findings_.lines().size();
    events_ = read_kineto_events(request_.bytes, request_.file, findings_);
    if (findings_.lines().size() == before && events_.work.empty()) {
      findings_.add(
          "{}: rank {}: found {} events and no kernel among them, expected events of category kernel; record "
          "the trace with CUDA activity",
          request_.file, request_.rank, events_.events);
    }
    if (findings_.lines().size() != before) return {};
    for (std::size_t i = 0; i < events_.work.size(); ++i) add(i);
    finish();
    return std::move(result_);
  }

 private:
  struct Stream {
    std::vector<std::pair<std::int64_t, std::uint32_t>> ended;  ///< (end, operation), ascending
    std::size_t passed = 0;                                     ///< how many ended before the start of the current one
    std::uint32_t last = kNone;
    std::map<std::size_t, std::uint32_t> waited;  ///< other stream -> its latest operation that this one waited for
    std::size_t next_wait = 0;
  };

  Stream& stream_of(const DeviceWork& work, std::size_t& index) {
    const auto [entry, added] = index_.emplace(std::pair{work.device, work.stream}, streams_.size());
    if (added) streams_.emplace_back();
    index = entry->second;
    return streams_[index];
  }

  void wait_for(std::size_t own, std::size_t other, std::uint32_t op, std::vector<std::uint32_t>& deps) {
    const auto [entry, added] = streams_[own].waited.emplace(other, op);
    if (!added && entry->second >= op) return;
    entry->second = op;
    deps.push_back(op);
  }

  /// Without records of waits: what had ended on another stream when this began is taken to be waited for.
  void infer_waits(std::size_t own, std::int64_t start, std::vector<std::uint32_t>& deps) {
    for (std::size_t other = 0; other < streams_.size(); ++other) {
      if (other == own) continue;
      Stream& stream = streams_[other];
      while (stream.passed < stream.ended.size() && stream.ended[stream.passed].first <= start) ++stream.passed;
      if (stream.passed > 0) wait_for(own, other, stream.ended[stream.passed - 1].second, deps);
    }
  }

  void recorded_waits(std::size_t own, const DeviceWork& work, std::vector<std::uint32_t>& deps) {
    Stream& stream = streams_[own];
    for (; stream.next_wait < events_.waits.size(); ++stream.next_wait) {
      const StreamWait& wait = events_.waits[stream.next_wait];
      if (wait.time_ns > work.start_ns) return;
      if (wait.stream != work.stream || wait.device != work.device) continue;
      const auto other = index_.find({wait.device, wait.on_stream});
      if (other == index_.end() || other->second == own) continue;
      if (streams_[other->second].last != kNone) wait_for(own, other->second, streams_[other->second].last, deps);
    }
  }

  void add(std::size_t i) {
    const DeviceWork& work = events_.work[i];
    OpDraft draft;
    draft.name = events_.names[work.name];
    draft.op.id = i;
    draft.op.place = work.line;
    draft.op.kind = OpKind::kCompute;
    draft.op.duration_ns = work.duration_ns;
    std::string group;
    if (work.nccl >= 0 || draft.name.find("nccl") != std::string::npos) group = collective(work, draft);
    std::size_t own = 0;
    Stream& stream = stream_of(work, own);
    if (stream.last != kNone) draft.deps.push_back(stream.last);
    if (events_.waits.empty()) {
      infer_waits(own, work.start_ns, draft.deps);
    } else {
      recorded_waits(own, work, draft.deps);
    }
    std::sort(draft.deps.begin(), draft.deps.end());
    draft.deps.erase(std::unique(draft.deps.begin(), draft.deps.end()), draft.deps.end());
    const std::uint32_t op = builder_.add(std::move(draft));
    stream.last = op;
    const std::int64_t end = work.start_ns + work.duration_ns;
    stream.ended.emplace_back(stream.ended.empty() ? end : std::max(end, stream.ended.back().first), op);
    result_.group_names.push_back(std::move(group));
  }

  std::string collective(const DeviceWork& work, OpDraft& draft) {
    if (work.nccl < 0) {
      ++counted_["NCCL kernels say nothing about their collective and are replayed by their recorded duration"];
      return "";
    }
    const Communication& c = events_.communications[static_cast<std::size_t>(work.nccl)];
    OpKind kind = OpKind::kNone;
    const std::int64_t width = dtype_width(c.dtype);
    const bool receives = collective_kind(c.collective, kind) && kind == OpKind::kRecv;
    const std::int64_t elements = receives ? c.out_elements : c.in_elements;
    const bool message = is_message(kind), needs_bytes = traits(kind).has(OpTraits::kNeedsBytes);
    if (kind == OpKind::kNone || message || (needs_bytes && (elements <= 0 || width == 0))) {
      ++counted_[message ? "NCCL sends and receives do not name their peer and are replayed by their recorded duration"
                         : "NCCL kernels without a known collective, size and type are replayed by their recorded "
                           "duration"];
      return "";
    }
    draft.op.kind = kind;
    draft.op.bytes = needs_bytes ? std::min<std::int64_t>(elements, kLargestAmount / 8) * width : 0;
    draft.op.duration_ns = 0;  // how long it took there says nothing about this machine
    if (c.group_size > 0 && c.group_size < 10000000)
      result_.world = std::max(result_.world, static_cast<RankId>(c.group_size));
    return c.group;
  }

  void finish() {
    Graph& graph = builder_.graph();
    const auto note = [&](const std::string& words) {
      graph.warnings.push_back(fmt::format("{}: {}", request_.file, words));
    };
    for (const auto& [words, count] : counted_) note(fmt::format("{} {}", count, words));
    note(fmt::format(
        "{} kernels and copies of {} streams are replayed by their recorded durations; {}; gaps of the host "
        "are not replayed",
        graph.ops.size(), streams_.size(),
        events_.waits.empty() ? "a stream waits for what had ended on the others when its kernel began"
                              : "streams wait as recorded"));
    if (events_.damaged > 0) note(fmt::format("{} events without a sane time were skipped", events_.damaged));
    result_.embedded = std::move(events_.groups);
    result_.world = std::max(result_.world, events_.world);
    result_.graph = builder_.take();
  }

  const RankRequest& request_;
  Findings& findings_;
  RankTrace result_;
  GraphBuilder builder_;
  KinetoEvents events_;
  std::map<std::pair<std::int64_t, std::int64_t>, std::size_t> index_;  ///< (device, stream)
  std::vector<Stream> streams_;
  std::map<std::string, std::size_t> counted_;
};

}  // namespace
}  // namespace pytorch

bool looks_like_kineto(const std::string& bytes) {
  const std::size_t first = bytes.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  if (first == std::string::npos) return false;
  if (bytes[first] == '[') {
    const std::size_t object = bytes.find('{', first);
    return object != std::string::npos && first_top_key(bytes.substr(object, 1 << 16), {"ph"}) == "ph";
  }
  return bytes[first] == '{' &&
         first_top_key(bytes, {"traceEvents", "format", "nodes", "workload_graph", "graphs"}) == "traceEvents";
}

RankTrace decode_kineto_rank(const RankRequest& request, Findings& findings) {
  return pytorch::Decoder(request, findings).run();
}

}  // namespace dojo::workload
