// SPDX-License-Identifier: Apache-2.0
#include "systemc/users_core.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdint>
#include <exception>
#include <limits>
#include <new>
#include <vector>

#include "dojo/base/error.h"

namespace dojo::systemc {
namespace {

// The kernel knows one process at a time, and pool threads see the same one: a call that came from another process than
// the core's is none of the core's.
thread_local const UsersCore* running = nullptr;
thread_local const void* running_process = nullptr;

const void* current_process() {
  return sc_core::sc_get_current_process_b();
}

}  // namespace

UsersCore::Call::Call(const UsersCore* core)
    : before_(running), process_before_(running_process), any_(core != nullptr) {
  if (!any_) return;
  running = core;
  running_process = current_process();
}
UsersCore::Call::~Call() {
  if (!any_) return;
  running = before_;
  running_process = process_before_;
}

const UsersCore* UsersCore::that_calls() {
  return running != nullptr && current_process() == running_process ? running : nullptr;
}

std::string UsersCore::who() const {
  return fmt::format("the core '{}' of {}", core_, node_);
}

void UsersCore::refuse(const std::string& words) const {
  throw Error(ExitCode::kInvalidInput, fmt::format("{}: {}", who(), words));
}

void UsersCore::fail_with_what_was_thrown() const {
  try {
    throw;
  } catch (const Error& error) {
    std::vector<std::string> lines = error.lines();
    for (std::string& line : lines)
      if (line.find(node_) == std::string::npos) line = fmt::format("{}: {}", who(), line);
    throw Error(error.code(), lines);
  } catch (const std::bad_alloc&) {
    throw Error(ExitCode::kHostMemory, who() + ": found no more memory of the host for what it asks for");
  } catch (const std::exception& error) {
    refuse(fmt::format("found an exception of its own ({}), expected none", error.what()));
  } catch (...) {
    refuse("found an exception of its own that is no std::exception, expected none");
  }
}

core::Counters UsersCore::checked(const core::Counters& counters) const {
  if (core_.empty()) return counters;
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  core::Counters::fields(counters, [this](const char* name, std::uint64_t value, const auto&...) {
    if (value > kMost)
      refuse(fmt::format("found {} {} in its counters(), expected 0 or more", name, static_cast<std::int64_t>(value)));
  });
  return counters;
}

namespace {

/// A core without a process runs on any thread of the host, where the kernel's events are not its own to touch.
void refuse_notification() {
  if (const UsersCore* const core = UsersCore::that_calls()) {
    core->refuse(
        "found a call of sc_event::notify(), expected none: a core without a process runs in its die's shard and must "
        "not notify");
  }
}

template <class Function>
Function* of_the_kernel(const char* symbol) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, symbol));
}

}  // namespace
}  // namespace dojo::systemc

// The kernel says nothing of a notification from outside of its processes. These two stand before its own functions of
// the same name (libsystemc.so), look, and call them. Weak: where the kernel is linked statically, its own are called.
extern "C" {
__attribute__((weak, visibility("default"))) void dojo_notify_now(sc_core::sc_event* event) __asm__(
    "_ZN7sc_core8sc_event6notifyEv");
__attribute__((weak, visibility("default"))) void dojo_notify_later(
    sc_core::sc_event* event, const sc_core::sc_time& delay) __asm__("_ZN7sc_core8sc_event6notifyERKNS_7sc_timeE");

void dojo_notify_now(sc_core::sc_event* event) {
  dojo::systemc::refuse_notification();
  static auto* const own = dojo::systemc::of_the_kernel<void(sc_core::sc_event*)>("_ZN7sc_core8sc_event6notifyEv");
  own(event);
}
void dojo_notify_later(sc_core::sc_event* event, const sc_core::sc_time& delay) {
  dojo::systemc::refuse_notification();
  static auto* const own = dojo::systemc::of_the_kernel<void(sc_core::sc_event*, const sc_core::sc_time&)>(
      "_ZN7sc_core8sc_event6notifyERKNS_7sc_timeE");
  own(event, delay);
}
}
