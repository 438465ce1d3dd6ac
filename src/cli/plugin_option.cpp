// SPDX-License-Identifier: Apache-2.0
#include "plugin_option.h"

namespace dojo::cli {

void add_plugin_option(Options& options) {
  options.options()("plugin", po::value<std::vector<std::string>>()->composing(),
                    "shared object with cores, collectives, operations or trace readers of your own; may be repeated; "
                    "dojosim list plugins says what it adds");
}

void load_plugins(const Options& options, run::Plugins& plugins) {
  for (const std::string& file : options.all("plugin")) plugins.load(file);
}

}  // namespace dojo::cli
