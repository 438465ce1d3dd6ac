// SPDX-License-Identifier: Apache-2.0
// Operators that do no work, by name.
#include <algorithm>
#include <array>
#include <string_view>

#include "workload/trace/pytorch/et_cost.h"

namespace dojo::workload::pytorch {
namespace {

std::string_view bare(const std::string& name) {
  const std::size_t colon = name.rfind("::");
  return colon == std::string::npos ? std::string_view(name) : std::string_view(name).substr(colon + 2);
}

template <std::size_t N>
bool is_one_of(std::string_view name, const std::array<const char*, N>& words) {
  return std::find(words.begin(), words.end(), name) != words.end();
}

}  // namespace

bool is_allocation(const std::string& name) {
  static constexpr std::array kNames{"empty",     "empty_like",     "empty_strided",    "new_empty",
                                     "new_zeros", "empty_permuted", "new_empty_strided"};
  return is_one_of(bare(name), kNames);
}

bool is_free(const std::string& name) {
  static constexpr std::array kNames{"view",
                                     "reshape",
                                     "as_strided",
                                     "transpose",
                                     "t",
                                     "permute",
                                     "expand",
                                     "expand_as",
                                     "slice",
                                     "narrow",
                                     "select",
                                     "unsqueeze",
                                     "squeeze",
                                     "detach",
                                     "detach_",
                                     "alias",
                                     "result_type",
                                     "is_same_size",
                                     "unbind",
                                     "split",
                                     "split_with_sizes",
                                     "chunk",
                                     "lift_fresh",
                                     "resize_",
                                     "set_",
                                     "_unsafe_view",
                                     "unfold",
                                     "to",
                                     "contiguous",
                                     "type_as",
                                     "item",
                                     "_local_scalar_dense",
                                     "flatten",
                                     "_reshape_alias",
                                     "view_as",
                                     "movedim",
                                     "swapaxes",
                                     "size",
                                     "is_nonzero",
                                     "record_stream",
                                     "requires_grad_",
                                     "resolve_conj",
                                     "resolve_neg",
                                     "unsqueeze_",
                                     "squeeze_",
                                     "broadcast_tensors"};
  return is_one_of(bare(name), kNames) || is_allocation(name);
}

}  // namespace dojo::workload::pytorch
