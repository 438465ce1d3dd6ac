// SPDX-License-Identifier: Apache-2.0
// `dojosim trace info|check|convert|gen|rescale`: look at, verify, convert, synthesise and re-scale traces.
#include "dojo/trace/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "commands.h"
#include "dojo/base/error.h"
#include "dojo/base/files.h"
#include "dojo/base/nearest.h"
#include "dojo/run/workload_source.h"
#include "generate_options.h"
#include "json_answer.h"
#include "plugin_option.h"
#include "terminal.h"

namespace dojo::cli {
namespace {

std::int64_t at_least(const Options& options, const char* name, std::int64_t low, std::int64_t otherwise) {
  const auto value = options.value<std::int64_t>(name, otherwise);
  if (value < low) options.fail(fmt::format("--{} is {}; expected {} or more", name, value, low));
  return value;
}

RankId rank_count(const Options& options, const char* name, std::int64_t low, std::int64_t otherwise) {
  constexpr std::int64_t kMostRanks = 10'000'000;  // as in a trace
  const std::int64_t value = at_least(options, name, low, otherwise);
  if (value > kMostRanks) options.fail(fmt::format("--{} is {}; expected at most {}", name, value, kMostRanks));
  return static_cast<RankId>(value);
}

void add_reading_options(Options& options) {
  options.options()("ranks", po::value<std::int64_t>(), "ranks; default: as the files or the trace say")(
      "replicate", "use one rank's file for all ranks")("bytes-per-element", po::value<std::int64_t>(),
                                                        "for traces that count elements")(
      "group-file", po::value<std::string>(), "communicator groups of a trace with one file per rank")(
      "deps", po::value<std::string>(), "Chakra: data (default) or data+ctrl")(
      "batch", po::value<std::int64_t>(), "samples per rank where the file leaves it open")(
      "cycle-ns", po::value<std::int64_t>(), "length of a layer text's time unit; default 1")(
      "inner-ranks", po::value<std::int64_t>(), "ranks that share a model, for hybrid policies that do not say")(
      "forward-only", "add no backward pass to layer lists and ONNX")(
      "kineto", po::value<std::string>(), "Kineto trace of the same run as a PyTorch execution trace")(
      "step", po::value<std::int64_t>(), "Kineto and PyTorch: only what belongs to ProfilerStep#N");
  add_plugin_option(options);
}

workload::Workload read(const Options& options, const std::string& trace) {
  run::Plugins plugins;
  load_plugins(options, plugins);
  workload::TraceOptions reading;
  reading.ranks = rank_count(options, "ranks", 0, 0);
  reading.replicate = options.has("replicate");
  reading.bytes_per_element = at_least(options, "bytes-per-element", 0, 0);
  reading.group_file = options.text("group-file");
  const auto deps = options.value<std::string>("deps", "data");
  if (deps != "data" && deps != "data+ctrl")
    options.fail(fmt::format("--deps is '{}'; expected data or data+ctrl", deps));
  reading.control_dependencies = deps == "data+ctrl";
  reading.batch = at_least(options, "batch", 0, 0);
  reading.cycle_ns = at_least(options, "cycle-ns", 1, 1);
  reading.inner_ranks = at_least(options, "inner-ranks", 0, 0);
  reading.forward_only = options.has("forward-only");
  reading.kineto_file = options.text("kineto");
  if (options.has("step")) reading.profiler_step = at_least(options, "step", 0, 0);
  std::vector<std::string> files_read;
  return workload::read_trace(trace, reading, &files_read);
}

std::size_t operations(const workload::Workload& workload) {
  return std::accumulate(workload.graphs.begin(), workload.graphs.end(), std::size_t{0},
                         [](std::size_t sum, const workload::Graph& graph) { return sum + graph.ops.size(); });
}

/// What reading assumed; what it says of many files once, by the first of them.
std::vector<std::string> notes_of(const workload::Workload& workload) {
  std::vector<std::string> notes;
  std::map<std::string, std::pair<std::size_t, std::size_t>> known;  // without the file: place in `notes`, how often
  for (const workload::Graph& graph : workload.graphs) {
    for (const std::string& warning : graph.warnings) {
      std::string words = warning;
      const std::size_t file = graph.file.empty() ? std::string::npos : words.find(graph.file);
      if (file != std::string::npos) words.erase(file, graph.file.size());
      const auto [at, fresh] = known.try_emplace(words, notes.size(), 0);
      if (fresh) notes.push_back(warning);
      ++at->second.second;
    }
  }
  for (const auto& [words, place] : known)
    if (place.second > 1) notes[place.first] += fmt::format(" (and so of {} more)", place.second - 1);
  return notes;
}

void add_json_option(Options& options) {
  options.options()("json", "print JSON instead of text");
}

void refuse_two_answers(const Options& options, const std::string& to) {
  if (options.has("json") && to == "-")
    options.fail("found --json and a trace that goes to standard output, expected one of them");
}

/// To standard error when the trace itself went to standard output.
void say_what(const Options& options, const std::string& name, const workload::Workload& workload,
              const std::string& format) {
  if (options.has("json")) {
    JsonAnswer("trace")
        .add("file", name)
        .add("good", true)
        .add("ranks", std::uint64_t{workload.ranks()})
        .add("graphs", std::uint64_t{workload.graphs.size()})
        .add("operations", std::uint64_t{operations(workload)})
        .add("format", format)
        .add_json("notes", json_texts(notes_of(workload)))
        .print();
    return;
  }
  const std::string words = fmt::format("{}: good: {} ranks, {} graphs, {} operations, format {}", name,
                                        workload.ranks(), workload.graphs.size(), operations(workload), format);
  if (name == "-") {
    put_error(words);
  } else {
    print("{}\n", words);
  }
}

int info(const Arguments& arguments) {
  Options options("trace info FILE_OR_PREFIX [options]",
                  "Says what a trace holds: ranks, operations, FLOP, bytes, groups.",
                  "dojosim trace info traces/all_reduce --json");
  options.options()("json", "print JSON instead of text");
  add_reading_options(options);
  options.positional("trace");
  if (!options.parse(arguments)) return 0;
  const std::string trace = options.need("trace", "the trace");
  const std::string words = workload::describe_workload(read(options, trace), options.has("json"));
  print("{}{}", words, words.empty() || words.back() != '\n' ? "\n" : "");
  return 0;
}

int check(const Arguments& arguments) {
  Options options("trace check FILE_OR_PREFIX [options]",
                  "Checks a trace, each rank alone and across ranks; every finding is one line on stderr, exit code 3.",
                  "dojosim trace check traces/all_reduce");
  add_json_option(options);
  add_reading_options(options);
  options.positional("trace");
  if (!options.parse(arguments)) return 0;
  const std::string trace = options.need("trace", "the trace");
  const workload::Workload workload = read(options, trace);
  if (!options.has("json"))
    for (const std::string& note : notes_of(workload)) print("note: {}\n", note);
  say_what(options, trace, workload, workload.graphs.empty() ? "none" : workload.graphs.front().format);
  return 0;
}

bool ends_with(const std::string& name, const std::string& end) {
  return name.size() > end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
}

/// The place that a trace is written to. Its ending says the format: another one is a mistake, before anything is read.
std::string place(const Options& options, const char* what, const std::string& to) {
  const std::string end = std::filesystem::path(to).extension().string();
  if (!end.empty() && end != ".json" && end != ".gz" && end != ".et") {
    options.fail(fmt::format(
        "{} is '{}'; expected a name that ends in .json or .json.gz for dojosim's own format, or in .et or .et.gz for "
        "Chakra",
        what, to));
  }
  return to;
}

/// PREFIX.et and PREFIX.et.gz are Chakra, one file per rank; any other name is the own format.
std::string write(const workload::Workload& workload, const std::string& to) {
  remove_leftovers_beside(to);
  for (const bool gzip : {false, true}) {
    const std::string end = gzip ? ".et.gz" : ".et";
    if (!ends_with(to, end)) continue;
    workload::write_chakra_trace(workload, to.substr(0, to.size() - end.size()), gzip);
    return "chakra-et";
  }
  workload::write_trace(workload, to);
  return "dojo-json";
}

void add_writing_options(Options& options) {
  options.options()("max-output-files", po::value<std::int64_t>(),
                    "Chakra: files that may be written, one per rank; default 10000");
}

void set_writing_limits(const Options& options) {
  const auto files = static_cast<std::int64_t>(input_limits().output_files);
  input_limits().output_files = static_cast<std::uint64_t>(at_least(options, "max-output-files", 1, files));
}

int convert(const Arguments& arguments) {
  Options options(
      "trace convert FROM TO [options]",
      "Writes any readable trace in dojosim's own format (gzip when TO ends in .gz), or as Chakra, one file "
      "per rank, when TO ends in .et or .et.gz: PREFIX.et writes PREFIX.0.et, PREFIX.1.et, ... and "
      "PREFIX.json with the groups.",
      "dojosim trace convert traces/all_reduce all_reduce.json.gz");
  add_json_option(options);
  add_reading_options(options);
  add_writing_options(options);
  options.positional("from");
  options.positional("to");
  if (!options.parse(arguments)) return 0;
  set_writing_limits(options);
  const std::string from = options.need("from", "the trace to read");
  const std::string to = place(options, "TO", options.need("to", "the file to write"));
  refuse_two_answers(options, to);
  const workload::Workload workload = read(options, from);
  say_what(options, to, workload, write(workload, to));
  return 0;
}

/// "bn=25" -> {"bn", 25}
std::pair<std::string, RankId> group_size(const Options& options, const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::string number = equals == std::string::npos ? "" : text.substr(equals + 1);
  if (number.empty() || number.size() > 8 || number.find_first_not_of("0123456789") != std::string::npos)
    options.fail(fmt::format("--group-ranks is '{}'; expected CLASS=RANKS such as bn=25", text));
  return {text.substr(0, equals), static_cast<RankId>(std::stoul(number))};
}

int rescale(const Arguments& arguments) {
  Options options(
      "trace rescale FROM TO [options]",
      "Writes the same job with more or fewer ranks, other group sizes, or another batch, and says what was "
      "assumed. TO as for trace convert.",
      "dojosim trace rescale resnet50.json big.json --to-ranks 3000 --group-ranks bn=25");
  options.options()("to-ranks", po::value<std::int64_t>(), "ranks of the new job; default: as it is")(
      "to-batch", po::value<std::int64_t>(), "samples per rank of the new job; default: as it is")(
      "group-ranks", po::value<std::vector<std::string>>()->composing(), "CLASS=RANKS: size of a class's groups")(
      "data-parallel", po::value<std::vector<std::string>>()->composing(),
      "CLASS: its groups grow with the ranks; may be repeated; none: copies are separate jobs");
  add_json_option(options);
  add_reading_options(options);
  add_writing_options(options);
  options.positional("from");
  options.positional("to");
  if (!options.parse(arguments)) return 0;
  set_writing_limits(options);
  const std::string from = options.need("from", "the trace to read");
  const std::string to = place(options, "TO", options.need("to", "the file to write"));
  refuse_two_answers(options, to);
  workload::RescaleOptions change;
  if (options.has("to-ranks")) change.ranks = rank_count(options, "to-ranks", 1, 1);
  if (options.has("to-batch")) change.batch = at_least(options, "to-batch", 1, 1);
  for (const std::string& text : options.value<std::vector<std::string>>("group-ranks", {}))
    change.group_ranks.insert(group_size(options, text));
  change.data_parallel = options.value<std::vector<std::string>>("data-parallel", {});
  const workload::Workload workload = workload::rescale_workload(read(options, from), change);
  for (const std::string& note : notes_of(workload))
    if (!options.has("quiet") && !options.has("json")) put_error("note: " + note);
  say_what(options, to, workload, write(workload, to));
  return 0;
}

int generate(const Arguments& arguments) {
  Options options("trace gen MODEL [options]",
                  fmt::format("Writes a generated trace; its format as of TO for trace convert. MODEL is one of:\n{}.",
                              fmt::join(run::generator_names(), ", ")),
                  "dojosim trace gen resnet50 --batch 8 --dtype bf16 --ranks 25 -o resnet50.json.gz");
  options.options()("ranks", po::value<std::int64_t>(), "ranks; default 1")(
      "steps", po::value<std::int64_t>(), "training steps; default 1")("output,o", po::value<std::string>(),
                                                                       "file to write; default MODEL.json");
  add_json_option(options);
  add_generate_options(options);
  add_writing_options(options);
  options.positional("model");
  if (!options.parse(arguments)) return 0;
  set_writing_limits(options);
  const config::GenerateParams params = generate_params(options);
  const std::vector<std::string> models = run::generator_names();
  if (std::find(models.begin(), models.end(), params.model) == models.end()) {
    options.fail(fmt::format("unknown model '{}'{}", params.model, did_you_mean(params.model, models)));
  }
  const std::string file = place(options, "--output", options.value<std::string>("output", params.model + ".json"));
  constexpr std::int64_t kMostSteps = 64;  // as in a trace
  const std::int64_t steps = at_least(options, "steps", 1, 1);
  if (steps > kMostSteps) options.fail(fmt::format("--steps is {}; expected at most {}", steps, kMostSteps));
  refuse_two_answers(options, file);
  const workload::Workload workload = run::generate_workload(params, rank_count(options, "ranks", 1, 1), steps);
  say_what(options, file, workload, write(workload, file));
  return 0;
}

}  // namespace

int trace_command(const Arguments& arguments) {
  static const std::vector<Command> table{{"info", "say what a trace holds", info},
                                          {"check", "verify a trace", check},
                                          {"convert", "write a trace in dojosim's own format or Chakra's", convert},
                                          {"gen", "synthesise a trace", generate},
                                          {"rescale", "change ranks, groups or batch of a trace", rescale}};
  return dispatch("trace", table, arguments);
}

}  // namespace dojo::cli
