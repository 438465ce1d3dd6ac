// SPDX-License-Identifier: Apache-2.0
// What a node's communication thread does while others compute: it sends, receives, or adds up what arrives.
#include "core/kernel_writer.h"
#include "dojo/base/error.h"
#include "dojo/core/kernels.h"

namespace dojo::core {
namespace {

constexpr std::int64_t kLine = kLineBytes;
/// Lines that are sent or received in turn, and packets of one block move or one wait.
constexpr std::int64_t kLines = 1024, kMove = 16, kBatch = 8;
constexpr int kThread = kThreads - 1, kSemaphore = 63;
constexpr std::int64_t kForEver = 0x7fffffff;

/// Over all lines from `at` on, again and again.
template <class Body>
void for_ever(KernelWriter& write, std::int64_t at, std::int64_t step, Body&& body) {
  write.thread(kThread);
  write.line("loop");
  write.line("li a0 {}", at);
  write.loop(kLines / step, [&] {
    body();
    write.line("addi a0 {}", step * kLine);
  });
  write.line("end");
}

/// A batch of what has arrived is added to sums that lie in as many other lines.
void add_batch(KernelWriter& write) {
  write.line("swait {} {}", kSemaphore, kBatch);
  for (std::int64_t i = 0; i < kBatch; ++i) {
    write.line("vld v{} a0+{}", i, i * kLine);
    write.line("vld v{} a0-{}", kBatch + i, (kBatch - i) * kLine);
  }
  for (std::int64_t i = 0; i < kBatch; ++i) write.line("fma v{0} v{0} v{1}", kBatch + i, i);
  for (std::int64_t i = 0; i < kBatch; ++i) write.line("vst v{} a0-{}", kBatch + i, (kBatch - i) * kLine);
}

}  // namespace

std::string communication_text(Communication kind, std::int64_t every, const Hardware& hardware) {
  expect_between("cycles from packet to packet", every, 1, 1 << 30);
  expect_between("machine.node.sram_bytes beside a communication thread", hardware.sram_bytes,
                 (kLines + kBatch) * kLine, std::int64_t{1} << 40);
  // At the end of the SRAM: only the banks matter.
  const std::int64_t at = hardware.sram_bytes / kLine * kLine - kLines * kLine;
  KernelWriter write;
  switch (kind) {
    case Communication::kNone:
      break;
    case Communication::kMoves:
      for_ever(write, at, kMove, [&] { write.line("send a0 {}", kMove); });
      break;
    case Communication::kPackets:
      for_ever(write, at, kBatch, [&] {
        for (std::int64_t i = 0; i < kBatch; ++i) write.line("send a0+{}", i * kLine);
      });
      break;
    case Communication::kReceive:
      write.line(".arrive {} {} {} -1 {}", at, kForEver, every, kLines);
      break;
    case Communication::kAdd:
      write.line(".arrive {} {} {} {} {}", at, kForEver, every, kSemaphore, kLines);
      for_ever(write, at, kBatch, [&] { add_batch(write); });
      break;
  }
  return write.take();
}

}  // namespace dojo::core
