// SPDX-License-Identifier: Apache-2.0
// The events of a Kineto (Chrome) trace that matter here: device work, waits between streams, operators. Private.
#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "dojo/base/error.h"
#include "trace/rank_trace.h"

namespace dojo::workload::pytorch {

struct DeviceWork {
  std::uint32_t name = 0;  ///< into KinetoEvents::names
  std::uint32_t line = 0;
  std::int64_t start_ns = 0, duration_ns = 0;  ///< start from the first event of the device
  std::int64_t stream = 0, device = 0;
  std::uint64_t external = 0, correlation = 0;
  std::int32_t nccl = -1;  ///< into KinetoEvents::communications
};

/// What newer versions say about an NCCL kernel.
struct Communication {
  std::string collective, dtype, group;
  std::int64_t in_elements = -1, out_elements = -1, group_size = 0;
};

struct StreamWait {
  std::int64_t time_ns = 0, stream = 0, on_stream = 0, device = 0;
};

struct KinetoEvents {
  std::vector<std::string> names;
  std::vector<DeviceWork> work;  ///< ascending by start
  std::vector<Communication> communications;
  std::vector<StreamWait> waits;
  std::unordered_map<std::uint64_t, std::uint64_t> external_of_correlation, record_of_external;
  RankGroups groups;
  RankId world = 0;
  std::size_t events = 0, damaged = 0;
};

KinetoEvents read_kineto_events(const std::string& bytes, const std::string& file, Findings& findings);

}  // namespace dojo::workload::pytorch
