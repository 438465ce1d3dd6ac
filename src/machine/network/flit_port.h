// SPDX-License-Identifier: Apache-2.0
// The reference model: every flit, cycle by cycle (reference::Die). No time of the fast model is used.
#pragma once
#include "dojo/reference/die.h"
#include "machine/network/mail.h"
#include "machine/network/network_port.h"

namespace dojo::machine {

class FlitPort final : public NetworkPort {
 public:
  FlitPort(Context& context, DieId die, engine::Wheel& wheel, const Moment& moment, Receiver& receiver);

  void post(SiteIndex site, const fabric::Burst& head, Bytes bytes, Cycles now, unsigned queue) override;
  /// Plans are cut into a lane a node beforehand (Context::cut_striped_plans), so nothing is striped.
  void post_stripe(const fabric::Burst& head, Bytes bytes, Cycles now, unsigned queue) override;
  /// No arrival is known before it happens.
  Cycles send_within(SiteIndex site, const fabric::Burst& head, Bytes bytes, Cycles now) override;
  [[nodiscard]] std::unique_ptr<Gathers> make_gathers(KernelRuns& kernels) override;
  bool watch_reads(const std::vector<SiteIndex>& sites, reference::SramReads& reads) override {
    flits_.watch_reads(sites, reads);
    return tells_writes_ = true;
  }

  [[nodiscard]] Cycles next_time() const override { return flits_.next_cycle(); }
  /// The die's own events of a cycle come before its flits: what is sent at a cycle may go in it.
  [[nodiscard]] Cycles own_events_until() const override {
    const Cycles cycle = flits_.next_cycle();
    return cycle == kNever ? kNever : cycle + 1;
  }
  void run_next() override;
  void handle(const engine::Event&) override {}
  void end_window() override;
  Cycles read_mail() override;

  [[nodiscard]] bool at_rest(Cycles) const override { return flits_.settled(); }
  [[nodiscard]] Cycles latest() const override { return flits_.settled() ? 0 : kNever; }
  [[nodiscard]] bool settled() const override { return flits_.settled(); }
  void each_standing(const std::function<void(const fabric::Burst&, int)>& look) const override;
  void copy(const NetworkPort& from, const RowNames& names) override;

  [[nodiscard]] const fabric::DieNetwork& network() const override { return network_; }
  [[nodiscard]] fabric::DieNetwork& network() override { return network_; }
  void settle() override;
  [[nodiscard]] bool has_edge(topology::Direction d) const override { return mail_.has_neighbour(d); }
  [[nodiscard]] LinkCounters edge(topology::Direction d) const override;
  [[nodiscard]] std::uint64_t events() const override { return flits_.flit_hops(); }

 private:
  Context& context_;
  const DieId die_;
  const Moment& moment_;
  Receiver& receiver_;
  DieMail mail_;
  reference::Die flits_;
  bool tells_writes_ = false;   ///< some core of the die runs cycle by cycle
  fabric::DieNetwork network_;  ///< geometry and counters; its times are not used
};

}  // namespace dojo::machine
