// SPDX-License-Identifier: Apache-2.0
// The records of all ranks: offered while a window runs, taken from the next one on.
#include <algorithm>
#include <tuple>
#include <utility>

#include "machine/shortcuts/kernel_repeats.h"

namespace dojo::machine {

const SliceRecord* SliceRecords::find(const Key& key) const {
  const auto found = known_.find(key);
  return found == known_.end() ? nullptr : by_id_[found->second].get();
}

void SliceRecords::offer(Key key, RankId rank, std::unique_ptr<SliceRecord> record) {
  const std::lock_guard<std::mutex> lock(mutex_);
  offers_.push_back({std::move(key), rank, std::move(record)});
}

void SliceRecords::publish() {
  if (offers_.empty()) return;
  std::sort(offers_.begin(), offers_.end(),
            [](const Offer& a, const Offer& b) { return std::tie(a.key, a.rank) < std::tie(b.key, b.rank); });
  for (Offer& offer : offers_) {
    const auto id = static_cast<std::uint32_t>(by_id_.size());
    if (!known_.emplace(std::move(offer.key), id).second) continue;
    offer.record->id = id;
    by_id_.push_back(std::move(offer.record));
  }
  offers_.clear();
}

}  // namespace dojo::machine
