// SPDX-License-Identifier: Apache-2.0
// Algorithms of collectives that are not the project's: those of plug-ins, and schedules in files. Their names belong
// to the process, like the code behind them: what is read after they were added knows them. Not to be added to while
// anything is read or runs.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dojo/base/types.h"
#include "dojo/workload/choices.h"
#include "dojo/workload/collective_schedule.h"
#include "dojo/workload/op_kind.h"

namespace dojo::workload {

/// What an algorithm of one's own is asked for.
struct CollectiveCall {
  OpKind kind = OpKind::kAllReduce;
  Bytes bytes = 0;         ///< as in docs/collectives.md
  std::uint32_t root = 0;  ///< of a reduce or broadcast: a member
  struct Member {
    std::int32_t row = 0, column = 0;    ///< its first site, among all of the machine
    std::int32_t rows = 0, columns = 0;  ///< its sites
    std::uint32_t nodes = 0;             ///< that work
  };
  std::vector<Member> members;                 ///< in the order of the group
  std::int32_t die_rows = 0, die_columns = 0;  ///< sites of a die
};

struct OwnCollective {
  std::string name;           ///< letters, digits, '_' and '-'; no name that there is
  std::string sentence;       ///< for `dojosim list collectives`
  std::vector<OpKind> kinds;  ///< that it serves
  /// What each member does. An exception ends the run with its words.
  std::function<CollectiveSchedule(const CollectiveCall& call)> steps;
  /// Groups that it serves; empty: all.
  std::function<bool(const CollectiveCall& call)> serves;
  std::string origin;  ///< "--plugin FILE.so" or the like, for messages; set by what adds it
};

/// Throws Error(kInvalidInput) for a name that is taken or no name, and for one without kinds or steps.
Algorithm add_collective(OwnCollective collective);

/// One schedule of a file.
struct FileSchedule {
  CollectiveTask task;
  CollectiveSchedule schedule;
};
/// An algorithm by the name of a file of schedules, which need not have been read. The same file, the same algorithm.
Algorithm schedule_file(const std::string& path);
/// What was read of such a file.
void add_schedules(Algorithm file, std::vector<FileSchedule> schedules);

/// By its word or the name of its file.
[[nodiscard]] std::string algorithm_name(Algorithm algorithm);
/// Built-in ones and those that were added by name.
[[nodiscard]] std::optional<Algorithm> algorithm_named(const std::string& word);
[[nodiscard]] std::vector<std::string> algorithm_names();
/// A choice of a trace or config is a file of schedules, not a word.
[[nodiscard]] bool names_schedule_file(const std::string& choice);

/// What a plug-in may call what it adds: 1 to 64 letters, digits, '_' and '-'.
[[nodiscard]] bool is_own_name(const std::string& name);

/// nullptr for others.
[[nodiscard]] const OwnCollective* own_collective(Algorithm algorithm);
/// Those that were added by name, in the order in which they were.
[[nodiscard]] std::vector<const OwnCollective*> own_collectives();
/// The file of an algorithm that is one; empty for others.
[[nodiscard]] std::string file_of(Algorithm algorithm);
/// Of a file: nullptr when it has not been read.
[[nodiscard]] const std::vector<FileSchedule>* schedules_of(Algorithm algorithm);
/// Of a file: nullptr when it has none for the task.
[[nodiscard]] const CollectiveSchedule* schedule_for(Algorithm file, const CollectiveTask& task);
/// Those whose plans have this name: algorithms by their words, files by the last part of theirs.
[[nodiscard]] std::vector<Algorithm> algorithms_of_plan(const std::string& plan);

}  // namespace dojo::workload
