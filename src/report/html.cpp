// SPDX-License-Identifier: Apache-2.0
// The frame and the tables of the HTML pages, and write_html, which rebuilds a page from the files of a folder.
#include "report/html.h"

#include <filesystem>

#include "dojo/base/error.h"
#include "dojo/report/report.h"
#include "report/files.h"

namespace dojo::report {
namespace {

constexpr const char* kStyle = R"(
:root{color-scheme:light dark;--ink:#1c2330;--soft:#5b6577;--paper:#fbfbfa;--card:#fff;--line:#dfe3e8}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa4b4;--paper:#14171c;--card:#1c2027;--line:#323945}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1240px;margin:0 auto;padding:28px 20px 60px}h1{font-size:24px;margin:0 0 2px}h2{font-size:17px;margin:34px 0 10px}
h3{font-size:14px;margin:16px 0 6px}p{margin:4px 0 10px;color:var(--soft)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:10px;margin-top:18px}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 14px}
.card span{display:block;color:var(--soft);font-size:12.5px}.card b{font-size:20px;font-weight:600}
.wide{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:8px}
table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums}
th,td{padding:5px 12px;text-align:left;white-space:nowrap;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:600}tr:last-child td{border-bottom:0}.n{text-align:right}
.bar{display:flex;height:26px;border-radius:6px;overflow:hidden;border:1px solid var(--line)}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin:8px 0;font-size:13.5px}
.legend i{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:6px}
.warn{border-left:4px solid #d55e00;background:var(--card);padding:8px 14px;margin:14px 0}
svg{display:block;max-width:100%}svg text{fill:var(--soft);font:12px system-ui,sans-serif}
.map{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px;overflow-x:auto}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(420px,1fr));gap:14px}
ul{margin:4px 0;padding-left:20px}code{font-size:12.5px;word-break:break-all}
)";

std::string sweep_page(const std::string& directory) {
  const CsvTable points = parse_csv(read_text(directory + "/points.csv"), directory + "/points.csv");
  const CsvTable results = parse_csv(read_text(directory + "/results.csv"), directory + "/results.csv");
  constexpr std::size_t kOwnColumns = 3;  // index, hash, folder
  if (points.header.size() <= kOwnColumns) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("{}/points.csv:1: found no axis, expected index,hash,folder and the axes", directory));
  }
  return sweep_html(results, {points.header.begin() + kOwnColumns, points.header.end()});
}

std::string run_page(const std::string& directory) {
  const Json report = read_json(directory + "/report.json");
  if (!report.is_object() || !report.contains("schema") || report["schema"] != "dojosim.report/1") {
    throw Error(
        ExitCode::kInvalidInput,
        fmt::format("{}/report.json: /schema: found no dojosim.report/1; expected the folder of a run or a sweep",
                    directory));
  }
  const std::string dies = directory + "/dies.csv";
  try {
    const std::string rows = std::filesystem::exists(dies) ? read_text(dies) : std::string();
    return report.contains("net") ? net_html(report, rows) : run_html(report, rows);
  } catch (const Json::exception& error) {
    throw Error(ExitCode::kInvalidInput,
                fmt::format("{}/report.json: found a value that is missing or of another type ({}), expected a whole "
                            "report; run it again",
                            directory, error.what()));
  }
}

}  // namespace

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

std::string html_page(const std::string& title, const std::string& body) {
  return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
         "<title>" +
         escaped(title) + "</title>\n<style>" + kStyle + "</style>\n</head>\n<body><main>\n" + body +
         "</main></body>\n</html>\n";
}

std::string HtmlTable::html() const {
  std::string out = "<div class=\"wide\"><table><tr>";
  for (const Column& column : columns) {
    out += std::string(column.number ? "<th class=\"n\">" : "<th>") + escaped(column.title) + "</th>";
  }
  out += "</tr>\n";
  for (const auto& row : rows) {
    out += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += std::string(columns[i].number ? "<td class=\"n\">" : "<td>") + escaped(row[i]) + "</td>";
    }
    out += "</tr>\n";
  }
  return out + "</table></div>\n";
}

const char* class_colour(std::size_t i) {
  static constexpr const char* kColours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                             "#8c8c8c", "#e69f00", "#56b4e9", "#7f3c8d"};
  return kColours[i % std::size(kColours)];
}

std::string write_html(const std::string& directory) {
  const bool sweep = std::filesystem::exists(directory + "/points.csv");
  const std::string file = directory + "/report.html";
  remove_leftovers(directory);
  write_file(file, sweep ? sweep_page(directory) : run_page(directory));
  return file;
}

}  // namespace dojo::report
