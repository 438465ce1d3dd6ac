// SPDX-License-Identifier: Apache-2.0
// Calls into a core that a user has added: whatever goes wrong there ends with a sentence that names core and node.
#pragma once
#include <string>
#include <systemc>
#include <utility>

#include "dojo/core/counters.h"

namespace dojo::systemc {

class UsersCore {
 public:
  /// `core`: its name in run.detailed_core; empty: it is this project's own, and nothing is caught.
  UsersCore(std::string core, std::string node) : core_(std::move(core)), node_(std::move(node)) {}

  /// It has no process, so that it must not wait or notify from here on.
  void has_no_process() { plain_ = true; }
  template <class Function>
  auto call(Function&& function) const {
    if (core_.empty()) return function();
    const Call now(plain_ ? this : nullptr);
    try {
      return function();
    } catch (const sc_core::sc_unwind_exception&) {
      throw;  // of the kernel, which ends a process
    } catch (...) {
      fail_with_what_was_thrown();
    }
  }
  /// Throws Error(kInvalidInput) for a counter below 0.
  [[nodiscard]] core::Counters checked(const core::Counters& counters) const;

  /// On this host thread such a core runs, without a process, and has just called the kernel. Else null.
  [[nodiscard]] static const UsersCore* that_calls();
  /// Error(kInvalidInput): `words` is what was found and expected.
  [[noreturn]] void refuse(const std::string& words) const;

 private:
  /// Set while such a core runs.
  class Call {
   public:
    explicit Call(const UsersCore* core);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    const UsersCore* before_;
    const void* process_before_;
    bool any_;
  };
  [[nodiscard]] std::string who() const;
  [[noreturn]] void fail_with_what_was_thrown() const;

  std::string core_, node_;
  bool plain_ = false;
};

}  // namespace dojo::systemc
