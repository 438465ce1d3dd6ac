// SPDX-License-Identifier: Apache-2.0
// One rank's PyTorch execution trace to a Graph: which nodes of the call tree do work, in which order, on what data.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "trace/file_bytes.h"
#include "trace/json_trace.h"
#include "trace/pytorch/dataflow.h"
#include "trace/pytorch/et_collective.h"
#include "trace/pytorch/et_cost.h"
#include "trace/pytorch/kineto_events.h"
#include "trace/pytorch/pytorch.h"

namespace dojo::workload {
namespace pytorch {
namespace {

/// The nodes that operators of a Kineto trace may be.
class OperatorNodes {
 public:
  OperatorNodes(const std::vector<EtNode>& nodes, const std::vector<OperatorTime>& times) : nodes_(nodes) {
    for (std::uint32_t i = 0; i < nodes.size(); ++i) {
      if (nodes[i].rf_id != 0) by_number_.emplace(nodes[i].rf_id, i);
      by_name_[nodes[i].name].push_back(i);
    }
    std::map<std::string, std::size_t> seen;
    for (const OperatorTime& time : times) place_.emplace(&time, seen[time.name]++);
    count_ = std::move(seen);
  }
  /// Of another name it is another operator, whatever its number.
  [[nodiscard]] std::uint32_t by_number(const OperatorTime& time) const {
    const auto found = by_number_.find(static_cast<std::uint64_t>(time.record));
    return time.record < 0 || found == by_number_.end() || nodes_[found->second].name != time.name ? kNone
                                                                                                   : found->second;
  }
  [[nodiscard]] std::uint32_t by_order(const OperatorTime& time) const {
    const auto found = by_name_.find(time.name);
    if (found == by_name_.end() || found->second.size() != count_.at(time.name)) return kNone;
    return found->second[place_.at(&time)];
  }

 private:
  const std::vector<EtNode>& nodes_;
  std::unordered_map<std::uint64_t, std::uint32_t> by_number_;
  std::map<std::string, std::vector<std::uint32_t>> by_name_;
  std::map<std::string, std::size_t> count_;
  std::unordered_map<const OperatorTime*, std::size_t> place_;
};

class Decoder {
 public:
  Decoder(const RankRequest& request, Findings& findings)
      : request_(request), findings_(findings), builder_(request.file, "pytorch-et"), dataflow_(builder_) {}

  RankTrace run() {
    const std::size_t before = findings_.lines().size();
    LocatedJson rest;
    stream_json_list(
        request_.bytes, request_.file, "nodes", [&](const LocatedJson& item) { take(item); }, rest, findings_);
    if (findings_.lines().size() == before && nodes_.empty()) {
      findings_.add("{}: rank {}: found no node, expected at least one; record the trace again", request_.file,
                    request_.rank);
    }
    if (findings_.lines().size() != before) return {};
    if (const LocatedJson* schema = rest.find("schema")) schema_ = schema->text;
    std::sort(nodes_.begin(), nodes_.end(), [](const EtNode& a, const EtNode& b) { return a.id < b.id; });
    if (request_.options.profiler_step) leave_out_other_steps(*request_.options.profiler_step);
    if (findings_.lines().size() != before) return {};
    link_tree();
    if (findings_.lines().size() != before) return {};
    choose_work();
    place_allocations();
    dataflow_.set_width(request_.options.bytes_per_element);
    for (std::size_t i = 0; i < nodes_.size(); ++i) emit(i);
    if (findings_.lines().size() != before) return {};
    add_times();
    finish();
    return std::move(result_);
  }

 private:
  void take(const LocatedJson& item) {
    EtNode node;
    std::string why;
    if (!parse_et_node(item, node, why)) {
      findings_.add("{}:{}: rank {}: {}; record the trace again", request_.file, item.line, request_.rank, why);
      return;
    }
    if (!node.absurd.empty()) {
      findings_.add("{}:{}: rank {}: node id {} '{}': {}; correct the trace", request_.file, node.line, request_.rank,
                    node.id, node.name, node.absurd);
      return;
    }
    if (node.name.find("process_group:init") != std::string::npos && !node.inputs.empty()) {
      if (!parse_process_groups(node.inputs[0].text, result_.embedded))
        ++counted_["process-group records could not be understood and were skipped"];
      result_.world = std::max(result_.world, world_of_groups(node.inputs[0].text));
    }
    nodes_.push_back(std::move(node));
  }

