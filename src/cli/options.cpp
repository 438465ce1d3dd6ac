// SPDX-License-Identifier: Apache-2.0
// Strict parsing: no abbreviations, unknown options name the nearest known one, every mistake is exit code 2.
#include "options.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <iostream>
#include <sstream>

#include "dojo/base/error.h"
#include "dojo/base/files.h"
#include "dojo/base/nearest.h"
#include "dojo/config/config.h"

namespace dojo::cli {
namespace {

constexpr unsigned kLineLength = 100;
// "--thr" never means "--threads": what users script must not change its meaning with a new option.
constexpr int kStyle = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;

}  // namespace

std::string command_line(const std::string& command, const Arguments& arguments) {
  std::string line = "dojosim " + command;
  for (const std::string& word : arguments) {
    const auto plain = [](unsigned char c) { return std::isalnum(c) != 0 || std::strchr("-_./=:,+@%^", c) != nullptr; };
    if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) {
      line += " " + word;
      continue;
    }
    line += " '";
    for (const char c : word) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += "'";
  }
  return line;
}

Options::Options(std::string usage, std::string sentence, std::string example)
    : usage_(std::move(usage)),
      sentence_(std::move(sentence)),
      example_(std::move(example)),
      described_("Options", kLineLength, kLineLength / 2) {
  described_.add_options()("help,h", "print this help")("quiet,q", "no progress, no notes on stderr")(
      "verbose,v", "say on stderr what is being done")(
      "max-input-mib", po::value<std::int64_t>(),
      "largest input file in MiB, unpacked; default: 16 for configs, 256 for reports, 1024 for traces");
}

void Options::positional(const char* name, int count) {
  hidden_.add_options()(name, po::value<std::vector<std::string>>());
  positional_.add(name, count);
}

CommandText Options::own_text() const {
  CommandText text{command(), usage_, sentence_, example_, {}};
  for (const auto& option : described_.options()) {
    const std::string dashed = option->format_name();  // "-q [ --quiet ]", "--out"
    const bool has_letter = dashed.size() > 1 && dashed[1] != '-';
    text.options.push_back({option->long_name(), has_letter ? dashed.substr(1, 1) : "",
                            option->semantic()->max_tokens() > 0, option->description()});
  }
  return text;
}

bool Options::parse(const Arguments& arguments) {
  if (CommandTexts* const texts = CommandTexts::living()) {
    texts->texts.push_back(own_text());
    return false;
  }
  read(arguments);
  if (has("help") && has("json")) {
    std::cout << help_json({own_text()});
    return false;
  }
  if (has("help")) {
    std::ostringstream words;
    words << "usage: dojosim " << usage_ << "\n\n"
          << sentence_ << "\n\n"
          << described_ << "\nExample:\n  " << example_ << '\n';
    std::cout << words.str();
    return false;
  }
  set_limits();
  spdlog::set_level(quiet() ? spdlog::level::err : has("verbose") ? spdlog::level::info : spdlog::level::warn);
  return true;
}

void Options::set_limits() const {
  if (!has("max-input-mib")) return;
  constexpr std::int64_t kMostMiB = std::int64_t{1} << 40;
  const auto mib = value<std::int64_t>("max-input-mib", 0);
  if (mib < 1 || mib > kMostMiB)
    fail(fmt::format("--max-input-mib is {}; expected a number of MiB from 1 to {}", mib, kMostMiB));
  InputLimits& limits = input_limits();
  limits.config_bytes = limits.report_bytes = limits.trace_bytes = limits.free_bytes = static_cast<std::uint64_t>(mib)
                                                                                       << 20;
}

void Options::read(const Arguments& arguments) {
  po::options_description every;
  every.add(described_).add(hidden_);
  try {
    po::store(po::command_line_parser(arguments).options(every).positional(positional_).style(kStyle).run(), values_);
    po::notify(values_);
  } catch (const po::unknown_option& e) {
    const std::string& name = e.get_option_name();
    fail(fmt::format("unknown option '{}'{}", name, did_you_mean(name, long_names())));
  } catch (const po::too_many_positional_options_error&) {
    fail(fmt::format("too many words; expected: dojosim {}", usage_));
  } catch (const po::error& e) {
    fail(e.what());
  }
  refuse_empty_words();
}

/// --out "$FOLDER" without such a variable: what was asked for would be left out in silence.
void Options::refuse_empty_words() const {
  for (const auto& [name, value] : values_) {
    const po::option_description* const option = described_.find_nothrow(name, false);
    if (option != nullptr && option->semantic()->max_tokens() == 0) continue;  // a flag
    const std::vector<std::string> words =
        value.value().type() == typeid(std::string)                ? std::vector<std::string>{text(name.c_str())}
        : value.value().type() == typeid(std::vector<std::string>) ? all(name.c_str())
                                                                   : std::vector<std::string>{};
    if (std::find(words.begin(), words.end(), "") == words.end()) continue;
    fail(fmt::format("{}{} is empty; give it a value, or leave it out", option != nullptr ? "--" : "the word for ",
                     name));
  }
}

std::vector<std::string> Options::long_names() const {
  std::vector<std::string> names;
  for (const auto& option : described_.options()) names.push_back("--" + option->long_name());
  return names;
}

std::string Options::text(const char* name) const {
  if (!has(name)) return {};
  const boost::any& value = values_[name].value();
  if (const auto* words = boost::any_cast<std::vector<std::string>>(&value))
    return words->empty() ? "" : words->front();
  return boost::any_cast<std::string>(value);
}

std::vector<std::string> Options::all(const char* name) const {
  return has(name) ? values_[name].as<std::vector<std::string>>() : std::vector<std::string>{};
}

std::string Options::need(const char* name, const char* what) const {
  if (!has(name)) fail(fmt::format("{} is missing; expected: dojosim {}", what, usage_));
  return text(name);
}

std::string Options::command() const {
  // "trace gen MODEL [options]" -> "trace gen": the command's own words are in lower case.
  std::istringstream in(usage_);
  std::string words;
  for (std::string word; in >> word && std::islower(static_cast<unsigned char>(word.front())) != 0 &&
                         word.find('|') == std::string::npos;)
    words += (words.empty() ? "" : " ") + word;
  return words;
}

void Options::fail(const std::string& words) const {
  throw Error(ExitCode::kUsage, fmt::format("{} (see: dojosim {} --help)", words, command()));
}

}  // namespace dojo::cli
