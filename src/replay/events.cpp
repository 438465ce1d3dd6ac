// SPDX-License-Identifier: Apache-2.0
// Reader of recordings: one JSON list of events; all that is wrong is said at once.
#include "dojo/replay/events.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>
#include <tuple>

#include "dojo/base/error.h"
#include "dojo/base/files.h"
#include "trace/located_json.h"

namespace dojo::replay {
namespace {

using workload::describe_value;
using workload::LocatedJson;
using Type = LocatedJson::Type;

constexpr std::uint64_t kLargestFile = std::uint64_t{256} << 20;
constexpr std::int64_t kLargestTransfer = std::int64_t{1} << 30, kLongest = std::int64_t{1} << 30;
constexpr std::size_t kMostFindings = 20;

struct KindText {
  const char* text;
  Event::Kind kind;
  bool of_reads;
};
constexpr std::array<KindText, 6> kKinds{{{"READ", Event::Kind::kRead, true},
                                          {"WRITE", Event::Kind::kWrite, false},
                                          {"READ_BARRIER_START", Event::Kind::kBarrier, true},
                                          {"READ_BARRIER_END", Event::Kind::kBarrierEnd, true},
                                          {"WRITE_BARRIER_START", Event::Kind::kBarrier, false},
                                          {"WRITE_BARRIER_END", Event::Kind::kBarrierEnd, false}}};

std::string kinds() {
  std::string all;
  for (const KindText& kind : kKinds) all += (all.empty() ? "" : ", ") + std::string(kind.text);
  return all;
}

/// An event with its absolute time and its line in the file.
struct Found {
  Event event;
  std::int64_t timestamp = 0;
  std::uint32_t line = 0;
};

class Reader {
 public:
  Reader(const std::string& file, const Bounds& bounds) : file_(file), bounds_(bounds) {}

  void add(const LocatedJson& item) {
    if (findings_.lines().size() >= kMostFindings) return;
    if (item.type != Type::kObject) {
      findings_.add(
          "{}:{}: found {}, expected an event, as {{\"proc\": ..., \"sx\": 1, \"sy\": 1, \"type\": "
          "\"READ\", ...}}",
          file_, item.line, describe_value(item));
      return;
    }
    const LocatedJson* type = item.find("type");
    if (type == nullptr && item.find("zone") != nullptr) return;  // a mark of the kernel, and no event of the network
    const KindText* kind = nullptr;
    for (const KindText& one : kKinds) {
      if (type != nullptr && type->type == Type::kString && type->text == one.text) kind = &one;
    }
    if (kind == nullptr) {
      findings_.add("{}:{}: type: found {}, expected one of {}; other events cannot be replayed", file_, item.line,
                    type == nullptr ? "none" : describe_value(*type), kinds());
      return;
    }
    Found found;
    found.line = item.line;
    found.event.kind = kind->kind;
    found.event.of_reads = kind->of_reads;
    const bool transfer = kind->kind == Event::Kind::kRead || kind->kind == Event::Kind::kWrite;
    const std::int64_t x = integer(item, "sx", 0, bounds_.columns - 1), y = integer(item, "sy", 0, bounds_.rows - 1);
    found.timestamp = integer(item, "timestamp", 0, std::numeric_limits<std::int64_t>::max());
    if (transfer) {
      found.event.peer.x = static_cast<std::int32_t>(integer(item, "dx", 0, bounds_.columns - 1));
      found.event.peer.y = static_cast<std::int32_t>(integer(item, "dy", 0, bounds_.rows - 1));
      found.event.bytes = integer(item, "num_bytes", 1, kLargestTransfer);
      found.event.network = network(item);
    }
    const LocatedJson* name = item.find("proc");
    if (name == nullptr || name->type != Type::kString || name->text.empty()) {
      findings_.add("{}:{}: proc: found {}, expected the name of a processor, as \"BRISC\"", file_, item.line,
                    name == nullptr ? "none" : describe_value(*name));
      return;
    }
    by_processor_[{y, x, name->text}].push_back(found);
  }

