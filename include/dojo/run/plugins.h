// SPDX-License-Identifier: Apache-2.0
// What a user adds to a run: linked into a program, or loaded from a shared object (dojosim run --plugin FILE.so).
//
//   #include "dojo/run/plugins.h"
//   DOJO_PLUGIN(plugins) { plugins.add_core("mine", [](const dojo::core::NodeSite& site) { ... }); }
//
// Cores belong to a Plugins. Names of collectives, operations and trace formats belong to the process: add them once,
// before a config or a trace that names them is read.
#pragma once
#include <string>

#include "dojo/systemc/cores.h"
#include "dojo/trace/own_readers.h"
#include "dojo/workload/own_algorithms.h"
#include "dojo/workload/own_operations.h"

namespace dojo::run {

class Plugins {
 public:
  /// The interface between this project and shared objects; it changes with every change of a public header.
  static constexpr int kVersion = 4;

  /// A core without SystemC for run.detailed_core. Throws Error(kInvalidInput), as add_core_module().
  void add_core(const std::string& name, core::NodeFactory make);
  /// A core that is a module with sockets, with or without processes.
  void add_core_module(const std::string& name, systemc::CoreFactory make) { cores_.add(name, std::move(make)); }
  [[nodiscard]] const systemc::Cores& cores() const { return cores_; }

  /// An algorithm of collectives, for `algorithm` in a trace and workload.collective_algorithm. Throws
  /// Error(kInvalidInput), as workload::add_collective().
  void add_collective(workload::OwnCollective collective);
  /// A kind of operations in traces of the own format. Throws Error(kInvalidInput), as workload::add_operation().
  void add_operation(workload::OwnOperation operation);
  /// A reader of traces. Throws Error(kInvalidInput), as workload::add_trace_reader().
  void add_trace_reader(workload::OwnReader reader);

  /// Lets a shared object add its parts. Throws Error(kIo) where it cannot be read, Error(kInvalidInput) where it is no
  /// plug-in of this version or adds what cannot be added. It stays loaded until the process ends. Loaded once more,
  /// into another Plugins, it adds its cores alone: the rest is there.
  void load(const std::string& file);

 private:
  systemc::Cores cores_;
  std::string origin_ = "this program";  ///< of what is added
  bool again_ = false;                   ///< what belongs to the process is there
};

}  // namespace dojo::run

/// The one function of a shared object that adds its parts to `plugins`.
// NOLINTBEGIN(bugprone-macro-parentheses): the name of a parameter
#define DOJO_PLUGIN(plugins)                                                    \
  extern "C" __attribute__((visibility("default"))) int dojo_plugin_version() { \
    return dojo::run::Plugins::kVersion;                                        \
  }                                                                             \
  extern "C" __attribute__((visibility("default"))) void dojo_plugin(dojo::run::Plugins& plugins)
// NOLINTEND(bugprone-macro-parentheses)
