// SPDX-License-Identifier: Apache-2.0
// Files, sections and overrides of a run config.
#include "config/loader.h"

#include <algorithm>
#include <filesystem>

#include "config/overrides.h"
#include "dojo/base/error.h"
#include "dojo/base/files.h"

namespace dojo::config {
namespace {

namespace fs = std::filesystem;
using Kind = Value::Kind;

std::string beside(const std::string& directory, const std::string& file) {
  if (directory.empty() || fs::path(file).is_absolute()) return file;
  return (fs::path(directory) / file).lexically_normal().string();
}

/// A trace in JSON names its format or schema, or has a list of nodes or events; a workload config does not.
bool is_workload_config_value(const Value& value) {
  for (const char* key : {"format", "graphs", "schema", "nodes", "workload_graph", "traceEvents", "operations", "ops"})
    if (value.find(key) != nullptr) return false;
  return true;
}

/// Does this text say what to run, or is it a trace?
bool is_workload_config(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n\xef\xbb\xbf");  // the last three: a byte order mark
  if (first == std::string::npos || text[first] != '{') return false;
  Value value;
  if (!try_parse_json(text, std::make_shared<Origin>(), "",
                      value)) {  // broken: by its words, so that it can be told where
    return text.find("\"generate\"") != std::string::npos || text.find("\"trace\"") != std::string::npos ||
           text.find("\"rank_unit\"") != std::string::npos;
  }
  return is_workload_config_value(value);
}

/// "" for a run config; else what the file is and how to give it.
std::string other_kind_of_file(const Value& value) {
  if (value.find("machine") != nullptr || value.find("workload") != nullptr) return "";
  if (value.find("level") != nullptr)
    return "found a machine, expected a run config with \"machine\" and \"workload\"; give it as --machine";
  if (is_workload_config_value(value) && value.find("generate") == nullptr && value.find("trace") == nullptr) return "";
  return "found a workload or trace, expected a run config with \"machine\" and \"workload\"; give it as --workload, "
         "beside --machine";
}

}  // namespace

Loader::Loader(Purpose purpose) : purpose_(purpose) {
  root_.kind = Kind::kObject;
  for (const char* key : {"machine", "workload", "run", "router", "net"}) {
    Value section;
    section.kind = Kind::kObject;
    section.path = std::string("/") + key;
    root_.members.emplace_back(key, std::move(section));
  }
}

Loader::Content Loader::read_text(const std::string& file, std::string& text) {
  try {
    text = read_file(file, input_limits().config_bytes);
    return Content::kGood;
  } catch (const Error& error) {
    auto& lines = error.code() == ExitCode::kIo ? complaints_.missing_files : complaints_.lines;
    lines.insert(lines.end(), error.lines().begin(), error.lines().end());
    return Content::kMissing;
  }
}

Value Loader::parse_file(const std::string& file) {
  std::string text;
  if (read_text(file, text) == Content::kMissing) return {};
  return parse_text(file, text);
}

Value Loader::parse_text(const std::string& file, const std::string& text) {
  config_.input_sha256[file] = sha256_text(text);
  auto origin = std::make_shared<Origin>();
  origin->label = file;
  origin->directory = fs::path(file).parent_path().string();
  origin->has_lines = true;
  const std::size_t before = complaints_.lines.size();
  Value value = parse_json(text, origin, "", complaints_);
  if (!value.is(Kind::kObject) && complaints_.lines.size() == before)
    complaints_.lines.push_back(fmt::format("{}:{}: /: found {}, expected an object", file, value.line, value.shown()));
  return value;
}

void Loader::read_run_file(const LoadRequest& request) {
  const Value value = parse_file(request.config_file);
  if (!value.is(Kind::kObject)) return;
  const bool net = value.find("net") != nullptr;
  const std::string other = purpose_ == Purpose::kRun && !net ? other_kind_of_file(value) : "";
  if (net && purpose_ == Purpose::kRun) {
    complaints_.lines.push_back(request.config_file +
                                ": found synthetic traffic (\"net\"), expected a run config; give it to: dojosim net");
    return;
  }
  if (!other.empty()) {
    complaints_.lines.push_back(request.config_file + ": " + other);
    return;
  }
  ReadLog log{complaints_, {}};
  if (purpose_ == Purpose::kRun) {
    check_keys(value, "", {"machine", "workload", "run"}, log);
  } else {
    check_keys(value, "", {"machine", "run", "router", "net"}, log);
  }
  for (const auto& [key, section] : value.members) {
    if (purpose_ == Purpose::kNet && key == "workload") continue;
    const bool replaced =
        (key == "machine" && !request.machine_file.empty()) || (key == "workload" && !request.workload_file.empty());
    if (!replaced) take_section(key, section);
  }
}

void Loader::take_section(const std::string& key, const Value& value) {
  Value* section = root_.find(key);
  if (section == nullptr) return;
  const bool file_allowed = key == "machine" || key == "workload";
  if (value.is(Kind::kText) && file_allowed) {
    const std::string file = beside(value.origin->directory, value.text);
    if (key == "machine") {
      read_machine_file(file);
    } else {
      read_workload(file);
    }
    return;
  }
  if (!value.is(Kind::kObject)) {
    complaints_.lines.push_back(fmt::format("{}: found {}, expected an object{}", value.place(), value.shown(),
                                            file_allowed ? " or the name of a file" : ""));
    return;
  }
  *section = value;
  if (key == "machine") config_.machine_file = value.origin->label;
  if (key == "workload") config_.workload_file = value.origin->label;
}

void Loader::read_machine_file(const std::string& file) {
  Value value = parse_file(file);
  if (!value.is(Kind::kObject)) return;
  *root_.find("machine") = std::move(value);
  config_.machine_file = file;
}

void Loader::read_workload(const std::string& name) {
  Value& section = *root_.find("workload");
  config_.workload_file = name;
  const bool named_json = fs::path(name).extension() == ".json";
  std::error_code ignored;
  const bool file = fs::is_regular_file(name, ignored);
  std::string text;
  if (named_json && !file) {
    read_text(name, text);
    return;
  }
  if (file && fs::file_size(name, ignored) <= input_limits().config_bytes) read_text(name, text);
  if (is_workload_config(text)) {
    Value value = parse_text(name, text);
    if (value.is(Kind::kObject)) section = std::move(value);
    return;
  }
  section.members.clear();  // a trace file or the prefix of one
  auto origin = std::make_shared<Origin>();
  origin->label = "--workload " + name;
  Value trace;
  trace.kind = Kind::kText;
  trace.text = name;
  trace.origin = origin;
  trace.path = "/workload/trace";
  section.origin = origin;
  section.members.emplace_back("trace", std::move(trace));
}

void Loader::apply(const std::vector<std::string>& overrides) {
  const bool net = purpose_ == Purpose::kNet;
  const std::string grid = die_grid();
  for (const std::string& text : overrides) {
    const std::string section = text.substr(0, text.find('.'));
    const bool unused = net ? section == "workload" : section == "net" || section == "router";
    if (unused) {
      complaints_.lines.push_back(
          fmt::format("--set {}: found a key that `dojosim {}` does not use; leave it out", text, net ? "net" : "run"));
    } else {
      const std::size_t before = complaints_.lines.size();
      apply_override(root_, text, complaints_);
      if (section == "machine" && complaints_.lines.size() == before) machine_overrides_.push_back(text);
    }
  }
  drop_sites_of_file(die_grid() != grid);
}

/// As the tree says it so far.
std::string Loader::die_grid() {
  const Value* at = &*root_.find("machine");
  for (const char* key : {"die", "grid"})
    if (at != nullptr) at = at->find(key);
  std::string text;
  for (const char* key : {"rows", "columns"}) {
    const Value* value = at == nullptr ? nullptr : at->find(key);
    text += (value == nullptr ? "" : value->shown()) + " ";
  }
  return text;
}

/// What a file says of a die's sites belongs to the grid of that file: another grid by `--set` takes it away, so that
/// the grid is one key (or two) and not four.
void Loader::drop_sites_of_file(bool other_grid) {
  Value* die = root_.find("machine")->find("die");
  if (!other_grid || die == nullptr) return;
  const auto of_file = [](const auto& member) {
    const auto& [key, value] = member;
    return (key == "enabled" || key == "disabled_sites") && value.origin && value.origin->has_lines;
  };
  die->members.erase(std::remove_if(die->members.begin(), die->members.end(), of_file), die->members.end());
}

}  // namespace dojo::config
