// SPDX-License-Identifier: Apache-2.0
// Reads files of schedules of collectives, dojo.schedule/1 (docs/trace_format.md).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <utility>

#include "dojo/base/nearest.h"
#include "dojo/trace/trace.h"
#include "dojo/workload/own_algorithms.h"
#include "trace/file_bytes.h"
#include "trace/json_object.h"

namespace dojo::workload {
namespace {

using Kind = CollectiveStep::Kind;

constexpr const char* kScheduleFormat = "dojo.schedule/1";
constexpr std::int64_t kMostMembers = 1'000'000, kMostSlots = std::int64_t{1} << 22;

struct StepWord {
  const char* word;
  Kind kind;
};
constexpr std::array<StepWord, 4> kStepWords{
    {{"send", Kind::kSend}, {"receive", Kind::kReceive}, {"reduce", Kind::kReduce}, {"copy", Kind::kCopy}}};

class ScheduleReader {
 public:
  ScheduleReader(std::string file, Findings& findings) : file_(std::move(file)), findings_(findings) {}

  std::vector<FileSchedule> read(const std::string& text) {
    std::vector<FileSchedule> schedules;
    LocatedJson json;
    if (!parse_located_json(text, file_, json, findings_)) return schedules;
    JsonObject top(json, file_, "", findings_);
    std::string format;
    if (top.text("format", format, true) && format != kScheduleFormat) {
      top.report(*top.take("format"), "format", fmt::format("found '{}', expected '{}'", format, kScheduleFormat));
      return schedules;
    }
    if (const LocatedJson* list = top.take_list("schedules", true)) {
      if (list->items.empty()) top.report(*list, "schedules", "found no schedule, expected at least one; add it");
      for (std::size_t i = 0; i < list->items.size(); ++i)
        schedules.push_back(read_one(list->items[i], fmt::format("/schedules/{}", i)));
    }
    top.finish();
    return schedules;
  }

 private:
  FileSchedule read_one(const LocatedJson& value, const std::string& path) {
    const std::size_t before = findings_.lines().size();
    JsonObject object(value, file_, path, findings_);
    FileSchedule made;
    read_kind(object, made.task);
    std::int64_t ranks = 1, root = 0, parts = 1, chunks = 1;
    object.integer("ranks", ranks, 1, kMostMembers, true);
    if (traits(made.task.kind).has(OpTraits::kHasRoot)) object.integer("root", root, 0, ranks - 1);
    object.integer("parts", parts, 1, kMostSlots);
    object.integer("chunks", chunks, 0, kMostSlots);
    made.task.members = static_cast<std::uint32_t>(ranks);
    made.task.root = static_cast<std::uint32_t>(root);
    made.schedule.parts = static_cast<std::uint32_t>(parts);
    made.schedule.chunks = static_cast<std::uint32_t>(chunks);
    if (const LocatedJson* members = object.take_list("steps", true)) {
      for (std::size_t m = 0; m < members->items.size(); ++m)
        read_member(members->items[m], fmt::format("{}/steps/{}", path, m), made.schedule.steps.emplace_back());
    }
    object.finish();
    if (findings_.lines().size() == before)
      (void)check_schedule(made.schedule, made.task, fmt::format("{}:{}: {}", file_, value.line, path), findings_);
    return made;
  }

  void read_kind(JsonObject& object, CollectiveTask& task) {
    std::string word;
    if (!object.text("kind", word, true)) return;
    std::vector<std::string> known;
    for (const OpKind kind : kinds_of(OpFamily::kCollective)) {
      known.emplace_back(op_kind_name(kind));
      if (word == known.back()) {
        task.kind = kind;
        return;
      }
    }
    const std::string near = nearest(word, known);
    object.report(
        *object.take("kind"), "kind",
        fmt::format("found '{}', expected {}; correct it", word, near.empty() ? join_words(known) : "'" + near + "'"));
  }

  void read_member(const LocatedJson& value, const std::string& path, std::vector<CollectiveStep>& steps) {
    if (value.type != LocatedJson::Type::kArray) {
      findings_.add("{}:{}: {}: found {}, expected the list of a member's steps", file_, value.line, path,
                    describe_value(value));
      return;
    }
    for (std::size_t i = 0; i < value.items.size(); ++i)
      steps.push_back(read_step(value.items[i], fmt::format("{}/{}", path, i)));
  }

  CollectiveStep read_step(const LocatedJson& value, const std::string& path) {
    JsonObject object(value, file_, path, findings_);
    CollectiveStep step;
    std::size_t words = 0;
    std::int64_t number = 0, slot = 0, slots = 1;
    for (const StepWord& each : kStepWords) {
      if (!object.integer(each.word, number, 0, kMostSlots)) continue;
      ++words;
      step.kind = each.kind;
    }
    if (object.valid() && words != 1)
      object.report(value, "", fmt::format("found {} of send, receive, reduce and copy, expected one of them", words));
    object.integer("slot", slot, 0, kMostSlots, true);
    object.integer("slots", slots, 1, kMostSlots);
    object.finish();
    (step.kind == Kind::kCopy ? step.source : step.peer) = static_cast<std::uint32_t>(number);
    step.slot = static_cast<std::uint32_t>(slot);
    step.slots = static_cast<std::uint32_t>(slots);
    return step;
  }

  std::string file_;
  Findings& findings_;
};

}  // namespace

void read_schedule_files(const Workload& workload, std::optional<Algorithm> more, std::vector<std::string>* files_read,
                         Findings& findings) {
  std::set<Algorithm> algorithms;
  if (more) algorithms.insert(*more);
  for (const Graph& graph : workload.graphs)
    for (const Op& op : graph.ops)
      if (op.algorithm) algorithms.insert(*op.algorithm);
  for (const Algorithm algorithm : algorithms) {
    const std::string file = file_of(algorithm);
    if (file.empty()) continue;
    if (files_read != nullptr) files_read->push_back(file);
    if (schedules_of(algorithm) != nullptr) continue;
    const std::size_t before = findings.lines().size();
    std::vector<FileSchedule> schedules = ScheduleReader(file, findings).read(read_file_bytes(file));
    if (findings.lines().size() == before) add_schedules(algorithm, std::move(schedules));
  }
}

}  // namespace dojo::workload
