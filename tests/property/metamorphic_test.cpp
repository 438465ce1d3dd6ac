// SPDX-License-Identifier: Apache-2.0
// What must hold between two runs whatever a run gives by itself: a better machine is not slower and a worse one not
// faster, a change of units changes nothing, nor does a mirror, and hardly does the length of trains.
// What breaks a rule today is in metamorphic_gaps.inc with its size.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "dojo/base/error.h"
#include "dojo/schema/declared.h"
#include "support/run.h"
#include "support/temporary_folder.h"

namespace dojo::test {
namespace {

using Settings = std::vector<std::string>;

struct Job {
  std::string name;
  RunRequest request;
};

const TemporaryFolder& folder() {
  static const TemporaryFolder made;
  return made;
}

constexpr const char* kDie = "configs/machines/die.json";
constexpr const char* kTile = "configs/machines/tile.json";
const Settings kFourDies{"machine.tile.dies.rows=2", "machine.tile.dies.columns=2"};
const std::string kOnFourDies = R"(workload.rank_unit={"unit":"die","rows":2,"columns":2})";

Job product(const std::string& name, const char* machine, std::array<int, 3> mnk, const Settings& more = {}) {
  Settings set{fmt::format("workload.generate.m={}", mnk[0]), fmt::format("workload.generate.n={}", mnk[1]),
               fmt::format("workload.generate.k={}", mnk[2])};
  set.insert(set.end(), more.begin(), more.end());
  return {name, {"", machine, "configs/workloads/matmul_4096.json", set, {}}};
}
Job collective(const std::string& what, int kib, const char* algorithm = "") {
  Settings set = kFourDies;
  set.push_back("workload.generate.model=" + what);
  set.push_back(fmt::format("workload.generate.bytes={}", kib * 1024));
  if (*algorithm != '\0') set.push_back(fmt::format("workload.collective_algorithm={}", algorithm));
  return {fmt::format("{} {} KiB {}", what, kib, algorithm),
          {"", kTile, "configs/workloads/allreduce_64mib.json", set, {}}};
}
/// Operations of one graph, which `ranks` ranks run.
Job trace(const std::string& name, const char* machine, int ranks, const std::string& ops, const Settings& more = {}) {
  const std::string file = folder().write(
      name + ".json", fmt::format(R"({{"format": "dojo.trace/1", "ranks": [{{"graph": 0, "ranks": {}}}], "graphs": [{{)"
                                  R"("ops": [{}]}}]}})",
                                  ranks, ops));
  return {name, {"", machine, file, more, {}}};
}
std::string conv_op(int id, const char* kind, int n, int c, int side, int k, int window, int stride,
                    const char* deps = "") {
  return fmt::format(
      R"({{"id": {}, "kind": "{}", "conv": {{"n": {}, "c": {}, "h": {}, "w": {}, "k": {}, "r": {}, "s": {}, )"
      R"("stride": {}, "pad": {}}}, "deps": [{}]}})",
      id, kind, n, c, side, side, k, window, window, stride, window / 2, deps);
}
Job conv(const char* kind, int n, int c, int side, int k, int window, int stride = 1) {
  const std::string name = fmt::format("{} {}x{}x{} {}x{}-{}", kind, n, c, side, window, stride, k);
  return trace(name, kDie, 1, conv_op(0, kind, n, c, side, k, window, stride));
}

std::vector<Job> made_jobs() {
  std::vector<Job> all{product("256^3", kDie, {256, 256, 256}),
                       product("1024^3", kDie, {1024, 1024, 1024}),
                       product("64x4096x1024", kDie, {64, 4096, 1024}),
                       product("997x991x983", kDie, {997, 991, 983}),
                       product("2048x1024x512", kDie, {2048, 1024, 512}),
                       product("4096x64x2048", kDie, {4096, 64, 2048}),
                       product("1x4096x4096", kDie, {1, 4096, 4096}),
                       conv("conv", 7, 128, 28, 128, 3),
                       conv("conv", 8, 128, 28, 128, 3),
                       conv("conv", 2, 64, 56, 64, 3),
                       conv("conv", 4, 256, 14, 1024, 1),
                       conv("conv", 4, 128, 56, 128, 3, 2),
                       conv("conv", 1, 512, 7, 512, 3),
                       conv("conv_input_grad", 2, 128, 28, 128, 3),
                       conv("conv_weight_grad", 2, 128, 28, 128, 3),
                       conv("conv_weight_grad", 7, 512, 7, 512, 3)};
  for (const int kib : {4, 64, 1024, 4096}) all.push_back(collective("all_reduce", kib));
  for (const char* algorithm : {"tree", "ring", "mesh2d"}) all.push_back(collective("all_reduce", 512, algorithm));
  for (const int kib : {64, 1024}) {
    all.push_back(collective("all_gather", kib));
    all.push_back(collective("reduce_scatter", kib));
  }
  all.push_back(collective("all_to_all", 256));
  all.push_back(collective("broadcast", 256));
  Settings one_rank = kFourDies;
  one_rank.push_back(kOnFourDies);
  all.push_back(product("1024^3 on 2x2 dies", kTile, {1024, 1024, 1024}, one_rank));
  all.push_back(product("2048x512x1024 on 2x2 dies", kTile, {2048, 512, 1024}, one_rank));
  all.push_back(trace("conv on 2x2 dies", kTile, 1, conv_op(0, "conv", 4, 128, 28, 128, 3, 1), one_rank));
  all.push_back(trace("dips", kDie, 1,
                      R"({"id": 0, "kind": "mem_load", "bytes": 400000}, {"id": 1, "kind": "mem_store", "bytes": 400000,
                      "deps": [0]}, {"id": 2, "kind": "ingest", "bytes": 100000})"));
  all.push_back(trace("backlog", kTile, 4,
                      R"({"id": 0, "kind": "all_reduce", "bytes": 2097152}, {"id": 1, "kind": "matmul",
                      "matmul": {"m": 128, "n": 128, "k": 128}}, {"id": 2, "kind": "all_reduce", "bytes": 8192,
                      "deps": [1]})",
                      kFourDies));
  all.push_back(trace("beside", kTile, 4,
                      R"({"id": 0, "kind": "all_reduce", "bytes": 1048576}, {"id": 1, "kind": "matmul",
                      "matmul": {"m": 1024, "n": 512, "k": 512}})",
                      kFourDies));
  all.push_back(trace("small step", kTile, 4,
                      conv_op(0, "conv", 2, 64, 28, 64, 3, 1) + ", " +
                          R"({"id": 1, "kind": "batchnorm_stats", "elements": 100352, "channels": 64, "deps": [0]},
                      {"id": 2, "kind": "all_reduce", "bytes": 512, "deps": [1]},
                      {"id": 3, "kind": "batchnorm_apply", "elements": 100352, "channels": 64, "deps": [2]}, )" +
                          conv_op(4, "conv_weight_grad", 2, 64, 28, 64, 3, 1, "3") +
                          R"(, {"id": 5, "kind": "all_reduce", "bytes": 147456, "deps": [4]}, )" +
                          conv_op(6, "conv_input_grad", 2, 64, 28, 64, 3, 1, "3") +
                          R"(, {"id": 7, "kind": "optimizer", "elements": 36864, "deps": [5, 6]})",
                      kFourDies));
  return all;
}
const std::vector<Job>& jobs() {
  static const std::vector<Job> all = made_jobs();
  return all;
}

