// SPDX-License-Identifier: Apache-2.0
#include "dojo/core/step_programs.h"

#include <algorithm>
#include <utility>

#include "core/piece_text.h"
#include "dojo/core/assembler.h"

namespace dojo::core {
namespace {

/// Where both threads compute, the first waits for the operands and then lets the second one go.
constexpr std::int32_t kGate = 3;

void put(Program& program, std::size_t at, Op op, std::int32_t immediate, std::int32_t count) {
  Instruction instruction;
  instruction.op = op;
  instruction.immediate = immediate;
  instruction.count = count;
  program.instructions.insert(program.instructions.begin() + static_cast<std::ptrdiff_t>(at), instruction);
  program.lines.insert(program.lines.begin() + static_cast<std::ptrdiff_t>(at), 0);
}

/// All of it, so many times.
void repeat(Program& program, std::int64_t times) {
  if (times <= 1) return;
  put(program, program.size() - 1, Op::kEnd, 0, 0);
  put(program, 0, Op::kLoop, 0, static_cast<std::int32_t>(std::min<std::int64_t>(times, 0x7fffffff)));
}

/// A kernel of little work has one thread, and that may be the second one.
void add_waits(std::array<Program, kThreads>& programs, const std::array<Wait, kStepWaits>& waits) {
  const bool waits_at_all = std::any_of(waits.begin(), waits.end(), [](const Wait& wait) { return wait.count > 0; });
  if (!waits_at_all) return;
  const bool both = programs[0].size() != 0 && programs[1].size() != 0;
  Program& first = programs[0].size() != 0 ? programs[0] : programs[1];
  std::size_t at = 0;
  for (const Wait& wait : waits) {
    if (wait.count > 0) put(first, at++, Op::kWait, wait.semaphore, wait.count);
  }
  if (!both) return;
  put(first, at, Op::kSignal, kGate, 1);
  put(programs[1], 0, Op::kWait, kGate, 1);
}

}  // namespace

StepPrograms::StepPrograms(const node::NodeCost& formulas) : hardware_(formulas.params()), formulas_(formulas) {
  check_kernels(hardware_, kComputeThreads);
  hardware_.sram_bytes = std::int64_t{1} << 30;
}

StepPrograms::Key StepPrograms::key_of(const node::CorePiece& piece) {
  if (piece.kind == node::CorePiece::Kind::kStream) {
    const node::StreamWork& work = piece.stream;
    const node::RowWork& rows = work.rows;
    return {1,          work.units, work.loads,  work.stores, work.fma,        work.unpacks,
            work.packs, rows.rows,  rows.chains, rows.sums,   rows.operations, rows.lanes};
  }
  if (piece.kind == node::CorePiece::Kind::kAttention) {
    Key key{2};
    for (const node::AttentionPart& part : piece.attention) {
      const node::AttentionPiece& work = part.piece;
      key.insert(key.end(), {work.queries, work.keys, work.head_size, work.element_bytes,
                             static_cast<std::int64_t>(work.work), work.keeps_scores ? 1 : 0, part.times});
    }
    return key;
  }
  const node::ProductWork& work = piece.product;
  return {0, work.m, work.n, work.k, work.element_bytes, work.result_bytes, work.accumulate ? 1 : 0, piece.times};
}

const StepPrograms::Kernel& StepPrograms::kernel_of(const node::CorePiece& piece, const Key& key) {
  const auto [at, is_new] = kernels_.try_emplace(key);
  if (!is_new) return at->second;
  using Kind = node::CorePiece::Kind;
  const std::int64_t times = piece.kind == Kind::kProduct ? piece.times : 1;
  const PieceText text = piece.kind == Kind::kStream      ? piece_text(piece.stream, hardware_)
                         : piece.kind == Kind::kAttention ? piece_text(piece.attention, hardware_)
                                                          : piece_text(piece.product, formulas_, hardware_);
  Assembly assembly = assemble(text.text, "kernel");
  for (Program& program : assembly.programs) {
    if (program.size() != 0) repeat(program, times);
  }
  at->second = {std::move(assembly.programs), saturating_product(text.more, std::max<std::int64_t>(1, times))};
  return at->second;
}

const StepPrograms::Entry& StepPrograms::of(const node::CorePiece& piece, const std::array<Wait, kStepWaits>& waits) {
  const Key key = key_of(piece);
  std::array<std::int64_t, 2 * kStepWaits> counts{};
  for (std::size_t i = 0; i < waits.size(); ++i) {
    counts[2 * i] = waits[i].semaphore;
    counts[2 * i + 1] = waits[i].count;
  }
  const auto [at, is_new] = entries_.try_emplace({key, counts});
  Entry& entry = at->second;
  if (!is_new) return entry;
  const Kernel& kernel = kernel_of(piece, key);
  entry.programs = kernel.first;
  entry.more = kernel.second;
  add_waits(entry.programs, waits);
  for (std::size_t i = 0; i < entry.programs.size(); ++i) {
    if (entry.programs[i].size() != 0) entry.work.threads[i] = &entry.programs[i];
  }
  return entry;
}

}  // namespace dojo::core
