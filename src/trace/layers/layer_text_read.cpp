// SPDX-License-Identifier: Apache-2.0
// First line, layer count and layers. Every finding of a file is reported, not only the first.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "trace/json_trace.h"
#include "trace/layers/layer_text.h"
#include "trace/text_lines.h"

namespace dojo::workload::layers {
namespace {

struct PolicyWord {
  const char* word;
  PolicyKind kind;
};
constexpr PolicyWord kPolicies[] = {{"DATA", PolicyKind::kData},
                                    {"MICRO", PolicyKind::kMicro},
                                    {"MODEL", PolicyKind::kModel},
                                    {"DISTRIBUTED_INFERENCE", PolicyKind::kInference},
                                    {"HYBRID_DATA_MODEL", PolicyKind::kHybridDataModel},
                                    {"HYBRID_MODEL_DATA", PolicyKind::kHybridModelData},
                                    {"HYBRID_TRANSFORMER", PolicyKind::kTransformer},
                                    {"HYBRID_TRANSFORMER_FWD_IN_BCKWD", PolicyKind::kTransformerForwardInBackward},
                                    {"HYBRID_DLRM", PolicyKind::kDlrm},
                                    {"HYBRID_DLRM_ENHANCED", PolicyKind::kDlrm},
                                    {"HYBRID_CUSTOMIZED", PolicyKind::kCustomized}};

struct TokenWord {
  const char* word;
  std::vector<OpKind> kinds;
};
const std::vector<TokenWord>& tokens() {
  static const std::vector<TokenWord> words{{"NONE", {}},
                                            {"ALLREDUCE", {OpKind::kAllReduce}},
                                            {"ALLGATHER", {OpKind::kAllGather}},
                                            {"REDUCESCATTER", {OpKind::kReduceScatter}},
                                            {"ALLTOALL", {OpKind::kAllToAll}},
                                            {"BROADCAST", {OpKind::kBroadcast}},
                                            {"BARRIER", {OpKind::kBarrier}},
                                            {"ALLREDUCEALLTOALL", {OpKind::kAllReduce, OpKind::kAllToAll}}};
  return words;
}
constexpr std::pair<const char*, Scope> kSuffixes[] = {
    {"_DP_EP", Scope::kDataExpert}, {"_EP", Scope::kExpert}, {"_DP", Scope::kData}, {"_TP", Scope::kTensor}};

class Reader {
 public:
  Reader(const FileRequest& request, Findings& findings) : request_(request), findings_(findings) {}

  LayerText run() {
    bool whole = true;
    const std::vector<TextLine> lines = text_lines(request_.bytes, &whole);
    if (lines.empty()) {
      fail(1, "", "found no line, expected a policy such as DATA; write the file again");
      return std::move(text_);
    }
    first_line(lines[0]);
    std::int64_t count = 0;
    if (lines.size() < 2 || !one_number(lines[1], count)) {
      fail(lines.size() < 2 ? lines[0].number + 1 : lines[1].number, "layer count",
           fmt::format("found {}, expected the number of layers; write the file again",
                       lines.size() < 2 ? "no second line" : quoted(lines[1].text)));
      return std::move(text_);
    }
    const auto layers = static_cast<std::size_t>(std::min<std::int64_t>(count, 1 << 24));
    for (std::size_t i = 0; i < layers && i + 2 < lines.size(); ++i) layer(lines[i + 2]);
    if (lines.size() - 2 < layers) {
      fail(lines.back().number, "",
           fmt::format(
               "found {} layers, expected {} by the second line: the file is cut, or the count is wrong; correct "
               "it",
               lines.size() - 2, count));
    } else if (lines.size() - 2 > layers) {
      note(fmt::format("{} lines after the {} layers of the second line were not read", lines.size() - 2 - layers,
                       count));
    } else if (!whole) {
      note("the last line has no end; if the file was cut there, its last number is too small");
    }
    check_checkpoints();
    return std::move(text_);
  }

 private:
  static std::string quoted(std::string_view text) { return fmt::format("'{}'", text.substr(0, 60)); }
  void note(const std::string& words) { text_.notes.push_back(fmt::format("{}: {}", request_.path, words)); }
  void fail(std::uint32_t line, const std::string& what, const std::string& words) {
    findings_.add("{}:{}: {}{}{}", request_.path, line, what, what.empty() ? "" : ": ", words);
  }
  static bool one_number(const TextLine& line, std::int64_t& count) {
    const auto words = words_of(line.text);
    const auto value = words.size() == 1 ? whole_number(words[0]) : std::nullopt;
    if (!value || *value < 1) return false;
    count = *value;
    return true;
  }

