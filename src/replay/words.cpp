// SPDX-License-Identifier: Apache-2.0
// Each core is a state machine that reads, adds, stores or sends one word a cycle.
#include "dojo/replay/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

#include "dojo/base/error.h"
#include "replay/packet_params.h"

namespace dojo::replay {
namespace {

using reference::PacketNetwork;
using reference::PacketReach;
using topology::MachineParams;

constexpr Cycles kCore = 1;  ///< a core takes it to read a word and send it, to add one, or to store one

/// What has come by a cycle, and what is to be sent in one: times are known a few cycles ahead.
class Words {
 public:
  explicit Words(const MachineParams& machine)
      : network_(reference::make_packet_network(network_params(machine))),
        columns_(static_cast<std::uint32_t>(machine.die.grid.columns)),
        rows_(static_cast<std::uint32_t>(machine.die.grid.rows)) {}
  virtual ~Words() = default;

  WordRun run() {
    Cycles quiet = 0;
    for (Cycles now = 0; !done(); ++now) {
      DOJO_CHECK(quiet < static_cast<Cycles>(kAhead), "nothing moves since cycle {}", now - quiet);
      std::vector<Due>& due = due_[static_cast<std::size_t>(now) % kAhead];
      for (const Due& each : due) {
        if (each.arrives) {
          arrives(each.node, each.tag, now);
        } else {
          send(each.node, each.tag);
        }
      }
      quiet = due.empty() && network_->idle() ? quiet + 1 : 0;
      due.clear();
      arrivals_.clear();
      network_->cycle(now, arrivals_);
      for (const PacketNetwork::Arrival& arrival : arrivals_) {
        DOJO_CHECK(arrival.time > now && arrival.time - now < static_cast<Cycles>(kAhead),
                   "a word arrives {} cycles after it is known", arrival.time - now);
        due_[static_cast<std::size_t>(arrival.time) % kAhead].push_back({arrival.router, arrival.tag, true});
      }
    }
    return {end_, network_->bytes()};
  }

 protected:
  /// The word is in the core's queue.
  virtual void arrives(std::uint32_t node, std::uint32_t tag, Cycles now) = 0;
  virtual void send(std::uint32_t node, std::uint32_t tag) = 0;
  [[nodiscard]] virtual bool done() const = 0;
  void send_at(Cycles time, std::uint32_t node, std::uint32_t tag) {
    due_[static_cast<std::size_t>(time) % kAhead].push_back({node, tag, false});
  }
  void stored(Cycles now) { end_ = std::max(end_, now + kCore); }

  std::unique_ptr<PacketNetwork> network_;
  std::uint32_t columns_, rows_;

 private:
  static constexpr std::size_t kAhead = 8192;  ///< more than any vector is long, and any delay of a word
  struct Due {
    std::uint32_t node = 0, tag = 0;
    bool arrives = false;
  };
  std::array<std::vector<Due>, kAhead> due_;
  std::vector<PacketNetwork::Arrival> arrivals_;
  Cycles end_ = 0;
};

/// The last node of the row sends its words; each other adds its own and passes the sum on.
class ChainReduce final : public Words {
 public:
  ChainReduce(const MachineParams& machine, std::int64_t words) : Words(machine), left_(words) {
    for (std::int64_t i = 0; i < words; ++i) send_at(kCore + i, columns_ - 1, 0);
  }

 private:
  void arrives(std::uint32_t node, std::uint32_t tag, Cycles now) override {
    if (node != 0) return send_at(now + kCore, node, tag);
    stored(now);
    --left_;
  }
  void send(std::uint32_t node, std::uint32_t tag) override { network_->send({node, node - 1, 1, kDataClass, tag}); }
  [[nodiscard]] bool done() const override { return left_ == 0; }
  std::int64_t left_;
};

class Broadcast final : public Words {
 public:
  Broadcast(const MachineParams& machine, std::int64_t words)
      : Words(machine), left_(words * (static_cast<std::int64_t>(rows_) * columns_ - 1)) {
    for (std::int64_t i = 0; i < words; ++i) send_at(kCore + i, 0, 0);
  }

 private:
  void arrives(std::uint32_t /*node*/, std::uint32_t /*tag*/, Cycles now) override {
    stored(now);
    --left_;
  }
  void send(std::uint32_t node, std::uint32_t tag) override {
    network_->send_to_all({node, node, 1, kDataClass, tag}, PacketReach{0, static_cast<std::uint16_t>(rows_ - 1), 0,
                                                                        static_cast<std::uint16_t>(columns_ - 1)});
  }
  [[nodiscard]] bool done() const override { return left_ == 0; }
  std::int64_t left_;
};

/// In step s node i sends chunk i - s to the next node, and once it has all of the chunk of the step before: it reads
/// them from its memory again. The last node's next is the first.
class RingAllReduce final : public Words {
 public:
  RingAllReduce(const MachineParams& machine, std::int64_t words)
      : Words(machine), words_(words), steps_(2 * (columns_ - 1)), nodes_(columns_) {
    for (std::uint32_t node = 0; node < columns_; ++node) {
      left_ += of_chunks(node);
      begin(node, 0);
    }
  }

