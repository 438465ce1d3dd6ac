// SPDX-License-Identifier: Apache-2.0
// A reader of a small format: a line a step, all ranks alike. And a kind of operation that its traces have.
//
//   job of 4 ranks
//   product 2048 1024 1024     rows, columns and depth of a product on each rank
//   fft 4096 256               points of a transform, and how many of them on each rank
//   sum 2097152                bytes that all ranks add up
#include <sstream>
#include <stdexcept>
#include <string>

#include "dojo/run/plugins.h"

namespace {

std::string read_job(const std::string& file, std::string_view bytes) {
  std::istringstream lines{std::string(bytes)};
  std::string line, word, ops;
  long ranks = 0, number = 1, id = 0;
  std::getline(lines, line);
  if (!(std::istringstream(line) >> word >> word >> ranks) || ranks < 1)
    throw std::runtime_error(file + ":1: found '" + line + "', expected: job of N ranks");
  while (std::getline(lines, line)) {
    ++number;
    if (line.empty()) continue;
    std::istringstream words(line);
    long m = 0, n = 0, k = 0, size = 0;
    words >> word;
    std::string op;
    if (word == "product" && words >> m >> n >> k) {
      op = R"("kind": "matmul", "matmul": {"m": )" + std::to_string(m) + R"(, "n": )" + std::to_string(n) +
           R"(, "k": )" + std::to_string(k) + "}";
    } else if (word == "fft" && words >> n >> k) {
      op = R"("kind": "fft", "points": )" + std::to_string(n) + R"(, "transforms": )" + std::to_string(k);
    } else if (word == "sum" && words >> size) {
      op = R"("kind": "all_reduce", "bytes": )" + std::to_string(size);
    } else {
      throw std::runtime_error(file + ":" + std::to_string(number) + ": found '" + line +
                               "', expected: product M N K, fft POINTS TRANSFORMS, or sum BYTES");
    }
    if (id > 0) op += R"(, "deps": [)" + std::to_string(id - 1) + "]";
    ops += (id > 0 ? ",\n  " : "\n  ") + std::string(R"({"id": )") + std::to_string(id) + ", " + op + "}";
    ++id;
  }
  return R"({"format": "dojo.trace/1", "ranks": [{"graph": 0, "ranks": )" + std::to_string(ranks) +
         R"(}], "graphs": [{"ops": [)" + ops + "]}]}";
}

/// 5 FLOP for each point and each of log2(points) stages (Cooley and Tukey), in the vector unit.
dojo::workload::OwnCost cost_of_fft(const std::map<std::string, std::int64_t>& values) {
  const std::int64_t points = values.at("points");
  if (points < 2 || (points & (points - 1)) != 0)
    throw std::runtime_error("found " + std::to_string(points) + " points, expected a power of two");
  dojo::workload::OwnCost cost;
  cost.elements = points * values.at("transforms");
  for (std::int64_t left = points; left > 1; left /= 2) cost.vector_flops_per_element += 5;
  return cost;
}

}  // namespace

DOJO_PLUGIN(plugins) {
  dojo::workload::OwnOperation fft;
  fft.name = "fft";
  fft.sentence = "transforms of a power of two of points";
  fft.keys = {"points", "transforms"};
  fft.cost = cost_of_fft;
  plugins.add_operation(fft);
  dojo::workload::OwnReader reader;
  reader.name = "job-text";
  reader.sentence = "a line a step: products and sums";
  reader.knows = [](const std::string&, std::string_view bytes) { return bytes.substr(0, 7) == "job of "; };
  reader.read = read_job;
  plugins.add_trace_reader(reader);
}
