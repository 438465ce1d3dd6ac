// SPDX-License-Identifier: Apache-2.0
// Turns the axes of a sweep into points, each with a name that follows from what it will run.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <numeric>

#include "dojo/base/error.h"
#include "dojo/config/config.h"
#include "dojo/topology/topology.h"
#include "report/digest.h"
#include "report/sweep_parts.h"
#include "report/tables.h"

namespace dojo::report {
namespace {

constexpr std::size_t kMostPoints = 1'000'000;

/// SplitMix64 (public domain, S. Vigna): the same draw on every machine.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : state_(seed) {}
  std::uint64_t below(std::uint64_t limit) {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return (z ^ (z >> 31)) % limit;
  }

 private:
  std::uint64_t state_;
};

/// Values of the axes of each group; they are as many on all of its axes.
std::vector<std::size_t> group_sizes(const SweepFile& sweep) {
  std::vector<std::size_t> sizes;
  for (const Axis& axis : sweep.axes) {
    sizes.resize(std::max(sizes.size(), axis.group + 1));
    sizes[axis.group] = axis.values.size();
  }
  return sizes;
}

std::size_t grid_size(const SweepFile& sweep) {
  std::size_t size = 1;
  for (const std::size_t values : group_sizes(sweep)) {
    size *= values;
    if (size > kMostPoints) {
      throw Error(ExitCode::kInvalidInput,
                  fmt::format("{}: /axes: found more than {} points, expected fewer; take values "
                              "out, or split the sweep",
                              sweep.file, kMostPoints));
    }
  }
  return size;
}

std::vector<Json> grid_values(const SweepFile& sweep, std::size_t index) {
  std::vector<std::size_t> at = group_sizes(sweep);
  for (std::size_t group = at.size(); group-- > 0;) {  // the last one moves fastest
    const std::size_t size = at[group];
    at[group] = index % size;
    index /= size;
  }
  std::vector<Json> values;
  for (const Axis& axis : sweep.axes) values.push_back(axis.values[at[axis.group]]);
  return values;
}

/// The base's value of a path; null where it has none.
Json whole_value(const Json& resolved, const std::string& path) {
  const Json* here = &resolved;
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t dot = std::min(path.find('.', from), path.size());
    const std::string key = path.substr(from, dot - from);
    if (!here->is_object() || !here->contains(key)) return {};
    here = &here->at(key);
    from = dot + 1;
  }
  return *here;
}

/// The same of what is no list or group.
Json base_value(const Json& resolved, const std::string& path) {
  const Json value = whole_value(resolved, path);
  return value.is_structured() ? Json() : value;
}

/// Multiples of the base's values take the place of factors.
SweepFile with_values(const SweepFile& sweep, const Json& resolved) {
  SweepFile full = sweep;
  Findings findings;
  for (std::size_t a = 0; a < full.axes.size(); ++a) {
    Axis& axis = full.axes[a];
    if (axis.factors.empty()) continue;
    const Json base = base_value(resolved, axis.path);
    if (!base.is_number()) {
      findings.add("{}: /axes/{}/factors: found {} of the base, expected a number; give values", sweep.file, a,
                   base.dump());
      continue;
    }
    for (const double factor : axis.factors) {
      const double value = base.get<double>() * factor;
      if (base.is_number_integer() && value != std::floor(value)) {
        findings.add("{}: /axes/{}/factors: found {} x {} = {}, expected a whole number; give values", sweep.file, a,
                     base.dump(), factor, value);
        break;
      }
      axis.values.push_back(base.is_number_integer() ? Json(static_cast<std::int64_t>(value)) : Json(value));
    }
  }
  findings.throw_if_any();
  return full;
}

