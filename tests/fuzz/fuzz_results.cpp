// SPDX-License-Identifier: Apache-2.0
// What reads results: any bytes as the report of a point that a sweep finds when it resumes, as base and as new one of
// a comparison, as rules, and as the folder of a page. The first line may hold a sweep file; the rest is the report.
#include <cstdint>
#include <filesystem>
#include <string>

#include "dojo/report/report.h"
#include "dojo/report/sweep.h"
#include "fuzz/fuzz_folder.h"

namespace {

using namespace dojo;
namespace fs = std::filesystem;

constexpr const char* kBase = R"({"machine": {"level": "node"}, "workload": {"generate": {"model": "matmul", "m": 8,
  "n": 8, "k": 8}, "rank_unit": "node"}})";

void compare(const std::string& base, const std::string& fresh, const std::string& rules) {
  (void)fuzz::answered([&] {
    std::string table;
    (void)report::compare({base, fresh, rules, base + ".xml", base + ".md"}, table);
  });
}

/// All runs fail.
class Failing : public report::PointRunner {
 public:
  Origin origin(const config::RunConfig& config) override { return {"", config::resolved_json(config)}; }
  void share(const config::RunConfig&, bool, const std::function<bool()>&) override {}
  int check(const config::RunConfig&) override { return 0; }
  int run(const std::vector<std::string>&) override { return 1; }
};

/// Every point fails, except those whose report is there.
void resume(const test::TemporaryFolder& folder, const std::string& sweep, const std::string& report) {
  report::SweepRequest request;
  request.file = folder.write("sweep.json", sweep);
  request.directory = folder / "out";
  Failing runner;
  request.runner = &runner;
  request.program = "/bin/false";
  request.quiet = true;
  request.jobs = 2;
  if (!fuzz::answered([&] { (void)report::sweep(request); })) return;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder / "out/points")) {
    const std::string name = entry.path().filename().string();  // of a point that failed
    if (name.size() > 7 && name.substr(name.size() - 7) == ".failed")
      folder.write("out/points/" + name.substr(0, name.size() - 7) + "/report.json", report);
  }
  request.resume = true;
  (void)fuzz::answered([&] { (void)report::sweep(request); });
  (void)fuzz::answered([&] { (void)report::write_html(folder / "out"); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::set_limits();
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(bytes.find('\n'), size);
  const std::string first = bytes.substr(0, line), rest = bytes.substr(std::min(line + 1, size));
  const test::TemporaryFolder folder;
  folder.write("base.json", kBase);
  const std::string report = folder.write("run/report.json", rest);
  compare(report, report, "");
  compare(report, folder.write("other.json", bytes), "");
  compare(report, report, folder.write("rules.json", first));
  (void)fuzz::answered([&] { (void)report::write_html(folder / "run"); });
  constexpr std::size_t kMostSweep = 2000;  // more points than that take long without saying more
  if (first.size() < kMostSweep && first.find("base.json") != std::string::npos) resume(folder, first, rest);
  return 0;
}
