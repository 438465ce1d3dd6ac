// SPDX-License-Identifier: Apache-2.0
// The cuts of `dojosim validate rates` carry, in both network models, as many flits as the links that lie there:
// tighter than the published figures, which are rounded. No key of a machine file is one of these totals.
#include "run/validation/published_rates.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "support/validation.h"

namespace dojo::test {
namespace {

struct Links {
  const char* rate;  ///< of the suite's table
  const char* what;
  const char* formula;
  double bytes_per_s;
};
constexpr Links kTileColumns{"tile_bisection_columns", "tile, between die columns 1 and 2, each way",
                             "10.08 TB/s (V03, T06)", 10.08e12};
constexpr Links kTileRows{"tile_bisection_rows", "tile, between die rows 1 and 2, each way", "10.08 TB/s (V03, T06)",
                          10.08e12};
constexpr Links kTray{"tray_bisection", "tray, between its two rows of tiles, each way", "13.44 TB/s (V03, T12)",
                      13.44e12};
constexpr Links kOffTile{"off_tile", "middle one of 3 x 3 tiles, to and from its four neighbours at once, each way",
                         "17.9 TB/s (V03, T06)", 17.9e12};

void expect_rate(const Links& links, fabric::NetworkModel model) {
  const auto& table = run::published_rate_table();
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const auto& row) { return row.name == std::string(links.rate); });
  ASSERT_NE(found, table.end()) << links.rate;
  const bool fast = model == fabric::NetworkModel::kFast;
  const std::string name = fast ? "fast" : "reference";
  judge({fmt::format("published_{}_{}", links.rate, name), fmt::format("{} model: {}", name, links.what), links.formula,
         "bytes/s", 0.95, 1.01},
        links.bytes_per_s, run::slower_rate(*found, model, fast ? 1500 : 800));
}

TEST(PublishedRates, TileBisectionFast) {
  expect_rate(kTileColumns, fabric::NetworkModel::kFast);
  expect_rate(kTileRows, fabric::NetworkModel::kFast);
}
TEST(PublishedRates, TileBisectionReference) {
  expect_rate(kTileColumns, fabric::NetworkModel::kReference);
}
TEST(PublishedRates, TrayBisectionFast) {
  expect_rate(kTray, fabric::NetworkModel::kFast);
}
TEST(PublishedRates, TrayBisectionReference) {
  expect_rate(kTray, fabric::NetworkModel::kReference);
}
TEST(PublishedRates, OffTileFast) {
  expect_rate(kOffTile, fabric::NetworkModel::kFast);
}
TEST(PublishedRates, OffTileReference) {
  expect_rate(kOffTile, fabric::NetworkModel::kReference);
}

}  // namespace
}  // namespace dojo::test
