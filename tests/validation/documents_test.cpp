// SPDX-License-Identifier: Apache-2.0
// docs/validation.md holds no row whose test is gone, a row says what its test measured, and the README shows such
// rows.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <set>

#include "support/temporary_folder.h"
#include "support/validation.h"

namespace dojo::test {
namespace {

const std::string kSource = DOJO_SOURCE_DIR;

/// What ids of rows can be made of in one test file.
struct Names {
  std::vector<std::string> literals;
  std::set<std::string> words;  ///< of the literals, and the numbers of the source
};

Names names_of(const std::string& source) {
  static const std::regex literal("\"((?:[^\"\\\\\n]|\\\\.)*)\""), word("[A-Za-z0-9.]+"), number("\\b[0-9][0-9.]*\\b");
  Names names;
  const auto add_words = [&names](const std::string& text, const std::regex& of) {
    for (std::sregex_iterator at(text.begin(), text.end(), of), end; at != end; ++at) names.words.insert(at->str());
  };
  for (std::sregex_iterator at(source.begin(), source.end(), literal), end; at != end; ++at) {
    names.literals.push_back((*at)[1]);
    add_words(names.literals.back(), word);
  }
  add_words(source, number);
  return names;
}

std::vector<std::string> split(const std::string& id) {
  std::vector<std::string> words;
  std::istringstream in(id);
  for (std::string word; std::getline(in, word, '_');) words.push_back(word);
  return words;
}

/// The file has the id as a literal, or a literal that begins like it and all of its words ("half_" + name).
bool can_write(const Names& names, const std::string& id) {
  const auto is_id = [&](const std::string& literal) { return literal == id; };
  if (std::any_of(names.literals.begin(), names.literals.end(), is_id)) return true;
  const std::vector<std::string> words = split(id);
  const auto begins = [&](const std::string& literal) { return literal.rfind(words.front() + "_", 0) == 0; };
  return words.size() > 1 && std::any_of(names.literals.begin(), names.literals.end(), begins) &&
         std::all_of(words.begin(), words.end(), [&](const std::string& w) { return names.words.count(w) != 0; });
}

/// And the tables that a test shares with `dojosim validate`.
std::string with_tables(std::string source) {
  static const std::regex shared("#include \"(run/validation/[a-z_]+)\\.h\"");
  std::smatch found;
  if (std::regex_search(source, found, shared)) source += read_file(kSource + "/src/" + found[1].str() + ".cpp");
  return source;
}

bool is_row(const std::string& line) {
  return line.rfind("| ", 0) == 0 && line.rfind("| Id ", 0) != 0 && line.rfind("| What ", 0) != 0 &&
         line.rfind("| ---", 0) != 0;
}

TEST(ValidationDocument, EachRowHasItsTest) {
  std::vector<Names> files;
  for (const char* folder : {"/tests/validation", "/tests/scale"}) {
    for (const auto& entry : std::filesystem::directory_iterator(kSource + folder)) {
      if (entry.path().filename() != "documents_test.cpp")
        files.push_back(names_of(with_tables(read_file(entry.path()))));
    }
  }
  int rows = 0;
  std::set<std::string> ids;
  for (const std::string& line : lines_of_validation()) {
    if (!is_row(line)) continue;
    const std::string id = cells_of(line).at(0);
    const auto writes = [&](const Names& names) { return can_write(names, id); };
    EXPECT_TRUE(std::any_of(files.begin(), files.end(), writes))
        << "docs/validation.md: row " << id << " is written by no test; delete it";
    EXPECT_TRUE(ids.insert(id).second) << "docs/validation.md: row " << id << " is there twice";
    ++rows;
  }
  EXPECT_GT(rows, 100);
}

TEST(ValidationDocument, RowsWithoutATestAreSeen) {
  const Names names = names_of(R"(judge({"zero_load", ..., judge({"half_" + name; {"noc", 8}; "points_{}_end")");
  for (const char* id : {"zero_load", "half_noc", "points_8_end"}) EXPECT_TRUE(can_write(names, id)) << id;
  for (const char* id : {"zero", "half_hbm", "points_9_end", "noc_8"}) EXPECT_FALSE(can_write(names, id)) << id;
}

TEST(ValidationDocument, StaleFiguresAreSeen) {
  const Claim claim{"step", "a step", "work / rate", "s", 1, kNoLimit};
  const std::string row = "| step | a step | `work / rate` | 0.5 s | 1.36456 s | 2.729 | at least 1 x | enforced |";
  EXPECT_EQ(row_problem(row, claim, 0.5, 1.36456), "");
  EXPECT_EQ(row_problem(row, claim, 0.5, 1.3650), "") << "within 0.1 %";
  EXPECT_EQ(row_problem(row, claim, 0.5, 1.32361), "says 1.36456 s was measured; it is 1.32361 s");
  EXPECT_EQ(row_problem(row, claim, 0.6, 1.36456), "says 0.5 s is expected; it is 0.6 s");
  Claim other = claim;
  other.unit = "cycles";
  EXPECT_EQ(row_problem(row, other, 0.5, 1.36456), "says 0.5 s is expected; it is 0.5 cycles");
  other = claim;
  other.known_gap = true;
  EXPECT_EQ(row_problem(row, other, 0.5, 1.36456), "says 'enforced', expected 'known gap'");
}

/// Rows of the table on the first page are rows of docs/validation.md; their words may say more in front.
TEST(ValidationDocument, TheReadmeShowsItsRows) {
  std::vector<std::vector<std::string>> rows;  // what, formula, ratio, status
  std::string what;
  for (const std::string& line : lines_of_validation()) {
    if (!is_row(line)) continue;
    const std::vector<std::string> cells = cells_of(line);
    if (cells.at(1) != "the same") what = cells.at(1);
    rows.push_back({what, cells.at(2), cells.at(5), cells.at(7)});
  }
  std::istringstream readme(read_file(kSource + "/README.md"));
  bool inside = false;
  int shown = 0;
  for (std::string line; std::getline(readme, line);) {
    if (line.find("validation table: ") != std::string::npos) inside = line.find("begin") != std::string::npos;
    if (!inside || !is_row(line)) continue;
    const std::vector<std::string> cells = cells_of(line);
    const auto is_same = [&](const std::vector<std::string>& row) {
      const std::string& says = cells.at(0);
      return std::equal(row.begin() + 1, row.end(), cells.begin() + 1, cells.end()) && says.size() >= row[0].size() &&
             says.compare(says.size() - row[0].size(), row[0].size(), row[0]) == 0;
    };
    EXPECT_TRUE(std::any_of(rows.begin(), rows.end(), is_same)) << "docs/validation.md has no such row: " << line;
    ++shown;
  }
  EXPECT_GT(shown, 5);
}

}  // namespace
}  // namespace dojo::test
