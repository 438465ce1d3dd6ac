// SPDX-License-Identifier: Apache-2.0
// Formats with one file per rank: what a decoder gives, and how files and communicators become a Workload. Private.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "dojo/base/error.h"
#include "dojo/trace/trace.h"

namespace dojo::workload {

/// Ranks of each communicator by its name; an empty list means all ranks.
using RankGroups = std::map<std::string, std::vector<RankId>>;

constexpr std::int64_t kMostRanks = 10000000;

/// One rank's file decoded; `group_names[i]` is what op i's communicator is called, "" = all ranks.
struct RankTrace {
  Graph graph;
  std::vector<std::string> group_names;
  RankGroups embedded;       ///< process groups that the trace itself declares
  RankId world = 0;          ///< ranks of the whole job by the trace's own words; 0 = it does not say
  RankId least_world = 0;    ///< it has at least so many, by what is sent; 0 = nothing says so
  bool global_peers = true;  ///< Op::peer is a rank of the job, else a position in the communicator
};

struct RankRequest {
  const std::string& bytes;
  std::string file;
  RankId rank = 0;
  const TraceOptions& options;
};

struct RankFormat {
  const char* name;
  const char* sentence;
  bool (*looks)(const std::string& bytes);
  RankTrace (*decode)(const RankRequest& request, Findings& findings);
};

/// The formats with one file per rank; nullptr when `bytes` are none of them.
const std::vector<RankFormat>& rank_formats();
const RankFormat* rank_format_of(const std::string& bytes);

/// `{"1": [0, 1], ...}`
RankGroups read_group_file(const std::string& text, const std::string& file, Findings& findings);
/// The text in a "process_group:init" record: a list of objects with pg_name and ranks.
bool parse_process_groups(const std::string& text, RankGroups& groups);
/// The largest group_size in it: the default group names no ranks, only how many there are. 0 = there is none.
RankId world_of_groups(const std::string& text);

/// `path` names a file, or a prefix of PATH.<rank>.et, PATH.<rank>.json ... files; `bytes` are that file's when it has
/// been read already.
Workload read_ranks(const std::string& path, const TraceOptions& options, std::vector<std::string>* files_read,
                    Findings& findings, std::string bytes = {});
/// True when PATH.<rank>.et, PATH.<rank>.json ... exists for some rank.
bool is_rank_prefix(const std::string& path);
/// PREFIX.<rank>.EXTENSION files, ascending by rank.
std::map<RankId, std::string> files_of_prefix(const std::string& prefix);

/// Names reach CSV and JSON files: one line of valid UTF-8.
std::string printable(std::string name);

}  // namespace dojo::workload
