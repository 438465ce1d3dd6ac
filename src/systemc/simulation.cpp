// SPDX-License-Identifier: Apache-2.0
// Owns the SystemC kernel context, the module tree and the window for the length of one simulation.
#include "dojo/systemc/simulation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

#include "dojo/base/error.h"
#include "dojo/systemc/cores.h"
#include "dojo/systemc/modules.h"
#include "systemc/heap_warmer.h"
#include "systemc/tree.h"
#include "systemc/users_core.h"
#include "systemc/window.h"

/// libsystemc.so has a main() that calls this, and does not link without it. Programs of this project have a main() of
/// their own; a user's program that is started by SystemC defines sc_main() and thereby replaces this one.
extern "C" __attribute__((weak)) int sc_main(int, char*[]) {
  return static_cast<int>(dojo::ExitCode::kInternal);
}

namespace dojo::systemc {
namespace {

using Clock = std::chrono::steady_clock;

/// Above this many nodes the module tree is not destroyed: the kernel searches its lists linearly for each part.
constexpr std::int64_t kLargestTornDown = 20000;

double seconds_since(Clock::time_point start, Clock::time_point end = Clock::now()) {
  return std::chrono::duration<double>(end - start).count();
}

/// The core of detailed nodes is a user's, of this name: what the kernel finds wrong may be the user's mistake too.
std::string users_core;
/// What went wrong in a process of such a core.
std::string process_failure;

/// What the kernel says, on one line.
std::string words_of(const sc_core::sc_report& report) {
  const std::string words = report.get_msg();
  const std::size_t first = words.find_first_not_of(" \n");
  return first == std::string::npos ? report.get_msg_type()
                                    : fmt::format("{}: {}", report.get_msg_type(), words.substr(first));
}

/// "die.node[3].core.main" is a process of the core of die.node[3], and so is "die.node[3].main": the kernel puts it
/// there where the core's constructor takes no sc_module_name.
std::string place_of_process(const char* process) {
  std::string path = process == nullptr ? "" : process;
  const std::size_t core = path.find(".core."), last = path.rfind('.');
  if (core != std::string::npos) path.erase(core, 5);
  const std::size_t end = core != std::string::npos ? core : last;
  if (end == std::string::npos) return fmt::format("the core '{}': its process {}", users_core, path);
  return fmt::format("the core '{}' of {}: its process {}", users_core, path.substr(0, end), path.substr(end + 1));
}

void remember_process_failure(const sc_core::sc_report& report) {
  if (process_failure.empty()) {
    process_failure = fmt::format("{} has failed ({}), expected none that does",
                                  place_of_process(report.get_process_name()), words_of(report));
  }
}

/// What a core without a process may not do, and the kernel notices.
std::string expected_of_core(const std::string& report) {
  if (report == sc_core::SC_ID_WAIT_NOT_ALLOWED_) return "no wait() in a core without a process of its own";
  if (report == sc_core::SC_ID_INSERT_MODULE_) return "a core that makes its modules in its constructor";
  return "a core that asks nothing of the kernel while it runs";
}

/// A warning of the kernel is a mistake of ours (a flat tree, a name twice): never go on.
void on_kernel_report(const sc_core::sc_report& report, const sc_core::sc_actions&) {
  if (report.get_severity() == sc_core::SC_INFO) return;
  // The kernel expects that its handler throws, and a core without a process lies between it and no process.
  if (const UsersCore* const core = UsersCore::that_calls()) {
    core->refuse(fmt::format("SystemC refuses what it does ({}), expected {}", words_of(report),
                             expected_of_core(report.get_msg_type())));
  }
  if (!users_core.empty() && sc_core::sc_get_current_process_handle().valid()) {
    remember_process_failure(report);
    if (report.get_severity() == sc_core::SC_ERROR) throw report;  // as the kernel does by itself
    return sc_core::sc_stop();
  }
  throw Error(users_core.empty() ? ExitCode::kInternal : ExitCode::kInvalidInput,
              fmt::format("SystemC kernel: {} ({} {})", report.get_msg(), report.get_msg_type(), report.get_id()));
}

/// Installs our report handler and a fresh kernel context; gives both back. The kernel elaborates once per context.
class KernelContext {
 public:
  KernelContext()
      : previous_handler_(sc_core::sc_report_handler::set_handler(on_kernel_report)),
        previous_(sc_core::sc_curr_simcontext),
        previous_global_(sc_core::sc_default_global_context) {
    setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", 0);  // it would stand among our logs
    own_ = std::make_unique<sc_core::sc_simcontext>();
    sc_core::sc_curr_simcontext = sc_core::sc_default_global_context = own_.get();
  }
  ~KernelContext() {
    own_.reset();
    sc_core::sc_curr_simcontext = previous_;
    sc_core::sc_default_global_context = previous_global_;
    sc_core::sc_report_handler::set_handler(previous_handler_);
  }
  KernelContext(const KernelContext&) = delete;
  KernelContext& operator=(const KernelContext&) = delete;
  void keep_for_good() { static_cast<void>(own_.release()); }

