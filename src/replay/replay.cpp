// SPDX-License-Identifier: Apache-2.0
// Processors issue, networks carry, nodes answer: cycle by cycle, as nothing in it looks ahead.
#include "dojo/replay/replay.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <queue>

#include "dojo/base/error.h"
#include "dojo/reference/packets.h"
#include "replay/packet_params.h"

namespace dojo::replay {
namespace {

using reference::kPacketClasses;
using reference::PacketNetwork;
using reference::PacketNetworkParams;
using topology::MachineParams;
using topology::NocParams;

constexpr std::int64_t kMostChannels = reference::kMostPacketChannels, kMostBuffers = 128;
constexpr Cycles kFlit = 1024;  ///< parts of a cycle in which memories are busy
constexpr Cycles kNoMemory = -1;
constexpr Cycles kQuiet = Cycles{1} << 20;  ///< nothing has moved for so long: nothing ever will

std::int64_t packet_bytes(const NocParams& noc) {
  return noc.packet_bytes == 0 ? noc.link_bytes_per_cycle : noc.packet_bytes;
}

/// A read or write under way.
struct Transfer {
  std::uint32_t processor = 0, from = 0, to = 0;  ///< `from`: of its processor
  std::int64_t bytes = 0;
  std::int64_t packets_left = 0;  ///< of its data
  std::uint8_t network = 0;
  bool read = true;
};

/// What is due for a transfer.
enum class Part : std::uint32_t { kRequest, kAnswer, kData, kAcknowledge };
constexpr std::uint32_t kParts = 4;

class Player {
 public:
  Player(const Recording& recording, const MachineParams& machine)
      : recording_(recording), noc_(machine.noc), states_(recording.processors.size()) {
    PacketNetworkParams params = network_params(machine);
    columns_ = params.rings.row.length;
    routers_ = columns_ * params.rings.column.length;
    memory_free_.assign(routers_, kNoMemory);
    for (const std::int64_t site : noc_.memory_sites) memory_free_.at(static_cast<std::size_t>(site)) = 0;
    const std::uint32_t memory = cycles_of_1024_flits(noc_, noc_.memory_bytes_per_cycle);
    for (std::int64_t i = 0; i < noc_.networks; ++i) {
      params.rings.columns_first = i == 1;
      params.slower_nodes.clear();
      for (const std::int64_t site : noc_.memory_sites) {
        if (noc_.memory_bytes_per_cycle > 0)
          params.slower_nodes[of_site(static_cast<std::uint8_t>(i), static_cast<std::uint32_t>(site))] = memory;
      }
      networks_.push_back(reference::make_packet_network(params));
    }
  }

  Replay play(const std::function<bool()>& stop) {
    Cycles moved = 0;
    for (Cycles now = 0; ended_ < states_.size(); ++now) {
      if (now % 4096 == 0 && stop && stop()) throw Error(ExitCode::kInterrupted, "interrupted");
      bool moves = issue(now);
      answer(now);
      arrivals_.clear();
      for (const auto& network : networks_) {
        network->cycle(now, arrivals_);
        moves = moves || !network->idle();
      }
      for (const PacketNetwork::Arrival& arrival : arrivals_) due_.push({arrival.time, arrival.tag});
      if (moves || !due_.empty() || now < next_issue_) moved = now;
      DOJO_CHECK(now - moved < kQuiet, "{}: nothing moves since cycle {}", recording_.file, moved);
    }
    return finish();
  }

 private:
  /// Of a processor.
  struct State {
    std::size_t next = 0;                 ///< event
    Cycles shift = 0;                     ///< predicted - recorded, in this epoch
    std::array<std::uint32_t, 2> open{};  ///< writes, reads under way
    std::array<Cycles, 2> last{};         ///< when the last of them was complete
    Cycles waits_since = 0;
  };
  struct Due {
    Cycles time = 0;
    std::uint32_t tag = 0;
    /// The first is the greatest, as the queue has the greatest on top.
    bool operator<(const Due& other) const { return time != other.time ? time > other.time : tag > other.tag; }
  };

  /// The second network's routers are numbered from the last to the first, so that its links lead the other way.
  [[nodiscard]] std::uint32_t router(std::uint8_t network, Place at) const {
    return of_site(network, static_cast<std::uint32_t>(at.y) * columns_ + static_cast<std::uint32_t>(at.x));
  }
  /// And back: it is its own inverse.
  [[nodiscard]] std::uint32_t of_site(std::uint8_t network, std::uint32_t site) const {
    return network == 1 ? routers_ - 1 - site : site;
  }

