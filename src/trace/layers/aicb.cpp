// SPDX-License-Identifier: Apache-2.0
// AICB's CSV: the communication of one rank of a Megatron or DeepSpeed job, one operation a row, replayed in that order
// by every rank with its own groups.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>

#include "trace/file_formats.h"
#include "trace/graph_builder.h"
#include "trace/json_trace.h"
#include "trace/layers/rank_grid.h"
#include "trace/text_lines.h"

namespace dojo::workload {
namespace layers {
namespace {

struct KindWord {
  const char* word;
  OpKind kind;
};
constexpr KindWord kKinds[] = {{"all_reduce", OpKind::kAllReduce},
                               {"all_gather", OpKind::kAllGather},
                               {"all_gather_into_tensor", OpKind::kAllGather},
                               {"reduce_scatter", OpKind::kReduceScatter},
                               {"reduce_scatter_tensor", OpKind::kReduceScatter},
                               {"all_to_all", OpKind::kAllToAll},
                               {"broadcast", OpKind::kBroadcast},
                               {"reduce", OpKind::kReduce},
                               {"barrier", OpKind::kBarrier},
                               {"computation", OpKind::kCompute},
                               {"isend", OpKind::kSend},
                               {"irecv", OpKind::kRecv},
                               {"epoch_end", OpKind::kNone}};

struct GroupWord {
  const char* word;
  const char* name;
  std::array<bool, 4> varies;  ///< tensor, expert, data / expert, pipeline
};
constexpr GroupWord kGroups[] = {{"tp_group", "tensor", {true, false, false, false}},
                                 {"ep_group", "expert", {false, true, false, false}},
                                 {"ep_dp_group", "data_expert", {false, false, true, false}},
                                 {"ep_tp_group", "tensor_expert", {true, true, false, false}},
                                 {"dp_group", "data", {false, true, true, false}},
                                 {"pp_group", "pipeline", {false, false, false, true}},
                                 {"all", "all", {true, true, true, true}}};

struct Row {
  OpKind kind = OpKind::kNone;
  const GroupWord* group = nullptr;
  std::int64_t group_size = 0, bytes = 0, elapsed = 0;
  std::string stage;
  std::uint32_t line = 0;
};

class Reader {
 public:
  Reader(const FileRequest& request, Findings& findings)
      : request_(request), findings_(findings), builder_(request.path, "aicb-csv") {}

  Workload run() {
    bool whole = true;
    const std::vector<TextLine> lines = text_lines(request_.bytes, &whole);
    const std::vector<std::string> header = cells_of(lines[0].text);
    for (std::size_t i = 0; i < header.size(); ++i) column_.emplace(lower_case(header[i]), i);
    for (std::size_t i = 1; i < lines.size(); ++i) row(lines[i]);
    if (lines.size() == 1) {
      findings_.add("{}:{}: found no row behind the header, expected at least one; write the file again", request_.path,
                    lines[0].number);
    }
    if (!findings_.empty()) return {};
    if (!whole) note("the last line has no end; if the file was cut there, its last cell is too short");
    const RankId ranks = choose_grid();
    if (!findings_.empty()) return {};
    for (const Row& entry : rows_) operation(entry);
    for (const auto& [words, count] : counted_) note(fmt::format("{} {}", count, words));
    note("operations follow each other as in the file; every rank runs all of them with its own groups");
    builder_.graph().warnings = std::move(notes_);
    Workload workload = shared_graph(builder_.take(), ranks);
    workload.group_classes.insert(workload.group_classes.end(), classes_.begin(), classes_.end());
    return workload;
  }

 private:
  void note(const std::string& words) { notes_.push_back(fmt::format("{}: {}", request_.path, words)); }
  void fail(const TextLine& line, const std::string& words) {
    findings_.add("{}:{}: {}; correct the row", request_.path, line.number, words);
  }

  /// The cell of a column, without the name of its enumeration ("CommType.all_reduce").
  [[nodiscard]] std::string cell(const std::vector<std::string>& cells, const char* name) const {
    const auto found = column_.find(name);
    if (found == column_.end() || found->second >= cells.size()) return "";
    const std::string& text = cells[found->second];
    const bool enumerated = text.compare(0, 4, "Comm") == 0 && text.find('.') != std::string::npos;
    return enumerated ? text.substr(text.find('.') + 1) : text;
  }