/// The base, then each value of each group of axes with all others as in the base.
std::vector<std::vector<Json>> one_at_a_time(const SweepFile& sweep, const Json& resolved) {
  std::vector<Json> base;
  Findings findings;
  for (const Axis& axis : sweep.axes) {
    base.push_back(axis.is_file() ? Json("") : whole_value(resolved, axis.path));  // "": as the base
    if (base.back().is_null()) {
      findings.add("{}: /axes/{}/path: found '{}', which the base has no value of, expected one (mode one_at_a_time)",
                   sweep.file, axis.group, axis.path);
    }
  }
  findings.throw_if_any();
  std::vector<std::vector<Json>> all{base};
  const std::vector<std::size_t> sizes = group_sizes(sweep);
  for (std::size_t group = 0; group < sizes.size(); ++group) {
    for (std::size_t value = 0; value < sizes[group]; ++value) {
      std::vector<Json> one = base;
      for (std::size_t a = 0; a < sweep.axes.size(); ++a)
        if (sweep.axes[a].group == group) one[a] = sweep.axes[a].values[value];
      if (one != base) all.push_back(std::move(one));
    }
  }
  return all;
}

std::vector<std::vector<Json>> candidates(const SweepFile& sweep, const Json& resolved) {
  if (sweep.mode == "one_at_a_time") return one_at_a_time(sweep, resolved);
  std::vector<std::vector<Json>> all;
  if (sweep.mode == "zip" || sweep.mode == "list") {
    for (std::size_t i = 0; i < sweep.axes[0].values.size(); ++i) {
      all.emplace_back();
      for (const Axis& axis : sweep.axes) all.back().push_back(axis.values[i]);
    }
    return all;
  }
  std::vector<std::size_t> order(grid_size(sweep));
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (sweep.mode == "random") {
    Draw draw(sweep.seed);
    const std::size_t wanted = std::min<std::size_t>(sweep.samples, order.size());
    for (std::size_t i = 0; i < wanted; ++i) std::swap(order[i], order[i + draw.below(order.size() - i)]);
    order.resize(wanted);
  }
  for (const std::size_t index : order) all.push_back(grid_values(sweep, index));
  return all;
}

std::string file_of(const Axis& axis, const Json& value) {
  const std::filesystem::path name = value.get<std::string>();
  if (name.empty() || name.is_absolute()) return name.string();
  return (std::filesystem::path(axis.folder) / name).lexically_normal().string();
}

/// What points have before their values are set: the base with a machine file and a workload file.
class Bases {
 public:
  struct One {
    Json resolved;
    std::string inputs;
    std::int64_t nodes = 0;
  };
  explicit Bases(const SweepFile& sweep) : sweep_(sweep) {}
  const One& of(const Point& point) {
    const config::LoadRequest request = load_request(sweep_, point);
    const auto [at, is_new] = known_.try_emplace({request.machine_file, request.workload_file});
    if (is_new) {
      const config::RunConfig base = config::load({sweep_.base, request.machine_file, request.workload_file, {}});
      at->second.resolved = Json::parse(config::resolved_json(base));
      for (const auto& [file, sha256] : base.input_sha256) at->second.inputs += sha256;
      at->second.nodes = topology::Topology(base.machine, base.machine_file).node_count();
    }
    return at->second;
  }

 private:
  const SweepFile& sweep_;
  std::map<std::pair<std::string, std::string>, One> known_;
};

void set_path(Json& config, const std::string& path, const Json& value) {
  Json* here = &config;
  std::size_t from = 0;
  for (std::size_t dot = path.find('.'); dot != std::string::npos; from = dot + 1, dot = path.find('.', from)) {
    Json& next = (*here)[path.substr(from, dot - from)];
    if (!next.is_object()) next = Json::object();
    here = &next;
  }
  (*here)[path.substr(from)] = value;
}

bool allowed(const SweepFile& sweep, const Json& config) {
  for (std::size_t i = 0; i < sweep.constraints.size(); ++i) {
    const std::string where = fmt::format("{}: /constraints/{}", sweep.file, i);
    if (!constraint_holds(sweep.constraints[i], config, where)) return false;
  }
  return true;
}

/// All of them: a value that is out of range shall not be found when its turn comes.
void check_points(const SweepFile& sweep, const Plan& plan) {
  constexpr std::size_t kMostLines = 20;
  std::vector<std::string> lines;
  ExitCode code = ExitCode::kInvalidInput;
  for (const Point& point : plan.points) {
    try {
      (void)config::load(load_request(sweep, point));
    } catch (const Error& error) {
      code = error.code();
      for (const std::string& line : error.lines()) {
        lines.push_back(fmt::format("{}: /axes: point {} ({}): {}", sweep.file, point.index,
                                    fmt::join(point.choices(sweep), ", "), line));
      }
    }
    if (lines.size() >= kMostLines) break;
  }
  if (!lines.empty()) throw Error(code, lines);
}

}  // namespace

