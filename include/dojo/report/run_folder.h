// SPDX-License-Identifier: Apache-2.0
// A run folder together with files of other places.
#pragma once
#include <functional>
#include <string>

#include "dojo/base/files.h"
#include "dojo/report/report.h"

namespace dojo::report {

/// As write_run_folder(context, directory); `more` adds files that appear together with those.
void write_run_folder(const RunContext& context, const std::string& directory,
                      const std::function<void(OutputSet&)>& more);

}  // namespace dojo::report
