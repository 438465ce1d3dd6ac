// SPDX-License-Identifier: Apache-2.0
#include "dojo/report/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "report/files.h"
#include "report/json.h"
#include "report/tables.h"

namespace dojo::report {
namespace {

using replay::Barrier;

std::string name_of(const ReplayedFile& file) {
  return std::filesystem::path(file.recording.file).filename().string();
}

/// The smallest value that at least `share` of them do not exceed.
double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
  return values[std::max<std::size_t>(rank, 1) - 1];
}

struct Spread {
  double median = 0, p90 = 0, worst = 0;
};

Spread spread(const std::vector<double>& values) {
  return {quantile(values, 0.5), quantile(values, 0.9), quantile(values, 1)};
}

Spread of_spans(const ReplayContext& context) {
  std::vector<double> errors;
  for (const ReplayedFile& file : context.files) errors.push_back(std::abs(file.replay.error()));
  return spread(errors);
}

/// Of a barrier's tail: from where the processor begins to wait until its last answer is there.
std::vector<double> tail_errors(const ReplayContext& context) {
  std::vector<double> errors;
  for (const ReplayedFile& file : context.files) {
    for (const Barrier& barrier : file.replay.barriers) {
      const Cycles recorded = barrier.recorded_end - barrier.recorded_start;
      if (recorded <= 0) continue;
      const Cycles predicted = barrier.predicted_end - barrier.predicted_start;
      errors.push_back(std::abs(static_cast<double>(predicted) / static_cast<double>(recorded) - 1));
    }
  }
  return errors;
}

Json json_of(const Spread& spread) {
  return {{"median", spread.median}, {"p90", spread.p90}, {"worst", spread.worst}};
}

std::string text_of(const Spread& spread) {
  return fmt::format("median {:.1f} %, 90th percentile {:.1f} %, worst {:.1f} %", 100 * spread.median, 100 * spread.p90,
                     100 * spread.worst);
}

Json json_value(const ReplayContext& context) {
  Json files = Json::array();
  for (const ReplayedFile& file : context.files) {
    Json barriers = Json::array();
    for (const Barrier& barrier : file.replay.barriers) {
      const replay::Processor& processor = file.recording.processors[barrier.processor];
      barriers.push_back({{"x", processor.at.x},
                          {"y", processor.at.y},
                          {"processor", processor.name},
                          {"of", barrier.of_reads ? "reads" : "writes"},
                          {"recorded_start_cycles", barrier.recorded_start},
                          {"recorded_end_cycles", barrier.recorded_end},
                          {"predicted_start_cycles", barrier.predicted_start},
                          {"predicted_end_cycles", barrier.predicted_end}});
    }
    files.push_back({{"file", file.recording.file},
                     {"processors", file.recording.processors.size()},
                     {"transfers", file.recording.transfers},
                     {"bytes", file.recording.bytes},
                     {"recorded_cycles", file.replay.recorded},
                     {"predicted_cycles", file.replay.predicted},
                     {"error", file.replay.error()},
                     {"barriers", std::move(barriers)}});
  }
  Json value{{"format", "dojo.replay/1"},
             {"machine", context.config.machine.name},
             {"machine_file", context.config.machine_file},
             {"command", context.config.command},
             {"error", json_of(of_spans(context))}};
  const std::vector<double> tails = tail_errors(context);
  value["tail_error"] = tails.empty() ? Json() : json_of(spread(tails));
  value["recordings"] = std::move(files);
  return value;
}

std::string barriers_csv(const ReplayContext& context) {
  std::string text =
      "file,x,y,processor,of,recorded_start_cycles,recorded_end_cycles,predicted_start_cycles,predicted_end_cycles\n";
  for (const ReplayedFile& file : context.files) {
    for (const Barrier& barrier : file.replay.barriers) {
      const replay::Processor& processor = file.recording.processors[barrier.processor];
      text += fmt::format("{},{},{},{},{},{},{},{},{}\n", csv_cell(name_of(file)), processor.at.x, processor.at.y,
                          csv_cell(processor.name), barrier.of_reads ? "reads" : "writes", barrier.recorded_start,
                          barrier.recorded_end, barrier.predicted_start, barrier.predicted_end);
    }
  }
  return text;
}

}  // namespace

std::string replay_text(const ReplayContext& context) {
  std::size_t width = 9;
  for (const ReplayedFile& file : context.files) width = std::max(width, csv_cell(name_of(file)).size());
  std::string text = fmt::format("{:{}}  {:>9}  {:>11}  {:>15}  {:>16}  {:>7}\n", "recording", width, "transfers",
                                 "bytes", "recorded cycles", "predicted cycles", "error");
  for (const ReplayedFile& file : context.files) {
    text += fmt::format("{:{}}  {:>9}  {:>11}  {:>15}  {:>16}  {:>+6.1f}%\n", csv_cell(name_of(file)), width,
                        file.recording.transfers, file.recording.bytes, file.replay.recorded, file.replay.predicted,
                        100 * file.replay.error());
  }
  text += fmt::format("\n{} recording{} over {}\n", context.files.size(), context.files.size() == 1 ? "" : "s",
                      context.config.machine.name);
  text += fmt::format("error           {}\n", text_of(of_spans(context)));
  const std::vector<double> tails = tail_errors(context);
  if (!tails.empty()) text += fmt::format("barriers' tails {}  ({} barriers)\n", text_of(spread(tails)), tails.size());
  text +=
      "error: |predicted / recorded - 1| from the first transfer to the last barrier's end; tail: from where a\n"
      "processor begins to wait until its barrier ends\n";
  return text;
}

std::string replay_json(const ReplayContext& context) {
  return dump(json_value(context));
}

void write_replay_folder(const ReplayContext& context, const std::string& directory) {
  FileSet files(directory);
  files.add("config.resolved.json", config::resolved_json(context.config, config::Purpose::kNet));
  files.add("barriers.csv", barriers_csv(context));
  files.add("replay.txt", replay_text(context));
  files.add("replay.json", replay_json(context));
  files.commit();
}

}  // namespace dojo::report
