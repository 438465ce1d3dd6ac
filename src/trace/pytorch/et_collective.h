// SPDX-License-Identifier: Apache-2.0
// The collective that a record_param_comms node, or an NCCL annotation of older traces, stands for. Private.
#pragma once
#include <string>

#include "trace/pytorch/et_node.h"

namespace dojo::workload::pytorch {

struct EtCollective {
  OpKind kind = OpKind::kNone;  ///< kNone: only waiting, or beginning and end of a batch
  bool known = true;            ///< false: a word that nobody has described
  Bytes bytes = 0;
  std::string group;          ///< communicator, "" = all ranks
  std::int32_t position = 0;  ///< root or peer, a position in the communicator
  RankId group_size = 0;      ///< ranks of the communicator; 0 = not said
};

bool is_collective_record(const EtNode& node);
EtCollective collective_of(const EtNode& node);
/// "all_gather", "allgather_base", "_allgather_base" ...; false when it is none.
bool collective_kind(const std::string& word, OpKind& kind);
/// Bytes of "Float", "BFloat16", "Long" ...; 0 = unknown.
std::int64_t dtype_width(const std::string& word);

}  // namespace dojo::workload::pytorch
