// SPDX-License-Identifier: Apache-2.0
// `dojosim man`: pages of the manual, made from the tables of options.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "command_texts.h"
#include "commands.h"
#include "dojo/base/files.h"
#include "dojo/report/report.h"
#include "json_answer.h"
#include "terminal.h"

namespace dojo::cli {
namespace {

/// Backslashes and dashes have a meaning of their own, and so has a point or an apostrophe that begins a line.
std::string roff(const std::string& text) {
  std::string out;
  bool begins = true;
  for (const char c : text) {
    if (begins && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    begins = c == '\n';
  }
  return out;
}

std::string head(const std::string& name, const std::string& sentence) {
  std::string title = name;
  for (char& c : title) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return fmt::format(".TH {} 1 \"\" \"dojosim {}\"\n.SH NAME\n{} \\- {}\n", roff(title), report::build_info().version,
                     roff(name), roff(sentence));
}

/// "Runs every point ... into DIR." of what may go on for lines.
std::string first_sentence(const std::string& text) {
  const std::size_t end = text.find(". ");
  std::string first = text.substr(0, std::min(end, text.size()));
  std::replace(first.begin(), first.end(), '\n', ' ');
  if (!first.empty() && first.back() == '.') first.pop_back();
  return first;
}

constexpr const char* kTail =
    ".SH EXIT STATUS\n0 good; 1 a regression, or a point of a sweep failed; 2 usage; 3 invalid input; 4 the job "
    "cannot\n"
    "finish; 5 input or output failed; 6 not enough host memory; 70 a mistake in dojosim; 130 interrupted.\n";

std::string dashed(std::string name) {
  std::replace(name.begin(), name.end(), ' ', '-');
  return "dojosim-" + name;
}

}  // namespace

std::string manual_name(const CommandText& command) {
  return dashed(command.name) + ".1";
}

std::string manual_of(const CommandText& command) {
  std::string text = head(dashed(command.name), first_sentence(command.sentence));
  text += fmt::format(".SH SYNOPSIS\n.nf\n{}\n.fi\n.SH DESCRIPTION\n.nf\n{}\n.fi\n.SH OPTIONS\n",
                      roff("dojosim " + command.usage), roff(command.sentence));
  for (const OptionText& option : command.options) {
    text += fmt::format(".TP\n.B {}{}{}\n{}\n", option.letter.empty() ? "" : "\\-" + option.letter + ", ",
                        roff("--" + option.name), option.takes_value ? " VALUE" : "", roff(option.words));
  }
  return text + fmt::format(".SH EXAMPLE\n.nf\n{}\n.fi\n", roff(command.example)) + kTail +
         ".SH SEE ALSO\n.BR dojosim (1)\n";
}

std::string manual_of_program(const std::vector<CommandText>& commands) {
  std::string text = head("dojosim", "simulator of a mesh of dies such as Tesla's Dojo ExaPod");
  text += ".SH SYNOPSIS\n.B dojosim\nCOMMAND ...\n.br\n.B dojosim help\nCOMMAND\n.SH COMMANDS\n";
  for (const CommandText& command : commands)
    text += fmt::format(".TP\n.BR {} (1)\n{}.\n", roff(dashed(command.name)), roff(first_sentence(command.sentence)));
  return text + kTail;
}

int man_command(const Arguments& arguments) {
  Options options("man DIR", "Writes a page of the manual for the program and for each command into a folder.",
                  "dojosim man out/man1 && man -l out/man1/dojosim-run.1");
  options.options()("json", "print JSON instead of text");
  options.positional("dir");
  if (!options.parse(arguments)) return 0;
  const std::filesystem::path folder = options.need("dir", "the folder");
  const std::vector<CommandText> commands = all_command_texts();
  (void)make_folders(folder.string());
  remove_leftovers(folder.string());
  OutputSet files;
  std::vector<std::string> pages{(folder / "dojosim.1").string()};
  files.add(pages.front()).write(manual_of_program(commands));
  for (const CommandText& command : commands) {
    pages.push_back((folder / manual_name(command)).string());
    files.add(pages.back()).write(manual_of(command));
  }
  files.commit();
  if (options.has("json")) {
    JsonAnswer("manual").add_json("pages", json_texts(pages)).print();
  } else {
    print("{}\n", pages.front());
  }
  return 0;
}

}  // namespace dojo::cli
