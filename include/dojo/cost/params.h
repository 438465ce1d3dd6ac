// SPDX-License-Identifier: Apache-2.0
// What a machine file says of money. Every price is assumed: replace them by your own (docs/cost.md).
#pragma once
#include <cstdint>

#include "dojo/schema/fields.h"

namespace dojo::cost {

struct Params {
  double wafer_dollars = 9500;
  double wafer_mm = 300;
  double defects_per_cm2 = 0.09;
  double die_test_dollars = 30;
  double io_die_dollars = 40;
  double die_attach_yield = 0.998;
  std::int64_t spare_dies = 0;
  double tile_package_dollars = 15000;
  double tile_power_dollars = 8000;
  double dip_dollars = 4000;
  double host_dollars = 20000;
  double tray_dollars = 10000;
  double switch_port_dollars = 400;
  double dollars_per_kwh = 0.08;
  double facility_overhead = 1.2;
  double years = 4;

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    using schema::Between;
    using schema::Source;
    field("wafer_dollars", self.wafer_dollars, "a processed wafer", Between(0, 1e9), Source{"assumed"});
    field("wafer_mm", self.wafer_mm, "diameter of a wafer", Between(50, 1000), Source{"chosen"});
    field("defects_per_cm2", self.defects_per_cm2, "defects that kill what they hit, strewn evenly", Between(0, 100),
          Source{"assumed"});
    field("die_test_dollars", self.die_test_dollars, "test of a die, good or not", Between(0, 1e9), Source{"assumed"});
    field("io_die_dollars", self.io_die_dollars, "a good I/O die", Between(0, 1e9), Source{"assumed"});
    field("die_attach_yield", self.die_attach_yield, "share of good dies that still work on the tile", Between(0.01, 1),
          Source{"assumed"});
    field("spare_dies", self.spare_dies, "dies of a tile that may fail without the loss of the tile", Between(0, 4096),
          Source{"chosen"});
    field("tile_package_dollars", self.tile_package_dollars, "wafer-level package of a tile, assembly included",
          Between(0, 1e9), Source{"assumed"});
    field("tile_power_dollars", self.tile_power_dollars, "voltage regulators, cooling and mechanics of a tile",
          Between(0, 1e9), Source{"assumed"});
    field("dip_dollars", self.dip_dollars, "a DIP with its HBM", Between(0, 1e9), Source{"assumed"});
    field("host_dollars", self.host_dollars, "a host", Between(0, 1e9), Source{"assumed"});
    field("tray_dollars", self.tray_dollars, "chassis, supply and its share of the cabinet, of a tray", Between(0, 1e9),
          Source{"assumed"});
    field("switch_port_dollars", self.switch_port_dollars, "port of an Ethernet switch with its cable; one a DIP",
          Between(0, 1e9), Source{"assumed"});
    field("dollars_per_kwh", self.dollars_per_kwh, "electricity", Between(0, 1e3), Source{"assumed"});
    field("facility_overhead", self.facility_overhead, "power of the site / power of the machine", Between(1, 10),
          Source{"assumed"});
    field("years", self.years, "of service, day and night", Between(0.01, 100), Source{"chosen"});
  }
};

}  // namespace dojo::cost
