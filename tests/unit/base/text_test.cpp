// SPDX-License-Identifier: Apache-2.0
// Nothing in a name may control a terminal.
#include "dojo/base/text.h"

#include <gtest/gtest.h>

namespace dojo {
namespace {

TEST(Printable, WritesOutWhatControlsATerminal) {
  EXPECT_EQ(printable("a\x1b[31mb"), "a\\u001b[31mb");
  EXPECT_EQ(printable("bell\x07 back\x08 return\r delete\x7f"), "bell\\u0007 back\\u0008 return\\u000d delete\\u007f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\u009b31m")
      << "the 8-bit form of ESC [";
  EXPECT_EQ(printable("\xe2\x80\xae"
                      "txt"),
            "\\u202etxt")
      << "turns the direction of writing";
}

TEST(Printable, KeepsWhatIsText) {
  EXPECT_EQ(printable("conv 1\tµ 中 😀\n"), "conv 1\tµ 中 😀\n");
  EXPECT_EQ(printable_line("two\nlines"), "two\\u000alines");
}

TEST(Printable, WritesOutBytesThatAreNotUtf8) {
  EXPECT_EQ(printable("\x9b"
                      "31m"),
            "\\u009b31m");
  EXPECT_EQ(printable("\xc0\xaf\xff"), "\\u00c0\\u00af\\u00ff");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\u00ed\\u00a0\\u0080") << "half of a surrogate pair";
  EXPECT_EQ(printable("cut \xe4\xb8"), "cut \\u00e4\\u00b8");
}

/// Whatever goes in: what comes out has no byte below 0x20 but line feeds and tabs, and no DEL.
TEST(Printable, HoldsForEveryPairOfBytes) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      for (const char c : printable_line(std::string{static_cast<char>(a), static_cast<char>(b)})) {
        ASSERT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) << a << ' ' << b;
      }
    }
  }
}

TEST(Shortened, KeepsTheBeginningAndTheEnd) {
  const std::string begin = "rules.json: /rules/0/path: found '", end = "', expected a path that is there";
  EXPECT_EQ(shortened(begin + std::string(500, 'x') + end), begin + std::string(500, 'x') + end);
  const std::string text = shortened(begin + std::string(1000000, 'x') + end);
  EXPECT_LT(text.size(), 2000u);
  EXPECT_EQ(text.substr(0, begin.size()), begin);
  EXPECT_EQ(text.substr(text.size() - end.size()), end);
  EXPECT_NE(text.find(" bytes left out "), std::string::npos);
}

TEST(Shortened, CutsNoCharacter) {
  for (const std::size_t before : {0u, 1u, 2u}) {
    std::string text(before, '.');
    for (int i = 0; i < 4000; ++i) text += "中";
    EXPECT_EQ(printable(shortened(text)), shortened(text)) << "bytes that are not UTF-8 would be written out";
  }
}

}  // namespace
}  // namespace dojo
