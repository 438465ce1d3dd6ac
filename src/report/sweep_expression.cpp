// SPDX-License-Identifier: Apache-2.0
// Evaluates constraints and derived metrics of a sweep: arithmetic over numbers, functions and paths.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "dojo/base/error.h"
#include "report/sweep_file.h"

namespace dojo::report {
namespace {

/// comparison = sum ("<=" | ">=" | "==" | "!=" | "<" | ">") sum;  sum = product {("+" | "-") product};
/// product = factor {("*" | "/") factor};  factor = number | path | "(" sum ")" | "-" factor | name "(" sum {"," sum}
/// ")"
class Parser {
 public:
  Parser(const std::string& text, const Lookup& lookup, const std::string& where, bool may_be_nothing)
      : text_(text), lookup_(lookup), where_(where), may_be_nothing_(may_be_nothing) {}

  double whole() {
    const double value = sum();
    skip_spaces();
    if (at_ != text_.size()) fail("the end of the expression, or one of + - * / here");
    return value;
  }

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
        if (divisor == 0 && !may_be_nothing_) fail("a divisor other than 0");
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
    bool bracket = false;  // "latency.ops[conv 1].seconds": any characters
    const auto part_of_path = [&](char c) {
      if (c == '[' || c == ']') bracket = c == '[';
      return bracket || c == ']' || std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
    };
    while (at_ < text_.size() && part_of_path(text_[at_])) ++at_;
    const std::string path = text_.substr(begin, at_ - begin);
    if (take('(')) return function(path, begin);
    const Found found = lookup_(path);
    if (!found.expected.empty()) {
      at_ = begin;
      fail(found.expected);
    }
    return found.value;
  }
  double function(const std::string& name, std::size_t begin) {
    if (++depth_ > 100) fail("fewer than 100 nested brackets");
    std::vector<double> values{sum()};
    while (take(',')) values.push_back(sum());
    if (!take(')')) fail("a comma or a closing bracket");
    --depth_;
    if (name == "min") return *std::min_element(values.begin(), values.end());
    if (name == "max") return *std::max_element(values.begin(), values.end());
    if (name == "pow" && values.size() == 2) return std::pow(values[0], values[1]);
    const std::pair<const char*, double (*)(double)> functions[] = {{"abs", std::fabs},  {"sqrt", std::sqrt},
                                                                    {"log2", std::log2}, {"log", std::log},
                                                                    {"ceil", std::ceil}, {"floor", std::floor}};
    for (const auto& [known, of] : functions) {
      if (name == known && values.size() == 1) return of(values[0]);
    }
    at_ = begin;
    fail("min(..), max(..), pow(a, b), or abs, sqrt, log2, log, ceil or floor of one value here");
  }

  const std::string& text_;
  const Lookup& lookup_;
  const std::string& where_;
  bool may_be_nothing_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Found find_number(const Json& config, const std::string& path) {
  const Json* here = &config;
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t dot = std::min(path.find('.', from), path.size());
    const std::string key = path.substr(from, dot - from);
    if (!here->is_object() || !here->contains(key))
      return {0, fmt::format("a path of the run config; '{}' has no '{}'", path, key)};
    here = &here->at(key);
    from = dot + 1;
  }
  if (here->is_number()) return {here->get<double>(), ""};
  return {0, fmt::format("the path of a number; {} is {}", path, here->is_structured() ? "a group" : here->dump())};
}

bool constraint_holds(const std::string& expression, const Json& config, const std::string& where) {
  const Lookup lookup = [&](const std::string& path) { return find_number(config, path); };
  return Parser(expression, lookup, where, false).comparison();
}

double expression_value(const std::string& expression, const Lookup& lookup, const std::string& where) {
  return Parser(expression, lookup, where, true).whole();
}

}  // namespace dojo::report
