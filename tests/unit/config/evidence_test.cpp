// SPDX-License-Identifier: Apache-2.0
// Grades of values are those of docs/hardware.md; assumed numbers can be turned.
#include "dojo/config/evidence.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "dojo/base/error.h"
#include "dojo/schema/declared.h"

namespace dojo::config {
namespace {

/// The last of the cells of a row "| A01 | ... | P, D |", by its first.
std::map<std::string, std::string> grades_of_the_page() {
  std::ifstream in(std::string(DOJO_SOURCE_DIR) + "/docs/hardware.md");
  std::map<std::string, std::string> grades;
  for (std::string line; std::getline(in, line);) {
    if (line.size() < 10 || line.substr(0, 2) != "| " || line.substr(5, 2) != " |") continue;
    const auto last = line.rfind("| ", line.size() - 3);
    grades[line.substr(2, 3)] = line.substr(last + 2, line.size() - last - 4);
  }
  return grades;
}

/// The first letter counts: "P, D" is published, and derived in part.
Grade grade_of_letters(const std::string& letters) {
  switch (letters.front()) {
    case 'P':
      return Grade::kPublished;
    case 'T':
      return Grade::kThirdParty;
    case 'D':
      return Grade::kDerived;
    default:
      return Grade::kAssumed;
  }
}

TEST(Evidence, GradesAreThoseOfTheHardwarePage) {
  const auto page = grades_of_the_page();
  int rows = 0;
  for (const schema::Declared& one : schema::declarations_of<Machine>("machine.")) {
    if (one.source.size() != 3) continue;
    ASSERT_EQ(page.count(one.source), 1u) << one.source;
    EXPECT_EQ(grade_of(one.source), grade_of_letters(page.at(one.source))) << one.path << " " << one.source;
    ++rows;
  }
  EXPECT_GT(rows, 30);
  EXPECT_EQ(grade_of("assumed"), Grade::kAssumed);
  EXPECT_EQ(grade_of("derived"), Grade::kDerived);
  EXPECT_EQ(grade_of("chosen"), Grade::kChosen);
}

Grade grade_in(const Machine& machine, const std::string& key) {
  for (const Graded& one : graded_values(machine))
    if (one.key == key) return one.grade;
  ADD_FAILURE() << key;
  return Grade::kChosen;
}

TEST(Evidence, ValuesOfOnesOwnAreChosen) {
  Machine machine;
  EXPECT_EQ(grade_in(machine, "machine.die.crossing_ns"), Grade::kPublished);
  EXPECT_EQ(grade_in(machine, "machine.node.sram_latency_cycles"), Grade::kThirdParty);
  EXPECT_EQ(grade_in(machine, "machine.tile.tile_link_ns"), Grade::kAssumed);
  machine.die.crossing_ns = 50;
  EXPECT_EQ(grade_in(machine, "machine.die.crossing_ns"), Grade::kChosen);
}

TEST(Evidence, PartsThatTheMachineDoesNotHaveAreLeftOut) {
  Machine die;
  die.level = topology::Level::kDie;
  for (const Graded& one : graded_values(die)) {
    EXPECT_NE(one.key.rfind("machine.tile.dies.", 0), 0u) << one.key;
    EXPECT_NE(one.key.rfind("machine.exapod.", 0), 0u) << one.key;
  }
}

TEST(Evidence, AssumedNumbersAreTurnedByATenth) {
  bool has_latency = false, has_channels = false;
  for (const AssumedNumber& one : assumed_numbers(Machine{})) {
    EXPECT_LE(one.low, one.value) << one.key;
    EXPECT_GE(one.high, one.value) << one.key;
    EXPECT_LT(one.low, one.high) << one.key;
    EXPECT_EQ(one.key.rfind("machine.energy", 0), std::string::npos) << one.key;
    if (one.key == "machine.tile.tile_link_ns") {
      EXPECT_DOUBLE_EQ(one.low, 180);
      EXPECT_DOUBLE_EQ(one.high, 220);
      has_latency = true;
    }
    if (one.key == "machine.noc.virtual_channels") {
      EXPECT_EQ(one.low, 2) << "by at least 1";
      EXPECT_EQ(one.high, 4);
      has_channels = true;
    }
    EXPECT_NE(one.key, "machine.node.collective_semaphore_cycles") << "it is 0";
  }
  EXPECT_TRUE(has_latency && has_channels);
}

TEST(Evidence, NumbersArePutAtTheirKeys) {
  EXPECT_EQ(with_number({}, "machine.tile.tile_link_ns", 180).tile.tile_link_ns, 180);
  EXPECT_EQ(with_number({}, "machine.node.core.sram_banks", 15).node.core.sram_banks, 15);
  EXPECT_THROW((void)with_number({}, "machine.node.nothing", 1), Error);
  EXPECT_THROW((void)with_number({}, "machine.name", 1), Error);
  for (const AssumedNumber& one : assumed_numbers(Machine{})) (void)with_number({}, one.key, one.high);
}

}  // namespace
}  // namespace dojo::config
