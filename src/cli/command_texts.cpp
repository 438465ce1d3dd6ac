// SPDX-License-Identifier: Apache-2.0
// Collects what the commands say of themselves: each is started once without words, and stops where it would read them.
#include "command_texts.h"

#include "commands.h"

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

}  // namespace dojo::cli
