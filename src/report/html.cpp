// SPDX-License-Identifier: Apache-2.0
// The page of one run.
#include "report/html.h"

#include "report/text.h"

namespace dojo::report {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string run_html(const Json& report, const std::string&) {
  return "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>dojosim</title></head><body><pre>" +
         escaped(text_of(report)) + "</pre></body></html>\n";
}

}  // namespace dojo::report
