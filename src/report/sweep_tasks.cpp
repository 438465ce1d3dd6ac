// SPDX-License-Identifier: Apache-2.0
// Scripts by which others run the points of a sweep: a job array of Slurm, or commands for a template.
#include <algorithm>
#include <filesystem>
#include <set>

#include "dojo/base/error.h"
#include "dojo/base/files.h"
#include "dojo/base/processors.h"
#include "report/sweep_run.h"

namespace dojo::report {
namespace fs = std::filesystem;
namespace {

/// A scheduler takes seconds for each task, so that many points go into one.
constexpr std::size_t kPointsInTask = 8;
/// Slurm's default of MaxArraySize is 1001, which is the largest number plus one.
constexpr std::size_t kMostTasks = 1000;

void replace_all(std::string& text, const std::string& what, const std::string& with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

/// A name in a line of #SBATCH. Slurm replaces % and has no way to write a quote.
std::string sbatch_word(std::string name, const char* option) {
  if (name.find_first_of("\"\\\n") != std::string::npos) {
    throw Error(ExitCode::kUsage,
                fmt::format("{}: found '{}', expected a name without quotes, backslashes and line feeds, which Slurm "
                            "cannot take; choose another folder",
                            option, name));
  }
  replace_all(name, "%", "%%");
  return "\"" + name + "\"";
}

std::string points_option(const SweepRequest& request) {
  return request.points_file.empty() ? "" : " --points " + shell_word(request.points_file);
}

/// The sweep of one task; `shard` and `processors` are texts of the shell.
std::string task_line(const SweepRequest& request, const std::string& shard, const std::string& processors) {
  std::string line = fmt::format("exec {} sweep {} --out {} --only points --resume --shard {} --processors {}",
                                 shell_word(request.program), shell_word(request.file), shell_word(request.directory),
                                 shard, processors);
  for (const std::string& word : request.run_options) line += " " + shell_word(word);
  return line + points_option(request) + "\n";
}

std::string go_to(const std::string& folder) {
  return "cd " + shell_word(folder) + " || exit\n";
}

/// "1-8%2" or "1,3,7".
std::string array_of(const SweepRequest& request, const Tasks& tasks) {
  const std::string limit = request.jobs > 0 ? fmt::format("%{}", request.jobs) : "";
  if (tasks.numbers.size() == tasks.count) return fmt::format("1-{}{}", tasks.count, limit);
  return fmt::format("{}{}", fmt::join(tasks.numbers, ","), limit);
}

/// Submits the array, then once more for each further rung, whose points follow from the rung before.
std::string submit_lines(const SweepRequest& request, const Tasks& tasks, const std::string& folder) {
  const std::string script = shell_word(folder + "/points.sh"), job = shell_word(folder + "/job");
  std::string lines = fmt::format("id=$(sbatch --parsable {})\nid=${{id%%;*}}\necho \"$id\" >{}\n", script, job);
  Tasks all = tasks;  // of a later rung nobody knows yet which are due
  all.numbers.resize(all.count);
  for (std::size_t rung = 1; rung < tasks.rungs; ++rung)
    lines += fmt::format(
        "ids=\"$ids$id \"\nid=$(sbatch --parsable --dependency=\"afterany:$id\" --array={} {})\nid=${{id%%;*}}\n"
        "echo \"$ids$id\" >{}\n",
        array_of(request, all), script, job);
  return lines + fmt::format("exec sbatch --dependency=\"afterany:$id\" \"$@\" {}\n", shell_word(folder + "/merge.sh"));
}

std::string slurm_head(const SweepRequest& request, const char* what, const char* log) {
  const std::string name = fs::path(request.file).stem().string();
  const std::string folder = fs::absolute(request.directory).lexically_normal().string();
  return fmt::format(
      "#!/bin/sh\n# Written by dojosim sweep; made again by the next.\n#SBATCH --job-name={}\n#SBATCH --output={}\n"
      "#SBATCH --open-mode=append\n#SBATCH --requeue\n",
      sbatch_word(name + what, "SWEEP.json"),
      sbatch_word(folder, "--out").substr(0, sbatch_word(folder, "--out").size() - 1) + "/slurm/" + log + "\"");
}

std::string user_lines(const SweepRequest& request) {
  std::string lines;
  for (const std::string& option : request.sbatch) lines += "#SBATCH " + option + "\n";
  return lines;
}

}  // namespace

std::string shell_word(const std::string& text) {
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

Tasks plan_tasks(const SweepRequest& request, const Plan& plan, const std::vector<std::size_t>& due) {
  Tasks tasks;
  const std::size_t points = plan.points.size();
  const std::size_t wanted = request.tasks > 0 ? static_cast<std::size_t>(request.tasks)
                                               : std::min(kMostTasks, (points + kPointsInTask - 1) / kPointsInTask);
  tasks.count = std::max<std::size_t>(1, std::min(wanted, points));
  std::set<std::size_t> numbers;
  for (const std::size_t number : due) numbers.insert(number % tasks.count == 0 ? tasks.count : number % tasks.count);
  tasks.numbers.assign(numbers.begin(), numbers.end());
  const int threads = static_cast<int>(std::max<std::int64_t>(1, plan.threads));
  tasks.processors = request.processors > 0 ? request.processors : threads;
  // 4.2 KB a node for the ExaPod, 7 KB for a tile (docs/performance.md), and what a trace may take.
  constexpr std::uint64_t kAnyway = 512, kNodesInMebibyte = 170;
  const auto at_a_time = static_cast<std::uint64_t>(std::max(1, tasks.processors / threads));
  tasks.mebibytes = at_a_time * (kAnyway + static_cast<std::uint64_t>(plan.nodes) / kNodesInMebibyte);
  tasks.folder = fs::current_path().string();
  return tasks;
}

std::string write_slurm_scripts(const SweepRequest& request, const Tasks& tasks) {
  const std::string folder = request.directory + "/slurm";
  (void)make_folders(folder);
  write_file(folder + "/points.sh",
             slurm_head(request, "", "task-%a.log") +
                 fmt::format("#SBATCH --array={}\n#SBATCH --cpus-per-task={}\n#SBATCH --mem={}M\n",
                             array_of(request, tasks), tasks.processors, tasks.mebibytes) +
                 user_lines(request) + go_to(tasks.folder) +
                 task_line(request, fmt::format("\"$SLURM_ARRAY_TASK_ID/{}\"", tasks.count),
                           fmt::format("\"${{SLURM_CPUS_PER_TASK:-{}}}\"", tasks.processors)));
  write_file(folder + "/merge.sh",
             slurm_head(request, "-results", "merge.log") + "#SBATCH --cpus-per-task=1\n#SBATCH --mem=512M\n" +
                 user_lines(request) + go_to(tasks.folder) +
                 fmt::format("exec {} sweep {} --out {} --only results{}\n", shell_word(request.program),
                             shell_word(request.file), shell_word(request.directory), points_option(request)));
  std::string submit = folder + "/submit.sh";
  write_file(
      submit,
      "#!/bin/sh\n# Submits the points as a job array, and the job that writes results.csv when all of its tasks "
      "have ended.\n# Options are those of that job: --wait.\nset -e\nids=\ncd " +
          shell_word(tasks.folder) + "\n" + submit_lines(request, tasks, folder));
  fs::permissions(submit, fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec,
                  fs::perm_options::add);
  return submit;
}

std::vector<Child> write_task_commands(const SweepRequest& request, const Tasks& tasks) {
  const std::string folder = fs::absolute(request.directory + "/tasks").lexically_normal().string();
  (void)make_folders(folder);
  const std::string all = folder + "/all.txt";
  std::string lines;
  for (const std::size_t number : tasks.numbers) {
    const std::string script = fmt::format("{}/{}.sh", folder, number);
    write_file(script,
               "#!/bin/sh\n# Written by dojosim sweep; made again by the next.\n" + go_to(tasks.folder) +
                   task_line(request, fmt::format("{}/{}", number, tasks.count), std::to_string(tasks.processors)));
    lines += "sh " + shell_word(script) + "\n";
  }
  write_file(all, lines);
  const int fit = static_cast<int>(available_processors()) / tasks.processors;
  const std::string jobs = std::to_string(request.jobs > 0 ? request.jobs : std::max(1, fit));
  const auto filled = [&](const std::string& script, const std::string& log) {
    std::string line = request.template_line;
    // One after the other from the left: a name may hold what looks like a word of the template.
    const std::pair<const char*, std::string> words[] = {{"{tasks}", shell_word(all)},
                                                         {"{task}", shell_word(script)},
                                                         {"{count}", std::to_string(tasks.numbers.size())},
                                                         {"{jobs}", jobs}};
    for (std::size_t at = 0; at < line.size(); ++at) {
      for (const auto& [word, with] : words) {
        if (line.compare(at, std::string(word).size(), word) != 0) continue;
        line.replace(at, std::string(word).size(), with);
        at += with.size() - 1;
        break;
      }
    }
    return Child{{"/bin/sh", "-c", line}, {}, folder + "/" + log, {}};
  };
  if (request.template_line.find("{tasks}") != std::string::npos) return {filled("", "command.log")};
  std::vector<Child> commands;
  for (const std::size_t number : tasks.numbers)
    commands.push_back(filled(fmt::format("{}/{}.sh", folder, number), fmt::format("{}.log", number)));
  return commands;
}

}  // namespace dojo::report
