// SPDX-License-Identifier: Apache-2.0
// A machine file: what is simulated, and beside it what is only worked out from the counts of a run. The simulator
// itself sees topology::MachineParams alone, so that a new price compiles none of it anew.
#pragma once
#include <utility>

#include "dojo/cost/params.h"
#include "dojo/energy/params.h"
#include "dojo/topology/machine_params.h"

namespace dojo::config {

struct Machine : topology::MachineParams {
  energy::Params takes;
  cost::Params cost;

  Machine() = default;
  Machine(topology::MachineParams simulated) : topology::MachineParams(std::move(simulated)) {}

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    topology::MachineParams::fields(self, field);
    later_fields(self, field);
  }
  /// What shipped machine files leave to its defaults.
  template <class Self, class Visit>
  static void later_fields(Self& self, Visit&& field) {
    field.group("energy_parts", self.takes.parts, "energy of parts that energy does not have");
    field.group("energy_scaling", self.takes.scaling, "how energy follows sizes, clock and supply");
    field.group("area", self.takes.area, "silicon of a die");
    field.group("cost", self.cost, "prices");
  }
};

}  // namespace dojo::config
