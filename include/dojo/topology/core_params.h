// SPDX-License-Identifier: Apache-2.0
// The pipeline of a node's core, as a machine file says it under node.core: sizes and latencies of the cycle-level
// model of the core (docs/core.md).
#pragma once
#include <array>
#include <cstdint>

#include "dojo/schema/enum_text.h"
#include "dojo/schema/fields.h"

namespace dojo::topology {

/// Where the matrix unit keeps the sums of its blocks.
enum class SumPlace { kRegisters, kUnit };
inline constexpr std::array<schema::EnumEntry<SumPlace>, 2> kSumPlaceTexts{
    {{SumPlace::kRegisters, "registers", "each sum lies in four vector registers, which any instruction may name"},
     {SumPlace::kUnit, "unit", "sums lie in the matrix unit and are read 64 B at a time"}}};
constexpr const auto& enum_entries(SumPlace) {
  return kSumPlaceTexts;
}

struct CoreParams {
  std::int64_t fetch_instructions_per_cycle = 8, fetch_buffer_instructions = 16;
  std::int64_t decode_instructions_per_cycle = 8, decode_threads_per_cycle = 2;
  std::int64_t loop_exit_cycles = 8;
  bool loop_exits_predicted = false;
  std::int64_t scalar_issues_per_cycle = 4, integer_units = 2, address_generators = 2, scalar_entries = 16;
  std::int64_t vector_issues_per_cycle = 2, vector_entries = 16;
  std::int64_t store_queue_entries = 8, send_queue_entries = 8;
  bool store_takes_address_generator = true, send_takes_address_generator = true, loads_first = false;
  bool load_takes_vector_slot = false, register_renaming = false;
  SumPlace sums = SumPlace::kRegisters;
  std::int64_t unit_sums = 8, sum_latency_cycles = 1, shuffle_latency_cycles = 4;
  std::int64_t sram_banks = 16, semaphores = 64;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& field) {
    using schema::Anything;
    using schema::Between;
    using schema::Source;
    field("fetch_instructions_per_cycle", self.fetch_instructions_per_cycle,
          "instructions of one thread that a cycle fetches; a taken branch ends it", Between(1, 16), Source{"C03"});
    field("fetch_buffer_instructions", self.fetch_buffer_instructions, "fetched and not decoded, of each thread",
          Between(1, 32), Source{"assumed"});
    field("decode_instructions_per_cycle", self.decode_instructions_per_cycle, "instructions that a cycle decodes",
          Between(1, 16), Source{"C04"});
    field("decode_threads_per_cycle", self.decode_threads_per_cycle, "threads that share the decoders in a cycle",
          Between(1, 4), Source{"C04"});
    field("loop_exit_cycles", self.loop_exit_cycles, "fetch stands still when a thread leaves a loop", Between(0, 1000),
          Source{"assumed"});
    field("loop_exits_predicted", self.loop_exits_predicted, "leaving a loop costs nothing", Anything(),
          Source{"assumed"});
    field("scalar_issues_per_cycle", self.scalar_issues_per_cycle, "issues of the scalar scheduler", Between(1, 16),
          Source{"C08"});
    field("integer_units", self.integer_units, "integer ALUs", Between(1, 16), Source{"C09"});
    field("address_generators", self.address_generators, "addresses of loads, stores and sends that a cycle makes",
          Between(1, 16), Source{"C09"});
    field("scalar_entries", self.scalar_entries,
          "entries of the scalar scheduler for each thread; times the threads at most 64", Between(1, 64),
          Source{"assumed"});
    field("vector_issues_per_cycle", self.vector_issues_per_cycle, "issues of the vector scheduler", Between(1, 16),
          Source{"C10"});
    field("vector_entries", self.vector_entries,
          "entries of the vector scheduler for each thread; times the threads at most 64", Between(1, 64),
          Source{"assumed"});
    field("store_queue_entries", self.store_queue_entries, "stores of a thread that wait for data or the port",
          Between(1, 16), Source{"assumed"});
    field("send_queue_entries", self.send_queue_entries, "sends of all threads that wait for the network port",
          Between(1, 16), Source{"assumed"});
    field("store_takes_address_generator", self.store_takes_address_generator,
          "a store takes one of the address generators", Anything(), Source{"assumed"});
    field("send_takes_address_generator", self.send_takes_address_generator,
          "a send takes one of the address generators", Anything(), Source{"assumed"});
    field("loads_first", self.loads_first, "loads go before stores and sends, whichever is older", Anything(),
          Source{"assumed"});
    field("load_takes_vector_slot", self.load_takes_vector_slot,
          "a load to a register takes an issue of the vector scheduler", Anything(), Source{"assumed"});
    field("register_renaming", self.register_renaming,
          "a vector register may be written before all have read its old value", Anything(), Source{"assumed"});
    field("sums", self.sums, "where the matrix unit keeps its sums", Anything(), Source{"assumed"});
    field("unit_sums", self.unit_sums, "sums of 8 x 8 in the matrix unit, where sums is unit", Between(1, 16),
          Source{"assumed"});
    field("sum_latency_cycles", self.sum_latency_cycles, "from an issue of the matrix unit to the next on the same sum",
          Between(1, 64), Source{"assumed"});
    field("shuffle_latency_cycles", self.shuffle_latency_cycles, "shuffles, conversions, reads of sums", Between(1, 64),
          Source{"assumed"});
    field("sram_banks", self.sram_banks, "banks of 64 B, each with one access a cycle", Between(1, 64),
          Source{"assumed"});
    field("semaphores", self.semaphores, "semaphores of a node", Between(1, 64), Source{"assumed"});
  }
};

}  // namespace dojo::topology
