// SPDX-License-Identifier: Apache-2.0
// Builds a LocatedJson from nlohmann's event parser and an iterator that counts lines.
#include "trace/located_json.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>

namespace dojo::workload {
namespace {

/// Lines before the character that was read last: the parser looks one character past a number.
struct LineCounter {
  std::uint32_t line = 1;
  bool pending = false;
  std::size_t passed = 0;
  void pass(char c) {
    ++passed;
    if (pending) ++line;
    pending = c == '\n';
  }
};

class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;
  CountingIterator(const char* at, LineCounter* counter) : at_(at), counter_(counter) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    if (counter_ != nullptr) counter_->pass(*at_);
    ++at_;
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
  LineCounter* counter_;
};

class Handler : public nlohmann::json_sax<nlohmann::json> {
 public:
  Handler(const std::string& file, const LineCounter& counter, LocatedJson& root, Findings& findings)
      : file_(file), counter_(counter), root_(root), findings_(findings) {}
  /// Items of that list at the top level are handed over and forgotten; keys may repeat.
  void stream(const std::string& list, const std::function<void(const LocatedJson&)>& item) {
    list_ = list;
    item_ = &item;
  }

  bool null() override {
    scalar(LocatedJson::Type::kNull);
    return done();
  }
  bool boolean(bool value) override {
    scalar(LocatedJson::Type::kBool)->integer = value ? 1 : 0;
    return done();
  }
  bool number_integer(number_integer_t value) override {
    scalar(LocatedJson::Type::kInteger)->integer = value;
    return done();
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max())) {
      scalar(LocatedJson::Type::kReal)->real = static_cast<double>(value);
    } else {
      scalar(LocatedJson::Type::kInteger)->integer = static_cast<std::int64_t>(value);
    }
    return done();
  }
  bool number_float(number_float_t value, const string_t&) override {
    scalar(LocatedJson::Type::kReal)->real = value;
    return done();
  }
  bool string(string_t& value) override {
    scalar(LocatedJson::Type::kString)->text = std::move(value);
    return done();
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(LocatedJson::Type::kObject); }
  bool start_array(std::size_t) override { return open(LocatedJson::Type::kArray); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& value) override {
    LocatedJson& object = *stack_.back();
    // Linear while small: an operation has a dozen keys.
    if (item_ == nullptr && std::find(object.keys.begin(), object.keys.end(), value) != object.keys.end()) {
      findings_.add("{}:{}: found the key '{}' twice in one object, expected each key once; remove one", file_,
                    counter_.line, value);
    }
    object.keys.push_back(std::move(value));
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    std::string words = error.what();
    const std::size_t from = words.find("] ");
    if (from != std::string::npos) words.erase(0, from + 2);
    const bool cut = words.find("unexpected end of input") != std::string::npos;
    findings_.add("{}:{}: not valid JSON: {}; {}", file_, counter_.line, words,
                  cut ? "the file is cut: write it again" : "correct the text there");
    return false;
  }

 private:
  LocatedJson* scalar(LocatedJson::Type type) {
    LocatedJson* value = &root_;
    if (!stack_.empty()) value = &stack_.back()->items.emplace_back();
    value->type = type;
    value->line = counter_.line;
    return value;
  }
  bool open(LocatedJson::Type type) {
    if (stack_.size() >= 64) {
      findings_.add("{}:{}: found lists nested more than 64 deep, expected a trace; correct the text there", file_,
                    counter_.line);
      return false;
    }
    stack_.push_back(scalar(type));
    return true;
  }
  bool close() {
    stack_.pop_back();
    return done();
  }
  /// A value has ended: an item of the streamed list is handed over.
  bool done() {
    if (item_ == nullptr || stack_.size() != (list_.empty() ? 1U : 2U)) return true;
    LocatedJson& list = *stack_.back();
    const LocatedJson& top = *stack_.front();
    if (list.type != LocatedJson::Type::kArray || (!list_.empty() && (top.keys.empty() || top.keys.back() != list_)))
      return true;
    (*item_)(list.items.back());
    list.items.clear();
    return true;
  }

  const std::string& file_;
  const LineCounter& counter_;
  LocatedJson& root_;
  Findings& findings_;
  std::string list_;
  const std::function<void(const LocatedJson&)>* item_ = nullptr;
  std::vector<LocatedJson*> stack_;  // parents never grow while a child is open, so the pointers hold
};

}  // namespace

