// SPDX-License-Identifier: Apache-2.0
// JSON text to located values: nlohmann's SAX parser behind an iterator that counts what it has consumed.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

#include "config/value.h"

namespace dojo::config {
namespace {

constexpr std::size_t kDeepest = 64;

/// A character iterator that leaves its position where the SAX handler can see it.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, const char** shown) : at_(at), shown_(shown) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    *shown_ = ++at_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  const char** shown_;
};

std::string escaped(std::string key) {  // as in JSON pointers
  for (std::size_t at = 0; (at = key.find_first_of("~/", at)) != std::string::npos; at += 2)
    key.replace(at, 1, key[at] == '~' ? "~0" : "~1");
  return key;
}

class TreeBuilder {
 public:
  TreeBuilder(const std::string& content, std::shared_ptr<const Origin> origin, std::string root_path)
      : consumed(content.data()),
        begin_(content.data()),
        end_(content.data() + content.size()),
        counted_(content.data()),
        origin_(std::move(origin)),
        root_path_(std::move(root_path)) {}

  bool null() { return put({}); }
  bool boolean(bool value) {
    Value v;
    v.kind = Value::Kind::kBool;
    v.boolean = value;
    return put(std::move(v));
  }
  bool number_integer(std::int64_t value) {
    Value v;
    v.kind = Value::Kind::kInteger;
    v.integer = value;
    v.number = static_cast<double>(value);
    return put(std::move(v));
  }
  bool number_unsigned(std::uint64_t value) {
    if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      return number_integer(static_cast<std::int64_t>(value));
    return number_float(static_cast<double>(value), {});
  }
  bool number_float(double value, const std::string&) {
    Value v;
    v.kind = Value::Kind::kNumber;
    v.number = value;
    return put(std::move(v));
  }
  bool string(std::string& value) {
    Value v;
    v.kind = Value::Kind::kText;
    v.text = value;
    return put(std::move(v));
  }
  bool binary(std::vector<std::uint8_t>&) { return false; }
  bool start_object(std::size_t) { return open(Value::Kind::kObject); }
  bool start_array(std::size_t) { return open(Value::Kind::kList); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& key) {
    Value& object = *open_.back();
    duplicate_ = object.find(key) != nullptr;
    if (duplicate_) {
      problems.push_back(
          fmt::format("{}:{}: {}/{}: found the key \"{}\" a second time (first in line {}), expected it "
                      "once",
                      origin_->label, line(), object.path, escaped(key), key, object.find(key)->line));
    }
    key_ = key;
    return true;
  }
  template <class Exception>
  bool parse_error(std::size_t position, const std::string&, const Exception& error) {
    const char* at =
        begin_ + std::min<std::size_t>(position == 0 ? 0 : position - 1, static_cast<std::size_t>(end_ - begin_));
    const auto row = 1 + std::count(begin_, at, '\n');
    const char* start = at;
    while (start > begin_ && start[-1] != '\n') --start;
    std::string words = error.what();  // "[json.exception...] parse error at line 1, column 2: syntax error ..."
    const std::size_t cut = words.find(": ");
    if (words.find("parse error at") != std::string::npos && cut != std::string::npos) words.erase(0, cut + 2);
    if (const std::size_t tag = words.find("] "); words.rfind('[', 0) == 0 && tag != std::string::npos)
      words.erase(0, tag + 2);
    problems.push_back(fmt::format("{}:{}:{}: not JSON: {}", origin_->label, row, at - start + 1, words));
    return false;
  }

  const char* consumed;  ///< one past the last character that the parser took
  Value root;
  std::vector<std::string> problems;

 private:
  /// Line of the last character taken. A number ends with the character after it, so a line feed there does not count.
  std::size_t line() {
    const char* last = consumed > begin_ ? consumed - 1 : consumed;
    if (last > counted_) {
      line_ += static_cast<std::size_t>(std::count(counted_, last, '\n'));
      counted_ = last;
    }
    return line_;
  }
  bool put(Value value) {
    place(std::move(value));
    return true;
  }
  Value* place(Value value) {
    value.origin = origin_;
    value.line = line();
    if (open_.empty()) {
      value.path = root_path_;
      root = std::move(value);
      return &root;
    }
    Value& parent = *open_.back();
    if (parent.is(Value::Kind::kList)) {
      value.path = fmt::format("{}/{}", parent.path, parent.items.size());
      return &parent.items.emplace_back(std::move(value));
    }
    value.path = parent.path + "/" + escaped(key_);
    if (duplicate_) {  // already complained about: parse on, keep the first
      duplicate_ = false;
      dropped_.push_back(std::make_unique<Value>(std::move(value)));
      return dropped_.back().get();
    }
    return &parent.members.emplace_back(key_, std::move(value)).second;
  }
  bool open(Value::Kind kind) {
    if (open_.size() >= kDeepest) {
      problems.push_back(
          fmt::format("{}:{}: found more than {} levels of nesting, expected fewer", origin_->label, line(), kDeepest));
      return false;
    }
    Value value;
    value.kind = kind;
    open_.push_back(place(std::move(value)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  const char* begin_;
  const char* end_;
  const char* counted_;
  std::size_t line_ = 1;
  std::shared_ptr<const Origin> origin_;
  std::string root_path_;
  std::vector<Value*> open_;  ///< children are appended only to the last one, so the pointers stay good
  std::string key_;
  bool duplicate_ = false;
  std::vector<std::unique_ptr<Value>> dropped_;
};

bool parse(const std::string& content, TreeBuilder& builder) {
  const CountingIterator first(content.data(), &builder.consumed);
  const CountingIterator last(content.data() + content.size(), &builder.consumed);
  return nlohmann::json::sax_parse(first, last, &builder);
}

}  // namespace

Value parse_json(const std::string& content, const std::shared_ptr<const Origin>& origin, const std::string& root_path,
                 Complaints& complaints) {
  TreeBuilder builder(content, origin, root_path);
  const bool good = parse(content, builder);
  complaints.lines.insert(complaints.lines.end(), builder.problems.begin(), builder.problems.end());
  return good ? std::move(builder.root) : Value{};
}

bool try_parse_json(const std::string& content, const std::shared_ptr<const Origin>& origin,
                    const std::string& root_path, Value& value) {
  TreeBuilder builder(content, origin, root_path);
  if (!parse(content, builder) || !builder.problems.empty()) return false;
  value = std::move(builder.root);
  return true;
}

}  // namespace dojo::config
