// SPDX-License-Identifier: Apache-2.0
// From layers to a graph, in the order of the simulator that the text was made for: forward layer by layer; backward
// from the last layer, weight gradient first for data parallelism, input gradient first else; collectives of weight
// gradients overlap what follows.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "trace/graph_builder.h"
#include "trace/json_trace.h"
#include "trace/layers/layer_text.h"

namespace dojo::workload {
namespace layers {
namespace {

class LayerGraph {
 public:
  LayerGraph(const FileRequest& request, LayerText text, Findings& findings)
      : request_(request), text_(std::move(text)), findings_(findings), builder_(request.path, "astra-text") {}

  Workload run() {
    std::vector<std::string> notes = text_.notes;
    const bool grid_known = text_.all_ranks > 0;
    // Without a number of ranks, one that the sizes of line 1 divide.
    const std::int64_t unit = std::max<std::int64_t>(inner_ranks(), 1) * std::max<std::int64_t>(text_.pipeline, 1) *
                              std::max<std::int64_t>(text_.expert, 1);
    const RankId ranks = choose_ranks(request_, static_cast<RankId>(text_.all_ranks), notes,
                                      static_cast<RankId>(std::clamp<std::int64_t>(unit, 1, 10000000)));
    if (grid_known && request_.options.ranks > 0 && static_cast<std::int64_t>(ranks) != text_.all_ranks) {
      findings_.add(
          "{}:1: all_gpus: found {}, expected {} by workload.ranks; the sizes in this file belong to all_gpus: make "
          "the "
          "file again for {} ranks, or leave workload.ranks at 0",
          request_.path, text_.all_ranks, ranks, ranks);
      return {};
    }
    if (!make_grid(ranks)) return {};
    if (text_.policy == PolicyKind::kMicro) {
      micro();
    } else {
      forward();
      if (text_.policy != PolicyKind::kInference) backward();
    }
    counted_notes(notes);
    builder_.graph().warnings = std::move(notes);
    Workload workload = shared_graph(builder_.take(), ranks);
    workload.group_classes.insert(workload.group_classes.end(), classes_.begin(), classes_.end());
    return workload;
  }

 private:
  using Deps = std::vector<std::uint32_t>;

  [[nodiscard]] std::int64_t inner_ranks() const {
    if (text_.tensor > 0) return text_.tensor;
    return request_.options.inner_ranks;
  }

  [[nodiscard]] bool needs_inner() const {
    for (std::size_t i = 0; i < text_.layers.size(); ++i) {
      const Layer& layer = text_.layers[i];
      const auto [activations, weights] = scopes_of(layer.policy, i);
      const auto uses = [](const Pass& pass, Scope scope) {
        return (scope == Scope::kInner || scope == Scope::kOuter) && !pass.communication.kinds.empty();
      };
      if (uses(layer.forward, activations) || uses(layer.input_grad, activations) || uses(layer.weight_grad, weights))
        return true;
    }
    return false;
  }

  bool make_grid(RankId ranks) {
    std::int64_t inner = inner_ranks();
    const std::int64_t pipeline = std::max<std::int64_t>(text_.pipeline, 1);
    const std::int64_t expert = std::max<std::int64_t>(text_.expert, 1);
    const std::int64_t all = ranks;
    if (inner == 0 && needs_inner() && all > 1) {
      findings_.add(
          "{}:1: policy {}: found no size of its first dimension, expected how many ranks share a model; set "
          "workload.inner_ranks (--inner-ranks)",
          request_.path, text_.policy_word);
      return false;
    }
    inner = std::max<std::int64_t>(inner, 1);
    if (inner * pipeline > all || all % (inner * pipeline) != 0) {
      findings_.add(
          "{}:1: policy {}: found {} ranks, expected a multiple of {} (ranks that share a layer) x {} (pipeline "
          "stages); "
          "set workload.ranks, or correct the line",
          request_.path, text_.policy_word, all, inner, pipeline);
      return false;
    }
    const std::int64_t data = all / (inner * pipeline);
    if (data % expert != 0) {
      findings_.add("{}:1: ep: found {}, expected a divisor of the {} data-parallel ranks; correct the line",
                    request_.path, expert, data);
      return false;
    }
    grid_.size = {static_cast<RankId>(inner), static_cast<RankId>(expert), static_cast<RankId>(data / expert),
                  static_cast<RankId>(pipeline)};
    return true;
  }

  /// Group class of a scope; kNone when each rank is alone in it.
  std::uint32_t class_of(Scope scope) {
    struct Entry {
      const char* name;
      std::array<bool, 4> varies;
    };
    const std::map<Scope, Entry> entries{{Scope::kAll, {"all", {true, true, true, true}}},
                                         {Scope::kInner, {"inner", {true, false, false, false}}},
                                         {Scope::kTensor, {"inner", {true, false, false, false}}},
                                         {Scope::kOuter, {"outer", {false, true, true, false}}},
                                         {Scope::kData, {"outer", {false, true, true, false}}},
                                         {Scope::kExpert, {"expert", {false, true, false, false}}},
                                         {Scope::kDataExpert, {"data_expert", {false, false, true, false}}}};
    const Entry& entry = entries.at(scope);
    RankId size = 1;
    for (std::size_t d = 0; d < 4; ++d) size *= entry.varies[d] ? grid_.size[d] : 1;
    if (size == grid_.ranks()) return size == 1 ? kNone : 0;
    if (size == 1) return kNone;
    for (std::uint32_t i = 0; i < classes_.size(); ++i) {
      if (classes_[i].name == entry.name) return i + 1;
    }
    classes_.push_back(grid_class(grid_, entry.varies, entry.name));
    return static_cast<std::uint32_t>(classes_.size());
  }

