// SPDX-License-Identifier: Apache-2.0
// Collectives of a wafer-scale engine and the published model of their cycles. Shared by `dojosim validate` and the
// tests.
#pragma once
#include <string>
#include <vector>

#include "dojo/replay/words.h"

namespace dojo::run {

struct WaferPoint {
  replay::WordCollective collective = replay::WordCollective::kChainReduce;
  std::int64_t rows = 1, columns = 2, words = 1;
};
/// Vectors of 1 to 4,096 words on rows of 4 to 512 nodes, and meshes of 4 x 4 to 512 x 512.
[[nodiscard]] std::vector<WaferPoint> wafer_table();
/// configs/machines/wse2.json, for a program without its files, with a grid of its own.
[[nodiscard]] topology::MachineParams wse2(std::int64_t rows, std::int64_t columns);
/// Cycles by the model of Luczynski et al. (HPDC'24, arXiv 2404.15888). It divides words; `whole_words` rounds the
/// chunks of a ring up to whole ones.
[[nodiscard]] double published_cycles(const WaferPoint& point, bool whole_words);
[[nodiscard]] const char* collective_name(replay::WordCollective collective);

}  // namespace dojo::run
