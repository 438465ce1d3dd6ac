// SPDX-License-Identifier: Apache-2.0
// Instances of collectives, messages and DIP transfers.
#include "lower/communication.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "dojo/base/stop_point.h"
#include "dojo/collectives/collectives.h"
#include "dojo/workload/own_algorithms.h"
#include "lower/dip_shares.h"
#include "lower/floors.h"
#include "lower/transfer_plans.h"

namespace dojo::workload {
namespace {

using Participant = DataflowInstance::Participant;

std::uint32_t root_of(const Op& op) {
  return static_cast<std::uint32_t>(std::max<std::int32_t>(0, op.root));
}

}  // namespace

Communication::Communication(const Workload& workload, const LowerOptions& options, const topology::Topology& topology,
                             const GroupRanks& groups, const std::vector<ProgramDraft>& drafts, Job& job,
                             Findings& findings)
    : workload_(workload),
      options_(options),
      topology_(topology),
      groups_(groups),
      drafts_(drafts),
      job_(job),
      findings_(findings) {}

void Communication::fill() {
  job_.instance_of.resize(workload_.ranks());
  for (RankId rank = 0; rank < workload_.ranks(); ++rank)
    job_.instance_of[rank].resize(drafts_[job_.program_of_rank[rank]].entries.size());
  job_.hbm_used_bytes.assign(topology_.dip_count(), 0);
  fill_in_rank();
  fill_collectives();
  fill_messages();
  fill_memory();
}

std::uint32_t Communication::add_plan(DataflowPlan plan) {
  job_.plans.push_back(std::move(plan));
  return static_cast<std::uint32_t>(job_.plans.size() - 1);
}

std::uint32_t Communication::add_instance(std::uint32_t plan, std::vector<Participant> participants,
                                          std::uint32_t group) {
  job_.instances.push_back({plan, std::move(participants), group});
  return static_cast<std::uint32_t>(job_.instances.size() - 1);
}

std::string Communication::where(RankId rank, const EntryUse& use) const {
  const Graph& graph = workload_.graphs[workload_.graph_of_rank[rank]];
  return fmt::format("{}: rank {}, operation \"{}\"", graph.file, rank, graph.op_name(graph.ops[use.op]));
}

void Communication::fill_in_rank() {
  std::vector<std::vector<std::uint32_t>> instance(drafts_.size());
  for (std::size_t p = 0; p < drafts_.size(); ++p) {
    for (const InRankDataflow& flow : drafts_[p].flows) {
      std::vector<Participant> participants;
      participants.reserve(flow.nodes.size());
      for (const std::uint32_t node : flow.nodes) participants.push_back({Participant::Kind::kNode, node});
      instance[p].push_back(add_instance(add_plan(flow.plan), std::move(participants), kNone));
    }
  }
  for (RankId rank = 0; rank < workload_.ranks(); ++rank) {
    const std::uint32_t p = job_.program_of_rank[rank];
    for (std::size_t entry = 0; entry < drafts_[p].entries.size(); ++entry) {
      if (drafts_[p].entries[entry].kind == EntryUse::Kind::kInRank)
        job_.instance_of[rank][entry] = {instance[p][drafts_[p].entries[entry].flow], 0};
    }
  }
}

std::vector<std::uint32_t> Communication::collective_entries(std::uint32_t program, std::uint32_t group_class) const {
  std::vector<std::uint32_t> entries;
  for (std::uint32_t entry = 0; entry < drafts_[program].entries.size(); ++entry) {
    const EntryUse& use = drafts_[program].entries[entry];
    if (use.kind == EntryUse::Kind::kCollective && use.group_class == group_class) entries.push_back(entry);
  }
  return entries;
}

void Communication::fill_collectives() {
  for (std::uint32_t c = 0; c < groups_.size(); ++c)
    for (std::uint32_t g = 0; g < groups_[c].size(); ++g) fill_group(c, g);
  for (RankId rank = 0; rank < workload_.ranks(); ++rank) {
    const std::uint32_t p = job_.program_of_rank[rank];
    for (std::size_t entry = 0; entry < drafts_[p].entries.size(); ++entry) {
      const EntryUse& use = drafts_[p].entries[entry];
      if (use.kind == EntryUse::Kind::kCollective && job_.instance_of[rank][entry].instance == kNone &&
          findings_.empty()) {
        findings_.add("{}: found a collective in group class {}, expected a class of which the rank is a member",
                      where(rank, use), use.group_class);
      }
    }
  }
}

void Communication::fill_group(std::uint32_t group_class, std::uint32_t group) {
  const std::vector<RankId>& ranks = groups_[group_class][group];
  std::map<std::uint32_t, std::vector<std::uint32_t>> entries_of_program;
  for (const RankId rank : ranks) {
    const std::uint32_t p = job_.program_of_rank[rank];
    const auto [entries, fresh] = entries_of_program.try_emplace(p);
    if (fresh) entries->second = collective_entries(p, group_class);
  }
  const std::uint32_t first_program = job_.program_of_rank[ranks.front()];
  const std::vector<std::uint32_t>& first = entries_of_program[first_program];
  for (const RankId rank : ranks) {
    const std::size_t count = entries_of_program[job_.program_of_rank[rank]].size();
    if (count != first.size()) {
      findings_.add("{}: rank {} enters {} collectives of group \"{}\", rank {} enters {}; expected the same number",
                    workload_.graphs[workload_.graph_of_rank[rank]].file, rank, count,
                    workload_.group_classes[group_class].groups[group].name, ranks.front(), first.size());
      return;
    }
  }
  for (std::size_t k = 0; k < first.size(); ++k) {
    stop_point("collectives of a group", k, first.size());
    const EntryUse& use = drafts_[first_program].entries[first[k]];
    const Op& op = workload_.graphs[drafts_[first_program].program.graph].ops[use.op];
    const std::optional<Algorithm> algorithm = op.algorithm ? op.algorithm : options_.collective_algorithm;
    std::vector<std::vector<Bytes>> pairs;
    if (op.pairs_begin < op.pairs_end) {
      for (const RankId rank : ranks)
        pairs.push_back(pairs_of(rank, entries_of_program[job_.program_of_rank[rank]][k], ranks.size()));
    }
    const std::uint32_t plan = pairs.empty() ? collective_plan(use, op, algorithm, ranks) : pairs_plan(pairs, ranks);
    std::vector<Participant> participants;
    participants.reserve(ranks.size());
    for (const RankId rank : ranks) participants.push_back({Participant::Kind::kRank, rank});
    if (job_.plans[plan].positions > participants.size()) {
      for (const std::uint32_t dip : dips_of(slices_of(ranks), topology_, nullptr))
        participants.push_back({Participant::Kind::kDip, dip});
    }
    const std::uint32_t instance = add_instance(plan, std::move(participants), group);
    for (std::uint32_t position = 0; position < ranks.size(); ++position) {
      const RankId rank = ranks[position];
      job_.instance_of[rank][entries_of_program[job_.program_of_rank[rank]][k]] = {instance, position};
    }
  }
}

std::vector<Bytes> Communication::pairs_of(RankId rank, std::uint32_t entry, std::size_t ranks) const {
  const ProgramDraft& draft = drafts_[job_.program_of_rank[rank]];
  const Graph& graph = workload_.graphs[draft.program.graph];
  const Op& op = graph.ops[draft.entries[entry].op];
  std::vector<Bytes> bytes(graph.pair_bytes.begin() + op.pairs_begin, graph.pair_bytes.begin() + op.pairs_end);
  if (bytes.empty()) bytes.assign(ranks, ceil_div<Bytes>(op.bytes, static_cast<Bytes>(ranks)));
  bytes.resize(ranks, 0);
  return bytes;
}

std::uint32_t Communication::pairs_plan(const std::vector<std::vector<Bytes>>& bytes,
                                        const std::vector<RankId>& ranks) {
  const Slice* smallest = &job_.slices[ranks.front()];
  std::vector<std::int64_t> key{-1};
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const Slice& slice = job_.slices[ranks[i]];
    if (slice.shape->node_count() < smallest->shape->node_count()) smallest = &slice;
    key.insert(key.end(), bytes[i].begin(), bytes[i].end());
  }
  key.push_back(smallest->shape_index);
  const auto found = collective_plans_.find(key);
  if (found != collective_plans_.end()) return found->second;
  const std::uint32_t plan = add_plan(pairs_to_plan(bytes, *smallest->shape));
  collective_plans_.emplace(std::move(key), plan);
  return plan;
}

