// SPDX-License-Identifier: Apache-2.0
// One stretch of days, event by event.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "dojo/failures/failures.h"
#include "failures/exponential.h"

namespace dojo::failures {
namespace {

constexpr double kMsPerYear = 365.25 * 86400e3;

class Simulation {
 public:
  Simulation(const Job& job, std::uint64_t seed, std::uint64_t repetition)
      : job_(job), random_(seed, repetition), working_(job.tiles), spares_(job.spare_tiles) {
    draw_failure();
  }

  Days run(std::int64_t interval_ms) {
    bool restart = false;
    while (now_ < job_.days_ms) {
      if (restart) {
        take_repaired();
        wait_for_tile();
        restart = !pass(restarting_, job_.restart_ms);
      } else {
        restart = !work(interval_ms) || !pass(writing_, job_.write_ms);
        if (restart) continue;
        keep();
        restart = working_ < job_.tiles && repaired();  // a tile comes back: nothing is lost
      }
    }
    keep();
    return days();
  }

 private:
  void draw_failure() {
    const double mean = job_.mean_ms_between_failures();
    next_failure_ = std::isfinite(mean) ? now_ + random_.next_ms(mean) : std::numeric_limits<std::int64_t>::max();
  }

  /// Time goes on by `length`, or to the next failure or the end; false where a failure cut it short.
  bool pass(std::int64_t& account, std::int64_t length) {
    const std::int64_t stop = std::min({now_ + length, next_failure_, job_.days_ms});
    account += (stop - now_) * working_;
    absent_ += (stop - now_) * (job_.tiles - working_);
    now_ = stop;
    if (now_ != next_failure_ || now_ >= job_.days_ms) return true;
    fail();
    return false;
  }
  bool work(std::int64_t length) { return pass(unsaved_, length); }

  void keep() {
    useful_ += unsaved_;
    unsaved_ = 0;
  }

  void fail() {
    lost_ += unsaved_;
    unsaved_ = 0;
    const auto part = static_cast<Part>(random_.weighted(job_.failures_per_year));
    ++failures_[static_cast<std::size_t>(part)];
    if (part == Part::kDie || part == Part::kDip) lose_tile();
    draw_failure();
  }

  void lose_tile() {
    if (working_ == 0) return;
    repairs_.push_back(now_ + job_.repair_ms);  // all take equally long: the first of them ends first
    if (spares_ > 0) {
      --spares_;
    } else {
      --working_;
    }
  }

  [[nodiscard]] bool repaired() const { return next_repair_ < repairs_.size() && repairs_[next_repair_] <= now_; }
  void take_repaired() {
    for (; repaired(); ++next_repair_) ++(working_ < job_.tiles ? working_ : spares_);
  }
  /// Nothing else fails while the job stands.
  void wait_for_tile() {
    const std::int64_t needed = job_.spare_policy == SparePolicy::kWait ? job_.tiles : 1;
    while (working_ < needed && now_ < job_.days_ms) {
      const std::int64_t until = std::min(repairs_[next_repair_], job_.days_ms);
      waiting_ += (until - now_) * job_.tiles;
      now_ = until;
      take_repaired();
      draw_failure();
    }
  }

  [[nodiscard]] Days days() const {
    const double all = static_cast<double>(job_.tiles) * static_cast<double>(job_.days_ms);
    const auto share = [all](std::int64_t tile_ms) { return static_cast<double>(tile_ms) / all; };
    return {{share(useful_), share(lost_), share(writing_), share(restarting_), share(waiting_), share(absent_)},
            failures_};
  }

  const Job& job_;
  Exponential random_;
  std::int64_t now_ = 0, next_failure_ = 0;
  std::int64_t working_, spares_;  ///< tiles
  std::vector<std::int64_t> repairs_;
  std::size_t next_repair_ = 0;
  std::int64_t useful_ = 0, unsaved_ = 0, lost_ = 0, writing_ = 0, restarting_ = 0, waiting_ = 0, absent_ = 0;
  std::array<std::int64_t, kParts> failures_{};
};

}  // namespace

double Job::failures_per_year_of_all() const {
  double all = 0;
  for (const double rate : failures_per_year) all += rate;
  return all;
}

double Job::mean_ms_between_failures() const {
  return kMsPerYear / failures_per_year_of_all();
}

Days simulate(const Job& job, std::int64_t interval_ms, std::uint64_t seed, std::uint64_t repetition) {
  return Simulation(job, seed, repetition).run(std::max<std::int64_t>(1, interval_ms));
}

}  // namespace dojo::failures
