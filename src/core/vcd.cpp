// SPDX-License-Identifier: Apache-2.0
// Waves as a value change dump.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <queue>

#include "dojo/core/wave.h"

namespace dojo::core {
namespace {

struct Wire {
  std::string name;
  int bits = 1;
};

/// Bits by the largest value of any core, so that all of them have the same wires.
std::vector<Wire> wires_of(const std::vector<NodeWave>& waves) {
  std::vector<Wire> wires{{"step", 2}};
  const Counters none{};
  Counters::fields(none, [&](const char* name, const auto&, const auto&...) { wires.push_back({name, 1}); });
  for (std::size_t i = 0; i < Wave::kSemaphores; ++i) wires.push_back({fmt::format("semaphore_{}", i), 0});
  const auto widen = [&](std::size_t wire, std::uint32_t value) {
    while (wires[wire].bits < 32 && value >> wires[wire].bits != 0) ++wires[wire].bits;
  };
  for (const NodeWave& node : waves) {
    for (std::size_t i = 0; i < Wave::kWires; ++i) widen(i, node.wave.initial()[i]);
    for (const Wave::Change& change : node.wave.changes()) widen(change.wire, change.value);
  }
  return wires;
}

class VcdWriter {
 public:
  VcdWriter(const std::vector<NodeWave>& waves, double clock_hz, const std::function<void(std::string_view)>& write)
      : waves_(waves),
        ps_per_cycle_(1e12L / static_cast<long double>(clock_hz)),
        write_(write),
        wires_(wires_of(waves)) {}
  void write(Cycles begin, Cycles end);

 private:
  void header();
  void body(Cycles end);
  void value(std::size_t node, std::size_t wire, std::uint32_t value);
  void time(Cycles cycle) {
    fmt::format_to(std::back_inserter(text_), "#{}\n", std::llround(ps_per_cycle_ * static_cast<long double>(cycle)));
  }
  /// A name of one to four characters, as short as possible.
  [[nodiscard]] std::string id(std::size_t node, std::size_t wire) const {
    constexpr std::size_t kFirst = '!', kLast = '~', kCharacters = kLast - kFirst + 1;
    std::string id;
    for (std::size_t rest = node * Wave::kWires + wire + 1; rest > 0; rest = (rest - 1) / kCharacters)
      id += static_cast<char>(kFirst + (rest - 1) % kCharacters);
    return id;
  }
  void put(bool all = false) {
    constexpr std::size_t kChunk = 1 << 16;
    if (!all && text_.size() < kChunk) return;
    write_(text_);
    text_.clear();
  }

  const std::vector<NodeWave>& waves_;
  const long double ps_per_cycle_;
  const std::function<void(std::string_view)>& write_;
  std::vector<Wire> wires_;
  std::string text_;
};

void VcdWriter::header() {
  text_ =
      "$comment dojosim: nodes of machine.detailed. A counter's wire has what the core counted in that cycle.\n"
      "  step: 0 none, 1 waits for its start or operands, 2 runs. semaphore_N: signals that nobody has taken. $end\n"
      "$timescale 1 ps $end\n";
  for (std::size_t node = 0; node < waves_.size(); ++node) {
    int scopes = 0;
    std::string part;
    const auto scope = [&] {
      fmt::format_to(std::back_inserter(text_), "$scope module {} $end\n", part);
      part.clear();
      ++scopes;
    };
    for (const char c : waves_[node].path) {
      if (c == '.') {
        scope();
      } else {
        part += c == '[' ? '(' : c == ']' ? ')' : c;
      }
    }
    scope();
    for (std::size_t wire = 0; wire < wires_.size(); ++wire) {
      if (wires_[wire].bits > 0) {
        fmt::format_to(std::back_inserter(text_), "$var wire {} {} {} $end\n", wires_[wire].bits, id(node, wire),
                       wires_[wire].name);
      }
    }
    for (; scopes > 0; --scopes) text_ += "$upscope $end\n";
    put();
  }
  text_ += "$enddefinitions $end\n";
}

void VcdWriter::value(std::size_t node, std::size_t wire, std::uint32_t value) {
  if (wires_[wire].bits == 1) {
    fmt::format_to(std::back_inserter(text_), "{}{}\n", value, id(node, wire));
  } else {
    fmt::format_to(std::back_inserter(text_), "b{:b} {}\n", value, id(node, wire));
  }
  put();
}

/// All changes of a cycle, node by node.
void VcdWriter::body(Cycles end) {
  using Next = std::pair<Cycles, std::size_t>;  // a node and the cycle of its next change
  std::priority_queue<Next, std::vector<Next>, std::greater<>> queue;
  std::vector<std::size_t> next(waves_.size(), 0);
  const auto plan = [&](std::size_t node) {
    const auto& changes = waves_[node].wave.changes();
    if (next[node] < changes.size() && changes[next[node]].cycle < end) queue.emplace(changes[next[node]].cycle, node);
  };
  for (std::size_t node = 0; node < waves_.size(); ++node) plan(node);
  Cycles now = -1;
  while (!queue.empty()) {
    const auto [cycle, node] = queue.top();
    queue.pop();
    if (cycle != now) time(cycle);
    now = cycle;
    const auto& changes = waves_[node].wave.changes();
    for (std::size_t& at = next[node]; at < changes.size() && changes[at].cycle == cycle; ++at)
      value(node, changes[at].wire, changes[at].value);
    plan(node);
  }
  time(end);
}

void VcdWriter::write(Cycles begin, Cycles end) {
  header();
  time(begin);
  text_ += "$dumpvars\n";
  for (std::size_t node = 0; node < waves_.size(); ++node) {
    for (std::size_t wire = 0; wire < wires_.size(); ++wire)
      if (wires_[wire].bits > 0) value(node, wire, waves_[node].wave.initial()[wire]);
  }
  text_ += "$end\n";
  body(std::max(begin + 1, end));
  put(true);
}

}  // namespace

Cycles full_at(const std::vector<NodeWave>& waves) {
  Cycles first = kNever;
  for (const NodeWave& node : waves) first = std::min(first, node.wave.full_at());
  return first;
}

void write_vcd(const std::vector<NodeWave>& waves, double clock_hz, Cycles begin, Cycles end,
               const std::function<void(std::string_view)>& write) {
  VcdWriter(waves, clock_hz, write).write(begin, std::min(end, full_at(waves)));
}

}  // namespace dojo::core
