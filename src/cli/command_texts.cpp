// SPDX-License-Identifier: Apache-2.0
// Collects what the commands say of themselves: each is started once without words, and stops where it would read them.
#include "command_texts.h"

#include "commands.h"
#include "json_answer.h"

namespace dojo::cli {
namespace {

CommandTexts* living_texts = nullptr;  // the tables of commands are functions, and pass nothing on

}  // namespace

CommandTexts::CommandTexts() {
  living_texts = this;
}

CommandTexts::~CommandTexts() {
  living_texts = nullptr;
}

CommandTexts* CommandTexts::living() {
  return living_texts;
}

std::vector<CommandText> all_command_texts() {
  CommandTexts all;
  for (const Command& command : commands()) (void)command.run({});
  return all.texts;
}

std::string help_json(const std::vector<CommandText>& commands) {
  std::vector<std::string> all;
  for (const CommandText& command : commands) {
    std::vector<std::string> options;
    for (const OptionText& option : command.options) {
      options.push_back(JsonAnswer()
                            .add("name", option.name)
                            .add("letter", option.letter)
                            .add("takes_value", option.takes_value)
                            .add("sentence", option.words)
                            .text());
    }
    all.push_back(JsonAnswer()
                      .add("name", command.name)
                      .add("usage", "dojosim " + command.usage)
                      .add("sentence", command.sentence)
                      .add("example", command.example)
                      .add_json("options", json_list(options))
                      .text());
  }
  return JsonAnswer("help").add_json("commands", json_list(all)).text() + "\n";
}

}  // namespace dojo::cli
