// SPDX-License-Identifier: Apache-2.0
// What a core counts while it runs: issues of its units, and where cycles went that issued nothing.
#pragma once
#include <cstdint>

#include "dojo/schema/counters.h"

namespace dojo::core {

struct Counters {
  std::uint64_t cycles = 0, instructions = 0;
  std::uint64_t integer_issues = 0, address_issues = 0, matrix_issues = 0, fma_issues = 0, shuffle_issues = 0;
  std::uint64_t load_lines = 0, store_lines = 0, packets_sent = 0, packets_received = 0;
  std::uint64_t two_vector_issues_cycles = 0, one_vector_issue_cycles = 0, operand_stall_cycles = 0,
                vector_empty_cycles = 0;
  std::uint64_t address_stall_cycles = 0, port_stall_cycles = 0, queue_stall_cycles = 0, bank_stall_cycles = 0;
  std::uint64_t decoding_thread_cycles = 0, front_end_thread_cycles = 0, decoder_thread_cycles = 0,
                scalar_full_thread_cycles = 0, vector_full_thread_cycles = 0, semaphore_thread_cycles = 0,
                values_thread_cycles = 0, drain_thread_cycles = 0;

  template <class Self, class Visit>
  static constexpr void fields(Self& self, Visit&& field) {
    using schema::Sum;
    field("cycles", self.cycles, Sum{}, "cycles", "from the start to the end of the last thread");
    field("instructions", self.instructions, Sum{}, "", "decoded");
    field("integer_issues", self.integer_issues, Sum{}, "", "to the integer ALUs");
    field("address_issues", self.address_issues, Sum{}, "", "of loads, stores and sends from the scalar scheduler");
    field("matrix_issues", self.matrix_issues, Sum{}, "", "to the matrix unit");
    field("fma_issues", self.fma_issues, Sum{}, "", "to the FMA unit");
    field("shuffle_issues", self.shuffle_issues, Sum{}, "", "to the shuffle unit: conversions and reads of sums too");
    field("load_lines", self.load_lines, Sum{}, "", "lines of 64 B that loads read");
    field("store_lines", self.store_lines, Sum{}, "", "lines of 64 B that stores wrote");
    field("packets_sent", self.packets_sent, Sum{}, "", "read by the network port");
    field("packets_received", self.packets_received, Sum{}, "", "written by the network port");
    field("two_vector_issues_cycles", self.two_vector_issues_cycles, Sum{}, "cycles",
          "the vector scheduler issued two instructions or more");
    field("one_vector_issue_cycles", self.one_vector_issue_cycles, Sum{}, "cycles",
          "the vector scheduler issued one instruction");
    field("operand_stall_cycles", self.operand_stall_cycles, Sum{}, "cycles",
          "the vector scheduler held instructions and none could issue");
    field("vector_empty_cycles", self.vector_empty_cycles, Sum{}, "cycles", "the vector scheduler held nothing");
    field("address_stall_cycles", self.address_stall_cycles, Sum{}, "cycles",
          "a ready load, store or send found no address generator or issue");
    field("port_stall_cycles", self.port_stall_cycles, Sum{}, "cycles", "a ready load found no load port");
    field("queue_stall_cycles", self.queue_stall_cycles, Sum{}, "cycles", "a ready store or send found its queue full");
    field("bank_stall_cycles", self.bank_stall_cycles, Sum{}, "cycles", "accesses waited for a bank, summed over them");
    field("decoding_thread_cycles", self.decoding_thread_cycles, Sum{}, "thread cycles",
          "a thread decoded something; this and those below add up to the cycles of all living threads");
    field("front_end_thread_cycles", self.front_end_thread_cycles, Sum{}, "thread cycles",
          "a thread had nothing fetched");
    field("decoder_thread_cycles", self.decoder_thread_cycles, Sum{}, "thread cycles",
          "other threads took the decoders");
    field("scalar_full_thread_cycles", self.scalar_full_thread_cycles, Sum{}, "thread cycles",
          "a thread's scalar scheduler was full");
    field("vector_full_thread_cycles", self.vector_full_thread_cycles, Sum{}, "thread cycles",
          "a thread's vector scheduler was full");
    field("semaphore_thread_cycles", self.semaphore_thread_cycles, Sum{}, "thread cycles",
          "a thread waited for a semaphore, or for its own stores before it signals");
    field("values_thread_cycles", self.values_thread_cycles, Sum{}, "thread cycles",
          "the model's records of values were used up; a limit of the model, not of the hardware");
    field("drain_thread_cycles", self.drain_thread_cycles, Sum{}, "thread cycles",
          "a thread was at its end and waited for what was under way");
  }
};
static_assert(schema::every_counter_is_listed<Counters>());

}  // namespace dojo::core
