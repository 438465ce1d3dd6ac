// SPDX-License-Identifier: Apache-2.0
// Attention whose scores never leave the core, piece by piece.
#include "core/attention_writer.h"
#include "dojo/core/kernels.h"

namespace dojo::core {

std::string attention_text(const AttentionKernel& kernel, const Hardware& hardware) {
  expect_between("compute threads of attention", kernel.threads, 2, 2);
  for (const node::AttentionPart& part : kernel.parts) {
    expect_between("queries", part.piece.queries, 1, std::int64_t{1} << 24);
    expect_between("keys", part.piece.keys, 1, std::int64_t{1} << 24);
    expect_between("elements of a head", part.piece.head_size, 1, 1 << 16);
    expect_between("bytes of an element of attention", part.piece.element_bytes, 1, 2);
    expect_between("times", part.times, 1, std::int64_t{1} << 30);
  }
  KernelWriter write;
  for (const int thread : {kProductThread, kVectorThread}) {
    write.thread(thread);
    for (const node::AttentionPart& part : kernel.parts) {
      const AttentionTiles tiles(part.piece);
      tiles.set_addresses(hardware, thread, write);
      if (thread == kProductThread) AttentionProducts(tiles, hardware, write).write(part.times);
      if (thread == kVectorThread) AttentionRows(tiles, write).write(part.times);
    }
  }
  return write.take();
}

}  // namespace dojo::core
