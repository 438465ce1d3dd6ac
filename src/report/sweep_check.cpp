// SPDX-License-Identifier: Apache-2.0
// Which runs of a plan cannot be: each is read, placed and planned before the first one runs, as far as memory asks.
#include <algorithm>
#include <map>
#include <sstream>

#include "dojo/base/error.h"
#include "dojo/base/processors.h"
#include "report/digest.h"
#include "report/sweep_run.h"

namespace dojo::report {
namespace {

/// A check that ended for another reason says nothing of the run: the host had no more memory, or somebody killed it.
bool is_finding(int code) {
  for (const ExitCode known : {ExitCode::kUsage, ExitCode::kInvalidInput, ExitCode::kIo})
    if (code == static_cast<int>(known)) return true;
  return false;
}

}  // namespace

std::vector<RunWork> works_of(PointRunner& runner, const SweepFile& sweep, const std::vector<PointRun>& runs) {
  constexpr std::size_t kDigits = 16;  // of a hash: there may be a million
  std::vector<RunWork> works;
  for (const PointRun& run : runs) {
    const PointRunner::Origin origin = runner.origin(config::load(load_request(sweep, run)));
    works.push_back(
        {run, hash_of(origin.workload).substr(0, kDigits), hash_of(origin.workload + origin.job).substr(0, kDigits)});
  }
  // Those that share something follow one another, in the order of the first of them.
  std::map<std::string, std::size_t> workloads, jobs;
  for (std::size_t i = 0; i < works.size(); ++i) {
    workloads.emplace(works[i].workload, i);
    jobs.emplace(works[i].job, i);
  }
  std::stable_sort(works.begin(), works.end(), [&](const RunWork& a, const RunWork& b) {
    const std::size_t first = workloads[a.workload], second = workloads[b.workload];
    return first != second ? first < second : jobs[a.job] < jobs[b.job];
  });
  return works;
}

bool check_runs(const SweepRequest& request, const SweepFile& sweep, const std::vector<PointRun>& runs,
                std::vector<Unfit>& unfit) {
  const std::vector<RunWork> works = works_of(*request.runner, sweep, runs);
  std::vector<Child> children;
  std::vector<std::size_t> first_of;  // by child
  for (std::size_t i = 0; i < works.size(); ++i) {
    if (i > 0 && works[i].job == works[i - 1].job) continue;
    const config::LoadRequest load = load_request(sweep, works[i].run);
    Child child;
    child.work = [&request, load] { return request.runner->check(config::load(load)); };
    if (i == 0 || works[i].workload != works[i - 1].workload)
      child.before = [&request, load] { request.runner->share(config::load(load), false, signal_is_pending); };
    children.push_back(std::move(child));
    first_of.push_back(i);
  }
  const auto ended = [&](std::size_t child, int code, const std::string& words) {
    if (!is_finding(code)) return;
    const std::size_t end = child + 1 < first_of.size() ? first_of[child + 1] : works.size();
    for (std::size_t i = first_of[child]; i < end; ++i) unfit.push_back({works[i].run, code, words});
  };
  const int jobs = request.backend == "local" ? request.jobs : 0;
  const bool whole =
      run_pool(children, jobs > 0 ? jobs : static_cast<int>(available_processors()), ended, request.interrupted);
  std::sort(unfit.begin(), unfit.end(), [](const Unfit& a, const Unfit& b) {
    return a.run.point->index != b.run.point->index ? a.run.point->index < b.run.point->index : a.run.rung < b.run.rung;
  });
  return whole;
}

std::vector<std::string> unfit_lines(const SweepFile& sweep, const std::vector<Unfit>& unfit) {
  constexpr std::size_t kMostLines = 50;
  struct Line {
    std::string text;
    std::size_t more = 0;
  };
  std::vector<Line> found;
  std::map<std::string, std::size_t> of_words;  // many points may have the same finding
  for (const Unfit& one : unfit) {
    const std::string rung = sweep.rungs() > 1 ? fmt::format(" on rung {}", one.run.rung + 1) : "";
    std::istringstream words(one.words);
    for (std::string line; std::getline(words, line);) {
      if (line.empty()) continue;
      const auto [at, is_new] = of_words.emplace(line, found.size());
      if (!is_new) {
        ++found[at->second].more;
        continue;
      }
      found.push_back({fmt::format("{}: point {}{} ({}): {}", sweep.file, one.run.point->index, rung,
                                   fmt::join(choices_of(settings_of(sweep, *one.run.point, one.run.rung)), ", "), line),
                       0});
    }
  }
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < std::min(found.size(), kMostLines); ++i)
    lines.push_back(found[i].text + (found[i].more > 0 ? fmt::format(" (and {} more like it)", found[i].more) : ""));
  if (found.size() > kMostLines) lines.push_back(fmt::format("and {} more of these", found.size() - kMostLines));
  return lines;
}

}  // namespace dojo::report
