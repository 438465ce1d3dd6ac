// SPDX-License-Identifier: Apache-2.0
#include "machine/die_counters.h"

#include "dojo/base/error.h"

namespace dojo::machine {
namespace {

static_assert(schema::every_counter_adds<fabric::LinkUse>() && schema::every_counter_adds<fabric::PortUse>() &&
                  schema::every_counter_adds<CoreCounters>(),
              "what a task adds to a maximum does not follow from a record of the task");

template <class Network, class Cores, class Visit>
void each_part(Network& network, Cores& cores, Visit&& visit) {
  for (std::size_t i = 0; i < cores.size(); ++i) {
    const auto site = static_cast<SiteIndex>(i);
    for (int d = 0; d < topology::kDirections; ++d) visit(network.use(site, static_cast<topology::Direction>(d)));
    visit(network.use(site));
    visit(cores[i]);
  }
}

}  // namespace

std::size_t die_counter_count(std::size_t sites) {
  return sites * (topology::kDirections * schema::counter_count<fabric::LinkUse>() +
                  schema::counter_count<fabric::PortUse>() + schema::counter_count<CoreCounters>());
}

void list_counters(const fabric::DieNetwork& network, const std::vector<CoreCounters>& cores,
                   std::vector<std::uint64_t>& out) {
  out.clear();
  out.reserve(die_counter_count(cores.size()));
  each_part(network, cores, [&out](const auto& counters) {
    const auto values = schema::values_of(counters);
    out.insert(out.end(), values.begin(), values.end());
  });
}

void add_to_counters(fabric::DieNetwork& network, std::vector<CoreCounters>& cores,
                     const std::vector<std::uint64_t>& increase) {
  DOJO_CHECK(increase.size() == die_counter_count(cores.size()), "a die has {} counters, {} were given",
             die_counter_count(cores.size()), increase.size());
  auto next = increase.begin();
  each_part(network, cores, [&next](auto& counters) {
    std::decay_t<decltype(counters)>::fields(counters, [&next](const char*, auto& counter, const auto&...) {
      counter += static_cast<std::decay_t<decltype(counter)>>(*next++);
    });
  });
}

}  // namespace dojo::machine
