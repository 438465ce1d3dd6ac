// SPDX-License-Identifier: Apache-2.0
// AICB's CSV: the communication of one rank of a Megatron or DeepSpeed job, one operation a row, replayed in that order
// by every rank with its own groups. A line in brackets may name ranks or a pipeline stage, whose rows follow.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <optional>

#include "trace/file_formats.h"
#include "trace/graph_builder.h"
#include "trace/json_trace.h"
#include "trace/layers/rank_grid.h"
#include "trace/rank_trace.h"
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
                               {"all_to_all_single", OpKind::kAllToAll},
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
constexpr const GroupWord& kPipeline = kGroups[5];

struct Row {
  OpKind kind = OpKind::kNone;
  const GroupWord* group = nullptr;
  std::int64_t group_size = 0, bytes = 0, elapsed_ns = 0;
  MatShape product;  ///< of a computation without a time, m = 0: not said
  std::string stage;
  std::uint32_t line = 0;
};

/// "[rank0 ~ rank7]" or "[ stage0: [rank0, rank1] ]"
std::int64_t ranks_in(const std::string& title) {
  std::vector<std::int64_t> ranks;
  for (std::size_t at = title.find("rank"); at != std::string::npos; at = title.find("rank", at + 1)) {
    const std::size_t digits = title.find_first_not_of(" _", at + 4);
    if (digits == std::string::npos) break;
    const std::size_t end = std::min(title.find_first_not_of("0123456789", digits), title.size());
    if (const auto rank = whole_number(title.substr(digits, end - digits))) ranks.push_back(*rank);
  }
  const bool range =
      ranks.size() == 2 && (title.find('~') != std::string::npos || title.find('-') != std::string::npos);
  const std::int64_t count = range ? ranks[1] - ranks[0] + 1 : static_cast<std::int64_t>(ranks.size());
  return count > 0 && count < kMostRanks ? count : 0;
}

/// The rows of one pipeline stage, or of all ranks.
struct Section {
  std::string title;  ///< "" = there was no line in brackets
  std::uint32_t line = 0;
  std::vector<Row> rows;
};

/// "((4096, 1, 4096), (4096, 1536))": all leading extents of the first are rows.
bool parse_product(const std::string& text, MatShape& shape) {
  std::vector<std::vector<std::int64_t>> lists;
  int depth = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '(' || text[at] == '[') {
      if (++depth == 2) lists.emplace_back();
    } else if (text[at] == ')' || text[at] == ']') {
      --depth;
    } else if (depth == 2 && text[at] >= '0' && text[at] <= '9') {
      const std::size_t end = std::min(text.find_first_not_of("0123456789", at), text.size());
      const auto value = whole_number(text.substr(at, end - at));
      if (!value || *value < 1 || *value > (1 << 30)) return false;
      lists.back().push_back(*value);
      at = end - 1;
    }
  }
  if (lists.size() != 2 || lists[0].size() < 2 || lists[1].size() != 2) return false;
  const std::vector<std::int64_t>&a = lists[0], &b = lists[1];
  if (a.back() != b[0] && a.back() != b[1]) return false;
  std::int64_t rows = 1;
  for (std::size_t i = 0; i + 1 < a.size(); ++i) {
    if (__builtin_mul_overflow(rows, a[i], &rows) || rows > (1 << 30)) return false;
  }
  shape = {rows, a.back() == b[0] ? b[1] : b[0], a.back(), 1};
  return true;
}

bool is_header(const std::vector<std::string>& cells) {
  const auto has = [&](const char* name) {
    return std::any_of(cells.begin(), cells.end(), [&](const std::string& cell) { return lower_case(cell) == name; });
  };
  return has("comm_type") && has("msg_size");
}

/// The header, behind at most so many lines about the job; `lines.size()` when there is none.
std::size_t header_of(const std::vector<TextLine>& lines) {
  constexpr std::size_t kMostLines = 40;
  for (std::size_t i = 0; i < std::min(lines.size(), kMostLines); ++i) {
    if (is_header(cells_of(lines[i].text))) return i;
    if (lines[i].text.front() == '{' || lines[i].text.substr(0, 2) == "[{") break;
  }
  return lines.size();
}

class Reader {
 public:
  Reader(const FileRequest& request, Findings& findings)
      : request_(request), findings_(findings), builder_(request.path, "aicb-csv") {}

