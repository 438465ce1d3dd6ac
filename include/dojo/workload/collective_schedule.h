// SPDX-License-Identifier: Apache-2.0
// A collective of one's own: what each member sends, receives, adds and copies, and the check that it is one.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "dojo/base/error.h"
#include "dojo/workload/op_kind.h"

namespace dojo::workload {

/// What one member does. It waits for the message it takes, and for earlier steps of its member that touch the same
/// slots; steps on other slots go on beside it.
struct CollectiveStep {
  enum class Kind : std::uint8_t {
    kSend,     ///< the slots go to `peer`
    kReceive,  ///< what `peer` sent comes into the slots
    kReduce,   ///< what `peer` sent is added to the slots
    kCopy      ///< what lies in the slots from `source` on lies in these too; it takes no time
  };
  Kind kind = Kind::kSend;
  std::uint32_t peer = 0;    ///< kSend: to whom; kReceive, kReduce: from whom
  std::uint32_t slot = 0;    ///< the first
  std::uint32_t slots = 1;   ///< one after another
  std::uint32_t source = 0;  ///< of a copy
};

/// The n-th send of one member to another is what the other's n-th receive or reduce from it takes.
///
/// What lies in a member's slots before, and has to lie there after, with `parts` parts and n members:
///   all_reduce, reduce   slot p: part p of its vector; after, at all or at the root: the sum of all members' part p
///   broadcast            slot p: part p of the root's vector, at the root; after: at all
///   reduce_scatter       slot m parts + p: part p of what is meant for member m; after, at m: its sum over all members
///   all_gather           slot m parts + p, at m: part p of its input; after, at all: of every m
///   all_to_all           slot m parts + p: part p of what is meant for m; after: slot (n + m) parts + p: what came
///                        from m. A member's own lies there from the beginning.
///   barrier              one slot: a signal; after: the signals of all members, added
/// Further slots are scratch.
struct CollectiveSchedule {
  std::uint32_t parts = 1;
  /// All of it is done for each of so many equal pieces of the bytes, which follow one another: messages pipeline.
  /// 0: 1, 2, 4, ... or 64, whichever a walk over the plan finds fastest.
  std::uint32_t chunks = 1;
  std::vector<std::vector<CollectiveStep>> steps;  ///< by member

  CollectiveSchedule() = default;
  explicit CollectiveSchedule(std::size_t members, std::uint32_t parts_of_vector = 1, std::uint32_t chunk_count = 1)
      : parts(parts_of_vector), chunks(chunk_count), steps(members) {}

  void send(std::uint32_t member, std::uint32_t to, std::uint32_t slot, std::uint32_t slots = 1) {
    steps.at(member).push_back({CollectiveStep::Kind::kSend, to, slot, slots, 0});
  }
  void receive(std::uint32_t member, std::uint32_t from, std::uint32_t slot, std::uint32_t slots = 1) {
    steps.at(member).push_back({CollectiveStep::Kind::kReceive, from, slot, slots, 0});
  }
  void reduce(std::uint32_t member, std::uint32_t from, std::uint32_t slot, std::uint32_t slots = 1) {
    steps.at(member).push_back({CollectiveStep::Kind::kReduce, from, slot, slots, 0});
  }
  void copy(std::uint32_t member, std::uint32_t source, std::uint32_t slot, std::uint32_t slots = 1) {
    steps.at(member).push_back({CollectiveStep::Kind::kCopy, member, slot, slots, source});
  }
};

/// What a schedule is to carry out.
struct CollectiveTask {
  OpKind kind = OpKind::kAllReduce;
  std::uint32_t members = 1, root = 0;
};

/// Of a step, into CollectiveOrder::steps.
using StepIndex = std::uint32_t;
/// A sound schedule's steps in an order in which each comes after all that it waits for.
struct CollectiveOrder {
  struct Step {
    std::uint32_t member = 0, number = 0;  ///< CollectiveSchedule::steps[member][number]
    std::vector<StepIndex> waits;          ///< for steps of the same member; each once
    StepIndex message = 0xffffffff;        ///< for the message of this one; 0xffffffff: none
    std::vector<std::uint32_t> units;      ///< by slot of a send or reduce: the piece of the vector, below unit_count()
  };
  std::vector<Step> steps;
  std::vector<StepIndex> order;  ///< of all steps
};
/// Pieces into which a task's bytes are cut: parts, or parts for each member.
[[nodiscard]] std::uint32_t unit_count(const CollectiveTask& task, std::uint32_t parts);

/// The steps in order, after a check that every message has its two ends, that none waits for itself, and that all
/// lies where it should at the end. A finding says which member and step, what was found and what was expected; they
/// begin with `name`. With findings the order is empty.
[[nodiscard]] CollectiveOrder check_schedule(const CollectiveSchedule& schedule, const CollectiveTask& task,
                                             const std::string& name, Findings& findings);

}  // namespace dojo::workload
