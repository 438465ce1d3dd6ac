// SPDX-License-Identifier: Apache-2.0
// One window of one shard.
#include "reference/shard.h"

namespace dojo::reference {

void Shard::read_mail(unsigned parity) {
  for (unsigned side = 0; side < kSides; ++side) {
    if (neighbour[side] == nullptr) continue;
    const Mail& from = neighbour[side]->mail[side ^ 1][parity];
    if (out[side] != nullptr) {
      for (const Leaving& flit : from.flits) in[side]->arrive(flit);
      for (const Leaving& credit : from.credits) out[side]->credit(credit);
    } else {
      for (const Leaving& flit : from.flits) block->enter(side, flit);
      for (const Leaving& credit : from.credits) block->credit(side, credit);
    }
  }
}

void Shard::run(Cycles begin, Cycles end, unsigned parity) {
  read_mail(parity ^ 1);
  for (auto& both : mail) {
    both[parity].flits.clear();
    both[parity].credits.clear();
  }
  if (!crosses) {
    block->run(begin, end);
    for (unsigned side = 0; side < kSides; ++side) {
      if (neighbour[side] == nullptr) continue;
      mail[side][parity].flits.swap(block->flits_out[side]);
      mail[side][parity].credits.swap(block->credits_out[side]);
    }
    return;
  }
  for (Cycles now = begin; now < end; ++now) {
    for (unsigned side = 0; side < kSides; ++side) {
      if (out[side] == nullptr) continue;
      out[side]->take(block->flits_out[side]);
      in[side]->take_credits(block->credits_out[side]);
      out[side]->cycle(now, *block, mail[side][parity].flits);
      in[side]->cycle(now, *block, mail[side][parity].credits);
    }
    block->run(now, now + 1);
  }
}

std::uint64_t Shard::flits_inside(unsigned last_parity) const {
  std::uint64_t flits = block->flits_inside();
  for (unsigned side = 0; side < kSides; ++side) {
    flits += mail[side][last_parity].flits.size();
    if (out[side] != nullptr) flits += out[side]->flits_inside() + in[side]->flits_inside();
  }
  return flits;
}

}  // namespace dojo::reference
