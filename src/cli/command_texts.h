// SPDX-License-Identifier: Apache-2.0
// What every command says of itself, for completions and manual pages.
#pragma once
#include <string>
#include <vector>

namespace dojo::cli {

struct OptionText {
  std::string name;    ///< "out", without its dashes
  std::string letter;  ///< "q", or ""
  bool takes_value = false;
  std::string words;
};
struct CommandText {
  std::string name;  ///< "trace info"
  std::string usage, sentence, example;
  std::vector<OptionText> options;
};

/// While one lives, each Options::parse() adds what its command says here and returns false, so that no command does
/// anything.
class CommandTexts {
 public:
  CommandTexts();
  ~CommandTexts();
  CommandTexts(const CommandTexts&) = delete;
  CommandTexts& operator=(const CommandTexts&) = delete;
  std::vector<CommandText> texts;
  [[nodiscard]] static CommandTexts* living();
};

/// Of all commands that do something, in the order of their tables.
[[nodiscard]] std::vector<CommandText> all_command_texts();

/// As one JSON object (schema dojosim.help/1).
[[nodiscard]] std::string help_json(const std::vector<CommandText>& commands);
/// shell: bash, zsh or fish.
[[nodiscard]] std::string completion_of(const std::string& shell, const std::vector<CommandText>& commands);
/// A page of manual section 1, in the language of man.
[[nodiscard]] std::string manual_of(const CommandText& command);
/// The page of the program itself, which lists the others.
[[nodiscard]] std::string manual_of_program(const std::vector<CommandText>& commands);
/// "dojosim-trace-info.1"
[[nodiscard]] std::string manual_name(const CommandText& command);

}  // namespace dojo::cli
