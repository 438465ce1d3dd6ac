// SPDX-License-Identifier: Apache-2.0
// docs/validation.md holds no row whose test is gone.
#include <gtest/gtest.h>

#include <filesystem>

#include "support/temporary_folder.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

TEST(ValidationDocument, EachRowHasItsTest) {
  std::string tests;
  for (const char* folder : {"/tests/validation", "/tests/scale"}) {
    for (const auto& entry : std::filesystem::directory_iterator(std::string(DOJO_SOURCE_DIR) + folder))
      tests += read_file(entry.path());
  }
  int rows = 0;
  for (const std::string& line : lines_of_validation()) {
    if (line.rfind("| ", 0) != 0 || line.rfind("| Id ", 0) == 0) continue;
    const std::string id = line.substr(2, line.find(" |") - 2);
    // Rows of a family are named by a prefix and the member: "half_" + name.
    const std::string family = id.substr(0, id.find('_') + 1);
    EXPECT_TRUE(tests.find('"' + id + '"') != std::string::npos || tests.find('"' + family) != std::string::npos)
        << "docs/validation.md: row " << id << " is written by no test; delete it";
    ++rows;
  }
  EXPECT_GT(rows, 10);
}

}  // namespace
}  // namespace dojo::test
