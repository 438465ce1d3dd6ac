// SPDX-License-Identifier: Apache-2.0
// Finds the files of a prefix, reads each rank once and joins them into a Workload.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <functional>
#include <unordered_map>
#include <utility>

#include "trace/chakra_parts.h"
#include "trace/file_bytes.h"
#include "trace/graph_builder.h"
#include "trace/rank_trace.h"

namespace dojo::workload {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExtensions[] = {".et", ".json", ".pt.trace.json"};
constexpr const char* kPacked[] = {"", ".gz", ".zst"};

/// PREFIX.<rank>.et, PREFIX_<rank>.json.gz, ...; rank from the name.
bool rank_of_name(const std::string& name, const std::string& stem, RankId& rank) {
  if (name.size() <= stem.size() + 1 || name.compare(0, stem.size(), stem) != 0) return false;
  const char separator = name[stem.size()];
  if (separator != '.' && separator != '_' && separator != '-') return false;
  const char* begin = name.data() + stem.size() + 1;
  const char* end = name.data() + name.size();
  const auto [after, error] = std::from_chars(begin, end, rank);
  if (error != std::errc()) return false;
  const std::string rest(after, end);
  for (const char* extension : kExtensions) {
    for (const char* packed : kPacked) {
      if (rest == std::string(extension) + packed) return true;
    }
  }
  return false;
}

struct Files {
  std::vector<std::string> of_rank;  ///< as read; one for all ranks when replicated
  std::string prefix;                ///< "" when one file was named
  RankId ranks = 0;
};

/// The file of another rank, named as `known` is behind the last part of the prefix.
std::string name_like(const std::string& known, const std::string& prefix, RankId rank) {
  const fs::path path(known);
  const std::string name = path.filename().string();
  const std::size_t digits = fs::path(prefix).filename().string().size() + 1;
  const std::size_t end = name.find_first_not_of("0123456789", digits);
  std::string number = std::to_string(rank);
  const bool padded = end != std::string::npos && name[digits] == '0' && end - digits > number.size();
  if (padded) number.insert(0, end - digits - number.size(), '0');
  const std::string other = name.substr(0, digits) + number + name.substr(std::min(end, name.size()));
  return path.has_parent_path() ? (path.parent_path() / other).string() : other;
}

Files choose_files(const std::string& path, const TraceOptions& options, Findings& findings) {
  Files files;
  std::error_code ignored;
  if (fs::exists(path, ignored) && !fs::is_directory(path, ignored)) {
    files.of_rank = {path};
    files.ranks = options.replicate ? std::max<RankId>(options.ranks, 1) : 1;
    if (!options.replicate && options.ranks > 1) {
      findings.add(
          "{}: found one rank's file, expected {} ranks by workload.ranks; give the prefix without .<rank>.et, or set "
          "workload.replicate=true",
          path, options.ranks);
    }
    return files;
  }
  files.prefix = path;
  const std::map<RankId, std::string> found = files_of_prefix(path);
  if (options.replicate) {
    files.of_rank = {found.begin()->second};
    files.ranks = options.ranks > 0 ? options.ranks : found.rbegin()->first + 1;
    return files;
  }
  const RankId last = found.rbegin()->first;
  files.ranks = options.ranks > 0 ? options.ranks : last + 1;
  if (last >= files.ranks) {
    findings.add(
        "{}: found a file of rank {}, expected ranks 0 to {} by workload.ranks; raise workload.ranks or remove the "
        "file",
        found.rbegin()->second, last, files.ranks - 1);
  }
  constexpr std::size_t kShown = 20;
  std::size_t missing = 0;
  for (RankId rank = 0; rank < files.ranks; ++rank) {
    const auto at = found.find(rank);
    if (at != found.end()) {
      files.of_rank.push_back(at->second);
    } else if (++missing <= kShown) {
      findings.add(
          "{}: found no file of rank {}, expected one for each of the ranks 0 to {}; add the file, or set "
          "workload.replicate=true to use one rank's file for all",
          name_like(found.begin()->second, path, rank), rank, files.ranks - 1);
    }
  }
  if (missing > kShown) findings.add("{}: {} more rank files are missing", path, missing - kShown);
  return files;
}

RankGroups find_groups(const Files& files, const TraceOptions& options, std::string& source,
                       std::vector<std::string>* files_read, Findings& findings) {
  std::string file = options.group_file;
  std::error_code ignored;
  if (file.empty() && !files.prefix.empty() && fs::exists(files.prefix + ".json", ignored))
    file = files.prefix + ".json";
  if (file.empty()) return {};
  source = file;
  const std::string text = read_file_bytes(file);
  if (files_read != nullptr) files_read->push_back(file);
  return read_group_file(text, file, findings);
}

/// Gives every communicator that is used a group class of its own and sets Op::group.
class GroupAssigner {
 public:
  /// `world`: a communicator of that many ranks is all ranks, however many there are now; 0 = none is.
  GroupAssigner(Workload& workload, const RankGroups& groups, std::string source, std::size_t world, Findings& findings)
      : workload_(workload), groups_(groups), source_(std::move(source)), world_(world), findings_(findings) {}

