// SPDX-License-Identifier: Apache-2.0
// The table of readers of plug-ins, and what they give as a Workload.
#include "trace/own_readers.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

#include "dojo/base/error.h"
#include "dojo/base/stop_point.h"
#include "dojo/workload/own_algorithms.h"
#include "trace/json_trace.h"

namespace dojo::workload {
namespace {

std::vector<OwnReader>& table() {
  static std::vector<OwnReader> all;
  return all;
}

[[noreturn]] void refuse(const OwnReader& reader, const std::string& words) {
  throw Error(ExitCode::kInvalidInput, fmt::format("trace reader \"{}\": {}", reader.name, words));
}

/// What a plug-in does with a file, its exceptions as errors of ours.
template <class Function>
auto asked(const OwnReader& reader, const std::string& path, Function&& function) {
  const auto refused = [&](const std::string& words) {
    return Error(ExitCode::kInvalidInput,
                 fmt::format("{}: {}: trace reader \"{}\": {}", path, reader.origin, reader.name, words));
  };
  try {
    return function();
  } catch (const Error& e) {
    std::vector<std::string> lines = e.lines();
    for (std::string& line : lines)
      line = fmt::format("{}: {}: trace reader \"{}\": {}", path, reader.origin, reader.name, line);
    throw Error(e.code(), lines);
  } catch (const Stopped&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    throw refused(fmt::format("found an exception ({}), expected a trace", e.what()));
  } catch (...) {
    throw refused("found an exception of no known kind, expected a trace");
  }
}

}  // namespace

void add_trace_reader(OwnReader reader) {
  if (!is_own_name(reader.name)) refuse(reader, "found this name, expected up to 64 letters, digits, '_' and '-'");
  for (const TraceFormat& format : trace_formats())
    if (reader.name == format.name) refuse(reader, "found a name that a built-in format has, expected another name");
  for (const OwnReader& other : table())
    if (other.name == reader.name)
      refuse(reader, fmt::format("found a name that {} has, expected another name", other.origin));
  if (!reader.knows) refuse(reader, "found no function that knows its files, expected one");
  if (!reader.read) refuse(reader, "found no function that reads, expected one");
  table().push_back(std::move(reader));
}

const std::vector<OwnReader>& own_readers() {
  return table();
}

const OwnReader* own_reader_of(const std::string& path, const std::string& bytes) {
  const OwnReader* found = nullptr;
  for (const OwnReader& reader : table()) {
    if (!asked(reader, path, [&] { return reader.knows(path, bytes); })) continue;
    if (found != nullptr) {
      throw Error(ExitCode::kInvalidInput,
                  fmt::format("{}: found two readers that know it, \"{}\" of {} and \"{}\" of {}, expected one; leave "
                              "one of them out",
                              path, found->name, found->origin, reader.name, reader.origin));
    }
    found = &reader;
  }
  return found;
}

Workload read_by(const OwnReader& reader, const FileRequest& request, Findings& findings) {
  const std::string text = asked(reader, request.path, [&] { return reader.read(request.path, request.bytes); });
  Findings own;
  Workload workload = parse_json_trace(text, request.path, own);
  if (own.empty()) {
    for (Graph& graph : workload.graphs) graph.format = reader.name;
    apply_ranks(workload, request.options, request.path, findings);
  }
  for (const std::string& line : own.lines())
    findings.add("{}: trace reader \"{}\" gave a text that is no trace: {}", reader.origin, reader.name, line);
  return workload;
}

}  // namespace dojo::workload
