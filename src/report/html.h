// SPDX-License-Identifier: Apache-2.0
// Self-contained HTML pages: no script from elsewhere, no network.
#pragma once
#include <string>

#include "report/json.h"

namespace dojo::report {

/// `dies`: text of dies.csv.
[[nodiscard]] std::string run_html(const Json& report, const std::string& dies);

/// Text with the characters that mean something in HTML and XML replaced.
[[nodiscard]] std::string escaped(const std::string& text);

}  // namespace dojo::report
