// SPDX-License-Identifier: Apache-2.0
// The page of a sweep: a chart per metric and the table of points.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>

#include "report/html.h"
#include "report/units.h"

namespace dojo::report {
namespace {

bool is_number(const std::string& text, double& value) {
  char* end = nullptr;
  value = std::strtod(text.c_str(), &end);
  return !text.empty() && end == text.c_str() + text.size() && std::isfinite(value);
}

std::string short_name(const std::string& path) {
  return path.substr(path.rfind('.') + 1);
}

/// "batch 4" before "batch 16": digits count as numbers.
struct ByNumber {
  bool operator()(const std::string& a, const std::string& b) const { return key(a) < key(b); }
  static std::string key(const std::string& label) {
    constexpr std::size_t kDigits = 20;
    std::string out, number;
    const auto put = [&] {
      if (!number.empty()) out += std::string(kDigits - std::min(kDigits, number.size()), '0') + number;
      number.clear();
    };
    for (const char c : label) {
      if (c >= '0' && c <= '9') {
        number += c;
      } else {
        put();
        out += c;
      }
    }
    put();
    return out;
  }
};

struct Series {
  /// By the values of the other axes.
  std::map<std::string, std::vector<std::pair<double, double>>, ByNumber> lines;
};

class Charts {
 public:
  Charts(const CsvTable& results, const std::vector<std::string>& axes) : results_(results) {
    std::size_t most = 1;
    for (const std::string& axis : axes) {
      const int column = results.column(axis);
      if (column < 0) continue;
      columns_.push_back(static_cast<std::size_t>(column));
      std::set<std::string> values;
      bool numeric = true;
      double value = 0;
      for (const auto& row : results.rows) {
        values.insert(row[static_cast<std::size_t>(column)]);
        numeric = numeric && is_number(row[static_cast<std::size_t>(column)], value);
      }
      if (numeric && values.size() > most) {
        most = values.size();
        x_ = column;
      }
    }
    const int status = results.column("status");
    if (status >= 0) status_ = static_cast<std::size_t>(status);
  }
  [[nodiscard]] bool possible() const { return x_ >= 0; }

  [[nodiscard]] std::string chart(std::size_t metric) const {
    const Series series = read(metric);
    if (series.lines.empty()) return "";
    return draw(series, results_.header[metric]);
  }

 private:
  static constexpr double kWidth = 460, kHeight = 270, kLeft = 70, kRight = 34, kTop = 12, kBottom = 36;

  [[nodiscard]] Series read(std::size_t metric) const {
    Series series;
    for (const auto& row : results_.rows) {
      double x = 0, y = 0;
      if (row[status_] != "done" || !is_number(row[static_cast<std::size_t>(x_)], x) || !is_number(row[metric], y))
        continue;
      std::string label;
      for (const std::size_t column : columns_) {
        if (column == static_cast<std::size_t>(x_)) continue;
        label += (label.empty() ? "" : ", ") + short_name(results_.header[column]) + " " + row[column];
      }
      series.lines[label].push_back({x, y});
    }
    for (auto& [label, points] : series.lines) std::sort(points.begin(), points.end());
    return series;
  }

