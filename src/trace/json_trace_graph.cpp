// SPDX-License-Identifier: Apache-2.0
// Operations and tensors of the own trace format. Every finding of a graph is reported, not only the first.
#include "trace/json_trace_graph.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "dojo/base/nearest.h"
#include "trace/json_trace.h"
#include "workload/names.h"

namespace dojo::workload {
namespace {

constexpr std::int64_t kLargestExtent = std::int64_t{1} << 31;

bool needs_channels(OpKind k) {
  return k >= OpKind::kBatchNormStats && k <= OpKind::kBatchNormGradApply;
}
bool needs_elements(OpKind k) {
  return k == OpKind::kElementwise || needs_channels(k) || k == OpKind::kSoftmaxLoss || k == OpKind::kReduction ||
         k == OpKind::kOptimizer;
}
bool needs_bytes(OpKind k) {
  return k == OpKind::kMemLoad || k == OpKind::kMemStore || k == OpKind::kIngest ||
         (is_communication(k) && k != OpKind::kBarrier);
}
bool is_vector(OpKind k) {
  return needs_elements(k) || k == OpKind::kPool || k == OpKind::kPoolGrad;
}

}  // namespace

JsonGraphReader::JsonGraphReader(std::string file, const std::unordered_map<std::string, std::uint32_t>& classes,
                                 Findings& findings)
    : file_(std::move(file)), classes_(classes), findings_(findings), builder_(file_, "dojo-json") {}

template <class Enum, class From>
void JsonGraphReader::word(JsonObject& object, const char* key, Enum& value, From from,
                           const std::vector<std::string>& words, bool required) {
  std::string text;
  if (!object.text(key, text, required)) return;
  if (const auto found = from(text)) {
    value = *found;
    return;
  }
  const LocatedJson* at = object.take(key);
  const std::string near = nearest(text, words);
  object.report(
      *at, key,
      fmt::format("found '{}', expected {}; correct it", text, near.empty() ? join_words(words) : "'" + near + "'"));
}

Graph JsonGraphReader::read(const LocatedJson& value, const std::string& path) {
  JsonObject object(value, file_, path, findings_);
  object.integer("batch", builder_.graph().batch, 0, kLargestExtent);
  if (const LocatedJson* notes = object.take_list("notes", false)) {
    for (const LocatedJson& note : notes->items) {
      if (note.type != LocatedJson::Type::kString)
        object.report(note, "notes", fmt::format("found {}, expected sentences", describe_value(note)));
      builder_.graph().warnings.push_back(note.text);
    }
  }
  read_tensors(object);
  read_ops(object);
  object.finish();
  return builder_.take();
}

void JsonGraphReader::read_tensors(JsonObject& graph) {
  const LocatedJson* list = graph.take_list("tensors", false);
  if (list == nullptr) return;
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    JsonObject object(list->items[i], file_, fmt::format("{}/tensors/{}", graph.path(), i), findings_);
    std::string name;
    std::int64_t bytes = 0;
    TensorRole role = TensorRole::kActivation;
    object.text("name", name, true);
    object.integer("bytes", bytes, 0, kLargestAmount, true);
    word(object, "role", role, tensor_role_from, tensor_role_words(), true);
    object.finish();
    const std::uint32_t index = builder_.tensor(name, bytes, role);
    if (!tensors_.emplace(name, index).second) {
      object.report(list->items[i], "name",
                    fmt::format("found '{}' a second time, expected each tensor once; rename one", name));
    }
  }
}

void JsonGraphReader::read_ops(JsonObject& graph) {
  const LocatedJson* list = graph.take_list("ops", true);
  if (list == nullptr) return;
  // Ids first: a dependency may point forward.
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    const LocatedJson& item = list->items[i];
    const LocatedJson* id = item.find("id");
    if (id == nullptr || id->type != LocatedJson::Type::kInteger || id->integer < 0) continue;
    const auto [entry, added] =
        index_of_id_.emplace(static_cast<std::uint64_t>(id->integer), static_cast<std::uint32_t>(i));
    if (!added) {
      findings_.add(
          "{}:{}: {}/ops/{}/id: found id {} a second time, expected each id once (first at line {}); renumber one",
          file_, id->line, graph.path(), i, id->integer, list->items[entry->second].line);
    }
  }
  for (std::size_t i = 0; i < list->items.size(); ++i)
    read_op(list->items[i], fmt::format("{}/ops/{}", graph.path(), i));
}

