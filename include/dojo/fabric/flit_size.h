// SPDX-License-Identifier: Apache-2.0
// Bytes and flits. Divisions by a size that is known only at run time are slow, and most sizes are powers of two.
#pragma once
#include "dojo/base/types.h"

namespace dojo::fabric {

class FlitSize {
 public:
  /// Requires bytes > 0.
  explicit FlitSize(Bytes bytes = 64) : bytes_(bytes) {
    if ((bytes & (bytes - 1)) == 0) shift_ = __builtin_ctzll(static_cast<unsigned long long>(bytes));
  }
  [[nodiscard]] Bytes bytes() const { return bytes_; }
  /// Whole flits in these bytes. Requires bytes >= 0, as do the others.
  [[nodiscard]] Flits whole(Bytes bytes) const { return shift_ >= 0 ? bytes >> shift_ : bytes / bytes_; }
  /// Flits that it takes to carry them.
  [[nodiscard]] Flits to_carry(Bytes bytes) const { return whole(bytes + bytes_ - 1); }
  /// Bytes of those.
  [[nodiscard]] Bytes padded(Bytes bytes) const { return to_carry(bytes) * bytes_; }

 private:
  Bytes bytes_;
  int shift_ = -1;  ///< of a power of two
};

}  // namespace dojo::fabric
