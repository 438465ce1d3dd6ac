// SPDX-License-Identifier: Apache-2.0
// Reads a Kineto trace event by event, so that only what matters is kept of a large file.
#include "trace/pytorch/kineto_events.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <string_view>
#include <utility>

#include "trace/json_trace.h"
#include "trace/located_json.h"
#include "trace/pytorch/pytorch.h"
#include "trace/text_lines.h"

namespace dojo::workload::pytorch {
namespace {

using Type = LocatedJson::Type;

/// Numbers, also those that some programs write as texts.
double real_of(const LocatedJson* value) {
  if (value == nullptr) return std::nan("");
  if (value->type == Type::kInteger) return static_cast<double>(value->integer);
  if (value->type == Type::kReal) return value->real;
  if (value->type != Type::kString) return std::nan("");
  const char* const end = value->text.data() + value->text.size();
  double number = 0;
  const auto [after, error] = std::from_chars(value->text.data(), end, number);
  return error == std::errc() && after == end ? number : std::nan("");
}

std::int64_t integer_of(const LocatedJson* value, std::int64_t otherwise) {
  if (value != nullptr && value->type == Type::kInteger) return value->integer;
  if (value != nullptr && value->type == Type::kReal && std::abs(value->real) < 9e15 &&
      std::floor(value->real) == value->real)
    return static_cast<std::int64_t>(value->real);
  if (value == nullptr || value->type != Type::kString) return otherwise;
  std::int64_t number = otherwise;
  std::from_chars(value->text.data(), value->text.data() + value->text.size(), number);
  return number;
}

/// The number that joins what an operator launches with it; older versions write it small.
const LocatedJson* external_id(const LocatedJson& args) {
  const LocatedJson* found = args.find("External id");
  return found != nullptr ? found : args.find("external id");
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

/// "[1024, 0, 3072, 0]"
bool uneven(const std::string& text) {
  std::int64_t first = -1;
  for (std::size_t at = text.find_first_of("0123456789"); at != std::string::npos;) {
    std::int64_t size = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), size);
    if (error != std::errc() || (first >= 0 && size != first)) return true;
    first = size;
    at = text.find_first_of("0123456789", static_cast<std::size_t>(end - text.data()));
  }
  return false;
}

enum class Category : std::uint8_t { kOther, kDevice, kCopy, kOperator, kRuntime, kWait, kStep };

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

/// By the category's word. Devices that the profiler learned of later have words of their own; what they do is told by
/// its stream, which no event of the host has.
Category category_of(const std::string& word, const LocatedJson* args) {
  const std::string text = lower_case(word);
  const auto has = [&](const char* part) { return text.find(part) != std::string::npos; };
  if (has("annotation") || text == "python_function" || text == "overhead" || text == "trace") return Category::kOther;
  if (text == "cpu_op" || text == "operator") return Category::kOperator;
  if (ends_with(text, "runtime") || ends_with(text, "driver")) return Category::kRuntime;
  if (ends_with(text, "_sync")) return Category::kWait;
  if (has("memcpy") || has("memset")) return Category::kCopy;
  if (text == "kernel" || ends_with(text, "_kernel") || text == "hpu_op" || text == "mtia_ccp_events" ||
      text == "collective_comm")
    return Category::kDevice;
  const bool streamed = args != nullptr && args->find("stream") != nullptr;
  return streamed ? Category::kDevice : Category::kOther;
}

class Collector {
 public:
  explicit Collector(std::optional<std::int64_t> step) : step_(step) {}

