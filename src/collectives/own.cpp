// SPDX-License-Identifier: Apache-2.0
// From steps of send, receive, reduce and copy to items and edges. A message leaves with the item of the step that made
// what it carries, so that steps that only send need no items of their own.
#include "collectives/own.h"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <numeric>
#include <utility>

#include "collectives/common.h"
#include "dojo/base/error.h"
#include "dojo/base/stop_point.h"

namespace dojo::workload::collectives {
namespace {

using Kind = CollectiveStep::Kind;

/// Tried where a schedule leaves the number of chunks open.
constexpr std::int64_t kMostTried = 64;

/// Bytes of each unit of the vector (CollectiveOrder::Step::units).
std::vector<Bytes> unit_bytes(const CollectiveRequest& request, std::uint32_t parts) {
  const auto n = static_cast<std::int64_t>(request.members.size());
  const bool cut = request.kind == OpKind::kReduceScatter || request.kind == OpKind::kAllToAll;
  const std::int64_t blocks = cut || request.kind == OpKind::kAllGather ? n : 1;
  std::vector<Bytes> bytes;
  for (std::int64_t m = 0; m < blocks; ++m) {
    const Bytes block = cut ? piece_size(request.bytes, n, m) : request.bytes;
    for (std::int64_t p = 0; p < parts; ++p) bytes.push_back(piece_size(block, parts, p));
  }
  return bytes;
}

/// Messages of a schedule and how they go.
struct Messages {
  std::vector<Bytes> bytes;  ///< by step: what it sends, or adds
  Traffic traffic;
};

Messages messages_of(const CollectiveSchedule& schedule, const CollectiveOrder& order, const CollectiveRequest& request,
                     const topology::Topology& topology) {
  const std::vector<Bytes> units = unit_bytes(request, schedule.parts);
  Messages all;
  all.bytes.assign(order.steps.size(), 0);
  all.traffic.edges = 0;
  all.traffic.straight = true;
  // One chunk: a step begins when the whole message has come, so that stripes are worth it as for a ring.
  all.traffic.least_piece = schedule.chunks == 1 ? kSignalBytes : kMinPieceBytes;
  for (StepIndex i = 0; i < order.steps.size(); ++i) {
    const CollectiveOrder::Step& at = order.steps[i];
    for (const std::uint32_t unit : at.units) all.bytes[i] += units[unit];
    const CollectiveStep& step = schedule.steps[at.member][at.number];
    if (step.kind != Kind::kSend) continue;
    if (request.kind == OpKind::kBarrier) all.bytes[i] = kSignalBytes;
    Traffic& t = all.traffic;
    t.least_bytes = t.edges == 0 ? all.bytes[i] : std::min(t.least_bytes, all.bytes[i]);
    t.most_bytes = std::max(t.most_bytes, all.bytes[i]);
    t.straight = t.straight && works_straight(*request.members[at.member], *request.members[step.peer], topology);
    ++t.edges;
  }
  return all;
}

/// The items of a schedule: one for each step that takes or copies, one for each member's start where something waits
/// for that alone, and one for each send that waits for several.
class Items {
 public:
  Items(const CollectiveSchedule& schedule, const CollectiveOrder& order, const std::vector<Bytes>& bytes)
      : schedule_(schedule),
        order_(order),
        bytes_(bytes),
        builder_(static_cast<std::uint32_t>(schedule.steps.size())),
        item_(order.steps.size(), kNone),
        start_(schedule.steps.size(), kNone) {}

  const PlanBuilder& build() {
    const std::vector<bool> last = last_items();
    for (const StepIndex i : order_.order) add(i, last);
    std::vector<StepIndex> takes(order_.steps.size(), kNone);  // by step: what takes its message
    for (StepIndex i = 0; i < takes.size(); ++i)
      if (order_.steps[i].message != kNone) takes[order_.steps[i].message] = i;
    for (StepIndex i = 0; i < takes.size(); ++i)  // a member's messages in the order of its steps
      if (takes[i] != kNone) builder_.edge(item_[i], item_[takes[i]], bytes_[i]);
    for (std::uint32_t member = 0; member < start_.size(); ++member)
      if (!any_[member]) start_item(member, true);
    return builder_;
  }

