// SPDX-License-Identifier: Apache-2.0
// What a run config says of failures over days (`run.failures`). docs/failures.md has the model.
#pragma once
#include <array>
#include <cstdint>

#include "dojo/schema/enum_text.h"
#include "dojo/schema/fields.h"

namespace dojo::failures {

/// What happens when a tile fails and no spare tile is left.
enum class SparePolicy { kWait, kShrink };
inline constexpr std::array<schema::EnumEntry<SparePolicy>, 2> kSparePolicyTexts{
    {{SparePolicy::kWait, "wait", "the job stands until the first tile is repaired"},
     {SparePolicy::kShrink, "shrink", "the job goes on without the tile, slower by its share"}}};
constexpr const auto& enum_entries(SparePolicy) {
  return kSparePolicyTexts;
}

struct Params {
  double days = 0;
  double die_failures_per_year = 0.02;
  double node_failures_per_year = 5e-5;
  double link_failures_per_year = 0.002;
  double dip_failures_per_year = 0.05;
  double host_failures_per_year = 0.2;
  double job_failures_per_year = 12;
  double checkpoint_interval_s = 0;
  double checkpoint_bytes = 0;
  double checkpoint_write_s = 0;
  double restart_s = 300;
  SparePolicy spare_policy = SparePolicy::kWait;
  std::int64_t spare_tiles = 2;
  double repair_hours = 72;
  std::int64_t repetitions = 16;

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    using schema::Anything;
    using schema::Between;
    using schema::Source;
    field("days", self.days, "that the job goes on, with failures; 0 = none are simulated", Between(0, 36500),
          Source{"chosen"});
    field("die_failures_per_year", self.die_failures_per_year, "of each die; its tile leaves the job", Between(0, 1e6),
          Source{"assumed"});
    field("node_failures_per_year", self.node_failures_per_year, "of each node, which is then disabled",
          Between(0, 1e6), Source{"assumed"});
    field("link_failures_per_year", self.link_failures_per_year, "of each link between dies, or to a DIP",
          Between(0, 1e6), Source{"assumed"});
    field("dip_failures_per_year", self.dip_failures_per_year, "of each DIP; its tile leaves the job", Between(0, 1e6),
          Source{"assumed"});
    field("host_failures_per_year", self.host_failures_per_year, "of each host", Between(0, 1e6), Source{"assumed"});
    field("job_failures_per_year", self.job_failures_per_year, "of the job itself: software, supply, people",
          Between(0, 1e6), Source{"assumed"});
    field("checkpoint_interval_s", self.checkpoint_interval_s,
          "work between two checkpoints; 0 = the best, found by simulation", Between(0, 1e9), Source{"chosen"});
    field("checkpoint_bytes", self.checkpoint_bytes, "0 = weights and optimizer states of the job", Between(0, 1e18),
          Source{"chosen"});
    field("checkpoint_write_s", self.checkpoint_write_s,
          "the job stands for so long; 0 = bytes over PCIe and Ethernet of all DIPs", Between(0, 1e9),
          Source{"chosen"});
    field("restart_s", self.restart_s, "from a failure until the checkpoint is read", Between(0, 1e9),
          Source{"assumed"});
    field("spare_policy", self.spare_policy, "what happens when a tile fails and no spare is left", Anything(),
          Source{"chosen"});
    field("spare_tiles", self.spare_tiles, "tiles beside those of the machine that wait for a failure", Between(0, 1e6),
          Source{"chosen"});
    field("repair_hours", self.repair_hours, "from the failure of a tile until it is a spare again", Between(0, 1e6),
          Source{"assumed"});
    field("repetitions", self.repetitions, "of the days, each with other failures; figures are their means",
          Between(1, 10000), Source{"chosen"});
  }
};

}  // namespace dojo::failures
