// SPDX-License-Identifier: Apache-2.0
#include "dojo/systemc/cores.h"

#include <fmt/format.h>

#include <utility>

#include "dojo/base/error.h"

namespace dojo::systemc {

Cores::Cores() {
  add("pipeline", plain_core(core::make_pipeline_node));
}

void Cores::add(const std::string& name, CoreFactory make) {
  if (name.empty()) throw Error(ExitCode::kInvalidInput, "a core to be added: found no name, expected one");
  if (!make) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("the core '{}' to be added: found no factory, expected a function that makes it", name));
  }
  if (!made_by_.emplace(name, std::move(make)).second) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("the core '{}' to be added: found one of that name, expected another name", name));
  }
}

const CoreFactory* Cores::find(const std::string& name) const {
  const auto found = made_by_.find(name);
  return found == made_by_.end() ? nullptr : &found->second;
}

std::vector<std::string> Cores::names() const {
  std::vector<std::string> all;
  for (const auto& [name, make] : made_by_) all.push_back(name);
  return all;
}

}  // namespace dojo::systemc
