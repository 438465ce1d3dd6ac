// SPDX-License-Identifier: Apache-2.0
// The models that move bursts: each walks a die's links in one event, and crosses its edges. What happens on the links
// is the business of `Links`: fabric::DieNetwork (the fast model) or fabric::IdealDie.
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "dojo/engine/time_heap.h"
#include "machine/die/line_gathers.h"
#include "machine/network/border.h"
#include "machine/network/lanes.h"
#include "machine/network/line_port.h"
#include "machine/network/mail.h"
#include "machine/network/send_queues.h"

namespace dojo::machine {

template <class Links>
class BurstPort final : public LinePort {
 public:
  BurstPort(Context& context, DieId die, engine::Wheel& wheel, const Moment& moment, Receiver& receiver);

  void post(SiteIndex site, const fabric::Burst& head, Bytes bytes, Cycles now, unsigned queue) override;
  void post_stripe(const fabric::Burst& head, Bytes bytes, Cycles now, unsigned queue) override;
  Cycles send_within(SiteIndex site, const fabric::Burst& head, Bytes bytes, Cycles now) override;
  [[nodiscard]] std::unique_ptr<Gathers> make_gathers(KernelRuns& kernels) override;
  void gather(fabric::Gathering& g) override { links_.gather(g); }
  void post_in_turn(SiteIndex site, const fabric::Burst& head, Bytes bytes, Cycles now) override;
  [[nodiscard]] bool is_full(topology::Direction d) const override { return border_.is_full({d, 0}); }
  void park(topology::Direction d, const ParkedLine& line) override {
    state_.parked_lines[static_cast<std::size_t>(d)].push_back(line);
  }
  void pass_on(topology::Direction d, std::int32_t lane, const fabric::Burst& burst, Cycles head) override {
    leave(d, lane, burst, head);
  }

  [[nodiscard]] Cycles next_time() const override { return std::min(border_.next_wake(), state_.arrivals.next_time()); }
  void run_next() override;
  void handle(const engine::Event& event) override;
  Cycles read_mail() override;

  [[nodiscard]] bool at_rest(Cycles now) const override {
    return state_.arrivals.empty() && border_.at_rest() && state_.sends.open() == 0 && state_.open_in_turn == 0 &&
           state_.in_inlets == 0 && links_.latest() <= now;
  }
  [[nodiscard]] Cycles latest() const override { return links_.latest(); }
  [[nodiscard]] bool settled() const override;
  void each_standing(const std::function<void(const fabric::Burst&, int)>& look) const override;
  void copy(const NetworkPort& from, const RowNames& names) override;

  [[nodiscard]] const fabric::DieNetwork& network() const override { return links_; }
  [[nodiscard]] fabric::DieNetwork& network() override { return links_; }
  void settle() override { links_.settle(); }
  [[nodiscard]] bool has_edge(topology::Direction d) const override { return border_.edge(d).present(); }
  [[nodiscard]] LinkCounters edge(topology::Direction d) const override;
  void add_to_edge(topology::Direction d, const LinkCounters& carried) override;
  [[nodiscard]] std::uint64_t events() const override { return state_.arrivals.taken() + border_.wakes(); }

 private:
  enum class Kind : std::uint8_t {
    kInject,  // a: site: its next burst
    kStripe,  // a: direction, b: queue: the next striped burst
    kInTurn,  // a: message that has taken its read port: its next burst
    kLane,    // a: direction, b: number: the next bursts of the lane
    kInlet    // a: inlet: its next burst
  };
  static constexpr unsigned kBands = std::max(fabric::StripeGroups::kFine.rows, fabric::StripeGroups::kFine.columns);
  /// A burst at the die's border, by the side at which it came.
  struct Entry {
    fabric::Crossing crossing;
    topology::Direction side = topology::Direction::kEast;
    std::uint32_t next = kNone;  ///< while unused
  };
  /// Striped messages that take turns on one edge, and messages of single nodes that came there while others waited.
  struct Stripes {
    struct Message {
      fabric::Burst burst;
      Bytes remaining = 0;
      unsigned send_queue = 0;
      std::int32_t site = -1;  ///< of a single node's message
    };
    std::vector<Message> queue;  ///< in the order in which they were posted
    bool pending = false;        ///< an event or the woken edge will look at it
    bool parked = false;         ///< the edge is full
  };
  /// A message that has taken its read port.
  struct InTurn {
    fabric::Burst burst;
    Bytes left = 0;
    SiteIndex site = 0;
    std::uint32_t port = 0;
    std::uint32_t next = kNone;  ///< while unused
  };
  struct State {
    engine::TimeHeap arrivals;  ///< of entries
    std::vector<Entry> entries;
    std::uint32_t free_entry = kNone;
    SendQueues sends;
    std::vector<InTurn> in_turn;
    std::uint32_t free_in_turn = kNone, open_in_turn = 0;
    /// By direction; the whole die's messages, then those of groups by the rows (columns) that they move along.
    std::array<std::array<Stripes, 1 + kBands>, topology::kDirections> stripes;
    /// By group and send queue: the directions of its messages, in the order in which its nodes send them.
    std::vector<std::vector<std::uint8_t>> stripe_order;
    std::array<std::uint8_t, fabric::StripeGroups::kMost> stripe_turn{};  ///< the send queue that comes next
    // What waits for room on its way out (WayOut::index).
    std::array<std::vector<std::uint32_t>, WayOut::kCount> parked_sites, parked_entries;
    std::array<std::vector<ParkedLine>, topology::kDirections> parked_lines;
    // By direction (side) and row or column: where bursts of single nodes leave, and where they come in.
    std::vector<Lane> lanes;
    std::vector<Inlet> inlets;
    std::uint32_t in_inlets = 0;  ///< entries that wait there
  };
  struct Sink;  // where bursts come out of the die's links
  struct MessageSink;

