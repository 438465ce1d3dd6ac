// SPDX-License-Identifier: Apache-2.0
// The text form of instructions.
#include "dojo/core/program.h"

#include <fmt/format.h>

namespace dojo::core {
namespace {

std::string memory_text(const Instruction& instruction) {
  const std::string base = register_text(instruction.base);
  return instruction.immediate == 0 ? base : fmt::format("{}{:+d}", base, instruction.immediate);
}

const char* word_of(const Instruction& instruction) {
  constexpr std::array<const char*, kMostLines> kLoads{"vld", "vld2", "vld3", "vld4"};
  switch (instruction.op) {
    case Op::kLoadImmediate:
      return "li";
    case Op::kAddImmediate:
      return "addi";
    case Op::kScalar:
      return "salu";
    case Op::kLoad:
      return kLoads.at(instruction.lines - 1u);
    case Op::kStore:
      return "vst";
    case Op::kFma:
      return "fma";
    case Op::kShuffle:
      return "x";
    case Op::kMatrix:
      return instruction.starts_sum ? "mmz" : "mm";
    case Op::kReadSum:
      return "mrd";
    case Op::kSend:
      return "send";
    case Op::kWait:
      return "swait";
    case Op::kSignal:
      return "sset";
    case Op::kLoop:
      return "loop";
    case Op::kEnd:
      return "end";
    case Op::kHalt:
      return "halt";
  }
  return "?";
}

}  // namespace

std::string Program::place(std::size_t instruction) const {
  return fmt::format("{}:{}", name, lines.at(instruction));
}

std::string register_text(std::uint8_t number) {
  if (number < kFirstVector) return fmt::format("a{}", number);
  if (number < kFirstSum) return fmt::format("v{}", number - kFirstVector);
  return fmt::format("c{}", number - kFirstSum);
}

std::string text_of(const Instruction& instruction) {
  std::string text = word_of(instruction);
  if (instruction.op == Op::kWait || instruction.op == Op::kSignal)
    return fmt::format("{} {} {}", text, instruction.immediate, instruction.count);
  if (instruction.op == Op::kLoop) return instruction.count == 0 ? text : fmt::format("{} {}", text, instruction.count);
  if (instruction.destination != kNoRegister) text += ' ' + register_text(instruction.destination);
  if (instruction.op == Op::kLoadImmediate || instruction.op == Op::kAddImmediate)
    return fmt::format("{} {}", text, instruction.immediate);
  for (const std::uint8_t source : instruction.sources)
    if (source != kNoRegister) text += ' ' + register_text(source);
  if (instruction.base != kNoRegister) text += ' ' + memory_text(instruction);
  if (instruction.op == Op::kSend) text += fmt::format(" {}", instruction.count);
  return text;
}

}  // namespace dojo::core
