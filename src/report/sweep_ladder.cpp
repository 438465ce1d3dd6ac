// SPDX-License-Identifier: Apache-2.0
// Successive halving: the best points of a rung, by the goal, go on to the next. A sweep without rungs has one.
#include <algorithm>

#include "report/sweep_results.h"

namespace dojo::report {
namespace {

/// The best of a rung that has ended, ascending by index. A run without a value of the goal goes no further; of equal
/// ones the first do.
std::vector<const Point*> best_of(const SweepFile& sweep, const Ladder::Rung& rung, std::size_t count) {
  const auto goal = std::find(sweep.metrics.begin(), sweep.metrics.end(), sweep.search.goal);
  const auto column = static_cast<std::size_t>(goal - sweep.metrics.begin());
  const double sign = sweep.search.largest ? -1 : 1;
  std::vector<std::pair<double, const Point*>> order;
  for (std::size_t i = 0; i < rung.points.size(); ++i) {
    const RunRow& row = rung.rows[i];
    if (row.status == "done" && row.metrics[column].is_number())
      order.emplace_back(sign * row.metrics[column].get<double>(), rung.points[i]);
  }
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second->index < b.second->index;
  });
  order.resize(std::min(order.size(), count));
  std::vector<const Point*> best;
  for (const auto& [value, point] : order) best.push_back(point);
  std::sort(best.begin(), best.end(), [](const Point* a, const Point* b) { return a->index < b->index; });
  return best;
}

}  // namespace

bool Ladder::Rung::has_ended() const {
  return std::none_of(rows.begin(), rows.end(), [](const RunRow& row) { return row.status == "pending"; });
}

Ladder::Ladder(const SweepFile& sweep, const Plan& plan, std::string directory)
    : sweep_(sweep), plan_(plan), directory_(std::move(directory)) {
  Rung first;
  for (const Point& point : plan.points) first.points.push_back(&point);
  rungs_.push_back(std::move(first));
}

void Ladder::read() {
  Rung& last = rungs_.back();
  last.rows.clear();
  for (const Point* point : last.points)
    last.rows.push_back(read_run(sweep_, {point, rungs_.size() - 1}, directory_, metrics_));
}

bool Ladder::climb() {
  if (rungs_.size() == sweep_.rungs() || !rungs_.back().has_ended()) return false;
  Rung next;
  next.points = best_of(sweep_, rungs_.back(), rung_size(sweep_, plan_, rungs_.size()));
  if (next.points.empty()) return false;
  rungs_.push_back(std::move(next));
  return true;
}

}  // namespace dojo::report
