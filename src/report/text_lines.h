// SPDX-License-Identifier: Apache-2.0
// Lines of the summary: a title of 15 columns and what it says.
#pragma once
#include <fmt/format.h>

#include <iterator>
#include <string>
#include <utility>

#include "report/json.h"

namespace dojo::report {

class Lines {
 public:
  template <class... Args>
  void add(const char* title, fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), "{:<15} ", title);
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    while (!text_.empty() && text_.back() == ' ') text_.pop_back();
    text_ += '\n';
  }
  std::string text_;
};

/// What a reader wants first: the step, throughput, utilisation, what bounds it, waiting, warnings. At most ten lines.
void answer(Lines& out, const Json& report);

}  // namespace dojo::report
