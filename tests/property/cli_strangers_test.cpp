// SPDX-License-Identifier: Apache-2.0
// Files of strangers, unattended: no crash, no hang, nobody's file replaced, nothing that controls a terminal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zlib.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "support/program.h"

namespace dojo::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kDie = "configs/machines/die.json";

/// One rank with these operations.
std::string trace_of(const json& ops, int ranks = 1) {
  return json{{"format", "dojo.trace/1"},
              {"ranks", {{{"graph", 0}, {"ranks", ranks}}}},
              {"graphs", {{{"batch", 1}, {"ops", ops}}}}}
      .dump(1);
}

std::vector<std::string> on_die(const std::string& workload, const std::string& out) {
  return {"run", "--machine", kDie, "--workload", workload, "--set", "workload.rank_unit=die", "--out", out};
}

/// Through a shell, for redirections; the program is $P.
int shell(const std::string& command) {
  const std::string whole = "cd '" DOJO_SOURCE_DIR "' && P='" DOJO_PROGRAM "'; " + command;
  const int status = std::system(whole.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// A run whose operation takes longer than 2^32 cycles, by whatever way.
TEST(LongOperations, TakeTheTimeThatTheyTake) {
  const TemporaryFolder folder;
  struct Case {
    const char* name;
    json op;
    std::vector<std::string> more;
    double seconds;
  };
  const json recorded = {{"id", 0}, {"kind", "compute"}, {"duration_ns", 3'000'000'000}};
  const std::vector<Case> cases{
      {"duration", recorded, {}, 3.0},
      {"duration_scale", {{"id", 0}, {"kind", "compute"}, {"duration_ns", 3000}}, {"workload.duration_scale=1e6"}, 3.0},
      {"clock", {{"id", 0}, {"kind", "compute"}, {"duration_ns", 100'000'000}}, {"machine.clock_hz=1e11"}, 0.1},
      {"slow core", recorded, {R"(machine.slow_nodes=[{"path": "die.node[5]", "core_speed": 0.5}])"}, 6.0},
      // 2^41 FLOP for each of the 354 nodes, 512 a cycle, at 2 GHz.
      {"FLOP", {{"id", 0}, {"kind", "compute"}, {"flops", (std::int64_t{1} << 41) * 354}}, {}, 4294967296 / 2e9}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    std::vector<std::string> words = on_die(folder.write("t.json", trace_of(json::array({c.op}))), folder / "out");
    for (const std::string& set : c.more) words.insert(words.end(), {"--set", set});
    const ProgramResult result = run_program(words);
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const json report = read_report(folder / "out");
    EXPECT_NEAR(report["time"]["seconds"].get<double>(), c.seconds, c.seconds * 1e-3);
    EXPECT_LE(report["flops"]["utilisation"].get<double>(), 1.0);
  }
}

TEST(LongOperations, BeyondWhatCountersHoldAreRefusedWithTheirName) {
  const TemporaryFolder folder;
  json ops = json::array();
  for (int i = 0; i < 4; ++i) {
    ops.push_back({{"id", i}, {"name", "eternity"}, {"kind", "compute"}, {"duration_ns", std::int64_t{1} << 50}});
    if (i > 0) ops[static_cast<std::size_t>(i)]["deps"] = {i - 1};
  }
  std::vector<std::string> words = on_die(folder.write("t.json", trace_of(ops)), folder / "out");
  words.insert(words.end(), {"--set", "machine.clock_hz=1e11"});
  const ProgramResult result = run_program(words);
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, AllOf(HasSubstr("t.json: found "), HasSubstr("'eternity'"), HasSubstr("correct the")));
}

TEST(Writers, ReplaceRegularFilesOnly) {
  const TemporaryFolder folder;
  const std::string out = folder / "out", report = out + "/report.json";
  const std::string trace = folder.write("t.json", trace_of({{{"id", 0}, {"kind", "compute"}, {"flops", 1000}}}));
  ASSERT_EQ(run_program(on_die(trace, out)).exit_code, 0);
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  fs::create_symlink("/dev/null", folder / "device");
  fs::create_directory(folder / "folder");
  for (const char* name : {"pipe", "device", "folder"}) {
    const std::string place = folder / name;
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"compare", report, report, "--junit", place},
                                               {"compare", report, report, "--markdown", place},
                                               {"trace", "convert", trace, place},
                                               {"trace", "gen", "resnet50", "-o", place},
                                               {"trace", "rescale", trace, place, "--to-ranks", "2"}}) {
      const ProgramResult result = run_program(words);
      EXPECT_EQ(result.exit_code, 5) << testing::PrintToString(words);
      EXPECT_THAT(result.err, AllOf(HasSubstr(place), HasSubstr("expected a regular file")));
    }
  }
  EXPECT_TRUE(fs::is_fifo(folder / "pipe"));
  EXPECT_TRUE(fs::is_symlink(folder / "device"));
  // A file of a run folder that is a link leads to its target.
  fs::remove(report);
  fs::create_symlink("../kept.json", report);
  ASSERT_EQ(run_program(on_die(trace, out)).exit_code, 0);
  EXPECT_TRUE(fs::is_symlink(report) && fs::is_regular_file(folder / "kept.json"));
}

