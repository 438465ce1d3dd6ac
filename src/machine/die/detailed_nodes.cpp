// SPDX-License-Identifier: Apache-2.0
#include "machine/die/detailed_nodes.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "dojo/base/error.h"
#include "machine/die/detailed_node.h"

namespace dojo::machine {
namespace {

constexpr std::uint32_t kLineBytes = core::kLineBytes;
/// A step that takes longer, and longer than so many times its planned time, is said to have no end.
constexpr Cycles kLongestStep = 10'000'000, kLongestTimes = 1000;

bool is_empty(const node::CorePiece& piece) {
  if (piece.kind == node::CorePiece::Kind::kStream) return piece.stream.units <= 0;
  if (piece.kind == node::CorePiece::Kind::kAttention) return piece.attention.empty();
  const node::ProductWork& work = piece.product;
  return work.m <= 0 || work.n <= 0 || work.k <= 0 || piece.times <= 0;
}

}  // namespace

DetailedNodes::DetailedNodes(const Context& context, DieId die, engine::Wheel& wheel, NetworkPort& port)
    : context_(context),
      die_(die),
      timer_(wheel, Part::kDetailed),
      port_(port),
      sites_(context.topology.detailed().at(die)),
      index_of_site_(static_cast<std::size_t>(context.topology.sites()), -1),
      programs_(node::NodeCost(context.topology.params().node, node::NodeModel::kTable)) {
  const core::Hardware& hardware = context.topology.params().node;
  const core::NodeFactory& make = context.settings.node_factory;
  const std::vector<float>& speeds = context.topology.site_map(die).core_speed;
  for (const SiteIndex site : sites_) {
    index_of_site_[site] = static_cast<std::int32_t>(nodes_.size());
    const float speed = speeds.empty() ? 1.0F : speeds[site];
    Node& node = *nodes_.emplace_back(std::make_unique<Node>(*this, site, hardware, speed));
    core::NodeSite own = place(site);
    // A core at the die's clock needs no conversion in between.
    const core::NodeSite slow{own.die, own.site, own.hardware, node.own_ports, node.own_ports};
    const core::NodeSite& at = node.clock.is_slow() ? slow : own;
    node.own = make ? make(at) : core::make_pipeline_node(at);
    node.model = node.own.get();
  }
  if (port.watch_reads(sites_, *this)) most_unsent_ = hardware.core.send_queue_entries;
}
DetailedNodes::~DetailedNodes() = default;

core::NodeSite DetailedNodes::place(SiteIndex site) {
  Node& it = node(site);
  return {die_, site, context_.topology.params().node, it, it};
}

void DetailedNodes::connect(SiteIndex site, core::NodeModel& core, core::MemoryPort& network_side) {
  Node& it = node(site);
  it.own.reset();
  it.model = &core;
  it.network_side = &network_side;
}

void DetailedNodes::start(SiteIndex site, const StepStart& step) {
  Node& it = node(site);
  DOJO_CHECK(!it.open, "{} has a step already", context_.topology.node_path(die_, site));
  it.step = step;
  it.open = true;
  it.begun = it.started = false;
  it.given = {};
  it.programs = nullptr;
  it.start_at = step.at;
  const auto of_core = [&](Cycles cycles) { return node::NodeCost::scaled(cycles, it.speed); };
  const bool known = step.piece != nullptr && step.piece->kind != node::CorePiece::Kind::kTimed;
  if (known && !is_empty(*step.piece)) {
    it.programs = &programs_.of(*step.piece, step.waits);
    const Cycles before = step.piece->before, more = it.programs->more;
    it.start_at += step.launches ? of_core(before + more) : before + of_core(more);
  } else if (known) {
    it.step.timed = step.launches ? of_core(step.piece->before) : step.piece->before;
  }
  wake(it, step.at);
}

void DetailedNodes::signal(SiteIndex site, std::int32_t semaphore, Cycles at) {
  if (semaphore >= 0) arrive(node(site), at, 0, semaphore);
}

void DetailedNodes::write(SiteIndex site, std::int64_t packets, Cycles last) {
  if (packets > 0) arrive(node(site), last - packets + 1, packets, -1);
}

void DetailedNodes::arrive(Node& node, Cycles time, std::int64_t packets, std::int32_t semaphore) {
  node.arrivals.push_back({std::max(time, running_), node.sequence++, packets, semaphore});
  std::push_heap(node.arrivals.begin(), node.arrivals.end());
  wake(node, node.arrivals.front().time);
}

void DetailedNodes::wake(Node& node, Cycles time) {
  node.wake = std::min(node.wake, time);
  plan(std::max(time, node.ran + 1));
}

void DetailedNodes::plan(Cycles time) {
  if (time >= planned_) return;
  planned_ = time;
  timer_.at(time, Kind::kCycle);
}

/// All cores that have something to do in this cycle; each once.
void DetailedNodes::handle(const engine::Event& event) {
  if (event.time != planned_) return;  // planned anew since
  planned_ = kNever;
  running_ = event.time;
  Cycles next = kNever;
  for (const std::unique_ptr<Node>& each : nodes_) {
    if (each->wake <= running_ && each->ran < running_) run(*each, running_);
    if (each->wake != kNever) next = std::min(next, std::max(each->wake, each->ran + 1));
  }
  if (next != kNever) plan(next);
}

void DetailedNodes::run(Node& node, Cycles now) {
  node.ran = now;
  node.wake = kNever;
  node.banks.advance(now);
  for (; !node.outgoing.empty() && node.outgoing.front().second <= now; node.outgoing.pop_front())
    post(node, node.outgoing.front().first, now);
  write_arrivals(node, now);
  Cycles next = kNever;
  core::WaveStep step = core::WaveStep::kNone;
  if (node.open) {
    begin_if_ready(node, now);
    step = wave_step(node);
    if (node.programs == nullptr) {
      if (node.begun) {
        end(node, now + node.step.timed);
      } else if (now < node.step.at) {
        next = node.step.at;
      }
    } else if (!node.started && now < node.start_at) {
      next = node.start_at;
    } else {
      next = run_core(node, now);
    }
  }
  if (!node.outgoing.empty()) next = std::min(next, node.outgoing.front().second);
  if (!node.arrivals.empty()) next = std::min(next, std::max(now + 1, node.arrivals.front().time));
  node.wake = std::min(node.wake, next);
  if (node.wave != nullptr) sample(node, now, step);
}

Cycles DetailedNodes::run_core(Node& node, Cycles now) {
  const Cycles cycle = node.clock.at(now);
  if (node.clock.begin(cycle) != now) return node.clock.begin(cycle + 1);  // within a cycle of a slow core
  if (!node.started) {
    node.model->start({&node.programs->work, node.step.piece, node.step.waits}, cycle);
    node.started = true;
  }
  for (std::size_t i = 0; i < node.given.size(); ++i) {
    const core::Wait& wait = node.step.waits[i];
    if (wait.count == 0) continue;
    std::int64_t& arrived = node.arrived[static_cast<std::size_t>(wait.semaphore)];
    for (; node.given[i] < wait.count && arrived > 0; ++node.given[i], --arrived)
      node.model->signal(wait.semaphore, cycle);
  }
  const Cycles next = node.model->run(cycle);
  if (node.begun && now - node.begin > std::max(kLongestStep, saturating_product(kLongestTimes, node.step.timed)))
    fail_endless(node);
  if (!node.model->done()) return node.clock.begin(next);
  end(node, node.clock.begin(cycle + 1));
  return kNever;
}

/// In each write port's turn, one packet a cycle; a packet whose bank is taken holds its port.
void DetailedNodes::write_arrivals(Node& node, Cycles now) {
  const auto ports = static_cast<std::size_t>(context_.topology.params().node.noc_write_ports);
  std::size_t port = 0;
  const std::uint32_t lines = buffer_lines_;
  while (!node.arrivals.empty() && node.arrivals.front().time <= now) {
    std::pop_heap(node.arrivals.begin(), node.arrivals.end());
    Arrival& first = node.arrivals.back();
    if (first.packets > 0) {
      while (port < ports && node.write_port_from[port] > now) ++port;
      if (port == ports) {
        std::push_heap(node.arrivals.begin(), node.arrivals.end());
        return;
      }
      const std::uint32_t address = node.next_write++ % lines * kLineBytes;
      node.write_port_from[port] = node.network_side->access(address, true, now) + 1;
      ++node.packets_received;
      if (--first.packets > 0) {
        ++first.time;
        std::push_heap(node.arrivals.begin(), node.arrivals.end());
        continue;
      }
    }
    const std::int32_t semaphore = first.semaphore;
    node.arrivals.pop_back();
    if (semaphore < 0) continue;
    if (semaphore < kOperandSemaphores) {
      ++node.arrived[static_cast<std::size_t>(semaphore)];
    } else {
      node.model->signal(semaphore, node.clock.at(now));
    }
  }
}

/// The core is busy from here on: the step may begin, and its operands are there.
void DetailedNodes::begin_if_ready(Node& node, Cycles now) {
  if (node.begun || now < node.step.at) return;
  for (std::size_t i = 0; i < node.given.size(); ++i) {
    const core::Wait& wait = node.step.waits[i];
    if (wait.count > 0 && node.given[i] + node.arrived[static_cast<std::size_t>(wait.semaphore)] < wait.count) return;
  }
  node.begun = true;
  node.begin = now;
  listener_->step_begins(node.step.run, node.step.node, now);
  if (node.programs != nullptr) return;
  for (const core::Wait& wait : node.step.waits)
    if (wait.count > 0) node.arrived[static_cast<std::size_t>(wait.semaphore)] -= wait.count;
}

void DetailedNodes::end(Node& node, Cycles end) {
  if (!node.begun) {
    throw Error(
        ExitCode::kInvalidInput,
        fmt::format("the core of {}: found the end of a step before its operands had come, expected a core that "
                    "waits for Step::waits",
                    context_.topology.node_path(die_, node.site)));
  }
  node.open = false;
  node.busy_cycles += static_cast<std::uint64_t>(end - node.begin);
  listener_->step_ends(node.step.run, node.step.node, end);
}

Cycles DetailedNodes::read(SiteIndex site, Cycles now) {
  Node& it = node(site);
  running_ = std::max(running_, now);
  it.banks.advance(now);
  ++it.packets_sent;
  const Cycles granted = it.network_side->access(it.next_read++ % buffer_lines_ * kLineBytes, false, now);
  if (it.wave != nullptr) sample(it, now, wave_step(it));
  return granted;
}

void DetailedNodes::record(SiteIndex site, core::Wave& wave) {
  node(site).wave = &wave;
}

core::WaveStep DetailedNodes::wave_step(const Node& node) {
  if (!node.open) return core::WaveStep::kNone;
  return node.begun ? core::WaveStep::kRuns : core::WaveStep::kWaits;
}

void DetailedNodes::sample(const Node& node, Cycles now, core::WaveStep step) const {
  core::Wave::Semaphores semaphores{};
  const auto count = static_cast<std::size_t>(context_.topology.params().node.core.semaphores);
  for (std::size_t i = 0; i < count; ++i) semaphores[i] = node.model->semaphore(static_cast<std::int32_t>(i));
  for (std::size_t i = 0; i < node.arrived.size(); ++i) semaphores[i] += node.arrived[i];
  node.wave->sample(now, counters(node.site), step, wave_step(node), semaphores, node.open && node.started);
}

core::Counters DetailedNodes::counters(SiteIndex site) const {
  const Node& it = *nodes_[static_cast<std::size_t>(index_of_site_[site])];
  core::Counters all = it.model->counters();
  all.bank_stall_cycles = it.banks.waited_cycles();
  all.packets_received = it.packets_received;
  all.packets_sent = it.packets_sent;
  return all;
}

std::uint64_t DetailedNodes::take_busy_cycles(SiteIndex site) {
  return std::exchange(node(site).busy_cycles, 0);
}

}  // namespace dojo::machine
