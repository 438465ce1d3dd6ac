// SPDX-License-Identifier: Apache-2.0
// `dojosim report DIR`: the HTML page of a folder, made again from its JSON and CSV files.
#include "dojo/report/report.h"

#include <fmt/format.h>

#include "commands.h"
#include "json_answer.h"
#include "terminal.h"

namespace dojo::cli {

int report_command(const Arguments& arguments) {
  Options options("report DIR", "Writes report.html for the run or sweep folder DIR and prints its path.",
                  "dojosim report out/tile");
  options.options()("json", "print JSON instead of text");
  options.positional("dir");
  if (!options.parse(arguments)) return 0;
  const std::string page = report::write_html(options.need("dir", "the folder"));
  if (options.has("json")) {
    JsonAnswer("page").add("page", page).print();
  } else {
    print("{}\n", page);
  }
  return 0;
}

}  // namespace dojo::cli
