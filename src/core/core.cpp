// SPDX-License-Identifier: Apache-2.0
// The built-in core, compiled once, and the sentences of programs that cannot go on.
#include "dojo/core/core.h"

#include <fmt/format.h>

#include "dojo/base/error.h"
#include "dojo/core/faults.h"

namespace dojo::core {

template class Pipeline<Sram, OpenNetwork>;
template class Core<>;

Counters run(const Work& work, const Hardware& hardware, Cycles most) {
  check(work, hardware);
  int threads = 0;
  for (const Program* program : work.threads) threads += program != nullptr ? 1 : 0;
  return Core<>(Params(hardware, threads), work).run(most);
}

void fail_address(const Program& program, std::uint32_t instruction, int thread, std::int64_t address,
                  std::uint64_t bytes, std::uint32_t sram_bytes, Cycles now) {
  throw Error(
      ExitCode::kInvalidInput,
      fmt::format("{}: '{}' of thread {} in cycle {}: found bytes {} to {}, expected addresses inside the SRAM, "
                  "0 to {}",
                  program.place(instruction), text_of(program.instructions[instruction]), thread, now, address,
                  address + static_cast<std::int64_t>(bytes) - 1, sram_bytes - 1));
}

void fail_deadlock(const std::vector<ThreadPlace>& places, Cycles now) {
  std::vector<std::string> lines{fmt::format(
      "the core has waited since cycle {}: every thread waits for a semaphore and nothing will signal it", now)};
  for (const ThreadPlace& place : places) {
    const Instruction& instruction = place.program->instructions[place.instruction];
    if (instruction.op != Op::kWait) continue;
    lines.push_back(fmt::format(
        "{}: thread {} waits for {} of semaphore {}, which holds {}; let another thread or the "
        "network signal it (sset, .arrive)",
        place.program->place(place.instruction), place.thread, instruction.count, instruction.immediate, place.held));
  }
  throw Error(ExitCode::kCannotFinish, lines);
}

void fail_endless(const std::vector<ThreadPlace>& places, Cycles most) {
  std::vector<std::string> lines{
      fmt::format("the programs have not ended after {} cycles; end their loops, or allow more cycles", most)};
  for (const ThreadPlace& place : places) {
    const Instruction& instruction = place.program->instructions[place.instruction];
    lines.push_back(fmt::format("{}: thread {} is at '{}'", place.program->place(place.instruction), place.thread,
                                text_of(instruction)));
  }
  throw Error(ExitCode::kCannotFinish, lines);
}

}  // namespace dojo::core
