// SPDX-License-Identifier: Apache-2.0
// Runs the dojosim program as a user would: arguments in, exit code and both streams out.
#pragma once
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/temporary_folder.h"

namespace dojo::test {

struct ProgramResult {
  int exit_code = -1;    ///< 128 + signal when it was killed
  std::string out, err;  ///< stdout, stderr
  double wall_s = 0;
  std::uint64_t peak_rss_bytes = 0;
};

/// Runs DOJO_PROGRAM with the arguments in the project's folder (so that configs/... is found).
inline ProgramResult run_program(const std::vector<std::string>& arguments) {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  const std::string err = folder / "err";
  std::string program = DOJO_PROGRAM;
  std::vector<std::string> words = arguments;
  std::vector<char*> argv{program.data()};
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  const auto begin = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child == 0) {  // only async-signal-safe calls from here on
    const int in_fd = open("/dev/null", O_RDONLY);
    const int out_fd = open(out.c_str(), O_WRONLY | O_CREAT, 0600);
    const int err_fd = open(err.c_str(), O_WRONLY | O_CREAT, 0600);
    if (in_fd < 0 || out_fd < 0 || err_fd < 0 || chdir(DOJO_SOURCE_DIR) != 0) _exit(126);
    dup2(in_fd, 0);
    dup2(out_fd, 1);
    dup2(err_fd, 2);
    execv(argv[0], argv.data());
    _exit(127);
  }
  int status = 0;
  rusage usage{};
  if (wait4(child, &status, 0, &usage) != child) throw std::runtime_error("wait4 failed");

  ProgramResult result;
  result.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.peak_rss_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  result.out = read_file(out);
  result.err = read_file(err);
  return result;
}

/// report.json of a run folder.
inline nlohmann::json read_report(const std::string& folder) {
  return nlohmann::json::parse(read_file(folder + "/report.json"));
}

}  // namespace dojo::test
