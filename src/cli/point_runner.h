// SPDX-License-Identifier: Apache-2.0
// Runs points of a sweep, each in a process of its own that was forked from this one.
#pragma once
#include <cstdint>

#include "dojo/report/sweep.h"
#include "dojo/run/plugins.h"
#include "dojo/run/shared.h"

namespace dojo::cli {

class RunPoints : public report::PointRunner {
 public:
  /// `plugins`: what every point may use.
  explicit RunPoints(const run::Plugins& plugins) : plugins_(plugins) {}
  Origin origin(const config::RunConfig& config) override;
  void share(const config::RunConfig& config, bool lower, const std::function<bool()>& stop) override;
  int check(const config::RunConfig& config) override;
  int run(const std::vector<std::string>& words) override;

 private:
  const run::Plugins& plugins_;
  run::Shared shared_;
};

}  // namespace dojo::cli
