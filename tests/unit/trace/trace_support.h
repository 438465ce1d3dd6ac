// SPDX-License-Identifier: Apache-2.0
// Writes a trace into a folder of its own, reads it, and gives the graph or the lines of the error.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "dojo/trace/trace.h"

namespace dojo::workload {

class TraceFiles : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("dojo_trace_files_" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void file(const std::string& name, const std::string& bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
  }
  [[nodiscard]] Workload read(const std::string& name, const TraceOptions& options = {}) const {
    return read_trace(path(name), options, nullptr);
  }
  [[nodiscard]] Workload read_text(const std::string& bytes, const TraceOptions& options = {}) const {
    file("t", bytes);
    return read("t", options);
  }
  [[nodiscard]] std::vector<std::string> errors(const std::string& bytes, const TraceOptions& options = {}) const {
    file("t", bytes);
    return errors_of("t", options);
  }
  [[nodiscard]] std::vector<std::string> errors_of(const std::string& name, const TraceOptions& options = {}) const {
    try {
      (void)read(name, options);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kInvalidInput);
      return error.lines();
    }
    return {};
  }
  /// Cut after every byte: an error, or a graph of whole records with a note; never more operations than the whole has.
  void expect_cuts_are_told(const std::string& bytes, const TraceOptions& options, std::size_t smallest) const {
    const std::size_t most = read_text(bytes, options).graphs[0].ops.size();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      file("t", bytes.substr(0, size));
      try {
        const Workload workload = read("t", options);
        EXPECT_LE(workload.graphs[0].ops.size(), most) << size;
        EXPECT_GE(size, smallest) << "a shorter file cannot be whole";
        EXPECT_THAT(workload.graphs[0].warnings, testing::Not(testing::IsEmpty())) << size;
      } catch (const Error& error) {
        EXPECT_FALSE(error.lines().empty()) << size;
      }
    }
  }
  /// Any byte replaced: an error or a graph, never a crash.
  void expect_damage_is_survived(const std::string& bytes, const TraceOptions& options) const {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      for (const char change : {'\x00', '\x80', '\xff', '-', '9', ',', '{'}) {
        std::string damaged = bytes;
        damaged[i] = change;
        file("t", damaged);
        try {
          (void)read("t", options);
        } catch (const Error& error) {
          EXPECT_FALSE(error.lines().empty());
        }
      }
    }
  }
  static const Op* find(const Graph& graph, const std::string& name) {
    for (const Op& op : graph.ops) {
      if (graph.op_name(op) == name) return &op;
    }
    return nullptr;
  }
  static std::vector<std::string> deps_of(const Graph& graph, const std::string& name) {
    std::vector<std::string> names;
    const Op* op = find(graph, name);
    if (op == nullptr) return {"no operation '" + name + "'"};
    for (std::uint32_t i = op->deps_begin; i < op->deps_end; ++i)
      names.push_back(graph.op_name(graph.ops[graph.deps[i]]));
    return names;
  }
  static std::size_t count(const Graph& graph, OpKind kind) {
    std::size_t found = 0;
    for (const Op& op : graph.ops) found += op.kind == kind ? 1 : 0;
    return found;
  }
  std::filesystem::path folder_;
};

}  // namespace dojo::workload
