// SPDX-License-Identifier: Apache-2.0
// Reads a Kineto trace event by event, so that only what matters is kept of a large file.
#include "trace/pytorch/kineto_events.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "trace/json_trace.h"
#include "trace/located_json.h"
#include "trace/pytorch/pytorch.h"

namespace dojo::workload::pytorch {
namespace {

using Type = LocatedJson::Type;

double real_of(const LocatedJson* value) {
  if (value == nullptr) return std::nan("");
  if (value->type == Type::kInteger) return static_cast<double>(value->integer);
  return value->type == Type::kReal ? value->real : std::nan("");
}

std::int64_t integer_of(const LocatedJson* value, std::int64_t otherwise) {
  if (value != nullptr && value->type == Type::kInteger) return value->integer;
  if (value == nullptr || value->type != Type::kString) return otherwise;
  std::int64_t number = otherwise;
  std::from_chars(value->text.data(), value->text.data() + value->text.size(), number);
  return number;
}

std::string text_of(const LocatedJson* value) {
  if (value == nullptr) return "";
  return value->type == Type::kInteger ? std::to_string(value->integer) : value->text;
}

/// "[0, 1, 2]"; false when it is shortened with dots, or is no list.
bool parse_ranks(const std::string& text, std::vector<RankId>& ranks) {
  if (text.find("...") != std::string::npos || text.find('[') == std::string::npos) return false;
  for (std::size_t at = text.find_first_of("0123456789"); at != std::string::npos;) {
    RankId rank = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), rank);
    if (error != std::errc() || rank >= 10000000) return false;
    ranks.push_back(rank);
    at = text.find_first_of("0123456789", static_cast<std::size_t>(end - text.data()));
  }
  return !ranks.empty();
}

class Collector {
 public:
  void take(const LocatedJson& event) {
    ++events_.events;
    const LocatedJson *phase = event.find("ph"), *category = event.find("cat");
    if (phase == nullptr || category == nullptr || phase->text != "X") return;
    const std::string& kind = category->text;
    if (kind == "kernel" || kind == "gpu_memcpy" || kind == "gpu_memset" || kind == "Kernel" || kind == "Memcpy" ||
        kind == "Memset") {
      work(event);
    } else if (kind == "cpu_op" || kind == "Operator") {
      numbers(event, "External id", "Record function id", events_.record_of_external);
    } else if (kind == "cuda_runtime" || kind == "cuda_driver" || kind == "Runtime") {
      numbers(event, "correlation", "External id", events_.external_of_correlation);
    } else if (kind == "cuda_sync") {
      wait(event);
    }
  }

  KinetoEvents finish(const LocatedJson& rest) {
    if (const LocatedJson* info = rest.find("distributedInfo")) distributed(*info);
    std::stable_sort(events_.work.begin(), events_.work.end(),
                     [](const DeviceWork& a, const DeviceWork& b) { return a.start_ns < b.start_ns; });
    std::stable_sort(events_.waits.begin(), events_.waits.end(),
                     [](const StreamWait& a, const StreamWait& b) { return a.time_ns < b.time_ns; });
    return std::move(events_);
  }

 private:
  static void numbers(const LocatedJson& event, const char* from, const char* to,
                      std::unordered_map<std::uint64_t, std::uint64_t>& map) {
    const LocatedJson* args = event.find("args");
    if (args == nullptr) return;
    const std::int64_t key = integer_of(args->find(from), -1), value = integer_of(args->find(to), -1);
    if (key >= 0 && value >= 0) map.emplace(static_cast<std::uint64_t>(key), static_cast<std::uint64_t>(value));
  }

  /// Microseconds to ns from the first event: since 1970 they leave little room behind the point.
  bool time(const LocatedJson& event, std::int64_t& start, std::int64_t& duration) {
    const double ts = real_of(event.find("ts")), dur = real_of(event.find("dur"));
    if (!(std::abs(ts) < 1e17) || !(dur >= 0) || !(dur < static_cast<double>(kLargestAmount) / 1e3)) {
      ++events_.damaged;
      return false;
    }
    if (!origin_known_) origin_ = ts;
    origin_known_ = true;
    start = std::llround((ts - origin_) * 1e3);
    duration = std::max<std::int64_t>(std::llround(dur * 1e3), 1);
    return true;
  }

  std::uint32_t name_of(const LocatedJson& event) {
    const LocatedJson* name = event.find("name");
    const std::string text = printable(name == nullptr ? "" : name->text);
    const auto [entry, added] = known_.emplace(text, static_cast<std::uint32_t>(events_.names.size()));
    if (added) events_.names.push_back(text);
    return entry->second;
  }

