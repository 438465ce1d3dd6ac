// SPDX-License-Identifier: Apache-2.0
// Operands gathered piece by piece: each is a multicast of its own, and each node of a second stage passes on what it
// has when it has it. For network models that find out when a packet arrives only as it does.
#pragma once
#include "machine/die/gathers.h"
#include "machine/die/kernel_runs.h"
#include "machine/network/network_port.h"

namespace dojo::machine {

class PieceGathers final : public Gathers {
 public:
  PieceGathers(KernelRuns& kernels, NetworkPort& port, const Context& context)
      : kernels_(kernels), port_(port), context_(context) {}

  [[nodiscard]] std::uint32_t need(const RankDie& place, std::uint32_t kernel, std::size_t at) const override {
    return context_.piece_needs[context_.job.program_of_rank[place.rank]][kernel][at];
  }
  void prepare(KernelRun& run) override { run.posted.assign(run.kernel->pieces.size(), 0); }
  void send_unicasts(KernelRun& run, Cycles now) override;
  void advance(KernelRun& run, std::uint32_t line, Cycles now) override;
  void first_slot_known(KernelRun& run, std::uint32_t node, Cycles now) override;

 private:
  bool post_pieces(KernelRun& run, const workload::SliceShape::Line& line, const workload::Gather& gather, Cycles now);
  void post_piece(const KernelRun& run, const workload::SliceShape::Line& line, const workload::Piece& piece,
                  std::uint32_t slot, Cycles now);

  KernelRuns& kernels_;
  NetworkPort& port_;
  const Context& context_;
};

}  // namespace dojo::machine