  /// When the answer of a read starts. Reads of a memory that all networks share follow one another.
  Cycles answers_at(const Transfer& transfer, Cycles asked) {
    Cycles& free = memory_free_[of_site(transfer.network, transfer.to)];
    if (free == kNoMemory) return asked + noc_.read_cycles;
    const Cycles starts = std::max(asked + noc_.memory_read_cycles, ceil_div(free, kFlit));
    if (noc_.memory_bytes_per_cycle > 0) {
      const std::int64_t flits = ceil_div(transfer.bytes, noc_.link_bytes_per_cycle);
      free = std::max(starts * kFlit, free) + flits * cycles_of_1024_flits(noc_, noc_.memory_bytes_per_cycle);
    }
    return starts;
  }

  bool issue(Cycles now) {
    bool any = false;
    for (std::uint32_t p = 0; p < states_.size(); ++p) {
      State& state = states_[p];
      const std::vector<Event>& events = recording_.processors[p].events;
      if (state.next == events.size()) continue;
      while (state.next < events.size() && happens(p, events[state.next], now)) {
        ++state.next;
        any = true;
      }
      if (state.next == events.size()) ++ended_;
    }
    return any;
  }

  bool happens(std::uint32_t p, const Event& event, Cycles now) {
    State& state = states_[p];
    if (event.kind == Event::Kind::kBarrierEnd) return ends(p, event, now);
    const Cycles time = event.time + state.shift + noc_.issue_cycles;
    if (time > now) {
      next_issue_ = std::max(next_issue_, time);
      return false;
    }
    if (event.kind == Event::Kind::kBarrier) {
      state.waits_since = time - noc_.issue_cycles;
    } else {
      begin(p, event);
    }
    return true;
  }

  bool ends(std::uint32_t p, const Event& event, Cycles now) {
    State& state = states_[p];
    const std::size_t group = event.of_reads ? 1 : 0;
    const Cycles end = std::max(state.last[group], state.waits_since + noc_.issue_cycles);
    if (state.open[group] != 0 || end > now) return false;
    const Cycles recorded_start = recording_.processors[p].events[state.next - 1].time;
    barriers_.push_back({p, event.of_reads, event.time, end, recorded_start, state.waits_since});
    state.shift = end - event.time;
    return true;
  }

  void begin(std::uint32_t p, const Event& event) {
    Transfer transfer;
    transfer.processor = p;
    transfer.from = router(event.network, recording_.processors[p].at);
    transfer.to = router(event.network, event.peer);
    transfer.bytes = event.bytes;
    transfer.packets_left = ceil_div(event.bytes, packet_bytes(noc_));
    transfer.network = event.network;
    transfer.read = event.kind == Event::Kind::kRead;
    const auto index = static_cast<std::uint32_t>(transfers_.size());
    transfers_.push_back(transfer);
    ++states_[p].open[transfer.read ? 1 : 0];
    if (transfer.read) {
      send(index, Part::kRequest, transfer.from, transfer.to, kRequestClass, 1);
    } else {
      send_data(index);
    }
  }

  void send(std::uint32_t index, Part part, std::uint32_t from, std::uint32_t to, std::uint32_t packet_class,
            std::int64_t flits) {
    networks_[transfers_[index].network]->send(
        {from, to, static_cast<std::uint32_t>(flits), packet_class, index * kParts + static_cast<std::uint32_t>(part)});
  }

  void send_data(std::uint32_t index) {
    const Transfer transfer = transfers_[index];
    const std::uint32_t from = transfer.read ? transfer.to : transfer.from;
    const std::uint32_t to = transfer.read ? transfer.from : transfer.to;
    for (std::int64_t left = transfer.bytes; left > 0; left -= packet_bytes(noc_)) {
      const std::int64_t flits = ceil_div(std::min(left, packet_bytes(noc_)), noc_.link_bytes_per_cycle);
      send(index, Part::kData, from, to, kDataClass, noc_.header_flits + flits);
    }
  }

  /// To all that is due by now.
  void answer(Cycles now) {
    while (!due_.empty() && due_.top().time <= now) {
      const Due due = due_.top();
      due_.pop();
      const std::uint32_t index = due.tag / kParts;
      Transfer& transfer = transfers_[index];
      switch (static_cast<Part>(due.tag % kParts)) {
        case Part::kRequest:
          due_.push({answers_at(transfer, due.time), index * kParts + static_cast<std::uint32_t>(Part::kAnswer)});
          break;
        case Part::kAnswer:
          send_data(index);
          break;
        case Part::kData:
          if (--transfer.packets_left != 0) break;
          if (transfer.read) {
            complete(transfer, due.time);
          } else {
            send(index, Part::kAcknowledge, transfer.to, transfer.from, kRequestClass, 1);
          }
          break;
        case Part::kAcknowledge:
          complete(transfer, due.time);
          break;
      }
    }
  }

