// SPDX-License-Identifier: Apache-2.0
// `dojosim net`: its options, its errors, the section `net` of its report, sweeps, the same result for any threads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "support/program.h"

namespace dojo::test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using Words = std::vector<std::string>;

constexpr const char* kBase = "configs/net/reference_base.json";

Words net(const Words& more) {
  Words words{"net", kBase};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

void expect_refused(int code, const Words& words, const std::string& sentence) {
  const ProgramResult result = run_program(words);
  EXPECT_EQ(result.exit_code, code) << result.err;
  EXPECT_THAT(result.err, HasSubstr(sentence));
  EXPECT_THAT(result.out, IsEmpty());
}

TEST(Net, WrongOptionsAreRefused) {
  expect_refused(2, {"net"}, "nothing to send over");
  expect_refused(2, {"net", "--mesh", "8"}, "expected ROWSxCOLUMNS");
  expect_refused(2, {"net", "--mesh", "8x8x8"}, "expected ROWSxCOLUMNS");
  expect_refused(2, net({"--mesh", "0x8"}), "--mesh is '0x8'");
  expect_refused(2, net({"--mesh", "4000x4000"}), "at most 65535 sites");
  expect_refused(2, net({"--mesh", "256x256"}), "at most 65535 sites");
  expect_refused(2, net({"--mesh", "8x8", "--machine", "configs/machines/die.json"}), "expected one of them");
  expect_refused(2, net({"--sweep", "0.1,2"}), "expected auto, or loads above 0 and at most 1");
  expect_refused(2, net({"--patern", "uniform"}), "did you mean '--pattern'?");
}

TEST(Net, WrongValuesAreRefused) {
  expect_refused(3, net({"--set", "net.mesh.rows=0"}), "/net/mesh: found 0 x 8");
  expect_refused(3, net({"--set", "net.mesh.rows=4000", "--set", "net.mesh.columns=17"}), "at most 65535 sites");
  expect_refused(3, net({"--pattern", "unifrom"}), "did you mean \"uniform\"?");
  expect_refused(3, net({"--rate", "2"}), "/net/rate: found 2, expected a number");
  expect_refused(3, net({"--rate", "fast"}), "/net/rate: found \"fast\"");
  expect_refused(3, net({"--packet-flits", "0"}), "/net/packet_flits: found 0");
  expect_refused(3, net({"--pattern", "hotspot"}), "net.hotspots: found none");
  expect_refused(3, net({"--pattern", "hotspot", "--hotspot", "3,64"}), "found 64, expected 0 to 63");
  expect_refused(3, net({"--hotspot", "3"}), "choose pattern hotspot");
  expect_refused(3, net({"--model", "slow"}), "/run/network_model: found \"slow\"");
  expect_refused(3, net({"--set", "workload.steps=2"}), "does not use");
  expect_refused(3, net({"--set", "machine.noc.arbitration=age"}), "found \"age\", expected \"round_robin\"");
  expect_refused(3, net({"--set", "router.virtual_channels=9"}), "expected an integer, 1 to 8");
  expect_refused(3, net({"--set", "router.virtual_chanels=2"}), "expected \"router.virtual_channels\"");
  expect_refused(3, {"net", "configs/runs/matmul_die.json"}, "unknown key \"workload\"");
  expect_refused(3, {"run", kBase}, "give it to: dojosim net");
  expect_refused(5, {"net", "no_such.json"}, "cannot be opened");
}

TEST(Net, ReportsWhatTheContractNames) {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  const ProgramResult result =
      run_program(net({"--mesh", "4x6", "--pattern", "transpose", "--rate", "0.1", "--packet-flits", "4",
                       "--warmup-cycles", "1000", "--measure-cycles", "4000", "--seed", "7", "--out", out}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("24 nodes"), HasSubstr("network model reference")));
  const json report = read_report(out);
  EXPECT_EQ(report["schema"], "dojosim.report/1");
  EXPECT_EQ(report["seed"], 7);
  EXPECT_EQ(report["machine"]["nodes"], 24);
  EXPECT_EQ(report["fidelity"]["network_model"], "reference");
  const json& n = report["net"];
  EXPECT_EQ(n["pattern"], "transpose");
  EXPECT_EQ(n["warmup_cycles"], 1000);
  EXPECT_EQ(n["measured_cycles"], 4000);
  EXPECT_FALSE(n["saturated"].get<bool>());
  EXPECT_THAT(n["findings"], IsEmpty());
  EXPECT_NEAR(n["offered"].get<double>(), 0.1, 0.01);
  EXPECT_NEAR(n["accepted"].get<double>(), n["offered"].get<double>(), 0.003);
  const json& latency = n["packet_latency_cycles"];
  const double hops = n["hops_mean"], mean = latency["mean"];
  EXPECT_GE(mean, 3 * (hops + 1) + 2 + 3) << "no packet is faster than in an empty network";
  EXPECT_LE(latency["p50"].get<double>(), latency["p95"].get<double>());
  EXPECT_LE(latency["p95"].get<double>(), latency["p99"].get<double>());
  EXPECT_LE(latency["p99"].get<double>(), latency["max"].get<double>());
  EXPECT_LE(n["network_latency_mean_cycles"].get<double>(), mean);
  EXPECT_EQ(report["links"]["classes"]["noc"]["transfers"], n["flit_hops"]);
  EXPECT_EQ(report["links"]["classes"]["noc"]["count"], 2 * (4 * 5 + 3 * 6));
  EXPECT_NEAR(n["packet_hops"].get<double>() * 4, n["flit_hops"].get<double>(), 0.001 * n["flit_hops"].get<double>());
  EXPECT_GT(n["flit_hops_per_host_s"].get<double>(), 0);
  for (const char* file : {"report.txt", "report.html", "config.resolved.json", "links.csv"})
    EXPECT_TRUE(std::filesystem::exists(out + "/" + file)) << file;
  EXPECT_EQ(run_program({"report", out}).exit_code, 0);
}

TEST(Net, GoesAroundDeadParts) {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  for (const char* model : {"fast", "reference"}) {
    const ProgramResult result = run_program(
        {"net", "--machine", "configs/machines/die.json", "--set",
         "machine.defects=[{\"kind\":\"router\",\"path\":\"die.node[103].router\"}]", "--model", model, "--rate",
         "0.05", "--packet-flits", "8", "--warmup-cycles", "1000", "--measure-cycles", "4000", "--out", out});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr("% of 124,609 pairs"));
    const json report = read_report(out);
    EXPECT_EQ(report["machine"]["dead"]["routers"], 1);
    const json& detours = report["net"]["detours"];
    EXPECT_EQ(detours["pairs"], 353 * 353);
    EXPECT_EQ(detours["legs_max"], 2);
    EXPECT_EQ(report["links"]["classes"]["noc"]["count"], 2 * (18 * 19 + 17 * 20) - 8) << "four links are dead";
    EXPECT_EQ(report["net"]["packets_not_arrived"], 0);
    std::filesystem::remove_all(out);
  }
}

