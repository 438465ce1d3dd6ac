// SPDX-License-Identifier: Apache-2.0
// How a command ends: what it says on standard error, and its exit code.
#pragma once
#include <functional>

namespace dojo::cli {

/// Warnings and notes go to standard error, in colours where that is a terminal now.
void set_up_log();

/// Calls the command and returns its exit code, or that of the error that it throws, which is printed. Throws only when
/// there is no memory for that.
[[nodiscard]] int ended(const std::function<int()>& command);

}  // namespace dojo::cli
