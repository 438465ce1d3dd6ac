// SPDX-License-Identifier: Apache-2.0
// Reading, checking, describing, generating and writing traces. The format is detected from content.
#pragma once
#include <cstdint>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dojo/base/error.h"
#include "dojo/workload/graph.h"

namespace dojo::workload {

struct TraceOptions {
  RankId ranks = 0;                    ///< 0 = as many as the files or the trace say
  bool replicate = false;              ///< one rank's file is used for all `ranks`
  std::int64_t bytes_per_element = 0;  ///< for traces that count elements; 0 = not given
  std::int64_t steps = 1;
  std::string group_file;             ///< communicator groups; "" = look for PREFIX.json beside the trace
  bool control_dependencies = false;  ///< Chakra: ctrl_deps order the nodes too; in most files they are the call stack
  RankId default_ranks = 1;           ///< for formats that do not say how many ranks there are
  std::int64_t batch = 0;             ///< samples per rank where the file leaves it open; 0 = as the file says, or 1
  std::int64_t cycle_ns = 1;          ///< what one cycle of a layer-per-line text lasts
  std::int64_t inner_ranks = 0;       ///< ranks of the first dimension for hybrid policies that do not say; 0 = unknown
  bool forward_only = false;          ///< layer lists and ONNX: no backward pass and no update is added
  double duration_scale = 1;          ///< every recorded duration is multiplied by it
  std::string kineto_file;            ///< Kineto trace of the same run as a PyTorch execution trace: its durations
  /// Kineto and PyTorch execution traces: what belongs to ProfilerStep#N alone; none = the whole file as one step.
  std::optional<std::int64_t> profiler_step;
};

struct TraceFormat {
  const char* name;
  const char* sentence;
};
[[nodiscard]] const std::vector<TraceFormat>& trace_formats();

/// `path` is a file or a Chakra prefix. Runs check_workload(). Throws Error(kIo) for a missing file,
/// Error(kInvalidInput) with all findings otherwise. `files_read` receives every file for the report's input hashes.
[[nodiscard]] Workload read_trace(const std::string& path, const TraceOptions& options,
                                  std::vector<std::string>* files_read);

/// Files of schedules that the operations name, and `more` if it is one, are read and checked (docs/trace_format.md).
/// Throws Error(kIo) for a missing file; `files_read` receives each.
void read_schedule_files(const Workload& workload, std::optional<Algorithm> more, std::vector<std::string>* files_read,
                         Findings& findings);

/// Checks across ranks: groups complete, same collectives in the same order with equal type and size, every send has
/// its receive, no cycle within a rank, sizes sane. One line per finding: rank, operation, file.
void check_workload(const Workload& workload, Findings& findings);

struct ResNet50Options {
  std::int64_t batch = 8;  ///< per rank
  DType dtype = DType::kBf16;
  std::int64_t ranks = 1;
  std::int64_t batch_norm_group = 25;   ///< consecutive ranks that share statistics; see the placement
  std::int64_t bucket_bytes = 8 << 20;  ///< gradient all-reduce bucket
  std::int64_t steps = 1;
};
/// v1.5; one training step: ingest, forward, backward, bucketed all-reduce, update. All ranks share one graph.
[[nodiscard]] Workload generate_resnet50(const ResNet50Options& options);
[[nodiscard]] Workload generate_matmul(std::int64_t m, std::int64_t n, std::int64_t k, DType dtype);
[[nodiscard]] Workload generate_collective(OpKind kind, Bytes bytes, RankId ranks);

/// Own format (docs/trace_format.md), gzip when the name ends in .gz. Written to a temporary name, then renamed.
void write_trace(const Workload& workload, const std::string& path);

/// Chakra: PREFIX.<rank>.et (.et.gz when `gzip`), and PREFIX.json with the groups. What Chakra has no field for travels
/// in dojo_* attributes, so that reading gives the same workload again. Equal files are hard links. Throws Error(kIo).
void write_chakra_trace(const Workload& workload, const std::string& prefix, bool gzip);

struct RescaleOptions {
  RankId ranks = 0;                           ///< 0 = as it is
  std::int64_t batch = 0;                     ///< samples per rank; 0 = as it is
  std::map<std::string, RankId> group_ranks;  ///< group class -> ranks of each of its groups
  std::vector<std::string> data_parallel;     ///< classes that grow with the number of copies; "all" always does
};
/// `trace rescale`: more or fewer copies of the job, other group sizes, another batch. Notes in the graphs' warnings
/// say what was assumed. Throws Error(kInvalidInput).
[[nodiscard]] Workload rescale_workload(const Workload& workload, const RescaleOptions& options);

/// `trace info`: text, or JSON when `json`.
[[nodiscard]] std::string describe_workload(const Workload& workload, bool json);

}  // namespace dojo::workload
