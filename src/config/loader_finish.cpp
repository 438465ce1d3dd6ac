// SPDX-License-Identifier: Apache-2.0
// The second half of loading: the tree becomes structs, and what no single key can tell is checked.
#include <algorithm>
#include <charconv>
#include <filesystem>

#include "config/level_use.h"
#include "config/loader.h"
#include "config/overrides.h"
#include "dojo/base/error.h"
#include "dojo/topology/topology.h"

namespace dojo::config {
namespace {

namespace fs = std::filesystem;

/// Is one of the two places the other, or above it?
bool related(const std::string& a, const std::string& b) {
  const std::string& shorter = a.size() < b.size() ? a : b;
  const std::string& longer = a.size() < b.size() ? b : a;
  return longer.compare(0, shorter.size(), shorter) == 0 &&
         (longer.size() == shorter.size() || longer[shorter.size()] == '/');
}

/// The value at `path` ("/die/grid/rows", "/defects/0") or the nearest one above it; `rest` = what is not written.
const Value& deepest(const Value& root, const std::string& path, std::string& rest) {
  const Value* at = &root;
  rest = path;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('/', 1), rest.size());
    const std::string key = rest.substr(1, end - 1);
    const Value* next = nullptr;
    if (at->is(Value::Kind::kList)) {
      // A list where an object belongs is a finding of its own, but not every place below it is a number.
      std::size_t index = 0;
      const auto [end_of_number, failed] = std::from_chars(key.data(), key.data() + key.size(), index);
      const bool number = failed == std::errc() && end_of_number == key.data() + key.size();
      next = number && index < at->items.size() ? &at->items[index] : nullptr;
    } else {
      next = at->find(key);
    }
    if (next == nullptr) break;
    at = next;
    rest.erase(0, end);
  }
  return *at;
}

/// Relative to the working directory while that is short, else absolute: the same text whichever way it was named.
std::string canonical_name(const std::string& name) {
  std::error_code error;
  const fs::path absolute = fs::absolute(name, error).lexically_normal();
  const std::string relative = absolute.lexically_proximate(fs::current_path(error)).string();
  return relative.rfind("../../", 0) == 0 ? absolute.string() : relative;
}

}  // namespace

RunConfig Loader::finish() {
  read_net();
  read_machine();
  if (config_.router.hop_cycles == 0) config_.router.hop_cycles = config_.machine.noc.hop_cycles;
  read_workload_section();
  ReadLog log{complaints_, {}};
  read_struct(*root_.find("run"), "", config_.run, log);
  complaints_.throw_if_any();
  return std::move(config_);
}

void Loader::read_net() {
  ReadLog log{complaints_, {}};
  read_struct(*root_.find("router"), "", config_.router, log);
  const Value& section = *root_.find("net");
  traffic::NetParams& net = config_.net;
  read_struct(section, "", net, log);
  if (purpose_ == Purpose::kNet && (net.mesh.rows != 0 || net.mesh.columns != 0)) make_mesh();
}

/// A plain mesh is a machine of one die, all of whose sites have a node; what --set says of the machine holds for it.
void Loader::make_mesh() {
  constexpr std::int64_t kMostSites = 65535;
  traffic::MeshParams& mesh = config_.net.mesh;
  if (mesh.rows < 1 || mesh.columns < 1 || mesh.rows * mesh.columns > kMostSites) {
    complaints_.lines.push_back(
        fmt::format("{}: found {} x {}, expected rows x columns of at least 1 x 1 and at most "
                    "{} sites",
                    root_.find("net")->place("/mesh"), mesh.rows, mesh.columns, kMostSites));
    mesh = {1, 1};
  }
  const auto text = [](const std::string& path, const std::string& value) { return "machine." + path + "=" + value; };
  Value& machine = *root_.find("machine");
  machine.members.clear();
  config_.machine_file.clear();
  for (const std::string& set :
       {text("name", "mesh"), text("level", "die"), text("die.grid.rows", std::to_string(mesh.rows)),
        text("die.grid.columns", std::to_string(mesh.columns)),
        text("die.enabled", std::to_string(mesh.rows * mesh.columns)), text("dip.present", "false")})
    apply_override(root_, set, complaints_);
  for (const std::string& set : machine_overrides_) apply_override(root_, set, complaints_);
}

void Loader::read_machine() {
  const Value& machine = *root_.find("machine");
  ReadLog log{complaints_, {}};
  read_struct(machine, "", config_.machine, log);
  const Value* dip = machine.find("dip");
  const bool says_dip = dip != nullptr && dip->find("present") != nullptr;
  if (config_.machine.level == topology::Level::kNode && !says_dip) config_.machine.dip.present = false;
  if (log.unreadable.count("/level") == 0) {
    check_levels(machine, log);
  } else {
    assume_level(machine, log);
  }
  read_sites(machine, log);
  check_topology(machine, log);
}

/// Where a file does not say how many sites of a die work, that follows from its grid.
void Loader::read_sites(const Value& machine, const ReadLog& log) {
  const Value* die = machine.find("die");
  const bool said = die != nullptr && die->find("enabled") != nullptr;
  topology::DieParams& params = config_.machine.die;
  if (said || log.unreadable.count("/die") > 0 || config_.machine.level == topology::Level::kNode) return;
  const double sites = static_cast<double>(params.grid.rows) * static_cast<double>(params.grid.columns);
  constexpr double kMostSites = 65536;
  if (!(sites >= 1 && sites <= kMostSites)) return;  // a finding of its own
  const auto all = static_cast<std::int64_t>(sites);
  constexpr std::int64_t kSitesPerSpare = 60;  // 6 of the 360 of the published die
  const auto listed = static_cast<std::int64_t>(params.disabled_sites.size());
  const std::int64_t spare = listed > 0 ? listed : (all + kSitesPerSpare / 2) / kSitesPerSpare;
  params.enabled = std::max<std::int64_t>(1, all - spare);
}