  /// "HYBRID_TRANSFORMER model_parallel_NPU_group: 8 ep: 1 ... checkpoints: 2 0 4 checkpoint_initiates: 2 3 7"
  void first_line(const TextLine& line) {
    const std::vector<std::string_view> words = words_of(line.text);
    text_.policy_word = std::string(words[0]);
    const PolicyKind* policy = policy_of(words[0]);
    if (policy == nullptr) {
      std::string known;
      for (const PolicyWord& entry : kPolicies) known += (known.empty() ? "" : ", ") + std::string(entry.word);
      fail(line.number, "policy", fmt::format("found {}, expected one of {}; correct it", quoted(words[0]), known));
      return;
    }
    text_.policy = *policy;
    std::size_t at = 1;
    if (text_.policy == PolicyKind::kDlrm && at < words.size() && whole_number(words[at])) {
      text_.last_bottom_layer = *whole_number(words[at++]);
    }
    while (at < words.size()) argument(line, words, at);
  }

  void argument(const TextLine& line, const std::vector<std::string_view>& words, std::size_t& at) {
    std::string key(words[at++]);
    if (!key.empty() && key.back() == ':') key.pop_back();
    if (key == "checkpoints" || key == "checkpoint_initiates") {
      std::int64_t count = 0;
      number(line, key, words, at, 0, 1 << 24, count);
      auto& list = key == "checkpoints" ? text_.checkpoints : text_.initiates;
      for (std::int64_t i = 0; i < count && findings_.empty(); ++i) {
        std::int64_t index = 0;
        number(line, key, words, at, 0, 1 << 24, index);
        list.push_back(index);
      }
      return;
    }
    const std::map<std::string, std::int64_t*> known{{"model_parallel_NPU_group", &text_.tensor},
                                                     {"ep", &text_.expert},
                                                     {"pp", &text_.pipeline},
                                                     {"vpp", &text_.virtual_pipeline},
                                                     {"ga", &text_.accumulation},
                                                     {"all_gpus", &text_.all_ranks},
                                                     {"pp_comm", &text_.pipeline_bytes}};
    const auto found = known.find(key);
    if (found == known.end()) {
      note(fmt::format("the word {} of line 1 is not known and was skipped", quoted(key)));
      return;
    }
    const std::int64_t most = key == "pp_comm" ? kLargestAmount : 10000000;
    number(line, key, words, at, key == "pp_comm" ? 0 : 1, most, *found->second);
  }

  void number(const TextLine& line, const std::string& key, const std::vector<std::string_view>& words, std::size_t& at,
              std::int64_t low, std::int64_t high, std::int64_t& value) {
    const auto found = at < words.size() ? whole_number(words[at]) : std::nullopt;
    if (!found || *found < low || *found > high) {
      fail(line.number, key,
           fmt::format("found {}, expected an integer from {} to {}; correct it",
                       at < words.size() ? quoted(words[at]) : "nothing", low, high));
    } else {
      value = *found;
    }
    ++at;
  }

  void layer(const TextLine& line) {
    const std::vector<std::string_view> words = words_of(line.text);
    const bool customized = text_.policy == PolicyKind::kCustomized;
    const std::size_t expected = customized ? 13 : 12;
    if (words.size() < expected) {
      fail(line.number, quoted(words[0]),
           fmt::format(
               "found {} columns, expected {} (name, -1, three times time, collective and bytes, update time{}); "
               "correct the line",
               words.size(), expected, customized ? ", policy" : ""));
      return;
    }
    Layer layer;
    layer.name = std::string(words[0]);
    layer.line = line.number;
    layer.policy = text_.policy;
    pass(line, words, 2, layer.forward);
    pass(line, words, 5, layer.input_grad);
    pass(line, words, 8, layer.weight_grad);
    column(line, words, 11, "update time", layer.update_cycles);
    if (customized) {
      const PolicyKind* policy = policy_of(words[12]);
      if (policy == nullptr || *policy == PolicyKind::kCustomized) {
        fail(line.number, quoted(words[0]),
             fmt::format("column 13: found {}, expected the policy of this layer such as DATA or MODEL; correct it",
                         quoted(words[12])));
      } else {
        layer.policy = *policy;
      }
    }
    text_.layers.push_back(std::move(layer));
  }

