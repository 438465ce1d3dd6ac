// SPDX-License-Identifier: Apache-2.0
// Located JSON to values of the configuration, and the configuration's words for what is wrong in the text.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "config/value.h"
#include "json/located_json.h"

namespace dojo::config {
namespace {

using json::LocatedJson;

Value to_value(LocatedJson&& from, const std::shared_ptr<const Origin>& origin, std::string path) {
  using Type = LocatedJson::Type;
  Value value;
  value.origin = origin;
  value.line = from.line;
  value.path = std::move(path);
  switch (from.type) {
    case Type::kNull:
      break;
    case Type::kBool:
      value.kind = Value::Kind::kBool;
      value.boolean = from.integer != 0;
      break;
    case Type::kInteger:
      value.kind = Value::Kind::kInteger;
      value.integer = from.integer;
      value.number = static_cast<double>(from.integer);
      break;
    case Type::kReal:
      value.kind = Value::Kind::kNumber;
      value.number = from.real;
      break;
    case Type::kString:
      value.kind = Value::Kind::kText;
      value.text = std::move(from.text);
      break;
    case Type::kArray:
      value.kind = Value::Kind::kList;
      for (std::size_t i = 0; i < from.items.size(); ++i)
        value.items.push_back(to_value(std::move(from.items[i]), origin, fmt::format("{}/{}", value.path, i)));
      break;
    case Type::kObject: {
      value.kind = Value::Kind::kObject;
      std::unordered_set<std::string_view> seen;
      for (std::size_t i = 0; i < from.items.size(); ++i) {
        const std::string& key = from.keys[i];
        if (!seen.insert(key).second) continue;  // complained about; the first one counts
        value.members.emplace_back(
            key, to_value(std::move(from.items[i]), origin, value.path + "/" + json::escaped_key(key)));
      }
      break;
    }
  }
  return value;
}

std::string syntax_words(const json::Problem& problem, const std::string& content, const std::string& label) {
  const char* const begin = content.data();
  const char* const at = begin + std::min(problem.offset, content.size());
  const auto row = 1 + std::count(begin, at, '\n');
  const char* start = at;
  while (start > begin && start[-1] != '\n') --start;
  std::string words = problem.words;  // "parse error at line 1, column 2: syntax error ..."
  const std::size_t cut = words.find(": ");
  if (words.find("parse error at") != std::string::npos && cut != std::string::npos) words.erase(0, cut + 2);
  return fmt::format("{}:{}:{}: not JSON: {}", label, row, at - start + 1, words);
}

std::string words_of(const json::Problem& problem, const std::string& content, const std::string& label,
                     const std::string& root_path) {
  switch (problem.kind) {
    case json::Problem::Kind::kSyntax:
      return syntax_words(problem, content, label);
    case json::Problem::Kind::kRepeatedKey:
      return fmt::format("{}:{}: {}{}: found the key \"{}\" a second time (first in line {}), expected it once", label,
                         problem.line, root_path, problem.path, problem.key, problem.first_line);
    case json::Problem::Kind::kTooDeep:
      return fmt::format("{}:{}: found more than {} levels of nesting, expected fewer", label, problem.line,
                         json::kDeepest);
  }
  return label;
}

}  // namespace

Value parse_json(const std::string& content, const std::shared_ptr<const Origin>& origin, const std::string& root_path,
                 Complaints& complaints) {
  LocatedJson root;
  json::Problems problems;
  const bool good = json::parse(content, root, problems);
  for (const json::Problem& problem : problems)
    complaints.lines.push_back(words_of(problem, content, origin->label, root_path));
  return good ? to_value(std::move(root), origin, root_path) : Value{};
}

bool try_parse_json(const std::string& content, const std::shared_ptr<const Origin>& origin,
                    const std::string& root_path, Value& value) {
  LocatedJson root;
  json::Problems problems;
  if (!json::parse(content, root, problems) || !problems.empty()) return false;
  value = to_value(std::move(root), origin, root_path);
  return true;
}

}  // namespace dojo::config