  void take(const LocatedJson& event) {
    ++events_.events;
    const LocatedJson *phase = event.find("ph"), *category = event.find("cat"), *args = event.find("args");
    if (phase == nullptr) return;
    if (phase->text == "E") return end(event);
    if (category == nullptr || (phase->text != "X" && phase->text != "B")) return;
    Category kind = category_of(category->text, args);
    if (names_step(event, category->text)) kind = Category::kStep;
    ++events_.categories[category->text];
    const std::string word = lower_case(category->text);
    if ((kind == Category::kDevice && word != "kernel") || (kind == Category::kCopy && word.find("gpu_mem") != 0))
      events_.other_devices[category->text] += word == "memcpy" || word == "memset" ? 0 : 1;
    if (phase->text == "B") return begin(event, kind);
    if (kind == Category::kDevice || kind == Category::kCopy) {
      work(event, kind, real_of(event.find("dur")));
    } else if (kind == Category::kOperator) {
      operation(event);
    } else if (kind == Category::kStep) {
      profiler_step(event, real_of(event.find("dur")));
    } else if (kind == Category::kRuntime) {
      launch(event);
    } else if (kind == Category::kWait) {
      wait(event);
    }
  }

  KinetoEvents finish(const LocatedJson& rest) {
    if (const LocatedJson* info = rest.find("distributedInfo")) distributed(*info);
    if (const LocatedJson* devices = rest.find("deviceProperties"); devices != nullptr && !devices->items.empty()) {
      const LocatedJson* name = devices->items.front().find("name");
      if (name != nullptr) events_.device_name = printable(name->text);
    }
    for (const auto& entry : open_) events_.unpaired += entry.second.size();
    std::stable_sort(events_.work.begin(), events_.work.end(),
                     [](const DeviceWork& a, const DeviceWork& b) { return a.start_ns < b.start_ns; });
    std::stable_sort(events_.waits.begin(), events_.waits.end(),
                     [](const StreamWait& a, const StreamWait& b) { return a.time_ns < b.time_ns; });
    std::stable_sort(events_.operators.begin(), events_.operators.end(),
                     [](const HostOperator& a, const HostOperator& b) { return a.start < b.start; });
    std::stable_sort(events_.steps.begin(), events_.steps.end(),
                     [](const ProfilerStep& a, const ProfilerStep& b) { return a.begin < b.begin; });
    if (step_) leave_out_other_steps();
    return std::move(events_);
  }

 private:
  /// On the host: a device's range of that name says when it worked, not what for.
  static bool names_step(const LocatedJson& event, const std::string& category) {
    const LocatedJson* name = event.find("name");
    return name != nullptr && profiler_step_of(name->text) && lower_case(category).rfind("gpu", 0) != 0;
  }

  void profiler_step(const LocatedJson& event, double dur) {
    const double begin = real_of(event.find("ts"));
    const std::optional<std::int64_t> number = profiler_step_of(event.find("name")->text);
    if (number && std::abs(begin) < 1e17 && dur >= 0) events_.steps.push_back({*number, begin, begin + dur});
  }

  /// Work belongs to the step in which it was launched: the device runs after the host. What nobody launched belongs to
  /// the step in which it began.
  void leave_out_other_steps() {
    const auto in_step = [&](double ts) {
      return std::any_of(events_.steps.begin(), events_.steps.end(),
                         [&](const ProfilerStep& s) { return s.number == *step_ && ts >= s.begin && ts < s.end; });
    };
    const std::size_t before = events_.work.size();
    const auto other = [&](const DeviceWork& work) {
      const auto launched = launched_at_.find(work.correlation);
      const bool known = work.correlation != 0 && launched != launched_at_.end();
      return !in_step(known ? launched->second : origin_ + static_cast<double>(work.start_ns) / 1e3);
    };
    events_.work.erase(std::remove_if(events_.work.begin(), events_.work.end(), other), events_.work.end());
    events_.left_out = before - events_.work.size();
    events_.operators.erase(std::remove_if(events_.operators.begin(), events_.operators.end(),
                                           [&](const HostOperator& one) { return !in_step(one.start); }),
                            events_.operators.end());
  }

