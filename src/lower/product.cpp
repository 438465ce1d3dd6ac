// SPDX-License-Identifier: Apache-2.0
// Candidates of a matrix product's partition, and the choice among them.
#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "dojo/base/error.h"
#include "lower/candidate.h"

namespace dojo::workload {
namespace {

std::int64_t size_of(const ProductRequest& r, Stream stream) {
  return stream == Stream::kM ? r.m * r.batch : stream == Stream::kN ? r.n : r.k;
}

/// Large activations stay in pixel order: each operation that follows would have to collect them.
bool lays_out_badly(const ProductRequest& request, Cut rows, Cut columns) {
  constexpr Bytes kSmall = 262144;
  const bool by_channel = request.pixels == Cut::kM && rows != Cut::kM && columns != Cut::kM;
  return by_channel && request.c_bytes > kSmall && request.m * request.batch >= 64;
}

}  // namespace

const char* cut_name(Cut cut) {
  return cut == Cut::kM ? "M" : cut == Cut::kN ? "N" : "K";
}

bool operator<(const ProductRequest& x, const ProductRequest& y) {
  const auto key = [](const ProductRequest& r) {
    const ConvShape& c = r.conv;
    return std::tuple(r.m, r.n, r.k, r.batch, r.element_bytes, r.a_bytes, r.b_bytes, r.c_bytes, r.a, r.b, r.pixels,
                      r.halo_pixels, r.halo_pixel_bytes, r.halo,
                      std::array{c.n, c.c, c.h, c.w, c.k, c.r, c.s, c.stride, c.pad, c.p, c.q}, r.destinations);
  };
  return key(x) < key(y);
}

std::vector<ProductChoice> evaluate_products(const ProductRequest& request, const PlanContext& context) {
  std::vector<ProductChoice> choices;
  constexpr std::array kCuts{Cut::kM, Cut::kN, Cut::kK};
  for (const Cut rows : kCuts) {
    for (const Cut columns : kCuts) {
      // Pixels lie in row-major order: columns alone cannot cut them.
      if ((columns == request.pixels && rows != request.pixels) || lays_out_badly(request, rows, columns)) continue;
      for (const Stream stream : {Stream::kNone, Stream::kM, Stream::kN, Stream::kK}) {
        for (const std::uint32_t steps : {1U, 2U, 4U, 8U, 15U}) {
          if ((stream == Stream::kNone) != (steps == 1) || (steps > 1 && size_of(request, stream) < 8 * steps))
            continue;
          if (const auto plan = plan_candidate(request, context, {rows, columns, stream, steps}, false))
            choices.push_back({rows, columns, stream, steps, plan->buffer_bytes, plan->cycles});
        }
      }
    }
  }
  DOJO_CHECK(!choices.empty(), "no partition for a product of {} x {} x {}", request.m, request.n, request.k);
  return choices;
}

ProductChoice choose_product(const std::vector<ProductChoice>& choices, Bytes budget_bytes) {
  // What does not fit makes activations leave: about half a cycle for each byte of a node (recomputed and read again).
  constexpr double kExcessCyclesPerByte = 0.5;
  const auto cost = [&](const ProductChoice& c) {
    const Bytes excess = budget_bytes == 0 ? 0 : std::max<Bytes>(0, c.buffer_bytes - budget_bytes);
    return c.cycles + kExcessCyclesPerByte * static_cast<double>(excess);
  };
  double least = cost(choices.front());
  for (const ProductChoice& c : choices) least = std::min(least, cost(c));
  // The model is not finer than this, and each step costs its semaphores and the host its events.
  constexpr double kAsGood = 1.02;
  const ProductChoice* best = nullptr;
  for (const ProductChoice& c : choices) {
    if (cost(c) > kAsGood * least) continue;
    if (best == nullptr || c.steps < best->steps || (c.steps == best->steps && cost(c) < cost(*best))) best = &c;
  }
  return *best;
}

KernelPlan build_product(const ProductRequest& request, const ProductChoice& choice, const PlanContext& context) {
  auto plan = plan_candidate(request, context, {choice.rows, choice.columns, choice.stream, choice.steps}, true);
  DOJO_CHECK(plan.has_value(), "a partition that was possible is not: {} x {} x {}", request.m, request.n, request.k);
  return std::move(*plan);
}

}  // namespace dojo::workload
