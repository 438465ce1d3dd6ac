// SPDX-License-Identifier: Apache-2.0
// Files of strangers are read within limits; files of others are never replaced by what is written.
#include "dojo/base/files.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include "dojo/base/error.h"
#include "dojo/base/stop_point.h"

namespace dojo {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Files : public ::testing::Test {
 protected:
  Files() {
    std::string name = (fs::temp_directory_path() / "dojosim-files-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~Files() override { fs::remove_all(folder_); }
  [[nodiscard]] std::string at(const std::string& name) const { return (folder_ / name).string(); }
  [[nodiscard]] std::string content(const std::string& name) const {
    std::ifstream in(folder_ / name, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  [[nodiscard]] std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  static void expect_error(ExitCode code, const std::string& words, const std::function<void()>& action) {
    try {
      action();
      ADD_FAILURE() << "no error with: " << words;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(words));
    }
  }
  fs::path folder_;
};

TEST_F(Files, WhatIsNoRegularFileIsNeverReplaced) {
  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  fs::create_directory(at("folder"));
  fs::create_symlink("/dev/null", at("device"));
  fs::create_symlink("pipe", at("link"));
  write_file(at("good"), "text");
  for (const auto& [name, words] :
       {std::pair{"pipe", "a pipe"}, {"folder", "a folder"}, {"device", "a device"}, {"link", "a pipe"}}) {
    SCOPED_TRACE(name);
    expect_error(ExitCode::kIo, words, [&, file = at(name)] { write_file(file, "x"); });
    OutputSet set;
    const OutputFile& good = set.add(at("good"));
    expect_error(ExitCode::kIo, words, [&, file = at(name)] { set.add_twin(file, good); });
  }
  expect_error(ExitCode::kIo, "expected a regular file", [] { write_file("/dev/full", "x"); });
  EXPECT_TRUE(fs::is_fifo(at("pipe")));
  EXPECT_TRUE(fs::is_symlink(at("device")));
  EXPECT_EQ(entries(), 5u) << "a temporary was left";
}

TEST_F(Files, ALinkIsFollowedToItsTarget) {
  fs::create_directory(at("there"));
  write_file(at("there/file"), "old");
  fs::permissions(at("there/file"), fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink("there/file", at("one"));
  fs::create_symlink("one", at("two"));
  fs::create_symlink("there/free", at("dangling"));
  write_file(at("two"), "new");
  write_file(at("dangling"), "made");
  EXPECT_TRUE(fs::is_symlink(at("one")) && fs::is_symlink(at("two")) && fs::is_symlink(at("dangling")));
  EXPECT_EQ(content("there/file"), "new");
  EXPECT_EQ(content("there/free"), "made");
  EXPECT_EQ(fs::status(at("there/file")).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink("loop", at("loop"));
  expect_error(ExitCode::kIo, "loop", [&] { write_file(at("loop"), "x"); });
}

TEST_F(Files, WithoutCommitTheOldFileStays) {
  write_file(at("file"), "old");
  {
    OutputFile file(at("file"));
    file.write("half of the n");
  }
  EXPECT_EQ(content("file"), "old");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(Files, ASetAppearsTogether) {
  write_file(at("old"), "old");
  {
    OutputSet set;
    OutputFile& first = set.add(at("old"));
    first.write("new");
    set.add_twin(at("twin"), first);
    EXPECT_EQ(content("old"), "old");
    EXPECT_FALSE(fs::exists(at("twin")));
    set.commit();
  }
  EXPECT_EQ(content("old"), "new");
  EXPECT_EQ(content("twin"), "new");
  EXPECT_EQ(entries(), 2u) << "the old file was left beside";
}

TEST_F(Files, ASetOfWhichOneCannotBeMovedChangesNothing) {
  write_file(at("old"), "old");
  OutputSet set;
  for (const char* name : {"free", "old", "taken"}) set.add(at(name)).write("new");
  fs::create_directories(at("taken/by somebody"));  // since the name was looked at
  expect_error(ExitCode::kIo, "taken: cannot move the finished file into place", [&] { set.commit(); });
  EXPECT_EQ(content("old"), "old");
  EXPECT_FALSE(fs::exists(at("free")));
  EXPECT_EQ(entries(), 2u);
}

TEST_F(Files, ASetMayHaveMoreFilesThanAProcessMayOpen) {
  OutputSet set;
  for (int i = 0; i < 1100; ++i) set.add(at(std::to_string(i))).write("new");
  set.commit();
  EXPECT_EQ(entries(), 1100u);
  EXPECT_EQ(content("1099"), "new");
}

TEST_F(Files, WhatAKilledProgramLeftGoesAndWhatALivingOneWritesStays) {
  std::ofstream(at("report.json.dojosim-99-0.tmp")) << "half";
  std::ofstream(at("notes.tmp")) << "of somebody else";
  OutputFile living(at("report.json"));
  living.write("whole");
  // Another process sees the lock; within one, a second descriptor does too.
  remove_leftovers(folder_.string());
  EXPECT_FALSE(fs::exists(at("report.json.dojosim-99-0.tmp")));
  EXPECT_TRUE(fs::exists(at("notes.tmp")));
  living.commit();
  EXPECT_EQ(content("report.json"), "whole");
  EXPECT_EQ(entries(), 2u);
}

TEST_F(Files, ANameIsNotCutAtItsFirstZeroByte) {
  write_file(at("name"), "bytes");
  EXPECT_EQ(read_file(at("name"), 10), "bytes");
  expect_error(ExitCode::kIo, "U+0000", [&] { (void)read_file(at("name") + std::string("\0.json", 6), 10); });
}

TEST_F(Files, AReaderStopsAtTheLimitOfWhateverItReads) {
  write_file(at("file"), std::string(100, 'x'));
  EXPECT_EQ(read_file(at("file"), 100).size(), 100u);
  expect_error(ExitCode::kInvalidInput, "found 100 bytes, expected at most 99 bytes; give a smaller file, or raise",
               [&] { (void)read_file(at("file"), 99); });
  expect_error(ExitCode::kInvalidInput, "found more than 1000 bytes", [] { (void)read_file("/dev/zero", 1000); });
  expect_error(ExitCode::kIo, "gone", [&] { (void)read_file(at("gone"), 1000); });
  expect_error(ExitCode::kIo, "Is a directory", [&] { (void)read_file(folder_.string(), 1000); });
}

TEST_F(Files, APipeIsReadToItsEnd) {
  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  std::thread writer([&] { std::ofstream(at("pipe")) << std::string(200'000, 'y'); });
  EXPECT_EQ(read_file(at("pipe"), 1 << 20).size(), 200'000u);
  writer.join();
}

/// In pieces of at most 1 MiB, before each of which it is asked.
TEST_F(Files, ReadingStopsBetweenTwoPieces) {
  write_file(at("file"), std::string((std::size_t{3} << 20) + 1, 'x'));
  int asked = 0, stop_at = 0;
  const StopScope scope([&] { return ++asked == stop_at; });
  EXPECT_EQ(read_file(at("file"), 1 << 30).size(), (std::size_t{3} << 20) + 1);
  EXPECT_GE(asked, 4);
  for (stop_at = 1; stop_at <= 4; ++stop_at) {
    asked = 0;
    EXPECT_THROW((void)read_file(at("file"), 1 << 30), Stopped) << stop_at;
  }
}

TEST_F(Files, ASilentPipeIsNotWaitedForByWhoIsAskedToStop) {
  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  int asked = 0;
  const StopScope scope([&] { return ++asked == 3; });
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THROW((void)read_file(at("pipe"), 1 << 20), Stopped);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

TEST_F(Files, FoldersThatWereMadeGoAgainWhenTheyStayEmpty) {
  const std::vector<std::string> made = make_folders(at("a/b/c"));
  ASSERT_EQ(made.size(), 3u);
  std::ofstream(at("a/of_somebody_else")) << "x";
  remove_empty_folders(made);
  EXPECT_FALSE(fs::exists(at("a/b")));
  EXPECT_TRUE(fs::exists(at("a/of_somebody_else")));
  EXPECT_TRUE(make_folders(at("a")).empty());
  expect_error(ExitCode::kIo, "of_somebody_else", [&] { (void)make_folders(at("a/of_somebody_else/d")); });
}

}  // namespace
}  // namespace dojo
