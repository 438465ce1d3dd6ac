// SPDX-License-Identifier: Apache-2.0
// Rows of docs/validation.md. A test judges a measurement against a closed form; with the environment variable
// DOJO_WRITE_VALIDATION set it also writes its row, otherwise it checks that the row says the same words and figures.
#pragma once
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmath>
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

/// The cells of a table's row, without the blanks around them.
inline std::vector<std::string> cells_of(const std::string& row) {
  std::vector<std::string> cells;
  for (std::size_t begin = row.find('|'), end; (end = row.find('|', begin + 1)) != std::string::npos; begin = end) {
    const std::size_t first = row.find_first_not_of(' ', begin + 1), last = row.find_last_not_of(' ', end - 1);
    cells.push_back(first < end ? row.substr(first, last - first + 1) : "");
  }
  return cells;
}

/// A written figure may differ by this share from what the test measures: it is rounded, and compilers may differ.
inline constexpr double kFigureTolerance = 1e-3;

/// What is wrong with a row that is to say this; "" when nothing is.
inline std::string row_problem(const std::string& row, const Claim& claim, double expected, double measured) {
  const std::vector<std::string> cells = cells_of(row), words = words_of(claim);
  if (cells.size() != 8) return fmt::format("has {} cells, expected 8", cells.size());
  for (const std::size_t cell : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{6}, std::size_t{7}}) {
    const std::string& wanted = words[cell < 3 ? cell : cell - 3];
    if (cells[cell] != wanted) return fmt::format("says '{}', expected '{}'", cells[cell], wanted);
  }
  const auto says = [](const std::string& cell, double value, double tolerance, const std::string& unit) {
    char* end = nullptr;
    const double written = std::strtod(cell.c_str(), &end);
    const std::string rest = end;
    return std::abs(written - value) <= tolerance && (unit.empty() ? rest.empty() : rest == " " + unit);
  };
  if (!says(cells[3], expected, std::abs(expected) * kFigureTolerance, claim.unit))
    return fmt::format("says {} is expected; it is {:.6g} {}", cells[3], expected, claim.unit);
  if (!says(cells[4], measured, std::abs(measured) * kFigureTolerance, claim.unit))
    return fmt::format("says {} was measured; it is {:.6g} {}", cells[4], measured, claim.unit);
  const double ratio = measured / expected;
  if (!says(cells[5], ratio, 0.0005 + ratio * kFigureTolerance, ""))
    return fmt::format("says a ratio of {}; it is {:.3f}", cells[5], ratio);
  return "";
}

inline void check_validation_row(const Claim& claim, double expected, double measured) {
  constexpr const char* kCure = "run the test with DOJO_WRITE_VALIDATION=1";
  for (const std::string& line : lines_of_validation()) {
    if (line.rfind("| " + claim.id + " |", 0) != 0) continue;
    const std::string problem = row_problem(line, claim, expected, measured);
    EXPECT_EQ(problem, "") << "docs/validation.md: row " << claim.id << " " << problem << "; " << kCure;
    return;
  }
  ADD_FAILURE() << "docs/validation.md has no row " << claim.id << "; " << kCure;
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
    check_validation_row(claim, expected, measured);
  }
  if (claim.known_gap) return;
  EXPECT_GE(measured, expected * claim.low) << claim.what;
  EXPECT_LE(measured, expected * claim.high) << claim.what;
}

}  // namespace dojo::test
