// SPDX-License-Identifier: Apache-2.0
// Runs a fuzzer without libFuzzer: over the files of a folder, and over as many inputs as asked that are made from
// them. usage: mutate_NAME FOLDER [COUNT] [SEED]     each input is first written to dojosim-<FOLDER>.input among the
// temporary files, where that of a finding is left
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

class Mutator {
 public:
  Mutator(std::vector<std::string> seeds, std::uint64_t seed) : seeds_(std::move(seeds)), random_(seed) {}

  std::string next() {
    std::string bytes = one_of(seeds_);
    for (std::size_t i = 1 + below(4); i > 0; --i) change(bytes);
    return bytes;
  }

 private:
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }
  const std::string& one_of(const std::vector<std::string>& list) { return list[below(list.size())]; }
  void change(std::string& bytes) {
    const std::size_t at = below(bytes.size() + 1), length = std::min(below(40), bytes.size() - at);
    switch (below(5)) {
      case 0:
        return static_cast<void>(bytes.erase(at, length));
      case 1:
        return static_cast<void>(bytes.insert(below(bytes.size() + 1), bytes.substr(at, length)));
      case 2: {  // a piece of another input
        const std::string& other = one_of(seeds_);
        const std::size_t from = below(other.size() + 1);
        return static_cast<void>(bytes.replace(at, length, other.substr(from, below(60))));
      }
      case 3:
        if (at < bytes.size()) bytes[at] = static_cast<char>(random_());
        return;
      default:
        return number(bytes);
    }
  }
  /// Puts a telling number, or another word, in the place of one.
  void number(std::string& bytes) {
    static const std::vector<std::string> kNumbers{"0",       "-1",
                                                   "1",       "2",
                                                   "3",       "7",
                                                   "1000",    "65536",
                                                   "1e300",   "4294967296",
                                                   "0.5",     "9223372036854775807",
                                                   "null",    "true",
                                                   "1e15",    "[]",
                                                   "{}",      "\"\"",
                                                   "1e-9",    "128",
                                                   "64",      "1099511627776",
                                                   "\"die\"", "\"node\""};
    const std::size_t begin = bytes.find_first_of("0123456789", below(bytes.size()));
    if (begin == std::string::npos) return;
    const std::size_t end = std::min(bytes.find_first_not_of("0123456789.e+-", begin), bytes.size());
    bytes.replace(begin, end - begin, one_of(kNumbers));
  }

  std::vector<std::string> seeds_;
  std::mt19937_64 random_;
};

void attempt(const std::string& bytes, const std::string& note) {
  std::ofstream(note, std::ios::binary) << bytes;
  (void)LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

int main(int count, char** words) {
  if (count < 2) return 2;
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(words[1])) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> seeds;
  for (const fs::path& file : files) {
    std::ifstream in(file, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  if (seeds.empty()) return 2;
  const std::string name = "dojosim-" + fs::path(words[1]).filename().string() + ".input";
  const std::string note = (fs::temp_directory_path() / name).string();
  for (const std::string& seed : seeds) attempt(seed, note);
  const unsigned long long made = count > 2 ? std::strtoull(words[2], nullptr, 10) : 0;
  Mutator mutator(seeds, count > 3 ? std::strtoull(words[3], nullptr, 10) : 1);
  for (unsigned long long i = 0; i < made; ++i) attempt(mutator.next(), note);
  fs::remove(note);
  std::printf("%zu inputs and %llu made from them: no finding\n", seeds.size(), made);
  return 0;
}
