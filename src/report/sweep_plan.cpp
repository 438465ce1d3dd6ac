// SPDX-License-Identifier: Apache-2.0
// Turns the values of a sweep into points, each with a name that follows from what it will run, and checks them all.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>

#include "dojo/base/error.h"
#include "dojo/topology/topology.h"
#include "report/digest.h"
#include "report/sweep_plan.h"

namespace dojo::report {
namespace {

std::string file_of(const Setting& setting) {
  const std::filesystem::path name = setting.value.get<std::string>();
  if (name.empty() || name.is_absolute()) return name.string();
  return (std::filesystem::path(setting.folder) / name).lexically_normal().string();
}

/// What is wrong with a sweep: all of it, each thing once.
class PlanFindings {
 public:
  void add(const Error& error, const std::string& where = "") {
    only_missing_ = only_missing_ && error.code() == ExitCode::kIo;
    for (const std::string& line : error.lines()) add_line(where + line);
  }
  void add_all(const std::vector<std::string>& lines) {
    if (!lines.empty()) add({ExitCode::kInvalidInput, lines});
  }
  void throw_if_any() {
    if (lines_.empty()) return;
    if (more_ > 0) lines_.push_back(fmt::format("and {} more of these; mend them first", more_));
    throw Error(only_missing_ ? ExitCode::kIo : ExitCode::kInvalidInput, lines_);
  }

 private:
  static constexpr std::size_t kMostLines = 50;
  void add_line(std::string line) {
    if (std::find(lines_.begin(), lines_.end(), line) != lines_.end()) return;
    if (lines_.size() < kMostLines) {
      lines_.push_back(std::move(line));
    } else {
      ++more_;
    }
  }
  std::vector<std::string> lines_;
  std::size_t more_ = 0;
  bool only_missing_ = true;  ///< files
};

/// What runs have before their values are set: the base with a machine file and a workload file.
class Bases {
 public:
  struct One {
    Json resolved;
    std::string inputs;
    std::int64_t nodes = 0;
  };
  Bases(const SweepFile& sweep, PlanFindings& findings) : sweep_(sweep), findings_(findings) {}
  /// Null, and a finding, where it cannot be loaded.
  const One* of(const config::LoadRequest& run) {
    const auto [at, is_new] = known_.try_emplace({run.machine_file, run.workload_file});
    if (is_new) {
      try {
        at->second = loaded(run);
      } catch (const Error& error) {
        findings_.add(error);
      }
    }
    return at->second ? &*at->second : nullptr;
  }

 private:
  [[nodiscard]] One loaded(const config::LoadRequest& run) const {
    const config::RunConfig base = config::load({sweep_.base, run.machine_file, run.workload_file, {}});
    One one{Json::parse(config::resolved_json(base)), "", 0};
    for (const auto& [file, sha256] : base.input_sha256) one.inputs += sha256;
    one.nodes = topology::Topology(base.machine, base.machine_file).node_count();
    return one;
  }
  const SweepFile& sweep_;
  PlanFindings& findings_;
  std::map<std::pair<std::string, std::string>, std::optional<One>> known_;
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

class Planner {
 public:
  explicit Planner(const SweepFile& sweep) : sweep_(sweep), bases_(sweep, findings_) {}

  Plan plan() {
    const config::RunConfig base = config::load({sweep_.base, "", "", {}});
    const Json resolved = Json::parse(config::resolved_json(base));
    findings_.add_all(metric_findings(sweep_, resolved));
    plan_.threads = base.run.threads;
    for (const Axis& axis : sweep_.axes)
      plan_.base.push_back(axis.is_file() ? Json() : base_value(resolved, axis.path));
    try {
      for (std::vector<Json>& values : candidates(sweep_, resolved)) add(std::move(values));
    } catch (const Error& error) {
      findings_.add(error);
    }
    findings_.throw_if_any();
    if (plan_.points.empty()) {
      throw Error(ExitCode::kInvalidInput,
                  fmt::format("{}: /constraints: found no point that holds them, expected at least one", sweep_.file));
    }
    name_points();
    return std::move(plan_);
  }

