// SPDX-License-Identifier: Apache-2.0
// The option --plugin of the commands that read what a plug-in may add.
#pragma once
#include "dojo/run/plugins.h"
#include "options.h"

namespace dojo::cli {

void add_plugin_option(Options& options);
/// Before configs and traces are read, which may name what is added.
void load_plugins(const Options& options, run::Plugins& plugins);

}  // namespace dojo::cli
