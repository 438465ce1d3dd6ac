// SPDX-License-Identifier: Apache-2.0
// A network that sees a road: cameras, a convolutional backbone for each frame, fusion over scales, attention into a
// top view, a queue of past top views, occupancy and lanes. Recalled from Tesla's AI Day 2021: eight cameras of 1280 x
// 960 pixels of 12 bits, a RegNet whose features are 160 x 120 x 64 down to 20 x 15 x 512, BiFPN, a top view of 20 x 80
// x 256 by attention, a queue of 20 x 80 x 300 x 12. All other sizes are assumed (docs/networks.md).
#include <fmt/format.h>

#include <array>
#include <utility>

#include "trace/networks/others.h"

namespace dojo::workload::networks {
namespace {

struct Map {  // n images
  Value value;
  std::int64_t n = 0, channels = 0, rows = 0, columns = 0;
  [[nodiscard]] std::int64_t pixels() const { return n * rows * columns; }
};

constexpr std::int64_t kRows = 960, kColumns = 1280, kColours = 3;
constexpr std::int64_t kStem = 32, kGroupWidth = 32;
struct Stage {
  std::int64_t width, blocks;
};
/// Each halves the resolution; the last four give the features.
constexpr std::array<Stage, 5> kStages{{{32, 1}, {64, 2}, {128, 4}, {256, 10}, {512, 2}}};
constexpr std::int64_t kFused = 128, kFusions = 3;                                  // BiFPN
constexpr std::int64_t kTopRows = 20, kTopColumns = 80, kTop = 256, kQueued = 300;  // top view
constexpr std::int64_t kHeads = 8, kInner = 1024, kViews = 2;                       // attention layers into it
constexpr std::int64_t kTopBlocks = 3;                                              // after the queue
constexpr std::int64_t kHeights = 16, kOutputs = 4;                                 // of a voxel
constexpr std::int64_t kLanes = 200, kLaneLayers = 4, kLaneOutputs = 64;
constexpr std::int64_t kSwish = 10, kSwishGrad = 12, kGelu = 12, kGeluGrad = 18;

class Video {
 public:
  Video(NetBuilder& net, const NetworkOptions& options)
      : net_(net),
        n_(options.batch),
        cameras_(options.cameras > 0 ? options.cameras : 8),
        frames_(options.frames > 0 ? options.frames : 12) {}

  void build() {
    // 12 bits a pixel and colour come as 2 bytes.
    const std::int64_t values = n_ * cameras_ * kRows * kColumns * kColours;
    raw_ = net_.samples("samples", 2 * values, values);
    ids_ = net_.samples("ids", 4 * n_ * (kTopRows * kTopColumns + kLanes), n_ * (kTopRows * kTopColumns + kLanes));
    std::vector<Map> features = backbone();
    for (std::size_t level = 0; level < features.size(); ++level)
      features[level] = conv_bn(fmt::format("lateral{}", level), features[level], kFused, 1, 1, 1, true);
    for (std::int64_t i = 0; i < kFusions; ++i) features = fuse(fmt::format("fusion{}", i), features);
    const Map view = with_queue(top_view(features));
    occupancy(view);
    lanes(view);
  }

 private:
  // Layers.
  Value linear(const std::string& name, Value x, std::int64_t rows, std::int64_t n, std::int64_t k) {
    return net_.linear(name, x, {rows, n, k, 1}, net_.weight(name + ".weight", n * k),
                       {net_.weight(name + ".bias", n)});
  }
  Value layer_norm(const std::string& name, Value x, const Value* branch, Value* sum) {
    return net_.norm(OpKind::kLayerNorm, name, x, branch, sum, kTop, {net_.weight(name + ".weight", 2 * kTop)});
  }
  Map conv(const std::string& name, const Map& x, std::int64_t out, std::int64_t filter, std::int64_t stride,
           std::int64_t groups = 1, bool first = false) {
    ConvShape shape;
    shape.n = x.n, shape.c = x.channels, shape.h = x.rows, shape.w = x.columns, shape.k = out;
    shape.r = shape.s = filter, shape.stride = stride, shape.pad = filter / 2, shape.groups = groups;
    return {net_.conv(name, x.value, shape, net_.weight(name + ".weight", shape.weights()), {}, first), x.n, out,
            ceil_div(x.rows, stride), ceil_div(x.columns, stride)};
  }
  Map conv_bn(const std::string& name, const Map& x, std::int64_t out, std::int64_t filter, std::int64_t stride,
              std::int64_t groups, bool relu, const Map* around = nullptr, bool first = false) {
    Map y = conv(name, x, out, filter, stride, groups, first);
    y.value = net_.batch_norm(name + ".bn", y.value, out, around == nullptr ? nullptr : &around->value, relu,
                              net_.weight(name + ".bn.weight", 2 * out));
    return y;
  }
  Map larger(const std::string& name, const Map& x) {
    Map y{{}, x.n, x.channels, 2 * x.rows, 2 * x.columns};
    y.value = net_.elementwise(name, {x.value}, y.pixels() * y.channels, 1, 1);
    return y;
  }
  Map smaller(const std::string& name, const Map& x) {
    constexpr std::int64_t kWindow = 9;
    Map y{{}, x.n, x.channels, x.rows / 2, x.columns / 2};
    y.value = net_.elementwise(name, {x.value}, y.pixels() * y.channels, kWindow, kWindow);
    return y;
  }