 private:
  sc_core::sc_report_handler_proc previous_handler_;
  sc_core::sc_simcontext *previous_, *previous_global_;
  std::unique_ptr<sc_core::sc_simcontext> own_;
};

}  // namespace

struct Simulation::Impl {
  Impl(machine::Machine& m, const Cores& cores, const std::string& core)
      : machine(m), nodes(m.topology().node_count()) {
    const Clock::time_point start = Clock::now();
    const HeapWarmer warmer(estimate_bytes(m.topology()) / 10 * 9);  // rather too little than memory that nobody needs
    // For each module that ends, the kernel searches its list from the front, and moves the last one of the list to the
    // place that it finds. The window is made first and ends first. Its part's place goes to a module of the kernel's
    // own, made last, and the window's to the last of the tree. From then on the tree ends from its end, each time with
    // the module in front.
    window = std::make_unique<Window>("window", m);
    build(cores, core);
    elaboration_s = seconds_since(start);
  }
  /// Nodes whose cores run cycle by cycle have sockets.
  void build(const Cores& cores, const std::string& core) {
    const auto& chosen = machine.topology().detailed();
    users_core = chosen.empty() || core == "pipeline" ? std::string() : core;
    const CoreFactory* const make = cores.find(core);
    if (make == nullptr && !chosen.empty()) {
      throw Error(ExitCode::kInvalidInput, fmt::format("run.detailed_core: found \"{}\", expected one of {}; --plugin "
                                                       "loads others",
                                                       core, fmt::join(cores.names(), ", ")));
    }
    const auto detailed = [&](const char* name, DieId die, SiteIndex site,
                              const std::function<Assembly::Parts()>& parts) -> std::unique_ptr<Site> {
      const auto found = chosen.find(die);
      if (found == chosen.end() || !machine.runs_detailed() ||
          !std::binary_search(found->second.begin(), found->second.end(), site))
        return nullptr;
      auto node = std::make_unique<DetailedNode>(name, machine, die, site, *make, parts, users_core);
      if (node->has_process() && (held.empty() || held.back() != die)) {
        machine.hold(die);
        held.push_back(die);
      }
      return node;
    };
    root = build_tree(plan_tree(machine.topology()), machine, detailed);
    for (const DieId die : held) {
      in_kernel.push_back(std::make_unique<KernelDie>(fmt::format("kernel_die[{}]", die).c_str(), machine, die));
      window->add(*in_kernel.back());
    }
  }
  ~Impl() {
    if (nodes <= kLargestTornDown) return;
    // On purpose: the tree of a large machine is left to the end of the process; destroying it would take minutes.
    static_cast<void>(root.release());
    static_cast<void>(window.release());
    context.keep_for_good();
  }

  machine::Machine& machine;
  std::int64_t nodes;
  KernelContext context;
  std::unique_ptr<sc_core::sc_module> root;
  std::unique_ptr<Window> window;
  std::vector<DieId> held;
  std::vector<std::unique_ptr<KernelDie>> in_kernel;
  double elaboration_s = 0;
  bool ran = false;
};

Simulation::Simulation(machine::Machine& machine, const Cores* cores, const std::string& core)
    : impl_(std::make_unique<Impl>(machine, cores == nullptr ? Cores() : *cores, core)) {}
Simulation::~Simulation() = default;

Ending Simulation::run(const std::function<bool()>& should_stop, const std::function<void()>& tick) {
  DOJO_CHECK(!impl_->ran, "a simulation runs once");
  impl_->ran = true;
  impl_->window->watch(should_stop, tick);
  const Clock::time_point start = Clock::now();
  process_failure.clear();
  try {
    sc_core::sc_start();
  } catch (const sc_core::sc_report& report) {
    remember_process_failure(report);
  }
  if (!process_failure.empty()) throw Error(ExitCode::kInvalidInput, process_failure);
  impl_->elaboration_s += seconds_since(start, impl_->window->started());
  return impl_->window->ending();
}

std::vector<DieId> Simulation::kernel_dies() const {
  return impl_->held;
}
double Simulation::elaboration_s() const {
  return impl_->elaboration_s;
}
double Simulation::time_s() const {
  return sc_core::sc_time_stamp().to_seconds();
}

std::uint64_t Simulation::estimate_bytes(const topology::Topology& topology) {
  // Measured at 1,062,000 nodes: the four modules of a node and the kernel's records of them, without their names; each
  // module's path is stored twice.
  constexpr std::uint64_t kBytesPerSite = 1850, kModulesPerSite = 4, kCopies = 2, kLeaf = 8;
  const auto sites = static_cast<std::uint64_t>(topology.sites()) * topology.die_count();
  const std::uint64_t path = topology.node_path(0, 0).size() + kLeaf;
  // A core that runs cycle by cycle, its sockets, and the ports behind them.
  constexpr std::uint64_t kBytesPerDetailed = 50'000;
  std::uint64_t detailed = 0;
  for (const auto& [die, nodes] : topology.detailed()) detailed += nodes.size();
  return sites * (kBytesPerSite + kModulesPerSite * kCopies * path) + detailed * kBytesPerDetailed;
}

std::string kernel_version() {
  return sc_core::sc_version();
}

}  // namespace dojo::systemc