/// 0: refused.
double seconds(const Job& job, const Settings& more = {}, std::array<std::int64_t, 2> trains = {1, 1}) {
  RunRequest request = job.request;
  request.set.insert(request.set.end(), more.begin(), more.end());
  request.settings.trains_times = trains[0];
  request.settings.trains_over = trains[1];
  try {
    return run(request).seconds();
  } catch (const Error&) {
    return 0;
  }
}
/// The job's machine has such a parameter.
bool is_accepted(const Job& job, const std::string& setting) {
  RunRequest request = job.request;
  request.set.push_back(setting);
  try {
    (void)load(request);
    return true;
  } catch (const Error&) {
    return false;
  }
}
double baseline(const Job& job) {
  static std::map<std::string, double> known;
  const auto [at, is_new] = known.try_emplace(job.name, 0);
  if (is_new) at->second = seconds(job);
  EXPECT_GT(at->second, 0) << job.name << " does not run";
  return at->second;
}

/// Rates, latencies and sizes of the machine: whether more is better.
const std::map<std::string, bool>& more_is_better() {
  static const std::map<std::string, bool> all{{"machine.clock_hz", true},
                                               {"machine.node.matrix_rows", true},
                                               {"machine.node.matrix_columns", true},
                                               {"machine.node.matrix_depth", true},
                                               {"machine.node.fp32_flop_per_cycle", true},
                                               {"machine.node.sram_bytes", true},
                                               {"machine.node.sram_latency_cycles", false},
                                               {"machine.node.load_ports", true},
                                               {"machine.node.store_ports", true},
                                               {"machine.node.port_bytes_per_cycle", true},
                                               {"machine.node.noc_read_ports", true},
                                               {"machine.node.noc_write_ports", true},
                                               {"machine.node.communication_threads", true},
                                               {"machine.node.vector_bytes_per_cycle", true},
                                               {"machine.node.vector_latency_cycles", false},
                                               {"machine.node.matrix_latency_cycles", false},
                                               {"machine.node.scalar_latency_cycles", false},
                                               {"machine.node.kernel_launch_cycles", false},
                                               {"machine.node.semaphore_cycles", false},
                                               {"machine.node.collective_semaphore_cycles", false},
                                               {"machine.noc.link_bytes_per_cycle", true},
                                               {"machine.noc.hop_cycles", false},
                                               {"machine.noc.virtual_channels", true},
                                               {"machine.noc.buffer_packets_per_vc", true},
                                               {"machine.die.edge_bytes_per_s", true},
                                               {"machine.die.crossing_ns", false},
                                               {"machine.die.crossing_buffer_bytes", true},
                                               {"machine.tile.die_edge_out_bytes_per_s", true},
                                               {"machine.dip.hbm_bytes_per_s", true},
                                               {"machine.dip.hbm_efficiency", true},
                                               {"machine.dip.hbm_latency_ns", false},
                                               {"machine.dip.bridge_ns", false},
                                               {"machine.dip.ttp_bytes_per_s", true},
                                               {"machine.dip.ttp_link_ns", false},
                                               {"machine.dip.pcie_bytes_per_s", true},
                                               {"machine.dip.pcie_latency_ns", false}};
  return all;
}