  // Parts.
  std::vector<Map> backbone() {
    Map x{net_.elementwise("pixels", {raw_}, n_ * cameras_ * kRows * kColumns * kColours, 2, 0), n_ * cameras_,
          kColours, kRows, kColumns};
    x = conv_bn("stem", x, kStem, 3, 2, 1, true, nullptr, true);
    std::vector<Map> features;
    for (std::size_t s = 0; s < kStages.size(); ++s) {
      for (std::int64_t i = 0; i < kStages[s].blocks; ++i)
        x = block(fmt::format("stage{}.{}", s, i), x, kStages[s].width, i == 0 ? 2 : 1);
      if (s > 0) features.push_back(x);
    }
    return features;
  }

  /// RegNet's: 1 x 1, grouped 3 x 3, 1 x 1, and the way around.
  Map block(const std::string& name, const Map& x, std::int64_t width, std::int64_t stride) {
    const Map around =
        stride == 1 && x.channels == width ? x : conv_bn(name + ".shortcut", x, width, 1, stride, 1, false);
    Map y = conv_bn(name + ".conv1", x, width, 1, 1, 1, true);
    y = conv_bn(name + ".conv2", y, width, 3, stride, width / kGroupWidth, true);
    return conv_bn(name + ".conv3", y, width, 1, 1, 1, true, &around);
  }

  /// Weighted sums of what has one size, swish, a depth-wise and a 1 x 1 convolution.
  Map joined(const std::string& name, const std::vector<Map>& inputs) {
    std::vector<Value> values;
    values.reserve(inputs.size());
    for (const Map& input : inputs) values.push_back(input.value);
    const Map& like = inputs.front();
    const auto terms = static_cast<std::int64_t>(inputs.size());
    Map y = like;
    y.value = net_.elementwise(name, values, like.pixels() * kFused, 2 * terms + kSwish, 2 * terms + kSwishGrad);
    return conv_bn(name + ".pointwise", conv(name + ".depthwise", y, kFused, 3, 1, kFused), kFused, 1, 1, 1, false);
  }

  /// From the coarsest features to the finest, and back.
  std::vector<Map> fuse(const std::string& name, const std::vector<Map>& in) {
    const auto at = [&](const char* way, std::size_t level) { return fmt::format("{}.{}{}", name, way, level); };
    std::vector<Map> down = in, out = in;
    for (std::size_t l = in.size() - 1; l-- > 1;)
      down[l] = joined(at("down", l), {in[l], larger(at("larger", l), down[l + 1])});
    out[0] = joined(at("out", 0), {in[0], larger(at("larger", 0), down[1])});
    for (std::size_t l = 1; l < in.size(); ++l) {
      std::vector<Map> inputs{in[l]};
      if (l + 1 < in.size()) inputs.push_back(down[l]);
      inputs.push_back(smaller(at("smaller", l), out[l - 1]));
      out[l] = joined(at("out", l), inputs);
    }
    return out;
  }

  Value attention(const std::string& name, Value x, std::int64_t queries, Value from, std::int64_t keys,
                  std::int64_t key_size) {
    const Value q = linear(name + ".q", x, n_ * queries, kTop, kTop);
    const Value k = linear(name + ".k", from, n_ * keys, kTop, key_size);
    const Value v = linear(name + ".v", from, n_ * keys, kTop, key_size);
    AttentionShape shape;
    shape.batch = n_, shape.heads = kHeads, shape.queries = queries, shape.keys = keys, shape.head_size = kTop / kHeads;
    return linear(name + ".out", net_.attention(name + ".scores", {q, k, v}, shape), n_ * queries, kTop, kTop);
  }
  Value feed_forward(const std::string& name, Value x, std::int64_t tokens) {
    Value y = linear(name + ".up", x, n_ * tokens, kInner, kTop);
    y = net_.elementwise(name + ".activation", {y}, n_ * tokens * kInner, kGelu, kGeluGrad);
    return linear(name + ".down", y, n_ * tokens, kTop, kInner);
  }
  Value table(const std::string& name, std::int64_t rows) {
    const NetBuilder::Weight weight = net_.weight(name + ".weight", rows * kTop);
    return net_.lookup(OpKind::kEmbedding, name, ids_, {n_ * rows, kTop, 1, std::max<std::int64_t>(1, 100 / n_)},
                       &weight, n_ * rows * kTop);
  }

