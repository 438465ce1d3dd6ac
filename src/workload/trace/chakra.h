// SPDX-License-Identifier: Apache-2.0
// Chakra execution traces: files of a prefix, decoding, communicator groups. Private to the module.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "dojo/base/error.h"
#include "dojo/workload/trace.h"

namespace dojo::workload {

/// Ranks of each communicator by its name; an empty list means all ranks.
using ChakraGroups = std::map<std::string, std::vector<RankId>>;

/// One rank's file decoded; `group_names[i]` is what op i's communicator is called, "" = all ranks.
struct ChakraRank {
  Graph graph;
  std::vector<std::string> group_names;
  ChakraGroups embedded;  ///< process groups that the trace itself declares
};

struct ChakraRankRequest {
  const std::string& bytes;
  std::string file;
  RankId rank = 0;
  std::int64_t bytes_per_element = 0;
};

ChakraRank decode_chakra_rank(const ChakraRankRequest& request, Findings& findings);

/// True when the start of a file can be a Chakra trace: a length and a metadata record.
bool looks_like_chakra(const std::string& bytes);

/// `{"1": [0, 1], ...}`
ChakraGroups read_group_file(const std::string& text, const std::string& file, Findings& findings);
/// The text in a "process_group:init" record: a list of objects with pg_name and ranks.
bool parse_process_groups(const std::string& text, ChakraGroups& groups);

/// `path` names a file, or a prefix of PATH.<rank>.et files.
Workload read_chakra(const std::string& path, const TraceOptions& options, std::vector<std::string>* files_read,
                     Findings& findings);
/// True when PATH.<rank>.et exists for some rank.
bool is_chakra_prefix(const std::string& path);

}  // namespace dojo::workload
