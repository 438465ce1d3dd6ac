// SPDX-License-Identifier: Apache-2.0
// SRAM and router of a detailed node, and how its parts are bound.
#include <fmt/format.h>

#include "dojo/base/error.h"
#include "dojo/systemc/core_module.h"
#include "systemc/set_up.h"
#include "systemc/users_core.h"

namespace dojo::systemc {

using sc_core::sc_time;
using tlm::tlm_generic_payload;

SramModule::SramModule(sc_core::sc_module_name name, const dojo::core::NodeSite& site, double clock_hz)
    : Sram(name), banks_(site.memory), hardware_(site.hardware), clock_(clock_hz) {
  core.register_b_transport(this, &SramModule::access_of_core);
  router.register_b_transport(this, &SramModule::access_of_router);
  core.register_nb_transport_fw(this, &SramModule::refuse);
  router.register_nb_transport_fw(this, &SramModule::refuse);
}

tlm::tlm_sync_enum SramModule::refuse(tlm_generic_payload&, tlm::tlm_phase&, sc_time&) {
  refuse_non_blocking(name());
}

/// Kernels lie from address 0 on, whatever the SRAM's size: only the banks matter (core::StepPrograms).
void SramModule::access_of_core(tlm_generic_payload& payload, sc_time& delay) {
  access(payload, delay, std::int64_t{1} << 30);
}
void SramModule::access_of_router(tlm_generic_payload& payload, sc_time& delay) {
  access(payload, delay, hardware_.sram_bytes);
}

/// Line by line; on return `delay` says when the last one is there.
void SramModule::access(tlm_generic_payload& payload, sc_time& delay, std::int64_t bytes) {
  if (refuses(payload)) return;
  const std::uint64_t address = payload.get_address(), length = payload.get_data_length();
  if (address > static_cast<std::uint64_t>(bytes) || length > static_cast<std::uint64_t>(bytes) - address)
    return payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
  constexpr std::uint64_t kLine = dojo::core::kLineBytes;
  Cycles at = clock_.cycle(delay);
  for (std::uint64_t line = address / kLine; line <= (address + length - 1) / kLine; ++line)
    at = banks_.access(static_cast<std::uint32_t>(line * kLine), payload.is_write(), at) + 1;
  delay = clock_.delay(at - 1 + hardware_.sram_latency_cycles);
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

RouterModule::RouterModule(sc_core::sc_module_name name, const core::NodeSite& site, double clock_hz)
    : Router(name), network_(site.network), latency_(site.hardware.sram_latency_cycles), clock_(clock_hz) {
  from_core.register_b_transport(this, &RouterModule::take);
  from_core.register_nb_transport_fw(this, &RouterModule::refuse);
  set_up(access_, line_);
  set_up(signal_, line_);
  signal_.set_write();
}

tlm::tlm_sync_enum RouterModule::refuse(tlm_generic_payload&, tlm::tlm_phase&, sc_time&) {
  refuse_non_blocking(name());
}

void RouterModule::take(tlm_generic_payload& payload, sc_time& delay) {
  if (refuses(payload)) return;
  PacketExtension* packet = nullptr;
  payload.get_extension(packet);
  if (!payload.is_write() || packet == nullptr) return payload.set_response_status(tlm::TLM_COMMAND_ERROR_RESPONSE);
  if (payload.get_data_length() > core::kLineBytes) return payload.set_response_status(tlm::TLM_BURST_ERROR_RESPONSE);
  const Cycles at = clock_.cycle(delay);
  if (!network_.ready()) {
    delay = clock_.delay(at + 1);
    return payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  }
  network_.send({packet->die, packet->site, static_cast<std::uint32_t>(payload.get_address()), packet->semaphore}, at);
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

Cycles RouterModule::access(std::uint32_t address, bool write, Cycles at) {
  access_.set_command(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
  access_.set_address(address);
  access_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  sc_time delay = clock_.delay(at);
  to_sram->b_transport(access_, delay);
  DOJO_CHECK(access_.get_response_status() == tlm::TLM_OK_RESPONSE, "{}: the SRAM refused address {}", name(), address);
  return clock_.cycle(delay) - latency_;
}

void RouterModule::signal(std::int32_t semaphore, Cycles at) {
  signal_.set_address(static_cast<std::uint64_t>(semaphore));
  signal_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  sc_time delay = clock_.delay(at);
  signals->b_transport(signal_, delay);
  DOJO_CHECK(signal_.get_response_status() == tlm::TLM_OK_RESPONSE, "{}: the core has no semaphore {}", name(),
             semaphore);
}

namespace {

bool contains_process(const sc_core::sc_object& object) {
  for (const sc_core::sc_object* child : object.get_child_objects()) {
    if (dynamic_cast<const sc_core::sc_process_b*>(child) != nullptr || contains_process(*child)) return true;
  }
  return false;
}

}  // namespace

DetailedNode::DetailedNode(sc_core::sc_module_name name, machine::Machine& machine, DieId die, SiteIndex index,
                           const CoreFactory& make, const std::function<Assembly::Parts()>& parts,
                           const std::string& users)
    : Site(name, machine, die, index),
      place_(machine.node_site(die, index)),
      clock_(static_cast<double>(machine.topology().site_map(die).core_speed[index])),
      users_(std::make_unique<UsersCore>(users, this->name())),
      router_("router", place_, machine.topology().params().clock_hz),
      core_(users_->call([&] { return make(place_, machine.topology().params().clock_hz); })),
      sram_("sram", place_, machine.topology().params().clock_hz),
      parts_(parts ? parts() : Assembly::Parts{}) {
  if (core_ == nullptr)
    throw Error(ExitCode::kInvalidInput, fmt::format("{}: found no core, expected one from its factory", this->name()));
  if (core_->get_parent_object() != this || std::string(core_->basename()) != "core") {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("{}: found a core with the name {}, expected {}.core; give CoreModule the name \"core\"",
                            this->name(), core_->name(), this->name()));
  }
  if (dynamic_cast<const ThreadCore*>(core_.get()) != nullptr && !has_process()) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("{}: found a ThreadCore without a process, expected an SC_THREAD", core_->name()));
  }
  core_->memory.bind(sram_.core);
  core_->network.bind(router_.from_core);
  router_.to_sram.bind(sram_.router);
  router_.signals.bind(core_->signals);
  if (!has_process()) users_->has_no_process();
  machine.connect(die, index, *this, router_);
}
DetailedNode::~DetailedNode() = default;

void DetailedNode::start(const dojo::core::Step& step, Cycles at) {
  users_->call([&] { core_->start(step, at); });
}
void DetailedNode::signal(std::int32_t semaphore, Cycles at) {
  users_->call([&] { router_.signal(semaphore, clock_.begin(at)); });
}
Cycles DetailedNode::run(Cycles now) {
  return users_->call([&] { return core_->run(now); });
}
bool DetailedNode::done() const {
  return users_->call([&] { return core_->done(); });
}
dojo::core::Counters DetailedNode::counters() const {
  return users_->checked(users_->call([&] { return core_->counters(); }));
}
std::int64_t DetailedNode::semaphore(std::int32_t number) const {
  return users_->call([&] { return core_->semaphore(number); });
}

bool DetailedNode::has_process() const {
  return contains_process(*this);  // a constructor that takes no sc_module_name makes it beside its module
}

}  // namespace dojo::systemc
