// SPDX-License-Identifier: Apache-2.0
// The table of kinds of operations of plug-ins.
#include "dojo/workload/own_operations.h"

#include <algorithm>
#include <array>
#include <deque>
#include <set>
#include <utility>

#include "dojo/base/error.h"
#include "dojo/workload/op_kind.h"
#include "dojo/workload/own_algorithms.h"

namespace dojo::workload {
namespace {

/// Keys of every operation in dojo.trace/1.
constexpr std::array kCommonKeys{"id",   "name",        "kind",      "phase",  "dtype",  "duration_ns",
                                 "deps", "recorded_on", "recompute", "inputs", "outputs"};

/// Operations stay where they are: others hold pointers to them.
std::deque<OwnOperation>& table() {
  static std::deque<OwnOperation> all;
  return all;
}

[[noreturn]] void refuse(const OwnOperation& operation, const std::string& words) {
  throw Error(ExitCode::kInvalidInput, fmt::format("operation \"{}\": {}", operation.name, words));
}

}  // namespace

void add_operation(OwnOperation operation) {
  if (!is_own_name(operation.name))
    refuse(operation, "found this name, expected up to 64 letters, digits, '_' and '-'");
  if (schema::enum_value<OpKind>(operation.name)) refuse(operation, "found a built-in kind, expected another name");
  if (const OwnOperation* other = own_operation(operation.name))
    refuse(operation, fmt::format("found a name that {} has, expected another name", other->origin));
  if (!operation.cost) refuse(operation, "found no function of its cost, expected one");
  std::set<std::string> seen;
  for (const std::string& key : operation.keys) {
    if (!is_own_name(key)) refuse(operation, fmt::format("found the key '{}', expected letters, digits and '_'", key));
    if (std::find(kCommonKeys.begin(), kCommonKeys.end(), key) != kCommonKeys.end())
      refuse(operation, fmt::format("found the key '{}', which all operations have, expected another word", key));
    if (!seen.insert(key).second) refuse(operation, fmt::format("found the key '{}' twice, expected it once", key));
  }
  table().push_back(std::move(operation));
}

const OwnOperation* own_operation(const std::string& name) {
  const auto found =
      std::find_if(table().begin(), table().end(), [&](const OwnOperation& own) { return own.name == name; });
  return found == table().end() ? nullptr : &*found;
}

std::vector<const OwnOperation*> own_operations() {
  std::vector<const OwnOperation*> all;
  for (const OwnOperation& own : table()) all.push_back(&own);
  return all;
}

}  // namespace dojo::workload