std::vector<const Slice*> Communication::slices_of(const std::vector<RankId>& ranks) const {
  std::vector<const Slice*> slices;
  slices.reserve(ranks.size());
  for (const RankId rank : ranks) slices.push_back(&job_.slices[rank]);
  return slices;
}

std::uint32_t Communication::collective_plan(const EntryUse& use, const Op& op, std::optional<Algorithm> algorithm,
                                             const std::vector<RankId>& ranks) {
  // Relative places decide a plan; the model's time is taken from the first group that asks.
  const Slice& origin = job_.slices[ranks.front()];
  std::vector<std::int64_t> layout;
  layout.reserve(ranks.size() * 3);
  for (const RankId rank : ranks) {
    const Slice& slice = job_.slices[rank];
    layout.push_back(slice.first_site_row - origin.first_site_row);
    layout.push_back(slice.first_site_column - origin.first_site_column);
    layout.push_back(slice.shape_index);
  }
  // What works between the members, and what a plug-in makes of them, depends on where they are.
  if (topology_.routes() != nullptr || (algorithm && own_collective(*algorithm) != nullptr)) {
    layout.push_back(origin.first_site_row);
    layout.push_back(origin.first_site_column);
  }
  if (algorithm == Algorithm::kZplane && topology_.dip_count() > 0) {
    std::vector<std::uint32_t> island;
    (void)dips_of(slices_of(ranks), topology_, &island);
    layout.insert(layout.end(), island.begin(), island.end());
  }
  const auto layout_id = layouts_.emplace(std::move(layout), static_cast<std::uint32_t>(layouts_.size())).first->second;
  const std::int64_t algorithm_id = algorithm ? static_cast<std::int64_t>(*algorithm) : -1;
  std::vector<std::int64_t> key{static_cast<std::int64_t>(use.collective), use.bytes, op.root, layout_id, algorithm_id};
  const Floors floors = collective_floors(use.collective, use.bytes, root_of(op), slices_of(ranks), topology_);
  const auto found = collective_plans_.find(key);
  if (found != collective_plans_.end()) {
    job_.plans[found->second].floors.lower(floors);
    return found->second;
  }
  std::uint32_t plan = 0;
  if (ranks.size() == 1) {
    plan = add_plan(nothing_plan());
  } else {
    CollectiveRequest request;
    request.kind = use.collective;
    request.bytes = use.bytes;
    request.root = root_of(op);
    request.algorithm = algorithm;
    request.members = slices_of(ranks);
    plan = add_plan(build_collective(request, topology_));
    // Over the Ethernet messages keep to no dimension order.
    if (!job_.plans[plan].over_zplane) job_.plans[plan].floors = floors;
  }
  collective_plans_.emplace(std::move(key), plan);
  return plan;
}

