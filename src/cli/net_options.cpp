// SPDX-License-Identifier: Apache-2.0
// Each option of `dojosim net` sets one key of its config.
#include "net_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <iterator>

namespace dojo::cli {
namespace {

/// "8x12" -> {8, 12}.
bool read_grid(const std::string& text, std::int64_t& rows, std::int64_t& columns) {
  const std::size_t x = text.find('x');
  if (x == std::string::npos) return false;
  const char *begin = text.data(), *end = begin + text.size();
  const auto first = std::from_chars(begin, begin + x, rows);
  const auto second = std::from_chars(begin + x + 1, end, columns);
  return first.ec == std::errc{} && first.ptr == begin + x && second.ec == std::errc{} && second.ptr == end;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

/// --mesh and --machine each replace what the config says of either.
void choose_machine(const Options& options, std::vector<std::string>& set) {
  const std::string mesh = options.text("mesh");
  if (mesh.empty()) {
    if (options.has("machine")) set.insert(set.end(), {"net.mesh.rows=0", "net.mesh.columns=0"});
    return;
  }
  if (options.has("machine")) options.fail("found both --mesh and --machine, expected one of them");
  std::int64_t rows = 0, columns = 0;
  if (!read_grid(mesh, rows, columns)) {
    options.fail(fmt::format("--mesh is '{}'; expected ROWSxCOLUMNS, as in 8x8", mesh));
  }
  constexpr std::int64_t kMostSites = 65535;
  if (rows < 1 || columns < 1 || rows > kMostSites || columns > kMostSites || rows * columns > kMostSites) {
    options.fail(
        fmt::format("--mesh is '{}'; expected ROWSxCOLUMNS of at least 1x1 and at most {} sites", mesh, kMostSites));
  }
  set.push_back(fmt::format("net.mesh.rows={}", rows));
  set.push_back(fmt::format("net.mesh.columns={}", columns));
}

void choose_area(const Options& options, std::vector<std::string>& set) {
  constexpr const char* kKeys[] = {"row", "column", "rows", "columns"};
  const std::vector<std::string> parts = split(options.text("area"));
  if (parts.size() != std::size(kKeys))
    options.fail(fmt::format("--area is '{}'; expected ROW,COLUMN,ROWS,COLUMNS, as in 0,0,5,4", options.text("area")));
  for (std::size_t i = 0; i < parts.size(); ++i) set.push_back(fmt::format("net.area.{}={}", kKeys[i], parts[i]));
}

}  // namespace

Options net_options() {
  Options options(
      "net [CONFIG.json] [options]",
      "Sends synthetic traffic over a machine or a plain mesh: warm-up, measurement, drain; prints loads and "
      "latencies\n"
      "in cycles. Loads are in flits/node/cycle. Without --model the network model is the config's run.network_model.",
      "dojosim net configs/net/reference_base.json --mesh 8x8 --pattern uniform --rate 0.3 --packet-flits 8");
  options.options()("machine", po::value<std::string>(), "machine file")("mesh", po::value<std::string>(),
                                                                         "ROWSxCOLUMNS: a plain mesh of nodes instead")(
      "pattern", po::value<std::string>(), "where packets go (see: dojosim list patterns)")(
      "rate", po::value<std::string>(), "offered load in flits/node/cycle")("packet-flits", po::value<std::string>(),
                                                                            "flits of a packet")(
      "model", po::value<std::string>(), "fast, reference or ideal")("scope", po::value<std::string>(),
                                                                     "machine, or die: each packet stays in its die")(
      "hotspot", po::value<std::string>(),
      "ID,...: the nodes that pattern hotspot sends to; id = row x columns + column")(
      "mirror", po::value<std::string>(), "rows or columns: what pattern mirror swaps")(
      "area", po::value<std::string>(),
      "ROW,COLUMN,ROWS,COLUMNS of dies: the pattern is laid over them and only their nodes inject")(
      "warmup-cycles", po::value<std::string>(), "cycles before the measurement; 0 = until latency is steady")(
      "measure-cycles", po::value<std::string>(),
      "cycles whose packets are measured; 0 = until the mean is known to 0.5 %")(
      "sweep", po::value<std::string>(),
      "auto, or RATE,...: measure several loads, print the load-latency curve and its knee")(
      "replay", po::value<std::vector<std::string>>()->composing(),
      "FILE or FOLDER: recorded network events to send over the machine instead of a pattern")(
      "set", po::value<std::vector<std::string>>()->composing(), "PATH=VALUE, e.g. router.virtual_channels=2")(
      "out", po::value<std::string>(), "folder for report.json, report.txt, report.html, links.csv, curve.csv")(
      "threads", po::value<std::string>(),
      "host threads; 0 = all processors that it may use; results do not depend on it")(
      "seed", po::value<std::string>(), "of every random draw")("json", "print report.json instead of the summary");
  options.positional("config");
  return options;
}

config::RunConfig load_net_config(const Options& options) {
  config::LoadRequest request;
  request.purpose = config::Purpose::kNet;
  request.config_file = options.text("config");
  request.machine_file = options.text("machine");
  request.overrides = options.all("set");
  choose_machine(options, request.overrides);
  constexpr std::pair<const char*, const char*> kKeys[] = {{"pattern", "net.pattern"},
                                                           {"rate", "net.rate"},
                                                           {"packet-flits", "net.packet_flits"},
                                                           {"model", "run.network_model"},
                                                           {"scope", "net.scope"},
                                                           {"mirror", "net.mirror"},
                                                           {"warmup-cycles", "net.warmup_cycles"},
                                                           {"measure-cycles", "net.measure_cycles"},
                                                           {"threads", "run.threads"},
                                                           {"seed", "run.seed"}};
  for (const auto& [option, key] : kKeys) {
    if (options.has(option)) request.overrides.push_back(fmt::format("{}={}", key, options.text(option)));
  }
  if (options.has("hotspot")) request.overrides.push_back("net.hotspots=[" + options.text("hotspot") + "]");
  if (options.has("area")) choose_area(options, request.overrides);
  const bool names_machine = options.has("machine") || options.has("mesh");
  if (!names_machine && request.config_file.empty()) {
    options.fail("nothing to send over: give CONFIG.json, --machine FILE or --mesh ROWSxCOLUMNS");
  }
  return config::load(request);
}

std::vector<double> sweep_loads(const Options& options) {
  const std::string text = options.text("sweep");
  std::vector<double> loads;
  if (text == "auto") return loads;
  for (const std::string& word : split(text)) {
    char* end = nullptr;
    const double load = std::strtod(word.c_str(), &end);
    if (word.empty() || *end != '\0' || !(load > 0 && load <= 1)) {
      options.fail(
          fmt::format("--sweep: found '{}'; expected auto, or loads above 0 and at most 1, as in 0.1,0.2,0.3", word));
    }
    loads.push_back(load);
  }
  std::sort(loads.begin(), loads.end());
  return loads;
}

}  // namespace dojo::cli
