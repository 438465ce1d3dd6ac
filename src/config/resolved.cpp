// SPDX-License-Identifier: Apache-2.0
// The whole config written out, every default included.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "config/level_use.h"
#include "dojo/config/config.h"
#include "dojo/config/hardware.h"
#include "dojo/schema/enum_text.h"
#include "dojo/workload/own_algorithms.h"

namespace dojo::config {
namespace {

using Json = nlohmann::ordered_json;

std::string absolute(const std::string& file) {
  return file.empty() ? file : std::filesystem::absolute(file).lexically_normal().string();
}

class Writer {
 public:
  Writer(Json& out, std::string where, topology::Level level) : out_(out), where_(std::move(where)), level_(level) {
    out_ = Json::object();
  }

  template <class Member, class... Rest>
  void operator()(const char* key, const Member& member, Rest&&...) {
    if (!in_use(key)) return;
    if constexpr (std::is_same_v<Member, std::optional<workload::Algorithm>>) {
      const std::string file = member ? workload::file_of(*member) : "";
      out_[key] = !file.empty() ? absolute(file) : member ? workload::algorithm_name(*member) : "";
    } else if constexpr (schema::Word<Member>::known) {
      out_[key] = schema::word_text(member);
    } else {
      out_[key] = member;
    }
  }
  template <class Group>
  void group(const char* key, const Group& member, const char*) {
    if (in_use(key)) write(out_[key], where_ + "/" + key, member);
  }
  template <class Item>
  void list(const char* key, const std::vector<Item>& items, const char*) {
    Json list = Json::array();
    for (const Item& item : items) write(list.emplace_back(), where_ + "/" + key, item);
    out_[key] = std::move(list);
  }
  void map(const char* key, const std::map<std::string, std::string>& member, const char*) {
    out_[key] = Json::object();
    for (const auto& [name, text] : member) out_[key][name] = text;
  }

 private:
  template <class T>
  void write(Json& out, const std::string& where, const T& value) {
    Writer inner(out, where, level_);
    T::fields(value, inner);
  }
  [[nodiscard]] bool in_use(const char* key) const { return used_at(where_ + "/" + key, level_); }

  Json& out_;
  std::string where_;
  topology::Level level_;
};

template <class T>
Json written(const T& value, const std::string& where, topology::Level level) {
  Json json;
  Writer writer(json, where, level);
  T::fields(value, writer);
  return json;
}

void add_leaves(const std::string& path, const Json& json, std::map<std::string, std::string>& out) {
  if (json.is_object() && !json.empty()) {
    for (const auto& [key, value] : json.items()) add_leaves(path.empty() ? key : path + "." + key, value, out);
  } else {
    out[path] = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
}

}  // namespace

std::string resolved_json(const RunConfig& config, Purpose purpose) {
  WorkloadParams workload = config.workload;
  workload.trace = absolute(workload.trace);  // this text may be put into any folder
  workload.group_file = absolute(workload.group_file);
  workload.kineto_file = absolute(workload.kineto_file);
  // Sections that the machine's level does not use are left out, as the reader wants it; other structs have none.
  Json json;
  json["machine"] = written(config.machine, "", config.machine.level);
  if (purpose == Purpose::kRun) json["workload"] = written(workload, "workload", topology::Level::kExapod);
  json["run"] = written(config.run, "run", topology::Level::kExapod);
  if (purpose == Purpose::kNet) {
    json["router"] = written(config.router, "router", topology::Level::kExapod);
    traffic::NetParams net = config.net;
    net.mesh = {};  // it is the machine by now
    json["net"] = written(net, "net", topology::Level::kExapod);
  }
  return json.dump(2) + "\n";
}

std::string machine_json(const topology::MachineParams& machine) {
  return written(machine, "", machine.level).dump();
}

std::map<std::string, std::string> config_leaves(const RunConfig& config, Purpose purpose) {
  std::map<std::string, std::string> leaves;
  add_leaves("", Json::parse(resolved_json(config, purpose)), leaves);
  return leaves;
}

}  // namespace dojo::config
