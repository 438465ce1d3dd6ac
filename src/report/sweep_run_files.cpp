// SPDX-License-Identifier: Apache-2.0
// The files beside the folder of a run: NAME.log while it runs, then NAME.made or NAME.failed.
#include <algorithm>
#include <filesystem>
#include <sstream>

#include "dojo/base/error.h"
#include "report/files.h"
#include "report/sweep_results.h"

namespace dojo::report {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail(const std::string& file, const char* action, const std::error_code& error) {
  throw Error(ExitCode::kIo, fmt::format("{}: cannot be {}: {}", file, action, error.message()));
}

/// Of an earlier sweep, or of this one. What is no file is not ours.
void remove_result(const std::string& file) {
  std::error_code failed;
  const fs::file_type type = fs::symlink_status(file, failed).type();
  if (type == fs::file_type::not_found) return;
  if (type == fs::file_type::none) fail(file, "looked at", failed);
  if (type != fs::file_type::regular) {
    throw Error(ExitCode::kIo, fmt::format("{}: found a link, a folder or a device, expected a file of an earlier "
                                           "sweep; remove it, or give another --out",
                                           file));
  }
  if (!fs::remove(file, failed) && failed) fail(file, "removed", failed);
}

}  // namespace

std::string first_line(const std::string& file) {
  std::istringstream text(result_is_there(file) ? read_text(file) : std::string());
  std::string line;
  while (std::getline(text, line) && line.empty()) {
  }
  return line;
}

std::string RunFiles::folder(const PointRun& run) const {
  return directory_ + "/" + place_of(sweep_, run);
}

bool RunFiles::is_current(const PointRun& run) {
  const std::string made = folder(run) + ".made";
  if (!run_done(folder(run)) || !result_is_there(made)) return false;
  if (read_text(made) != identity(run) + report_hash(run)) return false;
  const Json report = read_json(folder(run) + "/report.json");
  const Json inputs = report.value("inputs", Json::object());
  return std::all_of(inputs.items().begin(), inputs.items().end(),
                     [&](const auto& input) { return input.value() == sha256_of(input.key()); });
}

bool RunFiles::has_failed(const PointRun& run) const {
  return result_is_there(folder(run) + ".failed");
}

void RunFiles::forget(const PointRun& run) const {
  for (const char* rest : {"/report.json", ".failed", ".log", ".made"}) remove_result(folder(run) + rest);
}

void RunFiles::note_success(const PointRun& run) {
  write_file(folder(run) + ".made", identity(run) + report_hash(run));
  std::error_code later;  // remove_log_of_finished() says why
  fs::remove(folder(run) + ".log", later);
}

void RunFiles::note_failure(const PointRun& run, int code) const {
  const std::string line = first_line(folder(run) + ".log");
  const std::string why = line.empty() ? "no message" : line;
  write_file(folder(run) + ".failed",
             code == 0 ? "exit 0: the run left no complete report.json\n" : fmt::format("exit {}: {}\n", code, why));
}

std::string RunFiles::failure(const PointRun& run) const {
  return first_line(folder(run) + ".failed");
}

void RunFiles::remove_log_of_finished(const PointRun& run) const {
  if (result_is_there(folder(run) + ".made")) remove_result(folder(run) + ".log");
}

/// Of what a run is made from: this program, and its whole configuration with the contents of its files.
std::string RunFiles::identity(const PointRun& run) {
  config::RunConfig config = config::load(load_request(sweep_, run));
  config.run.threads = 0;  // no result depends on it
  std::string all;
  for (const std::string& file : made_by_) all += sha256_of(file);
  all += config::resolved_json(config);
  for (const auto& [name, sha256] : config.input_sha256) all += sha256;
  return config::sha256_text(all) + "\n";
}

std::string RunFiles::report_hash(const PointRun& run) const {
  return config::sha256_file(folder(run) + "/report.json") + "\n";
}

/// "" for a file that cannot be read; each file is read once.
std::string RunFiles::sha256_of(const std::string& file) {
  const auto known = sha256_.find(file);
  if (known != sha256_.end()) return known->second;
  std::string hash;
  try {
    hash = config::sha256_file(file);
  } catch (const Error&) {
    hash.clear();
  }
  return sha256_.emplace(file, hash).first->second;
}

}  // namespace dojo::report
