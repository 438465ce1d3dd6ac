// SPDX-License-Identifier: Apache-2.0
// The timeline's packets, read by a reader of the wire format that is independent of the writer: slices nest, lie on
// tracks that are there, and have the times of the tasks.
#include "dojo/report/timeline.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <map>
#include <string>

#include "dojo/base/error.h"

namespace dojo::report {
namespace {

using workload::Task;

std::string unpacked(const std::string& packed) {
  z_stream zip{};
  EXPECT_EQ(inflateInit2(&zip, 15 + 16), Z_OK);
  std::string in = packed, out;
  zip.next_in = reinterpret_cast<Bytef*>(in.data());
  zip.avail_in = static_cast<uInt>(in.size());
  int result = Z_OK;
  while (result == Z_OK) {
    char block[4096];
    zip.next_out = reinterpret_cast<Bytef*>(block);
    zip.avail_out = sizeof block;
    result = inflate(&zip, Z_NO_FLUSH);
    out.append(block, sizeof block - zip.avail_out);
  }
  EXPECT_EQ(result, Z_STREAM_END) << "cut off";
  inflateEnd(&zip);
  return out;
}

/// Fields of one message: numbers and bytes by field number.
struct Message {
  std::map<std::uint64_t, std::vector<std::uint64_t>> numbers;
  std::map<std::uint64_t, std::vector<std::string>> bytes;
  explicit Message(const std::string& text) {
    std::size_t at = 0;
    const auto varint = [&] {
      std::uint64_t value = 0;
      for (int shift = 0; at < text.size(); shift += 7) {
        const auto byte = static_cast<unsigned char>(text[at++]);
        value |= std::uint64_t{byte & 0x7fu} << shift;
        if ((byte & 0x80) == 0) break;
      }
      return value;
    };
    while (at < text.size()) {
      const std::uint64_t key = varint();
      if ((key & 7) == 0) {
        numbers[key >> 3].push_back(varint());
      } else if ((key & 7) == 2) {
        const std::uint64_t size = varint();
        bytes[key >> 3].push_back(text.substr(at, size));
        at += size;
      } else {
        EXPECT_EQ(key & 7, 1u) << "a double";
        bytes[key >> 3].push_back(text.substr(at, 8));
        at += 8;
      }
    }
  }
  [[nodiscard]] std::uint64_t number(std::uint64_t field) const {
    const auto found = numbers.find(field);
    return found == numbers.end() ? 0 : found->second.front();
  }
  [[nodiscard]] std::string text(std::uint64_t field) const {
    const auto found = bytes.find(field);
    return found == bytes.end() ? "" : found->second.front();
  }
};

struct Read {
  struct Slice {
    std::string name;
    std::uint64_t begin, end;
    std::size_t depth;
  };
  std::map<std::string, std::vector<Slice>> slices;  ///< by "rank 0/cores"
  std::map<std::string, std::size_t> counters;       ///< values by the name of the track

  explicit Read(const std::string& file) {
    std::map<std::uint64_t, std::string> tracks, names;
    std::map<std::uint64_t, std::vector<std::size_t>> open;
    std::map<std::uint64_t, std::uint64_t> latest;
    Message trace(unpacked(file));
    for (const std::string& packet : trace.bytes[1]) {
      const Message m(packet);
      EXPECT_EQ(m.number(10), 1u) << "a sequence";
      if (m.bytes.count(60) != 0) {
        const Message track(m.text(60));
        std::string name = track.text(2);
        if (track.bytes.count(3) != 0) name = Message(track.text(3)).text(6);
        if (track.number(5) != 0) {
          EXPECT_EQ(tracks.count(track.number(5)), 1u) << "a track before its process";
          name = tracks[track.number(5)] + "/" + name;
        }
        EXPECT_TRUE(tracks.emplace(track.number(1), name).second) << "two tracks of one number";
      }
      if (m.bytes.count(12) != 0) {
        Message interned(m.text(12));
        for (const std::string& entry : interned.bytes[2]) names[Message(entry).number(1)] = Message(entry).text(2);
      }
      if (m.bytes.count(11) == 0) continue;
      const Message event(m.text(11));
      const std::uint64_t track = event.number(11), time = m.number(8);
      EXPECT_EQ(tracks.count(track), 1u);
      EXPECT_GE(time, latest[track]) << "time goes back on " << tracks[track];
      latest[track] = time;
      std::vector<Slice>& list = slices[tracks[track]];
      if (event.number(9) == 4) {
        ++counters[tracks[track]];
      } else if (event.number(9) == 1) {
        EXPECT_EQ(names.count(event.number(10)), 1u);
        open[track].push_back(list.size());
        list.push_back({names[event.number(10)], time, 0, open[track].size()});
      } else {
        if (open[track].empty()) {
          ADD_FAILURE() << "an end without a begin";
          return;
        }
        list[open[track].back()].end = time;
        open[track].pop_back();
      }
    }
    for (const auto& [track, left] : open) EXPECT_TRUE(left.empty()) << tracks[track] << " has a slice without an end";
  }
};

/// Two ranks at 1 GHz, so that a cycle is a ns: a kernel, two sums beside one another, of which rank 1 comes to the
/// first later.
struct TwoRanks {
  workload::Workload workload;
  workload::Job job;
  std::vector<std::vector<machine::TaskTime>> times{{{0, 100}, {100, 250}, {120, 240}},
                                                    {{0, 180}, {180, 250}, {120, 240}}};