/// A parameter turned to half and twice its value, as far as its range goes.
struct Turn {
  std::string path, text;
  bool better = false;
  [[nodiscard]] std::string setting() const { return path + "=" + text; }
};
std::vector<Turn> made_turns() {
  const std::map<std::string, double> zeros{{"machine.node.collective_semaphore_cycles", 5},
                                            {"machine.die.crossing_buffer_bytes", 1e7}};
  std::vector<Turn> turns;
  for (const schema::Declared& one : schema::declarations_of<topology::MachineParams>("machine.")) {
    const auto known = more_is_better().find(one.path);
    if (known == more_is_better().end()) continue;
    const double now = std::strtod(one.default_text.c_str(), nullptr);
    std::vector<double> values{now / 2, now * 2};
    if (now == 0) values = {zeros.at(one.path)};
    for (double value : values) {
      if (one.kind == schema::Kind::kInteger) value = std::floor(value);
      if (value == now || value < one.range.low || value > one.range.high) continue;
      turns.push_back({one.path, schema::number_text(value), (value > now) == known->second});
    }
  }
  return turns;
}
const std::vector<Turn>& turns() {
  static const std::vector<Turn> all = made_turns();
  return all;
}

/// A job and setting that break the rule, by which share.
struct Gap {
  std::string job, setting;
  double share;
};
/// A known gap may not grow by more than this, nor shrink without leaving the list.
constexpr double kGapDrift = 0.005, kTolerance = 0.005;
#include "metamorphic_gaps.inc"

const Gap* known_gap(const std::vector<Gap>& gaps, const std::string& job, const std::string& setting) {
  for (const Gap& gap : gaps) {
    if (gap.job == job && gap.setting == setting) return &gap;
  }
  return nullptr;
}

/// `share`: by how much the rule is broken.
void judge_share(const std::vector<Gap>& gaps, const std::string& job, const std::string& setting, double share) {
  const Gap* const gap = known_gap(gaps, job, setting);
  if (gap == nullptr) {
    EXPECT_LE(share, kTolerance) << job << " with " << setting;
  } else {
    EXPECT_GT(share, kTolerance) << job << " with " << setting << ": a gap no longer; take it out of the list";
    EXPECT_NEAR(share, gap->share, kGapDrift) << job << " with " << setting << ": the gap in the list has another size";
  }
}

TEST(Metamorphic, BetterIsNotSlowerAndWorseIsNotFaster) {
  for (const Job& job : jobs()) {
    for (const Turn& turn : turns()) {
      const double before = baseline(job), after = seconds(job, {turn.setting()});
      if (after == 0) continue;  // does not fit, or is refused
      judge_share(rate_gaps(), job.name, turn.setting(), turn.better ? after / before - 1 : 1 - after / before);
    }
  }
}

/// Each name in the list is a job and a setting.
TEST(Metamorphic, GapsAreOfJobsAndSettings) {
  for (const Gap& gap : rate_gaps()) {
    EXPECT_TRUE(std::any_of(jobs().begin(), jobs().end(), [&](const Job& job) { return job.name == gap.job; }));
    EXPECT_TRUE(std::any_of(turns().begin(), turns().end(), [&](const Turn& turn) {
      return turn.setting() == gap.setting;
    })) << gap.setting;
  }
}

