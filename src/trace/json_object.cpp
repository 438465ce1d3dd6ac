// SPDX-License-Identifier: Apache-2.0
// Checked access to one JSON object's members.
#include "trace/json_object.h"
#include "dojo/base/nearest.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace dojo::workload {
namespace {

constexpr std::size_t kMostSuggestions = 1000;

}  // namespace

JsonObject::JsonObject(const LocatedJson& value, std::string file, std::string path, Findings& findings)
    : value_(value),
      file_(std::move(file)),
      path_(std::move(path)),
      findings_(findings),
      valid_(value.type == LocatedJson::Type::kObject) {
  if (!valid_)
    report(value_, "", fmt::format("found {}, expected an object; see docs/trace_format.md", describe_value(value_)));
}

void JsonObject::report(const LocatedJson& at, const std::string& key, const std::string& words) {
  const std::string where = key.empty() ? (path_.empty() ? "/" : path_) : path_ + "/" + key;
  findings_.add("{}:{}: {}: {}", file_, at.line, where, words);
}

const LocatedJson* JsonObject::take(const std::string& key, bool required) {
  known_.push_back(key);
  const LocatedJson* found = valid_ ? value_.find(key) : nullptr;
  if (found == nullptr && required && valid_) report(value_, key, "found nothing, expected this key; add it");
  return found;
}

const LocatedJson* JsonObject::take_list(const std::string& key, bool required) {
  const LocatedJson* found = take(key, required);
  if (found != nullptr && found->type != LocatedJson::Type::kArray) {
    report(*found, key, fmt::format("found {}, expected a list", describe_value(*found)));
    return nullptr;
  }
  return found;
}

bool JsonObject::integer(const std::string& key, std::int64_t& value, std::int64_t low, std::int64_t high,
                         bool required) {
  const LocatedJson* found = take(key, required);
  if (found == nullptr) return false;
  if (found->type != LocatedJson::Type::kInteger || found->integer < low || found->integer > high) {
    report(*found, key,
           fmt::format("found {}, expected an integer from {} to {}; correct it", describe_value(*found), low, high));
    return false;
  }
  value = found->integer;
  return true;
}

bool JsonObject::text(const std::string& key, std::string& value, bool required) {
  const LocatedJson* found = take(key, required);
  if (found == nullptr) return false;
  if (found->type != LocatedJson::Type::kString) {
    report(*found, key, fmt::format("found {}, expected a text in quotes; correct it", describe_value(*found)));
    return false;
  }
  value = found->text;
  return true;
}

void JsonObject::finish() {
  if (!valid_) return;
  for (std::size_t i = 0; i < value_.keys.size() && i < value_.items.size(); ++i) {
    const std::string& key = value_.keys[i];
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    // Nobody reads a suggestion for the thousandth mistake, and each takes a comparison with every key.
    const std::string near = findings_.lines().size() < kMostSuggestions ? nearest(key, known_) : "";
    report(value_.items[i], key,
           near.empty() ? fmt::format("unknown key, expected one of {}; remove it", join_words(known_))
                        : fmt::format("unknown key, expected '{}'? correct or remove it", near));
  }
}

std::string join_words(const std::vector<std::string>& words) {
  std::string joined;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) joined += i + 1 == words.size() ? " or " : ", ";
    joined += words[i];
  }
  return joined;
}

}  // namespace dojo::workload