  void complete(const Transfer& transfer, Cycles time) {
    State& state = states_[transfer.processor];
    const std::size_t group = transfer.read ? 1 : 0;
    --state.open[group];
    state.last[group] = std::max(state.last[group], time);
  }

  [[nodiscard]] Replay finish() {
    Replay replay;
    Cycles first = std::numeric_limits<Cycles>::max();
    for (const Processor& processor : recording_.processors) {
      for (const Event& event : processor.events) first = event.bytes != 0 ? std::min(first, event.time) : first;
    }
    std::stable_sort(barriers_.begin(), barriers_.end(),
                     [](const Barrier& a, const Barrier& b) { return a.processor < b.processor; });
    for (const Barrier& barrier : barriers_) {
      replay.recorded = std::max(replay.recorded, barrier.recorded_end - first);
      replay.predicted = std::max(replay.predicted, barrier.predicted_end - first);
    }
    replay.barriers = std::move(barriers_);
    return replay;
  }

  const Recording& recording_;
  const NocParams& noc_;
  std::vector<State> states_;
  std::uint32_t columns_ = 1, routers_ = 1;
  std::vector<Cycles> memory_free_;  ///< by site, in parts of kFlit of a cycle: from then on it can read more
  std::vector<std::unique_ptr<PacketNetwork>> networks_;
  std::vector<Transfer> transfers_;
  std::priority_queue<Due> due_;
  std::vector<PacketNetwork::Arrival> arrivals_;
  std::vector<Barrier> barriers_;
  std::size_t ended_ = 0;  ///< processors
  Cycles next_issue_ = 0;  ///< latest time that is known for an event to come
};

}  // namespace

std::vector<std::string> problems(const MachineParams& machine) {
  const NocParams& noc = machine.noc;
  std::vector<std::string> found;
  if (machine.level != topology::Level::kDie) {
    found.push_back(
        fmt::format("machine.level: found \"{}\", expected \"die\": recordings name the columns and rows of "
                    "one die",
                    schema::enum_text(machine.level)));
  }
  if (!machine.defects.empty() || !machine.defects_random.empty())
    found.emplace_back("machine.defects: found dead parts, expected none in a replay; remove them");
  const std::int64_t least = noc.wrap == topology::Wrap::kNone ? kPacketClasses : 2 * kPacketClasses;
  if (noc.virtual_channels < least || noc.virtual_channels > kMostChannels) {
    found.push_back(
        fmt::format("machine.noc.virtual_channels: found {}, expected {} to {}: requests and data have "
                    "channels of their own, on rings once more on both sides of the link that closes them",
                    noc.virtual_channels, least, kMostChannels));
  }
  if (noc.buffer_packets_per_vc + noc.shared_packets_per_vc > kMostBuffers) {
    found.push_back(
        fmt::format("machine.noc.buffer_packets_per_vc: found {} and {} in shared_packets_per_vc, expected together "
                    "at most {} in a replay",
                    noc.buffer_packets_per_vc, noc.shared_packets_per_vc, kMostBuffers));
  }
  if (noc.shared_packets_per_vc > noc.shared_buffer_packets) {
    found.push_back(fmt::format(
        "machine.noc.shared_packets_per_vc: found {}, expected at most shared_buffer_packets, {}: a channel cannot "
        "have more of the shared buffer than there is",
        noc.shared_packets_per_vc, noc.shared_buffer_packets));
  }
  const std::int64_t sites = machine.die.grid.rows * machine.die.grid.columns;
  for (const std::int64_t site : noc.memory_sites) {
    if (site < sites) continue;
    found.push_back(
        fmt::format("machine.noc.memory_sites: found {}, expected sites of the die, 0 to {}", site, sites - 1));
  }
  if (noc.hop_cycles > 64)
    found.push_back(fmt::format("machine.noc.hop_cycles: found {}, expected 1 to 64 in a replay", noc.hop_cycles));
  if (packet_bytes(noc) < noc.link_bytes_per_cycle) {
    found.push_back(fmt::format("machine.noc.packet_bytes: found {}, expected 0 or at least link_bytes_per_cycle, {}",
                                noc.packet_bytes, noc.link_bytes_per_cycle));
  }
  return found;
}

Bounds bounds_of(const MachineParams& machine) {
  return {static_cast<std::int32_t>(machine.die.grid.columns), static_cast<std::int32_t>(machine.die.grid.rows),
          machine.noc.networks};
}

Replay replay(const Recording& recording, const MachineParams& machine, const std::function<bool()>& stop) {
  const std::vector<std::string> wrong = problems(machine);
  if (!wrong.empty()) throw Error(ExitCode::kInvalidInput, wrong);
  return Player(recording, machine).play(stop);
}

}  // namespace dojo::replay