  std::uint32_t add(OpDraft draft, const Layer& layer, Phase phase, Deps deps) {
    draft.op.id = builder_.op_count();
    draft.op.phase = phase;
    draft.op.place = layer.line;
    std::sort(deps.begin(), deps.end());
    deps.erase(std::unique(deps.begin(), deps.end()), deps.end());
    draft.deps = std::move(deps);
    return builder_.add(std::move(draft));
  }

  std::uint32_t compute(const Layer& layer, const char* what, Phase phase, std::int64_t cycles, Deps deps) {
    OpDraft draft;
    draft.name = fmt::format("{}.{}", layer.name, what);
    std::int64_t ns = 0;
    if (__builtin_mul_overflow(cycles, request_.options.cycle_ns, &ns) || ns > kLargestAmount) {
      findings_.add(
          "{}:{}: '{}': found {} cycles of {} ns, expected at most {} ns together; correct the line or "
          "workload.cycle_ns",
          request_.path, layer.line, layer.name, cycles, request_.options.cycle_ns, kLargestAmount);
    } else if (ns > 0) {
      draft.op.kind = OpKind::kCompute;
      draft.op.duration_ns = ns;
    }
    return add(std::move(draft), layer, phase, std::move(deps));
  }

  /// The communication after `deps`; the operation to wait for, or `otherwise` when there is nothing to do.
  std::uint32_t communicate(const Layer& layer, const char* what, Phase phase, const Communication& communication,
                            Scope scope, Deps deps, std::uint32_t otherwise) {
    if (communication.kinds.empty()) return otherwise;
    if (communication.named != Scope::kNoRanks) scope = communication.named;
    if (scope == Scope::kNoRanks) {
      ++counted_["collectives that the policy gives no ranks were left out"];
      return otherwise;
    }
    if (communication.bytes == 0 && traits(communication.kinds[0]).has(OpTraits::kNeedsBytes)) {
      ++counted_["collectives of 0 bytes were left out"];
      return otherwise;
    }
    const std::uint32_t group = class_of(scope);
    std::uint32_t last = otherwise;
    for (const OpKind kind : communication.kinds) {
      OpDraft draft;
      draft.name = fmt::format("{}.{}.{}", layer.name, what, op_kind_name(kind));
      if (group == kNone) {
        ++counted_["collectives over groups of one rank take no time"];
      } else {
        draft.op.kind = kind;
        draft.op.bytes = traits(kind).has(OpTraits::kNeedsBytes) ? communication.bytes : 0;
        draft.op.group = group;
      }
      last = add(std::move(draft), layer, phase, deps);
      deps = {last};
    }
    return last;
  }

  void micro() {
    for (const Layer& layer : text_.layers)
      communicate(layer, "weight_grad", Phase::kBackward, layer.weight_grad.communication, Scope::kAll, {}, kNone);
  }

  void forward() {
    Deps deps;
    for (std::size_t i = 0; i < text_.layers.size(); ++i) {
      const Layer& layer = text_.layers[i];
      const bool dlrm = text_.policy == PolicyKind::kDlrm;
      if (dlrm && static_cast<std::int64_t>(i) == text_.last_bottom_layer && embedding_ != kNone)
        deps.push_back(embedding_);  // the interaction needs what the embedding's all-to-all brings
      const std::uint32_t made = compute(layer, "forward", Phase::kForward, layer.forward.cycles, deps);
      const std::uint32_t sent = communicate(layer, "forward", Phase::kForward, layer.forward.communication,
                                             scopes_of(layer.policy, i).first, {made}, made);
      deps = {sent};
      if (dlrm && i == 0) {
        embedding_ = sent;
        deps = {made};
      }
    }
    last_forward_ = std::move(deps);
  }

  [[nodiscard]] bool weight_first(const Layer& layer) const {
    return layer.policy == PolicyKind::kData || layer.policy == PolicyKind::kDlrm;
  }

  void backward() {
    Deps deps = last_forward_;
    for (std::size_t i = text_.layers.size(); i-- > 0;) {
      if (contains(text_.initiates, i)) deps = {forward_again(i, deps)};
      const Layer& layer = text_.layers[i];
      deps = weight_first(layer) ? weight_then_input(i, deps) : input_then_weight(i, deps);
    }
  }

  static bool contains(const std::vector<std::int64_t>& list, std::size_t index) {
    return std::find(list.begin(), list.end(), static_cast<std::int64_t>(index)) != list.end();
  }

