// SPDX-License-Identifier: Apache-2.0
// The events of a Kineto (Chrome) trace that matter here: device work, waits between streams, operators. Private.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
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
  bool copy = false;       ///< of memory, not a kernel
};

/// What newer versions say about an NCCL kernel.
struct Communication {
  std::string collective, dtype, group;
  std::int64_t in_elements = -1, out_elements = -1, group_size = 0;
  bool uneven = false;  ///< pieces of an all-to-all differ
};

struct StreamWait {
  std::int64_t time_ns = 0, stream = 0, on_stream = 0, device = 0;
  std::int64_t event = 0;  ///< correlation of the record of the event that is waited for; 0 = it does not say
};

/// An operator on the host. `record` is the number that an execution trace gives it too; older versions do not say it,
/// and `external` is no substitute: it counts from another start.
struct HostOperator {
  double start = 0;  ///< us
  std::int64_t external = -1, record = -1;
  std::uint32_t name = 0;  ///< into KinetoEvents::names
};

/// What the profiler calls a step: a range of the host's time.
struct ProfilerStep {
  std::int64_t number = 0;
  double begin = 0, end = 0;  ///< us
};

struct KinetoEvents {
  std::vector<std::string> names;
  std::vector<ProfilerStep> steps;  ///< ascending by begin
  std::size_t left_out = 0;         ///< work of other steps than the one that is read
  std::vector<DeviceWork> work;     ///< ascending by start
  std::vector<Communication> communications;
  std::vector<StreamWait> waits;
  std::vector<HostOperator> operators;  ///< ascending by start
  std::unordered_map<std::uint64_t, std::uint64_t> external_of_correlation;
  std::map<std::string, std::size_t> categories;     ///< of whole and beginning events
  std::map<std::string, std::size_t> other_devices;  ///< of work that is none of a GPU's
  std::string device_name;                           ///< of the first device, "" = it does not say
  RankGroups groups;
  RankId world = 0;
  std::size_t events = 0, damaged = 0;
  std::size_t unpaired = 0;  ///< begins without an end, ends without a begin
};

/// `step`: of the work and operators, what belongs to ProfilerStep#`step`; a step that is not there is a finding.
KinetoEvents read_kineto_events(const std::string& bytes, const std::string& file, std::optional<std::int64_t> step,
                                Findings& findings);
/// N of "ProfilerStep#N".
std::optional<std::int64_t> profiler_step_of(const std::string& name);
/// What is wrong where ProfilerStep#`step` is none of `known`.
std::string missing_step(std::int64_t step, const std::vector<std::int64_t>& known);

}  // namespace dojo::workload::pytorch
