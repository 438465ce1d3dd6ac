// SPDX-License-Identifier: Apache-2.0
// The phases of a measurement and the criteria by which they end.
#include "dojo/traffic/measurement.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace dojo::traffic {
namespace {

constexpr Cycles kLead = 200;        // a model may know this much ahead when a flit will arrive
constexpr Cycles kStep = 200;        // between two looks at what has happened
constexpr double kAgreement = 0.05;  // warm-up ends when the mean latencies of two periods differ by less,
constexpr int kFewestPeriods = 3, kMostPeriods = 20;  // and it had this many periods
constexpr double kWellKnown = 0.005;                  // standard error / mean at which the measurement ends,
constexpr int kMostWindows = 10;                      // or after as many windows
constexpr double kPacketsOfPeriod = 500, kPacketsOfWindow = 100000;
constexpr Cycles kLongestDrain = 1000000;

class Measurement {
 public:
  Measurement(Network& network, const Plan& plan) : network_(network), plan_(plan) {}

  Outcome run() {
    warm_up();
    outcome_.warmup = std::max(now_ + (plan_.warmup > 0 ? 0 : kLead), plan_.warmup);
    begin_ = outcome_.warmup;
    const Cycles length = plan_.measure > 0 ? plan_.measure : cycles_for(kPacketsOfWindow, 5000, 200000);
    for (int i = 0; i < kMostWindows && !outcome_.interrupted; ++i) {
      measure_window(length);
      if (plan_.measure > 0 || outcome_.saturated) break;
      if (outcome_.standard_error_cycles <= kWellKnown * outcome_.mean_cycles) break;
    }
    outcome_.end = now_;
    outcome_.tally = total_;
    const double available = plan_.nodes * static_cast<double>(std::max<Cycles>(1, outcome_.measured));
    outcome_.offered = static_cast<double>(outcome_.created) * plan_.packet_flits / available;
    outcome_.accepted = static_cast<double>(total_.accepted) / available;
    return outcome_;
  }

 private:
  /// Until as many packets are created, within limits.
  [[nodiscard]] Cycles cycles_for(double packets, Cycles least, Cycles most) const {
    const double wanted = packets * plan_.packet_flits / (plan_.rate * plan_.nodes);
    if (!(wanted < static_cast<double>(most))) return most;
    const auto steps = static_cast<Cycles>(wanted) / kStep + 1;
    return std::max(least, steps * kStep);
  }

  void go(Cycles end) {
    while (now_ < end && !outcome_.interrupted) {
      now_ = std::min(end, now_ + kStep);
      network_.run_until(now_);
      if (plan_.progress) plan_.progress(now_);
      if (plan_.stop) outcome_.interrupted = plan_.stop();
    }
  }

  void warm_up() {
    if (plan_.warmup > 0) {
      go(std::max<Cycles>(0, plan_.warmup - kLead));
      outcome_.steady = true;  // by order
      return;
    }
    const auto transit = static_cast<Cycles>(4 * plan_.zero_load_cycles);
    const Cycles period = std::max(transit, cycles_for(kPacketsOfPeriod, 1000, 20000));
    double before = 0;
    Tally last = network_.tally();
    for (int i = 1; i <= kMostPeriods && !outcome_.interrupted; ++i) {
      go(now_ + period);
      const Tally tally = network_.tally();
      const auto packets = static_cast<double>(tally.packets_ejected - last.packets_ejected);
      const double mean = packets == 0 ? 0 : static_cast<double>(tally.packet_cycles - last.packet_cycles) / packets;
      const bool agree = mean != 0 && std::abs(mean - before) < kAgreement * before;
      before = mean;
      last = tally;
      if (i < kFewestPeriods || !agree) continue;
      outcome_.steady = true;
      return;
    }
  }

  void measure_window(Cycles length) {
    const MeasurementWindow window{begin_, begin_ + length};
    const Tally before = network_.tally();
    network_.measure(window);
    go(window.end);
    while (!network_.all_arrived() && !outcome_.interrupted) {
      const Cycles drained = now_ - window.end;
      if (drained >= kLongestDrain) break;
      if (drained >= length && mean_so_far(window) > kSaturated * plan_.zero_load_cycles) break;
      go(now_ + kStep);
    }
    outcome_.measured += std::clamp<Cycles>(now_ - window.begin, 0, length);
    begin_ = now_ + kLead;
    total_ = network_.tally();
    for (std::size_t i = 0; i < total_.batches.size(); ++i) {
      const Tally::Batch now = total_.batches[i], then = before.batches[i];
      if (now.packets == then.packets) continue;
      batch_means_.push_back(static_cast<double>(now.cycles - then.cycles) /
                             static_cast<double>(now.packets - then.packets));
    }
    outcome_.mean_cycles = mean_so_far(window);
    outcome_.saturated = outcome_.mean_cycles > kSaturated * plan_.zero_load_cycles;
    outcome_.standard_error_cycles = standard_error();
  }

  /// Mean over the packets of all windows; those still under way count with the age that they have at least.
  double mean_so_far(const MeasurementWindow& window) {
    const Tally tally = network_.tally();
    std::uint64_t waiting = 0, waited = 0;
    network_.count_waiting(now_, waiting, waited);
    outcome_.created = tally.created + waiting;
    outcome_.not_arrived = outcome_.created - tally.measured;
    const auto on_the_way = static_cast<double>(tally.created - tally.measured);
    const double cycles = static_cast<double>(tally.cycles) + static_cast<double>(waited) +
                          on_the_way * static_cast<double>(std::max<Cycles>(0, now_ - window.end));
    return outcome_.created == 0 ? 0 : cycles / static_cast<double>(outcome_.created);
  }

  [[nodiscard]] double standard_error() const {
    const auto n = static_cast<double>(batch_means_.size());
    if (n < 2) return 0;
    double sum = 0, squares = 0;
    for (const double mean : batch_means_) sum += mean;
    for (const double mean : batch_means_) squares += (mean - sum / n) * (mean - sum / n);
    return std::sqrt(squares / (n - 1) / n);
  }

  Network& network_;
  const Plan& plan_;
  Cycles now_ = 0, begin_ = 0;  ///< of the next window
  Tally total_;
  std::vector<double> batch_means_;
  Outcome outcome_;
};

}  // namespace

Outcome measure(Network& network, const Plan& plan) {
  return Measurement(network, plan).run();
}

}  // namespace dojo::traffic