void Communication::fill_messages() {
  using Key = std::tuple<RankId, RankId, std::int32_t>;  // source, destination, tag
  struct End {
    RankId rank;
    std::uint32_t entry;
  };
  std::map<Key, std::array<std::vector<End>, 2>> ends;
  for (RankId rank = 0; rank < workload_.ranks(); ++rank) {
    stop_point();
    const ProgramDraft& draft = drafts_[job_.program_of_rank[rank]];
    const Graph& graph = workload_.graphs[workload_.graph_of_rank[rank]];  // its peers, not those of a graph like it
    for (std::uint32_t entry = 0; entry < draft.entries.size(); ++entry) {
      const EntryUse& use = draft.entries[entry];
      const bool send = use.kind == EntryUse::Kind::kSend;
      if (!send && use.kind != EntryUse::Kind::kRecv) continue;
      const Op& op = graph.ops[use.op];
      if (op.peer < 0 || static_cast<RankId>(op.peer) >= workload_.ranks()) {
        findings_.add("{}: found peer {}, expected a rank from 0 to {}", where(rank, use), op.peer,
                      workload_.ranks() - 1);
        continue;
      }
      const auto peer = static_cast<RankId>(op.peer);
      ends[send ? Key{rank, peer, op.tag} : Key{peer, rank, op.tag}][send ? 0 : 1].push_back({rank, entry});
    }
  }
  StopPoints stop;
  for (const auto& [key, sides] : ends) {
    stop.pass();
    const auto& [sends, receives] = sides;
    for (std::size_t i = std::min(sends.size(), receives.size()); i < std::max(sends.size(), receives.size()); ++i) {
      const End& end = i < sends.size() ? sends[i] : receives[i];
      const EntryUse& use = drafts_[job_.program_of_rank[end.rank]].entries[end.entry];
      findings_.add("{}: found no matching {} at rank {} (tag {}), expected one for each {}", where(end.rank, use),
                    i < sends.size() ? "recv" : "send", i < sends.size() ? std::get<1>(key) : std::get<0>(key),
                    std::get<2>(key), i < sends.size() ? "send" : "recv");
    }
    for (std::size_t i = 0; i < std::min(sends.size(), receives.size()); ++i) {
      const EntryUse& use = drafts_[job_.program_of_rank[sends[i].rank]].entries[sends[i].entry];
      const Slice& a = job_.slices[sends[i].rank];
      const Slice& b = job_.slices[receives[i].rank];
      const bool a_smaller = a.shape->node_count() <= b.shape->node_count();
      std::vector<Participant> participants{{Participant::Kind::kRank, sends[i].rank},
                                            {Participant::Kind::kRank, receives[i].rank}};
      const SendRoute route = route_of(sends[i].rank, use);
      if (route == SendRoute::kZplane && topology_.dip_count() == 0) {
        findings_.add("{}: found the route zplane on a machine without DIPs, expected mesh", where(sends[i].rank, use));
        continue;
      }
      const bool zplane =
          route == SendRoute::kZplane || (route == SendRoute::kFastest && faster_over_zplane(a, b, use.bytes));
      if (zplane) {
        participants.push_back({Participant::Kind::kDip, topology_.nearest_dip(a.dies.front())});
        participants.push_back({Participant::Kind::kDip, topology_.nearest_dip(b.dies.front())});
      }
      const Way way = zplane ? Way::kZplane : can_stripe(a, b, use.bytes, topology_) ? Way::kStriped : Way::kPlain;
      const std::uint32_t plan = message_plan(use.bytes, a_smaller ? a : b, way);
      const std::uint32_t instance = add_instance(plan, std::move(participants), kNone);
      job_.instance_of[sends[i].rank][sends[i].entry] = {instance, 0};
      job_.instance_of[receives[i].rank][receives[i].entry] = {instance, 1};
    }
  }
}