  void assign(Graph& graph, const std::vector<std::string>& names) {
    for (std::size_t i = 0; i < graph.ops.size(); ++i) {
      if (is_collective(graph.ops[i].kind)) graph.ops[i].group = class_of(names[i], graph, graph.ops[i]);
    }
  }

 private:
  std::uint32_t class_of(const std::string& name, const Graph& graph, const Op& op) {
    const auto known = classes_.find(name);
    if (known != classes_.end()) return known->second;
    const auto found = groups_.find(name);
    std::uint32_t index = 0;
    const bool everyone = found != groups_.end() && world_ > 0 && found->second.size() == world_;
    if (found != groups_.end() && !found->second.empty() && !everyone) {
      index = static_cast<std::uint32_t>(workload_.group_classes.size());
      const std::string shown = name == "all" ? "all (group file)" : name;
      workload_.group_classes.push_back({shown, {Group{shown, found->second}}});
    } else if (found == groups_.end() && !name.empty() && name != "0") {
      std::string known_names;
      for (const auto& entry : groups_) known_names += (known_names.empty() ? "" : ", ") + entry.first;
      findings_.add("{}: found the communicator '{}', expected one of {} ({}); give its ranks with workload.group_file",
                    describe_place(graph, op), name,
                    source_.empty() ? "a group file or the trace's own process groups" : source_,
                    known_names.empty() ? "there are none" : known_names);
    }
    classes_.emplace(name, index);
    return index;
  }

  Workload& workload_;
  const RankGroups& groups_;
  std::string source_;
  std::size_t world_;
  Findings& findings_;
  std::unordered_map<std::string, std::uint32_t> classes_;
};

/// Positions of a communicator to ranks of the job, for formats that count peers that way.
void globalise_peers(RankTrace& rank, const RankGroups& groups) {
  if (rank.global_peers) return;
  for (std::size_t i = 0; i < rank.graph.ops.size(); ++i) {
    Op& op = rank.graph.ops[i];
    if (!is_message(op.kind)) continue;
    const auto found = groups.find(rank.group_names[i]);
    if (found == groups.end() || op.peer < 0 || static_cast<std::size_t>(op.peer) >= found->second.size()) continue;
    op.peer = static_cast<std::int32_t>(found->second[static_cast<std::size_t>(op.peer)]);
  }
}

/// Equal files are one graph. Files are compared, not kept: those of a large job would not fit into memory together.
class SameFiles {
 public:
  /// The graph of an equal file before, or `graph` and true.
  std::pair<std::uint32_t, bool> add(const std::string& bytes, const std::string& file, std::uint32_t graph) {
    const std::size_t hash = std::hash<std::string>{}(bytes);
    const auto [begin, end] = files_.equal_range(hash);
    for (auto at = begin; at != end; ++at) {
      if (read_file_bytes(at->second.first) == bytes) return {at->second.second, false};
    }
    files_.emplace(hash, std::pair{file, graph});
    return {graph, true};
  }

 private:
  std::multimap<std::size_t, std::pair<std::string, std::uint32_t>> files_;  ///< name and graph by hash of the content
};

/// PREFIX of PREFIX.<rank>.et and so on when files of other ranks lie beside it, else "".
std::string prefix_of(const std::string& file) {
  const fs::path path(file);
  const std::string name = path.filename().string();
  for (std::size_t at = name.find_first_of("._-"); at != std::string::npos; at = name.find_first_of("._-", at + 1)) {
    RankId rank = 0;
    if (at == 0 || !rank_of_name(name, name.substr(0, at), rank)) continue;
    const std::string prefix =
        path.has_parent_path() ? (path.parent_path() / name.substr(0, at)).string() : name.substr(0, at);
    return files_of_prefix(prefix).size() > 1 ? prefix : "";
  }
  return "";
}

/// Ranks of the whole job by what the trace says itself: its own words, its groups, its peers. 0 = nothing.
RankId world_of(const RankTrace& rank) {
  RankId world = std::max(rank.world, rank.least_world);
  for (const auto& entry : rank.embedded) {
    for (const RankId member : entry.second) world = std::max(world, member + 1);
  }
  for (const Op& op : rank.graph.ops) {
    const bool message = op.kind == OpKind::kSend || op.kind == OpKind::kRecv;
    if (message && rank.global_peers && op.peer >= 0) world = std::max(world, static_cast<RankId>(op.peer) + 1);
  }
  return world;
}

/// One file of a job of many ranks, alone: its collectives could not be entered by the others.
void check_world(const Files& files, std::vector<RankTrace>& ranks, Findings& findings) {
  if (files.ranks != 1 || ranks.empty()) return;
  Graph& graph = ranks[0].graph;
  const auto messages =
      std::count_if(graph.ops.begin(), graph.ops.end(), [](const Op& op) { return is_communication(op.kind); });
  const RankId world = world_of(ranks[0]);
  const std::string prefix = prefix_of(files.of_rank[0]);
  // Profilers say the size of the job on purpose; elsewhere it matters only to what is sent.
  const bool profiled = graph.format == "kineto" || graph.format == "pytorch-et";
  const bool one_of_many = world > 1 && (messages > 0 || profiled);
  if (files.prefix.empty() && (one_of_many || (messages > 0 && !prefix.empty()))) {
    findings.add(
        "{}: found the file of one rank of a job of {}, expected all of them; give the prefix{}, or set "
        "workload.replicate=true (--replicate) and workload.ranks={} (--ranks) to use this file for all",
        files.of_rank[0], world > 1 ? std::to_string(world) : "several ranks (their files lie beside it)",
        prefix.empty() ? " of one file per rank" : fmt::format(" '{}'", prefix),
        world > 1 ? std::to_string(world) : "N");
  } else if (messages > 0) {
    graph.warnings.push_back(
        fmt::format("{}: {} collectives and messages have one rank only and move nothing; if this is one rank of a "
                    "larger job, set workload.replicate=true and workload.ranks, or give all of its files",
                    files.of_rank[0], messages));
  }
}

RankTrace decode(const RankRequest& request, Findings& findings) {
  if (const RankFormat* format = rank_format_of(request.bytes)) return format->decode(request, findings);
  findings.add(
      "{}: found {} bytes of no format that has one file per rank, expected a Chakra, PyTorch or Kineto trace; "
      "see `dojosim list formats`",
      request.file, request.bytes.size());
  return {};
}

}  // namespace

