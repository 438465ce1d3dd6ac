// SPDX-License-Identifier: Apache-2.0
#include "vcd_file.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>

namespace dojo::cli {
namespace {

/// "BEGIN-END", "BEGIN-" or "-END".
bool read_cycles(const std::string& text, run::WaveRequest& request) {
  const std::size_t dash = text.find('-');
  if (dash == std::string::npos || text.size() == 1) return false;
  const auto number = [&text](std::size_t from, std::size_t to, Cycles& value) {
    if (from == to) return true;
    const auto [stop, error] = std::from_chars(text.data() + from, text.data() + to, value);
    return error == std::errc{} && stop == text.data() + to && value >= 0;
  };
  return number(0, dash, request.begin) && number(dash + 1, text.size(), request.end);
}

}  // namespace

void VcdFile::describe(Options& options) {
  options.options()("vcd", po::value<std::string>(),
                    "file for the signals of cores that run cycle by cycle (machine.detailed), for GTKWave and its "
                    "like")("vcd-nodes", po::value<std::vector<std::string>>()->composing(),
                            "path of a node, row or die of machine.detailed; may be repeated; default: all of them")(
      "vcd-cycles", po::value<std::string>(), "BEGIN-END, such as 1000-5000; default: all");
}

VcdFile::VcdFile(const Options& options) : path_(options.text("vcd")) {
  for (const char* more : {"vcd-nodes", "vcd-cycles"})
    if (options.has(more) && !options.has("vcd")) options.fail(fmt::format("--{} is given without --vcd", more));
  if (!options.has("vcd")) return;
  if (path_.empty() || path_ == "-")
    options.fail(fmt::format("--vcd is '{}'; expected a file: the summary goes to standard output", path_));
  request_.emplace();
  request_->nodes = options.all("vcd-nodes");
  const std::string cycles = options.text("vcd-cycles");
  if (options.has("vcd-cycles") && !read_cycles(cycles, *request_))
    options.fail(fmt::format("--vcd-cycles is '{}'; expected BEGIN-END in cycles, such as 1000-5000", cycles));
  remove_leftovers_beside(path_);
  tried_.emplace(path_);
}

std::string VcdFile::write(const run::RunOutcome& outcome, OutputSet& files) {
  if (!tried_) return "";
  tried_.reset();
  OutputFile& file = files.add(path_);
  const Cycles ran = outcome.results.end_cycle, full = core::full_at(outcome.waves);
  const Cycles end = std::min({request_->end, ran, full});
  core::write_vcd(outcome.waves, outcome.prepared.config->machine.clock_hz, request_->begin, end,
                  [&](std::string_view bytes) { file.write(bytes); });
  if (full < std::min(request_->end, ran)) {
    spdlog::warn("{} ends at cycle {} of {}: {} changes are kept; choose nodes or cycles (--vcd-nodes, --vcd-cycles)",
                 path_, full, ran, run::kMostWaveChanges);
  }
  return fmt::format("signals         {} ({} nodes, cycles {} to {}); opens in GTKWave\n", path_, outcome.waves.size(),
                     request_->begin, std::max(end, request_->begin));
}

}  // namespace dojo::cli
