// SPDX-License-Identifier: Apache-2.0
// Preloaded before dojosim (LD_PRELOAD), makes calls of the C library fail as the environment says; walk.py drives it.
//   DOJO_FAULT_GROUP  memory, file or thread: which calls are counted, from the start of main() to its end
//   DOJO_FAULT_AT     the call that fails, from 1 on
//   DOJO_FAULT_HOW    once; lasting: every later call fails too; part: reads and writes do half of what was asked;
//                     signal: they are interrupted (EINTR)
//   DOJO_FAULT_LOG    file: with DOJO_FAULT_AT one line "FUNCTION PATH" when the fault is injected; without it a line
//                     "NUMBER HASH FUNCTION PATH" for each call, in group memory for each new place that calls
//   DOJO_FAULT_DEPTH  frames of the program that make a place
// Child processes are left alone. Nothing here allocates.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <unwind.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
}

namespace {

enum class How { kOnce, kLasting, kPart, kSignal };
enum class Group { kMemory, kFile, kThread };

struct State {
  Group group = Group::kMemory;
  How how = How::kOnce;
  std::uint64_t at = 0;  // 0: only the places are noted
  int log = -1;
  std::uint64_t depth = 4;
  std::uintptr_t base = 0, end = 0;  // of the program
};

State state;
std::atomic<bool> armed{false};
std::atomic<std::uint64_t> calls{0};
__thread int inside __attribute__((tls_model("initial-exec"))) = 0;
std::array<std::atomic<std::uint64_t>, 1 << 20> places;

class Inside {
 public:
  Inside() { ++inside; }
  ~Inside() { --inside; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
};

struct Stack {
  std::uint64_t hash = 1469598103934665603U, left = 0;
};

_Unwind_Reason_Code add_frame(_Unwind_Context* context, void* data) {
  auto* stack = static_cast<Stack*>(data);
  const std::uintptr_t at = _Unwind_GetIP(context);
  if (at < state.base || at >= state.end) return _URC_NO_REASON;
  stack->hash = (stack->hash ^ (at - state.base)) * 1099511628211U;
  return --stack->left == 0 ? _URC_END_OF_STACK : _URC_NO_REASON;
}

std::uint64_t place() {
  Stack stack;
  stack.left = state.depth;
  _Unwind_Backtrace(add_frame, &stack);
  return stack.hash;
}

/// True the first time.
bool is_new(std::uint64_t hash) {
  for (std::size_t i = hash % places.size();; i = (i + 1) % places.size()) {
    std::uint64_t seen = 0;
    if (places[i].compare_exchange_strong(seen, hash)) return true;
    if (seen == hash) return false;
  }
}

void note(const char* words, std::size_t length) {
  syscall(SYS_write, state.log, words, length);
}

void note_fault(std::uint64_t number, std::uint64_t hash, const char* function, const char* path) {
  std::array<char, PATH_MAX + 128> line;
  const int length =
      state.at == 0 ? snprintf(line.data(), line.size(), "%llu %llx %s %s\n", static_cast<unsigned long long>(number),
                               static_cast<unsigned long long>(hash), function, path)
                    : snprintf(line.data(), line.size(), "%s %s\n", function, path);
  note(line.data(), static_cast<std::size_t>(length));
}

/// Counts a call; true when it has to fail.
bool due(Group group, const char* function, const char* path) {
  if (!armed.load(std::memory_order_relaxed) || inside != 0 || group != state.group) return false;
  const Inside guard;
  const int error = errno;
  const std::uint64_t number = calls.fetch_add(1) + 1;
  if (state.at == 0) {
    const std::uint64_t hash = place();
    if (group != Group::kMemory || is_new(hash)) note_fault(number, hash, function, path);
  }
  const bool fails = state.at != 0 && (number == state.at || (state.how == How::kLasting && number > state.at));
  if (fails && number == state.at) note_fault(number, 0, function, path);
  errno = error;
  return fails;
}

bool due_file(const char* function, const char* path) {
  return due(Group::kFile, function, path);
}

bool due_file(const char* function, int descriptor) {
  if (!armed.load(std::memory_order_relaxed) || inside != 0 || state.group != Group::kFile) return false;
  std::array<char, PATH_MAX> path{};
  std::array<char, 64> name;
  snprintf(name.data(), name.size(), "/proc/self/fd/%d", descriptor);
  const int error = errno;
  syscall(SYS_readlink, name.data(), path.data(), path.size() - 1);
  errno = error;
  return due_file(function, path.data());
}

bool due_memory(const char* function) {
  return due(Group::kMemory, function, "-");
}

_Unwind_Reason_Code print_frame(_Unwind_Context* context, void*) {
  const std::uintptr_t at = _Unwind_GetIP(context);
  std::array<char, 32> text;
  if (at >= state.base && at < state.end)
    syscall(SYS_write, STDERR_FILENO, text.data(),
            snprintf(text.data(), text.size(), " %#llx", static_cast<unsigned long long>(at - state.base - 1)));
  return _URC_NO_REASON;
}

template <class Function>
Function* real(const char* name, Function*) {
  const Inside guard;
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}
#define REAL(name)                                   \
  (*[] {                                             \
    static auto* const found = real(#name, &::name); \
    return found;                                    \
  }())

int find_program(dl_phdr_info* info, std::size_t, void*) {
  state.base = info->dlpi_addr;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& part = info->dlpi_phdr[i];
    if (part.p_type == PT_LOAD && info->dlpi_addr + part.p_vaddr + part.p_memsz > state.end)
      state.end = info->dlpi_addr + part.p_vaddr + part.p_memsz;
  }
  return 1;  // the first one is the program
}

const char* variable(const char* name, const char* otherwise) {
  const char* value = getenv(name);
  return value == nullptr ? otherwise : value;
}

void set_up() {
  const char* group = variable("DOJO_FAULT_GROUP", "");
  if (*group == '\0') return;
  state.group = *group == 'm' ? Group::kMemory : *group == 'f' ? Group::kFile : Group::kThread;
  const char* how = variable("DOJO_FAULT_HOW", "once");
  state.how = *how == 'l' ? How::kLasting : *how == 'p' ? How::kPart : *how == 's' ? How::kSignal : How::kOnce;
  state.at = strtoull(variable("DOJO_FAULT_AT", "0"), nullptr, 10);
  state.depth = strtoull(variable("DOJO_FAULT_DEPTH", "4"), nullptr, 10);
  state.log = static_cast<int>(syscall(SYS_openat, AT_FDCWD, variable("DOJO_FAULT_LOG", "/dev/null"),
                                       O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  constexpr int kFar = 900;  // the program's own descriptors keep their numbers
  const int far = static_cast<int>(syscall(SYS_fcntl, state.log, F_DUPFD_CLOEXEC, kFar));
  syscall(SYS_close, state.log);
  state.log = far;
  dl_iterate_phdr(find_program, nullptr);
  place();  // loads what the unwinder needs
  unsetenv("LD_PRELOAD");
  pthread_atfork(nullptr, nullptr, [] { armed = false; });
  armed = true;
}

int (*program_main)(int, char**, char**);

int watched_main(int count, char** words, char** environment) {
  set_up();
  const int code = program_main(count, words, environment);
  armed = false;
  return code;
}

/// Half of what was asked for, at least one byte.
std::size_t part(std::size_t bytes) {
  return bytes > 1 ? bytes / 2 : bytes;
}

ssize_t failed(int error) {
  errno = error;
  return -1;
}

template <class Do>
ssize_t transfer(const char* function, int descriptor, std::size_t bytes, int error, Do&& carry_out) {
  if (!due_file(function, descriptor)) return carry_out(bytes);
  if (state.how == How::kPart) return carry_out(part(bytes));
  return failed(state.how == How::kSignal ? EINTR : error);
}

/// Faults that are no failures are for reads and writes only.
bool fails(const char* function, const char* path) {
  return due_file(function, path) && state.how != How::kPart && state.how != How::kSignal;
}
bool fails(const char* function, int descriptor) {
  return due_file(function, descriptor) && state.how != How::kPart && state.how != How::kSignal;
}

}  // namespace

// What the C library declares without a body here takes its place. A mode is passed on whether it is used or not.
extern "C" {

int __libc_start_main(int (*main)(int, char**, char**), int count, char** words, void (*init)(), void (*fini)(),
                      void (*rtld_fini)(), void* stack_end) {
  program_main = main;
  return real("__libc_start_main", &__libc_start_main)(watched_main, count, words, init, fini, rtld_fini, stack_end);
}

void* malloc(std::size_t bytes) noexcept {
  if (due_memory("malloc")) return failed(ENOMEM), nullptr;
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) noexcept {
  if (due_memory("calloc")) return failed(ENOMEM), nullptr;
  return __libc_calloc(count, bytes);
}
void* realloc(void* old, std::size_t bytes) noexcept {
  if (bytes != 0 && due_memory("realloc")) return failed(ENOMEM), nullptr;
  return __libc_realloc(old, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  if (due_memory("aligned_alloc")) return failed(ENOMEM), nullptr;
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** to, std::size_t alignment, std::size_t bytes) noexcept {
  if (due_memory("posix_memalign")) return ENOMEM;
  *to = __libc_memalign(alignment, bytes);
  return *to == nullptr ? ENOMEM : 0;
}

#define OPENS(function, parameters, ...)                                                                \
  int function parameters {                                                                             \
    va_list list;                                                                                       \
    va_start(list, flags);                                                                              \
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(list, mode_t) : 0;                              \
    va_end(list);                                                                                       \
    if (fails(#function, path)) return static_cast<int>(failed((flags & O_CREAT) != 0 ? ENOSPC : EIO)); \
    return REAL(function)(__VA_ARGS__);                                                                 \
  }
OPENS(open, (const char* path, int flags, ...), path, flags, mode)
OPENS(open64, (const char* path, int flags, ...), path, flags, mode)
OPENS(openat, (int folder, const char* path, int flags, ...), folder, path, flags, mode)
OPENS(openat64, (int folder, const char* path, int flags, ...), folder, path, flags, mode)
FILE* fopen(const char* path, const char* mode) {
  if (fails("fopen", path)) return failed(EIO), nullptr;
  return REAL(fopen)(path, mode);
}
FILE* fopen64(const char* path, const char* mode) {
  if (fails("fopen64", path)) return failed(EIO), nullptr;
  return REAL(fopen64)(path, mode);
}
ssize_t read(int file, void* to, std::size_t bytes) {
  return transfer("read", file, bytes, EIO, [&](std::size_t some) { return REAL(read)(file, to, some); });
}
ssize_t write(int file, const void* from, std::size_t bytes) {
  return transfer("write", file, bytes, ENOSPC, [&](std::size_t some) { return REAL(write)(file, from, some); });
}
ssize_t writev(int file, const iovec* parts, int count) {
  if (fails("writev", file)) return failed(ENOSPC);
  return REAL(writev)(file, parts, count);
}
int fsync(int file) {
  return fails("fsync", file) ? static_cast<int>(failed(ENOSPC)) : REAL(fsync)(file);
}
int close(int file) {
  const bool failing = fails("close", file);
  const int result = REAL(close)(file);  // the descriptor is gone in any case
  return failing ? static_cast<int>(failed(EIO)) : result;
}

// The functions of names: what they do not do when they fail.
#define NAMES(function, error, path, parameters, arguments)             \
  int function parameters noexcept {                                    \
    if (fails(#function, path)) return static_cast<int>(failed(error)); \
    return REAL(function) arguments;                                    \
  }
NAMES(rename, ENOSPC, to, (const char* from, const char* to), (from, to))
NAMES(renameat2, ENOSPC, to, (int f, const char* from, int t, const char* to, unsigned flags), (f, from, t, to, flags))
NAMES(link, ENOSPC, to, (const char* from, const char* to), (from, to))
NAMES(unlink, EIO, path, (const char* path), (path))
NAMES(remove, EIO, path, (const char* path), (path))
NAMES(unlinkat, EIO, path, (int folder, const char* path, int flags), (folder, path, flags))
NAMES(mkdir, ENOSPC, path, (const char* path, mode_t mode), (path, mode))
NAMES(rmdir, EIO, path, (const char* path), (path))
NAMES(stat, EIO, path, (const char* path, struct stat* about), (path, about))
NAMES(lstat, EIO, path, (const char* path, struct stat* about), (path, about))
NAMES(fstat, EIO, file, (int file, struct stat* about), (file, about))
NAMES(flock, ENOLCK, file, (int file, int what), (file, what))
NAMES(fchmod, EPERM, file, (int file, mode_t mode), (file, mode))
NAMES(dup, EMFILE, file, (int file), (file))

ssize_t readlink(const char* path, char* to, std::size_t bytes) noexcept {
  // Asked of every name: EINVAL is the everyday answer, a failing disk says EIO.
  return fails("readlink", path) ? failed(EIO) : REAL(readlink)(path, to, bytes);
}
DIR* opendir(const char* path) {
  if (fails("opendir", path)) return failed(EIO), nullptr;
  return REAL(opendir)(path);
}
struct dirent* readdir(DIR* folder) {
  if (fails("readdir", dirfd(folder))) return failed(EIO), nullptr;
  return REAL(readdir)(folder);
}
struct dirent64* readdir64(DIR* folder) {
  if (fails("readdir64", dirfd(folder))) return failed(EIO), nullptr;
  return REAL(readdir64)(folder);
}
int posix_spawn(pid_t* child, const char* path, const posix_spawn_file_actions_t* actions,
                const posix_spawnattr_t* attributes, char* const* words, char* const* environment) {
  if (fails("posix_spawn", path)) return EAGAIN;
  return REAL(posix_spawn)(child, path, actions, attributes, words, environment);
}
pid_t fork() {
  if (due_file("fork", "/proc/self")) return static_cast<pid_t>(failed(EAGAIN));
  return REAL(fork)();
}
int memfd_create(const char* name, unsigned flags) {
  if (due_file("memfd_create", "/proc/self")) return static_cast<int>(failed(ENFILE));
  return REAL(memfd_create)(name, flags);
}
int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*body)(void*), void* argument) {
  if (due(Group::kThread, "pthread_create", "-")) return EAGAIN;
  return REAL(pthread_create)(thread, attributes, body, argument);
}
/// Says where it was called: for addr2line -Cfie PROGRAM.
void abort() noexcept {
  ++inside;
  _Unwind_Backtrace(print_frame, nullptr);
  REAL(abort)();
  _exit(127);
}
}
