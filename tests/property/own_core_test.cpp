// SPDX-License-Identifier: Apache-2.0
// Cores of users behind sockets: what copies the built-in core gives the same digest, in the pool and inside the
// kernel; wrong ones end with a sentence.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "dojo/base/error.h"
#include "dojo/systemc/cores.h"
#include "dojo/systemc/simulation.h"
#include "support/run.h"

namespace dojo::test {
namespace {

using systemc::Cores;
using testing::AllOf;
using testing::HasSubstr;

/// The pipeline of this project, ticked by a thread of the kernel.
class ThreadPipeline final : public systemc::ThreadCore, private core::MemoryPort {
 public:
  ThreadPipeline(sc_core::sc_module_name name, const core::NodeSite& site, double clock_hz)
      : ThreadCore(name, site, clock_hz) {
    core::MemoryPort& memory_side = *this;
    model_ = core::make_pipeline_node({site.die, site.site, site.hardware, memory_side, site.network});
    SC_HAS_PROCESS(ThreadPipeline);
    SC_THREAD(main);
  }
  [[nodiscard]] core::Counters counters() const override { return model_->counters(); }

 private:
  Cycles access(std::uint32_t address, bool write, Cycles at) override {
    return CoreModule::access(address, write, at);
  }
  void main() {
    for (;;) {
      model_->start(wait_for_step(), now());
      for (;;) {
        for (std::int32_t semaphore = 0; semaphore < 64; ++semaphore)
          for (std::int64_t n = take_all(semaphore); n > 0; --n) model_->signal(semaphore, now());
        (void)model_->run(now());
        if (model_->done()) break;
        wait_cycle();
      }
      finish();
    }
  }
  std::unique_ptr<core::NodeModel> model_;
};

struct Late final : sc_core::sc_module {
  explicit Late(sc_core::sc_module_name name) : sc_module(name) {}
};

/// A plain core that does what its functions say.
struct Script {
  std::function<void(const core::NodeSite&, Cycles)> in_run;
  bool done_at_once = false, never_done = false, sleeps = false;
  std::int64_t matrix_issues = 0;  ///< that it says it has counted
};
class ScriptedCore final : public core::NodeModel {
 public:
  ScriptedCore(const core::NodeSite& site, const Script& script) : site_(site), script_(script) {}
  void start(const core::Step& step, Cycles) override { waits_ = step.waits, done_ = false; }
  void signal(std::int32_t semaphore, Cycles) override {
    for (core::Wait& wait : waits_)
      if (wait.semaphore == semaphore && wait.count > 0) --wait.count;
  }
  Cycles run(Cycles now) override {
    if (script_.in_run) script_.in_run(site_, now);
    const bool there = waits_[0].count == 0 && waits_[1].count == 0;
    if (script_.sleeps) return kNever;
    if (script_.done_at_once || (there && !script_.never_done)) done_ = true;
    return now + 1;
  }
  [[nodiscard]] bool done() const override { return done_; }
  [[nodiscard]] core::Counters counters() const override {
    core::Counters counters;
    counters.matrix_issues = static_cast<std::uint64_t>(script_.matrix_issues);
    return counters;
  }