  [[nodiscard]] std::string draw(const Series& series, const std::string& metric) const {
    double x_low = HUGE_VAL, x_high = -HUGE_VAL, y_high = 0, y_low = 0;
    for (const auto& [label, points] : series.lines) {
      for (const auto& [x, y] : points) {
        x_low = std::min(x_low, x);
        x_high = std::max(x_high, x);
        y_low = std::min(y_low, y);
        y_high = std::max(y_high, y);
      }
    }
    if (y_high == y_low) y_high = y_low + 1;
    const bool log_x = x_low > 0 && x_high / x_low >= 4;  // doublings stand evenly apart
    const auto place = [log_x](double x) { return log_x ? std::log(x) : x; };
    const double span = place(x_high) - place(x_low);
    const auto px = [&](double x) {
      return kLeft + (span == 0 ? 0.5 : (place(x) - place(x_low)) / span) * (kWidth - kLeft - kRight);
    };
    const auto py = [&](double y) { return kTop + (y_high - y) / (y_high - y_low) * (kHeight - kTop - kBottom); };
    std::string svg = fmt::format("<svg viewBox=\"0 0 {} {}\">\n", kWidth, kHeight);
    for (int i = 0; i <= 4; ++i) {
      const double y = y_low + (y_high - y_low) * i / 4;
      svg += fmt::format(
          "<line x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" stroke=\"var(--line)\"/>"
          "<text x=\"{3}\" y=\"{4:.1f}\" text-anchor=\"end\">{5:.3g}</text>\n",
          kLeft, kWidth - kRight, py(y), kLeft - 6, py(y) + 4, y);
    }
    std::set<double> ticks;
    for (const auto& [label, points] : series.lines) {
      for (const auto& point : points) ticks.insert(point.first);
    }
    const std::size_t every = (ticks.size() + 7) / 8;
    std::size_t nth = 0;
    for (const double x : ticks) {
      if (nth++ % every != 0) continue;
      svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:.4g}</text>\n", px(x),
                         kHeight - kBottom + 18, x);
    }
    std::string legend;
    std::size_t i = 0;
    for (const auto& [label, points] : series.lines) {
      const char* colour = class_colour(i++);
      std::string line, dots;
      for (const auto& [x, y] : points) {
        line += fmt::format("{:.1f},{:.1f} ", px(x), py(y));
        dots += fmt::format(
            "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\" fill=\"{}\"><title>{} = {}: {} ({})</title></circle>", px(x),
            py(y), colour, escaped(short_name(results_.header[static_cast<std::size_t>(x_)])), x, y, escaped(label));
      }
      svg += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>{}\n", line, colour,
                         dots);
      if (!label.empty() && i <= 12) {
        legend += fmt::format("<span><i style=\"background:{}\"></i>{}</span>", colour, escaped(label));
      }
    }
    return fmt::format("<div class=\"map\"><h3>{} over {}</h3>\n{}</svg><div class=\"legend\">{}</div></div>\n",
                       escaped(metric), escaped(results_.header[static_cast<std::size_t>(x_)]), svg, legend);
  }

  const CsvTable& results_;
  std::vector<std::size_t> columns_;
  std::size_t status_ = 2;
  int x_ = -1;
};

std::size_t count_status(const CsvTable& results, const char* status) {
  const int column = results.column("status");
  if (column < 0) return 0;
  return static_cast<std::size_t>(std::count_if(results.rows.begin(), results.rows.end(), [&](const auto& row) {
    return row[static_cast<std::size_t>(column)] == status;
  }));
}

}  // namespace

std::string sweep_charts(const CsvTable& results, const std::vector<std::string>& axes) {
  const Charts charts(results, axes);
  if (!charts.possible()) return "";
  const std::set<std::string> other(axes.begin(), axes.end());
  const std::set<std::string> own = {"index", "hash", "status", "reason", "pareto"};
  std::string out;
  for (std::size_t i = 0; i < results.header.size(); ++i) {
    if (other.count(results.header[i]) == 0 && own.count(results.header[i]) == 0) out += charts.chart(i);
  }
  return out.empty() ? "" : "<h2>Metrics</h2>\n<div class=\"charts\">" + out + "</div>\n";
}

std::string sweep_html(const CsvTable& results, const std::vector<std::string>& axes) {
  HtmlTable table;
  for (const std::string& name : results.header)
    table.columns.push_back({name, name != "status" && name != "reason" && name != "hash"});
  for (const auto& row : results.rows) {
    table.rows.emplace_back();
    for (const std::string& cell : row) {
      double value = 0;
      const bool long_number = is_number(cell, value) && cell.find_first_of(".e") != std::string::npos;
      table.rows.back().push_back(long_number ? fmt::format("{:.6g}", value) : cell);
    }
  }
  const std::string head =
      fmt::format("<h1>Sweep</h1>\n<p>{} points: {} done, {} failed, {} pending; axes {}</p>\n", results.rows.size(),
                  count_status(results, "done"), count_status(results, "failed"), count_status(results, "pending"),
                  escaped(fmt::format("{}", fmt::join(axes, ", "))));
  return html_page("dojosim sweep", head + sweep_charts(results, axes) + "<h2>Points</h2>\n" + table.html());
}

}  // namespace dojo::report