  void column(const TextLine& line, const std::vector<std::string_view>& words, std::size_t at, const char* what,
              std::int64_t& value) {
    const auto found = whole_number(words[at]);
    if (!found || *found < -1 || *found > kLargestAmount) {
      fail(line.number, quoted(words[0]),
           fmt::format("column {} ({}): found {}, expected an integer from 0 to {}; correct it", at + 1, what,
                       quoted(words[at]), kLargestAmount));
      return;
    }
    value = std::max<std::int64_t>(*found, 0);  // -1 is written for "none"
  }

  void pass(const TextLine& line, const std::vector<std::string_view>& words, std::size_t at, Pass& pass) {
    column(line, words, at, "time", pass.cycles);
    column(line, words, at + 2, "bytes", pass.communication.bytes);
    std::string_view word = words[at + 1];
    for (const auto& [suffix, scope] : kSuffixes) {
      const std::string_view end(suffix);
      if (word.size() <= end.size() || word.substr(word.size() - end.size()) != end) continue;
      pass.communication.named = scope;
      word.remove_suffix(end.size());
      break;
    }
    for (const TokenWord& token : tokens()) {
      if (word != token.word) continue;
      pass.communication.kinds = token.kinds;
      return;
    }
    std::string known;
    for (const TokenWord& token : tokens()) known += (known.empty() ? "" : ", ") + std::string(token.word);
    fail(line.number, quoted(words[0]),
         fmt::format(
             "column {}: found {}, expected one of {}, with _EP, _DP_EP, _DP or _TP behind it or not; correct it",
             at + 2, quoted(words[at + 1]), known));
  }

  void check_checkpoints() {
    if (!findings_.empty()) return;
    for (const auto* list : {&text_.checkpoints, &text_.initiates}) {
      for (const std::int64_t index : *list) {
        if (index >= static_cast<std::int64_t>(text_.layers.size())) {
          fail(1, list == &text_.checkpoints ? "checkpoints" : "checkpoint_initiates",
               fmt::format("found layer {}, expected 0 to {}; correct it", index, text_.layers.size() - 1));
        }
      }
    }
    if (text_.policy == PolicyKind::kDlrm &&
        (text_.last_bottom_layer < 0 || text_.last_bottom_layer >= static_cast<std::int64_t>(text_.layers.size()))) {
      fail(1, "policy",
           fmt::format("found {} as the last layer of the bottom network, expected 0 to {} behind the "
                       "policy's name; correct it",
                       text_.last_bottom_layer, text_.layers.size() - 1));
    }
  }

  const FileRequest& request_;
  Findings& findings_;
  LayerText text_;
};

}  // namespace

const PolicyKind* policy_of(std::string_view word) {
  for (const PolicyWord& entry : kPolicies) {
    if (word == entry.word) return &entry.kind;
  }
  return nullptr;
}

LayerText parse_layer_text(const FileRequest& request, Findings& findings) {
  return Reader(request, findings).run();
}

std::pair<Scope, Scope> scopes_of(PolicyKind policy, std::size_t layer) {
  switch (policy) {
    case PolicyKind::kData:
    case PolicyKind::kMicro:
      return {Scope::kNoRanks, Scope::kAll};
    case PolicyKind::kModel:
    case PolicyKind::kInference:
      return {Scope::kAll, Scope::kNoRanks};
    case PolicyKind::kHybridDataModel:
    case PolicyKind::kTransformer:
    case PolicyKind::kTransformerForwardInBackward:
      return {Scope::kInner, Scope::kOuter};
    case PolicyKind::kHybridModelData:
      return {Scope::kOuter, Scope::kInner};
    case PolicyKind::kDlrm:
    case PolicyKind::kCustomized:
      return {layer == 0 ? Scope::kAll : Scope::kNoRanks, Scope::kAll};
  }
  return {Scope::kNoRanks, Scope::kNoRanks};
}

}  // namespace dojo::workload::layers

namespace dojo::workload {

bool looks_like_layer_text(const std::string& bytes) {
  const std::string head = bytes.substr(0, 4096);
  const std::vector<TextLine> lines = text_lines(head);
  if (lines.empty() || !is_plain_text(std::string(lines[0].text))) return false;
  const auto words = words_of(lines[0].text);
  if (layers::policy_of(words[0]) != nullptr) return true;
  // Another word in the place of a policy, a count, and layers: the reader names the word.
  const bool word = std::all_of(words[0].begin(), words[0].end(),
                                [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; });
  if (!word || lines.size() < 3) return false;
  const auto second = words_of(lines[1].text);
  return second.size() == 1 && whole_number(second[0]) && words_of(lines[2].text).size() >= 12;
}

}  // namespace dojo::workload
