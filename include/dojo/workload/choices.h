// SPDX-License-Identifier: Apache-2.0
// What a config, or an operation of a trace, may choose about a workload: one table of words for each choice.
#pragma once
#include <array>
#include <cstdint>

#include "dojo/schema/enum_text.h"

namespace dojo::workload {

/// The part of the machine that a rank's slice is a multiple of.
enum class PlacementUnit : std::uint8_t { kNode, kDie, kTile, kTray };
constexpr std::array<schema::EnumEntry<PlacementUnit>, 4> enum_entries(PlacementUnit) {
  return {{{PlacementUnit::kNode, "node", "D1 nodes"},
           {PlacementUnit::kDie, "die", "whole dies"},
           {PlacementUnit::kTile, "tile", "whole training tiles"},
           {PlacementUnit::kTray, "tray", "whole system trays"}}};
}

/// Way of a message between two ranks.
enum class SendRoute : std::uint8_t { kMesh, kZplane, kFastest };
constexpr std::array<schema::EnumEntry<SendRoute>, 3> enum_entries(SendRoute) {
  return {{{SendRoute::kMesh, "mesh", "over dies and their edges"},
           {SendRoute::kZplane, "zplane", "over the DIPs and their Ethernet switches"},
           {SendRoute::kFastest, "fastest", "whichever the cost model finds faster"}}};
}

/// What happens when the SRAM of a node is too small for a rank's tensors.
enum class CapacityPolicy : std::uint8_t { kRecomputeThenSpill, kSpill, kFail, kStream };
constexpr std::array<schema::EnumEntry<CapacityPolicy>, 4> enum_entries(CapacityPolicy) {
  return {
      {{CapacityPolicy::kRecomputeThenSpill, "recompute_then_spill", "cheap operations are repeated, then as spill"},
       {CapacityPolicy::kSpill, "spill", "tensors go to DIP HBM and come back"},
       {CapacityPolicy::kFail, "fail", "the job is refused"},
       {CapacityPolicy::kStream, "stream",
        "weights, optimizer state and activations lie in DIP HBM and are loaded ahead of their use"}}};
}

/// Where the time of an operation comes from.
enum class Replay : std::uint8_t { kShapes, kRoofline, kRecorded };
constexpr std::array<schema::EnumEntry<Replay>, 3> enum_entries(Replay) {
  return {{{Replay::kShapes, "shapes", "its shape, where it has one"},
           {Replay::kRoofline, "roofline", "its FLOP and bytes"},
           {Replay::kRecorded, "recorded", "its recorded duration; without one as shapes"}}};
}

/// The rule by which an optimizer updates its parameters.
enum class OptimizerRule : std::uint8_t { kSgd, kMomentum, kAdam, kLars };
constexpr std::array<schema::EnumEntry<OptimizerRule>, 4> enum_entries(OptimizerRule) {
  return {{{OptimizerRule::kSgd, "sgd", "gradient descent with weight decay"},
           {OptimizerRule::kMomentum, "momentum", "the same with momentum"},
           {OptimizerRule::kAdam, "adam", "first and second moments, corrected; decoupled weight decay"},
           {OptimizerRule::kLars, "lars", "momentum at a rate that norms of weights and gradients set"}}};
}
/// What a rule needs of a parameter where a trace does not say it.
struct OptimizerNeeds {
  std::int64_t state_bytes;   ///< FP32 master weight and moments
  std::int64_t vector_flops;  ///< of an update
  bool norms;                 ///< weights and gradients are read once more before, for the sums of their squares
};
constexpr OptimizerNeeds needs_of(OptimizerRule rule) {
  // Weight decay and update are 2 FLOP each, a momentum 2, each of Adam's moments 3 and 4, their correction 2, root 4
  // and division 4 (assumed), LARS's two sums of squares 4.
  switch (rule) {
    case OptimizerRule::kSgd:
      return {4, 4, false};
    case OptimizerRule::kMomentum:
      return {8, 6, false};
    case OptimizerRule::kAdam:
      return {12, 21, false};
    case OptimizerRule::kLars:
      return {8, 10, true};
  }
  return {};
}

/// Order of the parts of a batch on a stage of a pipeline.
enum class PipelineSchedule : std::uint8_t { kGPipe, k1F1B };
constexpr std::array<schema::EnumEntry<PipelineSchedule>, 2> enum_entries(PipelineSchedule) {
  return {
      {{PipelineSchedule::kGPipe, "gpipe", "all forward passes, then all backward passes"},
       {PipelineSchedule::k1F1B, "1f1b", "forward passes that fill the pipeline, then a backward pass after each"}}};
}

/// How a collective is carried out: one file each in src/collectives.
enum class Algorithm : std::uint8_t { kCombs, kDirect, kMesh2d, kRing, kTree, kZplane };
constexpr std::array<schema::EnumEntry<Algorithm>, 6> enum_entries(Algorithm) {
  return {{{Algorithm::kCombs, "combs", "a full grid of members: trees along all its rows and all its columns at once"},
           {Algorithm::kDirect, "direct", "every member sends to every other one without a stop"},
           {Algorithm::kMesh2d, "mesh2d",
            "a full grid of members: rings along its rows, then lines or rings along its columns"},
           {Algorithm::kRing, "ring", "parts go around the members in rank order, the closing edge included"},
           {Algorithm::kTree, "tree", "pipelined reduction up and broadcast down a tree of neighbouring slices"},
           {Algorithm::kZplane, "zplane",
            "trees on the mesh towards each DIP, then a flat tree between DIPs over their Ethernet"}}};
}

}  // namespace dojo::workload
