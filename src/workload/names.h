// SPDX-License-Identifier: Apache-2.0
// Words of kinds, phases, dtypes and roles back to their values, for readers. The words themselves stand in graph.cpp.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dojo/workload/graph.h"

namespace dojo::workload {

std::optional<OpKind> op_kind_from(std::string_view word);
std::optional<DType> dtype_from(std::string_view word);
std::optional<Phase> phase_from(std::string_view word);
std::optional<TensorRole> tensor_role_from(std::string_view word);

/// Every word, in the order of the enumerators, for "expected one of ...".
std::vector<std::string> op_kind_words();
std::vector<std::string> dtype_words();
std::vector<std::string> phase_words();
std::vector<std::string> tensor_role_words();

}  // namespace dojo::workload
