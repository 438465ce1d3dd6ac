// SPDX-License-Identifier: Apache-2.0
// Chakra execution traces: binary and both JSON forms. Private to the module.
#pragma once
#include <string>

#include "trace/rank_trace.h"

namespace dojo::workload {

RankTrace decode_chakra_rank(const RankRequest& request, Findings& findings);
RankTrace decode_chakra_json_rank(const RankRequest& request, Findings& findings);

/// True when the start of a file can be a Chakra trace: a length and a metadata record.
bool looks_like_chakra(const std::string& bytes);
/// True for {"workload_graph": [...]} and for a sequence of nodes as protobuf writes them.
bool looks_like_chakra_json(const std::string& bytes);

}  // namespace dojo::workload