TEST(Writers, StandardOutputIsADash) {
  const TemporaryFolder folder;
  const std::string trace = folder.write("t.json", trace_of({{{"id", 0}, {"kind", "compute"}, {"flops", 1000}}}));
  const ProgramResult result = run_program({"trace", "convert", trace, "-"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(json::parse(result.out)["format"], "dojo.trace/1") << "nothing but the trace is there";
}

TEST(Writers, AKilledProgramsTemporaryGoesAtTheNextStart) {
  const TemporaryFolder folder;
  const std::string trace = folder.write("t.json", trace_of({{{"id", 0}, {"kind", "compute"}, {"flops", 1000}}}));
  fs::create_directory(folder / "out");
  folder.write("out/report.json.dojosim-1234-0.tmp", "half");
  folder.write("out/mine.tmp", "of the user");
  ASSERT_EQ(run_program(on_die(trace, folder / "out")).exit_code, 0);
  EXPECT_FALSE(fs::exists(folder / "out/report.json.dojosim-1234-0.tmp"));
  EXPECT_TRUE(fs::exists(folder / "out/mine.tmp"));
}

TEST(Crashes, AMachineWithoutAWorkingNodeIsAFinding) {
  const TemporaryFolder folder;
  const std::string machine =
      folder.write("m.json", R"({"level": "node", "defects": [{"path": "node", "kind": "core"}]})");
  for (const ProgramResult& result :
       {run_program({"topo", "check", machine}),
        run_program({"run", "--machine", machine, "--set", "workload.generate.model=resnet50"})}) {
    EXPECT_EQ(result.exit_code, 3) << result.err;
    EXPECT_THAT(result.err, HasSubstr("/defects: found no node whose core works"));
  }
}

TEST(Crashes, AListWhereAnObjectBelongsIsAFinding) {
  const TemporaryFolder folder;
  const std::string config =
      folder.write("c.json", R"({"machine": {"level": "die", "die": [0]}, "workload": {}, "run": [1]})");
  const ProgramResult result = run_program({"run", config});
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err, HasSubstr("/machine/die: found a list, expected an object"));
}

TEST(Crashes, DeepNestingIsASentenceEverywhere) {
  const TemporaryFolder folder;
  const std::string deep = std::string(200'000, '[');
  const std::string file = folder.write("deep.json", deep);
  const std::string minus = folder.write(
      "sweep.json", R"({"base": ")" DOJO_SOURCE_DIR R"(/configs/runs/resnet50_die.json", "axes": [{"path": "run.seed",
      "values": [1]}], "constraints": [")" +
                        std::string(1'000'001, '-') + R"(1 < 2"]})");
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"topo", "check", file},
                                             {"run", file},
                                             {"sweep", file, "--out", folder / "s"},
                                             {"compare", file, file},
                                             {"trace", "check", file}}) {
    const ProgramResult result = run_program(words);
    EXPECT_EQ(result.exit_code, 3) << words[0] << ": " << result.err;
    EXPECT_THAT(result.err, HasSubstr("64")) << words[0];
  }
  EXPECT_EQ(run_program({"sweep", minus, "--out", folder / "s", "--dry-run"}).exit_code, 0);
}

TEST(Crashes, StandardErrorThatIsClosedOrFullChangesNoExitCode) {
  EXPECT_EQ(shell("\"$P\" topo check no/such/file 2>/dev/full >/dev/null"), 5);
  EXPECT_EQ(shell("\"$P\" topo check no/such/file 2>&- >/dev/null"), 5);
  EXPECT_EQ(shell("\"$P\" list params >&- 2>/dev/null"), 5) << "what was promised on stdout is not there";
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  EXPECT_EQ(shell("\"$P\" run configs/runs/resnet50_die.json -v --out '" + out + "' 2>&- >/dev/null <&-"), 0);
  EXPECT_NO_THROW((void)read_report(out)) << "log lines must not land in a result";
}

