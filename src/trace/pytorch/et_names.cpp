// SPDX-License-Identifier: Apache-2.0
// Operators that do no work, by name.
#include <array>

#include "trace/pytorch/et_cost.h"
#include "trace/pytorch/et_words.h"

namespace dojo::workload::pytorch {
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
