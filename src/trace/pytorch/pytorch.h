// SPDX-License-Identifier: Apache-2.0
// PyTorch's two trace formats: execution traces (operators, no times) and Kineto (kernels with times). Private.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "trace/rank_trace.h"

namespace dojo::workload {

bool looks_like_pytorch_et(const std::string& bytes);
RankTrace decode_pytorch_et_rank(const RankRequest& request, Findings& findings);
bool looks_like_kineto(const std::string& bytes);
RankTrace decode_kineto_rank(const RankRequest& request, Findings& findings);

namespace pytorch {
/// An operator of the host in a Kineto trace and the time of what it launched on the device.
struct OperatorTime {
  std::string name;
  std::int64_t record = -1;  ///< the number that an execution trace of the same run gives it (rf_id); -1 = not said
  std::int64_t ns = 0;
};
/// In the order of their starts, of ProfilerStep#`step` alone if it is given. `unlinked_ns`: of kernels that no
/// operator launched.
std::vector<OperatorTime> operator_times(const std::string& bytes, const std::string& file,
                                         std::optional<std::int64_t> step, std::int64_t& unlinked_ns,
                                         Findings& findings);
}  // namespace pytorch

}  // namespace dojo::workload