  std::int64_t number(const TextLine& line, const std::vector<std::string>& cells, const char* name, bool required) {
    const std::string text = cell(cells, name);
    if (text.empty() || lower_case(text) == "none" || lower_case(text) == "nan") {
      if (required) fail(line, fmt::format("{}: found nothing, expected an integer", name));
      return 0;
    }
    const auto value = whole_number(text);
    if (!value || *value < 0 || *value > kLargestAmount) {
      fail(line, fmt::format("{}: found '{}', expected an integer from 0 to {}", name, text, kLargestAmount));
      return 0;
    }
    return *value;
  }

  void row(const TextLine& line) {
    const std::vector<std::string> cells = cells_of(line.text);
    Row made;
    made.line = line.number;
    made.stage = cell(cells, "stage");
    const std::string type = cell(cells, "comm_type");
    const auto kind =
        std::find_if(std::begin(kKinds), std::end(kKinds), [&](const KindWord& k) { return type == k.word; });
    if (kind == std::end(kKinds)) {
      fail(line, fmt::format("comm_type: found '{}', expected one such as CommType.all_reduce", type));
      return;
    }
    made.kind = kind->kind;
    if (made.kind == OpKind::kCompute) made.elapsed = elapsed(cells);
    const bool collective = is_collective(made.kind);
    if (collective) {
      made.bytes = traits(made.kind).has(OpTraits::kNeedsBytes) ? number(line, cells, "msg_size", true) : 0;
      made.group_size = number(line, cells, "comm_group_size", false);
      const std::string group = cell(cells, "comm_group");
      for (const GroupWord& word : kGroups) made.group = group == word.word ? &word : made.group;
      if (group.empty()) made.group = &kGroups[std::size(kGroups) - 1];
      if (made.group == nullptr) ++counted_[fmt::format("collectives of the unknown group '{}' take no time", group)];
    }
    rows_.push_back(std::move(made));
  }

  [[nodiscard]] std::int64_t elapsed(const std::vector<std::string>& cells) const {
    const std::string text = cell(cells, "_elapsed_time");
    const double value = text.empty() ? 0 : std::strtod(text.c_str(), nullptr);
    const double ns = value * static_cast<double>(request_.options.cycle_ns);
    return ns > 0 && ns < 1e15 ? static_cast<std::int64_t>(ns) : 0;
  }

  std::int64_t size_of(const char* word) {
    std::int64_t size = 0;
    for (const Row& entry : rows_) {
      if (entry.group == nullptr || std::string_view(entry.group->word) != word || entry.group_size == 0) continue;
      if (size != 0 && size != entry.group_size) {
        findings_.add("{}:{}: comm_group_size: found {} for {}, expected {} as before; correct the row", request_.path,
                      entry.line, entry.group_size, word, size);
      }
      size = entry.group_size;
    }
    return size;
  }

  RankId choose_grid() {
    const std::int64_t tensor = std::max<std::int64_t>(size_of("tp_group"), 1);
    const std::int64_t expert = std::max<std::int64_t>(size_of("ep_group"), 1);
    const std::int64_t pipeline = std::max<std::int64_t>(size_of("pp_group"), 1);
    std::int64_t data = size_of("dp_group");
    if (data == 0 && size_of("ep_dp_group") > 0) data = size_of("ep_dp_group") * expert;
    const std::int64_t world = size_of("all");
    if (data == 0 && world > 0) data = std::max<std::int64_t>(world / (tensor * pipeline), 1);
    const std::int64_t declared = data > 0 ? tensor * data * pipeline : 0;
    const RankId ranks =
        choose_ranks(request_, static_cast<RankId>(std::min<std::int64_t>(declared, 10000000)), notes_);
    if (data == 0) data = std::max<std::int64_t>(ranks / (tensor * pipeline), 1);
    if (tensor * data * pipeline != ranks || data % expert != 0) {
      findings_.add(
          "{}: found groups of tensor {} x data {} x pipeline {} with experts {}, expected them to make up the {} "
          "ranks "
          "and experts to divide data; set workload.ranks, or make the file again",
          request_.path, tensor, data, pipeline, expert, ranks);
      return ranks;
    }
    grid_.size = {static_cast<RankId>(tensor), static_cast<RankId>(expert), static_cast<RankId>(data / expert),
                  static_cast<RankId>(pipeline)};
    return ranks;
  }

