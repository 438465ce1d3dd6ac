// SPDX-License-Identifier: Apache-2.0
// From the text of micro-programs to programs. docs/core.md is the reference of the text.
#pragma once
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "dojo/core/params.h"
#include "dojo/core/program.h"

namespace dojo::core {

/// One instruction of the text, for documents, messages and the assembler.
struct OpText {
  const char* word;
  const char* operands;
  const char* sentence;
};
[[nodiscard]] const std::vector<OpText>& op_texts();

/// The programs of a text, by hardware thread, and what its network brings.
struct Assembly {
  std::array<Program, kThreads> programs;  ///< empty: the thread has none
  Arrivals arrivals;
  std::uint32_t arrivals_line = 0;  ///< of the text; 0: it has none
  [[nodiscard]] Work work() const;
  [[nodiscard]] int threads() const;  ///< that have a program
};

/// Throws Error(kInvalidInput) with a line "NAME:LINE: found ..., expected ..." for each mistake.
[[nodiscard]] Assembly assemble(std::string_view text, const std::string& name);

/// Throws Error(kInvalidInput) with the line of arrivals that this core has no place for; run() knows no lines of them.
void check_arrivals(const Assembly& assembly, const std::string& name, const Hardware& hardware);

}  // namespace dojo::core
