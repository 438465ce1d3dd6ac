// SPDX-License-Identifier: Apache-2.0
// The check of a collective's schedule: ends of messages, order of steps, and what lies where at the end.
#include "dojo/workload/collective_schedule.h"

#include <algorithm>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>

#include "dojo/base/types.h"

namespace dojo::workload {
namespace {

using Kind = CollectiveStep::Kind;

/// Of a schedule: what one check can hold.
constexpr std::size_t kMostSteps = 1'000'000;
constexpr std::uint32_t kMostSlots = 1U << 22, kMostChunks = 4096;
/// Slots that all steps touch, and those that hold something at the beginning.
constexpr std::uint64_t kMostTouched = 10'000'000;
/// For which one step waits: an item of a plan counts to 65,535.
constexpr std::size_t kMostWaits = 60'000;
/// Findings of one kind that are said.
constexpr std::size_t kMostSaid = 5;
/// Steps of a circle that are named.
constexpr std::size_t kMostNamed = 6;

bool has_blocks(OpKind kind) {
  return kind == OpKind::kReduceScatter || kind == OpKind::kAllGather || kind == OpKind::kAllToAll;
}
bool is_sum(OpKind kind) {
  return kind == OpKind::kAllReduce || kind == OpKind::kReduce || kind == OpKind::kReduceScatter ||
         kind == OpKind::kBarrier;
}

/// Members whose piece is in a sum. Shared by all slots that hold the same.
using Members = std::shared_ptr<const std::vector<std::uint64_t>>;

/// What lies in a slot.
struct Content {
  std::uint32_t unit = 0;
  Members of;  ///< none: nothing lies there
};

std::string slots_text(std::uint32_t first, std::uint32_t count) {
  return count == 1 ? fmt::format("slot {}", first) : fmt::format("slots {} to {}", first, first + count - 1);
}

std::string step_text(const CollectiveStep& step) {
  const std::string slots = slots_text(step.slot, step.slots);
  switch (step.kind) {
    case Kind::kSend:
      return fmt::format("send of {} to member {}", slots, step.peer);
    case Kind::kReceive:
      return fmt::format("receive of {} from member {}", slots, step.peer);
    case Kind::kReduce:
      return fmt::format("reduce of {} from member {}", slots, step.peer);
    case Kind::kCopy:
      return fmt::format("copy of {} to {}", slots_text(step.source, step.slots), slots);
  }
  return "?";
}

class Check {
 public:
  Check(const CollectiveSchedule& schedule, const CollectiveTask& task, const std::string& name, Findings& findings)
      : schedule_(schedule), task_(task), name_(name), findings_(findings) {}

  CollectiveOrder order() {
    for (const auto stage : {&Check::check_numbers, &Check::match_messages, &Check::find_waits, &Check::sort,
                             &Check::follow_contents, &Check::check_end}) {
      (this->*stage)();
      if (found_ == 0) continue;
      if (found_ > kMostSaid) findings_.add("{}: and {} more findings", name_, found_ - kMostSaid);
      return {};
    }
    return std::move(result_);
  }

 private:
  using Slots = std::unordered_map<std::uint32_t, Content>;

  template <class... Args>
  void say(fmt::format_string<Args...> text, Args&&... args) {
    if (++found_ <= kMostSaid) findings_.add_line(name_ + ": " + fmt::format(text, std::forward<Args>(args)...));
  }
  [[nodiscard]] const CollectiveStep& step(StepIndex i) const {
    const CollectiveOrder::Step& s = result_.steps[i];
    return schedule_.steps[s.member][s.number];
  }
  [[nodiscard]] std::string place(StepIndex i) const {
    return fmt::format("member {}, step {} ({})", result_.steps[i].member, result_.steps[i].number, step_text(step(i)));
  }

