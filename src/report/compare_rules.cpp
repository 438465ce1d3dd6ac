// SPDX-License-Identifier: Apache-2.0
// Reads a rules file of `compare`, strictly.
#include "dojo/base/error.h"
#include "dojo/base/files.h"
#include "dojo/base/nearest.h"
#include "dojo/config/config.h"
#include "report/compare.h"

namespace dojo::report {
namespace {

void read_key(const std::string& where, const std::string& key, const Json& value, Rule& rule, Findings& findings) {
  const auto wrong = [&](const char* expected) {
    findings.add("{}/{}: found {}, expected {}", where, key, value.dump(), expected);
  };
  if (key == "path") {
    if (value.is_string() && !value.get<std::string>().empty()) {
      rule.path = value.get<std::string>();
    } else {
      wrong("a pattern such as \"latency.*\"");
    }
  } else if (key == "tolerance") {
    if (value.is_number() && value.get<double>() >= 0) {
      rule.tolerance = value.get<double>();
    } else {
      wrong("a relative tolerance of at least 0, such as 0.02");
    }
  } else if (key == "absolute") {
    if (value.is_number() && value.get<double>() >= 0) {
      rule.absolute = value.get<double>();
    } else {
      wrong("a tolerance of at least 0 in the unit of the value, such as 1e-8");
    }
  } else if (key == "direction") {
    if (value == "lower_is_better" || value == "higher_is_better") {
      rule.direction = value.get<std::string>();
    } else {
      wrong("\"lower_is_better\" or \"higher_is_better\"");
    }
  } else if (key == "ignore") {
    if (value.is_boolean()) {
      rule.ignore = value.get<bool>();
    } else {
      wrong("true or false");
    }
  } else {
    const std::string near = nearest(key, {"path", "tolerance", "absolute", "direction", "ignore"});
    findings.add("{}/{}: found an unknown key, expected path, tolerance, absolute, direction or ignore{}", where, key,
                 near.empty() ? "" : "; did you mean '" + near + "'?");
  }
}

}  // namespace

std::vector<Rule> read_rules(const std::string& file) {
  const Json json = read_json(file, input_limits().config_bytes);
  Findings findings;
  std::vector<Rule> rules;
  if (!json.is_object() || !json.contains("rules") || !json["rules"].is_array()) {
    findings.add(
        "{}: /rules: found no list of rules, expected {{\"rules\": [{{\"path\": \"...\", \"tolerance\": 0.02}}]}}",
        file);
    findings.throw_if_any();
  }
  for (const auto& [key, value] : json.items()) {
    if (key != "rules" && key != "$schema")
      findings.add("{}: /{}: found an unknown key, expected only 'rules'", file, key);
  }
  for (std::size_t i = 0; i < json["rules"].size(); ++i) {
    const Json& entry = json["rules"][i];
    const std::string where = fmt::format("{}: /rules/{}", file, i);
    if (!entry.is_object()) {
      findings.add("{}: found {}, expected an object with a path", where, entry.dump());
      continue;
    }
    Rule rule;
    for (const auto& [key, value] : entry.items()) read_key(where, key, value, rule, findings);
    if (!entry.contains("path")) findings.add("{}: found no path, expected which values the rule is for", where);
    if (!rule.tolerance && !rule.absolute && !rule.ignore && rule.direction.empty()) {
      findings.add("{}: found nothing that the rule says, expected tolerance, absolute, direction or ignore", where);
    }
    rules.push_back(rule);
  }
  findings.throw_if_any();
  return rules;
}

}  // namespace dojo::report