/// The kernel sends a signal there, and the temporaries would stay.
TEST(Crashes, AFileBeyondTheLimitOfTheShellIsAnInputOutputError) {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  EXPECT_EQ(shell("ulimit -f 8; \"$P\" run configs/runs/matmul_die.json --out '" + out + "' >/dev/null 2>'" +
                  (folder / "err") + "'"),
            5);
  EXPECT_THAT(read_file(folder / "err"), HasSubstr("cannot write the file"));
  EXPECT_FALSE(std::filesystem::exists(out));
}

TEST(Crashes, ThreadsThatTheHostDoesNotGiveAreDoneWithout) {
  const TemporaryFolder folder;
  const std::string a = folder / "a", b = folder / "b";
  // A thread's stack of 8 MB does not fit 600 times into an address space of 2 GB.
  const std::string run = "\"$P\" run configs/runs/resnet50_die.json --set workload.generate.batch=1 ";
  ASSERT_EQ(shell(run + "--threads 1 --out '" + a + "' >/dev/null"), 0);
  ASSERT_EQ(
      shell("ulimit -v 2000000; " + run + "--threads 600 --out '" + b + "' >/dev/null 2>'" + (folder / "err") + "'"), 0)
      << read_file(folder / "err");
  EXPECT_EQ(read_report(a)["digest"], read_report(b)["digest"]);
  EXPECT_THAT(read_file(folder / "err"), HasSubstr("of 600 threads"));
}

TEST(Limits, APackedFileMayNotBecomeAHundredTimesThat) {
  const TemporaryFolder folder;
  const std::string file = folder / "bomb.json.gz";
  const std::string zeros(1 << 20, ' ');
  gzFile packed = gzopen(file.c_str(), "wb9");
  for (int i = 0; i < 128; ++i) gzwrite(packed, zeros.data(), static_cast<unsigned>(zeros.size()));
  gzclose(packed);
  const ProgramResult result = run_program({"trace", "info", file});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, AllOf(HasSubstr("unpack to more than"), HasSubstr("--max-input-mib")));
  EXPECT_LT(result.peak_rss_bytes, std::uint64_t{256} << 20) << "64 MiB, and twice that while it grows";
  EXPECT_THAT(run_program({"trace", "info", file, "--max-input-mib", "200"}).err, Not(HasSubstr("unpack")));
}

TEST(Limits, DevicesAndPipesAreReadToTheLimit) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"topo", "check", "/dev/zero"},
                                             {"run", "/dev/zero"},
                                             {"trace", "check", "/dev/zero", "--max-input-mib", "4"},
                                             {"sweep", "/dev/zero", "--out", "/nowhere"},
                                             {"compare", "/dev/zero", "/dev/zero", "--max-input-mib", "4"}}) {
    const ProgramResult result = run_program(words);
    EXPECT_EQ(result.exit_code, 3) << words[0];
    EXPECT_THAT(result.err, HasSubstr("/dev/zero: found more than")) << words[0];
  }
}

