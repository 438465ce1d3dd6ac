// SPDX-License-Identifier: Apache-2.0
// `dojosim core` as a user meets it: figures, files, and a sentence with the right exit code for what is wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/program.h"

namespace dojo::test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

struct Refused {
  const char* name;
  std::vector<std::string> words;
  int exit_code;
  const char* sentence;
};
class RefusedCore : public testing::TestWithParam<Refused> {};

TEST_P(RefusedCore, HasItsSentenceAndExitCode) {
  std::vector<std::string> words{"core"};
  words.insert(words.end(), GetParam().words.begin(), GetParam().words.end());
  const ProgramResult result = run_program(words);
  EXPECT_EQ(result.exit_code, GetParam().exit_code);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(result.err, HasSubstr(GetParam().sentence));
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedCore,
    testing::Values(
        Refused{"Nothing", {}, 2, "the kernel or program is missing"},
        Refused{"UnknownKernel", {"matmull"}, 2, "unknown kernel 'matmull'; did you mean 'matmul'?"},
        Refused{"OptionOfAnotherKernel", {"matmul", "--lines", "3"}, 2, "--lines is no option of matmul"},
        Refused{"KernelOptionForAProgram", {"x.d1", "--m", "3"}, 2, "--m is no option of a program"},
        Refused{"ThreadsForAKernel", {"matmul", "--threads", "2"}, 2, "--threads is for programs"},
        Refused{"Blocks", {"matmul", "--blocks", "2"}, 2, "--blocks is '2'; expected ROWSxCOLUMNS"},
        Refused{"TraceFormat", {"matmul", "--trace-format", "vcd"}, 2, "--trace-format is 'vcd'; expected one of text"},
        Refused{"Communication",
                {"matmul", "--communication", "talk"},
                2,
                "--communication is 'talk'; expected one of none"},
        Refused{"EveryWithoutIt", {"matmul", "--every", "2"}, 2, "--every is for --communication receive or add"},
        Refused{"NoThreadLeft",
                {"matmul", "--communication", "moves", "--compute-threads", "4"},
                2,
                "--compute-threads is 4; expected at most 3"},
        Refused{"FormatWithoutTrace", {"matmul", "--trace-format", "text"}, 2, "--trace is missing"},
        Refused{"MaxCycles", {"matmul", "--max-cycles", "0"}, 2, "--max-cycles is 0; expected a whole number from 1"},
        Refused{"OverrideElsewhere",
                {"matmul", "--set", "machine.noc.hop_cycles=2"},
                2,
                "expected a parameter of a node, as in machine.node.load_ports=1"},
        Refused{"MissingProgram", {"missing.d1"}, 5, "missing.d1: cannot be opened"},
        Refused{"LinesBeyondAllNumbers",
                {"elementwise", "--lines", "1152921504606846976"},
                2,
                "--lines is 1152921504606846976; expected a whole number from 1 to 1073741824"},
        Refused{"NoRows", {"matmul", "--m", "0"}, 2, "--m is 0; expected a whole number from 1 to 1073741824"},
        Refused{"NegativeKeys", {"attention", "--keys", "-1"}, 2, "--keys is -1; expected a whole number from 1"},
        Refused{"ComputeThreads",
                {"matmul", "--compute-threads", "5"},
                2,
                "--compute-threads is 5; expected a whole number from 1 to 4"},
        Refused{"ThreadsOfAttention", {"attention", "--compute-threads", "1"}, 2, "--compute-threads is 1; expected 2"},
        Refused{"LargeBlocks", {"matmul", "--blocks", "9x9"}, 2, "--blocks is '9x9'; expected 1 to 4 rows and columns"},
        Refused{"NoBlocks", {"conv", "--blocks", "0x2"}, 2, "--blocks is '0x2'; expected 1 to 4 rows and columns"},
        Refused{"ManyBlocks", {"matmul", "--blocks", "4x2"}, 2, "--blocks is '4x2', 8 blocks; expected at most 6"},
        Refused{"Stride", {"conv", "--stride", "3"}, 2, "--stride is 3; expected a whole number from 1 to 2"},
        Refused{"ResultBytes", {"matmul", "--result-bytes", "3"}, 2, "--result-bytes is 3; expected 1, 2 or 4"},
        Refused{"NoSquares", {"transposition", "--lines", "12"}, 2, "--lines is 12; expected a multiple of 8"},
        Refused{"Every",
                {"copy", "--communication", "add", "--every", "0"},
                2,
                "--every is 0; expected a whole number from 1"},
        Refused{"SumsOfTheUnit",
                {"matmul", "--set", "machine.node.core.sums=unit", "--set", "machine.node.core.unit_sums=4"},
                3,
                "sums of a tile, with those that the matrix unit has for each thread: found 4, expected 1 to 2"},
        Refused{"TooLarge", {"matmul", "--m", "4096", "--k", "4096"}, 3, "the kernel product needs at least"},
        Refused{"UnknownKey",
                {"matmul", "--set", "machine.node.core.sram_bank=3"},
                3,
                "found unknown path \"machine.node.core.sram_bank\", expected \"machine.node.core.sram_banks\""},
        Refused{"UnknownNodeKey", {"matmul", "--set", "machine.node.load_port=3"}, 3, "machine.node.load_ports"},
        Refused{"OutOfRange",
                {"matmul", "--set", "machine.node.core.sram_banks=65"},
                3,
                "/machine/node/core/sram_banks: found 65, expected an integer, 1 to 64"},
        Refused{"WrongWord",
                {"matmul", "--set", "machine.node.core.sums=here"},
                3,
                "found \"here\", expected one of \"registers\", \"unit\""},
        Refused{"BeyondTheModel",
                {"matmul", "--set", "machine.node.load_ports=40"},
                3,
                "machine.node.load_ports: found 40, expected 1 to 8 for the pipeline of the core"},
        Refused{"FlopOfNoSuchUnit",
                {"fp32_matmul", "--set", "machine.node.fp32_flop_per_cycle=64"},
                3,
                "machine.node.fp32_flop_per_cycle: found 64, expected 32 for the pipeline of the core"},
        Refused{"TooFewCycles", {"matmul", "--max-cycles", "100"}, 4, "the programs have not ended after 100 cycles"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(CoreProgram, ThatIsWrongIsToldLineByLine) {
  const TemporaryFolder folder;
  const std::string file = folder.write("wrong.d1", "li v0 1\nloop 3\nvld v0\n");
  const ProgramResult result = run_program({"core", file});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err,
              AllOf(HasSubstr(file + ":1: found"), HasSubstr(file + ":2: found"), HasSubstr(file + ":3: found")));
}

TEST(CoreProgram, ArrivalsOutsideTheSramAreToldWithTheirLine) {
  const TemporaryFolder folder;
  const std::string file = folder.write("arrive.d1", "halt\n.arrive 1249984 2 1 9\n");
  const ProgramResult result = run_program({"core", file});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, StartsWith(file + ":2: .arrive: found 2 lines from address 1249984 on, expected addresses"));
  const ProgramResult semaphore = run_program({"core", file, "--set", "machine.node.core.semaphores=8"});
  EXPECT_THAT(semaphore.err, HasSubstr(file + ":2: .arrive: found semaphore 9, expected 0 to 7"));
}

TEST(CoreProgram, OfAFmaUnitThatThePipelineDoesNotHaveIsRefused) {
  const TemporaryFolder folder;
  const std::string file = folder.write("fma.d1", "fma v0 v0\n");
  const ProgramResult result = run_program({"core", file, "--set", "machine.node.fp32_flop_per_cycle=16"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("machine.node.fp32_flop_per_cycle: found 16, expected 32"));
}

TEST(CoreProgram, ThatWaitsForEverIsExitFour) {
  const TemporaryFolder folder;
  const std::string file = folder.write("waits.d1", "swait 7 2\n");
  const ProgramResult result = run_program({"core", file});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.err, HasSubstr(file + ":1: thread 0 waits for 2 of semaphore 7, which holds 0"));
}

TEST(CoreProgram, OfAPrintedKernelTakesTheSameTime) {
  const std::vector<std::string> kernel{"core", "matmul", "--m", "40", "--n", "24", "--k", "36"};
  const auto with = [&](const char* word) {
    std::vector<std::string> words = kernel;
    words.emplace_back(word);
    return run_program(words).out;
  };
  const TemporaryFolder folder;
  const std::string file = folder.write("printed.d1", with("--print"));
  const json direct = json::parse(with("--json")), again = json::parse(run_program({"core", file, "--json"}).out);
  EXPECT_EQ(direct.at("counters"), again.at("counters"));
  EXPECT_EQ(direct.at("counters").at("matrix_issues"), 5 * 3 * 9);
  EXPECT_FALSE(again.contains("formula_cycles"));
}

TEST(CoreProgram, RunsOnSeveralThreads) {
  const TemporaryFolder folder;
  const std::string file = folder.write("fma.d1", "loop 100\nfma v0 v0\nend\n");
  const auto cycles = [&](const char* threads) {
    return json::parse(run_program({"core", file, "--json", "--threads", threads}).out).at("cycles").get<double>();
  };
  EXPECT_NEAR(cycles("4") / cycles("1"), 1, 0.05) << "four chains of four cycles fill one unit";
}

TEST(CoreTrace, IsWrittenInEachFormat) {
  const TemporaryFolder folder;
  const std::string program = folder.write("p.d1", "vld v0 a0\nfma v1 v0\nvst v1 a0+64\n");
  const auto traced = [&](const std::string& format) {
    const std::string file = folder / ("trace." + format);
    EXPECT_EQ(run_program({"core", program, "--trace", file, "--trace-format", format}).exit_code, 0);
    return read_file(file);
  };
  const std::string text = traced("text");
  // Decoded in 1, the load leaves in 2 and its line is there in 7, the FMA leaves in 7 and ends in 11.
  EXPECT_THAT(text, AllOf(HasSubstr("vld v0 a0                       DL----\n"), HasSubstr(" D.....F---\n"),
                          HasSubstr(" DS\n")));
  EXPECT_THAT(traced("konata"), AllOf(StartsWith("Kanata\t0004\nC=\t0\n"), HasSubstr("S\t1\t0\tF\n")));
  const json events = json::parse(traced("perfetto")).at("traceEvents");
  ASSERT_EQ(events.size(), 1u + 2 * 3);
  EXPECT_EQ(events[1].at("ts"), 2);
  EXPECT_EQ(events[2].at("ts"), 7);
}

TEST(CoreTrace, EndsWithItsCycles) {
  const TemporaryFolder folder;
  const std::string file = folder / "t";
  ASSERT_EQ(run_program({"core", "matmul", "--trace", file, "--trace-cycles", "5"}).exit_code, 0);
  const std::string text = read_file(file);
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 2 + 4 * 8) << "at most 8 are decoded a cycle";
}

}  // namespace
}  // namespace dojo::test
