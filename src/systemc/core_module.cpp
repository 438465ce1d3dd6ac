// SPDX-License-Identifier: Apache-2.0
// Cores behind sockets: what the machine asks of them, and what they ask of SRAM and router.
#include "dojo/systemc/core_module.h"

#include <fmt/format.h>

#include <utility>

#include "dojo/base/error.h"
#include "systemc/set_up.h"

namespace dojo::systemc {

using sc_core::sc_time;
using tlm::tlm_generic_payload;

namespace {

/// A core that is no part of a node is refused later, with a sentence.
double speed_of(const sc_core::sc_object& core) {
  const auto* node = dynamic_cast<const Site*>(core.get_parent_object());
  return node == nullptr
             ? 1
             : static_cast<double>(node->machine().topology().site_map(node->die()).core_speed[node->index()]);
}

}  // namespace

CoreModule::CoreModule(sc_core::sc_module_name name, const core::NodeSite& site, double clock_hz)
    : Core(name), hardware_(site.hardware), clock_(clock_hz, speed_of(*this)) {
  signals.register_b_transport(this, &CoreModule::signalled);
  signals.register_nb_transport_fw(this, &CoreModule::refuse);
  set_up(access_, line_);
  set_up(packet_, line_);
  packet_.set_write();
  packet_.set_extension(&extension_);
}
CoreModule::~CoreModule() {
  packet_.clear_extension(&extension_);
}

void CoreModule::fail(const char* socket, const tlm_generic_payload& payload, const char* expected) const {
  throw Error(ExitCode::kInvalidInput, fmt::format("{}.{}: found {} at address {}, expected {}", Core::name(), socket,
                                                   payload.get_response_string(), payload.get_address(), expected));
}

Cycles CoreModule::access(std::uint32_t address, bool write, Cycles at) {
  access_.set_command(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
  access_.set_address(address);
  access_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  sc_time delay = clock_.delay(at);
  memory->b_transport(access_, delay);
  if (access_.get_response_status() != tlm::TLM_OK_RESPONSE) fail("memory", access_, "an address of the SRAM");
  return clock_.cycle(delay, hardware_.sram_latency_cycles);
}

bool CoreModule::send(const core::Packet& packet, Cycles at) {
  packet_.set_address(packet.address);
  packet_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  extension_.die = packet.die;
  extension_.site = packet.site;
  extension_.semaphore = packet.semaphore;
  sc_time delay = clock_.delay(at);
  network->b_transport(packet_, delay);
  if (packet_.get_response_status() == tlm::TLM_INCOMPLETE_RESPONSE) return false;
  if (packet_.get_response_status() != tlm::TLM_OK_RESPONSE) fail("network", packet_, "a packet of 64 bytes");
  return true;
}

tlm::tlm_sync_enum CoreModule::refuse(tlm_generic_payload&, tlm::tlm_phase&, sc_time&) {
  refuse_non_blocking(Core::name());
}

void CoreModule::signalled(tlm_generic_payload& payload, sc_time& delay) {
  const std::uint64_t semaphore = payload.get_address();
  if (semaphore >= static_cast<std::uint64_t>(hardware_.core.semaphores))
    return payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
  signal(static_cast<std::int32_t>(semaphore), clock_.cycle(delay));
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

void ThreadCore::start(const core::Step& step, Cycles /*at*/) {
  step_ = step;
  done_ = false;
  has_step_ = true;
  step_event_.notify(sc_core::SC_ZERO_TIME);
}

void ThreadCore::signal(std::int32_t semaphore, Cycles /*at*/) {
  ++semaphores_[static_cast<std::size_t>(semaphore)];
}

/// The die's process stands still until the core's has had its turn.
Cycles ThreadCore::run(Cycles now) {
  now_ = now;
  cycle_event_.notify(sc_core::SC_ZERO_TIME);
  sc_core::wait(sc_core::SC_ZERO_TIME);
  sc_core::wait(sc_core::SC_ZERO_TIME);
  return done_ ? kNever : now + 1;
}

const core::Step& ThreadCore::wait_for_step() {
  while (!has_step_) sc_core::wait(step_event_);
  has_step_ = false;
  return step_;
}

void ThreadCore::wait_for(const core::Wait& wait) {
  std::int64_t& held = semaphores_[static_cast<std::size_t>(wait.semaphore)];
  while (held < wait.count) wait_cycle();
  held -= wait.count;
}

std::int64_t ThreadCore::take_all(std::int32_t semaphore) {
  return std::exchange(semaphores_[static_cast<std::size_t>(semaphore)], 0);
}

void ThreadCore::wait_cycles(Cycles count) {
  for (Cycles i = 0; i < count; ++i) wait_cycle();
}

namespace {

/// A core without SystemC: its ports are the sockets.
class PlainCore final : public CoreModule, private core::MemoryPort, private core::PacketPort {
 public:
  PlainCore(const core::NodeSite& site, double clock_hz, const core::NodeFactory& make)
      : CoreModule("core", site, clock_hz),
        router_(site.network),
        model_(make(core::NodeSite{site.die, site.site, site.hardware, *this, *this})) {
    if (model_ == nullptr)
      throw Error(ExitCode::kInvalidInput, fmt::format("{}: found no core, expected one from its factory", name()));
  }
  void start(const core::Step& step, Cycles at) override { model_->start(step, at); }
  void signal(std::int32_t semaphore, Cycles at) override { model_->signal(semaphore, at); }
  Cycles run(Cycles now) override { return model_->run(now); }
  [[nodiscard]] bool done() const override { return model_->done(); }
  [[nodiscard]] core::Counters counters() const override { return model_->counters(); }
  [[nodiscard]] std::int64_t semaphore(std::int32_t number) const override { return model_->semaphore(number); }

 private:
  Cycles access(std::uint32_t address, bool write, Cycles at) override {
    return CoreModule::access(address, write, at);
  }
  [[nodiscard]] bool ready() const override { return router_.ready(); }
  void send(const core::Packet& packet, Cycles at) override {
    if (CoreModule::send(packet, at)) return;
    throw Error(ExitCode::kInvalidInput,
                fmt::format("{}: found a packet while the router had no room, expected a core that asks ready() first",
                            name()));
  }

  const core::PacketPort& router_;
  std::unique_ptr<core::NodeModel> model_;
};

}  // namespace

CoreFactory plain_core(core::NodeFactory make) {
  return [make = std::move(make)](const core::NodeSite& site, double clock_hz) {
    return std::make_unique<PlainCore>(site, clock_hz, make);
  };
}

}  // namespace dojo::systemc
