// SPDX-License-Identifier: Apache-2.0
// The cores that machine.detailed may have, by name (run.detailed_core).
#pragma once
#include <map>
#include <string>
#include <vector>

#include "dojo/systemc/core_module.h"

namespace dojo::systemc {

class Cores {
 public:
  /// With the pipeline of this project, "pipeline".
  Cores();
  /// Throws Error(kInvalidInput): no name, a name twice, no factory.
  void add(const std::string& name, CoreFactory make);
  /// Null: there is none of that name.
  [[nodiscard]] const CoreFactory* find(const std::string& name) const;
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  std::map<std::string, CoreFactory> made_by_;
};

}  // namespace dojo::systemc
