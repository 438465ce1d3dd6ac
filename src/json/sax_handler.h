// SPDX-License-Identifier: Apache-2.0
// Builds a LocatedJson from the events of nlohmann's parser, behind an iterator that counts lines. Private to this
// module.
#pragma once
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_set>
#include <vector>

#include "dojo/base/stop_point.h"
#include "json/located_json.h"

namespace dojo::json {

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

class SaxHandler : public nlohmann::json_sax<nlohmann::json> {
 public:
  using Item = std::function<void(const LocatedJson&)>;

  SaxHandler(const LineCounter& counter, LocatedJson& root, Problems& problems)
      : counter_(counter), root_(root), problems_(problems) {}
  /// Items of that list at the top level are handed over and forgotten; keys may repeat.
  void stream(const std::string& list, const Item& item) {
    list_ = list;
    item_ = &item;
  }

  bool null() override;
  bool boolean(bool value) override;
  bool number_integer(number_integer_t value) override;
  bool number_unsigned(number_unsigned_t value) override;
  bool number_float(number_float_t value, const string_t& text) override;
  bool string(string_t& value) override;
  bool binary(binary_t& value) override;
  bool start_object(std::size_t size) override;
  bool start_array(std::size_t size) override;
  bool end_object() override;
  bool end_array() override;
  bool key(string_t& value) override;
  bool parse_error(std::size_t position, const std::string& token, const nlohmann::detail::exception& error) override;

 private:
  bool is_repeated(const LocatedJson& object, const std::string& key);
  LocatedJson* scalar(LocatedJson::Type type);
  bool open(LocatedJson::Type type);
  bool close();
  bool done();
  [[nodiscard]] std::string path_of_key() const;

  StopPoints stops_;
  const LineCounter& counter_;
  LocatedJson& root_;
  Problems& problems_;
  std::string list_;
  const Item* item_ = nullptr;
  std::map<std::size_t, std::unordered_set<std::string>> large_;  ///< keys of open objects by depth
  std::vector<LocatedJson*> stack_;  // parents never grow while a child is open, so the pointers hold
};

}  // namespace dojo::json
