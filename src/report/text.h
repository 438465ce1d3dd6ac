// SPDX-License-Identifier: Apache-2.0
// The summary for people, made from report.json.
#pragma once
#include <string>

#include "report/json.h"

namespace dojo::report {

[[nodiscard]] std::string text_of(const Json& report);

}  // namespace dojo::report
