// SPDX-License-Identifier: Apache-2.0
// JSON of answers, which have a few members each.
#include "json_answer.h"

#include <fmt/format.h>

#include "terminal.h"

namespace dojo::cli {

std::string json_text(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += std::string("\\") + c;
    } else if (static_cast<unsigned char>(c) < ' ') {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string json_list(const std::vector<std::string>& members) {
  return fmt::format("[{}]", fmt::join(members, ", "));
}

std::string json_texts(const std::vector<std::string>& texts) {
  std::vector<std::string> members;
  for (const std::string& text : texts) members.push_back(json_text(text));
  return json_list(members);
}

JsonAnswer& JsonAnswer::add_json(const std::string& name, const std::string& json) {
  members_ += fmt::format("{}{}: {}", members_.empty() ? "" : ", ", json_text(name), json);
  return *this;
}

void JsonAnswer::print() const {
  put(text() + "\n");
}

}  // namespace dojo::cli
