// SPDX-License-Identifier: Apache-2.0
// What the pipeline finds wrong with a program while it runs.
#pragma once
#include <cstdint>

#include "dojo/core/program.h"

namespace dojo::core {

/// Throws Error(kInvalidInput): an access outside the SRAM.
[[noreturn]] void fail_address(const Program& program, std::uint32_t instruction, int thread, std::int64_t address,
                               std::uint64_t bytes, std::uint32_t sram_bytes, Cycles now);

/// Entries of a scheduler that a thread has at most, so that those of all with a program are 64.
[[nodiscard]] int entries_of_group(const Work& work);

}  // namespace dojo::core
