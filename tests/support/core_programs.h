// SPDX-License-Identifier: Apache-2.0
// Micro-programs for tests of the core: text in, counters out.
#pragma once
#include <string>

#include "dojo/core/assembler.h"
#include "dojo/core/core.h"

namespace dojo::test {

/// Cycles of a text as it stands.
inline core::Counters run_text(const std::string& text, const core::Hardware& hardware = {},
                               Cycles most = core::kMostCycles) {
  const core::Assembly assembly = core::assemble(text, "test.d1");
  return core::run(assembly.work(), hardware, most);
}

/// `body` written `copies` times. "@" becomes 0 to 7 by turns, "$" a displacement: 0, 64, ... 960.
inline std::string copies_of(const std::string& body, int copies) {
  std::string text;
  for (int i = 0; i < copies; ++i) {
    for (const char c : body) {
      if (c == '@') {
        text += std::to_string(i % 8);
      } else if (c == '$') {
        text += "+" + std::to_string(64 * (i % 16));
      } else {
        text += c;
      }
    }
  }
  return text;
}

inline constexpr int kTurns = 1000;
/// Loops over copies of `body`. a0 and a1 are half the banks apart.
inline std::string long_loop(const std::string& body, int copies, const std::string& before = "") {
  return "li a0 0\nli a1 512\n" + before + "loop " + std::to_string(kTurns) + "\n" + copies_of(body, copies) + "end\n";
}
/// Cycles that a copy of `body` takes in a long loop.
inline double cycles_each(const std::string& body, int copies, const core::Hardware& hardware = {}) {
  const core::Counters counters = run_text(long_loop(body, copies), hardware);
  return static_cast<double>(counters.cycles) / (kTurns * copies);
}

}  // namespace dojo::test
