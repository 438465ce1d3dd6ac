// SPDX-License-Identifier: Apache-2.0
// The modules of a node whose core runs cycle by cycle: core, SRAM and router with their sockets, and what a core of
// one's own derives from. docs/core.md#a-core-of-your-own has examples.
#pragma once
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <systemc>

#include "dojo/core/core_clock.h"
#include "dojo/core/node_model.h"
#include "dojo/systemc/modules.h"
#include "dojo/systemc/payload.h"

namespace dojo::systemc {

inline constexpr unsigned kSocketBits = 512;

/// A core with its three sockets. Without processes it runs in its die's shard, on any thread of the host: it must not
/// wait, notify or make modules then. Where it has a process, its die runs inside the kernel.
class CoreModule : public Core, public core::NodeModel {
 public:
  CoreModule(sc_core::sc_module_name name, const core::NodeSite& site, double clock_hz);
  ~CoreModule() override;
  /// Of the core alone; Core::counters() has those of the node.
  using core::NodeModel::counters;

  tlm_utils::simple_initiator_socket<CoreModule, kSocketBits> memory{"memory"}, network{"network"};
  tlm_utils::simple_target_socket<CoreModule, kSocketBits> signals{"signals"};

 protected:
  /// Over the socket `memory`: when the bank of a line is granted. Throws Error(kInvalidInput) where the SRAM refuses.
  Cycles access(std::uint32_t address, bool write, Cycles at);
  /// Over the socket `network`; false: the router has no room, ask again in the next cycle.
  bool send(const core::Packet& packet, Cycles at);
  [[nodiscard]] const core::Hardware& hardware() const { return hardware_; }
  [[nodiscard]] const CycleClock& clock() const { return clock_; }

 private:
  void signalled(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  tlm::tlm_sync_enum refuse(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase, sc_core::sc_time& delay);
  [[noreturn]] void fail(const char* socket, const tlm::tlm_generic_payload& payload, const char* expected) const;

  const core::Hardware& hardware_;
  CycleClock clock_;
  std::array<unsigned char, core::kLineBytes> line_{};
  tlm::tlm_generic_payload access_, packet_;
  PacketExtension extension_;
};

/// A core with an SC_THREAD of its own. Its die runs inside the kernel, in the same windows as the others.
class ThreadCore : public CoreModule {
 public:
  using CoreModule::CoreModule;

  void start(const core::Step& step, Cycles at) final;
  void signal(std::int32_t semaphore, Cycles at) final;
  Cycles run(Cycles now) final;
  [[nodiscard]] bool done() const final { return done_; }
  [[nodiscard]] core::Counters counters() const override { return {}; }
  [[nodiscard]] std::int64_t semaphore(std::int32_t number) const final {
    return semaphores_[static_cast<std::size_t>(number)];
  }

 protected:
  // For the thread.
  /// Until the first cycle of the next step.
  const core::Step& wait_for_step();
  /// Until the next cycle of the step.
  void wait_cycle() { sc_core::wait(cycle_event_); }
  /// Until the semaphore holds so many, which are taken.
  void wait_for(const core::Wait& wait);
  void wait_cycles(Cycles count);
  /// All signals of a semaphore that have not been taken.
  [[nodiscard]] std::int64_t take_all(std::int32_t semaphore);
  /// The step is over with this cycle.
  void finish() { done_ = true; }
  [[nodiscard]] Cycles now() const { return now_; }

 private:
  sc_core::sc_event step_event_, cycle_event_;
  core::Step step_;
  std::array<std::int64_t, 64> semaphores_{};
  Cycles now_ = 0;
  bool done_ = true, has_step_ = false;
};

/// The banks of a node's SRAM. The core and the router reach them alike.
class SramModule : public Sram {
 public:
  SramModule(sc_core::sc_module_name name, const dojo::core::NodeSite& site, double clock_hz);
  tlm_utils::simple_target_socket<SramModule, kSocketBits> core{"core"}, router{"router"};

 private:
  void access_of_core(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  void access_of_router(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  void access(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay, std::int64_t bytes);
  tlm::tlm_sync_enum refuse(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase, sc_core::sc_time& delay);

  dojo::core::MemoryPort& banks_;
  const dojo::core::Hardware& hardware_;
  CycleClock clock_;
};

/// A node's router: takes packets of the core, writes what arrives to the SRAM and signals the core's semaphores.
class RouterModule : public Router, public core::MemoryPort {
 public:
  RouterModule(sc_core::sc_module_name name, const core::NodeSite& site, double clock_hz);
  tlm_utils::simple_target_socket<RouterModule, kSocketBits> from_core{"from_core"};
  tlm_utils::simple_initiator_socket<RouterModule, kSocketBits> to_sram{"to_sram"}, signals{"signals"};

  // What the die's network does.
  Cycles access(std::uint32_t address, bool write, Cycles at) override;
  void signal(std::int32_t semaphore, Cycles at);

 private:
  void take(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  tlm::tlm_sync_enum refuse(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase, sc_core::sc_time& delay);

  core::PacketPort& network_;
  const Cycles latency_;
  CycleClock clock_;
  std::array<unsigned char, core::kLineBytes> line_{};
  tlm::tlm_generic_payload access_, signal_;
};

/// Makes a core at its place; called while its node is being built, so that it becomes the node's `core`.
using CoreFactory = std::function<std::unique_ptr<CoreModule>(const core::NodeSite& site, double clock_hz)>;
/// The pipeline of this project, or a class without SystemC, behind sockets.
[[nodiscard]] CoreFactory plain_core(core::NodeFactory make);

class UsersCore;

/// A node whose core runs cycle by cycle.
class DetailedNode : public Site, private dojo::core::NodeModel {
 public:
  /// `users`: the name of a core that is not this project's own; what goes wrong in it is said with that name.
  DetailedNode(sc_core::sc_module_name name, machine::Machine& machine, DieId die, SiteIndex index,
               const CoreFactory& make, const std::function<Assembly::Parts()>& parts = {},
               const std::string& users = {});
  ~DetailedNode() override;
  [[nodiscard]] const Router& router() const override { return router_; }
  [[nodiscard]] CoreModule& core() { return *core_; }
  [[nodiscard]] SramModule& sram() { return sram_; }
  /// Its core has a process, so that its die has to run inside the kernel.
  [[nodiscard]] bool has_process() const;

 private:
  void start(const dojo::core::Step& step, Cycles at) override;
  void signal(std::int32_t semaphore, Cycles at) override;
  Cycles run(Cycles now) override;
  [[nodiscard]] bool done() const override;
  [[nodiscard]] dojo::core::Counters counters() const override;
  [[nodiscard]] std::int64_t semaphore(std::int32_t number) const override;

  const dojo::core::NodeSite place_;
  const dojo::core::CoreClock clock_;
  const std::unique_ptr<UsersCore> users_;
  RouterModule router_;
  std::unique_ptr<CoreModule> core_;
  SramModule sram_;
  Assembly::Parts parts_;  ///< of a machine of one node
};

}  // namespace dojo::systemc
