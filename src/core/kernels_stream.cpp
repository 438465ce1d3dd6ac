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
constexpr int kRegistersOfUnit = 8, kInputs = 4, kOperands = 3, kRowFigure = 7;

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
  /// Passes over groups of rows, and between them chains across the lanes.
  void rows(const node::StreamWork& mine);
  void run(const Run& run) {
    each_ = run.each;
    write_.over(run.units, kMostAtOnce, [&](std::int64_t count) { at_once(static_cast<int>(count)); });
  }

 private:
  void stream(const node::StreamWork& work) {
    if (work.units == 0) return;
    for (const Run& each : runs_of(work)) run(each);
  }
  void across(int rows, const node::RowWork& work);
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
    if (i == 0 && waits_) operands += fmt::format(" v{}", first + kRowFigure);
    if (i > 0) operands += fmt::format(" v{}", first + 4);
    const std::int64_t inputs = std::min<std::int64_t>(each_.loads, kInputs);
    const std::int64_t begin = i * kOperands, of_all = i == 0 && waits_ ? kOperands - 1 : kOperands;
    for (std::int64_t input = begin; input < std::min(begin + of_all, inputs); ++input)
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
  bool waits_ = false;  ///< for a figure of its row
};

/// All items of `whole` in so many parts: what one of them has.
node::StreamWork part_of(const node::StreamWork& whole, std::int64_t parts, std::int64_t part) {
  const auto of = [&](std::int64_t items) { return piece_size(items, parts, part); };
  node::StreamWork some{of(whole.units), of(whole.loads),   of(whole.stores),
                        of(whole.fma),   of(whole.unpacks), of(whole.packs)};
  if (some.units == 0 && some.loads + some.stores + some.fma + some.unpacks + some.packs > 0) some.units = 1;
  return some;
}

void StreamWriter::rows(const node::StreamWork& mine) {
  const node::RowWork& work = mine.rows;
  const std::int64_t groups = ceil_div(work.rows, kMostAtOnce), passes = work.chains + 1;
  const auto together = static_cast<int>(ceil_div(work.rows, groups));
  // Equal groups; what does not divide goes to a last pass.
  const auto of_group = [&](std::int64_t items) { return items / groups; };
  const node::StreamWork group{of_group(mine.units), of_group(mine.loads),   of_group(mine.stores),
                               of_group(mine.fma),   of_group(mine.unpacks), of_group(mine.packs)};
  write_.loop(groups, [&] {
    for (std::int64_t pass = 0; pass < passes; ++pass) {
      waits_ = pass > 0;
      stream(part_of(group, passes, pass));
      if (pass < work.chains)
        across(together, {work.rows, 1, piece_size(work.sums, work.chains, pass),
                          piece_size(work.operations, work.chains, pass), work.lanes});
    }
    waits_ = false;
  });
  const auto rest = [&](std::int64_t items) { return items % groups; };
  stream(part_of(
      {rest(mine.units), rest(mine.loads), rest(mine.stores), rest(mine.fma), rest(mine.unpacks), rest(mine.packs)}, 1,
      0));
}

/// The sums of so many rows, side by side: halved until one lane has the result, then the operations of a row.
void StreamWriter::across(int rows, const node::RowWork& work) {
  const auto each = [&](std::int64_t sums, auto&& body) {
    for (std::int64_t sum = 0; sum < sums; ++sum)
      for (int row = 0; row < rows; ++row) body(base(row) + (sum % 2 == 0 ? 4 : 6), base(row) + (sum % 2 == 0 ? 5 : 3));
  };
  for (std::int64_t lanes = work.lanes; lanes > 1; lanes /= 2) {
    each(work.sums, [&](int figure, int other) { write_.line("x v{} v{}", other, figure); });
    each(work.sums, [&](int figure, int other) { write_.line("fma v{0} v{1} v{0}", figure, other); });
  }
  for (std::int64_t i = 0; i < work.operations; ++i)
    each(1, [&](int figure, int) { write_.line("fma v{0} v{0}", figure); });
  for (int row = 0; row < rows; ++row) write_.line("fma v{} v{}", base(row) + kRowFigure, base(row) + 4);
}

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
    node::StreamWork mine{share(all.units),   share(all.loads), share(all.stores), share(all.fma),
                          share(all.unpacks), share(all.packs), all.rows};
    mine.rows.rows = share(all.rows.rows);
    write.thread(thread);
    write.line("li a0 {}", in + piece_begin(all.loads, threads, thread) * kLine);
    write.line("li a8 {}", out + piece_begin(all.stores, threads, thread) * kLine);
    StreamWriter stream(write);
    if (mine.rows.rows > 0 && mine.rows.chains > 0) {
      stream.rows(mine);
    } else {
      for (const Run& run : runs_of(mine)) stream.run(run);
    }
  }
  return write.take();
}

}  // namespace dojo::core
