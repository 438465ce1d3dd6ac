// SPDX-License-Identifier: Apache-2.0
// `dojosim core`: runs a kernel or a micro-program on the pipeline of one core.
#include <fmt/format.h>

#include <algorithm>

#include "commands.h"
#include "core_kernels.h"
#include "dojo/base/error.h"
#include "dojo/base/files.h"
#include "dojo/base/nearest.h"
#include "dojo/config/hardware.h"
#include "dojo/core/assembler.h"
#include "dojo/core/trace.h"
#include "json_answer.h"
#include "terminal.h"

namespace dojo::cli {
namespace {

using core::Counters;

constexpr Cycles kTraceCycles = 200;

Options core_options() {
  std::string kernels;
  for (const CoreKernel& kernel : core_kernels()) kernels += fmt::format("\n  {:<14} {}", kernel.name, kernel.sentence);
  Options options(
      "core KERNEL|PROGRAM.d1 [options]",
      "Runs a kernel, or a micro-program of your own, on one core cycle by cycle: cycles, use of each unit,\n"
      "stalls by cause. Kernels:" +
          kernels,
      "dojosim core matmul --m 64 --n 64 --k 256 --set machine.node.core.address_generators=3");
  options.options()("machine", po::value<std::string>(), "machine file whose node it is; default: the defaults")(
      "set", po::value<std::vector<std::string>>()->composing(),
      "PATH=VALUE, e.g. machine.node.load_ports=1, machine.node.core.sram_banks=8")(
      "threads", po::value<std::int64_t>(), "run the one program of PROGRAM.d1 on so many hardware threads")(
      "max-cycles", po::value<std::int64_t>(), "give up after so many cycles; default: 100000000")(
      "print", "print the micro-program instead of running it")("json", "print JSON instead of text")(
      "trace", po::value<std::string>(), "write a pipeline diagram to this file; - is the terminal")(
      "trace-format", po::value<std::string>(), "text (default), konata or perfetto")(
      "trace-cycles", po::value<std::int64_t>(), "cycles that the diagram shows; default: 200");
  add_kernel_options(options);
  options.positional("program");
  return options;
}

std::int64_t positive(const Options& options, const char* name, std::int64_t otherwise, std::int64_t most) {
  const auto value = options.value<std::int64_t>(name, otherwise);
  if (value < 1 || value > most)
    options.fail(fmt::format("--{} is {}; expected a whole number from 1 to {}", name, value, most));
  return value;
}

/// A kernel's name, or a file: a word with a point or a slash.
CoreKernelRun chosen(const Options& options, const std::string& word, const core::Hardware& hardware) {
  const auto& all = core_kernels();
  const auto kernel = std::find_if(all.begin(), all.end(), [&](const CoreKernel& one) { return one.name == word; });
  if (kernel != all.end()) {
    if (options.has("threads")) options.fail("--threads is for programs; expected --compute-threads for a kernel");
    check_kernel_options(options, word, kernel->options);
    CoreKernelRun run = kernel->make(options, hardware);
    add_communication(options, hardware, run);
    return run;
  }
  if (word.find_first_of("./") == std::string::npos) {
    std::vector<std::string> names;
    for (const CoreKernel& one : all) names.emplace_back(one.name);
    options.fail(fmt::format("unknown kernel '{}'{}; known: {}; a program is a file such as kernel.d1", word,
                             did_you_mean(word, names), fmt::join(names, ", ")));
  }
  check_kernel_options(options, "a program", {});
  return {word, read_file(word, input_limits().config_bytes), 0};
}

core::Work work_of(const Options& options, core::Assembly& assembly) {
  if (options.has("threads")) {
    const std::int64_t threads = positive(options, "threads", 1, core::kThreads);
    if (assembly.threads() != 1 || assembly.programs[0].instructions.empty())
      options.fail("--threads needs a program of one thread; expected a text without .thread");
    for (std::size_t i = 1; i < static_cast<std::size_t>(threads); ++i) assembly.programs[i] = assembly.programs[0];
  }
  return assembly.work();
}

double percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

/// A unit's issues against what it could start in all cycles.
struct UnitUse {
  const char* name;
  std::uint64_t issues;
  std::int64_t wide;
};
std::vector<UnitUse> uses_of(const Counters& counters, const core::Hardware& hardware) {
  const topology::CoreParams& core = hardware.core;
  return {{"matrix", counters.matrix_issues, 1},
          {"fma", counters.fma_issues, 1},
          {"shuffle", counters.shuffle_issues, 1},
          {"vector_issue", counters.matrix_issues + counters.fma_issues + counters.shuffle_issues,
           core.vector_issues_per_cycle},
          {"scalar_issue", counters.integer_issues + counters.address_issues, core.scalar_issues_per_cycle},
          {"integer", counters.integer_issues, core.integer_units},
          {"address", counters.address_issues, core.address_generators},
          {"load_port", counters.load_lines, hardware.load_ports},
          {"store_port", counters.store_lines, hardware.store_ports},
          {"network_read", counters.packets_sent, hardware.noc_read_ports},
          {"network_write", counters.packets_received, hardware.noc_write_ports},
          {"decode", counters.instructions, core.decode_instructions_per_cycle}};
}

void print_text(const CoreKernelRun& run, const Counters& counters, const core::Hardware& hardware) {
  print("{}\n{:<24} {}\n", run.title, "cycles", counters.cycles);
  if (run.formula_cycles > 0) {
    const double ratio = static_cast<double>(run.formula_cycles) / static_cast<double>(counters.cycles);
    print("{:<24} {} ({:+.1f} %; for {}, without launch)\n", "formula", run.formula_cycles, 100 * (ratio - 1),
          run.formula_for);
  }
  print("\n{:<24} {:>12} {:>8}\n", "use of", "issues", "of peak");
  for (const UnitUse& use : uses_of(counters, hardware)) {
    if (use.issues == 0) continue;
    print("{:<24} {:>12} {:>6.1f} %\n", use.name, use.issues,
          percent(use.issues, counters.cycles * static_cast<std::uint64_t>(use.wide)));
  }
  print("\n{:<24} {:>12} {:>8}\n", "stalls and states", "cycles", "of all");
  Counters::fields(counters, [&](const char* name, std::uint64_t value, auto, const char* unit, const char*) {
    if (value == 0 || *unit == '\0' || std::string(name) == "cycles") return;
    print("{:<28} {:>8} {:>6.1f} %\n", name, value, percent(value, counters.cycles));
  });
}

void print_json(const CoreKernelRun& run, const Counters& counters, const core::Hardware& hardware) {
  std::string out = fmt::format("{{\n \"schema\": \"dojosim.core/1\",\n \"cycles\": {},\n", counters.cycles);
  if (run.formula_cycles > 0) out += fmt::format(" \"formula_cycles\": {},\n", run.formula_cycles);
  out += " \"counters\": {";
  const char* comma = "";
  Counters::fields(counters, [&](const char* name, std::uint64_t value, const auto&...) {
    out += fmt::format("{}\n  \"{}\": {}", comma, name, value);
    comma = ",";
  });
  out += "\n },\n \"use\": {";
  comma = "";
  for (const UnitUse& use : uses_of(counters, hardware)) {
    const double share = percent(use.issues, counters.cycles * static_cast<std::uint64_t>(use.wide)) / 100;
    out += fmt::format("{}\n  \"{}\": {:.6f}", comma, use.name, share);
    comma = ",";
  }
  put(out + "\n }\n}\n");
}

core::TraceFormat format_of(const Options& options) {
  const std::string text = options.text("trace-format");
  if (text.empty()) return core::TraceFormat::kText;
  const auto format = schema::enum_value<core::TraceFormat>(text);
  if (!format) {
    options.fail(fmt::format("--trace-format is '{}'; expected one of {}", text,
                             fmt::join(schema::enum_words<core::TraceFormat>(), ", ")));
  }
  return *format;
}

}  // namespace

int core_command(const Arguments& arguments) {
  Options options = core_options();
  if (!options.parse(arguments)) return 0;
  const std::string word = options.need("program", "the kernel or program");
  const core::Hardware hardware = config::load_hardware(options.text("machine"), options.all("set"));
  const CoreKernelRun run = chosen(options, word, hardware);
  if (options.has("print")) {
    if (options.has("json")) {
      JsonAnswer("core").add("program", run.text).print();
    } else {
      put(run.text);
    }
    return 0;
  }
  const core::TraceFormat format = format_of(options);
  core::Assembly assembly = core::assemble(run.text, word);
  core::check_arrivals(assembly, word, hardware);
  const core::Work work = work_of(options, assembly);
  const Cycles most = positive(options, "max-cycles", core::kMostCycles, Cycles{1} << 50);
  if (!options.has("trace") && (options.has("trace-format") || options.has("trace-cycles")))
    options.fail("--trace is missing; expected a file for the diagram");
  Counters counters;
  if (options.has("trace")) {
    core::Trace trace(positive(options, "trace-cycles", kTraceCycles, 100'000));
    counters = core::run_traced(work, hardware, trace, most);
    remove_leftovers_beside(options.text("trace"));
    write_file(options.text("trace"), trace.text(work, format));
  } else {
    counters = core::run(work, hardware, most);
  }
  if (options.has("json")) {
    print_json(run, counters, hardware);
  } else {
    print_text(run, counters, hardware);
  }
  return 0;
}

}  // namespace dojo::cli
