// SPDX-License-Identifier: Apache-2.0
// The frame of the pages: a policy that lets only our own scripts run, the island, the scripts.
#include "report/page.h"

#include <array>
#include <cstdlib>
#include <filesystem>

#include "dojo/base/error.h"
#include "dojo/config/config.h"
#include "dojo/report/report.h"
#include "report/files.h"

namespace dojo::report {
namespace {

/// As a policy names a script: the hash of its text in base 64.
std::string policy_hash(const std::string& script) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::string hex = config::sha256_text(script);
  std::string out;
  unsigned bits = 0, count = 0;
  for (const char digit : hex) {
    bits = bits << 4 | static_cast<unsigned>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
    count += 4;
    if (count < 6) continue;
    count -= 6;
    out += kDigits[bits >> count & 63];
  }
  if (count > 0) out += kDigits[bits << (6 - count) & 63];
  while (out.size() % 4 != 0) out += '=';
  return "'sha256-" + out + "'";
}

/// JSON that stays one text inside of HTML, whatever names it holds: nothing in it can end the island.
std::string island_text(const Json& island) {
  const std::string json = island.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string out;
  out.reserve(json.size() + json.size() / 64);
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    // The line separators U+2028 and U+2029: E2 80 A8, E2 80 A9.
    const bool separator =
        c == '\xe2' && i + 2 < json.size() && json[i + 1] == '\x80' && (json[i + 2] == '\xa8' || json[i + 2] == '\xa9');
    if (separator) {
      out += json[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else if (c == '<' || c == '>' || c == '&') {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out;
}

bool is_number(const std::string& cell, double& value) {
  char* end = nullptr;
  value = std::strtod(cell.c_str(), &end);
  return end == cell.c_str() + cell.size() && std::isfinite(value);
}

double rounded(double value, int digits) {
  return std::strtod(fmt::format("{:.{}g}", value, digits).c_str(), nullptr);
}

/// Each word once, and which row has which; "" when most rows have one of their own.
Json words_of(const std::vector<std::string>& cells) {
  std::map<std::string, std::size_t> known;
  Json words = Json::array(), at = Json::array();
  for (const std::string& cell : cells) {
    const auto [place, fresh] = known.emplace(cell, known.size());
    if (fresh) words.push_back(cell);
    at.push_back(place->second);
    constexpr std::size_t kFewWords = 16;
    if (known.size() > cells.size() / 4 + kFewWords) return {};
  }
  return {{"words", std::move(words)}, {"at", std::move(at)}};
}

/// Of each cell how many bytes it has in common with the one before, and the rest; never cut inside of a character.
Json differences_of(const std::vector<std::string>& cells) {
  Json same = Json::array(), rest = Json::array();
  const std::string* before = nullptr;
  for (const std::string& cell : cells) {
    std::size_t n = 0;
    while (before != nullptr && n < cell.size() && n < before->size() && cell[n] == (*before)[n] && cell[n] > 0) ++n;
    same.push_back(n);
    rest.push_back(cell.substr(n));
    before = &cell;
  }
  return {{"same", std::move(same)}, {"rest", std::move(rest)}};
}

Json packed_column(const CsvTable& table, std::size_t column, int digits) {
  Json numbers = Json::array();
  for (const auto& row : table.rows) {
    double value = 0;
    if (!is_number(row[column], value)) {
      numbers = nullptr;
      break;
    }
    const bool whole = value == std::floor(value) && std::fabs(value) < 1e6;
    numbers.push_back(row[column].empty() ? Json() : whole ? Json(std::int64_t(value)) : Json(rounded(value, digits)));
  }
  if (!numbers.is_null()) return numbers;
  std::vector<std::string> cells;
  for (const auto& row : table.rows) cells.push_back(plain_cell(row[column]));
  Json words = words_of(cells);
  return words.is_null() ? differences_of(cells) : words;
}

std::string page_of_run(const std::string& directory) {
  const Json report = read_json(directory + "/report.json");
  if (!report.is_object() || !report.contains("schema") || report["schema"] != "dojosim.report/1") {
    throw Error(
        ExitCode::kInvalidInput,
        fmt::format("{}/report.json: /schema: found no dojosim.report/1; expected the folder of a run or a sweep",
                    directory));
  }
  return run_page(report, {table_text(directory + "/dies.csv"), table_text(directory + "/links.csv"),
                           table_text(directory + "/tasks.csv"), table_text(directory + "/use_over_time.csv")});
}

}  // namespace

std::string table_text(const std::string& file) {
  return std::filesystem::exists(file) ? read_text(file) : std::string();
}

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

Json packed(const CsvTable& table, int digits) {
  Json columns = Json::object();
  for (std::size_t i = 0; i < table.header.size(); ++i) columns[table.header[i]] = packed_column(table, i, digits);
  return columns;
}

std::string page(const std::string& title, const Json& island) {
  const PageFiles& files = page_files();
  const std::string library = files.chart_library, script = files.script;
  const std::string policy = fmt::format(
      "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; script-src {} {}; base-uri 'none'; "
      "form-action 'none'",
      policy_hash(library), policy_hash(script));
  std::string out = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  out += "<meta http-equiv=\"Content-Security-Policy\" content=\"" + policy + "\">\n";
  out += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" + escaped(title) +
         "</title>\n<style>\n" + files.style + "</style>\n</head>\n<body>\n";
  out +=
      "<main id=\"page\"><noscript>This page is drawn by a script, which this browser did not run. The same figures "
      "are in report.txt and in the CSV files beside it.</noscript></main>\n";
  out += "<script type=\"application/json\" id=\"island\">" + island_text(island) + "</script>\n<script>";
  out += library;
  out += "</script>\n<script type=\"module\">";
  out += script;
  return out + "</script>\n</body>\n</html>\n";
}

std::string write_html(const std::string& directory) {
  const bool sweep = std::filesystem::exists(directory + "/points.csv");
  std::string file = directory + "/report.html";
  remove_leftovers(directory);
  write_file(file, sweep ? sweep_page(directory) : page_of_run(directory));
  return file;
}

}  // namespace dojo::report