TEST(Net, WhatIsSetOfTheMachineHoldsForAPlainMesh) {
  const Words mesh{"--mesh", "8x8", "--warmup-cycles", "1000", "--measure-cycles", "2000", "--set"};
  const auto with = [&](const std::string& set) {
    Words words = mesh;
    words.push_back(set);
    return run_program(net(words));
  };
  const ProgramResult hurt = with("machine.defects=[{\"kind\":\"router\",\"path\":\"die.node[27].router\"}]");
  EXPECT_EQ(hurt.exit_code, 0) << hurt.err;
  EXPECT_THAT(hurt.out, AllOf(HasSubstr("63 nodes"), HasSubstr("detours")));
  const ProgramResult wrong = with("machine.defects=[{\"kind\":\"router\",\"path\":\"die.node[64].router\"}]");
  EXPECT_EQ(wrong.exit_code, 3);
  EXPECT_THAT(wrong.err, HasSubstr("node[64]"));
  const ProgramResult typo = with("machine.defcts=[]");
  EXPECT_EQ(typo.exit_code, 3);
  EXPECT_EQ(typo.err.find("defcts"), typo.err.rfind("machine.defcts=") + 8) << "said once: " << typo.err;
}

TEST(Net, ResolvedConfigRunsAgainWithTheSameResult) {
  const TemporaryFolder folder;
  const Words asked{"--mesh", "5x3", "--measure-cycles", "2000", "--warmup-cycles", "500"};
  Words first = net(asked), again{"net", folder / "a/config.resolved.json", "--out", folder / "b"};
  first.insert(first.end(), {"--out", folder / "a"});
  ASSERT_EQ(run_program(first).exit_code, 0);
  const ProgramResult result = run_program(again);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(read_report(folder / "a")["net"]["packet_latency_cycles"],
            read_report(folder / "b")["net"]["packet_latency_cycles"]);
}

