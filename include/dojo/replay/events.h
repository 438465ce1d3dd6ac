// SPDX-License-Identifier: Apache-2.0
// Recorded network events of a chip: what each processor asked of the network, and when (docs/network_replay.md).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "dojo/base/types.h"

namespace dojo::replay {

/// A place by column (x) and row (y), as the files have it.
struct Place {
  std::int32_t x = 0, y = 0;
};

struct Event {
  enum class Kind : std::uint8_t {
    kRead,        ///< a request to the peer, whose answer brings the data
    kWrite,       ///< data to the peer, which acknowledges it
    kBarrier,     ///< waits for the processor's reads, or for its writes
    kBarrierEnd,  ///< the recorded end of that wait
  };
  Kind kind = Kind::kRead;
  bool of_reads = true;  ///< kBarrier, kBarrierEnd: reads, else writes
  std::uint8_t network = 0;
  Place peer;
  std::int64_t bytes = 0;
  Cycles time = 0;  ///< after the file's first event
};

/// A processor and what it did, in the order of time.
struct Processor {
  Place at;
  std::string name;
  std::vector<Event> events;
};

struct Recording {
  std::string file;
  std::vector<Processor> processors;
  std::int64_t transfers = 0, bytes = 0;  ///< reads and writes
};

/// Where events may take place.
struct Bounds {
  std::int32_t columns = 1, rows = 1;
  std::int64_t networks = 1;
};

/// A file of at most 256 MiB, a JSON list. Throws Error: kFile for one that cannot be read, kInvalidInput with all that
/// is wrong in it.
[[nodiscard]] Recording read_recording(const std::string& file, const Bounds& bounds);

}  // namespace dojo::replay
