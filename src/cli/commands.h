// SPDX-License-Identifier: Apache-2.0
// The commands of the program, one file each.
#pragma once
#include <string>
#include <vector>

#include "options.h"

namespace dojo::run {
class Shared;
}

namespace dojo::cli {

struct Command {
  const char* name;
  const char* sentence;
  int (*run)(const Arguments& arguments);  ///< returns the exit code; throws Error
};

int run_command(const Arguments& arguments);
int net_command(const Arguments& arguments);
int core_command(const Arguments& arguments);
int sweep_command(const Arguments& arguments);
int compare_command(const Arguments& arguments);
int trace_command(const Arguments& arguments);
int topo_command(const Arguments& arguments);
int validate_command(const Arguments& arguments);
int report_command(const Arguments& arguments);
int list_command(const Arguments& arguments);
int completion_command(const Arguments& arguments);
int man_command(const Arguments& arguments);

/// `run` with what is made already; may be null.
int run_with(const Arguments& arguments, const run::Shared* shared);

[[nodiscard]] const std::vector<Command>& commands();
/// Of `dojosim --version` and the words behind it.
void print_version(const Arguments& arguments);

/// The first word picks from `table` ("trace info ..."); the rest goes to that entry. `parent` is "trace", or "" for
/// the program itself. Prints the table's help for --help. Throws Error(kUsage).
int dispatch(const std::string& parent, const std::vector<Command>& table, const Arguments& arguments);

}  // namespace dojo::cli
