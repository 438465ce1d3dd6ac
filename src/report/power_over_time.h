// SPDX-License-Identifier: Apache-2.0
// What the whole machine takes when: the counts of a run, in equal intervals as the work passed. docs/report.md.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "dojo/report/use_over_time.h"

namespace dojo::report {

/// What cores do, by what takes energy.
enum class CoreWork : std::uint8_t { kMatrix, kVector, kBusy, kSram };
inline constexpr std::size_t kCoreWorks = 4;

/// Amounts of one kind: by interval, and of the whole job.
struct Passed {
  std::vector<double> amounts;
  double whole = 0;
  /// Of what the job did, in the interval; evenly over the job where no plan says when. `even`: interval / job.
  [[nodiscard]] double share(std::size_t interval, double even) const {
    return whole > 0 ? amounts[interval] / whole : even;
  }
};

struct PassedWork {
  std::array<Passed, kCoreWorks> cores;  ///< kSram: bytes
  std::array<Passed, topology::kLinkClasses> links;
};

/// Mean watts of each interval. `even`: length of an interval / that of the job.
[[nodiscard]] std::vector<double> power_over_time(const UseSource& source, const PassedWork& work, double even,
                                                  std::size_t intervals);

}  // namespace dojo::report
