// SPDX-License-Identifier: Apache-2.0
// Reads a timeline by the wire format, independent of the writer, and checks what holds of every one: slices nest, lie
// on tracks that are there, and time does not go back.
#pragma once
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace dojo::test {

inline std::string unpacked(const std::string& packed) {
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
struct PerfettoMessage {
  std::map<std::uint64_t, std::vector<std::uint64_t>> numbers;
  std::map<std::uint64_t, std::vector<std::string>> bytes;
  explicit PerfettoMessage(const std::string& text) {
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

struct PerfettoRead {
  struct Slice {
    std::string name;
    std::uint64_t begin, end;
    std::size_t depth;
  };
  std::map<std::string, std::vector<Slice>> slices;  ///< by "rank 0/cores"
  struct Value {
    std::uint64_t time;
    double value;
  };
  std::map<std::string, std::vector<Value>> counters;  ///< by the name of the track

  explicit PerfettoRead(const std::string& file) {
    std::map<std::uint64_t, std::string> tracks, names;
    std::map<std::uint64_t, std::vector<std::size_t>> open;
    std::map<std::uint64_t, std::uint64_t> latest;
    PerfettoMessage trace(unpacked(file));
    for (const std::string& packet : trace.bytes[1]) {
      const PerfettoMessage m(packet);
      EXPECT_EQ(m.number(10), 1u) << "a sequence";
      if (m.bytes.count(60) != 0) {
        const PerfettoMessage track(m.text(60));
        std::string name = track.text(2);
        if (track.bytes.count(3) != 0) name = PerfettoMessage(track.text(3)).text(6);
        if (track.number(5) != 0) {
          EXPECT_EQ(tracks.count(track.number(5)), 1u) << "a track before its process";
          name = tracks[track.number(5)] + "/" + name;
        }
        EXPECT_TRUE(tracks.emplace(track.number(1), name).second) << "two tracks of one number";
      }
      if (m.bytes.count(12) != 0) {
        PerfettoMessage interned(m.text(12));
        for (const std::string& entry : interned.bytes[2])
          names[PerfettoMessage(entry).number(1)] = PerfettoMessage(entry).text(2);
      }
      if (m.bytes.count(11) == 0) continue;
      const PerfettoMessage event(m.text(11));
      const std::uint64_t track = event.number(11), time = m.number(8);
      EXPECT_EQ(tracks.count(track), 1u);
      EXPECT_GE(time, latest[track]) << "time goes back on " << tracks[track];
      latest[track] = time;
      std::vector<Slice>& list = slices[tracks[track]];
      if (event.number(9) == 4) {
        double value = 0;
        const std::string bytes = event.text(44);
        EXPECT_EQ(bytes.size(), sizeof value) << "a counter without a value";
        if (bytes.size() == sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
        counters[tracks[track]].push_back({time, value});
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

}  // namespace dojo::test
