// SPDX-License-Identifier: Apache-2.0
// Points of BookSim2 (28f43299): mean packet latency of 2D meshes of k x k input-queued routers with 4 virtual channels
// of 8 flits, in dimension order. Shared by `dojosim validate` and the tests.
#pragma once
#include <string>
#include <vector>

namespace dojo::run {

/// What was asked for, and the mean packet latency that BookSim2 printed.
struct BookSimPoint {
  const char* router;  ///< configs/net/reference_ROUTER.json
  int k;
  const char* pattern;
  int flits;
  const char* rate;  ///< flits/node/cycle
  double latency;    ///< cycles
};
[[nodiscard]] const std::vector<BookSimPoint>& booksim_table();
/// Cycles to measure: for 8 flits as many as BookSim2 sampled for these rows. Single flits are eight times as many
/// packets, and their mean is known to 0.5 % much sooner.
[[nodiscard]] int booksim_cycles(int k, int flits);
/// The keys of configs/net/reference_ROUTER.json, for a program without its files.
[[nodiscard]] std::vector<std::string> booksim_router(const std::string& router);

}  // namespace dojo::run
