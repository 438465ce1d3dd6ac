// SPDX-License-Identifier: Apache-2.0
// From events of the parser to located values.
#include "json/sax_handler.h"

#include <algorithm>
#include <limits>

namespace dojo::json {

bool SaxHandler::null() {
  scalar(LocatedJson::Type::kNull);
  return done();
}

bool SaxHandler::boolean(bool value) {
  scalar(LocatedJson::Type::kBool)->integer = value ? 1 : 0;
  return done();
}

bool SaxHandler::number_integer(number_integer_t value) {
  scalar(LocatedJson::Type::kInteger)->integer = value;
  return done();
}

bool SaxHandler::number_unsigned(number_unsigned_t value) {
  if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max())) {
    scalar(LocatedJson::Type::kReal)->real = static_cast<double>(value);
  } else {
    scalar(LocatedJson::Type::kInteger)->integer = static_cast<std::int64_t>(value);
  }
  return done();
}

bool SaxHandler::number_float(number_float_t value, const string_t&) {
  scalar(LocatedJson::Type::kReal)->real = value;
  return done();
}

bool SaxHandler::string(string_t& value) {
  scalar(LocatedJson::Type::kString)->text = std::move(value);
  return done();
}

bool SaxHandler::binary(binary_t&) {
  return false;
}

bool SaxHandler::start_object(std::size_t) {
  return open(LocatedJson::Type::kObject);
}

bool SaxHandler::start_array(std::size_t) {
  return open(LocatedJson::Type::kArray);
}

bool SaxHandler::end_object() {
  return close();
}

bool SaxHandler::end_array() {
  return close();
}

/// Linear while small: an operation has a dozen keys. A large object keeps a set of its keys while it is open.
bool SaxHandler::is_repeated(const LocatedJson& object, const std::string& key) {
  constexpr std::size_t kSmall = 64;
  if (object.keys.size() < kSmall) return std::find(object.keys.begin(), object.keys.end(), key) != object.keys.end();
  auto& keys = large_[stack_.size()];
  if (keys.empty()) keys.insert(object.keys.begin(), object.keys.end());
  return !keys.insert(key).second;
}

bool SaxHandler::key(string_t& value) {
  LocatedJson& object = *stack_.back();
  const LocatedJson* first = item_ == nullptr && is_repeated(object, value) ? object.find(value) : nullptr;
  object.keys.push_back(std::move(value));
  if (first != nullptr) {
    Problem problem;
    problem.kind = Problem::Kind::kRepeatedKey;
    problem.line = counter_.line;
    problem.key = object.keys.back();
    problem.path = path_of_key();
    problem.first_line = first->line;
    problems_.push_back(std::move(problem));
  }
  return true;
}

bool SaxHandler::parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) {
  Problem problem;
  problem.line = counter_.line;
  problem.offset = position == 0 ? 0 : position - 1;
  problem.words = error.what();  // "[json.exception...] parse error at line 1, column 2: syntax error ..."
  const std::size_t tag = problem.words.find("] ");
  if (tag != std::string::npos) problem.words.erase(0, tag + 2);
  problems_.push_back(std::move(problem));
  return false;
}

LocatedJson* SaxHandler::scalar(LocatedJson::Type type) {
  stops_.pass();
  LocatedJson* value = &root_;
  if (!stack_.empty()) value = &stack_.back()->items.emplace_back();
  value->type = type;
  value->line = counter_.line;
  return value;
}

bool SaxHandler::open(LocatedJson::Type type) {
  if (stack_.size() >= kDeepest) {
    Problem problem;
    problem.kind = Problem::Kind::kTooDeep;
    problem.line = counter_.line;
    problems_.push_back(std::move(problem));
    return false;
  }
  stack_.push_back(scalar(type));
  return true;
}

bool SaxHandler::close() {
  large_.erase(stack_.size());
  stack_.pop_back();
  return done();
}

/// A value has ended: an item of the streamed list is handed over.
bool SaxHandler::done() {
  if (item_ == nullptr || stack_.size() != (list_.empty() ? 1U : 2U)) return true;
  LocatedJson& list = *stack_.back();
  const LocatedJson& top = *stack_.front();
  if (list.type != LocatedJson::Type::kArray || (!list_.empty() && (top.keys.empty() || top.keys.back() != list_)))
    return true;
  (*item_)(list.items.back());
  list.items.clear();
  return true;
}

/// JSON pointer to the value whose key was read last.
std::string SaxHandler::path_of_key() const {
  std::string path;
  for (const LocatedJson* value : stack_) {
    const bool list = value->type == LocatedJson::Type::kArray;
    path += "/" + (list ? std::to_string(value->items.size() - 1) : escaped_key(value->keys.back()));
  }
  return path;
}

}  // namespace dojo::json
