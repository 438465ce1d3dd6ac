// SPDX-License-Identifier: Apache-2.0
// What a step of a kernel is for the core of one node. Cores that run cycle by cycle make programs of it.
#pragma once
#include <cstdint>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/node/attention_cost.h"
#include "dojo/node/kernel_cost.h"

namespace dojo::node {

struct CorePiece {
  enum class Kind : std::uint8_t {
    kTimed,      ///< only its time is known
    kProduct,    ///< `times` products, one after another
    kStream,     ///< lines through the vector unit
    kAttention,  ///< pieces of attention, one after another
  };
  Kind kind = Kind::kTimed;
  Cycles before = 0;  ///< launch of the kernel, and what the step waits for besides its operands
  std::int64_t times = 1;
  ProductWork product;
  StreamWork stream;
  std::vector<AttentionPart> attention;
  friend bool operator==(const CorePiece& a, const CorePiece& b) {
    return a.kind == b.kind && a.before == b.before && a.times == b.times && a.product == b.product &&
           a.stream == b.stream && a.attention == b.attention;
  }
};

}  // namespace dojo::node