const LocatedJson* LocatedJson::find(const std::string& key) const {
  for (std::size_t i = 0; i < keys.size() && i < items.size(); ++i) {
    if (keys[i] == key) return &items[i];
  }
  return nullptr;
}

std::string describe_value(const LocatedJson& value) {
  switch (value.type) {
    case LocatedJson::Type::kNull:
      return "null";
    case LocatedJson::Type::kBool:
      return value.integer != 0 ? "true" : "false";
    case LocatedJson::Type::kInteger:
      return std::to_string(value.integer);
    case LocatedJson::Type::kReal:
      return fmt::format("{}", value.real);
    case LocatedJson::Type::kString:
      return "'" + value.text.substr(0, 60) + "'";
    case LocatedJson::Type::kArray:
      return fmt::format("a list of {}", value.items.size());
    case LocatedJson::Type::kObject:
      return "an object";
  }
  return "nothing";
}

bool parse_located_json(const std::string& text, const std::string& file, LocatedJson& out, Findings& findings) {
  const std::size_t before = findings.lines().size();
  LineCounter counter;
  Handler handler(file, counter, out, findings);
  const char* begin = text.data();
  nlohmann::json::sax_parse(CountingIterator(begin, &counter), CountingIterator(begin + text.size(), nullptr),
                            &handler);
  return findings.lines().size() == before;
}

bool stream_json_list(const std::string& text, const std::string& file, const std::string& list,
                      const std::function<void(const LocatedJson&)>& item, LocatedJson& rest, Findings& findings) {
  const std::size_t before = findings.lines().size();
  LineCounter counter;
  Handler handler(file, counter, rest, findings);
  handler.stream(list, item);
  const char* begin = text.data();
  nlohmann::json::sax_parse(CountingIterator(begin, &counter), CountingIterator(begin + text.size(), nullptr),
                            &handler);
  return findings.lines().size() == before;
}

bool stream_json_values(const std::string& text, const std::string& file,
                        const std::function<void(const LocatedJson&)>& value, Findings& findings) {
  const std::size_t before = findings.lines().size();
  LineCounter counter;
  const char* const end = text.data() + text.size();
  std::size_t at = 0;
  while (findings.lines().size() == before) {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t')) {
      counter.pass(text[at++]);
    }
    if (at == text.size()) break;
    LocatedJson one;
    Handler handler(file, counter, one, findings);
    counter.passed = 0;
    const bool good =
        nlohmann::json::sax_parse(CountingIterator(text.data() + at, &counter), CountingIterator(end, nullptr),
                                  &handler, nlohmann::json::input_format_t::json, false);
    if (!good) break;
    at += std::max<std::size_t>(counter.passed, 1);
    value(one);
  }
  return findings.lines().size() == before;
}

std::string first_top_key(const std::string& text, const std::vector<std::string>& wanted) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth <= 0) return "";
    if (c != '"') continue;
    const std::size_t begin = i + 1;
    for (++i; i < text.size() && text[i] != '"'; ++i) i += text[i] == '\\' ? 1 : 0;
    if (depth != 1 || i >= text.size()) continue;
    const std::size_t colon = text.find_first_not_of(" \t\r\n", i + 1);
    if (colon == std::string::npos || text[colon] != ':') continue;
    for (const std::string& key : wanted) {
      if (i - begin == key.size() && text.compare(begin, key.size(), key) == 0) return key;
    }
  }
  return "";
}

}  // namespace dojo::workload
