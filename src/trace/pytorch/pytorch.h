// SPDX-License-Identifier: Apache-2.0
// PyTorch's two trace formats: execution traces (operators, no times) and Kineto (kernels with times). Private.
#pragma once
#include <string>
#include <unordered_map>

#include "trace/rank_trace.h"

namespace dojo::workload {

bool looks_like_pytorch_et(const std::string& bytes);
RankTrace decode_pytorch_et_rank(const RankRequest& request, Findings& findings);
bool looks_like_kineto(const std::string& bytes);
RankTrace decode_kineto_rank(const RankRequest& request, Findings& findings);

namespace pytorch {
/// Time on the device, in ns, of each operator by the number that both formats give it (rf_id).
std::unordered_map<std::uint64_t, std::int64_t> device_times(const std::string& bytes, const std::string& file,
                                                             Findings& findings);
}  // namespace pytorch

}  // namespace dojo::workload
