// SPDX-License-Identifier: Apache-2.0
// A folder for the files of one test, and the lines of the error that loading them gives.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "dojo/base/error.h"
#include "dojo/config/config.h"

namespace dojo::config {

class Scratch : public ::testing::Test {
 protected:
  Scratch() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() /
              (std::string("dojosim_") + test->test_suite_name() + "_" + test->name() + "_" + std::to_string(getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~Scratch() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& content) const {
    const std::filesystem::path file = folder_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << content;
    return file.string();
  }
  [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }

  struct Failure {
    ExitCode code = ExitCode::kGood;
    std::vector<std::string> lines;
  };
  template <class Action>
  static Failure failure_of(Action&& action) {
    try {
      action();
    } catch (const Error& error) {
      return {error.code(), error.lines()};
    }
    return {};
  }
  static Failure load_failure(const LoadRequest& request) {
    return failure_of([&] { (void)load(request); });
  }
  [[nodiscard]] Failure machine_failure(const std::string& content) const {
    const std::string file = write("m.json", content);
    return failure_of([&] { (void)load_machine(file); });
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace dojo::config
