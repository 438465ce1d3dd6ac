// SPDX-License-Identifier: Apache-2.0
// Rows of docs/validation.md. A test judges a measurement against a closed form; with the environment variable
// DOJO_WRITE_VALIDATION set it also writes its row, otherwise it checks that the row's words are there.
#pragma once
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

namespace dojo::test {

inline constexpr double kNoLimit = std::numeric_limits<double>::infinity();
inline constexpr const char* kValidationFile = DOJO_SOURCE_DIR "/docs/validation.md";

/// `low` to `high`: what measured / expected may be. A known gap is measured and shown, not enforced.
struct Claim {
  std::string id, what, formula, unit;
  double low = 1, high = 1;
  bool known_gap = false;
};

inline std::string tolerance_text(const Claim& claim) {
  if (claim.high == kNoLimit) return fmt::format("at least {:g} x", claim.low);
  if (claim.low == 1 && claim.high == 1) return "equal";
  return fmt::format("{:g} to {:g} x", claim.low, claim.high);
}

/// Cells of the row that do not depend on numbers: id, what, formula, tolerance, status.
inline std::vector<std::string> words_of(const Claim& claim) {
  return {claim.id, claim.what, "`" + claim.formula + "`", tolerance_text(claim),
          claim.known_gap ? "known gap" : "enforced"};
}

inline std::vector<std::string> lines_of_validation() {
  std::vector<std::string> lines;
  std::ifstream in(kValidationFile);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// Replaces the row of this id, or puts a new one before the end mark. Test programs run side by side: one at a time.
inline void write_validation_row(const std::string& id, const std::string& row) {
  const std::string lock_name = (std::filesystem::temp_directory_path() / "dojosim-validation.lock").string();
  const int lock = open(lock_name.c_str(), O_CREAT | O_RDWR, 0600);
  ASSERT_GE(lock, 0);
  flock(lock, LOCK_EX);
  std::vector<std::string> lines = lines_of_validation();
  std::size_t at = 0;
  while (at < lines.size() && lines[at].rfind("| " + id + " |", 0) != 0) ++at;
  if (at < lines.size()) {
    lines[at] = row;
  } else {
    at = 0;
    while (at < lines.size() && lines[at] != "<!-- rows: end -->") ++at;
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(at), row);
  }
  std::ofstream out(kValidationFile);
  for (const std::string& line : lines) out << line << '\n';
  out.close();
  close(lock);
}

inline void check_validation_row(const Claim& claim) {
  for (const std::string& line : lines_of_validation()) {
    if (line.rfind("| " + claim.id + " |", 0) != 0) continue;
    for (const std::string& words : words_of(claim)) {
      EXPECT_NE(line.find("| " + words + " |"), std::string::npos)
          << "docs/validation.md: row " << claim.id << " lacks '" << words
          << "'; run the test with DOJO_WRITE_VALIDATION=1";
    }
    return;
  }
  ADD_FAILURE() << "docs/validation.md has no row " << claim.id << "; run the test with DOJO_WRITE_VALIDATION=1";
}

/// Judges one claim.
inline void judge(const Claim& claim, double expected, double measured) {
  const char* write = std::getenv("DOJO_WRITE_VALIDATION");
  if (write != nullptr && *write != '\0') {
    const std::vector<std::string> w = words_of(claim);
    write_validation_row(
        claim.id, fmt::format("| {} | {} | {} | {:.6g} {} | {:.6g} {} | {:.3f} | {} | {} |", w[0], w[1], w[2], expected,
                              claim.unit, measured, claim.unit, measured / expected, w[3], w[4]));
  } else {
    check_validation_row(claim);
  }
  if (claim.known_gap) return;
  EXPECT_GE(measured, expected * claim.low) << claim.what;
  EXPECT_LE(measured, expected * claim.high) << claim.what;
}

}  // namespace dojo::test
