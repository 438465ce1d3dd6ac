// SPDX-License-Identifier: Apache-2.0
// From files to the one tree {machine, workload, run}, and from the tree to the checked config.
#pragma once
#include <string>
#include <vector>

#include "config/field_reader.h"
#include "config/value.h"
#include "dojo/config/config.h"

namespace dojo::config {

class Loader {
 public:
  explicit Loader(Purpose purpose = Purpose::kRun);
  /// Sections that `request` names a file for are not taken from the run file.
  void read_run_file(const LoadRequest& request);
  void read_machine_file(const std::string& file);
  void read_workload(const std::string& file_or_trace);
  void apply(const std::vector<std::string>& overrides);
  /// Reads the tree; throws with every complaint so far.
  [[nodiscard]] RunConfig finish();

 private:
  enum class Content { kGood, kMissing };
  Content read_text(const std::string& file, std::string& text);
  [[nodiscard]] Value parse_file(const std::string& file);
  [[nodiscard]] Value parse_text(const std::string& file, const std::string& text);
  void take_section(const std::string& key, const Value& value);
  void read_machine();
  void read_net();
  void make_mesh();
  [[nodiscard]] std::string die_grid();
  void drop_sites_of_file(bool other_grid);
  void read_sites(const Value& machine, const ReadLog& log);
  void check_levels(const Value& machine, ReadLog& log);
  void assume_level(const Value& machine, ReadLog& log);
  void check_topology(const Value& machine, const ReadLog& log);
  void read_workload_section();
  void resolve_file(const char* key, std::string& name);

  Purpose purpose_;
  Complaints complaints_;
  std::vector<std::string> machine_overrides_;  ///< that a plain mesh takes as well, in place of a machine
  Value root_;
  RunConfig config_;
};

}  // namespace dojo::config