  /// The way of a burst on this die.
  struct Leg {
    std::optional<topology::Direction> out;  ///< none: it ends here
    std::int32_t lane = 0, from_edge = 0;    ///< by which it leaves, and where it comes into that
    LaneInput input = LaneInput::kNode;
  };

  void arrive(std::uint32_t entry, Cycles now);
  void leave_buffer(std::uint32_t entry, Cycles start, Cycles now);
  Cycles enter_burst(topology::Direction side, const fabric::Crossing& crossing, Cycles now);
  [[nodiscard]] Leg leg_of(std::int32_t row, std::int32_t column, bool comes, const fabric::Burst& burst) const;
  [[nodiscard]] bool takes_turns(const fabric::Burst& burst) const;
  [[nodiscard]] std::size_t lane_index(topology::Direction d, std::int32_t lane) const;
  [[nodiscard]] SiteIndex edge_site(topology::Direction d, std::int32_t lane) const;
  [[nodiscard]] std::pair<std::int32_t, std::int32_t> inlet_place(topology::Direction side, std::int32_t lane) const;
  bool ask_lane(SiteIndex site, unsigned queue, const fabric::Burst& burst, Cycles now);
  void run_lane(topology::Direction d, std::int32_t number, Cycles now);
  void plan_lane(topology::Direction d, std::int32_t number, Cycles now);
  void hold_lane(topology::Direction d, std::int32_t number, Cycles now);
  /// The longest way to an edge.
  [[nodiscard]] Cycles across() const { return (links_.rows() + links_.columns()) * links_.hop_cycles(); }
  void come(std::uint32_t entry, Cycles now);
  void run_inlet(std::uint32_t inlet, Cycles now);
  void enter_first(std::uint32_t inlet, Cycles now);
  void run_asked(Cycles now);
  void note_passed(Cycles now);
  void send_burst(SiteIndex site, unsigned queue, Bytes limit, Cycles now);
  void room(const WayOut& way, Cycles now);
  template <class Go>
  void wake(std::vector<std::uint32_t>& parked, Go&& go);
  void send(SiteIndex site, unsigned queue, const fabric::Burst& burst, Bytes bytes, Cycles now);
  void inject(SiteIndex site, Cycles now);
  void park(SiteIndex site, std::uint32_t ways);
  bool unpark(SiteIndex site, const WayOut& way, Cycles now);
  void send_in_turn(std::uint32_t message, Cycles now);
  void send_stripe(topology::Direction d, unsigned queue, Cycles now);
  [[nodiscard]] std::size_t next_stripe(topology::Direction d, const Stripes& stripes) const;
  void stripe_sent(topology::Direction d, unsigned group, unsigned send_queue, Cycles next);
  void add_stripe(topology::Direction d, const typename Stripes::Message& message, Cycles now);
  bool waits_behind_stripes(SiteIndex site, unsigned queue, const fabric::Burst& burst, Bytes bytes);
  void took_turn(unsigned group, unsigned send_queue) {
    state_.stripe_turn[group] = static_cast<std::uint8_t>(send_queue + 1 == send_queues_ ? 0 : send_queue + 1);
  }
  [[nodiscard]] std::vector<std::uint8_t>& stripe_order(unsigned group, unsigned send_queue) {
    return state_.stripe_order[std::size_t{group} * send_queues_ + send_queue];
  }
  Cycles arrive_stripe(topology::Direction side, const fabric::Burst& burst, Cycles now);
  void leave(topology::Direction d, std::int32_t lane, const fabric::Burst& burst, Cycles head);
  void start_route(SiteIndex site, fabric::Burst& burst);
  [[nodiscard]] std::optional<topology::Direction> way_to(const fabric::Burst& burst) const;
  [[nodiscard]] std::optional<WayOut> full_way(const fabric::Burst& burst);
  [[nodiscard]] std::optional<WayOut> full_way_of_leg(const fabric::Burst& burst) const;
  [[nodiscard]] std::optional<WayOut> full_way_of_line(const fabric::Burst& burst) const;

  Context& context_;
  Timer timer_;
  const Moment& moment_;
  Receiver& receiver_;
  Links links_;
  DieMail mail_;
  Border border_;
  const unsigned send_queues_;                                       ///< of a node
  const bool lanes_;                                                 ///< bursts of single nodes have lanes in turn
  const Bytes lane_bytes_;                                           ///< of a node's turn on a lane
  std::vector<std::uint8_t> group_of_site_;                          ///< whose striped messages its own wait for
  LinePort::Waiter* gathers_ = nullptr;                              ///< belongs to the kernels
  std::vector<std::uint32_t> arrived_, woken_;                       ///< scratch
  std::vector<std::pair<topology::Direction, std::int32_t>> asked_;  ///< scratch
  State state_;
};

}  // namespace dojo::machine
