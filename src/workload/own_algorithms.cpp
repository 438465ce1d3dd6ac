// SPDX-License-Identifier: Apache-2.0
// The table of algorithms that are not the project's. Their numbers follow those of the built-in ones.
#include "dojo/workload/own_algorithms.h"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <limits>
#include <utility>

#include "dojo/base/error.h"

namespace dojo::workload {
namespace {

/// Either a collective or a file.
struct Entry {
  OwnCollective collective;
  std::string file;
  std::optional<std::vector<FileSchedule>> schedules;
};

constexpr std::size_t kBuiltIn = std::tuple_size_v<decltype(enum_entries(Algorithm{}))>;
constexpr std::size_t kMostOwn = std::numeric_limits<std::uint8_t>::max() - kBuiltIn;

/// Entries stay where they are: others hold pointers to them.
std::deque<Entry>& entries() {
  static std::deque<Entry> all;
  return all;
}

Entry* entry_of(Algorithm algorithm) {
  const auto number = static_cast<std::size_t>(algorithm);
  return number >= kBuiltIn && number - kBuiltIn < entries().size() ? &entries()[number - kBuiltIn] : nullptr;
}

Algorithm add(Entry entry) {
  if (entries().size() >= kMostOwn) {
    throw Error(
        ExitCode::kInvalidInput,
        fmt::format("found more than {} algorithms of plug-ins and files of schedules, expected no more", kMostOwn));
  }
  entries().push_back(std::move(entry));
  return static_cast<Algorithm>(kBuiltIn + entries().size() - 1);
}

/// The same for the same file, wherever it is named.
std::string canonical_name(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error).lexically_normal();
  const std::string relative = absolute.lexically_proximate(std::filesystem::current_path(error)).string();
  return relative.rfind("../../", 0) == 0 ? absolute.string() : relative;
}

[[noreturn]] void refuse(const OwnCollective& collective, const std::string& words) {
  throw Error(ExitCode::kInvalidInput, fmt::format("collective \"{}\": {}", collective.name, words));
}

}  // namespace

bool is_own_name(const std::string& name) {
  constexpr std::size_t kLongest = 64;
  return !name.empty() && name.size() <= kLongest && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

Algorithm add_collective(OwnCollective collective) {
  if (!is_own_name(collective.name))
    refuse(collective, "found this name, expected up to 64 letters, digits, '_' and '-'");
  if (const std::optional<Algorithm> taken = algorithm_named(collective.name)) {
    const OwnCollective* other = own_collective(*taken);
    refuse(collective, fmt::format("found a name that {} has, expected another name",
                                   other == nullptr ? "a built-in algorithm" : other->origin));
  }
  if (!collective.steps) refuse(collective, "found no function for its steps, expected one");
  if (collective.kinds.empty()) refuse(collective, "found no kinds of operations that it serves, expected one or more");
  for (const OpKind kind : collective.kinds)
    if (!is_collective(kind))
      refuse(collective, fmt::format("found the kind {}, expected collectives such as all_reduce", op_kind_name(kind)));
  Entry entry;
  entry.collective = std::move(collective);
  return add(std::move(entry));
}

Algorithm schedule_file(const std::string& path) {
  const std::string name = canonical_name(path);
  for (std::size_t i = 0; i < entries().size(); ++i)
    if (entries()[i].file == name) return static_cast<Algorithm>(kBuiltIn + i);
  Entry entry;
  entry.file = name;
  return add(std::move(entry));
}

void add_schedules(Algorithm file, std::vector<FileSchedule> schedules) {
  Entry* entry = entry_of(file);
  DOJO_CHECK(entry != nullptr && !entry->file.empty(), "schedules of no file");
  entry->schedules = std::move(schedules);
}

std::string algorithm_name(Algorithm algorithm) {
  const Entry* entry = entry_of(algorithm);
  if (entry == nullptr) return schema::enum_text(algorithm);
  return entry->file.empty() ? entry->collective.name : entry->file;
}

std::optional<Algorithm> algorithm_named(const std::string& word) {
  if (const auto built_in = schema::enum_value<Algorithm>(word)) return built_in;
  for (std::size_t i = 0; i < entries().size(); ++i)
    if (entries()[i].file.empty() && entries()[i].collective.name == word) return static_cast<Algorithm>(kBuiltIn + i);
  return std::nullopt;
}

std::vector<std::string> algorithm_names() {
  std::vector<std::string> names = schema::enum_words<Algorithm>();
  for (const OwnCollective* own : own_collectives()) names.push_back(own->name);
  return names;
}

bool names_schedule_file(const std::string& choice) {
  constexpr std::string_view kEnding = ".json";
  return choice.size() > kEnding.size() && choice.compare(choice.size() - kEnding.size(), kEnding.size(), kEnding) == 0;
}

const OwnCollective* own_collective(Algorithm algorithm) {
  const Entry* entry = entry_of(algorithm);
  return entry != nullptr && entry->file.empty() ? &entry->collective : nullptr;
}

std::vector<const OwnCollective*> own_collectives() {
  std::vector<const OwnCollective*> all;
  for (const Entry& entry : entries())
    if (entry.file.empty()) all.push_back(&entry.collective);
  return all;
}

std::string file_of(Algorithm algorithm) {
  const Entry* entry = entry_of(algorithm);
  return entry == nullptr ? "" : entry->file;
}

const std::vector<FileSchedule>* schedules_of(Algorithm algorithm) {
  const Entry* entry = entry_of(algorithm);
  return entry != nullptr && entry->schedules ? &*entry->schedules : nullptr;
}

const CollectiveSchedule* schedule_for(Algorithm file, const CollectiveTask& task) {
  const std::vector<FileSchedule>* schedules = schedules_of(file);
  if (schedules == nullptr) return nullptr;
  const bool rooted = traits(task.kind).has(OpTraits::kHasRoot);
  for (const FileSchedule& each : *schedules) {
    if (each.task.kind == task.kind && each.task.members == task.members && (!rooted || each.task.root == task.root))
      return &each.schedule;
  }
  return nullptr;
}

std::vector<Algorithm> algorithms_of_plan(const std::string& plan) {
  std::vector<Algorithm> found;
  if (const std::optional<Algorithm> named = algorithm_named(plan)) found.push_back(*named);
  for (std::size_t i = 0; i < entries().size(); ++i)
    if (std::filesystem::path(entries()[i].file).filename() == plan)
      found.push_back(static_cast<Algorithm>(kBuiltIn + i));
  return found;
}

}  // namespace dojo::workload