 private:
  core::NodeSite site_;
  Script script_;
  std::array<core::Wait, core::kStepWaits> waits_{};
  bool done_ = true;
};

RunRequest request_of(const std::string& detailed, std::vector<std::string> more = {}) {
  std::vector<std::string> set{"workload.generate.m=192",
                               "workload.generate.n=192",
                               "workload.generate.k=128",
                               "machine.tile.dies.rows=1",
                               "machine.tile.dies.columns=2",
                               "machine.die.grid.rows=4",
                               "machine.die.grid.columns=4",
                               "machine.die.enabled=15",
                               "machine.die.disabled_sites=[7]",
                               "workload.rank_unit=tile",
                               "workload.ranks=1",
                               "run.network_model=reference",
                               "machine.detailed=" + detailed};
  set.insert(set.end(), more.begin(), more.end());
  return {"", "configs/machines/tile.json", "configs/workloads/matmul_4096.json", set, {}};
}

struct Outcome {
  systemc::Ending ending;
  machine::Results results;
  std::vector<DieId> in_kernel;
};
Outcome simulate(const RunRequest& request, const Cores& cores, const std::string& core) {
  JobRun ran = prepare(request);
  systemc::Simulation simulation(*ran.machine, &cores, core);
  const systemc::Ending ending = simulation.run({}, {});
  return {ending, ran.machine->collect(), simulation.kernel_dies()};
}
std::uint64_t digest(const Outcome& outcome) {
  EXPECT_EQ(outcome.ending, systemc::Ending::kFinished);
  return outcome.results.digest;
}
Cores with(const std::string& name, systemc::CoreFactory make) {
  Cores cores;
  cores.add(name, std::move(make));
  return cores;
}
Cores scripted(const Script& script) {
  return with("mine", systemc::plain_core([script](const core::NodeSite& site) {
                return std::make_unique<ScriptedCore>(site, script);
              }));
}
std::string refused(const Cores& cores, ExitCode code, const std::string& detailed = "[\"tile.die[0].node[3]\"]",
                    std::vector<std::string> more = {}) {
  try {
    (void)simulate(request_of(detailed, std::move(more)), cores, "mine");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  return "no error";
}

TEST(OwnCore, CopiesOfThePipelineGiveItsDigest) {
  const std::string all = "[\"tile\"]", some = "[\"tile.die[1]\", \"tile.die[0].row[2]\"]";
  const Cores plain = with("copy", systemc::plain_core(core::make_pipeline_node));
  const Cores thread = with("copy", [](const core::NodeSite& site, double clock_hz) {
    return std::make_unique<ThreadPipeline>("core", site, clock_hz);
  });
  for (const std::string& detailed : {all, some}) {
    const std::uint64_t direct = run(request_of(detailed)).results.digest;
    const Outcome sockets = simulate(request_of(detailed), Cores(), "pipeline");
    EXPECT_EQ(digest(sockets), direct) << "behind sockets";
    EXPECT_TRUE(sockets.in_kernel.empty());
    EXPECT_EQ(digest(simulate(request_of(detailed), plain, "copy")), direct) << "a user's class";
    const Outcome in_kernel = simulate(request_of(detailed), thread, "copy");
    EXPECT_EQ(in_kernel.in_kernel, (std::vector<DieId>{0, 1}));
    EXPECT_EQ(digest(in_kernel), direct) << "inside the kernel";
    RunRequest two = request_of(detailed);
    two.settings.threads = 2;
    EXPECT_EQ(digest(simulate(two, Cores(), "pipeline")), direct) << "two threads";
  }
}

/// Sockets count the time of a slow core as the core does: its cycles begin where the die's do.
TEST(OwnCore, SlowCoresGiveTheSameDigestBehindSockets) {
  const std::string some = "[\"tile.die[1]\"]";
  const std::vector<std::string> slow{
      R"(machine.slow_nodes=[{"path": "tile.die[1].node[2]", "core_speed": 0.37}, {"path": "tile.die[1].node[5]", "core_speed": 0.5}])"};
  const std::uint64_t direct = run(request_of(some, slow)).results.digest;
  EXPECT_NE(direct, run(request_of(some)).results.digest);
  EXPECT_EQ(digest(simulate(request_of(some, slow), Cores(), "pipeline")), direct);
  EXPECT_EQ(
      digest(simulate(request_of(some, slow), with("copy", systemc::plain_core(core::make_pipeline_node)), "copy")),
      direct);
  const Cores thread = with("copy", [](const core::NodeSite& site, double clock_hz) {
    return std::make_unique<ThreadPipeline>("core", site, clock_hz);
  });
  EXPECT_EQ(digest(simulate(request_of(some, slow), thread, "copy")), direct) << "inside the kernel";
}

TEST(OwnCore, OneDieInsideTheKernelBesideOthers) {
  const Cores thread = with("copy", [](const core::NodeSite& site, double clock_hz) {
    return std::make_unique<ThreadPipeline>("core", site, clock_hz);
  });
  const std::string one = "[\"tile.die[1].node[2]\"]";
  for (const char* network : {"run.network_model=fast", "run.network_model=reference"}) {
    const Outcome in_kernel = simulate(request_of(one, {network}), thread, "copy");
    EXPECT_EQ(in_kernel.in_kernel, std::vector<DieId>{1});
    EXPECT_EQ(digest(in_kernel), run(request_of(one, {network})).results.digest) << network;
  }
}

TEST(OwnCore, SocketsAndCountersAreFoundByThePathsOfReports) {
  JobRun ran = prepare(request_of("[\"tile.die[0].node[3]\"]"));
  systemc::Simulation simulation(*ran.machine);
  EXPECT_EQ(simulation.run({}, {}), systemc::Ending::kFinished);
  const std::string node = "tile.die[0].node[3]";
  for (const char* socket : {".core.memory", ".core.network", ".core.signals", ".sram.core", ".sram.router",
                             ".router.from_core", ".router.to_sram", ".router.signals"})
    EXPECT_NE(sc_core::sc_find_object((node + socket).c_str()), nullptr) << socket;
  const auto* core = dynamic_cast<const systemc::Core*>(sc_core::sc_find_object((node + ".core").c_str()));
  ASSERT_NE(core, nullptr);
  EXPECT_GT(core->counters().pipeline.matrix_issues, 0u);
  EXPECT_EQ(sc_core::sc_find_object("tile.die[0].node[2].core.memory"), nullptr);
}

TEST(OwnCore, PacketsOfCoresCrossDiesAndSignal) {
  // The core of node 3 sends one packet; that of node 2 of the other die ends its step when it has come.
  for (const char* network : {"run.network_model=fast", "run.network_model=reference"}) {
    std::int64_t sent = 0, ready = 0;
    Script script;
    script.in_run = [&](const core::NodeSite& site, Cycles now) {
      if (site.die != 0 || sent > 0) return;
      ready += site.network.ready() ? 1 : 0;
      ++sent;
      site.network.send({1, 2, 640, 8}, now);
    };
    const Outcome outcome =
        simulate(request_of("[\"tile.die[0].node[3]\", \"tile.die[1].node[2]\"]", {network}), scripted(script), "mine");
    EXPECT_EQ(outcome.ending, systemc::Ending::kFinished);
    EXPECT_EQ(sent, 1);
    EXPECT_EQ(ready, 1);
    EXPECT_GE(outcome.results.pipelines.packets_sent, 1u);
  }
}

TEST(OwnCore, WrongCoresEndWithASentence) {
  Script script;
  script.done_at_once = true;
  EXPECT_THAT(refused(scripted(script), ExitCode::kInvalidInput), HasSubstr("before its operands had come"));
  script = {};
  script.never_done = true;
  EXPECT_THAT(refused(scripted(script), ExitCode::kCannotFinish), HasSubstr("has not ended a step after"));
  const auto in_run = [](std::function<void(const core::NodeSite&, Cycles)> what) {
    Script made;
    made.in_run = std::move(what);
    return scripted(made);
  };
  const auto sends = [&](const core::Packet& packet) {
    return in_run([packet](const core::NodeSite& site, Cycles now) { site.network.send(packet, now); });
  };
  EXPECT_THAT(refused(sends({9, 0, 0, -1}), ExitCode::kInvalidInput), HasSubstr("site 0 of die 9"));
  EXPECT_THAT(refused(sends({0, 99, 0, -1}), ExitCode::kInvalidInput), HasSubstr("site 99 of die 0"));
  EXPECT_THAT(refused(sends({0, 4, 0, -1}), ExitCode::kInvalidInput), HasSubstr("does not run cycle by cycle"));
  EXPECT_THAT(refused(sends({0, 3, 0, 2}), ExitCode::kInvalidInput),
              HasSubstr("signals semaphore 2, expected 7 to 63"));
  EXPECT_THAT(refused(sends({0, 3, 0, 64}), ExitCode::kInvalidInput), HasSubstr("semaphore 64"));
  EXPECT_THAT(refused(sends({0, 3, 1250000, -1}), ExitCode::kInvalidInput), HasSubstr("byte 1250000 of an SRAM"));
  EXPECT_THAT(refused(in_run([](const core::NodeSite& site, Cycles now) {
                        for (int i = 0; i < 100; ++i) site.network.send({0, 3, 0, -1}, now);
                      }),
                      ExitCode::kInvalidInput),
              HasSubstr("ready() first"));
  EXPECT_THAT(refused(in_run([](const core::NodeSite& site, Cycles now) { site.memory.access(0, false, now - 1); }),
                      ExitCode::kInvalidInput),
              HasSubstr("an access to its SRAM for cycle"));
  EXPECT_THAT(refused(in_run([](const core::NodeSite& site, Cycles now) { site.memory.access(0, false, now + 65); }),
                      ExitCode::kInvalidInput),
              HasSubstr("an access to its SRAM for cycle"));
  EXPECT_THAT(refused(in_run([](const core::NodeSite& site, Cycles now) { site.memory.access(1u << 30, true, now); }),
                      ExitCode::kInvalidInput),
              HasSubstr("core.memory"));
}

/// What a core of a user throws, or asks of the kernel where it must not, is said with its name and its node.
TEST(OwnCore, WhateverAPlainCoreThrowsNamesItAndItsNode) {
  const std::string who = "the core 'mine' of tile.die[0].node[3]: ";
  const auto in_run = [&](std::function<void()> what, ExitCode code = ExitCode::kInvalidInput) {
    Script made;
    made.in_run = [what = std::move(what)](const core::NodeSite&, Cycles) { what(); };
    return refused(scripted(made), code);
  };
  EXPECT_EQ(in_run([] { throw 7; }), who + "found an exception of its own that is no std::exception, expected none");
  EXPECT_EQ(in_run([] { throw std::runtime_error("my own mistake"); }),
            who + "found an exception of its own (my own mistake), expected none");
  EXPECT_EQ(in_run([] { throw Error(ExitCode::kInvalidInput, "a word of mine"); }), who + "a word of mine");
  EXPECT_EQ(in_run([] { throw std::bad_alloc(); }, ExitCode::kHostMemory),
            who + "found no more memory of the host for what it asks for");
  EXPECT_THAT(in_run([] { sc_core::sc_event().notify(); }),
              testing::StartsWith(who + "found a call of sc_event::notify(), expected none"));
  EXPECT_THAT(in_run([] { sc_core::sc_event().notify(sc_core::SC_ZERO_TIME); }),
              testing::StartsWith(who + "found a call of sc_event::notify(), expected none"));
  EXPECT_THAT(in_run([] { sc_core::wait(1, sc_core::SC_NS); }),
              AllOf(testing::StartsWith(who), HasSubstr("expected no wait() in a core without a process")));
  EXPECT_THAT(in_run([] { const Late late("late"); }),
              AllOf(testing::StartsWith(who), HasSubstr("expected a core that makes its modules in its constructor")));
  Script counts;
  counts.matrix_issues = -5;
  EXPECT_EQ(refused(scripted(counts), ExitCode::kInvalidInput),
            who + "found matrix_issues -5 in its counters(), expected 0 or more");
  const Cores unmade = with("mine", systemc::plain_core([](const core::NodeSite&) -> std::unique_ptr<core::NodeModel> {
                              throw std::runtime_error("no licence");
                            }));
  EXPECT_EQ(refused(unmade, ExitCode::kInvalidInput),
            who + "found an exception of its own (no licence), expected none");
}

/// The same on threads of the host.
TEST(OwnCore, WhatACoreThrowsInThePoolNamesItsNode) {
  Script script;
  script.in_run = [](const core::NodeSite& site, Cycles) {
    if (site.die == 1) throw 7;
  };
  RunRequest two = request_of("[\"tile.die[0].node[3]\", \"tile.die[1].node[2]\"]");
  two.settings.threads = 2;
  try {
    (void)simulate(two, scripted(script), "mine");
    FAIL() << "it throws in its first cycle";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("the core 'mine' of tile.die[1].node[2]: found an exception"));
  }
}

TEST(OwnCore, ACoreThatSleepsForEverCannotFinish) {
  Script script;
  script.sleeps = true;
  JobRun ran = prepare(request_of("[\"tile.die[0].node[3]\"]"));
  const Cores cores = scripted(script);
  systemc::Simulation simulation(*ran.machine, &cores, "mine");
  EXPECT_EQ(simulation.run({}, {}), systemc::Ending::kCannotFinish);
  const machine::Results results = ran.machine->collect();
  EXPECT_THAT(results.waiting_cores,
              testing::ElementsAre(AllOf(HasSubstr("node[3]: its core has not ended a step"),
                                         HasSubstr("sleeps though it has all that it waits for"))));
}

class Bare : public systemc::CoreModule {
 public:
  Bare(const char* name, const core::NodeSite& site, double clock_hz) : CoreModule(name, site, clock_hz) {}
  void start(const core::Step&, Cycles) override {}
  void signal(std::int32_t, Cycles) override {}
  Cycles run(Cycles) override { return kNever; }
  [[nodiscard]] bool done() const override { return true; }
  [[nodiscard]] core::Counters counters() const override { return {}; }
};
struct WithOpenPort final : Bare {
  using Bare::Bare;
  sc_core::sc_in<bool> open{"open"};
};
struct WithoutThread final : systemc::ThreadCore {
  WithoutThread(const core::NodeSite& site, double clock_hz) : ThreadCore("core", site, clock_hz) {}
};
/// In its thread.
struct Throws final : systemc::ThreadCore {
  Throws(const core::NodeSite& site, double clock_hz, std::function<void()> wrong)
      : ThreadCore("core", site, clock_hz), what(std::move(wrong)) {
    SC_HAS_PROCESS(Throws);
    SC_THREAD(main);
  }
  void main() {
    (void)wait_for_step();
    what();
  }
  std::function<void()> what;
};

/// Calls its sockets as the approximately timed protocol does, or waits in a core without a process.
struct Misused final : Bare {
  enum class How { kMemory, kNetwork, kWait };
  Misused(const core::NodeSite& site, double clock_hz, How wrong) : Bare("core", site, clock_hz), how(wrong) {}
  Cycles run(Cycles) override {
    if (how == How::kWait) {
      sc_core::wait(1, sc_core::SC_NS);
      return kNever;
    }
    tlm::tlm_generic_payload payload;
    tlm::tlm_phase phase = tlm::BEGIN_REQ;
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    (void)(how == How::kMemory ? memory->nb_transport_fw(payload, phase, delay)
                               : network->nb_transport_fw(payload, phase, delay));
    return kNever;
  }
  [[nodiscard]] bool done() const override { return false; }
  How how;
};

TEST(OwnCore, MisusedSocketsAndWaitsEndWithASentence) {
  const auto misused = [](Misused::How how) {
    return refused(
        with("mine", [how](const core::NodeSite& site, double hz) { return std::make_unique<Misused>(site, hz, how); }),
        ExitCode::kInvalidInput);
  };
  EXPECT_THAT(misused(Misused::How::kMemory), HasSubstr("node[3].sram: found a call of nb_transport_fw"));
  EXPECT_THAT(misused(Misused::How::kNetwork), HasSubstr("node[3].router: found a call of nb_transport_fw"));
  EXPECT_THAT(misused(Misused::How::kWait), AllOf(testing::StartsWith("the core 'mine' of tile.die[0].node[3]: "),
                                                  HasSubstr("wait() is only allowed in SC_THREADs")));
}

TEST(OwnCore, WrongModulesEndWithASentence) {
  const auto module = [](auto make) { return with("mine", make); };
  EXPECT_THAT(refused(module([](const core::NodeSite&, double) { return std::unique_ptr<systemc::CoreModule>(); }),
                      ExitCode::kInvalidInput),
              HasSubstr("found no core"));
  EXPECT_THAT(
      refused(module([](const core::NodeSite& site, double hz) { return std::make_unique<Bare>("heart", site, hz); }),
              ExitCode::kInvalidInput),
      HasSubstr("give CoreModule the name \"core\""));
  EXPECT_THAT(
      refused(module([](const core::NodeSite& site, double hz) { return std::make_unique<WithoutThread>(site, hz); }),
              ExitCode::kInvalidInput),
      HasSubstr("without a process"));
  EXPECT_THAT(refused(module([](const core::NodeSite& site, double hz) {
                        return std::make_unique<WithOpenPort>("core", site, hz);
                      }),
                      ExitCode::kInvalidInput),
              HasSubstr("port not bound"));
  const auto thread = [&](const std::function<void()>& what) {
    return refused(
        module([what](const core::NodeSite& site, double hz) { return std::make_unique<Throws>(site, hz, what); }),
        ExitCode::kInvalidInput);
  };
  const std::string who = "the core 'mine' of tile.die[0].node[3]: its process main has failed";
  EXPECT_THAT(thread([] { throw std::runtime_error("my own mistake"); }),
              AllOf(testing::StartsWith(who), HasSubstr("my own mistake")));
  EXPECT_THAT(thread([] { throw 7; }), testing::StartsWith(who));
  EXPECT_THAT(thread([] { const Late late("late"); }),
              AllOf(testing::StartsWith(who), HasSubstr("insert module failed")));
  EXPECT_THAT(
      refused(
          with("mine", systemc::plain_core([](const core::NodeSite&) { return std::unique_ptr<core::NodeModel>(); })),
          ExitCode::kInvalidInput),
      HasSubstr("found no core"));
}

TEST(OwnCore, NamesAreKnownAndSingle) {
  EXPECT_THAT(refused(Cores(), ExitCode::kInvalidInput),
              HasSubstr("run.detailed_core: found \"mine\", expected one of pipeline"));
  const auto add = [](const std::string& name, systemc::CoreFactory make) {
    try {
      Cores().add(name, std::move(make));
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  const systemc::CoreFactory any = systemc::plain_core(core::make_pipeline_node);
  EXPECT_THAT(add("", any), HasSubstr("found no name"));
  EXPECT_THAT(add("mine", {}), HasSubstr("found no factory"));
  EXPECT_THAT(add("pipeline", any), HasSubstr("another name"));
}

}  // namespace
}  // namespace dojo::test
