// SPDX-License-Identifier: Apache-2.0
// A folder with a run config, and a runner that writes small reports in the place of the program.
#pragma once
#include <gmock/gmock.h>
#include <sqlite3.h>

#include <algorithm>
#include <sstream>

#include "dojo/base/error.h"
#include "report/digest.h"
#include "report/sweep_results.h"
#include "report/sweep_run.h"
#include "synthetic_run.h"

namespace dojo::report {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

/// Writes a report whose time is its batch times its hops, counts its runs, and fails for batch 13. Batch 1300 does not
/// fit, as its check says.
class SmallReports : public PointRunner {
 public:
  explicit SmallReports(std::string folder) : folder_(std::move(folder)) {}
  Origin origin(const config::RunConfig& config) override {
    return {config.workload.trace, config::resolved_json(config)};
  }
  void share(const config::RunConfig&, bool lower, const std::function<bool()>&) override {
    std::ofstream(folder_ + "/shared", std::ios::app) << (lower ? "job\n" : "workload\n");
  }
  int check(const config::RunConfig& config) override {
    std::ofstream(folder_ + "/checks", std::ios::app) << config.workload.generate.batch << "\n";
    return config.workload.generate.batch == 1300 ? fail("resnet50: found a need of 9 MB, expected at most 1 MB") : 0;
  }
  int run(const std::vector<std::string>& words) override {
    std::string out, batch, hops = "1";
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
      const std::string path = words[i + 1].substr(0, words[i + 1].find('=') + 1);
      if (words[i] == "--out") out = words[i + 1];
      if (path == "workload.generate.batch=") batch = words[i + 1].substr(path.size());
      if (path == "machine.noc.hop_cycles=") hops = words[i + 1].substr(path.size());
    }
    std::ofstream(folder_ + "/runs", std::ios::app) << out << "\n";
    if (batch == "13") return fail("trace.json: rank 3, 'send': no receiver");
    fs::create_directories(out);
    const double seconds = batch.empty() ? 8 : std::stod(batch) * (scaled ? std::stod(hops) : 1);
    std::ofstream(out + "/report.json") << fmt::format(
        R"({{"schema": "dojosim.report/1", "partial": false, "latency": {{"ops": [{{"name": "b{}",)"
        R"( "seconds": 1}}]}}, "time": {{"seconds": {}}}{}}})",
        batch, seconds, inputs);
    return 0;
  }
  std::string inputs;   ///< a part of each report: ", \"inputs\": {...}"
  bool scaled = false;  ///< by hops

 private:
  static int fail(const std::string& words) {
    std::fputs((words + "\n").c_str(), stderr);
    return 3;
  }
  std::string folder_;
};

class Sweep : public ::testing::Test {
 protected:
  Sweep() {
    request_.program = folder_.write("program", "one");
    request_.runner = &runner_;
    folder_.write(
        "run.json",
        R"({"machine": {"level": "die"}, "workload": {"generate": {"model": "resnet50", "batch": 8}}, "run": {}})");
    request_.directory = folder_ / "out";
    request_.quiet = true;
    request_.jobs = 2;
  }
  std::size_t run(const std::string& text) {
    request_.file = folder_.write("sweep.json", text);
    return sweep(request_).bad;
  }
  std::vector<std::string> error_lines(const std::string& text, ExitCode code = ExitCode::kInvalidInput) {
    try {
      run(text);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      return error.lines();
    }
    ADD_FAILURE() << "no error for " << text;
    return {};
  }
  std::size_t runs() const {
    const std::string text = folder_.read("runs");
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  std::vector<std::string> lines(const std::string& file) const {
    std::istringstream text(folder_.read(file));
    std::vector<std::string> out;
    for (std::string line; std::getline(text, line);) out.push_back(line);
    return out;
  }
  static std::string batches(const std::string& values, const std::string& rest = "") {
    return R"({"base": "run.json", "axes": [{"path": "workload.generate.batch", "values": )" + values + "}]" + rest +
           "}";
  }

  /// Cells of all rows of a query on results.sqlite.
  std::string query(const std::string& text) const {
    sqlite3* database = nullptr;
    EXPECT_EQ(sqlite3_open((folder_ / "out/results.sqlite").c_str(), &database), SQLITE_OK);
    std::string found;
    const auto row = [](void* cells, int count, char** values, char**) {
      for (int i = 0; i < count; ++i)
        *static_cast<std::string*>(cells) += std::string(values[i] == nullptr ? "null" : values[i]) + ",";
      return 0;
    };
    EXPECT_EQ(sqlite3_exec(database, text.c_str(), row, &found, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
    sqlite3_close(database);
    return found;
  }

  Folder folder_;
  SmallReports runner_{folder_ / ""};
  SweepRequest request_;
};

}  // namespace dojo::report