  Workload run() {
    bool whole = true;
    const std::vector<TextLine> lines = text_lines(request_.bytes, &whole);
    const std::size_t first = header_of(lines);
    const std::vector<std::string> header = cells_of(lines[first].text);
    for (std::size_t i = 0; i < header.size(); ++i) column_.emplace(lower_case(header[i]), i);
    for (std::size_t i = 0; i < lines.size(); ++i) line(lines[i], i < first);
    std::size_t rows = 0;
    for (const Section& section : sections_) rows += section.rows.size();
    if (rows == 0 && findings_.empty()) {
      findings_.add("{}:{}: found no row behind the header, expected at least one; write the file again", request_.path,
                    lines[first].number);
    }
    if (!findings_.empty()) return {};
    sections_.erase(std::remove_if(sections_.begin(), sections_.end(), [](const Section& s) { return s.rows.empty(); }),
                    sections_.end());
    if (!whole) note("the last line has no end; if the file was cut there, its last cell is too short");
    const RankId ranks = choose_grid();
    if (!findings_.empty()) return {};
    return build(ranks);
  }

 private:
  void note(const std::string& words) { notes_.push_back(fmt::format("{}: {}", request_.path, words)); }
  void fail(const TextLine& line, const std::string& words) {
    findings_.add("{}:{}: {}; correct the row", request_.path, line.number, words);
  }

  /// A line in brackets begins a section; the header may stand in each of them.
  void line(const TextLine& line, bool above_header) {
    const std::vector<std::string> cells = cells_of(line.text);
    if (line.text.front() == '[') {
      sections_.push_back({std::string(line.text.substr(0, 120)), line.number, {}});
      return;
    }
    if (is_header(cells)) return;
    if (above_header || line.text.front() == '#' || is_blank_row(cells)) {
      ++counted_["lines are no rows and were skipped"];
      return;
    }
    if (sections_.empty()) sections_.emplace_back();
    row(line);
  }

  Workload build(RankId ranks) {
    for (const Section& section : sections_) {
      if (!section.title.empty()) note(fmt::format("line {}: {}", section.line, printable(section.title)));
    }
    std::vector<Graph> graphs;
    for (const Section& section : sections_) {
      builder_ = GraphBuilder(request_.path, "aicb-csv");
      for (const Row& entry : section.rows) operation(entry);
      graphs.push_back(builder_.take());
    }
    for (const auto& [words, count] : counted_) note(fmt::format("{} {}", count, words));
    const bool stages = graphs.size() > 1;
    note(stages ? fmt::format("operations follow each other as in the file; the {} sections are the pipeline's stages, "
                              "and the ranks of each run its rows with their own groups",
                              graphs.size())
                : "operations follow each other as in the file; every rank runs all of them with its own groups");
    Workload workload = shared_graph(std::move(graphs[0]), ranks);
    workload.graphs[0].warnings = std::move(notes_);
    for (std::size_t i = 1; i < graphs.size(); ++i) workload.graphs.push_back(std::move(graphs[i]));
    const RankId of_stage = ranks / grid_.size[3];
    for (RankId rank = 0; stages && rank < ranks; ++rank) workload.graph_of_rank[rank] = rank / of_stage;
    workload.group_classes.insert(workload.group_classes.end(), classes_.begin(), classes_.end());
    return workload;
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
    if (made.kind == OpKind::kCompute) {
      made.elapsed_ns = elapsed_ns(line, cells);
      if (made.elapsed_ns == 0) parse_product(cell(cells, "msg_size"), made.product);
    }
    if (const auto count = whole_number(cell(cells, "count")); count && *count > 1)
      ++counted_["rows with a count above 1 are taken once"];
    if (is_message(made.kind)) {  // says how long the pipeline is
      made.group_size = number(line, cells, "comm_group_size", false);
      made.group = cell(cells, "comm_group") == "pp_group" ? &kPipeline : nullptr;
    }
    const bool collective = is_collective(made.kind);
    if (collective) {
      made.bytes = traits(made.kind).has(OpTraits::kNeedsBytes) ? number(line, cells, "msg_size", true) : 0;
      made.group_size = number(line, cells, "comm_group_size", false);
      const std::string group = cell(cells, "comm_group");
      for (const GroupWord& word : kGroups) made.group = group == word.word ? &word : made.group;
      if (group.empty()) made.group = &kGroups[std::size(kGroups) - 1];
      if (made.group == nullptr) ++counted_[fmt::format("collectives of the unknown group '{}' take no time", group)];
    }
    sections_.back().rows.push_back(std::move(made));
  }

