// SPDX-License-Identifier: Apache-2.0
// docs/parameters.md: every key with default, unit, range, source and sentence.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "config/overrides.h"
#include "dojo/config/config.h"
#include "dojo/config/hardware.h"
#include "dojo/energy/energy.h"

namespace dojo::config {
namespace {

constexpr const char* kHead =
    "# Parameters\n\n"
    "`dojosim list params` made this page, and a test holds the page and the program together. Every key can be set\n"
    "in a file or with `--set KEY=VALUE`. A source is a row of [hardware.md](hardware.md) or one of these:\n\n"
    "- `assumed`: not published; [hardware.md](hardware.md#not-published-what-the-model-assumes) has the reason\n"
    "- `derived`: follows from other values\n"
    "- `chosen`: a setting of the model or of the run, and no fact about the hardware\n\n"
    "Numbers behind a source are the span of what is published or usual.\n";

std::string title_of(const std::string& path) {
  if (path.rfind("machine.", 0) == 0) return "Machine";
  if (path.rfind("workload.", 0) == 0) return "Workload";
  if (path.rfind("router.", 0) == 0) return "Routers of packets, in both network models";
  return path.rfind("net.", 0) == 0 ? "Synthetic traffic (dojosim net)" : "Run";
}

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}

/// Null: nothing is said of it.
const energy::Span* span_of(const std::string& path) {
  for (const energy::Span& span : energy::spans())
    if (path == std::string("machine.") + span.key) return &span;
  return nullptr;
}

/// "N05", or "assumed, 0.5 to 1.5".
std::string source_text(const schema::Declared& one) {
  const energy::Span* span = span_of(one.path);
  if (span == nullptr) return one.source;
  return fmt::format("{}, {}", one.source, schema::range_text(schema::Between(span->low, span->high)));
}

std::string row(const schema::Declared& one) {
  const std::string limits =
      one.words.empty() ? schema::range_text(one.range) : fmt::format("{}", fmt::join(one.words, ", "));
  const std::string key = one.path.substr(one.path.rfind('.') + 1);
  const std::string value = one.default_text.empty() ? "-" : "`" + one.default_text + "`";
  return fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", one.path, value, or_dash(schema::unit_of_key(key)),
                     or_dash(limits), source_text(one), one.sentence);
}

}  // namespace

std::string parameters_markdown() {
  std::string text = kHead;
  std::string section;
  for (const schema::Declared& one : all_declarations()) {
    const std::string title = title_of(one.path);
    if (title != section) {
      section = title;
      text += fmt::format(
          "\n## {}\n\n| key | default | unit | range | source | what it is |\n|---|---|---|---|---|---|\n", title);
    }
    const bool leaf = !one.source.empty();
    if (leaf) text += row(one);
  }
  return text;
}

std::string parameters_json() {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const schema::Declared& one : all_declarations()) {
    if (one.source.empty()) continue;
    const std::string limits =
        one.words.empty() ? schema::range_text(one.range) : fmt::format("{}", fmt::join(one.words, ", "));
    all.push_back({{"key", one.path},
                   {"default", one.default_text},
                   {"unit", schema::unit_of_key(one.path.substr(one.path.rfind('.') + 1))},
                   {"range", limits},
                   {"source", one.source},
                   {"sentence", one.sentence}});
    if (const energy::Span* span = span_of(one.path)) {
      all.back()["low"] = span->low;
      all.back()["high"] = span->high;
    }
  }
  return all.dump(1) + "\n";
}

}  // namespace dojo::config
