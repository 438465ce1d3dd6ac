// SPDX-License-Identifier: Apache-2.0
// A vector piece of any operation: lines stream through the FMA and shuffle units.
//
// a0: what is loaded, a8: what is stored. Up to four units at once, 8 registers each: 0 to 3 hold what was loaded, 4
// and 5 its FP32 halves where formats are unpacked, 6 and 7 the results (4 where they are not).
#include <algorithm>
#include <array>
#include <vector>

#include "core/kernel_writer.h"
#include "dojo/base/types.h"
#include "dojo/core/kernels.h"

namespace dojo::core {
namespace {

constexpr std::int64_t kLine = kLineBytes, kMostAtOnce = 4;
constexpr int kRegistersOfUnit = 8, kInputs = 4, kOperands = 3;

/// What each unit of a run of equal units does.
struct Unit {
  std::int64_t loads = 0, unpacks = 0, fma = 0, packs = 0, stores = 0;
};
struct Run {
  std::int64_t units = 0;
  Unit each;
};

/// The work of a thread as runs of equal units. What does not divide goes to the first units; of stores and packs, to
/// the last ones.
std::vector<Run> runs_of(const node::StreamWork& work) {
  const std::int64_t units = work.units;
  const auto of = [units](std::int64_t all, std::int64_t unit, bool first) {
    const std::int64_t more = all % units;
    return all / units + ((first ? unit < more : unit >= units - more) ? 1 : 0);
  };
  std::vector<std::int64_t> ends{units};
  for (const std::int64_t all : {work.loads, work.unpacks, work.fma}) ends.push_back(all % units);
  for (const std::int64_t all : {work.packs, work.stores}) ends.push_back(units - all % units);
  std::sort(ends.begin(), ends.end());
  std::vector<Run> runs;
  std::int64_t begin = 0;
  for (const std::int64_t end : ends) {
    if (end <= begin) continue;
    runs.push_back({end - begin,
                    {of(work.loads, begin, true), of(work.unpacks, begin, true), of(work.fma, begin, true),
                     of(work.packs, begin, false), of(work.stores, begin, false)}});
    begin = end;
  }
  return runs;
}

class StreamWriter {
 public:
  explicit StreamWriter(KernelWriter& write) : write_(write) {}
  void run(const Run& run) {
    each_ = run.each;
    write_.over(run.units, kMostAtOnce, [&](std::int64_t count) { at_once(static_cast<int>(count)); });
  }

 private:
  void at_once(int units) {
    units_ = units;
    all(each_.loads, [&](int unit, std::int64_t i) {
      write_.line("vld v{} a0+{}", base(unit) + i % kInputs, (unit * each_.loads + i) * kLine);
    });
    all(each_.unpacks, [&](int unit, std::int64_t i) {
      const std::int64_t half = base(unit) + 4 + i % 2, from = base(unit) + i / 2 % kInputs;
      write_.line(i < 2 ? "x v{0} v{1}" : "x v{0} v{1} v{0}", half, from);
    });
    all(each_.fma, [&](int unit, std::int64_t i) { operation(unit, i); });
    all(each_.packs, [&](int unit, std::int64_t) {
      const int from = result(unit);
      write_.line("x v{} v{} v{}", base(unit) + 4, from, from + 1);
    });
    all(each_.stores, [&](int unit, std::int64_t i) {
      write_.line("vst v{} a8+{}", each_.packs > 0 ? base(unit) + 4 : result(unit), (unit * each_.stores + i) * kLine);
    });
    write_.add("a0", units * each_.loads * kLine);
    write_.add("a8", units * each_.stores * kLine);
  }
  /// The i-th of each unit, then the next: neighbours in time do not wait for each other.
  template <class Body>
  void all(std::int64_t count, Body&& body) {
    for (std::int64_t i = 0; i < count; ++i)
      for (int unit = 0; unit < units_; ++unit) body(unit, i);
  }
  void operation(int unit, std::int64_t i) {
    const int first = base(unit);
    if (each_.unpacks > 0) {  // both halves in turn
      const std::int64_t half = i % 2;
      write_.line("fma v{} v{}", first + 6 + half, i < 2 ? first + 4 + half : first + 6 + half);
      return;
    }
    std::string operands;
    if (i > 0) operands += fmt::format(" v{}", first + 4);
    const std::int64_t inputs = std::min<std::int64_t>(each_.loads, kInputs);
    for (std::int64_t input = i * kOperands; input < std::min((i + 1) * kOperands, inputs); ++input)
      operands += fmt::format(" v{}", first + input);
    write_.line("fma v{}{}", first + 4, operands.empty() ? fmt::format(" v{}", first + 4) : operands);
  }
  [[nodiscard]] static int base(int unit) { return kRegistersOfUnit * unit; }
  /// Where the results of a unit lie.
  [[nodiscard]] int result(int unit) const {
    if (each_.unpacks > 0) return base(unit) + (each_.fma > 0 ? 6 : 4);
    return base(unit) + (each_.fma > 0 || each_.loads == 0 ? 4 : 0);
  }

  KernelWriter& write_;
  Unit each_;
  int units_ = 0;
};

}  // namespace

std::string stream_text(const StreamKernel& kernel, const Hardware& hardware) {
  expect_threads(kernel.threads);
  const node::StreamWork& all = kernel.work;
  expect_between("units of a stream", all.units, 1, std::int64_t{1} << 30);
  SramPlaces places(hardware, "stream");
  const std::int64_t in = places.take(saturating_product(all.loads, kLine));
  const std::int64_t out = places.take(saturating_product(all.stores, kLine), 8 * kLine);
  const auto threads = static_cast<int>(std::min<std::int64_t>(kernel.threads, all.units));
  KernelWriter write;
  for (int thread = 0; thread < threads; ++thread) {
    const auto share = [&](std::int64_t items) { return piece_size(items, threads, thread); };
    const node::StreamWork mine{share(all.units), share(all.loads),   share(all.stores),
                                share(all.fma),   share(all.unpacks), share(all.packs)};
    write.thread(thread);
    write.line("li a0 {}", in + piece_begin(all.loads, threads, thread) * kLine);
    write.line("li a8 {}", out + piece_begin(all.stores, threads, thread) * kLine);
    StreamWriter stream(write);
    for (const Run& run : runs_of(mine)) stream.run(run);
  }
  return write.take();
}

}  // namespace dojo::core
