// SPDX-License-Identifier: Apache-2.0
#include "report/warnings.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "dojo/workload/op_kind.h"
#include "report/covered.h"
#include "report/json_read.h"
#include "report/units.h"

namespace dojo::report {
namespace {

/// Floors and predictions are of the execution that takes longest, so that is what is compared with them.
struct Row {
  explicit Row(const Json& json)
      : op(&json),
        seconds(real(json.at("seconds_max"))),
        floor(real(json.at("floor_s"))),
        kind(text(json.at("kind"))) {}
  [[nodiscard]] double lost() const { return seconds - floor; }
  [[nodiscard]] double figure(const char* key) const { return real(op->at(key)); }
  const Json* op;
  double seconds, floor;
  std::string kind;
};

/// Of several ranks: a collective, or an update that ends with a gather of the new weights.
bool is_shared(const std::string& kind) {
  const auto known = schema::enum_value<workload::OpKind>(kind);
  return known &&
         (workload::is_communication(*known) || workload::traits(*known).has(workload::OpTraits::kUpdatesParameters));
}

/// Of the cores: what the operation needs wherever its operands lie.
double core_floor(const Row& row) {
  return std::max({row.figure("floor_matrix_s"), row.figure("floor_vector_s"), row.figure("floor_load_s"),
                   row.figure("floor_latency_s")});
}

double traffic_floor(const Row& row) {
  return std::max({row.figure("floor_port_s"), row.figure("floor_link_s"), row.figure("floor_edge_s")});
}

/// What explains a time, and no plan knows: plans and floors are of cores at full speed, with the formulas' times.
struct Causes {
  explicit Causes(const Json& report) {
    const Json::json_pointer slow_nodes("/configuration/values/machine/slow_nodes"),
        detailed("/configuration/values/machine/detailed"), core("/configuration/values/run/detailed_core");
    if (report.contains(slow_nodes)) {
      for (const Json& node : report.at(slow_nodes)) {
        ++slow;
        slowest = std::min(slowest, real(node.at("core_speed")));
      }
    }
    if (report.contains(detailed) && !report.at(detailed).empty() && report.contains(core)) own = text(report.at(core));
    if (own == "pipeline") own.clear();
    const Json::json_pointer network("/configuration/values/run/network_model");
    reference = report.contains(network) && report.at(network) == "reference";
  }
  std::size_t slow = 0;
  double slowest = 1;
  std::string own;         ///< the name of a user's core; empty: none
  bool reference = false;  ///< the network model is the exact one already
};

/// Empty: the cores do not explain it.
std::string of_the_cores(const Row& row, const Causes& causes) {
  const double predicted = row.figure("predicted_s");
  // What a core of this speed takes, and half as much again for what it waits.
  if (causes.slow > 0 && causes.slowest > 0 && row.seconds > predicted &&
      row.seconds <= 1.5 * predicted / causes.slowest) {
    return fmt::format(
        "The plan expects {} of cores at full speed. machine.slow_nodes names {} node{}, the slowest with a core_speed "
        "of {:g}: an operation takes as long as its slowest node.",
        duration(predicted), causes.slow, causes.slow == 1 ? "" : "s", causes.slowest);
  }
  if (!causes.own.empty() && row.seconds > predicted) {
    return fmt::format(
        "The plan expects {} of the project's own cores. The nodes of machine.detailed have the core '{}' instead: "
        "look at its counters (pipelines), then at links.csv.",
        duration(predicted), causes.own);
  }
  return "";
}

std::string where_to_look(const Row& row, const Causes& causes) {
  const std::string predicted = duration(row.figure("predicted_s")), shortest = duration(row.figure("seconds_min"));
  const bool held_up = row.figure("predicted_s") > 0 && row.seconds > 2 * row.figure("predicted_s");
  if (!is_shared(row.kind)) {
    if (std::string words = of_the_cores(row, causes); !words.empty()) return words;
    return held_up ? fmt::format("The plan was made for {}: messages wait for one another. Look at run.contention{}.",
                                 predicted,
                                 causes.reference ? " and links.csv" : ", links.csv and run.network_model=reference")
                   : fmt::format(
                         "The plan expects {}. Look at its partition and at workload.rank_unit: a smaller "
                         "slice may do.",
                         predicted);
  }
  if (row.figure("seconds_min") <= kFarFromFloor * row.floor) {
    return fmt::format("Its ranks come at different times: the last to come needs {}. Look at what they do before.",
                       shortest);
  }
  return held_up ? fmt::format(
                       "Its model expects {}: other traffic, late ranks or its own messages hold it up (the shortest "
                       "takes {}). Look at run.contention, the hottest links and workload.collective_algorithm.",
                       predicted, shortest)
                 : fmt::format("Its algorithm expects {}. Look at workload.collective_algorithm.", predicted);
}

std::string title(const Row& row) {
  return fmt::format("{} ({})", shortened(text(row.op->at("name")), 60), row.kind);
}

std::string far_from_floor(const Row& row, const Causes& causes) {
  return fmt::format("{} takes {}, {:.1f} times its floor of {} ({}). Partition: {}. {}", title(row),
                     duration(row.seconds), row.seconds / row.floor, duration(row.floor), text(row.op->at("bound_by")),
                     text(row.op->at("partition")), where_to_look(row, causes));
}

std::string moves_too_much(const Row& row) {
  return fmt::format(
      "{} takes {}: its messages alone need {} ({}), {:.1f} times the {} of its cores. Partition: {}. Look at "
      "workload.rank_unit (a smaller slice moves less) and at the rate of that part.",
      title(row), duration(row.seconds), duration(traffic_floor(row)), text(row.op->at("bound_by")),
      traffic_floor(row) / core_floor(row), duration(core_floor(row)), text(row.op->at("partition")));
}

bool is_far(const Row& row) {
  return row.floor > 0 && row.seconds > kFarFromFloor * row.floor;
}

bool is_moving(const Row& row) {
  return !is_shared(row.kind) && core_floor(row) > 0 && traffic_floor(row) > kFarFromFloor * core_floor(row);
}

/// Those that matter, and have something to be said of; the most time lost first.
std::vector<Row> conspicuous(const Json& report) {
  const Json& step = report.at("latency").at("step_s");
  const double whole = step.is_null() ? real(report.at("time").at("seconds")) : real(step);
  std::vector<Row> rows;
  for (const Json& op : report.at("latency").at("ops")) {
    const Row row(op);
    const double mean = row.figure("seconds");
    if (mean > 0 && mean >= kMatters * whole && (is_far(row) || is_moving(row))) rows.push_back(row);
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.lost() > b.lost(); });
  return rows;
}

void say_waiting(Json& out, const Json& report, const std::vector<Row>& rows) {
  const double waiting = real(report.at("breakdown").at("fractions").at("communication"));
  double busiest = 0;
  for (const auto& [name, links] : report.at("links").at("classes").items())
    busiest = std::max(busiest, real(links.at("utilisation_max")));
  if (waiting <= kWaitingDominates || busiest >= kLinksIdle) return;
  std::string longest;
  if (!rows.empty()) {
    longest = fmt::format(" Most is lost in {}: {}, its floor is {} ({}).", title(rows.front()),
                          duration(rows.front().seconds), duration(rows.front().floor),
                          text(rows.front().op->at("bound_by")));
  }
  out.push_back(fmt::format(
      "Nodes wait for the network {} of the time, but no link is busier than {}: latency or messages that wait for one "
      "another, not bandwidth.{} Look at run.contention, machine.die.crossing_ns and "
      "machine.noc.buffer_packets_per_vc.",
      percent(waiting), percent(busiest), longest));
}

}  // namespace

Json warnings(const Json& report) {
  Json out = Json::array();
  const std::vector<Row> rows = conspicuous(report);
  const Causes causes(report);
  if (const std::string beyond = beyond_covered(report); !beyond.empty()) out.push_back(beyond);
  say_waiting(out, report, rows);
  for (std::size_t i = 0; i < std::min(rows.size(), kMostWarnings); ++i)
    out.push_back(is_far(rows[i]) ? far_from_floor(rows[i], causes) : moves_too_much(rows[i]));
  if (rows.size() > kMostWarnings) {
    out.push_back(
        fmt::format("And {} more operations of at least {} of the step are like these: compare seconds, "
                    "floor_s and bound_by in ops.csv.",
                    rows.size() - kMostWarnings, percent(kMatters)));
  }
  return out;
}

}  // namespace dojo::report