  Recording finish() {
    Recording recording;
    recording.file = file_;
    std::int64_t first = std::numeric_limits<std::int64_t>::max();
    for (const auto& [key, events] : by_processor_) {
      for (const Found& found : events) first = std::min(first, found.timestamp);
    }
    for (auto& [key, events] : by_processor_) add_processor(key, events, first, recording);
    if (findings_.empty() && recording.transfers == 0)
      findings_.add("{}: found no READ and no WRITE, expected at least one", file_);
    findings_.throw_if_any();
    return recording;
  }
  Findings& findings() { return findings_; }

 private:
  using Key = std::tuple<std::int64_t, std::int64_t, std::string>;

  std::int64_t integer(const LocatedJson& item, const char* key, std::int64_t least, std::int64_t most) {
    const LocatedJson* value = item.find(key);
    if (value != nullptr && value->type == Type::kInteger && value->integer >= least && value->integer <= most)
      return value->integer;
    findings_.add("{}:{}: {}: found {}, expected {}", file_, value != nullptr ? value->line : item.line, key,
                  value == nullptr ? "none" : describe_value(*value),
                  most == std::numeric_limits<std::int64_t>::max()
                      ? std::string("a number of cycles of 0 or more")
                      : fmt::format("a number from {} to {}", least, most));
    return least;
  }

  std::uint8_t network(const LocatedJson& item) {
    const LocatedJson* value = item.find("noc");
    for (std::int64_t i = 0; value != nullptr && i < bounds_.networks; ++i) {
      if (value->type == Type::kString && value->text == "NOC_" + std::to_string(i))
        return static_cast<std::uint8_t>(i);
    }
    findings_.add("{}:{}: noc: found {}, expected \"NOC_0\"{}, because machine.noc.networks is {}", file_, item.line,
                  value == nullptr ? "none" : describe_value(*value), bounds_.networks > 1 ? " or \"NOC_1\"" : "",
                  bounds_.networks);
    return 0;
  }

  /// Barriers come in pairs, with nothing between start and end.
  void add_processor(const Key& key, std::vector<Found>& events, std::int64_t first, Recording& recording) {
    std::stable_sort(events.begin(), events.end(),
                     [](const Found& a, const Found& b) { return a.timestamp < b.timestamp; });
    Processor processor;
    processor.at = {static_cast<std::int32_t>(std::get<1>(key)), static_cast<std::int32_t>(std::get<0>(key))};
    processor.name = std::get<2>(key);
    const Found* open = nullptr;
    for (Found& found : events) {
      Event& event = found.event;
      if (found.timestamp - first > kLongest) {
        findings_.add("{}:{}: timestamp: found {} cycles after the file's first event, expected at most {}", file_,
                      found.line, found.timestamp - first, kLongest);
        return;
      }
      event.time = found.timestamp - first;
      const bool ends = event.kind == Event::Kind::kBarrierEnd;
      if (ends != (open != nullptr) || (ends && open->event.of_reads != event.of_reads)) {
        findings_.add("{}:{}: found {} of {} at ({}, {}), expected {}", file_, found.line, text_of(event),
                      processor.name, processor.at.x, processor.at.y,
                      open != nullptr ? "the end of the barrier of line " + std::to_string(open->line)
                                      : std::string("a start of this barrier before it"));
        return;
      }
      open = event.kind == Event::Kind::kBarrier ? &found : nullptr;
      if (event.bytes != 0) {
        ++recording.transfers;
        recording.bytes += event.bytes;
      }
      processor.events.push_back(event);
    }
    if (open != nullptr) {
      findings_.add("{}:{}: found a barrier of {} at ({}, {}) that never ends, expected its end", file_, open->line,
                    processor.name, processor.at.x, processor.at.y);
    }
    recording.processors.push_back(std::move(processor));
  }

  static const char* text_of(const Event& event) {
    for (const KindText& kind : kKinds) {
      if (kind.kind == event.kind && kind.of_reads == event.of_reads) return kind.text;
    }
    return "an event";
  }

  const std::string& file_;
  const Bounds bounds_;
  std::map<Key, std::vector<Found>> by_processor_;
  Findings findings_;
};

}  // namespace

Recording read_recording(const std::string& file, const Bounds& bounds) {
  const std::string text = read_file(file, kLargestFile);
  Reader reader(file, bounds);
  LocatedJson rest;
  workload::stream_json_list(
      text, file, "", [&](const LocatedJson& item) { reader.add(item); }, rest, reader.findings());
  return reader.finish();
}

}  // namespace dojo::replay