  TwoRanks() {
    workload::Graph graph;
    graph.strings = {"", "kernel", "sum"};
    graph.ops.resize(2);
    graph.ops[0].name = 1;
    graph.ops[0].kind = workload::OpKind::kMatMul;
    graph.ops[1].name = 2;
    graph.ops[1].kind = workload::OpKind::kAllReduce;
    workload.graphs = {graph};
    workload.graph_of_rank = {0, 0};
    workload::Program program;
    program.tasks.resize(3);
    for (std::uint32_t i = 0; i < 3; ++i) {
      Task& task = program.tasks[i];
      task.kind = i == 0 ? Task::Kind::kKernel : Task::Kind::kDataflow;
      task.unit = i == 0 ? Task::Unit::kCore : Task::Unit::kNetwork;
      task.entry = i == 2 ? 1 : 0;
      task.op = i == 0 ? 0 : 1;
    }
    program.kernels.resize(1);
    job.programs = {program};
    job.program_of_rank = {0, 0};
    job.plans.resize(1);
    job.instances.resize(2);
    using Participant = workload::DataflowInstance::Participant;
    for (workload::DataflowInstance& instance : job.instances)
      instance.participants = {{Participant::Kind::kRank, 0}, {Participant::Kind::kRank, 1}};
    job.instance_of = {{{0, 0}, {1, 0}}, {{0, 1}, {1, 1}}};
  }
  [[nodiscard]] Read read(const TimelineRequest& request) const {
    return Read(make_timeline(
        workload, job, [&](RankId rank) -> const std::vector<machine::TaskTime>& { return times[rank]; }, 250, 1e9,
        request));
  }
};

TEST(Timeline, SlicesHaveTheTimesOfTheTasksAndNest) {
  const Read all = TwoRanks().read({});
  const auto& cores = all.slices.at("rank 1/cores");
  ASSERT_EQ(cores.size(), 1u);
  EXPECT_EQ(cores[0].name, "kernel");
  EXPECT_EQ(cores[0].begin, 0u);
  EXPECT_EQ(cores[0].end, 180u);
  const auto& sum = all.slices.at("rank 0/collectives");
  ASSERT_EQ(sum.size(), 3u) << "the collective, its wait and its move";
  EXPECT_EQ(sum[0].name, "sum");
  EXPECT_EQ(sum[1].name, "wait");
  EXPECT_EQ(sum[1].end, 180u) << "rank 1 comes";
  EXPECT_EQ(sum[1].depth, 2u);
  EXPECT_EQ(sum[2].name, "move");
  EXPECT_EQ(sum[2].end, 250u);
}

TEST(Timeline, WhatRunsBesideOneAnotherHasTracksOfItsOwn) {
  const Read all = TwoRanks().read({});
  ASSERT_EQ(all.slices.count("rank 0/collectives 2"), 1u);
  EXPECT_EQ(all.slices.at("rank 0/collectives 2")[0].begin, 120u);
}

TEST(Timeline, HoldsOnlyTheRanksAndTimesThatWereChosen) {
  TimelineRequest request;
  request.ranks = {1};
  request.begin = 50;
  request.end = 200;
  const Read some = TwoRanks().read(request);
  EXPECT_EQ(some.slices.count("rank 0/cores"), 0u);
  EXPECT_EQ(some.slices.at("rank 1/cores")[0].begin, 50u);
  EXPECT_EQ(some.slices.at("rank 1/collectives")[0].end, 200u);
  EXPECT_GT(some.counters.at("ranks computing"), 100u) << "of all ranks";
}

TEST(Timeline, OfAJobThatDidNotFinishEndsWithIt) {
  TwoRanks run;
  run.times[0] = {{0, 100}, {100, kNever}, {kNever, kNever}};
  EXPECT_EQ(run.read({}).slices.at("rank 0/collectives")[0].end, 250u);
}

TEST(Timeline, RanksAreAListARangeAllOrASample) {
  EXPECT_EQ(timeline_ranks("0,5-7,6", 10), (std::vector<RankId>{0, 5, 6, 7}));
  EXPECT_EQ(timeline_ranks("all", 3).size(), 3u);
  EXPECT_EQ(timeline_ranks("", 3).size(), 3u);
  const std::vector<RankId> sample = timeline_ranks("", 3000);
  EXPECT_EQ(sample.size(), 64u);
  EXPECT_GT(sample.back(), 2900u) << "spread over all of them";
  for (const char* bad : {"10", "5-3", "a", "1-", ",", "1,", "-1"}) {
    try {
      (void)timeline_ranks(bad, 10);
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("run.timeline_ranks: found '"), std::string::npos) << bad;
    }
  }
}

}  // namespace
}  // namespace dojo::report
