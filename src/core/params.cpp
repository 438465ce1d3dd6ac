// SPDX-License-Identifier: Apache-2.0
// Which machines the pipeline models, and which instructions such a core has.
#include "dojo/core/params.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/arrivals.h"
#include "dojo/base/error.h"
#include "dojo/core/faults.h"

namespace dojo::core {
namespace {

using topology::CoreParams;
using topology::SumPlace;

void limit(Findings& findings, const char* key, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value >= low && value <= high) return;
  const std::string expected = low == high ? fmt::format("{}", low) : fmt::format("{} to {}", low, high);
  findings.add("machine.node.{}: found {}, expected {} for the pipeline of the core", key, value, expected);
}

int entries_for(int threads) {
  return threads > 2 ? 16 : threads == 2 ? 32 : 64;
}

int number(std::int64_t value) {
  return static_cast<int>(value);
}

void find_in_hardware(const Hardware& node, int threads, Findings& findings) {
  const CoreParams& core = node.core;
  limit(findings, "load_ports", node.load_ports, 1, kMostPorts);
  limit(findings, "store_ports", node.store_ports, 1, kMostPorts);
  limit(findings, "noc_read_ports", node.noc_read_ports, 1, kMostPorts);
  limit(findings, "noc_write_ports", node.noc_write_ports, 1, kMostPorts);
  limit(findings, "port_bytes_per_cycle", node.port_bytes_per_cycle, kLineBytes, kLineBytes);
  limit(findings, "vector_bytes_per_cycle", node.vector_bytes_per_cycle, kLineBytes, kLineBytes);
  // A multiply-add of each FP32 lane of a vector register.
  limit(findings, "fp32_flop_per_cycle", node.fp32_flop_per_cycle, kLineBytes / 2, kLineBytes / 2);
  limit(findings, "sram_latency_cycles", node.sram_latency_cycles, 0, kMostLatency);
  limit(findings, "scalar_latency_cycles", node.scalar_latency_cycles, 0, kMostLatency);
  limit(findings, "vector_latency_cycles", node.vector_latency_cycles, 0, kMostLatency);
  limit(findings, "matrix_latency_cycles", node.matrix_latency_cycles, 0, kMostLatency);
  limit(findings, "core.scalar_entries", core.scalar_entries, 1, entries_for(threads));
  limit(findings, "core.vector_entries", core.vector_entries, 1, entries_for(threads));
  limit(findings, "core.fetch_buffer_instructions", core.fetch_buffer_instructions, core.fetch_instructions_per_cycle,
        32);
}

}  // namespace

void check_kernels(const Hardware& hardware, int threads) {
  Findings findings;
  find_in_hardware(hardware, threads, findings);
  limit(findings, "matrix_rows", hardware.matrix_rows, 8, 8);
  limit(findings, "matrix_columns", hardware.matrix_columns, 8, 8);
  limit(findings, "matrix_depth", hardware.matrix_depth, 1, 64);
  if (hardware.core.sums == topology::SumPlace::kUnit)
    limit(findings, "core.unit_sums", hardware.core.unit_sums, threads, 16);
  findings.throw_if_any();
}

Params::Params(const Hardware& hardware, int threads) {
  const CoreParams& core = hardware.core;
  Findings findings;
  find_in_hardware(hardware, threads, findings);
  findings.throw_if_any();
  fetch_width = number(core.fetch_instructions_per_cycle);
  fetch_buffer = number(core.fetch_buffer_instructions);
  decode_width = number(core.decode_instructions_per_cycle);
  decode_threads = number(core.decode_threads_per_cycle);
  loop_exit_cycles = number(core.loop_exit_cycles);
  scalar_issues = number(core.scalar_issues_per_cycle);
  integer_units = number(core.integer_units);
  address_generators = number(core.address_generators);
  scalar_entries = number(core.scalar_entries);
  vector_issues = number(core.vector_issues_per_cycle);
  vector_entries = number(core.vector_entries);
  store_queue = number(core.store_queue_entries);
  send_queue = number(core.send_queue_entries);
  load_ports = number(hardware.load_ports);
  store_ports = number(hardware.store_ports);
  read_ports = number(hardware.noc_read_ports);
  write_ports = number(hardware.noc_write_ports);
  sram_latency = number(hardware.sram_latency_cycles);
  integer_latency = number(hardware.scalar_latency_cycles);
  vector_latency = number(hardware.vector_latency_cycles);
  matrix_latency = number(hardware.matrix_latency_cycles);
  sum_latency = number(core.sum_latency_cycles);
  shuffle_latency = number(core.shuffle_latency_cycles);
  semaphore_cycles = number(hardware.semaphore_cycles);
  semaphores = number(core.semaphores);
  banks = number(core.sram_banks);
  sram_bytes = static_cast<std::uint32_t>(std::min<std::int64_t>(hardware.sram_bytes, 0x7fffffff));
  loop_exits_predicted = core.loop_exits_predicted;
  store_takes_address_generator = core.store_takes_address_generator;
  send_takes_address_generator = core.send_takes_address_generator;
  loads_first = core.loads_first;
  load_takes_vector_slot = core.load_takes_vector_slot;
  register_renaming = core.register_renaming;
}