/// Twice the clock, twice every rate in bytes/s, half of every ns.
TEST(Metamorphic, AnotherUnitOfTimeChangesNoCycle) {
  Settings faster;
  for (const schema::Declared& one : schema::declarations_of<topology::MachineParams>("machine.")) {
    const auto ends_in = [&](const std::string& end) {
      return one.path.size() > end.size() && one.path.compare(one.path.size() - end.size(), end.size(), end) == 0;
    };
    const double now = std::strtod(one.default_text.c_str(), nullptr);
    if (one.path == "machine.clock_hz" || ends_in("_bytes_per_s"))
      faster.push_back(one.path + "=" + schema::number_text(now * 2));
    if (ends_in("_ns")) faster.push_back(one.path + "=" + schema::number_text(now / 2));
  }
  ASSERT_GT(faster.size(), 10u);
  for (std::size_t i = 0; i < jobs().size(); ++i) {
    Settings known;  // a die has no crossings between tiles
    std::copy_if(faster.begin(), faster.end(), std::back_inserter(known),
                 [&](const std::string& setting) { return is_accepted(jobs()[i], setting); });
    ASSERT_GT(known.size(), 5u) << jobs()[i].name;
    EXPECT_NEAR(seconds(jobs()[i], known) * 2 / baseline(jobs()[i]), 1, 1e-9) << jobs()[i].name;
  }
}

/// Trains half and twice as long.
TEST(Metamorphic, TheLengthOfTrainsMattersLittle) {
  constexpr std::array<std::array<std::int64_t, 2>, 2> kLengths{{{1, 2}, {2, 1}}};
  for (const Job& job : jobs()) {
    for (const auto& length : kLengths) {
      const std::string setting = fmt::format("trains {}/{}", length[0], length[1]);
      const double share = std::abs(seconds(job, {}, length) / baseline(job) - 1);
      const Gap* const gap = known_gap(train_gaps(), job.name, setting);
      if (gap == nullptr) {
        EXPECT_LE(share, 0.02) << job.name << " with " << setting;
      } else {
        EXPECT_GT(share, 0.02) << job.name << " with " << setting << ": a gap no longer; take it out of the list";
        EXPECT_NEAR(share, gap->share, kGapDrift) << job.name << " with " << setting;
      }
    }
  }
}

/// Of 2 x 2 dies without disabled sites, whose ranks lie in another order: mirrored, and turned by half.
TEST(Metamorphic, AMirrorChangesNothing) {
  const Settings whole{"machine.die.enabled=360", "machine.die.disabled_sites=[]"};
  const auto place = [](std::array<int, 4> dies) {
    std::string text = "workload.placement={";
    for (int rank = 0; rank < 4; ++rank)
      text +=
          fmt::format(R"({}"{}": "tile.die[{}]")", rank == 0 ? "" : ", ", rank, dies[static_cast<std::size_t>(rank)]);
    return text + "}";
  };
  for (const char* what : {"all_reduce", "all_gather", "reduce_scatter", "all_to_all"}) {
    for (const int kib : {16, 512}) {
      const Job job = collective(what, kib);
      Settings straight = whole;
      straight.push_back(place({0, 1, 2, 3}));
      const double before = seconds(job, straight);
      ASSERT_GT(before, 0) << job.name;
      for (const std::array<int, 4> dies : {std::array{1, 0, 3, 2}, std::array{2, 3, 0, 1}, std::array{3, 2, 1, 0}}) {
        Settings mirrored = whole;
        mirrored.push_back(place(dies));
        const std::string setting = fmt::format("dies {}{}{}{}", dies[0], dies[1], dies[2], dies[3]);
        judge_share(mirror_gaps(), job.name, setting, std::abs(seconds(job, mirrored) / before - 1));
      }
    }
  }
}

TEST(Metamorphic, SevenImagesAreNotSlowerThanEight) {
  const std::vector<std::array<int, 4>> layers{{64, 56, 64, 3},   {256, 56, 64, 1},  {128, 28, 128, 3},
                                               {512, 28, 128, 1}, {256, 14, 256, 3}, {512, 7, 512, 3}};
  for (const auto& [c, side, k, window] : layers) {
    for (const char* kind : {"conv", "conv_input_grad", "conv_weight_grad"}) {
      const Job seven = conv(kind, 7, c, side, k, window), eight = conv(kind, 8, c, side, k, window);
      judge_share(image_gaps(), seven.name, "7 images", seconds(seven) / seconds(eight) - 1);
    }
  }
}

}  // namespace
}  // namespace dojo::test
