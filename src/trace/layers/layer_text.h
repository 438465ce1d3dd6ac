// SPDX-License-Identifier: Apache-2.0
// The layer-per-line text of ASTRA-sim 1.0, and SimAI's extension of its first line. Private to the module.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "dojo/base/error.h"
#include "trace/file_formats.h"
#include "trace/layers/rank_grid.h"

namespace dojo::workload::layers {

/// Which ranks take part: none, all, those of the first dimension, of the others, or a group that the token names.
enum class Scope : std::uint8_t { kNoRanks, kAll, kInner, kOuter, kExpert, kDataExpert, kData, kTensor };

struct Communication {
  std::vector<OpKind> kinds;      ///< one; two for ALLREDUCEALLTOALL; empty for NONE
  Scope named = Scope::kNoRanks;  ///< by a suffix such as _EP; kNoRanks = as the policy says
  Bytes bytes = 0;
};

/// What one of the three passes of a layer costs.
struct Pass {
  std::int64_t cycles = 0;
  Communication communication;
};

enum class PolicyKind : std::uint8_t {
  kData,
  kMicro,
  kModel,
  kInference,
  kHybridDataModel,
  kHybridModelData,
  kTransformer,
  kTransformerForwardInBackward,
  kDlrm,
  kCustomized
};

struct Layer {
  std::string name;
  Pass forward, input_grad, weight_grad;
  std::int64_t update_cycles = 0;
  PolicyKind policy = PolicyKind::kData;
  std::uint32_t line = 0;
};

struct LayerText {
  PolicyKind policy = PolicyKind::kData;
  std::string policy_word;
  std::int64_t tensor = 0, expert = 0, pipeline = 0, virtual_pipeline = 0, accumulation = 0, all_ranks = 0;
  Bytes pipeline_bytes = 0;
  std::vector<std::int64_t> checkpoints, initiates;  ///< layer indices
  std::int64_t last_bottom_layer = -1;
  std::vector<Layer> layers;
  std::vector<std::string> notes;
};

/// The policy that a word of line 1, or of a layer's last column, names.
const PolicyKind* policy_of(std::string_view word);
LayerText parse_layer_text(const FileRequest& request, Findings& findings);
/// Scopes of (forward and input gradient, weight gradient).
std::pair<Scope, Scope> scopes_of(PolicyKind policy, std::size_t layer);

}  // namespace dojo::workload::layers
