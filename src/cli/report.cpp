// SPDX-License-Identifier: Apache-2.0
// `dojosim report DIR`: the HTML page of a folder, made again from its JSON and CSV files.
#include "dojo/report/report.h"

#include <fmt/format.h>

#include "commands.h"
#include "terminal.h"

namespace dojo::cli {

int report_command(const Arguments& arguments) {
  Options options("report DIR", "Writes report.html for the run or sweep folder DIR and prints its path.",
                  "dojosim report out/tile");
  options.positional("dir");
  if (!options.parse(arguments)) return 0;
  print("{}\n", report::write_html(options.need("dir", "the folder")));
  return 0;
}

}  // namespace dojo::cli