  /// Ids are given as nodes begin, in all threads: a step's nodes are those up to the next step's.
  void leave_out_other_steps(std::int64_t step) {
    std::vector<std::int64_t> known;
    std::vector<EtNode> kept;
    bool inside = false;
    for (EtNode& node : nodes_) {
      if (const std::optional<std::int64_t> number = profiler_step_of(node.name)) {
        known.push_back(*number);
        inside = *number == step;
      }
      if (inside) kept.push_back(std::move(node));
    }
    if (kept.empty()) {
      findings_.add("{}: rank {}: {}", request_.file, request_.rank, missing_step(step, known));
      return;
    }
    notes_.push_back(fmt::format("{}: of {} profiler steps only ProfilerStep#{} is read, {} of {} nodes", request_.file,
                                 known.size(), step, kept.size(), nodes_.size()));
    nodes_ = std::move(kept);
  }

  void link_tree() {
    find_cycles();
    for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
      if (!index_of_id_.emplace(nodes_[i].id, i).second) {
        findings_.add(
            "{}:{}: rank {}: node id {} '{}': found this id a second time, expected each once; record the "
            "trace again",
            request_.file, nodes_[i].line, request_.rank, nodes_[i].id, nodes_[i].name);
      }
    }
  }

  /// A caller cannot be called by what it calls; the root alone is its own.
  void find_cycles() {
    std::unordered_map<std::uint64_t, const EtNode*> known;
    for (const EtNode& node : nodes_) known.emplace(node.id, &node);
    std::unordered_map<std::uint64_t, std::uint64_t> walked_from;  // node -> start of the walk that came by
    for (const EtNode& start : nodes_) {
      const EtNode* at = &start;
      while (walked_from.emplace(at->id, start.id).second) {
        const auto parent = known.find(at->parent);
        if (parent == known.end() || parent->second == at) break;
        at = parent->second;
        if (walked_from.count(at->id) > 0 && walked_from.at(at->id) == start.id) {
          findings_.add(
              "{}:{}: rank {}: node id {} '{}': found itself among its own callers (ctrl_deps, or parent), expected a "
              "tree; record the trace again",
              request_.file, at->line, request_.rank, at->id, at->name);
          break;
        }
      }
    }
  }

  [[nodiscard]] std::uint32_t parent_of(std::size_t i) const {
    const auto found = index_of_id_.find(nodes_[i].parent);
    // A parent begins before its children; anything else is the root, which is its own parent.
    return found == index_of_id_.end() || found->second >= i ? kNone : found->second;
  }

  [[nodiscard]] static bool may_work(const EtNode& node) {
    if (node.name.rfind("nccl:", 0) == 0) return true;
    if (node.name.rfind("c10d::", 0) == 0 || node.name.find("reducer::") != std::string::npos) return false;
    return !is_free(node.name) && node.has_tensors() &&
           (node.name.rfind("aten::", 0) == 0 || !node.schema.empty() || node.triton);
  }

  /// The deepest nodes that do work: counting a caller too would count its work twice. A product that first clears its
  /// result by another operator is still the product.
  void choose_work() {
    work_.assign(nodes_.size(), false);
    std::vector<bool> below(nodes_.size(), false), kernel_below(nodes_.size(), false);
    phase_.assign(nodes_.size(), Phase::kForward);
    for (std::size_t i = nodes_.size(); i-- > 0;) {
      const bool record = nodes_[i].name == "record_param_comms";
      const bool kernel = is_kernel_of_its_own(nodes_[i].name) && nodes_[i].has_tensors();
      work_[i] = record || (!(kernel ? kernel_below : below)[i] && may_work(nodes_[i]));
      const std::uint32_t parent = parent_of(i);
      if (parent == kNone) continue;
      if (work_[i] || below[i]) below[parent] = true;
      if (kernel || kernel_below[i]) kernel_below[parent] = true;
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const std::uint32_t parent = parent_of(i);
      if (parent != kNone) phase_[i] = phase_[parent];
      const std::string& name = nodes_[i].name;
      if (name.find("autograd::engine") != std::string::npos || name.find("backward ##") != std::string::npos)
        phase_[i] = Phase::kBackward;
      if (name.find("Optimizer.step") != std::string::npos) phase_[i] = Phase::kUpdate;
      if (name.rfind("nccl:", 0) == 0 && parent != kNone && work_[parent]) work_[i] = false;  // named above already
      // Annotations whose record stands beside them or above.
      if (name.rfind("nccl:", 0) == 0 && has_record(i)) work_[i] = false;
      for (const EtArgument& argument : nodes_[i].inputs) {
        for (const EtTensor& tensor : argument.tensors) device_ = device_ || !tensor.host;
      }
    }
  }

