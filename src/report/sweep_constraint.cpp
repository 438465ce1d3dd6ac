// SPDX-License-Identifier: Apache-2.0
// Evaluates a constraint of a sweep: one comparison of two arithmetic expressions over numbers and config paths.
#include <cctype>
#include <charconv>
#include <cstdlib>

#include "dojo/base/error.h"
#include "report/sweep_parts.h"

namespace dojo::report {
namespace {

/// comparison = sum ("<=" | ">=" | "==" | "!=" | "<" | ">") sum;  sum = product {("+" | "-") product};
/// product = factor {("*" | "/") factor};  factor = number | path | "(" sum ")" | "-" factor
class Parser {
 public:
  Parser(const std::string& text, const Json& config, const std::string& where)
      : text_(text), config_(config), where_(where) {}

  bool comparison() {
    const double left = sum();
    skip_spaces();
    std::string sign;
    while (at_ < text_.size() && std::string("<>=!").find(text_[at_]) != std::string::npos) sign += text_[at_++];
    const double right = sum();
    skip_spaces();
    if (at_ != text_.size()) fail("one comparison; write further ones as constraints of their own");
    if (sign == "<=") return left <= right;
    if (sign == ">=") return left >= right;
    if (sign == "==") return left == right;
    if (sign == "!=") return left != right;
    if (sign == "<") return left < right;
    if (sign == ">") return left > right;
    fail("a comparison: <=, >=, ==, !=, < or >");
  }

 private:
  [[noreturn]] void fail(const std::string& expected) const {
    throw Error(ExitCode::kInvalidInput, fmt::format("{}: found '{}' at column {}, expected {}", where_, text_,
                                                     std::min(at_, text_.size()) + 1, expected));
  }
  void skip_spaces() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
  }
  bool take(char c) {
    skip_spaces();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  double sum() {
    double value = product();
    for (;;) {
      if (take('+')) {
        value += product();
      } else if (take('-')) {
        value -= product();
      } else {
        return value;
      }
    }
  }
  double product() {
    double value = factor();
    for (;;) {
      if (take('*')) {
        value *= factor();
      } else if (take('/')) {
        const double divisor = factor();
        if (divisor == 0) fail("a divisor other than 0");
        value /= divisor;
      } else {
        return value;
      }
    }
  }
  double factor() {
    bool negative = false;
    while (take('-')) negative = !negative;
    const double value = unsigned_factor();
    return negative ? -value : value;
  }
  double unsigned_factor() {
    if (take('(')) {
      if (++depth_ > 100) fail("fewer than 100 nested brackets");
      const double value = sum();
      if (!take(')')) fail("a closing bracket");
      --depth_;
      return value;
    }
    skip_spaces();
    if (at_ >= text_.size()) fail("a number or a path here");
    const auto first = static_cast<unsigned char>(text_[at_]);
    if (std::isdigit(first) != 0 || first == '.') return number();
    if (std::isalpha(first) != 0 || first == '_') return path();
    fail("a number or a path here");
  }
  double number() {
    double value = 0;
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (error != std::errc()) fail("a number here");
    at_ += static_cast<std::size_t>(end - begin);
    return value;
  }
  double path() {
    const std::size_t begin = at_;
    const auto part_of_path = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
    };
    while (at_ < text_.size() && part_of_path(text_[at_])) ++at_;
    const std::string path = text_.substr(begin, at_ - begin);
    const Json* here = &config_;
    std::size_t from = 0;
    while (from <= path.size()) {
      const std::size_t dot = std::min(path.find('.', from), path.size());
      const std::string key = path.substr(from, dot - from);
      if (!here->is_object() || !here->contains(key)) {
        at_ = begin;
        fail(fmt::format("a path of the run config; '{}' has no '{}'", path, key));
      }
      here = &(*here)[key];
      from = dot + 1;
    }
    if (!here->is_number()) {
      at_ = begin;
      fail(fmt::format("the path of a number; {} is {}", path, here->is_structured() ? "a group" : here->dump()));
    }
    return here->get<double>();
  }

  const std::string& text_;
  const Json& config_;
  const std::string& where_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

bool constraint_holds(const std::string& expression, const Json& config, const std::string& where) {
  return Parser(expression, config, where).comparison();
}

}  // namespace dojo::report