 private:
  [[nodiscard]] Kind kind(StepIndex i) const {
    const CollectiveOrder::Step& at = order_.steps[i];
    return schedule_.steps[at.member][at.number].kind;
  }
  /// A send that is part of the item before it.
  [[nodiscard]] bool rides(StepIndex i) const { return kind(i) == Kind::kSend && order_.steps[i].waits.size() <= 1; }

  /// Steps with which a member is done: for the items of these no other of its items waits.
  std::vector<bool> last_items() {
    std::vector<bool> last(order_.steps.size(), true);
    any_.assign(schedule_.steps.size(), false);
    for (StepIndex i = 0; i < order_.steps.size(); ++i) {
      if (rides(i)) continue;
      for (const StepIndex other : order_.steps[i].waits) last[owner(other)] = false;
    }
    return last;
  }
  /// The step whose item a step is in; itself where it has one, or where that is the member's start.
  [[nodiscard]] StepIndex owner(StepIndex i) const {
    while (rides(i) && !order_.steps[i].waits.empty()) i = order_.steps[i].waits.front();
    return i;
  }

  std::uint32_t start_item(std::uint32_t member, bool finish) {
    if (start_[member] == kNone) start_[member] = builder_.item(member, {true, finish, 0});
    any_[member] = true;
    return start_[member];
  }

  void add(StepIndex i, const std::vector<bool>& last) {
    const CollectiveOrder::Step& at = order_.steps[i];
    if (rides(i)) {
      item_[i] = at.waits.empty() ? start_item(at.member, true) : item_[at.waits.front()];
      return;
    }
    PlanBuilder::Flags flags;
    flags.start = at.waits.empty();  // else what it waits for has started
    flags.finish = last[i];
    flags.combine_bytes = kind(i) == Kind::kReduce ? bytes_[i] : 0;
    item_[i] = builder_.item(at.member, flags);
    any_[at.member] = true;
    std::vector<std::uint32_t> before;
    for (const StepIndex other : at.waits) before.push_back(item_[other]);
    std::sort(before.begin(), before.end());
    before.erase(std::unique(before.begin(), before.end()), before.end());
    for (const std::uint32_t item : before) builder_.edge(item, item_[i], 0);
  }