  [[nodiscard]] bool has_record(std::size_t i) const {
    for (std::uint32_t at = parent_of(i); at != kNone; at = parent_of(at)) {
      if (nodes_[at].name == "record_param_comms") return true;
    }
    return false;
  }

  [[nodiscard]] bool on_host(const EtNode& node) const {
    if (!device_) return false;  // a run on a CPU: its operators are the work
    const auto host = [](const std::vector<EtArgument>& list) {
      for (const EtArgument& argument : list) {
        for (const EtTensor& tensor : argument.tensors) {
          if (!tensor.host) return false;
        }
      }
      return true;
    };
    return host(node.inputs) && host(node.outputs);
  }

  /// What an operator allocates on the way is new when it writes, though the node of the allocation comes behind its
  /// own.
  void place_allocations() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (!is_allocation(nodes_[i].name)) continue;
      std::uint32_t at = static_cast<std::uint32_t>(i);
      for (std::uint32_t up = parent_of(i); up != kNone; up = parent_of(up)) {
        if (work_[up]) at = up;
      }
      allocations_[at].push_back(static_cast<std::uint32_t>(i));
    }
  }

  void emit(std::size_t i) {
    const EtNode& node = nodes_[i];
    const auto allocations = allocations_.find(static_cast<std::uint32_t>(i));
    for (std::size_t k = 0; allocations != allocations_.end() && k < allocations->second.size(); ++k) {
      for (const EtArgument& argument : nodes_[allocations->second[k]].outputs) {
        for (const EtTensor& tensor : argument.tensors) dataflow_.allocate(tensor);
      }
    }
    if (!work_[i]) {
      if (is_free(node.name)) ++counted_["views, allocations and questions take no time and were left out"];
      return;
    }
    if (is_collective_record(node)) {
      emit_collective(i);
    } else if (on_host(node)) {
      ++counted_["operators on the host CPU take no time and were left out"];
    } else {
      if (node.triton && !node.has_results())
        ++counted_["compiled kernels do not say what they write, and are ordered as if it were all they are given"];
      for (EtWork& work : work_of(node)) emit_work(i, work);
    }
  }

  OpDraft draft_of(std::size_t i, const char* part) {
    OpDraft draft;
    draft.name = nodes_[i].name + part;
    draft.op.place = nodes_[i].line;
    draft.op.phase = phase_[i];
    return draft;
  }

  std::uint32_t add(std::size_t i, OpDraft draft, std::string group) {
    const bool first = result_.group_names.empty() || last_node_ != i;
    draft.op.id = first ? nodes_[i].id : ++next_id_;
    last_node_ = i;
    op_of_node_.emplace(static_cast<std::uint32_t>(i), builder_.op_count());
    result_.group_names.push_back(std::move(group));
    return builder_.add(std::move(draft));
  }

  void emit_work(std::size_t i, EtWork& work) {
    if (!work.note.empty()) ++counted_[work.note];
    OpDraft draft = draft_of(i, work.part);
    const OpDraft places = draft;
    draft.op = work.op;
    draft.op.place = places.op.place;
    draft.op.phase = places.op.phase;
    if (request_.options.bytes_per_element > 0) draft.op.dtype = width_dtype(request_.options.bytes_per_element);
    dataflow_.connect(work.reads, work.writes, draft);
    if (family(draft.op.kind) == OpFamily::kProduct) draft.op.flops = shape_flops(draft.op);
    if (draft.op.flops > kLargestAmount * 1024) {
      findings_.add("{}:{}: rank {}: node id {} '{}': found shapes of {} FLOP, expected at most {}; correct the trace",
                    request_.file, nodes_[i].line, request_.rank, nodes_[i].id, nodes_[i].name, draft.op.flops,
                    kLargestAmount * 1024);
    }
    if (draft.op.kind == OpKind::kElementwise) exact_bytes(work, draft);
    if (draft.op.kind == OpKind::kCompute && draft.op.bytes == 0 && draft.op.flops == 0) draft.op.kind = OpKind::kNone;
    if (draft.op.kind == OpKind::kNone) ++counted_["operators without elements take no time"];
    if (draft.op.kind == OpKind::kElementwise || draft.op.kind == OpKind::kCompute) ++generic_[nodes_[i].name];
    add(i, std::move(draft), "");
  }

