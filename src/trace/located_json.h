// SPDX-License-Identifier: Apache-2.0
// Located JSON in the words of the trace readers: what is wrong in a file becomes a finding. Private to the readers.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "dojo/base/error.h"
#include "json/located_json.h"

namespace dojo::workload {

using json::first_top_key;
using json::LocatedJson;

/// "an integer", "a list", ... for messages; short values are shown.
std::string describe_value(const LocatedJson& value);

/// A syntax error or a repeated key becomes a finding; then the result may be incomplete and false is returned.
bool parse_located_json(const std::string& text, const std::string& file, LocatedJson& out, Findings& findings);

/// As json::stream_list(). False when there is a finding, one of `item` included.
bool stream_json_list(const std::string& text, const std::string& file, const std::string& list,
                      const std::function<void(const LocatedJson&)>& item, LocatedJson& rest, Findings& findings);
/// As json::stream_values(), up to the first finding.
bool stream_json_values(const std::string& text, const std::string& file,
                        const std::function<void(const LocatedJson&)>& value, Findings& findings);

}  // namespace dojo::workload
