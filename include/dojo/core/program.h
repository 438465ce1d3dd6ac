// SPDX-License-Identifier: Apache-2.0
// Micro-programs of a D1 core: what a hardware thread executes, as far as time depends on it. docs/core.md has the text
// form; assembler.h reads it.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dojo/base/types.h"

namespace dojo::core {

inline constexpr int kThreads = 4;
inline constexpr std::uint32_t kLineBytes = 64;  ///< of a vector register, an SRAM line and a packet
inline constexpr int kMostLoops = 8;             ///< loops inside each other
inline constexpr int kMostLines = 4;             ///< of a load

/// Registers in one space: a0 to a31 scalar, v0 to v31 vector, c0 to c15 sums of the matrix unit (8 x 8 FP32).
inline constexpr std::uint8_t kScalarRegisters = 32, kVectorRegisters = 32, kSums = 16;
inline constexpr std::uint8_t kFirstVector = kScalarRegisters;
inline constexpr std::uint8_t kFirstSum = kFirstVector + kVectorRegisters;
inline constexpr std::uint8_t kRegisters = kFirstSum + kSums;
inline constexpr std::uint8_t kNoRegister = 255;
/// Sums that lie in vector registers: c<i> is v<4 i> to v<4 i + 3>.
inline constexpr int kRegistersOfSum = 4;

enum class Op : std::uint8_t {
  kLoadImmediate,
  kAddImmediate,
  kScalar,
  kLoad,
  kStore,
  kFma,
  kShuffle,
  kMatrix,
  kReadSum,
  kSend,
  kWait,
  kSignal,
  kLoop,
  kEnd,
  kHalt
};

struct Instruction {
  Op op = Op::kHalt;
  std::uint8_t destination = kNoRegister;
  std::array<std::uint8_t, 3> sources{kNoRegister, kNoRegister, kNoRegister};
  std::uint8_t base = kNoRegister;  ///< address register of the memory operand
  std::uint8_t lines = 1;           ///< that the memory operand touches when it is aligned
  bool starts_sum = false;          ///< of kMatrix
  std::int32_t immediate = 0;       ///< value, displacement or semaphore
  std::int32_t count = 0;           ///< turns of a loop (0: endless), packets, signals
};
static_assert(sizeof(Instruction) == 16);

struct Program {
  std::string name;                       ///< of the file, for messages
  std::vector<Instruction> instructions;  ///< the last one is kHalt
  std::vector<std::uint32_t> lines;       ///< of the text, for each instruction
  bool endless = false;                   ///< never ends by itself: it runs until the other threads have ended

  [[nodiscard]] std::size_t size() const { return instructions.size(); }
  /// "kernel.d1:12"
  [[nodiscard]] std::string place(std::size_t instruction) const;
};

/// The text form of an instruction: "vld v0 a0+64".
[[nodiscard]] std::string text_of(const Instruction& instruction);
/// "a3", "v0", "c7".
[[nodiscard]] std::string register_text(std::uint8_t number);

/// Packets that come from the network: one every `every` cycles, from cycle `first` on, each written to the next line.
struct Arrivals {
  std::uint32_t address = 0;
  std::int64_t packets = 0;
  Cycles first = 0, every = 1;
  std::int32_t semaphore = -1;  ///< signalled once a packet is written; -1: none
  std::int64_t lines = 0;       ///< that are written in turn; 0: as many as there are packets
};

/// What a core runs: a program for each hardware thread (none: nullptr), and what the network brings.
struct Work {
  std::array<const Program*, kThreads> threads{};
  Arrivals arrivals;
};

}  // namespace dojo::core
