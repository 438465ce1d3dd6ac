// SPDX-License-Identifier: Apache-2.0
// Copies of a job: more or fewer data-parallel ranks, groups of other sizes.
#include "trace/rescale.h"

#include <fmt/format.h>

#include <algorithm>

#include "trace/graph_builder.h"

namespace dojo::workload {
namespace {

constexpr RankId kMostRanks = 10000000;
constexpr const char* kNoClass = "none";  ///< copies stay separate jobs

class Rescaler {
 public:
  Rescaler(const Workload& workload, const RescaleOptions& options) : old_(workload), options_(options) {}

  Workload run() {
    const RankId ranks = options_.ranks > 0 ? options_.ranks : old_.ranks();
    check(ranks);
    findings_.throw_if_any();
    Workload made = old_;
    if (old_.graphs.size() == 1 && !sends()) {
      made.graph_of_rank.assign(ranks, 0);
      for (std::size_t c = 1; c < made.group_classes.size(); ++c) regroup(made.group_classes[c], ranks);
    } else {
      copy_blocks(made, ranks);
    }
    made.group_classes[0] = all_ranks_class(ranks);
    findings_.throw_if_any();
    for (Graph& graph : made.graphs) {
      if (ranks != old_.ranks()) {
        graph.warnings.push_back(
            fmt::format("rescaled from {} to {} ranks: every rank keeps its work and the sizes of "
                        "its collectives; {}",
                        old_.ranks(), ranks, what_grows(ranks)));
      }
      if (options_.batch > 0) rescale_batch(graph, options_.batch, findings_);
    }
    findings_.throw_if_any();
    check_workload(made, findings_);
    findings_.throw_if_any();
    return made;
  }

 private:
  [[nodiscard]] bool sends() const {
    for (const Graph& graph : old_.graphs) {
      for (const Op& op : graph.ops) {
        if (is_message(op.kind)) return true;
      }
    }
    return false;
  }

  /// What the copies of a job do with one another.
  [[nodiscard]] std::string what_grows(RankId ranks) const {
    if (joined_ || ranks <= old_.ranks()) return "only groups change";
    return fmt::format("{} separate jobs of {} ranks, which never talk to each other", ranks / old_.ranks(),
                       old_.ranks());
  }

  /// Some operation is of all ranks.
  [[nodiscard]] bool has_all() const {
    for (const Graph& graph : old_.graphs) {
      for (const Op& op : graph.ops) {
        if (is_collective(op.kind) && op.group == 0) return true;
      }
    }
    return false;
  }

  [[nodiscard]] bool is_data_parallel(const std::string& name) const {
    return std::find(options_.data_parallel.begin(), options_.data_parallel.end(), name) !=
           options_.data_parallel.end();
  }

  void known_class(const std::string& name) {
    for (const auto& entry : old_.group_classes) {
      if (entry.name == name) return;
    }
    std::string words;
    for (const auto& entry : old_.group_classes) words += (words.empty() ? "" : ", ") + entry.name;
    findings_.add("rescale: found the group class '{}', expected one of {}; correct the name", name, words);
  }

  void check(RankId ranks) {
    if (ranks < 1 || ranks > kMostRanks)
      findings_.add("rescale: found {} ranks, expected 1 to {}; correct --ranks", ranks, kMostRanks);
    for (const auto& entry : options_.group_ranks) known_class(entry.first);
    for (const std::string& name : options_.data_parallel)
      if (name != kNoClass) known_class(name);
  }

  /// Consecutive groups of one size, over any number of ranks.
  void regroup(Workload::GroupClass& entry, RankId ranks) {
    const auto wanted = options_.group_ranks.find(entry.name);
    RankId size = wanted != options_.group_ranks.end() ? wanted->second : 0;
    if (is_data_parallel(entry.name)) size = ranks;
    if (size == 0) {
      size = static_cast<RankId>(entry.groups.empty() ? 1 : entry.groups[0].ranks.size());
      RankId next = 0;
      for (const Group& group : entry.groups) {
        for (const RankId rank : group.ranks) {
          if (rank == next++ && group.ranks.size() == size) continue;
          findings_.add(
              "rescale: group class '{}': found groups that are not neighbours of one size, expected to know how "
              "they grow; give --group-ranks {}=N or --data-parallel {}",
              entry.name, entry.name, entry.name);
          return;
        }
      }
    }
    if (size < 1 || ranks % size != 0) {
      findings_.add(
          "rescale: group class '{}': found groups of {}, expected a divisor of {} ranks; give --group-ranks "
          "{}=N",
          entry.name, size, ranks, entry.name);
      return;
    }
    entry.groups.clear();
    for (RankId first = 0; first < ranks; first += size) {
      Group group{fmt::format("{}[{}]", entry.name, first / size), {}};
      for (RankId i = 0; i < size; ++i) group.ranks.push_back(first + i);
      entry.groups.push_back(std::move(group));
    }
  }

