// SPDX-License-Identifier: Apache-2.0
// Options of one command: declared with Boost.Program_options, parsed strictly, explained with an example.
#pragma once
#include <boost/program_options.hpp>
#include <string>
#include <vector>

#include "command_texts.h"

namespace dojo::cli {

namespace po = boost::program_options;
using Arguments = std::vector<std::string>;

/// The line as a shell takes it: "dojosim run config.json --set 'a=b c'".
[[nodiscard]] std::string command_line(const std::string& command, const Arguments& arguments);

/// The words after the command's name, and how to say what they mean.
class Options {
 public:
  /// `usage` is "run [CONFIG.json] [options]"; `example` a whole command line.
  Options(std::string usage, std::string sentence, std::string example);

  /// Add with options()("out", po::value<std::string>(), "folder for the results").
  po::options_description_easy_init options() { return described_.add_options(); }
  /// Names of the words that are no options, in order; the last one takes `last_count` of them (-1: all).
  void positional(const char* name, int count = 1);

  /// Prints the help and returns false when --help is there. Throws Error(kUsage).
  [[nodiscard]] bool parse(const Arguments& arguments);

  [[nodiscard]] bool has(const char* name) const { return values_.count(name) != 0; }
  [[nodiscard]] std::string text(const char* name) const;  ///< "" when it is not there
  [[nodiscard]] std::vector<std::string> all(const char* name) const;
  template <class T>
  [[nodiscard]] T value(const char* name, T otherwise) const {
    return has(name) ? values_[name].as<T>() : otherwise;
  }
  /// Throws Error(kUsage) when it is not there.
  [[nodiscard]] std::string need(const char* name, const char* what) const;
  [[nodiscard]] bool quiet() const { return has("quiet"); }
  [[noreturn]] void fail(const std::string& words) const;  ///< Error(kUsage) that points at --help

  [[nodiscard]] std::string command() const;  ///< "trace gen"
  [[nodiscard]] CommandText own_text() const;

 private:
  void read(const Arguments& arguments);
  void refuse_empty_words() const;
  void set_limits() const;
  [[nodiscard]] std::vector<std::string> long_names() const;

  std::string usage_, sentence_, example_;
  po::options_description described_;
  po::options_description hidden_;
  po::positional_options_description positional_;
  po::variables_map values_;
};

}  // namespace dojo::cli
