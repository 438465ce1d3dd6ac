// SPDX-License-Identifier: Apache-2.0
// Recordings: what is read, and all that is wrong said at once.
#include "dojo/replay/events.h"

#include <gmock/gmock.h>

#include "dojo/base/error.h"
#include "support/temporary_folder.h"

namespace dojo::replay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr Bounds kChip{10, 12, 2};

std::string event(const std::string& type, int time, const std::string& more = "") {
  return R"({"proc": "BRISC", "sx": 1, "sy": 2, "type": ")" + type + R"(", "timestamp": )" + std::to_string(time) +
         more + "}";
}
std::string read(int time) {
  return event("READ", time, R"(, "noc": "NOC_1", "dx": 3, "dy": 4, "num_bytes": 64)");
}

Recording recording(const std::string& text, const Bounds& bounds = kChip) {
  const test::TemporaryFolder folder;
  return read_recording(folder.write("events.json", text), bounds);
}

std::vector<std::string> findings(const std::string& text, const Bounds& bounds = kChip) {
  try {
    (void)recording(text, bounds);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
    return error.lines();
  }
  return {};
}

TEST(Recordings, AreReadInTheOrderOfTime) {
  const Recording found =
      recording("[" + read(1100) + "," + event("READ_BARRIER_START", 1200) + "," + read(1000) + "," +
                event("READ_BARRIER_END", 1300) + R"(,{"zone": "BRISC-KERNEL", "timestamp": 900}])");
  ASSERT_EQ(found.processors.size(), 1u);
  EXPECT_EQ(found.transfers, 2);
  EXPECT_EQ(found.bytes, 128);
  const Processor& processor = found.processors[0];
  EXPECT_EQ(processor.name, "BRISC");
  EXPECT_EQ(processor.at.x, 1);
  EXPECT_EQ(processor.at.y, 2);
  std::vector<Cycles> times;
  for (const Event& one : processor.events) times.push_back(one.time);
  EXPECT_THAT(times, ElementsAre(0, 100, 200, 300));
  EXPECT_EQ(processor.events[0].network, 1);
  EXPECT_EQ(processor.events[0].peer.x, 3);
  EXPECT_EQ(processor.events[3].kind, Event::Kind::kBarrierEnd);
}

TEST(Recordings, SayAllThatIsWrong) {
  const std::string wrong_place = event("READ", 5, R"(, "noc": "NOC_0", "dx": 10, "dy": -1, "num_bytes": 0)");
  const std::string wrong_kind = event("DANCE", 6),
                    no_network = event("READ", 7, R"(, "dx": 1, "dy": 1, "num_bytes": 4)");
  EXPECT_THAT(
      findings("[" + wrong_place + ",\n" + wrong_kind + ",\n" + no_network + ",\n7]"),
      ElementsAre(HasSubstr(":1: dx: found 10, expected a number from 0 to 9"), HasSubstr(":1: dy: found -1"),
                  HasSubstr(":1: num_bytes: found 0"), HasSubstr(":2: type: found 'DANCE', expected one of READ"),
                  HasSubstr(":3: noc: found none, expected \"NOC_0\" or \"NOC_1\""),
                  HasSubstr(":4: found 7, expected an event")));
}

TEST(Recordings, HaveBarriersInPairs) {
  EXPECT_THAT(findings("[" + read(1) + "," + event("READ_BARRIER_START", 2) + "]"),
              ElementsAre(HasSubstr("never ends")));
  EXPECT_THAT(findings("[" + read(1) + "," + event("READ_BARRIER_END", 2) + "]"),
              ElementsAre(HasSubstr("expected a start of this barrier")));
  EXPECT_THAT(findings("[" + event("READ_BARRIER_START", 2) + "," + read(3) + "]"),
              ElementsAre(HasSubstr("expected the end of the barrier of line 1")));
}

TEST(Recordings, ThatAreNoneAreRefused) {
  EXPECT_THAT(findings(""), ElementsAre(HasSubstr("not valid JSON")));
  EXPECT_THAT(findings("[" + read(1) + ","), ElementsAre(HasSubstr("the file is cut")));
  EXPECT_THAT(findings("[]"), ElementsAre(HasSubstr("found no READ and no WRITE")));
  EXPECT_THAT(findings("[" + read(1) + "]", {10, 12, 1}), ElementsAre(HasSubstr("machine.noc.networks is 1")));
  EXPECT_THAT(findings("[" + read(1) + "," + event("READ_BARRIER_START", 2000000000) + "]"),
              ElementsAre(HasSubstr("expected at most 1073741824")));
}

}  // namespace
}  // namespace dojo::replay