TEST(Net, ThreadsDoNotChangeTheDigest) {
  const TemporaryFolder folder;
  std::vector<std::string> digests;
  for (const char* threads : {"1", "2", "4"}) {
    const std::string out = folder / threads;
    const ProgramResult result = run_program({"net", "--machine", "configs/machines/tile.json", "--model", "reference",
                                              "--rate", "0.005", "--packet-flits", "4", "--warmup-cycles", "600",
                                              "--measure-cycles", "400", "--threads", threads, "--out", out});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    digests.push_back(read_report(out)["digest"]);
  }
  EXPECT_EQ(digests[0], digests[1]);
  EXPECT_EQ(digests[0], digests[2]);
}

TEST(Net, TheFastModelTakesPlainMeshesAndMachines) {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  const ProgramResult result = run_program({"net", "--mesh", "6x6", "--model", "fast", "--pattern", "neighbor",
                                            "--rate", "0.001", "--packet-flits", "4", "--out", out});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json report = read_report(out);
  EXPECT_EQ(report["fidelity"]["network_model"], "fast");
  const json& n = report["net"];
  // Alone on the mesh: a cycle a hop, one more to the first router, one for each flit.
  const double expected = n["hops_mean"].get<double>() + 1 + 4;
  EXPECT_NEAR(n["packet_latency_cycles"]["mean"].get<double>(), expected, 0.01 * expected);
  const ProgramResult tile = run_program({"net", "--machine", "configs/machines/tile.json", "--model", "fast", "--rate",
                                          "0.002", "--measure-cycles", "300", "--out", folder / "tile"});
  ASSERT_EQ(tile.exit_code, 0) << tile.err;
  EXPECT_GT(read_report(folder / "tile")["links"]["classes"]["die_to_die"]["transfers"].get<double>(), 0);
}

TEST(Net, AnAreaOfDiesInjects) {
  const TemporaryFolder folder;
  const ProgramResult result =
      run_program({"net", "--machine", "configs/machines/tile.json", "--pattern", "mirror", "--area", "0,0,1,2",
                   "--rate", "0.01", "--measure-cycles", "2000", "--out", folder / "out"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json n = read_report(folder / "out")["net"];
  EXPECT_NEAR(n["accepted"].get<double>(), 0.01, 0.001) << "of a node that injects";
  EXPECT_NEAR(n["hops_mean"].get<double>(), 20, 1) << "across the edge between two dies of 20 columns";
  expect_refused(2, {"net", "--machine", "configs/machines/tile.json", "--area", "0,0"}, "expected ROW,COLUMN");
  expect_refused(3, {"net", "--machine", "configs/machines/tile.json", "--area", "0,2,5,4"},
                 "net.area: found 5 x 4 dies");
  expect_refused(3, {"net", "--machine", "configs/machines/tile.json", "--pattern", "exchange"},
                 "expected several tiles");
}

TEST(Net, SaturationIsAFindingAndNoError) {
  const ProgramResult result =
      run_program(net({"--rate", "0.9", "--warmup-cycles", "1000", "--measure-cycles", "2000", "--threads", "1"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("finding         saturated"));
}

TEST(Net, ASweepDrawsTheCurveAndFindsTheKnee) {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  const ProgramResult result = run_program(net({"--mesh", "4x4", "--packet-flits", "1", "--sweep", "0.9,0.2,0.5",
                                                "--warmup-cycles", "1000", "--measure-cycles", "2000", "--out", out}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("knee            0.5000"));
  const json report = read_report(out);
  const json& points = report["net"]["sweep"]["points"];
  ASSERT_EQ(points.size(), 3u);
  EXPECT_EQ(points[0]["rate"], 0.2);
  EXPECT_TRUE(points[2]["saturated"].get<bool>());
  EXPECT_LT(points[0]["packet_latency_cycles"]["mean"], points[1]["packet_latency_cycles"]["mean"]);
  EXPECT_EQ(report["net"]["rate"], 0.5) << "the figures beside the curve are those of the knee";
  EXPECT_TRUE(std::filesystem::exists(out + "/curve.csv"));
}

}  // namespace
}  // namespace dojo::test