  /// Several graphs: the ranks of the old job are one model-parallel block; copies of it stand behind each other.
  void copy_blocks(Workload& made, RankId ranks) {
    const RankId block = old_.ranks();
    if (ranks % block != 0) {
      findings_.add(
          "rescale: found {} ranks, expected a multiple of the {} ranks of this job, whose ranks do different "
          "work; correct --ranks",
          ranks, block);
      return;
    }
    const RankId copies = ranks / block;
    joined_ = has_all() || (!options_.data_parallel.empty() && !is_data_parallel(kNoClass));
    if (copies > 1 && !joined_ && options_.data_parallel.empty()) {
      std::string classes;
      for (std::size_t c = 1; c < old_.group_classes.size(); ++c) classes += (c > 1 ? ", " : "") + described(c);
      return findings_.add(
          "rescale: found {} copies of a job of {} ranks and nothing that joins them, expected to know what they are; "
          "give --data-parallel CLASS, once for each class whose groups then reach over all copies{}, or "
          "--data-parallel none for separate jobs",
          copies, block, classes.empty() ? "" : " (" + classes + ")");
    }
    for (RankId copy = 1; copy < copies; ++copy) {
      for (RankId rank = 0; rank < block; ++rank) made.graph_of_rank.push_back(graph_for(made, rank, copy * block));
    }
    for (std::size_t c = 1; c < made.group_classes.size(); ++c) {
      Workload::GroupClass& entry = made.group_classes[c];
      const std::vector<Group> groups = entry.groups;
      const bool grows = is_data_parallel(entry.name);
      for (RankId copy = 1; copy < copies; ++copy) {
        for (std::size_t g = 0; g < groups.size(); ++g) {
          std::vector<RankId> moved = groups[g].ranks;
          for (RankId& rank : moved) rank += copy * block;
          if (grows) {
            entry.groups[g].ranks.insert(entry.groups[g].ranks.end(), moved.begin(), moved.end());
          } else {
            entry.groups.push_back({fmt::format("{}+{}", groups[g].name, copy), std::move(moved)});
          }
        }
      }
    }
  }

  /// "dp0: 4 groups of 2 ranks"
  [[nodiscard]] std::string described(std::size_t group_class) const {
    const Workload::GroupClass& entry = old_.group_classes[group_class];
    const std::size_t ranks = entry.groups.empty() ? 0 : entry.groups.front().ranks.size();
    return fmt::format("{}: {} group{} of {} ranks", entry.name, entry.groups.size(),
                       entry.groups.size() == 1 ? "" : "s", ranks);
  }

  /// Messages name ranks, so that a block elsewhere needs graphs of its own.
  std::uint32_t graph_for(Workload& made, RankId rank, RankId offset) {
    const std::uint32_t graph = old_.graph_of_rank[rank];
    const auto moved = moved_.find({graph, offset});
    if (moved != moved_.end()) return moved->second;
    bool sends = false;
    for (const Op& op : old_.graphs[graph].ops) sends = sends || is_message(op.kind);
    std::uint32_t index = graph;
    if (sends) {
      index = static_cast<std::uint32_t>(made.graphs.size());
      made.graphs.push_back(old_.graphs[graph]);
      for (Op& op : made.graphs.back().ops) {
        if (is_message(op.kind)) op.peer += static_cast<std::int32_t>(offset);
      }
    }
    moved_.emplace(std::pair{graph, offset}, index);
    return index;
  }

  const Workload& old_;
  const RescaleOptions& options_;
  Findings findings_;
  bool joined_ = true;  ///< copies of the job, where it is copied
  std::map<std::pair<std::uint32_t, RankId>, std::uint32_t> moved_;
};

}  // namespace

Workload rescale_workload(const Workload& workload, const RescaleOptions& options) {
  return Rescaler(workload, options).run();
}

}  // namespace dojo::workload
