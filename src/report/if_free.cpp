// SPDX-License-Identifier: Apache-2.0
// What a job would take if a part of the machine took no time.
#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "report/bottlenecks.h"

namespace dojo::report {

const std::vector<FreePartName>& free_parts() {
  static const std::vector<FreePartName> table{
      {"core", "kernels take no time on the cores"},
      {"ports", "each node has as many network ports as its router has links"},
      {"noc", "on-die links are 1,000 times as wide"},
      {"edges", "die edges, tile edges and links of DIPs are 1,000 times as fast"},
      {"crossings", "crossings between dies, tiles and DIPs have a tenth of their latency, and the same buffers"},
      {"memory", "HBM is 1,000 times as fast, and without latency"},
      {"samples", "PCIe and Ethernet are 1,000 times as fast, and without latency"}};
  return table;
}

namespace {

/// The part whose rate a cause depends on; "" = none of them, or one of which this tells too little. A port is as wide
/// as a link, so that wider links make ports faster; how much of the waiting for operands is due to ports is not known.
std::string part_of(const std::string& cause) {
  static const std::map<std::string, std::string> parts{
      {"matrix", "core"}, {"vector", "core"},  {"load", "core"},  {"store", "core"},    {"link", "noc"},
      {"port", "noc"},    {"operands", "noc"}, {"edge", "edges"}, {"memory", "memory"}, {"samples", "samples"}};
  const auto found = parts.find(cause);
  return found == parts.end() ? "" : found->second;
}

}  // namespace

Json if_free_rows(const Figures& figures, const RunContext& context, const Json& bottlenecks) {
  std::map<std::string, double> estimated;
  for (const Json& row : bottlenecks) {
    const std::string part = part_of(row.at("cause").get<std::string>());
    if (!part.empty()) estimated[part] += row.at("gain_s").get<double>();
  }
  std::map<std::string, Cycles> simulated;
  if (context.if_free != nullptr) {
    for (const FreePart& part : *context.if_free) {
      if (part.cycles > 0) simulated[part.part] = part.cycles;
    }
  }
  const double seconds = context.topology.seconds(context.results.end_cycle);
  Json rows = Json::array();
  for (const FreePartName& part : free_parts()) {
    const auto run = simulated.find(part.word);
    const auto guess = estimated.find(part.word);
    if (run == simulated.end() && guess == estimated.end()) continue;
    const double least = guess == estimated.end() ? 0 : guess->second;
    const double gain = run == simulated.end() ? least : seconds - context.topology.seconds(run->second);
    Json json;
    Figures out = figures.rows(json, "if_free");
    out.add("part", part.word, "", "of the machine");
    out.add(
        "method", run == simulated.end() ? "estimated" : "simulated", "",
        "simulated: the job ran again (`run.if_free`); estimated: from `bottlenecks`, as if nothing else came in its "
        "place");
    out.add("seconds", seconds - gain, "s", "that the job would take");
    out.add("gain_s", gain, "s", "less than `time.seconds`");
    out.add("gain", ratio(gain, seconds), "share", "`gain_s` of `time.seconds`");
    out.add("estimated_gain_s", least, "s", "by `bottlenecks`");
    out.add("sentence", part.sentence, "", "what is ideal");
    rows.push_back(std::move(json));
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Json& a, const Json& b) { return a["gain_s"].get<double>() > b["gain_s"].get<double>(); });
  return rows;
}

}  // namespace dojo::report
