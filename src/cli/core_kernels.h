// SPDX-License-Identifier: Apache-2.0
// The kernels that `dojosim core` knows by name, with their options.
#pragma once
#include <string>
#include <vector>

#include "dojo/core/params.h"
#include "options.h"

namespace dojo::cli {

/// A kernel ready to run, and what the formulas of runs say of the same work.
struct CoreKernelRun {
  std::string title, text;
  Cycles formula_cycles = 0;
  const char* formula_for = "two threads and the best blocking";  ///< whatever the options say
};

struct CoreKernel {
  const char* name;
  const char* sentence;
  std::vector<std::string> options;  ///< of those that add_kernel_options() adds
  CoreKernelRun (*make)(const Options& options, const core::Hardware& hardware);
};

/// In alphabetical order.
[[nodiscard]] const std::vector<CoreKernel>& core_kernels();
void add_kernel_options(Options& options);
/// The communication thread beside a kernel, where the options ask for one.
void add_communication(const Options& options, const core::Hardware& hardware, CoreKernelRun& run);
/// Throws Error(kUsage) for options that another kernel has.
void check_kernel_options(const Options& options, const std::string& name, const std::vector<std::string>& known);

}  // namespace dojo::cli
