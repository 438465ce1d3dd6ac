// SPDX-License-Identifier: Apache-2.0
#include "machine/network/models.h"

#include <algorithm>
#include <array>

#include "dojo/fabric/ideal_die.h"
#include "dojo/reference/die.h"
#include "machine/network/burst_port.h"
#include "machine/network/flit_port.h"

namespace dojo::machine {
namespace {

template <class Port>
std::unique_ptr<NetworkPort> make(Context& context, DieId die, engine::Wheel& wheel, const Moment& moment,
                                  NetworkPort::Receiver& receiver) {
  return std::make_unique<Port>(context, die, wheel, moment, receiver);
}

std::vector<std::string> of_fast(const workload::Job& job, const topology::Topology& topology) {
  std::vector<std::string> all{
      "Within a traffic class, flows share a link burst by burst in the order of their events, not packet by packet."};
  const auto gathers = [](const workload::Program& program) {
    return std::any_of(program.kernels.begin(), program.kernels.end(),
                       [](const workload::Kernel& kernel) { return !kernel.gathers.empty(); });
  };
  if (std::any_of(job.programs.begin(), job.programs.end(), gathers)) {
    all.emplace_back(
        "Operands gathered along a row or column of nodes pass as one train; the latencies of their packets are taken "
        "to be spread evenly.");
  }
  if (std::any_of(job.plans.begin(), job.plans.end(), [](const auto& plan) { return plan.striped; })) {
    all.emplace_back(
        "Collectives between whole dies move by groups of nodes, 24 a die (8 in large jobs): at each die edge a "
        "group's share waits "
        "for its slowest row.");
  }
  if (topology.routes() == nullptr) return all;
  all.emplace_back(
      "Detours around dead parts consist of at most six legs in dimension order; each leg has a virtual network and "
      "receive buffers of its own, as large as those of the first.");
  all.emplace_back(
      "Barriers and collectives are planned as on a machine without dead routers and links; rows and columns of nodes "
      "with a dead one between them are multicast in parts, with messages between the parts.");
  return all;
}

std::vector<std::string> of_ideal(const workload::Job&, const topology::Topology&) {
  return {
      "Links and edges are never shared: a message takes its latency and its own serialisation at the slowest part of "
      "its way, whatever else is under way. Read and write ports of nodes, HBM, PCIe and Ethernet stay finite. What "
      "this leaves out is contention and the bandwidth that messages share; utilisation of a link can exceed 1."};
}

std::vector<std::string> of_reference(const workload::Job&, const topology::Topology&) {
  return {
      "Packets of a message keep one virtual channel on their whole way, one for control, the others by whether "
      "the message leaves its die.",
      "Long messages of a node take turns after 16 KiB; operands of kernels go in the order in which they are "
      "ready.",
      "Barriers and starts of tasks on one die take their time, but their semaphores use no link."};
}

constexpr std::array<NetworkModelInfo, 3> kModels{{
    {NetworkModel::kFast, true, true, true, true, make<BurstPort<fabric::DieNetwork>>, of_fast},
    {NetworkModel::kReference, false, false, true, false, make<FlitPort>, of_reference, reference::Die::estimate_bytes},
    {NetworkModel::kIdeal, true, true, false, true, make<BurstPort<fabric::IdealDie>>, of_ideal},
}};

}  // namespace

const NetworkModelInfo& network_model(NetworkModel model) {
  return *std::find_if(kModels.begin(), kModels.end(), [&](const NetworkModelInfo& row) { return row.model == model; });
}

}  // namespace dojo::machine
