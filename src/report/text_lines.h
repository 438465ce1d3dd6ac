// SPDX-License-Identifier: Apache-2.0
// Lines of the summary: a title of 15 columns and what it says.
#pragma once
#include <fmt/format.h>

#include <iterator>
#include <string>
#include <utility>

#include "report/json.h"

namespace dojo::report {

struct Lines {
  template <class... Args>
  void add(const char* title, fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text), "{:<15} ", title);
    fmt::format_to(std::back_inserter(text), format, std::forward<Args>(args)...);
    while (!text.empty() && text.back() == ' ') text.pop_back();
    text += '\n';
  }
  std::string text;
};

/// What a reader wants first: the step, throughput, utilisation, what bounds it, waiting, warnings. At most ten lines.
void answer(Lines& out, const Json& report);

}  // namespace dojo::report
