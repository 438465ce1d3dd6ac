// SPDX-License-Identifier: Apache-2.0
// Generated workloads of one operation: a matrix product on one rank, a collective over all ranks.
#include <fmt/format.h>

#include "dojo/base/error.h"
#include "dojo/trace/trace.h"
#include "trace/graph_builder.h"
#include "trace/json_trace.h"

namespace dojo::workload {

Workload generate_matmul(std::int64_t m, std::int64_t n, std::int64_t k, DType dtype) {
  Findings findings;
  constexpr std::int64_t kLargest = 1 << 20;
  const auto check = [&](const char* key, std::int64_t value) {
    if (value < 1 || value > kLargest) {
      findings.add("generate matmul: found {} = {}, expected 1 to {}; set workload.generate.{}", key, value, kLargest,
                   key);
    }
  };
  check("m", m);
  check("n", n);
  check("k", k);
  findings.throw_if_any();
  GraphBuilder builder("generated:matmul", "generated");
  const Bytes width = dtype_bytes(dtype);
  OpDraft draft;
  draft.name = "matmul";
  draft.op.kind = OpKind::kMatMul;
  draft.op.phase = Phase::kForward;
  draft.op.dtype = dtype;
  draft.op.mat = MatShape{m, n, k, 1};
  draft.op.flops = shape_flops(draft.op);
  // The left operand is an activation so that it may be anywhere; both are resident when the job starts.
  draft.inputs = {builder.tensor("a", m * k * width, TensorRole::kActivation),
                  builder.tensor("b", k * n * width, TensorRole::kWeight)};
  draft.outputs = {builder.tensor("c", m * n * width, TensorRole::kActivation)};
  builder.add(std::move(draft));
  Workload workload;
  workload.graphs.push_back(builder.take());
  workload.graph_of_rank = {0};
  workload.group_classes = {all_ranks_class(1)};
  return workload;
}

Workload generate_collective(OpKind kind, Bytes bytes, RankId ranks) {
  Findings findings;
  if (!is_collective(kind))
    findings.add("generate {}: found a kind that is no collective, expected e.g. all_reduce", op_kind_name(kind));
  if (ranks < 1)
    findings.add("generate {}: found no ranks, expected at least 1; set workload.ranks", op_kind_name(kind));
  const bool needs_bytes = traits(kind).has(OpTraits::kNeedsBytes);
  if (needs_bytes && (bytes < 1 || bytes > kLargestAmount)) {
    findings.add("generate {}: found {} bytes, expected 1 to {}; set workload.generate.bytes (trace gen --bytes)",
                 op_kind_name(kind), bytes, kLargestAmount);
  }
  findings.throw_if_any();
  GraphBuilder builder(fmt::format("generated:{}", op_kind_name(kind)), "generated");
  OpDraft draft;
  draft.name = op_kind_name(kind);
  draft.op.kind = kind;
  draft.op.bytes = needs_bytes ? bytes : 0;
  if (draft.op.bytes > 0) {
    const std::uint32_t buffer = builder.tensor("buffer", bytes, TensorRole::kGradient);
    draft.inputs = {buffer};
    draft.outputs = {buffer};
  }
  builder.add(std::move(draft));
  Workload workload;
  workload.graphs.push_back(builder.take());
  workload.graph_of_rank.assign(ranks, 0);
  workload.group_classes = {all_ranks_class(ranks)};
  return workload;
}

}  // namespace dojo::workload
