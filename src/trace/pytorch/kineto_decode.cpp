// SPDX-License-Identifier: Apache-2.0
// One rank's Kineto trace to a Graph: kernels of each stream in a row, replayed by their time; NCCL kernels become real
// collectives. The host's gaps are not replayed.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>

#include "trace/graph_builder.h"
#include "trace/json_trace.h"
#include "trace/located_json.h"
#include "trace/pytorch/et_collective.h"
#include "trace/pytorch/kineto_events.h"
#include "trace/pytorch/pytorch.h"
#include "trace/text_lines.h"

namespace dojo::workload {
namespace pytorch {
namespace {

/// Microseconds since 1970 leave a quarter of one behind the point.
constexpr std::int64_t kRounding = 500;

/// By the libraries whose kernels they are.
bool is_communication_kernel(const std::string& name) {
  const std::string lower = lower_case(name);
  static constexpr std::array kWords{"nccl",  "rccl",    "oneccl",  "hccl",
                                     "msccl", "nvshmem", "deep_ep", "cross_device_reduce"};
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](const char* word) { return lower.find(word) != std::string::npos; });
}

class Decoder {
 public:
  Decoder(const RankRequest& request, Findings& findings)
      : request_(request), findings_(findings), builder_(request.file, "kineto") {}

  RankTrace run() {
    const std::size_t before = findings_.lines().size();
    events_ = read_kineto_events(request_.bytes, request_.file, request_.options.profiler_step, findings_);
    if (findings_.lines().size() == before && events_.work.empty()) no_work();
    if (findings_.lines().size() != before) return {};
    for (std::size_t i = 0; i < events_.work.size(); ++i) add(i);
    if (findings_.lines().size() != before) return {};
    run_streams_beside(builder_.graph(), stream_of_op_);
    finish();
    return std::move(result_);
  }

 private:
  void no_work() {
    std::string categories;
    for (const auto& [word, count] : events_.categories)
      categories += fmt::format("{}{} of '{}'", categories.empty() ? "" : ", ", count, word);
    findings_.add(
        "{}: rank {}: found {} events and no work of a device among them{}{}, expected events of category kernel, or "
        "of another device's category with a stream; record the trace with the activity of the device",
        request_.file, request_.rank, events_.events,
        events_.damaged > 0 ? fmt::format(" ({} have no sane time)", events_.damaged) : "",
        categories.empty() ? "" : " (categories: " + categories + ")");
  }

  struct Stream {
    std::vector<std::pair<std::int64_t, std::uint32_t>> ended;  ///< (end, operation), ascending
    std::size_t passed = 0;                                     ///< how many ended before the start of the current one
    std::uint32_t last = kNone;
    std::map<std::size_t, std::uint32_t> waited;  ///< other stream -> its latest operation that this one waited for
    std::size_t next_wait = 0;
    std::int64_t busy_until = std::numeric_limits<std::int64_t>::min();
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
      const std::uint32_t op = recorded_before(streams_[other->second], wait.event, work.start_ns);
      if (op != kNone) wait_for(own, other->second, op, deps);
    }
  }

  /// The last operation of a stream that lies before the event that another one waited for: it was launched before the
  /// event, and it had ended when the other went on.
  [[nodiscard]] std::uint32_t recorded_before(const Stream& stream, std::int64_t event, std::int64_t start) const {
    for (auto at = stream.ended.rbegin(); at != stream.ended.rend(); ++at) {
      const DeviceWork& work = events_.work[at->second];
      if (work.start_ns + work.duration_ns > start + kRounding) continue;
      if (event > 0 && work.correlation >= static_cast<std::uint64_t>(event)) continue;
      return at->second;
    }
    return kNone;
  }

  /// Two operations of a stream cannot run at once; a record that says so is wrong somewhere.
  void look_for_overlap(Stream& stream, const DeviceWork& work) {
    const std::int64_t end = work.start_ns + work.duration_ns;
    if (stream.busy_until > work.start_ns + kRounding) {
      ++overlaps_;
      overlap_ns_ += std::min(stream.busy_until, end) - work.start_ns;
    }
    stream.busy_until = std::max(stream.busy_until, end);
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
    if (work.copy) draft.op.recorded_on = RecordedOn::kMemory;
    if (work.nccl >= 0 || is_communication_kernel(draft.name)) group = collective(work, draft);
    std::size_t own = 0;
    Stream& stream = stream_of(work, own);
    look_for_overlap(stream, work);
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
    stream_of_op_.push_back(static_cast<std::int64_t>(own));
  }

  std::string collective(const DeviceWork& work, OpDraft& draft) {
    draft.op.recorded_on = RecordedOn::kNetwork;
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
    if (elements > kLargestAmount / 8) {
      findings_.add("{}:{}: '{}': found {} elements, expected at most {}; correct the trace", request_.file, work.line,
                    draft.name, elements, kLargestAmount / 8);
      return "";
    }
    if (c.uneven) ++counted_["collectives of uneven pieces are taken as even ones of the same sum"];
    draft.op.bytes = needs_bytes ? elements * width : 0;
    draft.op.duration_ns = 0;  // how long it took there says nothing about this machine
    draft.op.recorded_on = RecordedOn::kCores;
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
    note(
        fmt::format("{} kernels and copies of {} streams were recorded{} and are replayed by those durations; {}; gaps "
                    "of the host are not replayed",
                    graph.ops.size(), streams_.size(),
                    events_.device_name.empty() ? " on another machine" : fmt::format(" on '{}'", events_.device_name),
                    events_.waits.empty() ? "a stream waits for what had ended on the others when its kernel began"
                                          : "streams wait as recorded"));
    if (const std::optional<std::int64_t> step = request_.options.profiler_step) {
      note(fmt::format(
          "of {} profiler steps only ProfilerStep#{} is read: what was launched in it; {} kernels and copies "
          "are left out",
          events_.steps.size(), *step, events_.left_out));
    } else if (events_.steps.size() > 1) {
      note(
          fmt::format("the trace holds {} profiler steps; together they are one step here (--step N of trace convert "
                      "takes one)",
                      events_.steps.size()));
    }
    if (overlaps_ > 0) {
      note(
          fmt::format("{} operations begin while the one before on their stream still runs, {:.3f} ms in all; they "
                      "run one after the other here: the recorded durations cannot all be right",
                      overlaps_, static_cast<double>(overlap_ns_) / 1e6));
    }
    for (const auto& [word, count] : events_.other_devices) {
      if (count > 0) note(fmt::format("{} events of category '{}' are taken for work of a device", count, word));
    }
    if (events_.damaged > 0) note(fmt::format("{} events without a sane time were skipped", events_.damaged));
    if (events_.unpaired > 0)
      note(fmt::format("{} events begin and do not end, or end and did not begin, and were skipped", events_.unpaired));
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
  std::vector<std::int64_t> stream_of_op_;
  std::map<std::string, std::size_t> counted_;
  std::size_t overlaps_ = 0;
  std::int64_t overlap_ns_ = 0;
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