  /// Each place of the top view looks at all cameras, at all scales but the finest.
  Map top_view(const std::vector<Map>& features) {
    std::vector<Value> scales;
    std::int64_t keys = 0;
    for (std::size_t level = 1; level < features.size(); ++level) {
      scales.push_back(features[level].value);
      keys += cameras_ * features[level].rows * features[level].columns;
    }
    const Value seen = net_.concatenation("seen", scales);
    constexpr std::int64_t kPlaces = kTopRows * kTopColumns;
    Value stream = table("places", kPlaces), branch;
    const Value* added = nullptr;
    for (std::int64_t i = 0; i < kViews; ++i) {
      const std::string name = fmt::format("view{}", i);
      Value x = layer_norm(name + ".norm1", stream, added, &stream);
      branch = attention(name, x, kPlaces, seen, keys, kFused);
      x = layer_norm(name + ".norm2", stream, &branch, &stream);
      branch = feed_forward(name, x, kPlaces);
      added = &branch;
    }
    return {layer_norm("view.norm", stream, added, &stream), n_, kTop, kTopRows, kTopColumns};
  }

  /// A convolution whose filter is as long as the queue: of what is new, and of the past, which has no gradient.
  Map with_queue(const Map& view) {
    const auto samples = [&](const char* name, std::int64_t channels) {
      const std::int64_t elements = n_ * kTopRows * kTopColumns * channels;
      return net_.samples(name, 2 * elements, elements);
    };
    const Map past{samples("past", frames_ * kQueued), n_, frames_ * kQueued, kTopRows, kTopColumns};
    const Value pose = samples("pose", kQueued - kTop);  // where the car was
    const Map now{net_.concatenation("now", {view.value, pose}), n_, kQueued, kTopRows, kTopColumns};
    const Map of_past = conv("queue.past", past, kTop, 3, 1, 1, true);
    Map x = conv_bn("queue.now", now, kTop, 3, 1, 1, true, &of_past);
    for (std::int64_t i = 0; i < kTopBlocks; ++i) {
      const std::string name = fmt::format("top{}", i);
      const Map y = conv_bn(name + ".conv1", x, kTop, 3, 1, 1, true);
      x = conv_bn(name + ".conv2", y, kTop, 3, 1, 1, true, &x);
    }
    return x;
  }

  /// Four times as fine, and heights.
  void occupancy(Map x) {
    for (const std::int64_t out : {kTop / 2, kTop / 4}) {
      const std::string name = fmt::format("occupancy{}", x.rows / kTopRows);
      ConvShape shape;
      shape.n = x.n, shape.c = x.channels, shape.h = x.rows, shape.w = x.columns, shape.k = out;
      shape.r = shape.s = shape.stride = 2, shape.transposed = 1;
      Map y{net_.conv(name, x.value, shape, net_.weight(name + ".weight", shape.weights()), {}), x.n, out, 2 * x.rows,
            2 * x.columns};
      y.value = net_.batch_norm(name + ".bn", y.value, out, nullptr, true, net_.weight(name + ".bn.weight", 2 * out));
      x = y;
    }
    const Value voxels = linear("occupancy.voxels", x.value, x.pixels(), kHeights * kOutputs, x.channels);
    net_.loss("occupancy.loss", voxels, kHeights * kOutputs);
  }

  /// A decoder whose queries are lanes.
  void lanes(const Map& view) {
    Value stream = table("lanes", kLanes), branch;
    const Value* added = nullptr;
    for (std::int64_t i = 0; i < kLaneLayers; ++i) {
      const std::string name = fmt::format("lane{}", i);
      Value x = layer_norm(name + ".norm1", stream, added, &stream);
      branch = attention(name + ".self", x, kLanes, x, kLanes, kTop);
      x = layer_norm(name + ".norm2", stream, &branch, &stream);
      branch = attention(name + ".cross", x, kLanes, view.value, kTopRows * kTopColumns, kTop);
      x = layer_norm(name + ".norm3", stream, &branch, &stream);
      branch = feed_forward(name, x, kLanes);
      added = &branch;
    }
    const Value x = layer_norm("lane.norm", stream, added, &stream);
    net_.loss("lane.loss", linear("lane.outputs", x, n_ * kLanes, kLaneOutputs, kTop), kLaneOutputs);
  }

  NetBuilder& net_;
  std::int64_t n_, cameras_, frames_;
  Value raw_, ids_;
};

}  // namespace

Graph video(const NetworkOptions& options, const Groups& groups) {
  NetBuilder net("video", options, groups);
  Video(net, options).build();
  return net.finish();
}

}  // namespace dojo::workload::networks
