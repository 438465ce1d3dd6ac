// SPDX-License-Identifier: Apache-2.0
// Runs child processes, a few at a time, and stops in good order when it is interrupted.
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "dojo/base/error.h"
#include "report/sweep_run.h"

extern char** environ;

namespace dojo::report {
namespace {

constexpr int kKilled = 128 + SIGKILL;

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

/// Standard error of a child: its log, or memory that is read when it has ended.
int open_log(const Child& child) {
  const int log = child.log.empty() ? ::memfd_create("log", MFD_CLOEXEC)
                                    : ::open(child.log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (log < 0) {
    throw Error(ExitCode::kIo, fmt::format("{}: cannot be written, so its process is not started: {}",
                                           child.log.empty() ? "memory of a child" : child.log, std::strerror(errno)));
  }
  return log;
}

pid_t spawn(const Child& child, int log, const sigset_t& mask) {
  std::vector<char*> words;
  for (const std::string& word : child.program) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  const bool redirected = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0 &&
                          posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) == 0 &&
                          posix_spawn_file_actions_adddup2(&files, log, STDERR_FILENO) == 0;
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &mask);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGINT);
  sigaddset(&defaults, SIGTERM);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  constexpr auto kFlags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP;  // a group of its own
  posix_spawnattr_setflags(&attributes, static_cast<short>(kFlags));
  pid_t started = 0;
  const int error = redirected ? posix_spawn(&started, words[0], &files, &attributes, words.data(), environ) : ENOMEM;
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    throw Error(ExitCode::kIo, fmt::format("{}: cannot start the program: {}", child.program[0], std::strerror(error)));
  }
  return started;
}

/// In the new process. What it does there must not come back.
[[noreturn]] void work(const Child& child, int log, const sigset_t& mask, pid_t parent) {
  // At once: a partial report that it wrote could come behind that of the sweep that resumes.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kKilled);  // it ended before this could be asked for
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nothing < 0 || ::dup2(nothing, STDIN_FILENO) < 0 || ::dup2(nothing, STDOUT_FILENO) < 0 ||
      ::dup2(log, STDERR_FILENO) < 0)
    ::_exit(static_cast<int>(ExitCode::kIo));
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, SIG_DFL);
  pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  int code = static_cast<int>(ExitCode::kInternal);
  try {
    code = child.work();
  } catch (...) {  // it has nobody to say it to
  }
  std::fflush(nullptr);
  ::_exit(code);
}

pid_t fork_for(const Child& child, int log, const sigset_t& mask) {
  std::fflush(nullptr);  // else the child would write it too
  const pid_t parent = ::getpid(), started = ::fork();
  if (started == 0) work(child, log, mask, parent);
  if (started < 0)
    throw Error(ExitCode::kIo, fmt::format("{}: no process can be started: {}", child.log, std::strerror(errno)));
  return started;
}

constexpr int kUnknownEnd = 0xff00;  // as of a child that ended with 255

int exit_code(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct Running {
  pid_t process;
  std::size_t index;
  bool group;
  int log;
};

/// What a child said, of those that say it into memory.
std::string said(const Child& child, int log) {
  if (!child.log.empty()) return {};
  constexpr std::size_t kMost = 1 << 20;
  std::string text(kMost, '\0');
  const ssize_t length = ::pread(log, text.data(), text.size(), 0);
  text.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
  return text;
}

void tell_and_wait(std::vector<Running>& running) {
  for (const Running& r : running) ::kill(r.group ? -r.process : r.process, SIGINT);
  for (const Running& r : running) {
    while (::waitpid(r.process, nullptr, 0) < 0 && errno == EINTR) {
    }
    ::close(r.log);
  }
  running.clear();
}

Running start(const Child& child, std::size_t index, const sigset_t& mask) {
  if (child.before) child.before();
  const int log = open_log(child);
  try {
    const bool others = !child.program.empty();
    return {others ? spawn(child, log, mask) : fork_for(child, log, mask), index, others, log};
  } catch (...) {
    ::close(log);
    throw;
  }
}

}  // namespace

bool signal_is_pending() {
  sigset_t pending;
  sigemptyset(&pending);
  sigpending(&pending);
  return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1;
}

bool run_pool(const std::vector<Child>& children, int jobs, const Ended& ended,
              const std::function<bool()>& interrupted) {
  const BlockedSignals signals;
  if (interrupted && interrupted()) return false;
  std::vector<Running> running;
  std::size_t next = 0;
  try {
    while (next < children.size() || !running.empty()) {
      while (next < children.size() && running.size() < static_cast<std::size_t>(jobs) && !signal_is_pending()) {
        running.push_back(start(children[next], next, signals.old_mask()));
        ++next;
      }
      const int signal = signals.next();
      if (signal == SIGINT || signal == SIGTERM) {
        tell_and_wait(running);
        return false;
      }
      for (std::size_t i = 0; i < running.size();) {
        int status = kUnknownEnd;  // of a child that is gone, with nothing known of it
        const pid_t gone = ::waitpid(running[i].process, &status, WNOHANG);
        if (gone == 0 || (gone < 0 && errno == EINTR)) {
          ++i;
          continue;
        }
        const Running one = running[i];
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
        const std::string words = said(children[one.index], one.log);
        ::close(one.log);
        ended(one.index, exit_code(status), words);
      }
    }
  } catch (...) {
    tell_and_wait(running);  // no child outlives the sweep
    throw;
  }
  return true;
}

}  // namespace dojo::report
