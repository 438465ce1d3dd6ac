// SPDX-License-Identifier: Apache-2.0
// Runs commands as child processes, a few at a time, and stops in good order when it is interrupted.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "dojo/base/error.h"
#include "dojo/report/report.h"
#include "report/sweep_parts.h"

extern char** environ;

namespace dojo::report {
namespace {

/// Signals are taken one by one with sigtimedwait, so that no handler and no global is needed.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigemptyset(&set_);
    for (const int signal : {SIGCHLD, SIGINT, SIGTERM}) sigaddset(&set_, signal);
    pthread_sigmask(SIG_BLOCK, &set_, &old_);
    // Who started this program may have it ignore SIGCHLD; then no child could be waited for.
    struct sigaction usual {};
    usual.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &usual, &old_child_);
  }
  ~BlockedSignals() {
    sigaction(SIGCHLD, &old_child_, nullptr);
    pthread_sigmask(SIG_SETMASK, &old_, nullptr);
  }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;
  /// Waits at most half a second: a SIGCHLD may stand for several children, or for one that was seen already.
  [[nodiscard]] int next() const {
    const timespec half_second{0, 500'000'000};
    return sigtimedwait(&set_, nullptr, &half_second);
  }
  [[nodiscard]] const sigset_t& old_mask() const { return old_; }

 private:
  sigset_t set_{}, old_{};
  struct sigaction old_child_ {};
};

pid_t spawn(const Command& command, const sigset_t& mask) {
  std::vector<char*> arguments;
  for (const std::string& argument : command.arguments) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  const bool redirected = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0 &&
                          posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) == 0 &&
                          posix_spawn_file_actions_addopen(&files, STDERR_FILENO, command.log.c_str(),
                                                           O_WRONLY | O_CREAT | O_TRUNC, 0666) == 0;
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &mask);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGINT);
  sigaddset(&defaults, SIGTERM);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  const int group = command.others ? POSIX_SPAWN_SETPGROUP : 0;  // the default is a new one
  posix_spawnattr_setflags(&attributes, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group));
  std::string parent = fmt::format("{}={}", kParentVariable, ::getpid());
  std::vector<char*> environment;
  if (!command.others) environment.push_back(parent.data());
  for (char** entry = environ; *entry != nullptr; ++entry) environment.push_back(*entry);
  environment.push_back(nullptr);
  pid_t child = 0;
  const int error = redirected
                        ? posix_spawn(&child, arguments[0], &files, &attributes, arguments.data(), environment.data())
                        : ENOMEM;
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    throw Error(ExitCode::kIo, fmt::format("{}: cannot start the program (its log: {}): {}", arguments[0], command.log,
                                           std::strerror(error)));
  }
  return child;
}

constexpr int kUnknownEnd = 0xff00;  // as of a child that ended with 255

int exit_code(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct Running {
  pid_t child;
  std::size_t index;
  bool group;
};

void tell_and_wait(std::vector<Running>& running) {
  for (const Running& r : running) ::kill(r.group ? -r.child : r.child, SIGINT);
  for (const Running& r : running) {
    while (::waitpid(r.child, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  running.clear();
}

}  // namespace

bool run_pool(const std::vector<Command>& commands, int jobs, const std::function<void(std::size_t, int)>& finished,
              const std::function<bool()>& interrupted) {
  const BlockedSignals signals;
  if (interrupted && interrupted()) return false;
  std::vector<Running> running;
  std::size_t next = 0;
  try {
    while (next < commands.size() || !running.empty()) {
      while (next < commands.size() && running.size() < static_cast<std::size_t>(jobs)) {
        running.push_back({spawn(commands[next], signals.old_mask()), next, commands[next].others});
        ++next;
      }
      const int signal = signals.next();
      if (signal == SIGINT || signal == SIGTERM) {
        tell_and_wait(running);
        return false;
      }
      for (std::size_t i = 0; i < running.size();) {
        int status = kUnknownEnd;  // of a child that is gone, with nothing known of it
        const pid_t ended = ::waitpid(running[i].child, &status, WNOHANG);
        if (ended == 0 || (ended < 0 && errno == EINTR)) {
          ++i;
          continue;
        }
        const std::size_t index = running[i].index;
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
        finished(index, exit_code(status));
      }
    }
  } catch (...) {
    tell_and_wait(running);  // no child outlives the sweep
    throw;
  }
  return true;
}

}  // namespace dojo::report