  static DType width_dtype(std::int64_t width) {
    return width >= 4 ? DType::kFp32 : width == 1 ? DType::kCfp8 : DType::kBf16;
  }

  /// A slice of a large buffer must not cost the whole buffer, and an operator on a list of parameters is no operation
  /// with so many operands: then the bytes are given instead of the tensors' sizes.
  void exact_bytes(const EtWork& work, OpDraft& draft) {
    Bytes touched = 0, listed = 0;
    for (const EtTensor* tensor : work.reads) touched += dataflow_.bytes_of(*tensor);
    for (const EtTensor* tensor : work.writes) touched += dataflow_.bytes_of(*tensor);
    for (const std::uint32_t t : draft.inputs) listed += builder_.graph().tensors[t].bytes;
    for (const std::uint32_t t : draft.outputs) listed += builder_.graph().tensors[t].bytes;
    constexpr std::size_t kMostOperands = 8;
    if (listed <= touched + touched / 4 && draft.inputs.size() <= kMostOperands) return;
    draft.op.kind = touched > 0 ? OpKind::kCompute : OpKind::kNone;
    draft.op.bytes = std::min(touched, kLargestAmount);
    draft.op.elements = draft.op.vector_flops_per_element = 0;
  }

  void emit_collective(std::size_t i) {
    const EtNode& node = nodes_[i];
    const EtCollective found = collective_of(node);
    if (!found.known) {
      ++counted_["communication records name no collective that is known and take no time"];
      return;
    }
    if (found.kind == OpKind::kNone) {
      ++counted_["communication records only wait, or begin and end a batch, and take no time"];
      return;
    }
    OpDraft draft = draft_of(i, "");
    draft.name = fmt::format("{}:{}", node.name, op_kind_name(found.kind));
    draft.op.kind = found.kind;
    draft.op.bytes = found.bytes;
    if (found.bytes > kLargestAmount) {
      findings_.add(
          "{}:{}: rank {}: node id {} '{}': found a message of {} bytes, expected at most {}; correct the trace",
          request_.file, node.line, request_.rank, node.id, draft.name, found.bytes, kLargestAmount);
      draft.op.bytes = 0;
    }
    if (found.bytes == 0 && traits(found.kind).has(OpTraits::kNeedsBytes)) {
      ++counted_["communication records without a size take no time"];
      draft.op.kind = OpKind::kNone;
    }
    if (traits(found.kind).has(OpTraits::kHasRoot)) draft.op.root = std::max(found.position, 0);
    if (is_message(found.kind)) draft.op.peer = found.position;
    std::vector<const EtTensor*> reads, writes;
    for (const EtArgument& argument : node.inputs) {
      for (const EtTensor& tensor : argument.tensors) reads.push_back(&tensor);
    }
    for (const EtArgument& argument : node.outputs) {
      for (const EtTensor& tensor : argument.tensors) writes.push_back(&tensor);
    }
    if (writes.empty() && found.kind != OpKind::kSend) writes = reads;
    dataflow_.connect(reads, writes, draft);
    result_.least_world = std::max(result_.least_world, found.group_size);
    add(i, std::move(draft), found.group);
  }