int entries_of_group(const Work& work) {
  return entries_for(static_cast<int>(
      std::count_if(work.threads.begin(), work.threads.end(), [](const Program* p) { return p != nullptr; })));
}

namespace {

bool is_sum(std::uint8_t place) {
  return place != kNoRegister && place >= kFirstSum;
}

/// Registers of one program: sums and vector registers may be the same storage.
class RegisterCheck {
 public:
  RegisterCheck(const Program& program, const CoreParams& core, Findings& findings)
      : program_(program), core_(core), findings_(findings) {}
  void run() {
    for (std::uint32_t i = 0; i < program_.size(); ++i) {
      const Instruction& instruction = program_.instructions[i];
      see(i, instruction.destination);
      for (const std::uint8_t place : instruction.sources) see(i, place);
      if (core_.sums == SumPlace::kUnit) see_unit(i, instruction);
      const bool semaphore = instruction.op == Op::kWait || instruction.op == Op::kSignal;
      if (semaphore && instruction.immediate >= core_.semaphores) {
        findings_.add("{}: found semaphore {}, expected 0 to {}", program_.place(i), instruction.immediate,
                      core_.semaphores - 1);
      }
    }
  }

 private:
  void see(std::uint32_t at, std::uint8_t place) {
    if (is_sum(place)) {
      see_sum(at, place - kFirstSum);
    } else if (place != kNoRegister && place >= kFirstVector && core_.sums == SumPlace::kRegisters) {
      const int number = place - kFirstVector;
      vectors_ |= 1u << number;
      if ((sums_ >> (number / kRegistersOfSum) & 1) != 0) overlap(at, number / kRegistersOfSum);
    }
  }
  void see_sum(std::uint32_t at, int number) {
    const std::int64_t count = core_.sums == SumPlace::kUnit ? core_.unit_sums : kVectorRegisters / kRegistersOfSum;
    if (number >= count) {
      findings_.add("{}: found sum c{}, expected c0 to c{} (machine.node.core.sums is {})", program_.place(at), number,
                    count - 1, schema::enum_text(core_.sums));
    } else if (core_.sums == SumPlace::kRegisters) {
      sums_ |= 1u << number;
      if ((vectors_ >> (number * kRegistersOfSum) & 15) != 0) overlap(at, number);
    }
  }
  void overlap(std::uint32_t at, int sum) {
    if ((told_ >> sum & 1) != 0) return;  // once is enough
    told_ |= 1u << sum;
    findings_.add(
        "{}: found both c{} and one of its registers v{} to v{}, expected one of them in a program "
        "(machine.node.core.sums is registers)",
        program_.place(at), sum, sum * kRegistersOfSum, sum * kRegistersOfSum + kRegistersOfSum - 1);
  }
  void see_unit(std::uint32_t at, const Instruction& instruction) {
    const bool writes = instruction.op == Op::kLoad && is_sum(instruction.destination);
    const bool reads =
        instruction.op != Op::kReadSum && std::any_of(instruction.sources.begin(), instruction.sources.end(), is_sum);
    if (writes || reads) {
      findings_.add(
          "{}: found a sum in '{}', expected mrd or mm: sums lie in the matrix unit "
          "(machine.node.core.sums is unit)",
          program_.place(at), text_of(instruction));
    }
  }

  const Program& program_;
  const CoreParams& core_;
  Findings& findings_;
  std::uint32_t vectors_ = 0, sums_ = 0, told_ = 0;
};

}  // namespace

void find_in_arrivals(const Arrivals& arrivals, const Hardware& hardware, const std::string& place,
                      Findings& findings) {
  const auto lines = arrivals.lines == 0 ? arrivals.packets : arrivals.lines;
  const Int128 end = Int128{lines} * kLineBytes + arrivals.address;
  if (arrivals.packets > 0 && end > hardware.sram_bytes) {
    findings.add("{}: found {} lines from address {} on, expected addresses inside the SRAM, 0 to {}", place, lines,
                 arrivals.address, hardware.sram_bytes - 1);
  }
  if (arrivals.semaphore >= hardware.core.semaphores)
    findings.add("{}: found semaphore {}, expected 0 to {}", place, arrivals.semaphore, hardware.core.semaphores - 1);
}

void check(const Work& work, const Hardware& hardware) {
  Findings findings;
  bool any = false;
  for (const Program* program : work.threads) {
    if (program == nullptr) continue;
    any = true;
    RegisterCheck(*program, hardware.core, findings).run();
  }
  if (!any) findings.add("found no program, expected one for at least one thread");
  find_in_arrivals(work.arrivals, hardware, ".arrive", findings);
  findings.throw_if_any();
}

}  // namespace dojo::core
