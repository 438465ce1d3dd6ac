// SPDX-License-Identifier: Apache-2.0
// The whole machine as plain data: one shard per die and per DIP, and the window loop that moves them through time.
// SystemC (or a test's plain loop) calls run_window() until done().
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/core/node_model.h"
#include "dojo/core/wave.h"
#include "dojo/fabric/network_model.h"
#include "dojo/machine/results.h"
#include "dojo/topology/topology.h"
#include "dojo/workload/program.h"

namespace dojo::machine {

using fabric::NetworkModel;

struct MachineSettings {
  std::uint32_t threads = 1;
  std::uint64_t seed = 1;
  // Longest trains, each of its kind. They are no parameters of the machine: tests change them.
  Bytes burst_bytes = 16384;    ///< of a message of one node
  Flits gather_on_die = 512;    ///< of a row or column of nodes, all senders together, where nothing leaves the die
  Flits gather_over_dies = 64;  ///< where it goes on to other dies of the slice
  bool all_links = false;       ///< Results::links holds every on-die link
  NetworkModel network_model = NetworkModel::kFast;
  bool copy_tasks = true;          ///< take records of tasks that another die has run from the same state
  bool rows_in_step = true;        ///< run one row of tiles for all as long as they do the same
  bool repeat_kernels = false;     ///< kernels of ranks of several dies take the time of an earlier run of theirs
  bool detailed = true;            ///< run the cores of Topology::detailed() cycle by cycle
  core::NodeFactory node_factory;  ///< makes those cores; none: the pipeline of this project
  bool record_tasks = false;       ///< task_times() knows when each task of each rank ran
  Cycles window_cycles = 0;        ///< tests: shorter windows than the lookahead; nothing may change
  bool reverse_order = false;      ///< tests: evaluate the shards of a window in reverse; nothing may change
};

/// Counters of one node as a user sees them through its modules.
struct NodeCounters {
  CoreCounters core;
  core::Counters pipeline;  ///< of a core that runs cycle by cycle
  fabric::PortUse sram;
  std::array<LinkCounters, 4> router_links{};  ///< outgoing: east, west, north, south (topology::Direction)
};
struct DipCounters {
  LinkCounters hbm, pcie, ethernet, ttp;  ///< ttp: DIP to die direction
};

/// When a task of a rank started, by its sequencer, and ended; kNever: not yet.
struct TaskTime {
  Cycles start = kNever, end = kNever;
};

struct Progress {
  Cycles now = 0;
  std::uint64_t tasks_done = 0, tasks_total = 0;
  std::uint64_t events = 0;
  std::uint64_t activity = 0;  ///< grows whenever a task ends, or a packet leaves or arrives
};

struct MachineState;

class Machine {
 public:
  Machine(const topology::Topology& topology, const workload::Workload& workload, const workload::Job& job,
          const MachineSettings& settings);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// Earliest cycle at which any shard has work; kNever when nothing is left.
  [[nodiscard]] Cycles next_time() const;
  /// Runs one window starting at next_time() and returns the new next_time(). Requires next_time() != kNever.
  Cycles run_window();
  /// All ranks have finished.
  [[nodiscard]] bool done() const;
  /// All ranks are; what may be left are credits and turns at edges, for which nothing waits.
  [[nodiscard]] bool ranks_done() const;
  /// Cycle of the last thing that happened (a rank's end, or the last event when unfinished).
  [[nodiscard]] Cycles end_cycle() const;
  [[nodiscard]] Progress progress() const;
  /// Ranks that still wait, for a job whose next_time() is kNever but is not done().
  [[nodiscard]] std::vector<WaitingRank> waiting() const;
  /// The same of cores that run cycle by cycle: which have not ended a step.
  [[nodiscard]] std::vector<std::string> waiting_cores() const;
  /// Packets that wait for credit at an edge, oldest first.
  [[nodiscard]] std::vector<std::string> blocked_packets() const;
  /// Folds all counters. Checks the conservation laws and throws Error(kInternal) when one is broken.
  [[nodiscard]] Results collect(bool interrupted = false) const;

  /// By task of the rank's program; empty without MachineSettings::record_tasks.
  [[nodiscard]] const std::vector<TaskTime>& task_times(RankId rank) const;
  [[nodiscard]] NodeCounters node_counters(DieId die, SiteIndex site) const;

  // Cores that run cycle by cycle (Topology::detailed()).
  [[nodiscard]] bool runs_detailed() const;
  /// What such a core is connected to.
  [[nodiscard]] core::NodeSite node_site(DieId die, SiteIndex site);
  /// Before the first window: this core instead of the one that the machine has made. What the network writes and reads
  /// in the node's SRAM goes over `network_side`. Both must outlive runs of windows, counters and collect().
  void connect(DieId die, SiteIndex site, core::NodeModel& core, core::MemoryPort& network_side);
  /// Before the first window: fills `wave`, which must outlive the runs of windows, with what this core does.
  void record(DieId die, SiteIndex site, core::Wave& wave);
  /// Before the first window: whoever calls run_window() also runs this die, by run_held(), cycle after cycle up to
  /// window_end(), and then calls close_window(). Nothing else changes.
  void hold(DieId die);
  void run_held(DieId die, Cycles until);
  [[nodiscard]] Cycles window_end() const;
  [[nodiscard]] Cycles window_length() const;
  /// Mail of the window changes hands. Only where dies are held.
  void close_window();
  [[nodiscard]] DipCounters dip_counters(std::uint32_t dip) const;
  [[nodiscard]] const topology::Topology& topology() const;

  /// Host bytes the run will need, estimated before anything is built (without SystemC modules).
  static std::uint64_t estimate_bytes(const topology::Topology& topology, std::uint64_t ranks,
                                      std::uint64_t tasks_per_rank, NetworkModel model = NetworkModel::kFast);

 private:
  std::unique_ptr<MachineState> impl_;
};

}  // namespace dojo::machine