void Loader::check_levels(const Value& machine, ReadLog& log) {
  const topology::Level level = config_.machine.level;
  std::string covered;  // a section that is out of place is one complaint, not one for each of its keys
  for (const UsedFrom& entry : used_from()) {
    if (level >= entry.level || (!covered.empty() && related(covered, entry.path))) continue;
    std::string rest;
    const Value& value = deepest(machine, entry.path, rest);
    if (!rest.empty()) continue;
    covered = entry.path;
    complaints_.lines.push_back(
        fmt::format("{}: found in a machine of level \"{}\", expected only from level \"{}\" up; remove it",
                    value.place(), schema::enum_text(level), schema::enum_text(entry.level)));
    log.unreadable.insert(entry.path);
  }
}

void Loader::assume_level(const Value& machine, ReadLog& log) {
  // The highest level that the file has a section for: most likely what was meant, and good enough for further checks.
  for (int i = static_cast<int>(topology::Level::kExapod); i >= 0; --i) {
    const auto level = static_cast<topology::Level>(i);
    if (machine.find(schema::enum_text(level)) == nullptr) continue;
    config_.machine.level = level;
    log.unreadable.erase("/level");
    return;
  }
}

void Loader::check_topology(const Value& machine, const ReadLog& log) {
  for (const topology::Problem& problem : topology::find_problems(config_.machine)) {
    std::vector<std::string> places = problem.depends_on;
    places.push_back(problem.json_path);
    const bool follows = std::any_of(places.begin(), places.end(), [&](const std::string& place) {
      return std::any_of(log.unreadable.begin(), log.unreadable.end(),
                         [&](const std::string& bad) { return related(place, bad); });
    });
    if (follows) continue;
    std::string rest;
    const Value& value = deepest(machine, problem.json_path, rest);
    complaints_.lines.push_back(value.place(rest) + ": " + problem.text);
  }
}

void Loader::read_workload_section() {
  const Value& section = *root_.find("workload");
  WorkloadParams& workload = config_.workload;
  ReadLog log{complaints_, {}};
  read_struct(section, "", workload, log);
  if (!workload.trace.empty() && !workload.generate.model.empty()) {
    const Value* trace = section.find("trace");
    complaints_.lines.push_back(fmt::format("{}: found both trace and generate.model, expected one of them",
                                            (trace != nullptr ? *trace : section).place()));
  }
  resolve_file("trace", workload.trace);
  resolve_file("kineto_file", workload.kineto_file);
  resolve_file("group_file", workload.group_file);
}

void Loader::resolve_file(const char* key, std::string& name) {
  const Value* value = root_.find("workload")->find(key);
  if (value == nullptr || name.empty()) return;
  const std::string directory = value->origin ? value->origin->directory : "";
  name = canonical_name(directory.empty() ? name : (fs::path(directory) / name).string());
}

namespace {

RunConfig load_with(const LoadRequest& request, const std::vector<std::string>& overrides) {
  Loader loader(request.purpose);
  if (!request.config_file.empty()) loader.read_run_file(request);
  if (!request.machine_file.empty()) loader.read_machine_file(request.machine_file);
  if (!request.workload_file.empty()) loader.read_workload(request.workload_file);
  loader.apply(overrides);
  return loader.finish();
}

/// What the files alone say; nothing where they say nothing that could run.
std::map<std::string, std::string> leaves_of_files(const LoadRequest& request) {
  try {
    return config_leaves(load_with(request, {}), request.purpose);
  } catch (const Error& error) {
    if (error.code() == ExitCode::kIo) throw;  // a file that was just read; nothing is known of its values
    return {};
  }
}

/// Other keys of `run` say how and what to write, not what comes out.
bool changes_results(const std::string& path) {
  return path.compare(0, 4, "run.") != 0 || path == "run.seed" || path == "run.network_model";
}

std::vector<ChangedKey> changed_keys(const LoadRequest& request, const RunConfig& config) {
  std::vector<ChangedKey> changed;
  if (request.overrides.empty()) return changed;
  const std::map<std::string, std::string> files = leaves_of_files(request);
  if (files.empty()) {
    for (const std::string& text : request.overrides) {
      const std::size_t equals = std::min(text.find('='), text.size() - 1);
      changed.push_back({text.substr(0, equals), "", text.substr(equals + 1)});
    }
    return changed;
  }
  for (const auto& [path, value] : config_leaves(config, request.purpose)) {
    const auto file = files.find(path);
    if (!changes_results(path) || (file != files.end() && file->second == value)) continue;
    changed.push_back({path, file == files.end() ? "" : file->second, value});
  }
  return changed;
}

}  // namespace

RunConfig load(const LoadRequest& request) {
  RunConfig config = load_with(request, request.overrides);
  config.changed = changed_keys(request, config);
  return config;
}

topology::MachineParams load_machine(const std::string& file, std::map<std::string, std::string>* sha256) {
  Loader loader;
  loader.read_machine_file(file);
  const RunConfig config = loader.finish();
  if (sha256 != nullptr) sha256->insert(config.input_sha256.begin(), config.input_sha256.end());
  return config.machine;
}

}  // namespace dojo::config