std::map<RankId, std::string> files_of_prefix(const std::string& prefix) {
  std::map<RankId, std::string> files;
  const fs::path path(prefix);
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    RankId rank = 0;
    const std::string name = entry->path().filename().string();
    if (!rank_of_name(name, path.filename().string(), rank)) continue;
    // The plain file wins over a compressed one beside it.
    const std::string full = path.has_parent_path() ? (folder / name).string() : name;
    const auto [at, added] = files.emplace(rank, full);
    if (!added && full.size() < at->second.size()) at->second = full;
  }
  return files;
}

bool is_rank_prefix(const std::string& path) {
  return !path.empty() && !files_of_prefix(path).empty();
}

const RankFormat* rank_format_of(const std::string& bytes) {
  for (const RankFormat& format : rank_formats()) {
    if (format.looks(bytes)) return &format;
  }
  return nullptr;
}

Workload read_ranks(const std::string& path, const TraceOptions& options, std::vector<std::string>* files_read,
                    Findings& findings, std::string bytes) {
  Workload workload;
  const Files files = choose_files(path, options, findings);
  if (!findings.empty()) return workload;
  std::string source;
  RankGroups groups = find_groups(files, options, source, files_read, findings);
  const bool external = !groups.empty();
  std::vector<RankTrace> ranks;
  SameFiles same;
  std::vector<std::uint32_t> graph_of_file;
  std::map<std::pair<dev_t, ino_t>, std::uint32_t> linked;  // one file under many names is read once
  ChakraParts parts;
  for (RankId rank = 0; rank < files.of_rank.size(); ++rank) {
    if (files_read != nullptr) files_read->push_back(files.of_rank[rank]);
    struct stat about = {};
    const bool known = ::stat(files.of_rank[rank].c_str(), &about) == 0;
    const auto link = linked.find({about.st_dev, about.st_ino});
    if (known && link != linked.end()) {
      graph_of_file.push_back(link->second);
      continue;
    }
    if (bytes.empty()) bytes = read_file_bytes(files.of_rank[rank]);
    if (parts.add(bytes, files.of_rank[rank], findings)) {  // written by `trace convert`
      graph_of_file.push_back(0);
      if (known) linked.emplace(std::pair{about.st_dev, about.st_ino}, 0U);
      bytes.clear();
      continue;
    }
    const auto [graph, added] = same.add(bytes, files.of_rank[rank], static_cast<std::uint32_t>(ranks.size()));
    graph_of_file.push_back(graph);
    if (known) linked.emplace(std::pair{about.st_dev, about.st_ino}, graph);
    if (added) ranks.push_back(decode({bytes, files.of_rank[rank], rank, options}, findings));
    bytes.clear();
  }
  if (findings.empty() && !parts.empty()) return parts.join(path, options, findings);
  if (findings.empty()) check_world(files, ranks, findings);
  if (!findings.empty()) return workload;
  std::size_t world = 0;
  if (!external) {
    for (const RankTrace& rank : ranks) {
      groups.insert(rank.embedded.begin(), rank.embedded.end());
      world = std::max<std::size_t>(world, rank.world);
    }
  }
  workload.graph_of_rank =
      files.ranks == graph_of_file.size() ? graph_of_file : std::vector<std::uint32_t>(files.ranks, 0);
  workload.group_classes.push_back(all_ranks_class(files.ranks));
  GroupAssigner assigner(workload, groups, source, world, findings);
  for (RankTrace& rank : ranks) {
    globalise_peers(rank, groups);
    assigner.assign(rank.graph, rank.group_names);
    workload.graphs.push_back(std::move(rank.graph));
  }
  return workload;
}

}  // namespace dojo::workload