 private:
  struct Node {
    std::uint32_t step = 0;   ///< whose chunk comes
    std::int64_t got = 0;     ///< words of it
    Cycles last = 0;          ///< when the last of them was added or stored
    Cycles sends_at = kCore;  ///< from when on it can read and send another word
  };
  [[nodiscard]] std::int64_t chunk_words(std::uint32_t chunk) const {
    const std::int64_t all = words_, count = columns_;
    return all * (chunk + 1) / count - all * chunk / count;
  }
  [[nodiscard]] std::uint32_t chunk_of(std::uint32_t node, std::uint32_t step) const {
    return (node + 2 * columns_ - step % columns_) % columns_;
  }
  /// Words that come to the node in all steps.
  [[nodiscard]] std::int64_t of_chunks(std::uint32_t node) const {
    std::int64_t all = 0;
    for (std::uint32_t step = 0; step < steps_; ++step) all += chunk_words(chunk_of(before(node), step));
    return all;
  }
  [[nodiscard]] std::uint32_t before(std::uint32_t node) const { return node == 0 ? columns_ - 1 : node - 1; }

  /// Sends the chunk of a step; what comes in the same step is counted from now on.
  void begin(std::uint32_t index, std::uint32_t step) {
    Node& node = nodes_[index];
    for (;; ++step) {
      node.sends_at = std::max(node.sends_at, node.last + kCore);
      for (std::int64_t i = chunk_words(chunk_of(index, step)); i > 0; --i) send_at(node.sends_at++, index, 0);
      node.step = step;
      node.got = 0;
      // A chunk without words has come as soon as it is waited for.
      if (chunk_words(chunk_of(before(index), step)) != 0 || step + 1 == steps_) return;
    }
  }
  void arrives(std::uint32_t index, std::uint32_t /*tag*/, Cycles now) override {
    Node& node = nodes_[index];
    stored(now);
    --left_;
    node.last = now + kCore;
    if (++node.got < chunk_words(chunk_of(before(index), node.step)) || node.step + 1 == steps_) return;
    begin(index, node.step + 1);
  }
  void send(std::uint32_t node, std::uint32_t tag) override {
    network_->send({node, node + 1 == columns_ ? 0 : node + 1, 1, kDataClass, tag});
  }
  [[nodiscard]] bool done() const override { return left_ == 0; }

  std::int64_t words_, left_ = 0;
  std::uint32_t steps_;
  std::vector<Node> nodes_;
};

}  // namespace

std::vector<std::string> word_problems(const MachineParams& machine) {
  const topology::NocParams& noc = machine.noc;
  std::vector<std::string> found;
  if (noc.wrap != topology::Wrap::kNone)
    found.emplace_back("machine.noc.wrap: found rings, expected \"none\": words fork in an open mesh");
  if (noc.switch_order != topology::SwitchOrder::kLinksFirst)
    found.emplace_back("machine.noc.switch_order: found \"inputs_first\", expected \"links_first\": words fork");
  if (noc.virtual_channels < reference::kPacketClasses || noc.virtual_channels > reference::kMostPacketChannels) {
    found.push_back(fmt::format("machine.noc.virtual_channels: found {}, expected {} to {}", noc.virtual_channels,
                                reference::kPacketClasses, reference::kMostPacketChannels));
  }
  return found;
}

WordRun run_words(WordCollective collective, std::int64_t words, const MachineParams& machine) {
  constexpr std::int64_t kMostWords = 4096;
  std::vector<std::string> wrong = word_problems(machine);
  if (words < 1 || words > kMostWords)
    wrong.push_back(fmt::format("found {} words, expected 1 to {}", words, kMostWords));
  const topology::Grid& grid = machine.die.grid;
  const bool rows = collective == WordCollective::kBroadcast2d;
  if (grid.columns < 2 || grid.rows < 1 || (grid.rows > 1 && !rows))
    wrong.push_back(fmt::format("machine.die.grid: found {} x {}, expected {} of 2 nodes or more", grid.rows,
                                grid.columns, rows ? "rows" : "one row"));
  if (!wrong.empty()) throw Error(ExitCode::kInvalidInput, wrong);
  switch (collective) {
    case WordCollective::kChainReduce:
      return ChainReduce(machine, words).run();
    case WordCollective::kBroadcast:
    case WordCollective::kBroadcast2d:
      return Broadcast(machine, words).run();
    case WordCollective::kRingAllReduce:
      return RingAllReduce(machine, words).run();
  }
  return {};
}

}  // namespace dojo::replay
