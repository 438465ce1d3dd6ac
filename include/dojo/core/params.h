// SPDX-License-Identifier: Apache-2.0
// Sizes and latencies of the pipeline as its inner loop uses them, from those of a machine file.
#pragma once
#include <cstdint>

#include "dojo/core/program.h"
#include "dojo/topology/machine_params.h"

namespace dojo::core {

/// Latencies beyond this do not fit the calendar of results.
inline constexpr std::int64_t kMostLatency = 64;
inline constexpr int kMostPorts = 8;  ///< of each kind

/// What a machine file says of a node, the pipeline of its core included.
using Hardware = topology::NodeParams;

struct Params {
  int fetch_width, fetch_buffer, decode_width, decode_threads, loop_exit_cycles;
  int scalar_issues, integer_units, address_generators, scalar_entries;
  int vector_issues, vector_entries;
  int store_queue, send_queue;
  int load_ports, store_ports, read_ports, write_ports;
  int sram_latency, integer_latency, vector_latency, matrix_latency, sum_latency, shuffle_latency;
  int semaphore_cycles, semaphores, banks;
  std::uint32_t sram_bytes;
  bool loop_exits_predicted, store_takes_address_generator, send_takes_address_generator, loads_first;
  bool load_takes_vector_slot, register_renaming;

  /// `threads`: that have a program. Throws Error(kInvalidInput) with every value that the pipeline cannot model.
  Params(const Hardware& hardware, int threads);
};

/// Throws Error(kInvalidInput) with a line for each value that the pipeline, or the kernels of operations, cannot
/// model.
void check_kernels(const Hardware& hardware, int threads);

/// Throws Error(kInvalidInput) with a line for each instruction that a core of these parameters does not have.
void check(const Work& work, const Hardware& hardware);

}  // namespace dojo::core