  /// From the last checkpoint at or before layer `last`, the forward pass is done again.
  std::uint32_t forward_again(std::size_t last, Deps deps) {
    std::size_t first = last;
    while (first > 0 && !contains(text_.checkpoints, first)) --first;
    std::uint32_t at = kNone;
    for (std::size_t i = first; i <= last; ++i) {
      const Layer& layer = text_.layers[i];
      at = compute(layer, "forward_again", Phase::kBackward, layer.forward.cycles, deps);
      at = communicate(layer, "forward_again", Phase::kBackward, layer.forward.communication,
                       scopes_of(layer.policy, i).first, {at}, at);
      deps = {at};
    }
    return at;
  }

  std::uint32_t weight_grad(std::size_t i, const Deps& deps) {
    const Layer& layer = text_.layers[i];
    const std::uint32_t made = compute(layer, "weight_grad", Phase::kBackward, layer.weight_grad.cycles, deps);
    const std::uint32_t sent = communicate(layer, "weight_grad", Phase::kBackward, layer.weight_grad.communication,
                                           scopes_of(layer.policy, i).second, {made}, kNone);
    if (sent != kNone && layer.update_cycles > 0) compute(layer, "update", Phase::kUpdate, layer.update_cycles, {sent});
    return made;
  }

  Deps weight_then_input(std::size_t i, Deps deps) {
    const Layer& layer = text_.layers[i];
    if (text_.policy == PolicyKind::kDlrm && i == 0 && embedding_grad_ != kNone) deps.push_back(embedding_grad_);
    const std::uint32_t weight = weight_grad(i, deps);
    if (i == 0) return {weight};
    const std::uint32_t input = compute(layer, "input_grad", Phase::kBackward, layer.input_grad.cycles, {weight});
    if (text_.policy == PolicyKind::kDlrm && static_cast<std::int64_t>(i) == text_.last_bottom_layer + 1) {
      const Layer& embedding = text_.layers[0];
      embedding_grad_ = communicate(embedding, "input_grad", Phase::kBackward, embedding.input_grad.communication,
                                    Scope::kAll, {input}, kNone);
    }
    if (text_.policy == PolicyKind::kDlrm) return {input};
    return {communicate(layer, "input_grad", Phase::kBackward, layer.input_grad.communication,
                        scopes_of(layer.policy, i).first, {input}, input)};
  }

  Deps input_then_weight(std::size_t i, const Deps& deps) {
    const Layer& layer = text_.layers[i];
    const std::uint32_t input = compute(layer, "input_grad", Phase::kBackward, layer.input_grad.cycles, deps);
    std::uint32_t sent = kNone;  // nobody wants the gradient of the first layer's input
    if (i > 0) {
      sent = communicate(layer, "input_grad", Phase::kBackward, layer.input_grad.communication,
                         scopes_of(layer.policy, i).first, {input}, kNone);
    }
    const std::uint32_t weight = weight_grad(i, {input});
    return sent == kNone ? Deps{weight} : Deps{sent, weight};
  }

  void counted_notes(std::vector<std::string>& notes) {
    for (const auto& [words, count] : counted_) notes.push_back(fmt::format("{}: {} {}", request_.path, count, words));
    if (text_.policy != PolicyKind::kMicro) {
      notes.push_back(
          fmt::format("{}: times are cycles of {} ns (workload.cycle_ns)", request_.path, request_.options.cycle_ns));
    }
    if (text_.pipeline > 1) {
      notes.push_back(
          fmt::format("{}: {} pipeline stages: every stage runs the listed layers; transfers between stages "
                      "(pp_comm {} bytes) are not listed and not simulated",
                      request_.path, text_.pipeline, text_.pipeline_bytes));
    }
  }

  const FileRequest& request_;
  LayerText text_;
  Findings& findings_;
  GraphBuilder builder_;
  RankGrid grid_;
  std::vector<Workload::GroupClass> classes_;
  std::map<std::string, std::size_t> counted_;
  Deps last_forward_;
  std::uint32_t embedding_ = kNone, embedding_grad_ = kNone;
};

}  // namespace
}  // namespace layers

Workload read_layer_text(const FileRequest& request, Findings& findings) {
  layers::LayerText text = layers::parse_layer_text(request, findings);
  if (!findings.empty()) return {};
  return layers::LayerGraph(request, std::move(text), findings).run();
}

RankId choose_ranks(const FileRequest& request, RankId declared, std::vector<std::string>& notes, RankId unit) {
  if (request.options.ranks > 0) return request.options.ranks;
  if (declared > 0) return declared;
  const RankId most = std::max<RankId>(request.options.default_ranks, 1);
  const RankId ranks = most < unit ? unit : most - most % unit;
  notes.push_back(fmt::format("{}: the file does not say how many ranks there are: {} assumed; set workload.ranks",
                              request.path, ranks));
  return ranks;
}

Workload shared_graph(Graph graph, RankId ranks) {
  Workload workload;
  workload.graphs.push_back(std::move(graph));
  workload.graph_of_rank.assign(ranks, 0);
  workload.group_classes.push_back(all_ranks_class(ranks));
  return workload;
}

}  // namespace dojo::workload