/// The send's own, or that of all messages.
SendRoute Communication::route_of(RankId rank, const EntryUse& use) const {
  const Graph& graph = workload_.graphs[workload_.graph_of_rank[rank]];
  return graph.ops[use.op].route.value_or(options_.send_route);
}

bool Communication::faster_over_zplane(const Slice& from, const Slice& to, Bytes bytes) const {
  return topology_.dip_count() > 0 &&
         message_seconds(from, to, bytes, true, topology_) < message_seconds(from, to, bytes, false, topology_);
}

std::uint32_t Communication::message_plan(Bytes bytes, const Slice& smaller, Way way) {
  std::vector<std::int64_t> key{bytes, smaller.shape_index, static_cast<std::int64_t>(way)};
  const auto found = message_plans_.find(key);
  if (found != message_plans_.end()) return found->second;
  const std::uint32_t plan =
      add_plan(way == Way::kZplane ? zplane_plan(bytes, *smaller.shape)
                                   : point_to_point_plan(bytes, *smaller.shape, way == Way::kStriped));
  message_plans_.emplace(std::move(key), plan);
  return plan;
}

void Communication::fill_memory() {
  const DipShares shares(job_.slices, topology_);
  std::vector<Bytes> largest_load(topology_.dip_count(), 0);  // of one operation: it lies in the HBM as a whole
  for (RankId rank = 0; rank < workload_.ranks(); ++rank) {
    stop_point();
    const ProgramDraft& draft = drafts_[job_.program_of_rank[rank]];
    const Slice& slice = job_.slices[rank];
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> ingests;  // (operation, die) -> instance
    for (std::uint32_t entry = 0; entry < draft.entries.size(); ++entry) {
      const EntryUse& use = draft.entries[entry];
      if (use.kind != EntryUse::Kind::kMemory) continue;
      const std::vector<std::uint32_t>& dips = shares.of(slice.dies[use.die]);
      const auto count = static_cast<std::uint32_t>(dips.size());
      const bool ingest = use.memory == EntryUse::Memory::kIngest;
      const auto steps = ingest ? static_cast<std::uint32_t>(workload_.steps) : 1U;
      for (std::uint32_t i = 0; i < count; ++i) {
        const Bytes bytes = piece_size(use.bytes, count, i);
        if (use.memory == EntryUse::Memory::kLoad && !use.home)
          largest_load[dips[i]] = std::max(largest_load[dips[i]], bytes);
        if (use.step > 0 || !use.home.value_or(use.memory != EntryUse::Memory::kLoad)) continue;
        // Samples of two steps: those in use and those that are fetched ahead.
        job_.hbm_used_bytes[dips[i]] += bytes * std::min<Bytes>(2, steps);
      }
      if (ingest && use.step > 0) {
        job_.instance_of[rank][entry] = {ingests.at({use.op, use.die}), count + use.step};
        continue;
      }
      std::vector<Participant> participants;
      for (const std::uint32_t dip : dips) participants.push_back({Participant::Kind::kDip, dip});
      participants.resize(count + steps, {Participant::Kind::kRank, rank});
      const std::uint32_t instance =
          add_instance(memory_plan(use, slice, steps, count), std::move(participants), kNone);
      ingests[{use.op, use.die}] = instance;
      job_.instance_of[rank][entry] = {instance, count};
    }
  }
  for (std::uint32_t dip = 0; dip < topology_.dip_count(); ++dip) {
    const Bytes capacity = topology_.params().dip.hbm_bytes;
    if (largest_load[dip] > capacity) {
      findings_.add(
          "{}: found a load of {:.3f} GB by one operation, expected at most the HBM's {:.3f} GB; load less in one "
          "operation, or use a larger workload.rank_unit",
          topology_.dip_path(dip), static_cast<double>(largest_load[dip]) / 1e9, static_cast<double>(capacity) / 1e9);
    }
    if (job_.hbm_used_bytes[dip] > capacity) {
      findings_.add(
          "{}: samples and spilled tensors need {:.3f} GB of HBM, expected at most {:.3f} GB: {:.3f} GB are missing; "
          "use a smaller batch or a larger workload.rank_unit",
          topology_.dip_path(dip), static_cast<double>(job_.hbm_used_bytes[dip]) / 1e9,
          static_cast<double>(capacity) / 1e9, static_cast<double>(job_.hbm_used_bytes[dip] - capacity) / 1e9);
    }
  }
}

std::uint32_t Communication::memory_plan(const EntryUse& use, const Slice& slice, std::uint32_t steps,
                                         std::uint32_t dips) {
  std::vector<std::int64_t> key{
      static_cast<std::int64_t>(use.memory), use.bytes, use.die, slice.shape_index, steps, dips};
  const auto found = memory_plans_.find(key);
  if (found != memory_plans_.end()) return found->second;
  const std::uint32_t plan = add_plan(dip_plan(use.memory, use.bytes, use.die, *slice.shape, steps, dips));
  // Samples are fetched ahead of the operation that takes them.
  if (use.memory != EntryUse::Memory::kIngest) {
    job_.plans[plan].floors = memory_floors(ceil_div<Bytes>(use.bytes, dips), topology_);
  }
  memory_plans_.emplace(std::move(key), plan);
  return plan;
}

}  // namespace dojo::workload
