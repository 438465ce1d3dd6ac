// SPDX-License-Identifier: Apache-2.0
// The fingerprint of what a machine counted.
#pragma once
#include <cstdint>

#include "dojo/schema/counters.h"

namespace dojo::machine {

/// FNV-1a over 64-bit words with a final mix per word: a fingerprint, not a secret.
class Digest {
 public:
  void add(std::uint64_t word) {
    hash_ ^= word;
    hash_ *= 0x100000001b3ull;
    hash_ ^= hash_ >> 29;
  }
  /// Of one part of very many: values alone.
  template <class Counters>
  void add_part(const Counters& counters) {
    for (const std::uint64_t value : schema::values_of(counters)) add(value);
  }
  [[nodiscard]] std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325ull;
};

}  // namespace dojo::machine
