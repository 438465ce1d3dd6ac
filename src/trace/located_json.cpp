// SPDX-License-Identifier: Apache-2.0
// Words for what is wrong in a trace's JSON.
#include "trace/located_json.h"

namespace dojo::workload {
namespace {

void report(const json::Problems& problems, const std::string& file, Findings& findings) {
  for (const json::Problem& problem : problems) {
    switch (problem.kind) {
      case json::Problem::Kind::kSyntax: {
        const bool cut = problem.words.find("unexpected end of input") != std::string::npos;
        findings.add("{}:{}: not valid JSON: {}; {}", file, problem.line, problem.words,
                     cut ? "the file is cut: write it again" : "correct the text there");
        break;
      }
      case json::Problem::Kind::kRepeatedKey:
        findings.add("{}:{}: found the key '{}' twice in one object, expected each key once; remove one", file,
                     problem.line, problem.key);
        break;
      case json::Problem::Kind::kTooDeep:
        findings.add("{}:{}: found lists nested more than {} deep, expected a trace; correct the text there", file,
                     problem.line, json::kDeepest);
        break;
    }
  }
}

}  // namespace

std::string describe_value(const LocatedJson& value) {
  switch (value.type) {
    case LocatedJson::Type::kNull:
      return "null";
    case LocatedJson::Type::kBool:
      return value.integer != 0 ? "true" : "false";
    case LocatedJson::Type::kInteger:
      return std::to_string(value.integer);
    case LocatedJson::Type::kReal:
      return fmt::format("{}", value.real);
    case LocatedJson::Type::kString:
      return "'" + value.text.substr(0, 60) + "'";
    case LocatedJson::Type::kArray:
      return fmt::format("a list of {}", value.items.size());
    case LocatedJson::Type::kObject:
      return "an object";
  }
  return "nothing";
}

bool parse_located_json(const std::string& text, const std::string& file, LocatedJson& out, Findings& findings) {
  json::Problems problems;
  const bool good = json::parse(text, out, problems);
  report(problems, file, findings);
  return good && problems.empty();
}

bool stream_json_list(const std::string& text, const std::string& file, const std::string& list,
                      const std::function<void(const LocatedJson&)>& item, LocatedJson& rest, Findings& findings) {
  const std::size_t before = findings.lines().size();
  json::Problems problems;
  json::stream_list(text, list, item, rest, problems);
  report(problems, file, findings);
  return findings.lines().size() == before;
}

bool stream_json_values(const std::string& text, const std::string& file,
                        const std::function<void(const LocatedJson&)>& value, Findings& findings) {
  const std::size_t before = findings.lines().size();
  json::Problems problems;
  const auto until_finding = [&](const LocatedJson& one) {
    value(one);
    return findings.lines().size() == before;
  };
  json::stream_values(text, until_finding, problems);
  report(problems, file, findings);
  return findings.lines().size() == before;
}

}  // namespace dojo::workload
