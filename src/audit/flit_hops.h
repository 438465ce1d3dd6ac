// SPDX-License-Identifier: Apache-2.0
// Flits times links that a task will send, by its plan: what a replay costs, known before anything runs.
#pragma once
#include <unordered_map>
#include <vector>

#include "dojo/audit/audit.h"

namespace dojo::audit {

class FlitHops {
 public:
  explicit FlitHops(const Subject& subject) : subject_(subject) {}
  /// Of the part that one rank has in it.
  [[nodiscard]] double of(RankId rank, std::uint32_t task);
  /// Of all ranks; `once`: what ranks with the same program do by themselves counts once, as the fast network runs most
  /// of it for one of them.
  [[nodiscard]] double of_job(bool once);

 private:
  [[nodiscard]] double kernel(const workload::Kernel& kernel, const workload::SliceShape& shape) const;
  [[nodiscard]] double between_nodes(const workload::DataflowInstance& instance,
                                     const workload::SliceShape& shape) const;
  /// By position.
  [[nodiscard]] const std::vector<double>& between_ranks(std::uint32_t instance);

  const Subject& subject_;
  std::unordered_map<const workload::Kernel*, double> kernels_;
  std::unordered_map<std::uint32_t, double> in_rank_;  ///< by instance
  std::unordered_map<std::uint32_t, std::vector<double>> instances_;
};

}  // namespace dojo::audit