void JsonGraphReader::read_op(const LocatedJson& value, const std::string& path) {
  JsonObject object(value, file_, path, findings_);
  OpDraft draft;
  draft.op.place = value.line;
  std::int64_t id = 0;
  if (object.integer("id", id, 0, std::numeric_limits<std::int64_t>::max(), true))
    draft.op.id = static_cast<std::uint64_t>(id);
  object.text("name", draft.name);
  word(object, "phase", draft.op.phase, phase_from, phase_words(), false);
  word(object, "dtype", draft.op.dtype, dtype_from, dtype_words(), false);
  object.integer("duration_ns", draft.op.duration_ns, 0, kLargestAmount);
  word(object, "kind", draft.op.kind, op_kind_from, op_kind_words(), true);
  read_kind(object, value, draft);
  read_lists(object, draft);
  object.finish();
  builder_.add(std::move(draft));
}

void JsonGraphReader::read_kind(JsonObject& object, const LocatedJson& value, OpDraft& draft) {
  Op& op = draft.op;
  if (has_conv_shape(op.kind)) read_conv(object, op);
  if (has_mat_shape(op.kind)) read_mat(object, op);
  read_amounts(object, draft);
  if (is_communication(op.kind)) read_communication(object, draft);
  check_flops(object, value, op);
}

void JsonGraphReader::read_amounts(JsonObject& object, OpDraft& draft) {
  Op& op = draft.op;
  if (is_vector(op.kind)) {
    object.integer("elements", op.elements, 1, kLargestAmount, needs_elements(op.kind));
    object.integer("channels", op.channels, 1, kLargestExtent, needs_channels(op.kind));
    object.integer("vector_flops_per_element", op.vector_flops_per_element, 0, 1 << 20);
  }
  if (needs_bytes(op.kind) || op.kind == OpKind::kCompute)
    object.integer("bytes", op.bytes, needs_bytes(op.kind) ? 1 : 0, kLargestAmount, needs_bytes(op.kind));
}

void JsonGraphReader::check_flops(JsonObject& object, const LocatedJson& value, Op& op) {
  if (op.kind == OpKind::kCompute) {
    object.integer("flops", op.flops, 0, kLargestAmount * 1024);
    if (op.flops == 0 && op.bytes == 0 && op.duration_ns == 0) {
      object.report(value, "",
                    "found a compute operation without flops, bytes and duration_ns, expected at least one; add it or "
                    "use kind none");
    }
    return;
  }
  if (!has_mat_shape(op.kind) && (!has_conv_shape(op.kind) || is_vector(op.kind))) return;
  const std::int64_t derived = shape_flops(op);
  std::int64_t given = derived;
  object.integer("flops", given, 0, std::numeric_limits<std::int64_t>::max());
  if (given != derived) {
    object.report(
        value, "flops",
        fmt::format("found {}, expected {} by the shape (2 per multiply-accumulate); remove the key", given, derived));
  }
  if (derived > kLargestAmount * 1024)
    object.report(value, "", fmt::format("found a shape of {} FLOP, expected less; correct the shape", derived));
  op.flops = derived;
}

void JsonGraphReader::read_conv(JsonObject& object, Op& op) {
  const LocatedJson* found = object.take("conv", true);
  if (found == nullptr) return;
  JsonObject shape(*found, file_, object.path() + "/conv", findings_);
  ConvShape& s = op.conv;
  const std::size_t before = findings_.lines().size();
  struct Member {
    const char* key;
    std::int64_t* value;
  };
  for (const Member& m :
       {Member{"n", &s.n}, {"c", &s.c}, {"h", &s.h}, {"w", &s.w}, {"k", &s.k}, {"r", &s.r}, {"s", &s.s}}) {
    shape.integer(m.key, *m.value, 1, 1 << 24, true);
  }
  shape.integer("stride", s.stride, 1, 1 << 16);
  shape.integer("pad", s.pad, 0, 1 << 16);
  const bool fits = set_output_size(s);
  std::int64_t p = s.p, q = s.q;
  shape.integer("p", p, 1, 1 << 24);
  shape.integer("q", q, 1, 1 << 24);
  shape.finish();
  if (findings_.lines().size() != before || !shape.valid()) return;
  if (!fits) {
    shape.report(
        *found, "",
        fmt::format(
            "found a filter of {} x {} on an input of {} x {} with pad {}, expected one that fits; correct the shape",
            s.r, s.s, s.h, s.w, s.pad));
  } else if (p != s.p || q != s.q) {
    shape.report(*found, "",
                 fmt::format("found an output of {} x {}, expected {} x {} by the other members; remove p and q", p, q,
                             s.p, s.q));
  }
}

