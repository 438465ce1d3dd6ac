// SPDX-License-Identifier: Apache-2.0
// The cuts through tiles and trays whose bandwidth is published, and what packets of a network carry over one.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "dojo/fabric/network_model.h"
#include "dojo/topology/topology.h"

namespace dojo::run {

struct Cut {
  topology::Direction towards;                                                  ///< of the two that cross the cut
  std::int32_t first_row = 0, last_row = 0, first_column = 0, last_column = 0;  ///< dies whose edges are the cut
};

struct PublishedRate {
  const char* name;
  const char* what;
  const char* source;
  double bytes_per_s;            ///< as published, of one way
  std::vector<std::string> set;  ///< machine and traffic, as of --set of `dojosim net`
  std::vector<Cut> ways[2];
};

[[nodiscard]] const std::vector<PublishedRate>& published_rate_table();

/// Bytes per second over the cuts of the slower way, in `cycles` after a warm-up of 1,500.
[[nodiscard]] double slower_rate(const PublishedRate& rate, fabric::NetworkModel model, std::uint64_t cycles);

}  // namespace dojo::run
