// SPDX-License-Identifier: Apache-2.0
// From the axes of a sweep to the values of its points: grids, rows, draws, one value at a time.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "dojo/base/error.h"
#include "report/sweep_plan.h"

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

/// Multiples of the base's values take the place of factors, and the base's values that of what points do not name.
SweepFile with_values(const SweepFile& sweep, const Json& resolved) {
  SweepFile full = sweep;
  Findings findings;
  for (std::size_t a = 0; a < full.axes.size(); ++a) {
    Axis& axis = full.axes[a];
    if (std::find(axis.values.begin(), axis.values.end(), Json()) != axis.values.end()) {
      const Json base = axis.is_file() ? Json("") : whole_value(resolved, axis.path);  // "": as the base
      std::replace(axis.values.begin(), axis.values.end(), Json(), base);
      if (base.is_null())
        findings.add("{}: found a point without '{}', which the base has no value of, expected one in each point",
                     sweep.file, axis.path);
    }
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
    if (base.back().is_null())
      findings.add("{}: /axes/{}/path: found '{}', which the base has no value of, expected one (mode one_at_a_time)",
                   sweep.file, axis.group, axis.path);
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

}  // namespace

Json base_value(const Json& base, const std::string& path) {
  const Json value = whole_value(base, path);
  return value.is_structured() ? Json() : value;
}

std::vector<std::vector<Json>> candidates(const SweepFile& asked, const Json& base) {
  const SweepFile sweep = with_values(asked, base);
  if (sweep.mode == "one_at_a_time") return one_at_a_time(sweep, base);
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
  if (sweep.samples > 0) {  // modes random and search
    Draw draw(sweep.seed);
    const std::size_t wanted = std::min<std::size_t>(sweep.samples, order.size());
    for (std::size_t i = 0; i < wanted; ++i) std::swap(order[i], order[i + draw.below(order.size() - i)]);
    order.resize(wanted);
  }
  for (const std::size_t index : order) all.push_back(grid_values(sweep, index));
  return all;
}

}  // namespace dojo::report