std::string plain(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::vector<std::string> Point::overrides(const SweepFile& sweep) const {
  std::vector<std::string> out;
  for (std::size_t a = 0; a < values.size(); ++a)
    if (!sweep.axes[a].is_file()) out.push_back(sweep.axes[a].path + "=" + plain(values[a]));
  return out;
}

std::vector<std::string> Point::choices(const SweepFile& sweep) const {
  std::vector<std::string> out;
  for (std::size_t a = 0; a < values.size(); ++a) out.push_back(sweep.axes[a].path + "=" + plain(values[a]));
  return out;
}

config::LoadRequest load_request(const SweepFile& sweep, const Point& point) {
  config::LoadRequest request{sweep.base, "", "", point.overrides(sweep)};
  for (std::size_t a = 0; a < point.values.size(); ++a) {
    if (!sweep.axes[a].is_file()) continue;
    (sweep.axes[a].path == "machine" ? request.machine_file : request.workload_file) =
        file_of(sweep.axes[a], point.values[a]);
  }
  return request;
}

Plan make_plan(const SweepFile& sweep) {
  const config::RunConfig base = config::load({sweep.base, "", "", {}});
  const Json resolved = Json::parse(config::resolved_json(base));
  check_metrics(sweep, resolved);
  Plan plan;
  plan.threads = base.run.threads;
  for (const Axis& axis : sweep.axes) plan.base.push_back(axis.is_file() ? Json() : base_value(resolved, axis.path));
  Bases bases(sweep);
  for (std::vector<Json>& values : candidates(with_values(sweep, resolved), resolved)) {
    Point point;
    point.values = std::move(values);
    const Bases::One& from = bases.of(point);
    plan.nodes = std::max(plan.nodes, from.nodes);
    Json config = from.resolved;
    for (std::size_t a = 0; a < point.values.size(); ++a)
      if (!sweep.axes[a].is_file()) set_path(config, sweep.axes[a].path, point.values[a]);
    if (!allowed(sweep, config)) {
      ++plan.excluded;
      continue;
    }
    if (config.contains("run") && config["run"].is_object()) config["run"].erase("threads");
    point.hash = hash_of(config.dump() + from.inputs).substr(0, 12);
    plan.points.push_back(std::move(point));
  }
  if (plan.points.empty()) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("{}: /constraints: found no point that holds them, expected at least one", sweep.file));
  }
  const std::size_t width = std::to_string(plan.points.size() - 1).size();
  for (std::size_t i = 0; i < plan.points.size(); ++i) {
    plan.points[i].index = i;
    plan.points[i].folder = fmt::format("{:0{}}-{}", i, width, plan.points[i].hash);
  }
  check_points(sweep, plan);
  return plan;
}

std::string sweep_json(const SweepFile& sweep, const Plan& plan) {
  Json axes = Json::array();
  for (std::size_t a = 0; a < sweep.axes.size(); ++a)
    axes.push_back({{"path", sweep.axes[a].path}, {"base", plan.base[a]}});
  return dump({{"schema", "dojosim.sweep/1"},
               {"file", sweep.file},
               {"base", sweep.base},
               {"mode", sweep.mode},
               {"axes", axes},
               {"metrics", sweep.metrics},
               {"expressions", sweep.expressions},
               {"constraints", sweep.constraints},
               {"excluded", plan.excluded},
               {"pareto", {{"min", sweep.pareto_min}, {"max", sweep.pareto_max}}}});
}

std::string points_csv(const SweepFile& sweep, const Plan& plan) {
  std::string text = "index,hash,folder";
  for (const Axis& axis : sweep.axes) text += "," + csv_cell(axis.path);
  text += "\n";
  for (const Point& point : plan.points) {
    text += fmt::format("{},{},points/{}", point.index, point.hash, point.folder);
    for (const Json& value : point.values) text += "," + csv_cell(plain(value));
    text += "\n";
  }
  return text;
}

}  // namespace dojo::report
