// SPDX-License-Identifier: Apache-2.0
// Generated pages and schemas equal the committed ones, sources exist, shipped machine files say every value.
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "dojo/base/error.h"
#include "dojo/config/config.h"
#include "dojo/config/later_keys.h"
#include "dojo/schema/declared.h"
#include "dojo/topology/topology.h"

namespace dojo::config {
namespace {

const std::string kSource = DOJO_SOURCE_DIR;

std::string content(const std::string& file) {
  std::ifstream in(kSource + "/" + file);
  EXPECT_TRUE(in) << file;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(Documents, ParametersPageIsCurrent) {
  EXPECT_TRUE(content("docs/parameters.md") == parameters_markdown())
      << "write `dojosim list params` to docs/parameters.md";
}

TEST(Documents, SchemasAreCurrentAndJson) {
  for (const char* kind : {"machine", "workload", "run", "net"}) {
    const std::string file = std::string("configs/schema/") + kind + ".schema.json";
    if (std::getenv("DOJO_WRITE_SCHEMAS") != nullptr)
      std::ofstream(std::string(DOJO_SOURCE_DIR) + "/" + file) << json_schema(kind);
    const std::string text = content(file);
    EXPECT_TRUE(text == json_schema(kind)) << file << " is old; DOJO_WRITE_SCHEMAS=1 ctest -R Schemas writes it";
    EXPECT_EQ(nlohmann::json::parse(text).at("$schema"), "http://json-schema.org/draft-07/schema#");
  }
  EXPECT_THROW((void)json_schema("machin"), Error);
}

TEST(Documents, EverySourceIsARowOfTheHardwarePage) {
  const std::string page = content("docs/hardware.md");
  std::vector<schema::Declared> all = schema::declarations_of<Machine>("machine.");
  for (auto& one : schema::declarations_of<WorkloadParams>("workload.")) all.push_back(std::move(one));
  for (auto& one : schema::declarations_of<RunParams>("run.")) all.push_back(std::move(one));
  for (auto& one : schema::declarations_of<traffic::RouterParams>("router.")) all.push_back(std::move(one));
  for (auto& one : schema::declarations_of<traffic::NetParams>("net.")) all.push_back(std::move(one));
  for (const schema::Declared& one : all) {
    if (one.source.empty() || one.source == "chosen" || one.source == "derived") continue;
    const std::string key = one.path.substr(one.path.rfind('.') + 1);
    const std::string wanted = one.source == "assumed" ? key : "| " + one.source + " |";
    EXPECT_THAT(page, ::testing::HasSubstr(wanted)) << one.path << " must be on docs/hardware.md";
  }
}

class ShippedMachine : public ::testing::TestWithParam<const char*> {};

/// Every key of `expected` is in `given`, level by level.
void expect_all_keys(const nlohmann::json& given, const nlohmann::json& expected, const std::string& path) {
  for (const auto& [key, value] : expected.items()) {
    ASSERT_TRUE(given.contains(key)) << path << "/" << key << " is left to its default";
    if (value.is_object()) expect_all_keys(given.at(key), value, path + "/" + key);
  }
}

TEST_P(ShippedMachine, LoadsAndSaysEveryValue) {
  const std::string name = std::string("configs/machines/") + GetParam() + ".json";
  RunConfig config;
  config.machine = load_machine(kSource + "/" + name);
  EXPECT_STREQ(schema::enum_text(config.machine.level), GetParam());
  nlohmann::json expected = nlohmann::json::parse(resolved_json(config)).at("machine");
  for (const char* none : {"defects", "defects_random", "slow_nodes", "detailed", "zplane"}) expected.erase(none);
  // Files keep the contents, and so the digests of their jobs, that they had before these keys came.
  schema::KeyCollector later;
  Machine::later_fields(config.machine, later);
  for (const std::string& key : later.keys) expected.erase(key);
  for (const std::string_view key : kLaterNocKeys) EXPECT_EQ(expected.at("noc").erase(std::string(key)), 1u) << key;
  if (config.machine.level == topology::Level::kNode) expected.erase("dip");
  expect_all_keys(nlohmann::json::parse(content(name)), expected, "");
}

TEST_P(ShippedMachine, EqualsTheDefaultsAndTheDefaultSites) {
  const topology::MachineParams shipped = load_machine(kSource + "/configs/machines/" + GetParam() + ".json");
  RunConfig file, defaults;
  file.machine = shipped;
  defaults.machine.name = shipped.name;
  defaults.machine.level = shipped.level;
  defaults.machine.dip.present = shipped.dip.present;
  defaults.machine.die.disabled_sites = shipped.die.disabled_sites;
  EXPECT_EQ(resolved_json(file), resolved_json(defaults)) << "docs/parameters.md would show other values";
  defaults.machine.die.disabled_sites.clear();
  EXPECT_EQ(topology::Topology(shipped).site_map(0).enabled, topology::Topology(defaults.machine).site_map(0).enabled);
}

INSTANTIATE_TEST_SUITE_P(All, ShippedMachine, ::testing::Values("node", "die", "tile", "tray", "cabinet", "exapod"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace dojo::config
