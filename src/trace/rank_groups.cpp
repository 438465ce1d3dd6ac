// SPDX-License-Identifier: Apache-2.0
// Communicator groups of traces: a JSON file beside the trace, or records inside it.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "trace/json_object.h"
#include "trace/rank_trace.h"

namespace dojo::workload {

RankGroups read_group_file(const std::string& text, const std::string& file, Findings& findings) {
  RankGroups groups;
  LocatedJson json;
  if (!parse_located_json(text, file, json, findings)) return groups;
  JsonObject top(json, file, "", findings);
  for (const std::string& name : json.keys) {
    const LocatedJson* list = top.take_list(name, true);
    if (list == nullptr) continue;
    std::vector<RankId>& ranks = groups[name];
    std::set<std::int64_t> members;
    for (const LocatedJson& rank : list->items) {
      if (rank.type != LocatedJson::Type::kInteger || rank.integer < 0 || rank.integer >= 10000000) {
        top.report(rank, name, fmt::format("found {}, expected a rank; correct it", describe_value(rank)));
        continue;
      }
      if (!members.insert(rank.integer).second) {
        top.report(rank, name, fmt::format("found rank {} a second time, expected each once; remove it", rank.integer));
        continue;
      }
      ranks.push_back(static_cast<RankId>(rank.integer));
    }
    if (list->items.empty())
      top.report(*list, name, "found no rank, expected at least one; add ranks or remove the group");
  }
  return groups;
}

namespace {

/// The record's values are a Python- or JSON-like list that holds one JSON text: take what stands between '[{' and
/// '}]'.
nlohmann::json process_group_list(const std::string& text) {
  nlohmann::json outer = nlohmann::json::parse(text, nullptr, false);
  if (outer.is_array() && !outer.empty() && outer[0].is_string())
    return nlohmann::json::parse(outer[0].get<std::string>(), nullptr, false);
  if (outer.is_array()) return outer;
  const std::size_t from = text.find("[{"), to = text.rfind("}]");
  if (from == std::string::npos || to == std::string::npos || to < from)
    return nlohmann::json(nlohmann::json::value_t::discarded);
  std::string inner = text.substr(from, to + 2 - from);
  nlohmann::json list = nlohmann::json::parse(inner, nullptr, false);
  if (!list.is_discarded()) return list;
  std::string unescaped;
  for (std::size_t i = 0; i < inner.size(); ++i) {
    if (inner[i] == '\\' && i + 1 < inner.size() && inner[i + 1] == '"') continue;
    unescaped += inner[i];
  }
  return nlohmann::json::parse(unescaped, nullptr, false);
}

}  // namespace

RankId world_of_groups(const std::string& text) {
  constexpr std::string_view kKey = "group_size";
  RankId world = 0;
  for (std::size_t at = text.find(kKey); at != std::string::npos; at = text.find(kKey, at + 1)) {
    // Quotes may be escaped: \"group_size\": 4
    const std::size_t digits = text.find_first_not_of("\\\": ", at + kKey.size());
    if (digits == std::string::npos) break;
    std::int64_t size = 0;
    std::from_chars(text.data() + digits, text.data() + text.size(), size);
    if (size > 0 && size < kMostRanks) world = std::max(world, static_cast<RankId>(size));
  }
  return world;
}

bool parse_process_groups(const std::string& text, RankGroups& groups) {
  const nlohmann::json list = process_group_list(text);
  if (!list.is_array()) return false;
  for (const nlohmann::json& entry : list) {
    if (!entry.is_object() || !entry.contains("pg_name")) return false;
    const nlohmann::json& name = entry["pg_name"];
    if (!name.is_string() && !name.is_number_integer()) return false;
    std::vector<RankId> ranks;
    for (const nlohmann::json& rank : entry.value("ranks", nlohmann::json::array())) {
      if (!rank.is_number_integer() || rank.get<std::int64_t>() < 0 || rank.get<std::int64_t>() >= 10000000)
        return false;
      ranks.push_back(rank.get<RankId>());
    }
    groups[name.is_string() ? name.get<std::string>() : std::to_string(name.get<std::int64_t>())] = std::move(ranks);
  }
  return true;
}

}  // namespace dojo::workload