TEST(Limits, ManyFilesFromAFewBytesAreRefused) {
  const TemporaryFolder folder;
  const std::string trace =
      folder.write("t.json", trace_of({{{"id", 0}, {"kind", "compute"}, {"flops", 1000}}}, 76'486));
  const ProgramResult result = run_program({"trace", "convert", trace, folder / "many.et"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, AllOf(HasSubstr("76486 ranks"), HasSubstr("--max-output-files")));
}

TEST(Limits, BytesThatWouldTakeDaysAreRefused) {
  const TemporaryFolder folder;
  const std::string trace =
      folder.write("t.json", trace_of({{{"id", 0}, {"kind", "mem_load"}, {"bytes", std::int64_t{1} << 49}}}));
  std::vector<std::string> words = on_die(trace, folder / "out");
  words[2] = "configs/machines/tile.json";
  const ProgramResult full = run_program(words);
  EXPECT_EQ(full.exit_code, 3) << full.err;
  EXPECT_THAT(full.err, HasSubstr("expected at most the HBM's 32.000 GB"));
  words.insert(words.end(), {"--set", "machine.dip.hbm_bytes=1e15"});
  const ProgramResult result = run_program(words);
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("bursts"), HasSubstr("--max-bursts")));
  const ProgramResult wrapped =
      run_program({"run", "--machine", "configs/machines/tile.json", "--set", "workload.generate.model=all_reduce",
                   "--set", "workload.generate.bytes=9223372036854775807"});
  EXPECT_EQ(wrapped.exit_code, 3) << wrapped.err;
  EXPECT_THAT(wrapped.err, HasSubstr("found 9223372036854775807 bytes"));
  EXPECT_EQ(run_program({"trace", "rescale", trace, folder / "o.json", "--to-ranks", "4294967296"}).exit_code, 2);
}

TEST(Limits, AHundredThousandUnknownKeysTakeNoQuadraticTime) {
  const TemporaryFolder folder;
  std::string keys = R"({"level": "die")";
  for (int i = 0; i < 100'000; ++i) keys += ", \"k" + std::to_string(i) + "\": 1";
  const std::string file = folder.write("m.json", keys + "}");
  const ProgramResult result = run_program({"topo", "check", file});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("and 99000 more findings"));
}

TEST(Injection, NamesReachNoTerminalAndNoTableAsTheyAre) {
  const TemporaryFolder folder;
  const std::string name = "=cmd|'/c calc'!A1\x1b[2J<script>alert(1)</script>";
  const std::string trace =
      folder.write("t.json", trace_of({{{"id", 0}, {"name", name}, {"kind", "compute"}, {"flops", 1000}}}));
  const std::string slow =
      folder.write("u.json", trace_of({{{"id", 0}, {"name", name}, {"kind", "compute"}, {"flops", 9'000'000}}}));
  const ProgramResult a = run_program(on_die(trace, folder / "a"));
  ASSERT_EQ(a.exit_code, 0) << a.err;
  ASSERT_EQ(run_program(on_die(slow, folder / "b")).exit_code, 0);
  const std::string table = folder / "table.md";
  const ProgramResult compared =
      run_program({"compare", folder / "a/report.json", folder / "b/report.json", "--markdown", table});
  const ProgramResult bad = run_program({"topo", "check", "\x1b[2Jname"});
  for (const std::string& text : {a.out, a.err, compared.out, bad.err, read_file(folder / "a/report.txt"),
                                  run_program({"trace", "info", trace}).out}) {
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  }
  EXPECT_THAT(read_file(folder / "a/ops.csv"), AllOf(HasSubstr("'=cmd"), Not(HasSubstr("\n=cmd"))));
  for (const auto& entry : std::filesystem::directory_iterator(folder / "a"))  // a table is printed on terminals too
    EXPECT_THAT(read_file(entry.path().string()), Not(HasSubstr("\x1b"))) << entry.path();
  EXPECT_THAT(read_file(table), AllOf(HasSubstr("&#60;script&#62;"), Not(HasSubstr("<script"))));
  // In the page it is text of the island, which nothing in it can end.
  EXPECT_THAT(read_file(folder / "a/report.html"),
              AllOf(HasSubstr(R"(\u003cscript\u003ealert(1)\u003c/script\u003e)"), Not(HasSubstr("<script>alert"))));
}

TEST(Regressions, TwoEqualNetRunsCompareEqual) {
  const TemporaryFolder folder;
  for (const char* out : {"a", "b"}) {
    ASSERT_EQ(run_program({"net", "--mesh", "4x4", "--pattern", "uniform", "--rate", "0.1", "--packet-flits", "1",
                           "--warmup-cycles", "100", "--measure-cycles", "300", "--out", folder / out})
                  .exit_code,
              0);
  }
  const ProgramResult result = run_program({"compare", folder / "a/report.json", folder / "b/report.json"});
  EXPECT_EQ(result.exit_code, 0) << result.out;
}

/// The first moments too: whenever the signal comes, the run ends with 130 and a valid report, or was not yet loaded.
TEST(Signals, CountFromTheStart) {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  const int code = shell("\"$P\" run configs/runs/resnet50_tile.json --out '" + out +
                         "' >/dev/null 2>&1 & sleep 0.06; kill -TERM $!; wait $!");
  if (code == 128 + SIGTERM) GTEST_SKIP() << "the host had not started the program yet";
  EXPECT_EQ(code, 130);
  EXPECT_TRUE(read_report(out)["partial"].get<bool>());
}

TEST(Sweeps, AKilledOneTakesItsPointWithIt) {
  const TemporaryFolder folder;
  const std::string sweep =
      folder.write("sweep.json", R"({"base": ")" DOJO_SOURCE_DIR
                                 R"(/configs/runs/resnet50_tile.json", "axes": [{"path": "workload.generate.batch",
      "values": [64]}]})");
  const std::string out = folder / "out";
  // The point runs for many seconds; its process is gone shortly after that of the sweep.
  const std::string script =
      "\"$P\" sweep '" + sweep + "' --out '" + out +
      "' --jobs 1 >/dev/null 2>&1 & s=$!; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 "
      "20; do sleep 0.2; c=$(pgrep -P $s); [ -n \"$c\" ] && break; done; [ -n \"$c\" ] || exit 3; "
      "kill -KILL $s; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 0.5; "
      "kill -0 $c 2>/dev/null || exit 0; done; kill -KILL $c; exit 4";
  EXPECT_EQ(shell(script), 0);
}

}  // namespace
}  // namespace dojo::test
