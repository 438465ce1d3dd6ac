// SPDX-License-Identifier: Apache-2.0
// Wrong programs end with a sentence that names the line, what was found and what was expected. Right ones are read.
#include "dojo/core/assembler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dojo/base/error.h"
#include "support/core_programs.h"

namespace dojo::test {
namespace {

using core::assemble;
using core::Hardware;
using core::Op;
using testing::HasSubstr;

std::string all_lines(const Error& error) {
  std::string text;
  for (const std::string& line : error.lines()) text += line + "\n";
  return text;
}

/// The lines with which a text is refused; "" when it is not.
std::string refusal(const std::string& text, const Hardware& hardware = {}, ExitCode code = ExitCode::kInvalidInput,
                    Cycles most = core::kMostCycles) {
  try {
    (void)run_text(text, hardware, most);
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << all_lines(error);
    return all_lines(error);
  }
  return "";
}

struct Wrong {
  const char* what;
  const char* text;
  const char* sentence;
};

class WrongProgram : public testing::TestWithParam<Wrong> {};

TEST_P(WrongProgram, IsRefusedWithItsLine) {
  EXPECT_THAT(refusal(GetParam().text), HasSubstr(GetParam().sentence));
}

INSTANTIATE_TEST_SUITE_P(
    All, WrongProgram,
    testing::Values(
        Wrong{"NoInstruction", "# nothing\n\n", "test.d1:3: found no instruction, expected at least one"},
        Wrong{"UnknownWord", "li a0 0\nvldd v0 a0\n",
              "test.d1:2: found 'vldd', expected an instruction; did you mean 'vld'?"},
        Wrong{"UnknownDirective", ".threed 1\n", "found '.threed', expected an instruction; did you mean '.thread'?"},
        Wrong{"VectorWhereAScalarBelongs", "li v0 0\n", "found 'v0', expected a scalar register, a0 to a31"},
        Wrong{"ScalarWhereAVectorBelongs", "fma a0 v0\n", "found 'a0', expected a vector register, v0 to v31"},
        Wrong{"RegisterThatIsNot", "fma v32 v0\n", "found 'v32', expected a vector register, v0 to v31"},
        Wrong{"SumThatIsNot", "mm c16 v0 v1\n", "found 'c16', expected a sum, c0 to c15"},
        Wrong{"SumOfRegistersThatIsNot", "mm c8 v0 v1\n",
              "test.d1:1: found sum c8, expected c0 to c7 (machine.node.core.sums is registers)"},
        Wrong{"NoDestination", "fma\n", "found the end of the line, expected a vector register"},
        Wrong{"NoSecondOperand", "mm c0 v1\n",
              "found the end of the line, expected a vector register, v0 to v31, or an "},
        Wrong{"NoAddress", "vld v0\n", "found the end of the line, expected an address"},
        Wrong{"NumberForAnAddress", "vld v0 64\n", "found '64', expected an address: a register a0 to a31"},
        Wrong{"DisplacementThatIsNone", "vld v0 a0+x\n", "found 'a0+x', expected an address"},
        Wrong{"DisplacementTooLarge", "vld v0 a0+99999999999\n", "found 'a0+99999999999', expected an address"},
        Wrong{"TooManyOperands", "fma v0 v1 v2 v3 v4\n", "found 'v4', expected the end of the line"},
        Wrong{"OperandBehindAnAddress", "fma v0 a0 v1\n", "found 'v1', expected the end of the line"},
        Wrong{"ValueThatIsNone", "li a0 ten\n", "found 'ten', expected the value: a whole number"},
        Wrong{"NoValue", "addi a0\n", "found the end of the line, expected the value"},
        Wrong{"NoSemaphore", "swait\n", "found the end of the line, expected the semaphore"},
        Wrong{"SemaphoreThatIsNot", "sset 64\n", "found '64', expected the semaphore: a whole number from 0 to 63"},
        Wrong{"SignalOfNothing", "sset 1 0\n", "found '0', expected the count: a whole number from 1"},
        Wrong{"NoPackets", "send a0 0\n", "found '0', expected the packets: a whole number from 1 to 65535"},
        Wrong{"LoopOfNoTurns", "loop 0\nend\n", "found '0', expected the turns: a whole number from 1"},
        Wrong{"LoopWithoutEnd", "loop 3\nli a0 0\n", "test.d1:1: found a loop without end, expected 'end' before"},
        Wrong{"EndWithoutLoop", "li a0 0\nend\n", "test.d1:2: found 'end', expected a loop before it"},
        Wrong{"HaltInALoop", "loop 3\nhalt\nend\n", "test.d1:2: found 'halt', expected no halt inside a loop"},
        Wrong{"LoopsTooDeep", "loop 2\nloop 2\nloop 2\nloop 2\nloop 2\nloop 2\nloop 2\nloop 2\nloop 2\n",
              "test.d1:9: found 'loop', expected at most 8 loops inside each other"},
        Wrong{"ThreadThatIsNot", ".thread 4\nhalt\n", "found '4', expected the hardware thread"},
        Wrong{"ThreadTwice", ".thread 1\nhalt\n.thread 0\nhalt\n.thread 1\nhalt\n",
              "test.d1:5: found '1', expected a thread that has no program yet"},
        Wrong{"ArrivalsTwice", ".arrive 0 1\n.arrive 0 1\nhalt\n", "test.d1:2: found '.arrive', expected one .arrive"},
        Wrong{"ArrivalsOutside", ".arrive 1249984 2\nhalt\n", ".arrive: found 2 lines from address 1249984 on"},
        Wrong{
            "LoadOutside", "li a0 1249937\nvld v0 a0\n",
            "test.d1:2: 'vld v0 a0' of thread 0 in cycle 1: found bytes 1249937 to 1250000, expected addresses inside "
            "the SRAM, 0 to 1249999"},
        Wrong{"StoreBelowZero", "vst v0 a0-64\n", "test.d1:1: 'vst v0 a0-64' of thread 0 in cycle 1: found bytes -64"},
        Wrong{"SendOutside", "li a0 1240000\nsend a0 200\n", "'send a0 200' of thread 0"},
        Wrong{"LoadAndExecuteOutside", "fma v0 v1 a0+1250000\n", "found bytes 1250000 to 1250063"},
        Wrong{"SumAndItsRegisters", "mm c0 v8 v9\nfma v3 v10\n",
              "test.d1:2: found both c0 and one of its registers v0 to v3"}),
    [](const auto& test) { return std::string(test.param.what); });

TEST(WrongPrograms, AllMistakesOfATextAreToldAtOnce) {
  const std::string lines = refusal("li v0 1\nnope\nloop 2\nvld v0 b0\n");
  for (const char* place : {"test.d1:1:", "test.d1:2:", "test.d1:3:", "test.d1:4:"})
    EXPECT_THAT(lines, HasSubstr(place)) << lines;
}

TEST(WrongPrograms, WhatAMachineLacksIsRefused) {
  Hardware unit;
  unit.core.sums = topology::SumPlace::kUnit;
  EXPECT_THAT(refusal("mm c8 v0 v1\n", unit),
              HasSubstr("found sum c8, expected c0 to c7 (machine.node.core.sums is unit)"));
  EXPECT_THAT(refusal("vst c0 a0\n", unit), HasSubstr("found a sum in 'vst c0 a0', expected mrd or mm"));
  EXPECT_THAT(refusal("vld c0 a0\n", unit), HasSubstr("found a sum in 'vld c0 a0', expected mrd or mm"));
  Hardware few;
  few.core.semaphores = 8;
  EXPECT_THAT(refusal("sset 8\n", few), HasSubstr("test.d1:1: found semaphore 8, expected 0 to 7"));
}

TEST(WrongPrograms, HardwareBeyondTheModelIsRefused) {
  Hardware hardware;
  hardware.load_ports = 9;
  hardware.matrix_latency_cycles = 65;
  hardware.port_bytes_per_cycle = 128;
  hardware.core.scalar_entries = 65;
  const std::string lines = refusal("halt\n", hardware);
  EXPECT_THAT(lines, HasSubstr("machine.node.load_ports: found 9, expected 1 to 8"));
  EXPECT_THAT(lines, HasSubstr("machine.node.matrix_latency_cycles: found 65, expected 0 to 64"));
  EXPECT_THAT(lines, HasSubstr("machine.node.port_bytes_per_cycle: found 128, expected 64 for the pipeline"));
  EXPECT_THAT(lines, HasSubstr("machine.node.core.scalar_entries: found 65, expected 1 to 64"));
  hardware = {};
  hardware.core.vector_entries = 32;
  EXPECT_EQ(refusal(".thread 0\nhalt\n.thread 3\nhalt\n", hardware), "");
  EXPECT_THAT(refusal(".thread 0\nhalt\n.thread 1\nhalt\n.thread 3\nhalt\n", hardware),
              HasSubstr("machine.node.core.vector_entries: found 32, expected 1 to 16"));
}

TEST(Deadlock, OnASemaphoreThatNobodySignalsEndsAtOnce) {
  const std::string lines = refusal("li a0 0\nswait 3 2\nvst v0 a0\n", {}, ExitCode::kCannotFinish);
  EXPECT_THAT(lines, HasSubstr("every thread waits for a semaphore and nothing will signal it"));
  EXPECT_THAT(lines, HasSubstr("test.d1:2: thread 0 waits for 2 of semaphore 3, which holds 0"));
}
TEST(Deadlock, OfTwoThreadsNamesBoth) {
  const std::string lines =
      refusal(".thread 0\nswait 1\nsset 0\n.thread 1\nswait 0\nsset 1\n", {}, ExitCode::kCannotFinish);
  EXPECT_THAT(lines, HasSubstr("test.d1:2: thread 0 waits for 1 of semaphore 1"));
  EXPECT_THAT(lines, HasSubstr("test.d1:5: thread 1 waits for 1 of semaphore 0"));
}
TEST(Deadlock, ComesAfterTheLastPacket) {
  EXPECT_THAT(refusal(".arrive 0 3 10 5\nswait 5 4\n", {}, ExitCode::kCannotFinish),
              HasSubstr("waits for 4 of semaphore 5, which holds 3"));
  EXPECT_EQ(refusal(".arrive 0 4 10 5\nswait 5 4\n"), "");
}
TEST(Deadlock, IsNoneWhileAnEndlessThreadLives) {
  EXPECT_THAT(refusal(".thread 0\nswait 0\n.thread 1\nloop\nli a0 1\nend\n", {}, ExitCode::kCannotFinish, 1000),
              HasSubstr("the programs have not ended after 1000 cycles"));
}
TEST(EndlessLoop, OfEveryThreadMeetsTheLimit) {
  const std::string lines = refusal("loop\naddi a0 1\nend\n", {}, ExitCode::kCannotFinish, 5000);
  EXPECT_THAT(lines, HasSubstr("the programs have not ended after 5000 cycles; end their loops, or allow more cycles"));
  EXPECT_THAT(lines, HasSubstr("thread 0 is at"));
}

TEST(Assembler, ReadsEveryInstructionAndWritesItBack) {
  const std::vector<std::string> lines{"li a3 -7",
                                       "addi a3 64",
                                       "salu a1 a2 a3",
                                       "vld v0 a3+64",
                                       "vld2 c1 a3",
                                       "vld3 v1 a3-64",
                                       "vld4 v1 a3",
                                       "vst v0 a3",
                                       "fma v0 v1 v2 v3",
                                       "fma v0 v1 a3+64",
                                       "x v0 c1 v2",
                                       "mm c4 v1 v2",
                                       "mmz c4 v1 a3+64",
                                       "mrd v0 c4",
                                       "send a3 16",
                                       "swait 5 2",
                                       "sset 63 1",
                                       "loop 10",
                                       "loop",
                                       "end",
                                       "end",
                                       "halt"};
  std::string text;
  for (const std::string& line : lines) text += line + "   # a comment\n";
  const core::Assembly assembly = assemble(text, "x");
  const core::Program& program = assembly.programs[0];
  ASSERT_EQ(program.size(), lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(text_of(program.instructions[i]), lines[i]);
  EXPECT_TRUE(program.endless);
  EXPECT_EQ(program.place(2), "x:3");
}
TEST(Assembler, TakesCommasTabsAndMissingCounts) {
  const core::Assembly assembly = assemble("\tfma v0, v1,v2\r\nsend a0\nsset 1\n", "x");
  ASSERT_EQ(assembly.programs[0].size(), 4u) << "halt is added";
  EXPECT_EQ(text_of(assembly.programs[0].instructions[0]), "fma v0 v1 v2");
  EXPECT_EQ(assembly.programs[0].instructions[1].count, 1);
  EXPECT_EQ(assembly.programs[0].instructions[3].op, Op::kHalt);
}
TEST(Assembler, KeepsProgramsByThread) {
  const core::Assembly assembly = assemble(".arrive 128 7 3 9\n.thread 2\nli a0 1\n.thread 0\nli a1 1\nli a2 1\n", "x");
  EXPECT_EQ(assembly.threads(), 2);
  EXPECT_EQ(assembly.programs[2].size(), 2u);
  EXPECT_EQ(assembly.programs[0].size(), 3u);
  EXPECT_EQ(assembly.work().threads[1], nullptr);
  EXPECT_EQ(assembly.arrivals.address, 128u);
  EXPECT_EQ(assembly.arrivals.packets, 7);
  EXPECT_EQ(assembly.arrivals.every, 3);
  EXPECT_EQ(assembly.arrivals.semaphore, 9);
}
TEST(Assembler, EveryWordOfTheReferenceIsRead) {
  for (const core::OpText& op : core::op_texts()) {
    try {
      (void)assemble(std::string(op.word) + "\n", "x");
    } catch (const Error& error) {
      EXPECT_EQ(all_lines(error).find("expected an instruction"), std::string::npos) << op.word;
    }
  }
}

}  // namespace
}  // namespace dojo::test
