// SPDX-License-Identifier: Apache-2.0
// The timeline of a run: what each rank ran when, as Perfetto track events.
#pragma once
#include <string>
#include <vector>

#include "dojo/report/trail.h"
#include "dojo/report/use_over_time.h"

namespace dojo::report {

struct TimelineRequest {
  std::vector<RankId> ranks;  ///< ascending; empty: kSampledRanks of them, spread evenly
  Cycles begin = 0, end = kNever;
};
/// 3,000 ranks of a training step are a few MB that way.
inline constexpr RankId kSampledRanks = 64;

/// "" = a sample; "all"; or numbers and ranges: "0,5-9". Throws Error(kInvalidInput) that names what is wrong.
[[nodiscard]] std::vector<RankId> timeline_ranks(const std::string& text, RankId ranks);

/// Packed with gzip. A process for each rank, with lanes for its cores, collectives (in two parts: wait, move), memory
/// and recorded times; and how many of all ranks compute, wait, move and use memory, as counters. With a source also
/// the use of links by class, and of the SRAM.
[[nodiscard]] std::string make_timeline(const workload::Workload& workload, const workload::Job& job,
                                        const TaskTimes& times, Cycles end, double clock_hz,
                                        const TimelineRequest& request, const UseSource* source = nullptr);

}  // namespace dojo::report
