// SPDX-License-Identifier: Apache-2.0
// Look-up and wording of located JSON values.
#include "config/value.h"

#include <fmt/format.h>

#include "dojo/base/error.h"

namespace dojo::config {

const Value* Value::find(std::string_view key) const {
  for (const auto& [name, value] : members)
    if (name == key) return &value;
  return nullptr;
}

Value* Value::find(std::string_view key) {
  return const_cast<Value*>(std::as_const(*this).find(key));
}

std::string Value::place(const std::string& below) const {
  const std::string full = path + below;
  const std::string label = origin ? origin->label : "defaults";
  if (origin && origin->has_lines) return fmt::format("{}:{}: {}", label, line, full.empty() ? "/" : full);
  return fmt::format("{}: {}", label, full.empty() ? "/" : full);
}

std::string Value::place() const {
  return place("");
}

std::string Value::shown() const {
  constexpr std::size_t kLongest = 80;
  switch (kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return boolean ? "true" : "false";
    case Kind::kInteger:
      return fmt::format("{}", integer);
    case Kind::kNumber:
      return fmt::format("{}", number);
    case Kind::kText:
      return text.size() <= kLongest ? fmt::format("\"{}\"", text) : fmt::format("\"{}...\"", text.substr(0, kLongest));
    case Kind::kList:
      return "a list";
    case Kind::kObject:
      return "an object";
  }
  return "?";
}

void Complaints::throw_if_any() const {
  std::vector<std::string> all = missing_files;
  all.insert(all.end(), lines.begin(), lines.end());
  if (!missing_files.empty()) throw Error(ExitCode::kIo, all);
  if (!all.empty()) throw Error(ExitCode::kInvalidInput, all);
}

}  // namespace dojo::config
