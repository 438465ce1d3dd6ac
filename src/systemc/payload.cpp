// SPDX-License-Identifier: Apache-2.0
#include "dojo/systemc/payload.h"

#include <cmath>

namespace dojo::systemc {
namespace {

constexpr double kUnitsPerSecond = 1e12;

}  // namespace

CycleClock::CycleClock(double hz, double core_speed) : hz_(hz), core_(core_speed) {
  const double period = std::round(kUnitsPerSecond / hz);
  if (period * hz == kUnitsPerSecond) period_ = static_cast<std::uint64_t>(period);
}

sc_core::sc_time CycleClock::time(Cycles of_core) const {
  const Cycles cycle = core_.begin(of_core);
  if (period_ != 0) return sc_core::sc_time::from_value(static_cast<std::uint64_t>(cycle) * period_);
  const long double units =
      static_cast<long double>(cycle) * static_cast<long double>(kUnitsPerSecond) / static_cast<long double>(hz_);
  return sc_core::sc_time::from_value(static_cast<std::uint64_t>(std::llround(units)));
}

Cycles CycleClock::cycle(const sc_core::sc_time& delay, Cycles less) const {
  const std::uint64_t units = (sc_core::sc_time_stamp() + delay).value();
  if (period_ != 0) return core_.at(static_cast<Cycles>(units / period_) - less);
  return core_.at(std::llround(static_cast<long double>(units) * static_cast<long double>(hz_) /
                               static_cast<long double>(kUnitsPerSecond)) -
                  less);
}

}  // namespace dojo::systemc