 private:
  void add(std::vector<Json> values) {
    Point point;
    point.values = std::move(values);
    std::string made_from;
    for (std::size_t rung = 0; rung < sweep_.rungs(); ++rung) {
      const PointRun run{&point, rung};
      const Bases::One* const from = bases_.of(load_request(sweep_, run));
      if (from == nullptr) return;
      plan_.nodes = std::max(plan_.nodes, from->nodes);
      Json config = from->resolved;
      for (const Setting& setting : settings_of(sweep_, point, rung))
        if (!names_file(setting.path)) set_path(config, setting.path, setting.value);
      if (rung + 1 == sweep_.rungs() && !allowed(config)) {
        ++plan_.excluded;
        return;
      }
      if (config.contains("run") && config["run"].is_object()) config["run"].erase("threads");
      made_from += config.dump() + from->inputs;
    }
    point.hash = hash_of(made_from).substr(0, 12);
    point.index = plan_.points.size();
    for (std::size_t rung = 0; rung < sweep_.rungs(); ++rung) check({&point, rung});
    plan_.points.push_back(std::move(point));
  }

  bool allowed(const Json& config) {
    for (std::size_t i = 0; i < sweep_.constraints.size(); ++i) {
      try {
        if (!constraint_holds(sweep_.constraints[i], config, fmt::format("{}: /constraints/{}", sweep_.file, i)))
          return false;
      } catch (const Error& error) {
        findings_.add(error);
      }
    }
    return true;
  }

  /// A value that is out of range, or a machine that cannot be, shall not be found when its turn comes.
  void check(const PointRun& run) {
    try {
      (void)config::load(load_request(sweep_, run));
    } catch (const Error& error) {
      const std::string rung = sweep_.rungs() > 1 ? fmt::format(" on rung {}", run.rung + 1) : "";
      findings_.add(error, fmt::format("{}: /axes: point {}{} ({}): ", sweep_.file, run.point->index, rung,
                                       fmt::join(choices_of(settings_of(sweep_, *run.point, run.rung)), ", ")));
    }
  }

  void name_points() {
    const std::size_t width = std::to_string(plan_.points.size() - 1).size();
    for (Point& point : plan_.points) point.folder = fmt::format("{:0{}}-{}", point.index, width, point.hash);
  }

  const SweepFile& sweep_;
  PlanFindings findings_;
  Bases bases_;
  Plan plan_;
};

}  // namespace

bool names_file(const std::string& path) {
  return path == "machine" || path == "workload";
}

std::vector<Setting> settings_of(const SweepFile& sweep, const Point& point, std::size_t rung) {
  std::vector<Setting> all;
  for (std::size_t a = 0; a < point.values.size(); ++a)
    all.push_back({sweep.axes[a].path, point.values[a], sweep.axes[a].folder});
  if (rung < sweep.search.rungs.size())
    all.insert(all.end(), sweep.search.rungs[rung].begin(), sweep.search.rungs[rung].end());
  return all;
}

std::vector<std::string> choices_of(const std::vector<Setting>& settings) {
  std::vector<std::string> out;
  for (const Setting& setting : settings) out.push_back(setting.path + "=" + plain(setting.value));
  return out;
}

config::LoadRequest load_request(const SweepFile& sweep, const PointRun& run) {
  config::LoadRequest request{sweep.base, "", "", {}};
  for (const Setting& setting : settings_of(sweep, *run.point, run.rung)) {
    if (names_file(setting.path)) {
      (setting.path == "machine" ? request.machine_file : request.workload_file) = file_of(setting);
    } else {
      request.overrides.push_back(setting.path + "=" + plain(setting.value));
    }
  }
  return request;
}

std::string runs_folder(const SweepFile& sweep, std::size_t rung) {
  return rung + 1 == sweep.rungs() ? "points" : fmt::format("rungs/{}", rung + 1);
}

std::string place_of(const SweepFile& sweep, const PointRun& run) {
  return runs_folder(sweep, run.rung) + "/" + run.point->folder;
}

Plan make_plan(const SweepFile& sweep) {
  return Planner(sweep).plan();
}

std::size_t rung_size(const SweepFile& sweep, const Plan& plan, std::size_t rung) {
  constexpr double kRounding = 1e-9;  // 0.1 x 30 is a little more than 3
  std::size_t size = plan.points.size();
  for (std::size_t i = 0; i < rung; ++i) {
    const double kept = std::ceil(static_cast<double>(size) * sweep.search.keep - kRounding);
    size = std::max<std::size_t>(1, static_cast<std::size_t>(kept));
  }
  return size;
}

}  // namespace dojo::report