  const CollectiveSchedule& schedule_;
  const CollectiveOrder& order_;
  const std::vector<Bytes>& bytes_;
  PlanBuilder builder_;
  std::vector<std::uint32_t> item_;   ///< by step
  std::vector<std::uint32_t> start_;  ///< by member: of what is sent at once
  std::vector<bool> any_;             ///< by member: it has an item
};

CollectiveCall call_of(const CollectiveRequest& request, const topology::Topology& topology) {
  CollectiveCall call;
  call.kind = request.kind;
  call.bytes = request.bytes;
  call.root = request.root;
  for (const Slice* slice : request.members)
    call.members.push_back({slice->first_site_row, slice->first_site_column, slice->shape->rows, slice->shape->columns,
                            slice->shape->node_count()});
  call.die_rows = topology.site_rows();
  call.die_columns = topology.site_columns();
  return call;
}

std::string what_text(const CollectiveRequest& request) {
  std::string text = fmt::format("{} of {} members", op_kind_name(request.kind), request.members.size());
  if (traits(request.kind).has(OpTraits::kHasRoot)) text += fmt::format(" with root {}", request.root);
  return text;
}

[[noreturn]] void refuse(const std::string& words) {
  throw Error(ExitCode::kInvalidInput, words);
}

/// What a plug-in does, its exceptions as errors of ours. Those of the project pass, and so does an end by the user.
template <class Function>
auto asked(const OwnCollective& own, Function&& function) {
  try {
    return function();
  } catch (const Error& e) {
    std::vector<std::string> lines = e.lines();
    for (std::string& line : lines) line = fmt::format("{}: collective \"{}\": {}", own.origin, own.name, line);
    throw Error(e.code(), lines);
  } catch (const Stopped&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    refuse(fmt::format("{}: collective \"{}\": found an exception ({}), expected a schedule", own.origin, own.name,
                       e.what()));
  } catch (...) {
    refuse(fmt::format("{}: collective \"{}\": found an exception of no known kind, expected a schedule", own.origin,
                       own.name));
  }
}

CollectiveSchedule schedule_by(const OwnCollective& own, const CollectiveRequest& request,
                               const topology::Topology& topology) {
  const CollectiveCall call = call_of(request, topology);
  const bool of_kind = std::find(own.kinds.begin(), own.kinds.end(), request.kind) != own.kinds.end();
  if (!of_kind || (own.serves && !asked(own, [&] { return own.serves(call); }))) {
    std::string kinds;
    for (const OpKind kind : own.kinds) kinds += (kinds.empty() ? "" : ", ") + std::string(op_kind_name(kind));
    refuse(fmt::format(
        "collective {}: algorithm \"{}\" of {} cannot serve {}, expected one that does ({}); name "
        "another, or none to choose by cost",
        op_kind_name(request.kind), own.name, own.origin, what_text(request), of_kind ? "other members" : kinds));
  }
  return asked(own, [&] { return own.steps(call); });
}

const CollectiveSchedule& schedule_in(Algorithm file, const CollectiveTask& task, const CollectiveRequest& request) {
  if (const CollectiveSchedule* found = schedule_for(file, task)) return *found;
  const std::vector<FileSchedule>* schedules = schedules_of(file);
  DOJO_CHECK(schedules != nullptr, "{} was not read", file_of(file));
  std::string known;
  for (const FileSchedule& each : *schedules) {
    known += fmt::format("{}{} of {}", known.empty() ? "" : ", ", op_kind_name(each.task.kind), each.task.members);
    if (traits(each.task.kind).has(OpTraits::kHasRoot)) known += fmt::format(" with root {}", each.task.root);
  }
  refuse(
      fmt::format("{}: found no schedule for {}, expected one; it has: {}", file_of(file), what_text(request), known));
}

/// How many chunks a walk chooses from: messages of tracks and pieces of stripes must not become too short.
std::vector<Cutting> cuttings_of(const Traffic& traffic, const Tracks& tracks) {
  const Bytes least = tracks.striped ? kMinPieceBytes : kMinMessageBytes;
  std::vector<Cutting> cuttings;
  for (std::int64_t chunks = 1; chunks <= kMostTried; chunks *= 2) {
    const bool short_messages = traffic.most_bytes / chunks < least * tracks.count();
    const bool many = traffic.edges * chunks * (tracks.striped ? 1 : tracks.count()) > kMaxMessages;
    if (chunks > 1 && (short_messages || many)) break;
    cuttings.push_back({static_cast<std::uint32_t>(chunks), 0});
  }
  return cuttings;
}

}  // namespace

BuiltPlan scheduled_plan(const std::string& name, const CollectiveSchedule& schedule, const CollectiveOrder& order,
                         const CollectiveRequest& request, const topology::Topology& topology) {
  const Messages messages = messages_of(schedule, order, request, topology);
  const Tracks tracks = choose_tracks(request, messages.traffic, topology);
  Items items(schedule, order, messages.bytes);
  BuiltPlan built;
  built.plan = items.build().build(name, tracks.striped ? std::vector<std::uint32_t>{0} : tracks.nodes,
                                   std::max<std::uint32_t>(schedule.chunks, 1));
  built.plan.striped = tracks.striped;
  if (schedule.chunks == 0) built.cuttings = cuttings_of(messages.traffic, tracks);
  return built;
}

BuiltPlan own_plan(Algorithm algorithm, const CollectiveRequest& request, const topology::Topology& topology) {
  const CollectiveTask task{request.kind, static_cast<std::uint32_t>(request.members.size()), request.root};
  const std::string name = algorithm_name(algorithm);
  const OwnCollective* own = own_collective(algorithm);
  CollectiveSchedule made;
  const CollectiveSchedule* schedule = &made;
  std::string who;
  if (own != nullptr) {
    made = schedule_by(*own, request, topology);
    who = fmt::format("{}: collective \"{}\", {}", own->origin, name, what_text(request));
  } else {
    schedule = &schedule_in(algorithm, task, request);
    who = fmt::format("{}: {}", name, what_text(request));
  }
  Findings findings;
  const CollectiveOrder order = check_schedule(*schedule, task, who, findings);
  findings.throw_if_any();
  const std::string shown = own != nullptr ? name : std::filesystem::path(name).filename().string();
  return scheduled_plan(shown, *schedule, order, request, topology);
}

}  // namespace dojo::workload::collectives
