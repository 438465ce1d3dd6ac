// SPDX-License-Identifier: Apache-2.0
// The denoising network of Stable Diffusion 1 for images of 512 x 512: CompVis/stable-diffusion, v1-inference.yaml.
// One sample is a latent of 4 x 64 x 64, a time, and 77 words of 768 that nobody trains here.
#include <fmt/format.h>

#include <utility>

#include "trace/networks/others.h"

namespace dojo::workload::networks {
namespace {

constexpr std::int64_t kModel = 320, kTime = 4 * kModel, kGroups = 32, kHeads = 8, kWords = 77, kWordSize = 768;
constexpr std::int64_t kLatent = 64, kLatentChannels = 4, kSilu = 10, kSiluGrad = 12, kGeglu = 14, kGegluGrad = 20;

class Unet {
 public:
  Unet(NetBuilder& net, std::int64_t batch) : net_(net), n_(batch) {}

  void build() {
    const Value latent = net_.samples("samples", n_ * (kLatentChannels * kLatent * kLatent + kWords * kWordSize) * 4,
                                      n_ * kLatentChannels * kLatent * kLatent);
    words_ = net_.elementwise("words", {latent}, n_ * kWords * kWordSize, 1, 0);
    Value time = dense("time.0", net_.elementwise("time", {latent}, n_ * kModel, 4, 0), n_, kTime, kModel, true, true);
    time = silu("time.silu", time, n_ * kTime);
    time_ = dense("time.2", time, n_, kTime, kTime);
    time_ = silu("time.out", time_, n_ * kTime);
    Value x = conv("in", latent, kLatentChannels, kLatent, kModel, 3, 1, true);
    constexpr std::int64_t kMultiples[] = {1, 2, 4, 4};
    std::vector<std::pair<Value, std::int64_t>> skips{{x, kModel}};
    std::int64_t channels = kModel, size = kLatent;
    for (int level = 0; level < 4; ++level) {
      const std::int64_t out = kModel * kMultiples[level];
      for (int i = 0; i < 2; ++i) {
        const std::string name = fmt::format("down{}.{}", level, i);
        x = block(name, x, std::exchange(channels, out), size, out);
        if (level < 3) x = attention(name, x, out, size);
        skips.emplace_back(x, channels);
      }
      if (level == 3) break;
      x = conv(fmt::format("down{}.smaller", level), x, channels, size, channels, 3, 2);
      size /= 2;
      skips.emplace_back(x, channels);
    }
    x = block("middle.0", x, channels, size, channels);
    x = attention("middle", x, channels, size);
    x = block("middle.1", x, channels, size, channels);
    for (int level = 3; level >= 0; --level) {
      const std::int64_t out = kModel * kMultiples[level];
      for (int i = 0; i < 3; ++i) {
        const std::string name = fmt::format("up{}.{}", level, i);
        const auto [skip, more] = skips.back();
        skips.pop_back();
        x = net_.concatenation(name + ".skip", {x, skip});
        x = block(name, x, std::exchange(channels, out) + more, size, out);
        if (level < 3) x = attention(name, x, out, size);
      }
      if (level == 0) break;
      size *= 2;
      x = net_.elementwise(fmt::format("up{}.larger", level), {x}, n_ * channels * size * size, 1, 1);
      x = conv(fmt::format("up{}.larger.conv", level), x, channels, size, channels, 3, 1);
    }
    x = silu("out.silu", norm("out.norm", x, channels), n_ * channels * size * size);
    net_.loss("loss", conv("out", x, channels, size, kLatentChannels, 3, 1), kLatentChannels);
  }

 private:
  Value norm(const std::string& name, Value x, std::int64_t channels) {
    return net_.group_norm(name, x, n_ * kGroups, {net_.weight(name + ".weight", 2 * channels)});
  }
  Value silu(const std::string& name, Value x, std::int64_t elements) {
    return net_.elementwise(name, {x}, elements, kSilu, kSiluGrad);
  }
  Value dense(const std::string& name, Value x, std::int64_t rows, std::int64_t n, std::int64_t k, bool bias = true,
              bool first = false) {
    std::vector<NetBuilder::Weight> shift;
    if (bias) shift.push_back(net_.weight(name + ".bias", n));
    return net_.linear(name, x, {rows, n, k, 1}, net_.weight(name + ".weight", n * k), shift, first);
  }
  Value conv(const std::string& name, Value x, std::int64_t in, std::int64_t size, std::int64_t out,
             std::int64_t filter, std::int64_t stride, bool first = false) {
    ConvShape shape;
    shape.n = n_, shape.c = in, shape.h = shape.w = size, shape.k = out, shape.r = shape.s = filter;
    shape.stride = stride, shape.pad = filter / 2;
    return net_.conv(name, x, shape, net_.weight(name + ".weight", in * out * filter * filter),
                     {net_.weight(name + ".bias", out)}, first);
  }

