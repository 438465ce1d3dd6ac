// SPDX-License-Identifier: Apache-2.0
// JSON Schemas (draft 7) from the declarations that the reader uses.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "dojo/base/error.h"
#include "dojo/config/config.h"
#include "dojo/schema/declared.h"

namespace dojo::config {
namespace {

using Json = nlohmann::ordered_json;

/// Limits as integers where they are some: "minimum": 1, not 1.0.
Json limit(double value) {
  constexpr double kExactIntegers = 9007199254740992.0;
  if (value == std::floor(value) && std::abs(value) <= kExactIntegers) return static_cast<std::int64_t>(value);
  return value;
}

void add_limits(Json& json, const schema::Range& range) {
  if (std::isfinite(range.low)) json["minimum"] = limit(range.low);
  if (std::isfinite(range.high)) json["maximum"] = limit(range.high);
}

std::string sentence_with_source(const char* sentence, const char* source) {
  return fmt::format("{} (source: {})", sentence, source);
}

template <class T>
Json object_schema(const T& defaults);

class SchemaWriter {
 public:
  explicit SchemaWriter(Json& properties) : properties_(properties) {}

  template <class Member>
  void operator()(const char* key, const Member& member, const char* sentence, const schema::Range& range,
                  schema::Source source) {
    Json& one = properties_[key];
    one["description"] = sentence_with_source(sentence, source.key);
    if constexpr (schema::Word<Member>::known) {
      one["enum"] = schema::enum_words<typename schema::Word<Member>::Enum>();
      if (schema::Word<Member>::may_be_empty) one["enum"].push_back("");
      if constexpr (std::is_same_v<Member, std::optional<workload::Algorithm>>) {  // or a plug-in's, or a file
        Json words;
        words["enum"] = one["enum"];
        one.erase("enum");
        one["anyOf"] = Json::array({words, {{"type", "string"}}});
      }
      one["default"] = schema::word_text(member);
    } else if constexpr (std::is_same_v<Member, std::vector<std::int64_t>>) {
      one["type"] = "array";
      one["items"]["type"] = "integer";
      add_limits(one["items"], range);
      one["default"] = member;
    } else if constexpr (std::is_same_v<Member, std::vector<std::string>>) {
      one["type"] = "array";
      one["items"]["type"] = "string";
      one["default"] = member;
    } else {
      constexpr schema::Kind kind = schema::kind_of<Member>();
      one["type"] = kind == schema::Kind::kBool      ? "boolean"
                    : kind == schema::Kind::kInteger ? "integer"
                    : kind == schema::Kind::kNumber  ? "number"
                                                     : "string";
      if (const auto words = schema::words_of(range); !words.empty()) one["enum"] = words;
      add_limits(one, range);
      one["default"] = member;
    }
  }
  template <class Group>
  void group(const char* key, const Group& member, const char* sentence) {
    Json object = object_schema(member);
    if constexpr (std::is_same_v<Group, RankUnitParams>) {
      Json bare = object["properties"]["unit"];
      bare.erase("description");
      properties_[key]["description"] = sentence;
      properties_[key]["anyOf"] = Json::array({bare, object});
    } else {
      object["description"] = sentence;
      properties_[key] = std::move(object);
    }
  }
  template <class Item>
  void list(const char* key, const std::vector<Item>&, const char* sentence) {
    properties_[key] = {{"description", sentence}, {"type", "array"}, {"items", object_schema(Item{})}};
  }
  void map(const char* key, const std::map<std::string, std::string>&, const char* sentence) {
    properties_[key] = {{"description", sentence}, {"type", "object"}, {"additionalProperties", {{"type", "string"}}}};
  }

 private:
  Json& properties_;
};

template <class T>
Json object_schema(const T& defaults) {
  Json json;
  json["type"] = "object";
  json["additionalProperties"] = false;
  json["properties"] = Json::object();
  SchemaWriter writer(json["properties"]);
  T::fields(defaults, writer);
  return json;
}

Json titled(const std::string& title, const Json& object) {
  Json json;
  json["$schema"] = "http://json-schema.org/draft-07/schema#";
  json["title"] = title;
  json.update(object);
  json["properties"]["$schema"] = {{"type", "string"}};
  return json;
}

Json file_or(const char* schema_file, const char* sentence) {
  return {{"description", sentence}, {"anyOf", Json::array({{{"type", "string"}}, {{"$ref", schema_file}}})}};
}

}  // namespace

std::string json_schema(const std::string& kind) {
  Json json;
  if (kind == "machine") {
    json =
        titled("dojosim machine file; sections above the machine's own level are left out", object_schema(Machine{}));
  } else if (kind == "workload") {
    json = titled("dojosim workload file", object_schema(WorkloadParams{}));
  } else if (kind == "run") {
    Json object;
    object["type"] = "object";
    object["additionalProperties"] = false;
    object["properties"] = {{"machine", file_or("machine.schema.json", "a machine file, or the machine itself")},
                            {"workload", file_or("workload.schema.json", "a workload file, or the workload itself")},
                            {"run", object_schema(RunParams{})}};
    json = titled("dojosim run file", std::move(object));
  } else if (kind == "net") {
    Json object;
    object["type"] = "object";
    object["additionalProperties"] = false;
    object["properties"] = {{"machine", file_or("machine.schema.json", "a machine file, or the machine itself")},
                            {"run", object_schema(RunParams{})},
                            {"router", object_schema(traffic::RouterParams{})},
                            {"net", object_schema(traffic::NetParams{})}};
    json = titled("dojosim net file: synthetic traffic", std::move(object));
  } else {
    throw Error(
        ExitCode::kUsage,
        fmt::format("json schema: found \"{}\", expected one of \"machine\", \"workload\", \"run\", \"net\"", kind));
  }
  return json.dump(2) + "\n";
}

}  // namespace dojo::config
