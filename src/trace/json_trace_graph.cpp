// SPDX-License-Identifier: Apache-2.0
// Operations and tensors of the own trace format. Every finding of a graph is reported, not only the first.
#include "trace/json_trace_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <limits>
#include <utility>

#include "dojo/base/nearest.h"
#include "dojo/base/types.h"
#include "dojo/workload/own_algorithms.h"
#include "dojo/workload/own_operations.h"
#include "trace/json_trace.h"

namespace dojo::workload {
namespace {

constexpr std::int64_t kLargestExtent = std::int64_t{1} << 31;

/// Takes the keys of a shape out of its object.
struct ShapeReader {
  JsonObject& object;
  void operator()(const char* key, std::int64_t& value, const schema::Range& range, Given given) const {
    object.integer(key, value, static_cast<std::int64_t>(range.low), static_cast<std::int64_t>(range.high),
                   given == Given::kAlways);
  }
};

}  // namespace

JsonGraphReader::JsonGraphReader(std::string file, const std::unordered_map<std::string, std::uint32_t>& classes,
                                 Findings& findings)
    : file_(std::move(file)), classes_(classes), findings_(findings), builder_(file_, "dojo-json") {}

template <class Member>
void JsonGraphReader::word(JsonObject& object, const char* key, Member& value, bool required) {
  using Enum = typename schema::Word<Member>::Enum;
  std::string text;
  if (!object.text(key, text, required)) return;
  if (schema::Word<Member>::may_be_empty && text.empty()) return;
  if (const auto found = schema::enum_value<Enum>(text)) {
    value = *found;
    return;
  }
  const std::vector<std::string> words = schema::enum_words<Enum>();
  const std::string near = nearest(text, words);
  object.report(
      *object.take(key), key,
      fmt::format("found '{}', expected {}; correct it", text, near.empty() ? join_words(words) : "'" + near + "'"));
}

/// A file of schedules lies beside the trace that names it.
void JsonGraphReader::read_algorithm(JsonObject& object, Op& op) {
  std::string text;
  if (!object.text("algorithm", text) || text.empty()) return;
  if (names_schedule_file(text)) {
    op.algorithm = schedule_file((std::filesystem::path(file_).parent_path() / text).string());
    return;
  }
  op.algorithm = algorithm_named(text);
  if (op.algorithm) return;
  const std::vector<std::string> words = algorithm_names();
  const std::string near = nearest(text, words);
  object.report(*object.take("algorithm"), "algorithm",
                fmt::format("found '{}', expected {}; correct it, or give the plug-in that has it (--plugin FILE.so)",
                            text, near.empty() ? join_words(words) : "'" + near + "'"));
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
    word(object, "role", role, true);
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
  findings_before_op_ = findings_.lines().size();
  JsonObject object(value, file_, path, findings_);
  OpDraft draft;
  draft.op.place = value.line;
  std::int64_t id = 0;
  if (object.integer("id", id, 0, std::numeric_limits<std::int64_t>::max(), true))
    draft.op.id = static_cast<std::uint64_t>(id);
  object.text("name", draft.name);
  word(object, "phase", draft.op.phase, false);
  word(object, "dtype", draft.op.dtype, false);
  object.integer("duration_ns", draft.op.duration_ns, 0, kLargestAmount);
  word(object, "recorded_on", draft.op.recorded_on, false);
  const LocatedJson* kind = object.take("kind");
  const OwnOperation* own = kind != nullptr ? own_operation(kind->text) : nullptr;
  if (own == nullptr) word(object, "kind", draft.op.kind, true);
  std::int64_t recompute = 0;
  object.integer("recompute", recompute, 0, 1);
  draft.op.recompute = recompute != 0;
  if (own != nullptr) {
    read_own(object, value, *own, draft);
  } else {
    read_kind(object, value, draft);
  }
  read_lists(object, draft);
  object.finish();
  builder_.add(std::move(draft));
}

/// An operation of a plug-in's kind becomes work that is cut evenly, or work on elements.
void JsonGraphReader::read_own(JsonObject& object, const LocatedJson& value, const OwnOperation& own, OpDraft& draft) {
  std::map<std::string, std::int64_t> values;
  for (const std::string& key : own.keys)
    object.integer(key, values[key], std::numeric_limits<std::int64_t>::min(), kLargestAmount, true);
  if (draft.name.empty()) draft.name = own.name;
  if (!sound()) return;
  const auto wrong = [&](const std::string& words) {
    object.report(value, "", fmt::format("{}: operation \"{}\": {}", own.origin, own.name, words));
  };
  OwnCost cost;
  try {
    cost = own.cost(values);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    return wrong(fmt::format("found an exception ({}), expected a cost", e.what()));
  } catch (...) {
    return wrong("found an exception of no known kind, expected a cost");
  }
  Op& op = draft.op;
  const bool even = cost.matrix_flops > 0 || cost.bytes > 0, elements = cost.elements > 0;
  if (std::min({cost.matrix_flops, cost.bytes, cost.elements, cost.vector_flops_per_element}) < 0 ||
      std::max(cost.bytes, cost.elements) > kLargestAmount || cost.matrix_flops > kLargestAmount * 1024 ||
      cost.vector_flops_per_element > 1 << 20)
    return wrong("found a cost that is negative or too large, expected sizes as in docs/trace_format.md");
  if (even == elements)
    return wrong(fmt::format("found a cost {}, expected FLOP of products and bytes, or elements",
                             even ? "of elements beside FLOP of products or bytes" : "of nothing"));
  op.kind = even ? OpKind::kCompute : OpKind::kElementwise;
  op.flops = cost.matrix_flops;
  op.bytes = cost.bytes;
  op.elements = cost.elements;
  op.vector_flops_per_element = cost.vector_flops_per_element;
}

void JsonGraphReader::read_kind(JsonObject& object, const LocatedJson& value, OpDraft& draft) {
  Op& op = draft.op;
  visit_shape(op, [&](auto& shape) { read_shape(object, shape); });
  read_amounts(object, value, draft);
  if (is_communication(op.kind)) read_communication(object, draft);
  if (family(op.kind) == OpFamily::kShapeless) check_shapeless(object, value, op);
  if (family(op.kind) == OpFamily::kProduct) check_flops(object, value, op);
}

void JsonGraphReader::read_amounts(JsonObject& object, const LocatedJson& value, OpDraft& draft) {
  Op& op = draft.op;
  const OpTraits& kind = traits(op.kind);
  if (kind.family == OpFamily::kVector) {
    if (kind.shape != OpShape::kLookup) {
      object.integer("elements", op.elements, 1, kLargestAmount, kind.has(OpTraits::kNeedsElements));
      object.integer("channels", op.channels, 1, kLargestExtent, kind.has(OpTraits::kNeedsChannels));
    }
    if (op.elements == 0) op.elements = shape_elements(op);
    if (kind.has(OpTraits::kUpdatesParameters)) word(object, "rule", op.rule, false);
    op.vector_flops_per_element = default_vector_flops(op);
    object.integer("vector_flops_per_element", op.vector_flops_per_element, 0, 1 << 20);
    if (kind.has(OpTraits::kRowsAreChannels) && op.channels > 0 && op.elements % op.channels != 0) {
      object.report(value, "channels",
                    fmt::format("found {} elements in rows of {}, expected whole rows; correct one of them",
                                op.elements, op.channels));
    }
  }
  if (kind.has(OpTraits::kNeedsBytes)) object.integer("bytes", op.bytes, 1, kLargestAmount, true);
}

void JsonGraphReader::check_shapeless(JsonObject& object, const LocatedJson& value, Op& op) {
  object.integer("bytes", op.bytes, 0, kLargestAmount);
  object.integer("flops", op.flops, 0, kLargestAmount * 1024);
  if (sound() && op.flops == 0 && op.bytes == 0 && op.duration_ns == 0) {
    object.report(value, "",
                  fmt::format("found a {} operation without flops, bytes and duration_ns, expected at least one; add "
                              "it or use kind none",
                              op_kind_name(op.kind)));
  }
}

void JsonGraphReader::check_flops(JsonObject& object, const LocatedJson& value, Op& op) {
  const std::int64_t derived = shape_flops(op);
  std::int64_t given = derived;
  object.integer("flops", given, 0, std::numeric_limits<std::int64_t>::max());
  if (sound() && given != derived) {
    object.report(
        value, "flops",
        fmt::format("found {}, expected {} by the shape (2 per multiply-accumulate); remove the key", given, derived));
  }
  if (derived > kLargestAmount * 1024)
    object.report(value, "", fmt::format("found a shape of {} FLOP, expected less; correct the shape", derived));
  op.flops = derived;
}

template <class Shape>
void JsonGraphReader::read_shape(JsonObject& object, Shape& shape) {
  const LocatedJson* found = object.take(Shape::kKey, true);
  if (found == nullptr) return;
  JsonObject keys(*found, file_, object.path() + "/" + Shape::kKey, findings_);
  const std::size_t before = findings_.lines().size();
  Shape::fields(shape, ShapeReader{keys});
  keys.finish();
  const std::string wrong = complete(shape);
  if (findings_.lines().size() == before && keys.valid() && !wrong.empty()) keys.report(*found, "", wrong);
}

void JsonGraphReader::read_communication(JsonObject& object, OpDraft& draft) {
  Op& op = draft.op;
  if (is_message(op.kind)) {
    std::int64_t peer = -1, tag = 0;
    object.integer("peer", peer, 0, std::numeric_limits<std::int32_t>::max(), true);
    object.integer("tag", tag, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max());
    op.peer = static_cast<std::int32_t>(peer);
    op.tag = static_cast<std::int32_t>(tag);
    if (op.kind == OpKind::kSend) word(object, "route", op.route, false);
    return;
  }
  if (traits(op.kind).has(OpTraits::kHasRoot)) {
    std::int64_t root = 0;
    object.integer("root", root, 0, std::numeric_limits<std::int32_t>::max());
    op.root = static_cast<std::int32_t>(root);
  }
  if (op.kind == OpKind::kAllToAll) read_pairs(object, draft);
  read_algorithm(object, op);
  std::string text = "all";
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

/// Bytes to each member of the group, in its order; `bytes` is their sum.
void JsonGraphReader::read_pairs(JsonObject& object, OpDraft& draft) {
  const LocatedJson* list = object.take_list("pair_bytes", false);
  if (list == nullptr) return;
  Bytes sum = 0;
  for (const LocatedJson& size : list->items) {
    if (size.type != LocatedJson::Type::kInteger || size.integer < 0 || size.integer > kLargestAmount) {
      object.report(
          size, "pair_bytes",
          fmt::format("found {}, expected an integer from 0 to {}; correct it", describe_value(size), kLargestAmount));
      continue;
    }
    draft.pairs.push_back(size.integer);
    sum = std::min(sum + size.integer, 2 * kLargestAmount);
  }
  if (sound() && sum != draft.op.bytes) {
    object.report(
        *list, "pair_bytes",
        fmt::format("found {} bytes in all, expected the {} of `bytes`; correct one of them", sum, draft.op.bytes));
  }
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
