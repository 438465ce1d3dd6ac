// SPDX-License-Identifier: Apache-2.0
// DLRM as MLPerf trained it on the Criteo 1TB clicks: 13 numbers and 26 words of a sample, one row of a table for each
// word, products of all pairs of them.
#include <fmt/format.h>

#include <algorithm>

#include "trace/networks/others.h"

namespace dojo::workload::networks {
namespace {

/// Rows of the tables: facebookresearch/dlrm, torchrec_dlrm/README.MD.
constexpr std::int64_t kRows[] = {45833188, 36746,    17245,    7413,     20243,  3,     7114, 1441, 62,
                                  29275261, 1572176,  345138,   10,       2209,   11267, 128,  4,    974,
                                  14,       48937457, 11316796, 40094537, 452104, 12606, 104,  35};
constexpr std::int64_t kWidth = 128, kDense = 13, kVectors = 27, kPairs = kVectors * (kVectors - 1) / 2;

/// Layers with a ReLU each, but for the last if `open`.
Value layers(NetBuilder& net, const std::string& name, Value x, std::int64_t batch, std::int64_t inputs,
             const std::vector<std::int64_t>& sizes, bool first, bool open) {
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const std::string layer = fmt::format("{}{}", name, i);
    const NetBuilder::Weight weight = net.weight(layer + ".weight", inputs * sizes[i]);
    x = net.linear(layer, x, {batch, sizes[i], inputs, 1}, weight, {net.weight(layer + ".bias", sizes[i])},
                   first && i == 0);
    if (!open || i + 1 < sizes.size()) x = net.elementwise(layer + ".relu", {x}, batch * sizes[i], 1, 1);
    inputs = sizes[i];
  }
  return x;
}

}  // namespace

Graph dlrm(const NetworkOptions& options, const Groups& groups) {
  NetBuilder net("dlrm", options, groups);
  const std::int64_t n = options.batch;
  constexpr Bytes kNumberBytes = 4;
  const Value samples = net.samples("samples", n * (kDense + kVectors - 1) * kNumberBytes, n * kDense);
  // Ranks share out the rows of every table: each looks up what it has for the samples of all, and sends it on.
  std::vector<Value> words;
  for (std::size_t t = 0; t < std::size(kRows); ++t) {
    const std::int64_t capped = options.table_rows > 0 ? std::min(options.table_rows, kRows[t]) : kRows[t];
    const std::int64_t rows = ceil_div(capped, options.ranks);
    const std::int64_t distinct = std::clamp<std::int64_t>(100 * std::min(rows, n) / n, 1, 100);
    words.push_back(net.sparse_table(fmt::format("table{}", t), samples, {n, kWidth, 1, distinct}, rows));
  }
  const Value rows = net.exchange("rows", net.concatenation("rows", words));
  const Value numbers = layers(net, "bottom", samples, n, kDense, {512, 256, kWidth}, true, false);
  const Value all = net.concatenation("vectors", {numbers, rows});
  const Value pairs = net.product("pairs", all, all, {kVectors, kVectors, kWidth, n}, false);
  // Each pair once.
  const Value once = net.elementwise("pairs.once", {pairs}, n * kPairs, 1, 1);
  const Value features = net.concatenation("features", {once, numbers});
  net.loss("loss", layers(net, "top", features, n, kPairs + kWidth, {1024, 1024, 512, 256, 1}, false, true), 1);
  return net.finish();
}

}  // namespace dojo::workload::networks
