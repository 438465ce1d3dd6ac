// SPDX-License-Identifier: Apache-2.0
// Parses and streams located JSON; the tree itself is built by SaxHandler.
#include "json/located_json.h"

#include <algorithm>

#include "json/sax_handler.h"

namespace dojo::json {
namespace {

bool parse_all(const std::string& text, LineCounter& counter, SaxHandler& handler) {
  const char* begin = text.data();
  return nlohmann::json::sax_parse(CountingIterator(begin, &counter), CountingIterator(begin + text.size(), nullptr),
                                   &handler);
}

}  // namespace

const LocatedJson* LocatedJson::find(std::string_view key) const {
  for (std::size_t i = 0; i < keys.size() && i < items.size(); ++i) {
    if (keys[i] == key) return &items[i];
  }
  return nullptr;
}

std::string escaped_key(std::string key) {
  for (std::size_t at = 0; (at = key.find_first_of("~/", at)) != std::string::npos; at += 2)
    key.replace(at, 1, key[at] == '~' ? "~0" : "~1");
  return key;
}

bool parse(const std::string& text, LocatedJson& out, Problems& problems) {
  LineCounter counter;
  SaxHandler handler(counter, out, problems);
  return parse_all(text, counter, handler);
}

bool stream_list(const std::string& text, const std::string& list, const std::function<void(const LocatedJson&)>& item,
                 LocatedJson& rest, Problems& problems) {
  LineCounter counter;
  SaxHandler handler(counter, rest, problems);
  handler.stream(list, item);
  return parse_all(text, counter, handler);
}

bool stream_values(const std::string& text, const std::function<bool(const LocatedJson&)>& value, Problems& problems) {
  LineCounter counter;
  const char* const end = text.data() + text.size();
  std::size_t at = 0;
  while (true) {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t')) {
      counter.pass(text[at++]);
    }
    if (at == text.size()) return true;
    LocatedJson one;
    SaxHandler handler(counter, one, problems);
    counter.passed = 0;
    const bool good =
        nlohmann::json::sax_parse(CountingIterator(text.data() + at, &counter), CountingIterator(end, nullptr),
                                  &handler, nlohmann::json::input_format_t::json, false);
    if (!good) return false;
    at += std::max<std::size_t>(counter.passed, 1);
    if (!value(one)) return false;
  }
}

std::string first_top_key(const std::string& text, const std::vector<std::string>& wanted) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth <= 0) return "";
    if (c != '"') continue;
    const std::size_t begin = i + 1;
    for (++i; i < text.size() && text[i] != '"'; ++i) i += text[i] == '\\' ? 1 : 0;
    if (depth != 1 || i >= text.size()) continue;
    const std::size_t colon = text.find_first_not_of(" \t\r\n", i + 1);
    if (colon == std::string::npos || text[colon] != ':') continue;
    for (const std::string& key : wanted) {
      if (i - begin == key.size() && text.compare(begin, key.size(), key) == 0) return key;
    }
  }
  return "";
}

}  // namespace dojo::json
