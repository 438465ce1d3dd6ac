// SPDX-License-Identifier: Apache-2.0
// The mailboxes of one die, by the side at which a neighbour lies.
#pragma once
#include <array>

#include "machine/context.h"
#include "machine/die/moment.h"

namespace dojo::machine {

/// What a die's edges post.
class BorderMail {
 public:
  virtual ~BorderMail() = default;
  virtual void post(topology::Direction d, const fabric::Crossing& crossing) = 0;
  virtual void post(topology::Direction d, const fabric::Credit& credit) = 0;
};

/// Into and out of the mailboxes that all shards share.
class DieMail final : public BorderMail {
 public:
  DieMail(Context& context, DieId die, const Moment& moment);

  [[nodiscard]] bool has_neighbour(topology::Direction d) const { return neighbour(d) != kNone; }
  [[nodiscard]] ShardId neighbour(topology::Direction d) const { return neighbours_[static_cast<std::size_t>(d)]; }
  [[nodiscard]] bool is_dip(topology::Direction d) const { return neighbour(d) >= context_.topology.die_count(); }
  void post(topology::Direction d, const fabric::Crossing& crossing) override {
    context_.post(context_.mailbox_of_die(die_, d), neighbour(d), crossing, moment_.of_thread());
  }
  void post(topology::Direction d, const fabric::Credit& credit) override {
    context_.post(context_.mailbox_of_die(die_, d), neighbour(d), credit, moment_.of_thread());
  }
  /// Where flits that leave in this window go; `first`: the time of the earliest of them.
  [[nodiscard]] reference::EdgeMail& flits_to(topology::Direction d, Cycles first) {
    return context_.flits_to(context_.mailbox_of_die(die_, d), neighbour(d), first, moment_.of_thread());
  }

  /// The mailbox that the neighbour at that side writes, and the half of it that is read now.
  [[nodiscard]] std::size_t incoming(topology::Direction d) const;
  [[nodiscard]] int readable(std::size_t mailbox) const { return context_.readable(mailbox, die_); }
  template <class Take>
  void take_crossings(topology::Direction d, Take&& take) {
    const std::size_t mailbox = incoming(d);
    auto& crossings = context_.mail[mailbox].crossings[readable(mailbox)];
    for (const fabric::Crossing& crossing : crossings) take(crossing);
    crossings.clear();
  }
  /// Returns whether there were any.
  template <class Take>
  bool take_credits(topology::Direction d, Take&& take) {
    const std::size_t mailbox = incoming(d);
    auto& credits = context_.mail[mailbox].credits[readable(mailbox)];
    if (credits.empty()) return false;
    for (const fabric::Credit& credit : credits) take(credit);
    credits.clear();
    return true;
  }
  [[nodiscard]] reference::EdgeMail& flits_from(topology::Direction d) {
    const std::size_t mailbox = incoming(d);
    return context_.flit_mail[mailbox][static_cast<std::size_t>(readable(mailbox))];
  }

 private:
  Context& context_;
  const DieId die_;
  const Moment& moment_;
  std::array<ShardId, topology::kDirections> neighbours_{kNone, kNone, kNone, kNone};
};

}  // namespace dojo::machine