  void work(const LocatedJson& event) {
    DeviceWork made;
    if (!time(event, made.start_ns, made.duration_ns)) return;
    made.name = name_of(event);
    made.line = event.line;
    made.stream = integer_of(event.find("tid"), 0);
    made.device = integer_of(event.find("pid"), 0);
    if (const LocatedJson* args = event.find("args")) {
      made.stream = integer_of(args->find("stream"), made.stream);
      made.device = integer_of(args->find("device"), made.device);
      made.external = static_cast<std::uint64_t>(std::max<std::int64_t>(integer_of(args->find("External id"), 0), 0));
      made.correlation =
          static_cast<std::uint64_t>(std::max<std::int64_t>(integer_of(args->find("correlation"), 0), 0));
      if (args->find("Collective name") != nullptr) made.nccl = communication(*args);
    }
    events_.work.push_back(made);
  }

  std::int32_t communication(const LocatedJson& args) {
    Communication made;
    made.collective = text_of(args.find("Collective name"));
    made.dtype = text_of(args.find("dtype"));
    made.group = text_of(args.find("Process Group Name"));
    made.in_elements = integer_of(args.find("In msg nelems"), -1);
    made.out_elements = integer_of(args.find("Out msg nelems"), -1);
    made.group_size = integer_of(args.find("Group size"), 0);
    std::vector<RankId> ranks;
    if (parse_ranks(text_of(args.find("Process Group Ranks")), ranks)) events_.groups.emplace(made.group, ranks);
    events_.communications.push_back(std::move(made));
    return static_cast<std::int32_t>(events_.communications.size() - 1);
  }

  void wait(const LocatedJson& event) {
    const LocatedJson *name = event.find("name"), *args = event.find("args");
    if (name == nullptr || args == nullptr || name->text.find("Wait Event") == std::string::npos) return;
    StreamWait made;
    std::int64_t ignored = 0;
    made.stream = integer_of(args->find("stream"), -1);
    made.on_stream = integer_of(args->find("wait_on_stream"), -1);
    made.device = integer_of(args->find("device"), 0);
    if (made.stream < 0 || made.on_stream < 0 || !time(event, made.time_ns, ignored)) return;
    events_.waits.push_back(made);
  }

  void distributed(const LocatedJson& info) {
    const std::int64_t world = integer_of(info.find("world_size"), 0);
    if (world > 0 && world < 10000000) events_.world = static_cast<RankId>(world);
    const LocatedJson* groups = info.find("pg_config");
    if (groups == nullptr || groups->type != Type::kArray) return;
    for (const LocatedJson& group : groups->items) {
      const LocatedJson* ranks = group.find("ranks");
      if (ranks == nullptr || ranks->type != Type::kArray) continue;
      std::vector<RankId>& list = events_.groups[text_of(group.find("pg_name"))];
      list.clear();
      for (const LocatedJson& rank : ranks->items) {
        if (rank.type == Type::kInteger && rank.integer >= 0 && rank.integer < 10000000)
          list.push_back(static_cast<RankId>(rank.integer));
      }
    }
  }

  KinetoEvents events_;
  std::unordered_map<std::string, std::uint32_t> known_;
  double origin_ = 0;
  bool origin_known_ = false;
};

}  // namespace

KinetoEvents read_kineto_events(const std::string& bytes, const std::string& file, Findings& findings) {
  Collector collector;
  LocatedJson rest;
  const std::size_t first = bytes.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  const bool list = first != std::string::npos && bytes[first] == '[';
  stream_json_list(
      bytes, file, list ? "" : "traceEvents", [&](const LocatedJson& event) { collector.take(event); }, rest, findings);
  return collector.finish(rest);
}

std::unordered_map<std::uint64_t, std::int64_t> device_times(const std::string& bytes, const std::string& file,
                                                             Findings& findings) {
  const KinetoEvents events = read_kineto_events(bytes, file, findings);
  std::unordered_map<std::uint64_t, std::int64_t> times;
  for (const DeviceWork& work : events.work) {
    std::uint64_t external = work.external;
    const auto launched = events.external_of_correlation.find(work.correlation);
    if (external == 0 && launched != events.external_of_correlation.end()) external = launched->second;
    const auto record = events.record_of_external.find(external);
    times[record == events.record_of_external.end() ? external : record->second] += work.duration_ns;
  }
  return times;
}

}  // namespace dojo::workload::pytorch