  std::uint32_t class_of(const GroupWord& word) {
    RankId size = 1;
    for (std::size_t d = 0; d < 4; ++d) size *= word.varies[d] ? grid_.size[d] : 1;
    if (size == 1) return kNone;
    if (size == grid_.ranks()) return 0;
    for (std::uint32_t i = 0; i < classes_.size(); ++i) {
      if (classes_[i].name == word.name) return i + 1;
    }
    classes_.push_back(grid_class(grid_, word.varies, word.name));
    return static_cast<std::uint32_t>(classes_.size());
  }

  static Phase phase_of(const std::string& stage) {
    if (stage.compare(0, 7, "forward") == 0) return Phase::kForward;
    if (stage.compare(0, 8, "backward") == 0) return Phase::kBackward;
    return stage.find("optim") != std::string::npos || stage.find("step") != std::string::npos ? Phase::kUpdate
                                                                                               : Phase::kOther;
  }

  void operation(const Row& entry) {
    OpDraft draft;
    draft.op.id = builder_.op_count();
    draft.op.place = entry.line;
    draft.op.phase = phase_of(entry.stage);
    draft.name =
        entry.stage.empty() ? op_kind_name(entry.kind) : fmt::format("{}.{}", entry.stage, op_kind_name(entry.kind));
    if (builder_.op_count() > 0) draft.deps = {builder_.op_count() - 1};
    if (entry.kind == OpKind::kCompute && entry.elapsed > 0) {
      draft.op.kind = OpKind::kCompute;
      draft.op.duration_ns = entry.elapsed;
    } else if (entry.kind == OpKind::kCompute) {
      ++counted_["computations without a time take none"];
    } else if (is_message(entry.kind)) {
      ++counted_["pipeline sends and receives name the peer of one rank only and take no time"];
    } else if (is_collective(entry.kind) && entry.group != nullptr) {
      collective(entry, draft.op);
    }
    builder_.add(std::move(draft));
  }

  void collective(const Row& entry, Op& op) {
    const std::uint32_t group = class_of(*entry.group);
    if (group == kNone) {
      ++counted_["collectives over groups of one rank take no time"];
      return;
    }
    if (entry.bytes == 0 && traits(entry.kind).has(OpTraits::kNeedsBytes)) {
      ++counted_["collectives of 0 bytes take no time"];
      return;
    }
    op.kind = entry.kind;
    op.group = group;
    op.bytes = entry.bytes;
    // msg_size of an all-gather is the result; here it is what each rank brings.
    RankId size = 1;
    for (std::size_t d = 0; d < 4; ++d) size *= entry.group->varies[d] ? grid_.size[d] : 1;
    if (op.kind == OpKind::kAllGather) op.bytes = std::max<Bytes>((entry.bytes + size - 1) / size, 1);
  }

  const FileRequest& request_;
  Findings& findings_;
  GraphBuilder builder_;
  std::map<std::string, std::size_t> column_;
  std::vector<Row> rows_;
  std::vector<std::string> notes_;
  std::map<std::string, std::size_t> counted_;
  RankGrid grid_;
  std::vector<Workload::GroupClass> classes_;
};

}  // namespace
}  // namespace layers

bool looks_like_aicb(const std::string& bytes) {
  const std::string head = bytes.substr(0, 4096);
  const std::vector<TextLine> lines = text_lines(head);
  if (lines.empty()) return false;
  const std::vector<std::string> header = cells_of(lines[0].text);
  const auto has = [&](const char* name) { return std::find(header.begin(), header.end(), name) != header.end(); };
  return has("comm_type") && has("msg_size");
}

Workload read_aicb(const FileRequest& request, Findings& findings) {
  return layers::Reader(request, findings).run();
}

}  // namespace dojo::workload