  void launch(const LocatedJson& event) {
    const LocatedJson* args = event.find("args");
    if (args == nullptr) return;
    const std::int64_t key = integer_of(args->find("correlation"), -1), value = integer_of(external_id(*args), -1);
    const double at = real_of(event.find("ts"));
    if (step_ && key > 0 && !std::isnan(at)) launched_at_.emplace(static_cast<std::uint64_t>(key), at);
    if (key >= 0 && value >= 0)
      events_.external_of_correlation.emplace(static_cast<std::uint64_t>(key), static_cast<std::uint64_t>(value));
  }

  /// Microseconds to ns from the first event: since 1970 they leave little room behind the point.
  bool time(const LocatedJson& event, double dur, std::int64_t& start, std::int64_t& duration) {
    const double ts = real_of(event.find("ts"));
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

  /// Pairs of begin and end, the older form of an event: by thread, the last one that began ends first.
  void begin(const LocatedJson& event, Category kind) {
    if (kind == Category::kDevice || kind == Category::kCopy || kind == Category::kOperator || kind == Category::kStep)
      open_[thread_of(event)].push_back({event, kind});
    else
      open_[thread_of(event)].push_back({LocatedJson{}, Category::kOther});
  }

  void end(const LocatedJson& event) {
    std::vector<Open>& stack = open_[thread_of(event)];
    if (stack.empty()) {
      ++events_.unpaired;
      return;
    }
    const Open began = std::move(stack.back());
    stack.pop_back();
    if (began.kind == Category::kOperator) return operation(began.event);
    const double dur = real_of(event.find("ts")) - real_of(began.event.find("ts"));
    if (began.kind == Category::kStep) return profiler_step(began.event, dur);
    if (began.kind != Category::kOther) work(began.event, began.kind, dur);
  }

  static std::pair<std::string, std::string> thread_of(const LocatedJson& event) {
    return {text_of(event.find("pid")), text_of(event.find("tid"))};
  }

  /// Streams and devices are numbers, or words ("0x1234", "queue 2") that get numbers below all others.
  std::int64_t lane_of(const LocatedJson* value, std::int64_t otherwise) {
    if (value == nullptr || value->type == Type::kNull) return otherwise;
    if (value->type == Type::kInteger) return value->integer;
    if (value->type != Type::kString) return otherwise;
    std::int64_t number = 0;
    const char* const end = value->text.data() + value->text.size();
    const auto [after, error] = std::from_chars(value->text.data(), end, number);
    if (error == std::errc() && after == end) return number;
    const auto next = std::numeric_limits<std::int64_t>::min() + static_cast<std::int64_t>(lanes_.size());
    return lanes_.emplace(value->text, next).first->second;
  }

  void operation(const LocatedJson& event) {
    const LocatedJson* args = event.find("args");
    if (args == nullptr) return;
    HostOperator made;
    made.start = real_of(event.find("ts"));
    made.external = integer_of(external_id(*args), -1);
    made.record = integer_of(args->find("Record function id"), -1);
    made.name = name_of(event);
    if (made.external >= 0 && !std::isnan(made.start)) events_.operators.push_back(made);
  }

  void work(const LocatedJson& event, Category kind, double dur) {
    DeviceWork made;
    if (!time(event, dur, made.start_ns, made.duration_ns)) return;
    made.name = name_of(event);
    made.line = event.line;
    made.copy = kind == Category::kCopy || events_.names[made.name].rfind("dma", 0) == 0;
    made.stream = lane_of(event.find("tid"), 0);
    made.device = lane_of(event.find("pid"), 0);
    if (const LocatedJson* args = event.find("args")) {
      made.stream = lane_of(args->find("stream"), made.stream);
      made.device = lane_of(args->find("device"), made.device);
      made.external = static_cast<std::uint64_t>(std::max<std::int64_t>(integer_of(external_id(*args), 0), 0));
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
    made.uneven = uneven(text_of(args.find("In split size"))) || uneven(text_of(args.find("Out split size")));
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
    if (args->find("stream") == nullptr || args->find("wait_on_stream") == nullptr) return;
    made.stream = lane_of(args->find("stream"), -1);
    made.on_stream = lane_of(args->find("wait_on_stream"), -1);
    made.device = lane_of(args->find("device"), 0);
    made.event = integer_of(args->find("wait_on_cuda_event_record_corr_id"), 0);
    if (made.stream == -1 || made.on_stream == -1 || !time(event, 0, made.time_ns, ignored)) return;
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

  struct Open {
    LocatedJson event;
    Category kind = Category::kOther;
  };

  std::optional<std::int64_t> step_;  ///< that is read; none: all
  KinetoEvents events_;
  std::unordered_map<std::uint64_t, double> launched_at_;  ///< us, by correlation; where a step is chosen
  std::unordered_map<std::string, std::uint32_t> known_;
  std::unordered_map<std::string, std::int64_t> lanes_;
  std::map<std::pair<std::string, std::string>, std::vector<Open>> open_;
  double origin_ = 0;
  bool origin_known_ = false;
};

}  // namespace

std::optional<std::int64_t> profiler_step_of(const std::string& name) {
  constexpr std::string_view kWord = "ProfilerStep#";
  if (name.compare(0, kWord.size(), kWord) != 0) return std::nullopt;
  std::int64_t number = 0;
  const char* const end = name.data() + name.size();
  const auto [after, error] = std::from_chars(name.data() + kWord.size(), end, number);
  if (error != std::errc() || after != end || number < 0) return std::nullopt;
  return number;
}

std::string missing_step(std::int64_t step, const std::vector<std::int64_t>& known) {
  if (known.empty()) {
    return fmt::format(
        "found no ProfilerStep#N, expected ProfilerStep#{}; leave --step out, or record the trace with "
        "the profiler's step()",
        step);
  }
  return fmt::format("found the profiler's steps {}, expected {} among them; choose one of them for --step",
                     fmt::join(known, ", "), step);
}

KinetoEvents read_kineto_events(const std::string& bytes, const std::string& file, std::optional<std::int64_t> step,
                                Findings& findings) {
  Collector collector(step);
  LocatedJson rest;
  const std::size_t first = bytes.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  const bool list = first != std::string::npos && bytes[first] == '[';
  const std::size_t before = findings.lines().size();
  stream_json_list(
      bytes, file, list ? "" : "traceEvents", [&](const LocatedJson& event) { collector.take(event); }, rest, findings);
  KinetoEvents events = collector.finish(rest);
  std::vector<std::int64_t> known;
  for (const ProfilerStep& each : events.steps) known.push_back(each.number);
  if (step && findings.lines().size() == before && std::find(known.begin(), known.end(), *step) == known.end())
    findings.add("{}: {}", file, missing_step(*step, known));
  return events;
}

std::vector<OperatorTime> operator_times(const std::string& bytes, const std::string& file,
                                         std::optional<std::int64_t> step, std::int64_t& unlinked_ns,
                                         Findings& findings) {
  const KinetoEvents events = read_kineto_events(bytes, file, step, findings);
  std::vector<OperatorTime> times;
  std::unordered_map<std::int64_t, std::size_t> of_external;
  for (const HostOperator& one : events.operators) {
    // An operator that runs again in another thread or step has a number of its own; the first with it is meant.
    if (of_external.emplace(one.external, times.size()).second)
      times.push_back({events.names[one.name], one.record, 0});
  }
  unlinked_ns = 0;
  for (const DeviceWork& work : events.work) {
    const auto launched = events.external_of_correlation.find(work.correlation);
    const bool by_launch =
        work.external == 0 && work.correlation != 0 && launched != events.external_of_correlation.end();
    const auto found = of_external.find(static_cast<std::int64_t>(by_launch ? launched->second : work.external));
    (found == of_external.end() ? unlinked_ns : times[found->second].ns) += work.duration_ns;
  }
  return times;
}

}  // namespace dojo::workload::pytorch