  /// norm, SiLU, convolution; the time's shift; the same again; the shortcut.
  Value block(const std::string& name, Value x, std::int64_t in, std::int64_t size, std::int64_t out) {
    const std::int64_t pixels = n_ * size * size;
    Value y = silu(name + ".silu1", norm(name + ".norm1", x, in), pixels * in);
    y = conv(name + ".conv1", y, in, size, out, 3, 1);
    const Value shift = dense(name + ".time", time_, n_, out, kTime);
    y = net_.elementwise(name + ".shifted", {y, shift}, pixels * out, 1, 2);
    y = silu(name + ".silu2", norm(name + ".norm2", y, out), pixels * out);
    y = conv(name + ".conv2", y, out, size, out, 3, 1);
    const Value around = in == out ? x : conv(name + ".shortcut", x, in, size, out, 1, 1);
    return net_.elementwise(name + ".sum", {around, y}, pixels * out, 1, 0);
  }

  Value one_attention(const std::string& name, Value x, Value from, std::int64_t channels, std::int64_t tokens,
                      std::int64_t keys, std::int64_t key_size) {
    const bool words = keys == kWords;
    const Value q = dense(name + ".q", x, n_ * tokens, channels, channels, false);
    const Value k = dense(name + ".k", from, n_ * keys, channels, key_size, false, words);
    const Value v = dense(name + ".v", from, n_ * keys, channels, key_size, false, words);
    AttentionShape shape;
    shape.batch = n_, shape.heads = kHeads, shape.queries = tokens, shape.keys = keys;
    shape.head_size = channels / kHeads;
    return dense(name + ".out", net_.attention(name + ".scores", {q, k, v}, shape), n_ * tokens, channels, channels);
  }

  /// Tokens see each other, then the words; then a gated layer.
  Value attention(const std::string& name, Value x, std::int64_t channels, std::int64_t size) {
    const std::int64_t tokens = size * size, elements = n_ * tokens * channels;
    Value y = conv(name + ".in", norm(name + ".tokens", x, channels), channels, size, channels, 1, 1);
    const auto layer_norm = [&](const std::string& at, Value of, const Value* branch, Value* sum) {
      return net_.norm(OpKind::kLayerNorm, name + at, of, branch, sum, channels,
                       {net_.weight(name + at + ".weight", 2 * channels)});
    };
    Value stream;
    Value inside = layer_norm(".seen1", y, nullptr, &stream);
    Value branch = one_attention(name + ".self", inside, inside, channels, tokens, tokens, channels);
    inside = layer_norm(".seen2", stream, &branch, &stream);
    branch = one_attention(name + ".cross", inside, words_, channels, tokens, kWords, kWordSize);
    inside = layer_norm(".seen3", stream, &branch, &stream);
    y = dense(name + ".up", inside, n_ * tokens, 8 * channels, channels);
    y = net_.elementwise(name + ".geglu", {y}, 4 * elements, kGeglu, kGegluGrad);
    y = dense(name + ".down", y, n_ * tokens, channels, 4 * channels);
    y = net_.elementwise(name + ".stream", {stream, y}, elements, 1, 0);
    y = conv(name + ".out", y, channels, size, channels, 1, 1);
    return net_.elementwise(name + ".sum", {x, y}, elements, 1, 0);
  }

  NetBuilder& net_;
  std::int64_t n_;
  Value words_, time_;
};

}  // namespace

Graph unet(const NetworkOptions& options, const Groups& groups) {
  NetBuilder net("unet", options, groups);
  Unet(net, options.batch).build();
  return net.finish();
}

}  // namespace dojo::workload::networks
