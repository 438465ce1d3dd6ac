// SPDX-License-Identifier: Apache-2.0
// `dojosim completion`: what a shell offers after a tab, made from the tables of options.
#include <fmt/format.h>

#include <algorithm>

#include "command_texts.h"
#include "commands.h"
#include "dojo/base/error.h"
#include "dojo/base/files.h"
#include "terminal.h"

namespace dojo::cli {
namespace {

/// The words that may follow each beginning of a command: "" -> run, net, ...; "trace" -> info, check, ...
std::vector<std::pair<std::string, std::vector<std::string>>> next_words(const std::vector<CommandText>& commands) {
  std::vector<std::pair<std::string, std::vector<std::string>>> all;
  const auto add = [&](const std::string& before, const std::string& word) {
    auto at = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.first == before; });
    if (at == all.end()) at = all.insert(all.end(), {before, {}});
    if (std::find(at->second.begin(), at->second.end(), word) == at->second.end()) at->second.push_back(word);
  };
  for (const CommandText& command : commands) {
    const std::size_t space = command.name.find(' ');
    add("", command.name.substr(0, space));
    if (space != std::string::npos) add(command.name.substr(0, space), command.name.substr(space + 1));
  }
  add("", "help");
  return all;
}

/// In single quotes, for each of the three shells.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c == '\n' ? ' ' : c);
  return out + "'";
}

std::string bash(const std::vector<CommandText>& commands) {
  std::string words, options;
  for (const auto& [before, next] : next_words(commands))
    words += fmt::format("    {}) words={} ;;\n", quoted(before), quoted(fmt::format("{}", fmt::join(next, " "))));
  for (const CommandText& command : commands) {
    std::string names;
    for (const OptionText& option : command.options) names += (names.empty() ? "--" : " --") + option.name;
    options += fmt::format("    {}) options={} ;;\n", quoted(command.name), quoted(names));
  }
  return "# bash completion for dojosim; made by `dojosim completion bash`\n"
         "_dojosim() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} command= words= options= i\n"
         "  COMPREPLY=()\n"
         "  local extglob=$(shopt -p extglob)\n"
         "  shopt -s extglob\n"
         "  for ((i = 1; i < COMP_CWORD; ++i)); do\n"
         "    case ${COMP_WORDS[i]} in\n"
         "      -*) break ;;\n"
         "      help) [[ -z $command ]] && continue ;;\n"
         "    esac\n"
         "    if [[ -z $command || $command == @(trace|topo|list) ]]; then\n"
         "      command=${command:+$command }${COMP_WORDS[i]}\n"
         "    fi\n"
         "  done\n"
         "  case $command in\n" +
         words + "  esac\n  case $command in\n" + options +
         "  esac\n"
         "  if [[ $word == -* ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$options --help --version\" -- \"$word\"))\n"
         "  elif [[ -n $words ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "  fi\n"
         "  eval \"$extglob\"\n"
         "}\n"
         "complete -o default -F _dojosim dojosim\n";
}

/// [ ] : end a description of zsh.
std::string zsh_words(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '[' || c == ']' || c == ':' ? std::string("\\") + c : std::string(1, c);
  return out;
}

std::string zsh(const std::vector<CommandText>& commands) {
  std::string text =
      "#compdef dojosim\n# zsh completion for dojosim; made by `dojosim completion zsh`\n"
      "_dojosim() {\n  local command=${words[2]}\n"
      "  [[ $command == help ]] && command=${words[3]}\n"
      "  case $command in\n    trace|topo|list) command=\"$command ${words[3]}\" ;;\n  esac\n"
      "  case $command in\n";
  for (const CommandText& command : commands) {
    text += fmt::format("    {})\n      _arguments", quoted(command.name));
    for (const OptionText& option : command.options) {
      text += fmt::format(" \\\n        {}",
                          quoted(fmt::format("*--{}{}[{}]{}", option.name, option.takes_value ? "=" : "",
                                             zsh_words(option.words), option.takes_value ? ":value:_files" : "")));
    }
    text += " \\\n        '*:file:_files' ;;\n";
  }
  const auto next = next_words(commands);
  for (const auto& [before, words] : next) {
    if (!before.empty()) text += fmt::format("    {}\\ *) compadd {} ;;\n", before, fmt::join(words, " "));
  }
  return text + fmt::format("    *) compadd {} ;;\n  esac\n}}\n_dojosim \"$@\"\n", fmt::join(next.front().second, " "));
}

std::string fish(const std::vector<CommandText>& commands) {
  std::string text = "# fish completion for dojosim; made by `dojosim completion fish`\n";
  for (const auto& [before, words] : next_words(commands)) {
    const std::string when = before.empty() ? "__fish_use_subcommand"
                                            : fmt::format(
                                                  "__fish_seen_subcommand_from {}; and not "
                                                  "__fish_seen_subcommand_from {}",
                                                  before, fmt::join(words, " "));
    text += fmt::format("complete -c dojosim -n {} -f -a {}\n", quoted(when),
                        quoted(fmt::format("{}", fmt::join(words, " "))));
  }
  for (const CommandText& command : commands) {
    const std::size_t space = command.name.find(' ');
    std::string when = "__fish_seen_subcommand_from " + command.name.substr(0, space);
    if (space != std::string::npos) when += "; and __fish_seen_subcommand_from " + command.name.substr(space + 1);
    for (const OptionText& option : command.options) {
      text += fmt::format("complete -c dojosim -n {} -l {}{}{} -d {}\n", quoted(when), option.name,
                          option.letter.empty() ? "" : " -s " + option.letter, option.takes_value ? " -r" : "",
                          quoted(option.words));
    }
  }
  return text;
}

}  // namespace

std::string completion_of(const std::string& shell, const std::vector<CommandText>& commands) {
  if (shell == "bash") return bash(commands);
  if (shell == "zsh") return zsh(commands);
  if (shell == "fish") return fish(commands);
  return "";
}

int completion_command(const Arguments& arguments) {
  Options options("completion bash|zsh|fish",
                  "Prints what the shell has to know to complete commands and options. The installed package has it.",
                  "dojosim completion bash > ~/.local/share/bash-completion/completions/dojosim");
  options.options()("output,o", po::value<std::string>(), "file to write; default: standard output");
  options.positional("shell");
  if (!options.parse(arguments)) return 0;
  const std::string shell = options.need("shell", "the shell");
  const std::string text = completion_of(shell, all_command_texts());
  if (text.empty()) options.fail(fmt::format("unknown shell '{}'; expected bash, zsh or fish", shell));
  if (options.has("output")) {
    remove_leftovers_beside(options.text("output"));
    write_file(options.text("output"), text);
  } else {
    put(text);
  }
  return 0;
}

}  // namespace dojo::cli