  /// A piece of the vector, of what is meant for a member, or of a member's input.
  [[nodiscard]] std::string unit_text(std::uint32_t unit) const {
    return has_blocks(task_.kind) ? fmt::format("part {} of block {}", unit % schedule_.parts, unit / schedule_.parts)
                                  : fmt::format("part {}", unit);
  }

  void check_numbers();
  void match_messages();
  void find_waits();
  void sort();
  void say_circle(const std::vector<std::uint32_t>& left);
  void follow_contents();
  bool take_slots(StepIndex i, std::uint32_t first, std::vector<Content>& taken);
  bool add(StepIndex i, std::uint32_t slot, Content& there, const Content& come);
  void check_end();
  void fill_start();
  [[nodiscard]] std::string missing(const Content& content) const;

  const CollectiveSchedule& schedule_;
  const CollectiveTask& task_;
  const std::string& name_;
  Findings& findings_;
  std::size_t found_ = 0;
  CollectiveOrder result_;
  std::vector<Slots> slots_;  ///< by member
  std::vector<Members> own_;  ///< by member: itself alone
};

void Check::check_numbers() {
  const std::size_t members = task_.members;
  if (schedule_.steps.size() != members)
    say("found steps of {} members, expected of {}", schedule_.steps.size(), members);
  if (schedule_.parts < 1 || unit_count(task_, schedule_.parts) > kMostSlots / 2)
    say("found {} parts, expected from 1 to {}", schedule_.parts,
        kMostSlots / 2 / (has_blocks(task_.kind) ? task_.members : 1));
  if (task_.kind == OpKind::kBarrier && schedule_.parts != 1)
    say("found {} parts of a barrier, expected 1: it has one signal", schedule_.parts);
  if (schedule_.chunks > kMostChunks) say("found {} chunks, expected at most {}", schedule_.chunks, kMostChunks);
  std::size_t count = 0;
  for (const auto& steps : schedule_.steps) count += steps.size();
  if (count > kMostSteps) say("found {} steps, expected at most {}", count, kMostSteps);
  const std::uint64_t held = std::uint64_t{unit_count(task_, schedule_.parts)} * members;
  if (found_ == 0 && held > kMostTouched)
    say("found {} slots with something in them before, expected at most {}; use fewer parts", held, kMostTouched);
  if (found_ > 0) return;
  std::uint64_t touched = 0;
  for (std::uint32_t member = 0; member < members; ++member) {
    for (std::uint32_t number = 0; number < schedule_.steps[member].size(); ++number) {
      const CollectiveStep& s = schedule_.steps[member][number];
      const auto where = [&] { return fmt::format("member {}, step {} ({})", member, number, step_text(s)); };
      const auto fits = [&](std::uint32_t first) { return first < kMostSlots && s.slots <= kMostSlots - first; };
      if (s.slots < 1 || !fits(s.slot) || (s.kind == Kind::kCopy && !fits(s.source)))
        say("{}: found {} slots from {} on, expected 1 or more below {}", where(), s.slots, s.slot, kMostSlots);
      if (s.kind != Kind::kCopy && (s.peer >= members || s.peer == member))
        say("{}: found member {}, expected another one from 0 to {}", where(), s.peer, members - 1);
      touched += s.slots;
      result_.steps.push_back({member, number, {}, kNone, {}});
    }
  }
  if (touched > kMostTouched) say("found steps on {} slots in all, expected at most {}", touched, kMostTouched);
}

void Check::match_messages() {
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::pair<std::vector<StepIndex>, std::vector<StepIndex>>> ends;
  for (StepIndex i = 0; i < result_.steps.size(); ++i) {
    const CollectiveStep& s = step(i);
    const std::uint32_t member = result_.steps[i].member;
    if (s.kind == Kind::kSend) ends[{member, s.peer}].first.push_back(i);
    if (s.kind == Kind::kReceive || s.kind == Kind::kReduce) ends[{s.peer, member}].second.push_back(i);
  }
  for (const auto& [pair, both] : ends) {
    const auto& [sends, takes] = both;
    if (sends.size() > takes.size()) {
      say("{}: found a message that nobody takes, expected as many receives and reduces from member {} at member {} "
          "as it sends: {}",
          place(sends[takes.size()]), pair.first, pair.second, sends.size());
    } else if (takes.size() > sends.size()) {
      say("{}: found nothing that member {} sends for it, expected as many sends to member {} as it takes: {}",
          place(takes[sends.size()]), pair.first, pair.second, takes.size());
    }
    for (std::size_t i = 0; i < std::min(sends.size(), takes.size()); ++i) {
      if (step(sends[i]).slots != step(takes[i]).slots)
        say("{}: found a message of {}, expected {} as in {}", place(takes[i]),
            slots_text(step(sends[i]).slot, step(sends[i]).slots), step(takes[i]).slots, place(sends[i]));
      result_.steps[takes[i]].message = sends[i];
    }
  }
}

/// A step that writes a slot comes after all that touched it; one that reads it, after the one that wrote it.
void Check::find_waits() {
  struct Touched {
    StepIndex writer = kNone;
    std::vector<StepIndex> readers;
  };
  std::unordered_map<std::uint32_t, Touched> touched;
  std::uint32_t member = kNone;
  for (StepIndex i = 0; i < result_.steps.size(); ++i) {
    CollectiveOrder::Step& here = result_.steps[i];
    if (here.member != member) touched.clear();
    member = here.member;
    const CollectiveStep& s = step(i);
    const auto wait_for = [&](StepIndex other) {
      if (other != kNone && other != i) here.waits.push_back(other);
    };
    if (s.kind == Kind::kSend || s.kind == Kind::kCopy) {
      const std::uint32_t first = s.kind == Kind::kCopy ? s.source : s.slot;
      for (std::uint32_t slot = first; slot < first + s.slots; ++slot) {
        wait_for(touched[slot].writer);
        touched[slot].readers.push_back(i);
      }
    }
    if (s.kind != Kind::kSend) {
      for (std::uint32_t slot = s.slot; slot < s.slot + s.slots; ++slot) {
        Touched& at = touched[slot];
        wait_for(at.writer);
        for (const StepIndex reader : at.readers) wait_for(reader);
        at = {i, {}};
      }
    }
    std::sort(here.waits.begin(), here.waits.end());
    here.waits.erase(std::unique(here.waits.begin(), here.waits.end()), here.waits.end());
    if (here.waits.size() > kMostWaits)
      say("{}: found a step that waits for {} others, expected at most {}; take fewer slots at a time", place(i),
          here.waits.size(), kMostWaits);
  }
}

void Check::sort() {
  const std::size_t count = result_.steps.size();
  std::vector<std::uint32_t> left(count, 0);
  std::vector<std::vector<StepIndex>> after(count);
  for (StepIndex i = 0; i < count; ++i) {
    const CollectiveOrder::Step& s = result_.steps[i];
    left[i] = static_cast<std::uint32_t>(s.waits.size()) + (s.message != kNone ? 1 : 0);
    for (const StepIndex other : s.waits) after[other].push_back(i);
    if (s.message != kNone) after[s.message].push_back(i);
  }
  std::vector<StepIndex>& order = result_.order;
  for (StepIndex i = 0; i < count; ++i)
    if (left[i] == 0) order.push_back(i);
  for (std::size_t at = 0; at < order.size(); ++at) {
    for (const StepIndex next : after[order[at]])
      if (--left[next] == 0) order.push_back(next);
  }
  if (order.size() < count) say_circle(left);
}

/// From a step that is left over back along what it waits for, until one comes again.
void Check::say_circle(const std::vector<std::uint32_t>& left) {
  const auto before = [&](StepIndex i) {
    const CollectiveOrder::Step& s = result_.steps[i];
    if (s.message != kNone && left[s.message] > 0) return s.message;
    return *std::find_if(s.waits.begin(), s.waits.end(), [&](StepIndex other) { return left[other] > 0; });
  };
  std::vector<bool> seen(left.size(), false);
  auto at = static_cast<StepIndex>(std::find_if(left.begin(), left.end(), [](std::uint32_t n) { return n > 0; }) -
                                   left.begin());
  while (!seen[at]) {
    seen[at] = true;
    at = before(at);
  }
  std::string text = place(at);
  std::size_t named = 1;
  StepIndex next = before(at);
  for (; next != at; next = before(next), ++named)
    if (named < kMostNamed) text += " waits for " + place(next);
  if (named > kMostNamed) text += fmt::format(" and so on for {} steps", named - kMostNamed);
  say("found a deadlock, expected steps that do not wait for themselves: {} waits for the first", text);
}

void Check::fill_start() {
  const std::uint32_t n = task_.members, parts = schedule_.parts;
  slots_.resize(n);
  for (std::uint32_t m = 0; m < n; ++m) {
    auto alone = std::make_shared<std::vector<std::uint64_t>>(ceil_div<std::size_t>(n, 64), 0);
    (*alone)[m / 64] |= std::uint64_t{1} << (m % 64);
    own_.push_back(std::move(alone));
    const std::uint32_t units = unit_count(task_, parts);
    const bool gathers = task_.kind == OpKind::kAllGather;
    if (task_.kind == OpKind::kBroadcast && m != task_.root) continue;
    for (std::uint32_t u = gathers ? m * parts : 0; u < (gathers ? (m + 1) * parts : units); ++u)
      slots_[m][u] = {u, own_[m]};
    for (std::uint32_t p = 0; task_.kind == OpKind::kAllToAll && p < parts; ++p)
      slots_[m][(n + m) * parts + p] = {m * parts + p, own_[m]};
  }
}

bool Check::take_slots(StepIndex i, std::uint32_t first, std::vector<Content>& taken) {
  const CollectiveStep& s = step(i);
  const Slots& slots = slots_[result_.steps[i].member];
  for (std::uint32_t slot = first; slot < first + s.slots; ++slot) {
    const auto found = slots.find(slot);
    if (found == slots.end()) {
      say("{}: found nothing in slot {}, expected what is sent, added or copied to lie there before", place(i), slot);
      return false;
    }
    taken.push_back(found->second);
    result_.steps[i].units.push_back(found->second.unit);
  }
  return true;
}

bool Check::add(StepIndex i, std::uint32_t slot, Content& there, const Content& come) {
  if (!is_sum(task_.kind)) {
    say("{}: found a reduce of {}, expected receives: it has no sum", place(i), op_kind_name(task_.kind));
    return false;
  }
  if (there.unit != come.unit) {
    say("{}: found {} in slot {} and {} in what comes, expected the same part", place(i), unit_text(there.unit), slot,
        unit_text(come.unit));
    return false;
  }
  auto sum = std::make_shared<std::vector<std::uint64_t>>(*there.of);
  for (std::size_t word = 0; word < sum->size(); ++word) {
    if (((*sum)[word] & (*come.of)[word]) != 0) {
      const std::uint64_t both = (*sum)[word] & (*come.of)[word];
      std::size_t bit = 0;
      while (((both >> bit) & 1) == 0) ++bit;
      say("{}: found member {}'s {} in slot {} and in what comes, expected each member's to be added once", place(i),
          word * 64 + bit, unit_text(come.unit), slot);
      return false;
    }
    (*sum)[word] |= (*come.of)[word];
  }
  there.of = std::move(sum);
  return true;
}

void Check::follow_contents() {
  fill_start();
  std::unordered_map<StepIndex, std::vector<Content>> sent;
  for (const StepIndex i : result_.order) {
    const CollectiveStep& s = step(i);
    Slots& slots = slots_[result_.steps[i].member];
    std::vector<Content> come;
    if (s.kind == Kind::kSend) {
      if (!take_slots(i, s.slot, sent[i])) return;
      continue;
    }
    if (s.kind == Kind::kCopy) {
      if (!take_slots(i, s.source, come)) return;
    } else {
      const auto message = sent.find(result_.steps[i].message);
      come = std::move(message->second);
      sent.erase(message);
    }
    if (s.kind == Kind::kReduce) {
      std::vector<Content> there;
      if (!take_slots(i, s.slot, there)) return;
      for (std::uint32_t k = 0; k < s.slots; ++k) {
        if (!add(i, s.slot + k, there[k], come[k])) return;
        slots[s.slot + k] = there[k];
      }
    } else {
      for (std::uint32_t k = 0; k < s.slots; ++k) slots[s.slot + k] = come[k];
    }
  }
}

std::string Check::missing(const Content& content) const {
  std::string text;
  std::size_t count = 0;
  for (std::uint32_t m = 0; m < task_.members; ++m) {
    if (((*content.of)[m / 64] >> (m % 64) & 1) != 0) continue;
    if (++count <= kMostNamed) text += (text.empty() ? "" : ", ") + std::to_string(m);
  }
  return count <= kMostNamed ? text : fmt::format("{} and {} more", text, count - kMostNamed);
}

void Check::check_end() {
  const std::uint32_t n = task_.members, parts = schedule_.parts;
  const auto expect = [&](std::uint32_t member, std::uint32_t slot, std::uint32_t unit, std::uint32_t of) {
    const auto found = slots_[member].find(slot);
    const std::string wanted = of == kNone ? fmt::format("the sum of all members' {}", unit_text(unit))
                                           : fmt::format("member {}'s {}", of, unit_text(unit));
    if (found == slots_[member].end()) {
      say("it is not complete: found nothing in slot {} of member {} at the end, expected {}", slot, member, wanted);
    } else if (found->second.unit != unit) {
      say("it is not complete: found {} in slot {} of member {} at the end, expected {}", unit_text(found->second.unit),
          slot, member, wanted);
    } else if (of == kNone && !missing(found->second).empty()) {
      say("it is not complete: found a sum without member {} in slot {} of member {} at the end, expected {}",
          missing(found->second), slot, member, wanted);
    } else if (of != kNone && *found->second.of != *own_[of]) {
      say("it is not complete: found another member's {} in slot {} of member {} at the end, expected {}",
          unit_text(unit), slot, member, wanted);
    }
  };
  for (std::uint32_t m = 0; m < n; ++m) {
    if (task_.kind == OpKind::kReduce && m != task_.root) continue;
    const bool scatters = task_.kind == OpKind::kReduceScatter;
    const std::uint32_t units = unit_count(task_, parts);
    if (task_.kind == OpKind::kAllToAll) {
      for (std::uint32_t from = 0; from < n; ++from)
        for (std::uint32_t p = 0; p < parts; ++p) expect(m, (n + from) * parts + p, m * parts + p, from);
      continue;
    }
    for (std::uint32_t u = scatters ? m * parts : 0; u < (scatters ? (m + 1) * parts : units); ++u) {
      const std::uint32_t of = task_.kind == OpKind::kAllGather   ? u / parts
                               : task_.kind == OpKind::kBroadcast ? task_.root
                                                                  : kNone;
      expect(m, u, u, of);
    }
  }
}

}  // namespace

std::uint32_t unit_count(const CollectiveTask& task, std::uint32_t parts) {
  const std::uint64_t count = std::uint64_t{parts} * (has_blocks(task.kind) ? task.members : 1);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(count, kNone));
}

CollectiveOrder check_schedule(const CollectiveSchedule& schedule, const CollectiveTask& task, const std::string& name,
                               Findings& findings) {
  return Check(schedule, task, name, findings).order();
}

}  // namespace dojo::workload
