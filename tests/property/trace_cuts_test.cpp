// SPDX-License-Identifier: Apache-2.0
// The first inputs of the fuzzers, one or two small files of each trace format, cut after every byte: an error, or a
// graph with a word of warning; and memory that stays below twice that of the whole file. Allocations are counted here.
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <new>
#include <string>

#include "dojo/trace/trace.h"
#include "support/temporary_folder.h"

namespace {

std::size_t g_used = 0, g_peak = 0;  // bytes; tests run on one thread

void* counted_new(std::size_t size) {
  void* const block = std::malloc(size);
  if (block == nullptr) throw std::bad_alloc();
  g_used += malloc_usable_size(block);
  if (g_used > g_peak) g_peak = g_used;
  return block;
}

void counted_delete(void* block) noexcept {
  if (block != nullptr) g_used -= malloc_usable_size(block);
  std::free(block);
}

}  // namespace

void* operator new(std::size_t size) {
  return counted_new(size);
}
void* operator new[](std::size_t size) {
  return counted_new(size);
}
void operator delete(void* block) noexcept {
  counted_delete(block);
}
void operator delete[](void* block) noexcept {
  counted_delete(block);
}
void operator delete(void* block, std::size_t) noexcept {
  counted_delete(block);
}
void operator delete[](void* block, std::size_t) noexcept {
  counted_delete(block);
}

namespace dojo::test {
namespace {

namespace fs = std::filesystem;

struct Reading {
  std::size_t ops = 0, warnings = 0, errors = 0, peak_bytes = 0;
};

Reading read(const std::string& file) {
  Reading result;
  workload::TraceOptions options;
  options.ranks = 8;
  options.replicate = true;
  const std::size_t before = g_used;
  g_peak = g_used;
  try {
    const workload::Workload workload = workload::read_trace(file, options, nullptr);
    result.ops = workload.graphs.at(0).ops.size();
    result.warnings = workload.graphs[0].warnings.size();
  } catch (const Error& error) {
    EXPECT_TRUE(error.code() == ExitCode::kInvalidInput) << error.what();
    result.errors = error.lines().size();
  }
  result.peak_bytes = g_peak - before;
  return result;
}

class TraceCuts : public testing::TestWithParam<workload::TraceFormat> {};

TEST_P(TraceCuts, AreErrorsOrShorterGraphsWithAWarning) {
  const TemporaryFolder folder;
  const std::string corpus = std::string(DOJO_SOURCE_DIR) + "/tests/fuzz/make_corpus.py";
  ASSERT_EQ(std::system(("python3 " + corpus + " " + (folder / "seeds")).c_str()), 0);
  std::size_t jobs = 0;
  for (const fs::directory_entry& seed : fs::directory_iterator((folder / "seeds") + "/" + GetParam().name)) {
    const std::string whole = read_file(seed.path()), cut = folder / "cut";
    const Reading complete = read(seed.path().string());
    if (complete.errors > 0) continue;  // one rank of a job, whose messages nobody receives
    ++jobs;
    ASSERT_GT(complete.ops, 0u) << seed.path();
    for (std::size_t size = 0; size < whole.size(); ++size) {
      std::ofstream(cut, std::ios::binary) << whole.substr(0, size);
      const Reading got = read(cut);
      EXPECT_LE(got.ops, complete.ops) << seed.path() << " cut to " << size;
      EXPECT_LE(got.peak_bytes, 2 * complete.peak_bytes) << seed.path() << " cut to " << size;
      // JSON may end in line feeds and blanks that say nothing.
      const bool same = whole.find_first_not_of(" \n", size) == std::string::npos;
      EXPECT_TRUE(got.errors > 0 || got.warnings > 0 || same) << seed.path() << " cut to " << size;
    }
  }
  EXPECT_GT(jobs, 0u);
}

INSTANTIATE_TEST_SUITE_P(Formats, TraceCuts, testing::ValuesIn(workload::trace_formats()),
                         [](const testing::TestParamInfo<workload::TraceFormat>& format) {
                           std::string name = format.param.name;
                           name.erase(name.find('-') == std::string::npos ? name.size() : name.find('-'), 1);
                           return name;
                         });

}  // namespace
}  // namespace dojo::test
