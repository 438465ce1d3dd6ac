// SPDX-License-Identifier: Apache-2.0
// For reports: how an operation was planned, and the times that it cannot go below. docs/report.md says what each floor
// counts; src/lower/floors.h works them out.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "dojo/base/types.h"
#include "dojo/schema/enum_text.h"

namespace dojo::workload {

/// What bounds an operation from below.
enum class Bound : std::uint8_t { kMatrix, kVector, kLoad, kStore, kPort, kLink, kEdge, kMemory, kLatency, kRecorded };
inline constexpr std::size_t kBounds = 10;
constexpr std::array<schema::EnumEntry<Bound>, kBounds> enum_entries(Bound) {
  return {
      {{Bound::kMatrix, "matrix", "matrix units: the FLOP, shared by all nodes of the rank"},
       {Bound::kVector, "vector", "vector units: the FLOP, shared by all nodes of the rank"},
       {Bound::kLoad, "load", "load ports of the cores: bytes from the SRAM, shared by all nodes of the rank"},
       {Bound::kStore, "store", "store ports of the cores: bytes to the SRAM; sums of messages at the busiest node"},
       {Bound::kPort, "port", "network ports: bytes of messages at the busiest node; of a collective at all"},
       {Bound::kLink, "link", "on-die links: bytes over the busiest; of a collective over all that leave a rank"},
       {Bound::kEdge, "edge", "die edges and links of DIPs: bytes over the busiest; of a collective over a cut"},
       {Bound::kMemory, "memory", "HBM of the DIP: bytes"},
       {Bound::kLatency, "latency", "launch and pipelines of a kernel; the distance of a collective's members"},
       {Bound::kRecorded, "recorded", "the time that the trace gives"}}};
}

/// Cycles, by what bounds.
struct Floors {
  std::array<double, kBounds> cycles{};

  double& operator[](Bound bound) { return cycles[static_cast<std::size_t>(bound)]; }
  double operator[](Bound bound) const { return cycles[static_cast<std::size_t>(bound)]; }
  void raise(Bound bound, double to) { (*this)[bound] = std::max((*this)[bound], to); }
  [[nodiscard]] Bound largest() const {
    return static_cast<Bound>(std::max_element(cycles.begin(), cycles.end()) - cycles.begin());
  }
  /// The floor of the operation; 0: nothing is known to bound it.
  [[nodiscard]] double most() const { return (*this)[largest()]; }
  /// Of work that follows.
  Floors& operator+=(const Floors& next) {
    for (std::size_t i = 0; i < kBounds; ++i) cycles[i] += next.cycles[i];
    return *this;
  }
  /// Of work beside it.
  void raise(const Floors& other) {
    for (std::size_t i = 0; i < kBounds; ++i) cycles[i] = std::max(cycles[i], other.cycles[i]);
  }
  /// What holds for both.
  void lower(const Floors& other) {
    for (std::size_t i = 0; i < kBounds; ++i) cycles[i] = std::min(cycles[i], other.cycles[i]);
  }
};

/// Cycles of all cores at nominal speed, launch and semaphores included: as the run takes them, and by the formulas
/// that chose the plan.
struct CoreCycles {
  Cycles run = 0, formulas = 0;
  void add(Cycles of_run, Cycles of_formulas) {
    run = saturating_sum(run, of_run);
    formulas = saturating_sum(formulas, of_formulas);
  }
};

/// How an operation is carried out, or a part of one.
struct OpPlan {
  std::string partition;    ///< "M over 18 rows, N over 20 columns, 4 steps over K"
  std::uint32_t nodes = 0;  ///< of a rank, that work on it
  double cycles = 0;        ///< by the planner's model; 0: it has none
  Floors floors;
  CoreCycles cores;
};

}  // namespace dojo::workload
