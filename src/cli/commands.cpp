// SPDX-License-Identifier: Apache-2.0
// The table of commands and how the first word of a command line picks from a table.
#include "commands.h"

#include <fmt/format.h>

#include <algorithm>

#include "dojo/base/error.h"
#include "dojo/base/nearest.h"
#include "terminal.h"

namespace dojo::cli {
namespace {

void print_table(const std::string& parent, const std::vector<Command>& table) {
  const std::string prefix = parent.empty() ? "" : parent + " ";
  fmt::print("usage: dojosim {}COMMAND ...\n\nCommands:\n", prefix);
  for (const Command& command : table) fmt::print("  {:<10} {}\n", command.name, command.sentence);
  fmt::print("\n'dojosim {}COMMAND --help' explains a command and shows an example.\n", prefix);
  if (parent.empty()) {
    fmt::print(
        "'dojosim --version' prints program, git, compiler, SystemC and library versions.\n\nExample:\n"
        "  dojosim run configs/runs/resnet50_tile.json --out out/tile\n");
  } else {
    fmt::print("\nExample:\n  dojosim {}{} --help\n", prefix, table.front().name);
  }
}

/// Commands that begin with the words before --json: all for none.
void print_help_json(const Arguments& words) {
  std::vector<CommandText> found;
  const std::string wanted = fmt::format("{}", fmt::join(words, " "));
  for (CommandText& command : all_command_texts())
    if (wanted.empty() || command.name == wanted || command.name.rfind(wanted + " ", 0) == 0)
      found.push_back(std::move(command));
  if (found.empty()) throw Error(ExitCode::kUsage, fmt::format("unknown command '{}' (see: dojosim help)", wanted));
  put(help_json(found));
}

}  // namespace

const std::vector<Command>& commands() {
  static const std::vector<Command> table{
      {"run", "simulate a workload on a machine", run_command},
      {"net", "synthetic traffic on a machine or a plain mesh", net_command},
      {"core", "run a kernel or a micro-program on the pipeline of one core", core_command},
      {"sweep", "run a what-if sweep, a folder for each point", sweep_command},
      {"compare", "what changed between two reports or folders of runs; a gate for CI", compare_command},
      {"trace", "look at, check, convert and generate traces", trace_command},
      {"topo", "draw or check a machine file", topo_command},
      {"validate", "the simulator against published figures, other simulators and your own", validate_command},
      {"report", "write report.html for a run or a sweep folder", report_command},
      {"list", "everything that has a name, with unit, default and source", list_command},
      {"completion", "completions for bash, zsh and fish", completion_command},
      {"man", "write the pages of the manual", man_command}};
  return table;
}

int dispatch(const std::string& parent, const std::vector<Command>& table, const Arguments& arguments) {
  const std::string prefix = parent.empty() ? "" : parent + " ";
  if (CommandTexts::living() != nullptr) {
    for (const Command& command : table) (void)command.run({});
    return 0;
  }
  if (arguments.empty()) {
    throw Error(ExitCode::kUsage, fmt::format("a command is missing (see: dojosim {}--help)", prefix));
  }
  const std::string& word = arguments.front();
  const bool asks_help = word == "--help" || word == "-h" || (parent.empty() && word == "help");
  if (asks_help && arguments.back() == "--json") {
    Arguments words(arguments.begin() + 1, arguments.end() - 1);
    if (!parent.empty()) words.insert(words.begin(), parent);
    print_help_json(words);
    return 0;
  }
  if (parent.empty() && word == "help" && arguments.size() > 1) {  // "help trace gen" is "trace gen --help"
    Arguments words(arguments.begin() + 1, arguments.end());
    words.emplace_back("--help");
    return dispatch(parent, table, words);
  }
  if (asks_help) {
    print_table(parent, table);
    return 0;
  }
  const auto found = std::find_if(table.begin(), table.end(), [&](const Command& c) { return c.name == word; });
  if (found != table.end()) return found->run({arguments.begin() + 1, arguments.end()});
  std::vector<std::string> names;
  names.reserve(table.size());
  for (const Command& command : table) names.emplace_back(command.name);
  if (word.rfind("--", 0) == 0) names = parent.empty() ? Arguments{"--help", "--version"} : Arguments{"--help"};
  throw Error(ExitCode::kUsage, fmt::format("unknown {} '{}'{} (known: {}; see: dojosim {}--help)",
                                            word.rfind('-', 0) == 0 ? "option" : "command", prefix + word,
                                            did_you_mean(word, names), fmt::join(names, ", "), prefix));
}

}  // namespace dojo::cli
