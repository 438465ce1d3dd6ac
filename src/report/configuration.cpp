// SPDX-License-Identifier: Apache-2.0
#include "report/configuration.h"

#include <utility>

namespace dojo::report {
namespace {

Json parsed(const std::string& text) {
  Json json = Json::parse(text, nullptr, false);
  return json.is_discarded() ? Json(text) : json;
}

/// "resnet50", the trace's file, or "synthetic traffic".
std::string workload_of(const config::RunConfig& config, config::Purpose purpose) {
  if (purpose == config::Purpose::kNet) return "synthetic traffic";
  return config.workload.trace.empty() ? config.workload.generate.model : config.workload.trace;
}

}  // namespace

void add_configuration(Figures& out, const config::RunConfig& config, config::Purpose purpose) {
  out.add("configuration.machine", config.machine.name, "", "name of the machine");
  out.add("configuration.machine_file", config.machine_file, "", "the file that says it; empty: none");
  out.add("configuration.workload", workload_of(config, purpose), "", "generated model, or the trace");
  out.add("configuration.workload_file", config.workload_file, "", "the file that names it; empty: none");
  out.add("configuration.command", config.command, "", "the line that began the run");
  Json rows = Json::array();
  std::vector<config::ChangedKey> changed = config.changed;
  if (out.lines() != nullptr && changed.empty()) changed.emplace_back();  // docs/counters.md has a line for each key
  for (const config::ChangedKey& key : changed) {
    Json json;
    Figures row = out.rows(json, "configuration.changed");
    row.add("path", key.path, "", "key whose value is not that of the files");
    row.add("file", key.file.empty() ? Json() : parsed(key.file), "",
            "what the files say; null: they have no such key");
    row.add("value", parsed(key.value), "", "what ran");
    rows.push_back(std::move(json));
  }
  out.put("configuration.changed", std::move(rows));
  Json values = Json::parse(config::resolved_json(config, purpose));
  const Json failures = values.at("run").at("failures");
  values["run"] = {{"seed", config.run.seed}, {"network_model", schema::enum_text(config.run.network_model)}};
  if (config.run.failures.days > 0) values["run"]["failures"] = failures;
  out.add("configuration.values", std::move(values), "",
          "every key of the config with its value (`dojosim list params`); of `run` those on which results depend");
}

}  // namespace dojo::report