  /// AICB's logger writes milliseconds.
  [[nodiscard]] std::int64_t elapsed_ns(const TextLine& line, const std::vector<std::string>& cells) {
    constexpr double kNsPerMs = 1e6;
    constexpr auto kMost = static_cast<double>(kLargestAmount);  // as in the own format: 13 days
    const std::string text = cell(cells, "_elapsed_time");
    const double ns = (text.empty() ? 0 : std::strtod(text.c_str(), nullptr)) * kNsPerMs;
    if (!(ns > 0)) return 0;
    if (ns > kMost) {
      fail(line, fmt::format("_elapsed_time: found {} ms, expected at most {:.0f} ms", text, kMost / kNsPerMs));
      return 0;
    }
    return std::max<std::int64_t>(std::llround(ns), 1);
  }

  std::int64_t size_of(const char* word) {
    std::int64_t size = 0;
    for (const Section& section : sections_) {
      for (const Row& entry : section.rows) {
        if (entry.group == nullptr || std::string_view(entry.group->word) != word || entry.group_size == 0) continue;
        if (size != 0 && size != entry.group_size) {
          findings_.add("{}:{}: comm_group_size: found {} for {}, expected {} as before; correct the row",
                        request_.path, entry.line, entry.group_size, word, size);
        }
        size = entry.group_size;
      }
    }
    return size;
  }

  /// Ranks of the job by the lines in brackets, 0 = they name none.
  [[nodiscard]] std::int64_t titled_ranks(std::int64_t pipeline) const {
    const Section& section = sections_.front();
    const std::int64_t ranks = ranks_in(section.title);
    return lower_case(section.title).find("stage") != std::string::npos ? ranks * pipeline : ranks;
  }

  RankId choose_grid() {
    std::int64_t tensor = std::max<std::int64_t>(size_of("tp_group"), 1);
    const std::int64_t expert = std::max<std::int64_t>(size_of("ep_group"), 1);
    const auto stages = static_cast<std::int64_t>(sections_.size());
    const std::int64_t pipeline = std::max({size_of("pp_group"), stages, std::int64_t{1}});
    if (stages > 1 && stages != pipeline) {
      findings_.add("{}:{}: found {} sections, expected {} by the size of pp_group, or one; add the other stages",
                    request_.path, sections_.back().line, stages, pipeline);
      return 0;
    }
    std::int64_t data = size_of("dp_group");
    if (data == 0 && size_of("ep_dp_group") > 0) data = size_of("ep_dp_group") * expert;
    const std::int64_t world = size_of("all");
    const std::int64_t titled = titled_ranks(pipeline);
    if (data == 0 && world == 0 && titled > 0) data = std::max<std::int64_t>(titled / (tensor * pipeline), 1);
    if (data == 0 && world > 0) data = std::max<std::int64_t>(world / (tensor * pipeline), 1);
    const std::int64_t known = tensor * data * pipeline;
    if (size_of("tp_group") == 0 && known > 0 && titled > known && titled % known == 0) {
      tensor *= titled / known;
      note(
          fmt::format("line {} names {} ranks and the groups make up {}: neighbours by {} are taken to be tensor "
                      "parallel ranks that do not communicate",
                      sections_.front().line, titled, known, tensor));
    }
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
    if (entry.kind == OpKind::kCompute && entry.elapsed_ns > 0) {
      draft.op.kind = OpKind::kCompute;
      draft.op.duration_ns = entry.elapsed_ns;
      ++counted_["computations were measured on another machine, in milliseconds, and are replayed by that time"];
    } else if (entry.kind == OpKind::kCompute && entry.product.m > 0) {
      draft.op.kind = OpKind::kMatMul;
      draft.op.mat = entry.product;
      draft.op.flops = shape_flops(draft.op);
      ++counted_["computations without a time are the product of their two shapes"];
    } else if (entry.kind == OpKind::kCompute) {
      ++counted_["computations have neither a time nor the shapes of a product and take no time"];
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
  std::vector<Section> sections_;
  std::vector<std::string> notes_;
  std::map<std::string, std::size_t> counted_;
  RankGrid grid_;
  std::vector<Workload::GroupClass> classes_;
};

}  // namespace
}  // namespace layers

bool looks_like_aicb(const std::string& bytes) {
  const std::string head = bytes.substr(0, 16384);
  const std::vector<TextLine> lines = text_lines(head);
  return layers::header_of(lines) < lines.size();
}

Workload read_aicb(const FileRequest& request, Findings& findings) {
  return layers::Reader(request, findings).run();
}

}  // namespace dojo::workload