  /// Kernel times of a Kineto trace of the same run. Both number an operator alike (rf_id, Record function id); where
  /// Kineto does not say that number, the operators of one name are taken in their order, when there are as many.
  void add_times() {
    if (request_.options.kineto_file.empty()) return;
    const std::string& file = request_.options.kineto_file;
    std::int64_t lost = 0, matched = 0;
    const std::vector<OperatorTime> times =
        operator_times(read_file_bytes(file), file, request_.options.profiler_step, lost, findings_);
    if (!findings_.empty()) return;
    const bool numbered = std::any_of(times.begin(), times.end(), [](const OperatorTime& t) { return t.record >= 0; });
    const OperatorNodes nodes(nodes_, times);
    for (const OperatorTime& time : times) {
      std::uint32_t at = numbered ? nodes.by_number(time) : nodes.by_order(time);
      while (at != kNone && op_of_node_.count(at) == 0) at = parent_of(at);
      (at == kNone ? lost : matched) += time.ns;
      if (at == kNone) continue;
      Op& op = builder_.graph().ops[op_of_node_.at(at)];
      if (!is_communication(op.kind)) op.duration_ns += time.ns;
    }
    tell_link(file, numbered, matched, lost);
  }

  void tell_link(const std::string& file, bool numbered, std::int64_t matched, std::int64_t lost) {
    const double all = static_cast<double>(matched) + static_cast<double>(lost);
    if (matched == 0) {
      findings_.add(
          "{}: found {:.3f} ms of kernels and none that an operator of {} launched, expected the Kineto trace of the "
          "same run (operators are joined by Record function id and rf_id{}); record both together, or leave "
          "workload.kineto_file out",
          file, all / 1e6, request_.file,
          numbered ? "" : ", which this file does not have, so that names and their order were tried");
      return;
    }
    notes_.push_back(fmt::format(
        "{}: {:.3f} ms of kernels in {} ({:.0f} %) belong to operators of this trace, {:.3f} ms to none{}",
        request_.file, static_cast<double>(matched) / 1e6, file, 100 * static_cast<double>(matched) / all,
        static_cast<double>(lost) / 1e6,
        numbered ? "" : "; they are joined by name and order, because that file has no Record function id"));
  }

  void finish() {
    Graph& graph = builder_.graph();
    if (graph.ops.empty()) {
      findings_.add(
          "{}: rank {}: found {} nodes and no work among them, expected ATen operators with tensors or "
          "collectives; record the trace with shapes",
          request_.file, request_.rank, nodes_.size());
      return;
    }
    graph.warnings = notes_;
    for (const auto& [words, count] : counted_)
      graph.warnings.push_back(fmt::format("{}: {} {}", request_.file, count, words));
    std::size_t generic = 0;
    for (const auto& entry : generic_) generic += entry.second;
    if (generic > 0) {
      graph.warnings.push_back(fmt::format("{}: {} operators of {} names are timed by their elements and bytes",
                                           request_.file, generic, generic_.size()));
    }
    std::size_t steps = 0;
    for (const EtNode& node : nodes_) steps += node.name.rfind("ProfilerStep", 0) == 0 ? 1 : 0;
    if (steps > 1) {
      graph.warnings.push_back(
          fmt::format("{}: the trace holds {} profiler steps; together they are one step here (--step N of trace "
                      "convert takes one)",
                      request_.file, steps));
    }
    if (!schema_.empty()) graph.warnings.push_back(fmt::format("{}: schema {}", request_.file, schema_));
    result_.global_peers = false;
    result_.graph = builder_.take();
  }

  const RankRequest& request_;
  Findings& findings_;
  RankTrace result_;
  GraphBuilder builder_;
  Dataflow dataflow_;
  std::vector<EtNode> nodes_;
  std::unordered_map<std::uint64_t, std::uint32_t> index_of_id_;
  std::unordered_map<std::uint32_t, std::uint32_t> op_of_node_;                ///< the first operation of a node
  std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> allocations_;  ///< by the node before which they happen
  std::vector<bool> work_;
  std::vector<Phase> phase_;
  std::map<std::string, std::size_t> counted_, generic_;
  std::vector<std::string> notes_;
  std::string schema_;
  bool device_ = false;
  std::size_t last_node_ = 0;
  std::uint64_t next_id_ = std::uint64_t{1} << 40;  ///< of operations beyond the first of a node
};

}  // namespace
}  // namespace pytorch

bool looks_like_pytorch_et(const std::string& bytes) {
  const std::size_t first = bytes.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  if (first == std::string::npos || bytes[first] != '{') return false;
  return first_top_key(bytes, {"nodes", "format", "traceEvents", "workload_graph", "graphs"}) == "nodes";
}

RankTrace decode_pytorch_et_rank(const RankRequest& request, Findings& findings) {
  return pytorch::Decoder(request, findings).run();
}

}  // namespace dojo::workload
