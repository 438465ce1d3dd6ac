// SPDX-License-Identifier: Apache-2.0
// results.sqlite: what results.csv says, and the operations and collectives of all points, for queries.
#include <sqlite3.h>

#include <algorithm>
#include <memory>
#include <new>
#include <set>

#include "dojo/base/error.h"
#include "report/sweep_results.h"

namespace dojo::report {
namespace {

class Database {
 public:
  Database() {
    sqlite3* opened = nullptr;
    const int code = sqlite3_open(":memory:", &opened);
    database_.reset(opened);
    if (code != SQLITE_OK) fail();
    run("BEGIN");
  }
  void run(const std::string& statement) {
    if (sqlite3_exec(database_.get(), statement.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail();
  }
  void create(const std::string& table, const std::vector<std::string>& columns) {
    std::string names, places;
    for (const std::string& column : columns) {
      names += (names.empty() ? "" : ", ") + quoted(column);
      places += places.empty() ? "?" : ", ?";
    }
    run("CREATE TABLE " + table + " (" + names + ")");
    sqlite3_stmt* prepared = nullptr;
    const std::string text = "INSERT INTO " + table + " VALUES (" + places + ")";
    const int code = sqlite3_prepare_v2(database_.get(), text.c_str(), -1, &prepared, nullptr);
    insert_.reset(prepared);
    if (code != SQLITE_OK) fail();
  }
  /// A row of the table that was created last.
  void insert(const std::vector<Json>& values) {
    sqlite3_reset(insert_.get());
    for (std::size_t i = 0; i < values.size(); ++i) bind(static_cast<int>(i + 1), values[i]);
    if (sqlite3_step(insert_.get()) != SQLITE_DONE) fail();
  }
  std::string bytes() {
    insert_.reset();
    run("COMMIT");
    sqlite3_int64 size = 0;
    const std::unique_ptr<unsigned char, void (*)(void*)> all(sqlite3_serialize(database_.get(), "main", &size, 0),
                                                              sqlite3_free);
    if (all == nullptr) throw std::bad_alloc();
    return {reinterpret_cast<const char*>(all.get()), static_cast<std::size_t>(size)};
  }

 private:
  static std::string quoted(const std::string& name) {
    std::string out = "\"";
    for (const char c : name) out += c == '"' ? "\"\"" : std::string(1, c);
    return out + "\"";
  }
  [[noreturn]] void fail() const {
    if (database_ == nullptr || sqlite3_errcode(database_.get()) == SQLITE_NOMEM) throw std::bad_alloc();
    throw Error(ExitCode::kInternal, fmt::format("results.sqlite: SQLite says: {}; this is a mistake in dojosim",
                                                 sqlite3_errmsg(database_.get())));
  }
  void bind(int at, const Json& value) {
    sqlite3_stmt* const row = insert_.get();
    int code = SQLITE_OK;
    if (value.is_null()) {
      code = sqlite3_bind_null(row, at);
    } else if (value.is_boolean() || value.is_number_integer()) {
      code = sqlite3_bind_int64(row, at, value.is_boolean() ? value.get<bool>() : value.get<std::int64_t>());
    } else if (value.is_number()) {
      code = sqlite3_bind_double(row, at, value.get<double>());
    } else {
      const std::string text = plain(value);
      code = sqlite3_bind_text64(row, at, text.c_str(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    }
    if (code != SQLITE_OK) fail();
  }

  std::unique_ptr<sqlite3, int (*)(sqlite3*)> database_{nullptr, sqlite3_close};
  std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> insert_{nullptr, sqlite3_finalize};
};

/// SQLite takes capitals and small letters for the same.
void add_column(std::vector<std::string>& columns, std::set<std::string>& known, std::string name) {
  const auto small = [](std::string text) {
    for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return text;
  };
  while (!known.insert(small(name)).second) name += "_";
  columns.push_back(std::move(name));
}

/// Rows of a list of the reports, the point's index before each; columns are those of the first row.
void add_list(Database& database, const std::string& table, const char* list, const Plan& plan,
              const SweepTable& results, const std::string& directory) {
  constexpr std::size_t kMostReports = 2000;  // they are read again
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < std::min(plan.points.size(), kMostReports); ++i) {
    if (results.rows[i].run.status != "done") continue;
    const Json report = read_json(fmt::format("{}/points/{}/report.json", directory, plan.points[i].folder));
    const Json latency = report.value("latency", Json::object());
    const Json rows = latency.is_object() ? latency.value(list, Json::array()) : Json::array();
    for (const Json& row : rows) {
      if (!row.is_object()) continue;
      if (keys.empty()) {
        std::vector<std::string> columns;
        std::set<std::string> known;
        add_column(columns, known, "point");
        for (const auto& [key, value] : row.items()) {
          keys.push_back(key);
          add_column(columns, known, key);
        }
        database.create(table, columns);
      }
      std::vector<Json> values{i};
      for (const std::string& key : keys) values.push_back(row.contains(key) ? row[key] : Json());
      database.insert(values);
    }
  }
}

/// Every run of a search.
void add_rungs(Database& database, const SweepFile& sweep, const SweepTable& table) {
  std::vector<std::string> columns;
  std::set<std::string> known;
  for (const char* own : {"rung", "point", "folder", "status", "reason"}) add_column(columns, known, own);
  for (const std::string& metric : sweep.metrics) add_column(columns, known, metric);
  database.create("rungs", columns);
  for (std::size_t rung = 0; rung < table.rungs.size(); ++rung) {
    for (std::size_t i = 0; i < table.rungs[rung].points.size(); ++i) {
      const Point* const point = table.rungs[rung].points[i];
      const RunRow& row = table.rungs[rung].rows[i];
      std::vector<Json> values{rung + 1, point->index, place_of(sweep, {point, rung}), row.status,
                               row.reason.empty() ? Json() : Json(row.reason)};
      values.insert(values.end(), row.metrics.begin(), row.metrics.end());
      database.insert(values);
    }
  }
}

}  // namespace

std::string sweep_database(const SweepFile& sweep, const Plan& plan, const SweepTable& table,
                           const std::string& directory) {
  Database database;
  std::vector<std::string> columns;
  std::set<std::string> known;
  for (const char* own : {"index", "hash", "folder", "status", "reason"}) add_column(columns, known, own);
  const bool search = sweep.rungs() > 1;
  if (search) add_column(columns, known, "rung");
  for (const Axis& axis : sweep.axes) add_column(columns, known, axis.path);
  for (std::size_t rung = 0; rung + 1 < sweep.rungs(); ++rung) add_column(columns, known, goal_column(sweep, rung));
  for (const std::string& metric : sweep.metrics) add_column(columns, known, metric);
  add_column(columns, known, "pareto");
  database.create("results", columns);
  const bool has_goals = !sweep.pareto_min.empty() || !sweep.pareto_max.empty();
  for (std::size_t i = 0; i < plan.points.size(); ++i) {
    const Point& point = plan.points[i];
    const ResultRow& row = table.rows[i];
    std::vector<Json> values{i, point.hash, "points/" + point.folder, row.run.status,
                             row.run.reason.empty() ? Json() : Json(row.run.reason)};
    if (search) values.emplace_back(row.rung);
    values.insert(values.end(), point.values.begin(), point.values.end());
    values.insert(values.end(), row.goal.begin(), row.goal.end());
    values.insert(values.end(), row.run.metrics.begin(), row.run.metrics.end());
    values.push_back(has_goals ? Json(row.pareto) : Json());
    database.insert(values);
  }
  if (search) add_rungs(database, sweep, table);
  add_list(database, "operations", "ops", plan, table, directory);
  add_list(database, "collectives", "collectives", plan, table, directory);
  return database.bytes();
}

}  // namespace dojo::report
