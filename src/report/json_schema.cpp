// SPDX-License-Identifier: Apache-2.0
// JSON Schemas (draft 7) of sweep files, rules and reports, for editors and for programs that read reports.
#include "dojo/base/error.h"
#include "dojo/report/report.h"
#include "report/figures.h"
#include "report/json.h"

namespace dojo::report {
namespace {

Json text(const char* sentence) {
  return {{"description", sentence}, {"type", "string"}};
}
Json texts(const char* sentence) {
  return {{"description", sentence}, {"type", "array"}, {"items", {{"type", "string"}}}};
}
Json object(Json properties, const std::vector<std::string>& required) {
  Json json{{"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
  if (!required.empty()) json["required"] = required;
  return json;
}
Json list_of(const char* sentence, Json items) {
  return {{"description", sentence}, {"type", "array"}, {"minItems", 1}, {"items", std::move(items)}};
}
Json number(const char* sentence) {
  return {{"description", sentence}, {"type", "number"}};
}

Json points() {
  return list_of("values that are set together; what an element does not name is as in the base", {{"type", "object"}});
}

Json axis() {
  const Json value{{"type", {"number", "string", "boolean"}}};
  const Json range = object({{"from", number("first value")},
                             {"to", number("the last one is not above it")},
                             {"step", number("between two values")},
                             {"count", {{"description", "how many values"}, {"type", "integer"}, {"minimum", 2}}}},
                            {"from", "to"});
  const Json log2 = object({{"from", number("first value, above 0")}, {"to", number("the last one is not above it")}},
                           {"from", "to"});
  Json all = object({{"path", text("key of the config, or machine or workload for files")},
                     {"values", list_of("the values", value)},
                     {"range", range},
                     {"log2", log2},
                     {"factors", list_of("the base's value times these", {{"type", "number"}})},
                     {"points", points()}},
                    {});
  return all;
}

Json search() {
  Json keep = number("share of a rung's points that goes on to the next");
  keep["exclusiveMinimum"] = 0;
  keep["exclusiveMaximum"] = 1;
  Json goal = object({{"min", text("metric to be small")}, {"max", text("metric to be large")}}, {});
  goal["minProperties"] = goal["maxProperties"] = 1;
  return object({{"goal", goal},
                 {"keep", keep},
                 {"rungs", list_of("what each rung sets, from cheap to dear; the base as it is comes after them",
                                   {{"type", "object"}, {"minProperties", 1}})}},
                {"goal", "keep", "rungs"});
}

Json sweep_schema() {
  const Json derived = object({{"name", text("column of results.csv")}, {"is", text("expression")}}, {"name", "is"});
  return object(
      {{"$schema", {{"type", "string"}}},
       {"title", text("what is asked")},
       {"base", text("run config, relative to this file")},
       {"mode", {{"enum", {"grid", "zip", "list", "random", "one_at_a_time", "search"}}, {"default", "grid"}}},
       {"axes", list_of("what differs between the points", axis())},
       {"points", points()},
       {"constraints", texts("comparisons that every point holds")},
       {"metrics", list_of("columns of results.csv", {{"anyOf", {{{"type", "string"}}, derived}}})},
       {"pareto", object({{"min", texts("metrics and axes to be small")}, {"max", texts("to be large")}}, {})},
       {"samples",
        {{"description", "points that are drawn, of modes random and search"}, {"type", "integer"}, {"minimum", 1}}},
       {"seed", {{"description", "of the draw"}, {"type", "integer"}, {"minimum", 1}}},
       {"search", search()}},
      {"base"});
}

Json rules_schema() {
  Json tolerance = number("relative change that passes"), absolute = number("change that passes, in the value's unit");
  tolerance["minimum"] = absolute["minimum"] = 0;
  const Json rule = object({{"path", text("of values: * is any characters, ? is one")},
                            {"tolerance", tolerance},
                            {"absolute", absolute},
                            {"direction", {{"enum", {"lower_is_better", "higher_is_better"}}}},
                            {"ignore", {{"type", "boolean"}}}},
                           {"path"});
  return object({{"$schema", {{"type", "string"}}},
                 {"rules", {{"type", "array"}, {"items", rule}, {"description", "the last that matches counts"}}}},
                {"rules"});
}

/// Adds a figure below the object that `here` describes: "latency.ops[].seconds".
void add_figure(Json& here, const std::string& key, const FigureLine& line) {
  const std::size_t dot = key.find('.');
  std::string name = key.substr(0, dot);
  const bool list = name.size() > 2 && name.compare(name.size() - 2, 2, "[]") == 0;
  if (list) name.resize(name.size() - 2);
  const bool any = name.front() == '<';  // "links.classes.<class>.count"
  here["type"] = {"object", "null"};
  Json* at = any ? &here["additionalProperties"] : &here["properties"][name];
  if (list) {
    (*at)["type"] = "array";
    at = &(*at)["items"];
  }
  if (dot != std::string::npos) return add_figure(*at, key.substr(dot + 1), line);
  (*at)["description"] = line.unit.empty() ? line.sentence : fmt::format("{} ({})", line.sentence, line.unit);
}

/// Figures without a unit may be of any type; further keys may come with later versions.
Json report_schema() {
  Json json = Json::object();
  for (const FigureLine& line : figure_lines()) add_figure(json, line.key, line);
  json["type"] = "object";
  json["properties"]["schema"]["const"] = "dojosim.report/1";
  json["required"] = {"schema", "program", "digest", "seed", "partial", "inputs"};
  return json;
}

}  // namespace

std::string json_schema(const std::string& kind) {
  Json about{{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", "dojosim " + kind}};
  if (kind == "sweep") {
    about.update(sweep_schema());
  } else if (kind == "rules") {
    about.update(rules_schema());
  } else if (kind == "report") {
    about.update(report_schema());
  } else {
    throw Error(ExitCode::kUsage, fmt::format("json schema: found \"{}\", expected sweep, rules or report", kind));
  }
  return about.dump(2) + "\n";
}

}  // namespace dojo::report