void JsonGraphReader::read_mat(JsonObject& object, Op& op) {
  const LocatedJson* found = object.take("matmul", true);
  if (found == nullptr) return;
  JsonObject shape(*found, file_, object.path() + "/matmul", findings_);
  shape.integer("m", op.mat.m, 1, kLargestExtent, true);
  shape.integer("n", op.mat.n, 1, kLargestExtent, true);
  shape.integer("k", op.mat.k, 1, kLargestExtent, true);
  shape.integer("batch", op.mat.batch, 1, kLargestExtent);
  shape.finish();
}

void JsonGraphReader::read_communication(JsonObject& object, OpDraft& draft) {
  Op& op = draft.op;
  std::string text;
  if (op.kind == OpKind::kSend || op.kind == OpKind::kRecv) {
    std::int64_t peer = -1, tag = 0;
    object.integer("peer", peer, 0, std::numeric_limits<std::int32_t>::max(), true);
    object.integer("tag", tag, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max());
    op.peer = static_cast<std::int32_t>(peer);
    op.tag = static_cast<std::int32_t>(tag);
    if (op.kind == OpKind::kSend && object.text("route", text)) {
      if (text == "mesh" || text == "zplane" || text == "fastest") {
        op.algorithm = builder_.string(text);
      } else {
        object.report(*object.take("route"), "route",
                      fmt::format("found '{}', expected mesh, zplane or fastest", text));
      }
    }
    return;
  }
  if (op.kind == OpKind::kReduce || op.kind == OpKind::kBroadcast) {
    std::int64_t root = 0;
    object.integer("root", root, 0, std::numeric_limits<std::int32_t>::max());
    op.root = static_cast<std::int32_t>(root);
  }
  if (object.text("algorithm", text)) op.algorithm = builder_.string(text);
  text = "all";
  object.text("group", text);
  const auto found = classes_.find(text);
  if (found == classes_.end()) {
    std::vector<std::string> known;
    for (const auto& entry : classes_) known.push_back(entry.first);
    const std::string near = nearest(text, known);
    object.report(
        *object.take("group"), "group",
        fmt::format("found '{}', expected the name of a group class{}; correct it or add the class to group_classes",
                    text, near.empty() ? "" : " such as '" + near + "'"));
    return;
  }
  op.group = found->second;
}

void JsonGraphReader::read_lists(JsonObject& object, OpDraft& draft) {
  if (const LocatedJson* deps = object.take_list("deps", false)) {
    for (const LocatedJson& dep : deps->items) {
      const bool number = dep.type == LocatedJson::Type::kInteger && dep.integer >= 0;
      const auto found = number ? index_of_id_.find(static_cast<std::uint64_t>(dep.integer)) : index_of_id_.end();
      if (found == index_of_id_.end()) {
        object.report(dep, "deps",
                      fmt::format("found {}, expected the id of an operation of this graph; correct or remove it",
                                  describe_value(dep)));
        continue;
      }
      draft.deps.push_back(found->second);
    }
  }
  read_tensor_names(object, "inputs", draft.inputs);
  read_tensor_names(object, "outputs", draft.outputs);
}

void JsonGraphReader::read_tensor_names(JsonObject& object, const char* key, std::vector<std::uint32_t>& out) {
  const LocatedJson* list = object.take_list(key, false);
  if (list == nullptr) return;
  for (const LocatedJson& name : list->items) {
    const auto found = name.type == LocatedJson::Type::kString ? tensors_.find(name.text) : tensors_.end();
    if (found == tensors_.end()) {
      object.report(name, key,
                    fmt::format("found {}, expected the name of a tensor of this graph; add it to tensors",
                                describe_value(name)));
      continue;
    }
    out.push_back(found->second);
  }
}

}  // namespace dojo::workload
