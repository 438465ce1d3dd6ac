// SPDX-License-Identifier: Apache-2.0
// Sums over the dataflow plans of a job, and what was measured of the memory that each of their parts takes.
#include "run/job_size.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <vector>

#include "dojo/base/error.h"

namespace dojo::run {
namespace {

namespace fs = std::filesystem;
using workload::DataflowInstance;
using workload::DataflowItem;
using workload::DataflowPlan;

// Measured: peak memory of runs with and without the part, divided by their number.
constexpr double kBytesPerQueuedBurst = 260;  ///< of a message that waits at a DIP
constexpr double kBytesPerSentBurst = 20;     ///< of a message of a rank: most go as one burst from all its nodes
constexpr double kBytesPerReportRow = 5200;   ///< an operation: 3,700 for the summary alone, 7,500 with --out
constexpr double kBytesPerTask = 24;          ///< of a rank
constexpr double kBytesPerProgramTask = 150;  ///< of a program, with its successors and its draft
constexpr double kBytesPerFiring = 8;         ///< an item of a dataflow at one participant, track and chunk
constexpr double kBytesPerKernelNode = 25;    ///< times, FLOP and operands of a kernel at one node
constexpr double kBytesPerCountedNode = 140;  ///< what a kernel adds to a node's counters, kept to be added at once
constexpr double kBytesPerRank = 400;

std::uint64_t rounded(double bytes) {
  constexpr double kMost = 1e18;
  return static_cast<std::uint64_t>(std::min(bytes, kMost));
}

/// Operations that differ in what they compute share no kernel.
std::size_t different_operations(const workload::Graph& graph) {
  std::set<std::array<std::int64_t, 11>> seen;
  for (const workload::Op& op : graph.ops) {
    if (workload::is_communication(op.kind)) continue;
    std::int64_t tensors = 0;
    for (std::uint32_t i = op.inputs_begin; i < op.inputs_end; ++i)
      tensors += graph.tensors[graph.tensor_refs[i]].bytes;
    for (std::uint32_t i = op.outputs_begin; i < op.outputs_end; ++i)
      tensors += graph.tensors[graph.tensor_refs[i]].bytes;
    seen.insert({static_cast<std::int64_t>(op.kind), op.elements, op.channels, op.flops, op.bytes, op.duration_ns,
                 op.vector_flops_per_element, tensors, op.conv.n * 31 + op.conv.h, op.mat.m * 31 + op.mat.n,
                 op.attention.queries * 31 + op.lookup.width});
  }
  return seen.size();
}

struct PositionSize {
  double bursts = 0, queued = 0, firings = 0;
};

/// Of each position of a plan. A message is cut into bursts track by track and chunk by chunk.
std::vector<PositionSize> position_sizes(const DataflowPlan& plan, Bytes burst_bytes) {
  const double messages = static_cast<double>(plan.tracks) * plan.chunks;
  const auto bursts = [&](Bytes bytes) {
    return bytes <= 0 ? 0.0 : std::max(messages, static_cast<double>(bytes) / static_cast<double>(burst_bytes));
  };
  std::vector<PositionSize> sizes(plan.positions);
  for (const DataflowItem& item : plan.items) {
    PositionSize& size = sizes[item.position];
    size.firings += item.single ? 1 : messages;
    double sent = 0;
    for (std::uint32_t i = item.edges_begin; i < item.edges_end; ++i) {
      const bool elsewhere = plan.items[plan.edges[i].item].position != item.position;
      if (elsewhere) sent += bursts(plan.edges[i].bytes);
    }
    size.bursts += sent;
    size.queued = std::max(size.queued, sent);
  }
  return sizes;
}

}  // namespace

JobSize job_size(const workload::Workload& workload, const workload::Job& job, Bytes burst_bytes) {
  std::vector<std::vector<PositionSize>> plans;
  for (const DataflowPlan& plan : job.plans) plans.push_back(position_sizes(plan, burst_bytes));
  JobSize size;
  double queued = 0, sent = 0, firings = 0, rows = 0, tasks = 0;
  for (std::size_t rank = 0; rank < job.instance_of.size(); ++rank) {
    double most = 0;
    for (const workload::Job::InstanceRef& ref : job.instance_of[rank]) {
      if (ref.instance == kNone) continue;
      const DataflowInstance& instance = job.instances[ref.instance];
      const std::vector<PositionSize>& positions = plans[instance.plan];
      const bool inside =
          !instance.participants.empty() && instance.participants[0].kind == DataflowInstance::Participant::Kind::kNode;
      double own = 0;
      for (std::size_t p = 0; p < positions.size(); ++p) {
        if (!inside && p != ref.position) continue;
        size.bursts += positions[p].bursts;
        own += positions[p].queued;
        // State of what happens inside a rank is kept while it runs; of all else from the start to the end.
        if (!inside) firings += positions[p].firings;
      }
      most = std::max(most, own);
    }
    sent += most;
    tasks += static_cast<double>(job.programs[job.program_of_rank[rank]].tasks.size());
  }
  for (const DataflowInstance& instance : job.instances) {  // what DIPs send, which are no rank
    for (std::size_t p = 0; p < instance.participants.size(); ++p) {
      if (instance.participants[p].kind != DataflowInstance::Participant::Kind::kDip) continue;
      size.bursts += plans[instance.plan][p].bursts;
      queued += plans[instance.plan][p].queued;
    }
  }
  for (const workload::Graph& graph : workload.graphs) rows += static_cast<double>(graph.ops.size());
  double counted = 0;
  std::vector<bool> seen(job.programs.size(), false);
  for (std::size_t rank = 0; rank < job.program_of_rank.size(); ++rank) {
    const std::uint32_t program = job.program_of_rank[rank];
    if (seen[program]) continue;  // dies with the same program share them
    seen[program] = true;
    counted += static_cast<double>(job.programs[program].kernels.size()) * job.slices[rank].shape->node_count();
  }
  size.bytes = rounded(queued * kBytesPerQueuedBurst + sent * kBytesPerSentBurst + firings * kBytesPerFiring +
                       rows * kBytesPerReportRow + tasks * kBytesPerTask + counted * kBytesPerCountedNode);
  return size;
}

std::uint64_t lowering_bytes(const workload::Workload& workload, std::int64_t nodes_per_rank) {
  const auto steps = static_cast<double>(std::max<std::int64_t>(1, workload.steps));
  double bytes = static_cast<double>(workload.ranks()) * kBytesPerRank;
  for (const workload::Graph& graph : workload.graphs) {
    const auto kernels = static_cast<double>(different_operations(graph));
    const auto operations = static_cast<double>(graph.ops.size());
    bytes += kernels * static_cast<double>(nodes_per_rank) * (kBytesPerKernelNode + kBytesPerCountedNode);
    bytes += operations * (steps * kBytesPerProgramTask + kBytesPerReportRow);
  }
  return rounded(bytes);
}

void refuse_long_jobs(const JobSize& size, double most_bursts, Bytes burst_bytes) {
  if (size.bursts <= most_bursts) return;
  throw Error(
      ExitCode::kInvalidInput,
      fmt::format("workload: found messages of about {:.3g} bursts of {} bytes, expected at most {:.3g}, because "
                  "each is simulated; correct the sizes in the workload, or allow more with --max-bursts",
                  size.bursts, burst_bytes, most_bursts));
}

std::uint64_t reading_bytes(const std::string& trace) {
  // Measured: JSON is held as a tree while it is read, 20 to 25 bytes for each of its own; what is packed holds more.
  constexpr std::uint64_t kPerByte = 25, kPerPackedByte = 100;
  std::error_code failed;
  if (!fs::is_regular_file(trace, failed)) return 0;
  const std::uintmax_t size = fs::file_size(trace, failed);
  if (failed) return 0;
  const std::string end = fs::path(trace).extension().string();
  return size * (end == ".gz" || end == ".zst" ? kPerPackedByte : kPerByte);
}

}  // namespace dojo::run
