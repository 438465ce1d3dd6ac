// SPDX-License-Identifier: Apache-2.0
// The use of links by class, and of the SRAM, over the time of the job.
import { legendFor, legendHeight } from "./bars.js";
import { chart, tip } from "./chart.js";
import { classColour } from "./colours.js";
import { at, unpacked } from "./island.js";
import { duration, percent, si } from "./units.js";

/** Names of the columns of over_time.csv that are classes of links, in the order of the file; of those that were used. */
function classesOf(columns) {
  return Object.keys(columns).filter(
    (name) => !/^(begin_s|seconds|sram_)/.test(name) && columns[name].some((share) => share > 0),
  );
}

function stepLines({ title, says, rows, names, value, format, columns, height }) {
  return chart({
    title,
    says,
    height,
    columns,
    rows: () => rows,
    option: ({ colours, width }) => ({
      grid: { left: 8, right: 24, top: legendHeight(names, width), bottom: 8, containLabel: true },
      legend: legendFor(names, width),
      tooltip: {
        trigger: "axis",
        formatter: (items) => {
          const row = rows[items[0].dataIndex];
          return tip(
            `from ${duration(row.begin)}`,
            names.map((name) => `${name} ${format(value(row, name))}`),
          );
        },
      },
      xAxis: {
        type: "value",
        min: 0,
        max: rows[rows.length - 1].begin + rows[rows.length - 1].seconds,
        axisLabel: { formatter: duration },
        splitNumber: width < 500 ? 3 : 8,
      },
      yAxis: { type: "value", min: 0, axisLabel: { formatter: format } },
      series: names.map((name, i) => ({
        type: "line",
        name,
        step: "end",
        symbol: "none",
        lineStyle: { width: 1.5 },
        color: classColour(i),
        data: rows.map((row) => [row.begin, value(row, name)]),
      })),
    }),
  }).element;
}

/** Charts for the section "When"; none of a report that has no such table. */
export function overTime(island) {
  const { columns, length } = unpacked(island.over_time);
  if (length < 2) return [];
  const names = classesOf(columns);
  const rows = Array.from({ length }, (_, i) => ({
    begin: columns.begin_s[i],
    seconds: columns.seconds[i],
    shares: Object.fromEntries(names.map((name) => [name, columns[name][i]])),
    mean: columns.sram_bytes_mean[i],
    most: columns.sram_bytes_max[i],
  }));
  const highest = names.map((name) => [name, Math.max(...columns[name])]).sort((a, b) => b[1] - a[1]);
  const times = [
    { title: "begin", value: (row) => row.begin, format: duration, number: true },
    { title: "time", value: (row) => row.seconds, format: duration, number: true },
  ];
  const parts = [];
  if (names.length > 0)
    parts.push(
      stepLines({
        title: `Use of links over time, mean of all links of a class (highest ${highest[0][0]} ${percent(highest[0][1])})`,
        says: highest.map(([name, share]) => `${name} at most ${percent(share)}`).join("; "),
        rows,
        names,
        value: (row, name) => row.shares[name],
        format: percent,
        height: 280,
        columns: [
          ...times,
          ...names.map((name) => ({
            title: name,
            value: (row) => row.shares[name],
            format: percent,
            number: true,
          })),
        ],
      }),
    );
  const capacity = at(island.report, "memory.sram_capacity_bytes", 0);
  if (Math.max(...columns.sram_bytes_max) > 0)
    parts.push(
      stepLines({
        title: `SRAM of the fullest node over time, of ${si(capacity, "B")}`,
        says: `at most ${si(Math.max(...columns.sram_bytes_max), "B")}`,
        rows,
        names: ["most of all ranks", "mean of the ranks"],
        value: (row, name) => (name === "mean of the ranks" ? row.mean : row.most),
        format: (v) => si(v, "B"),
        height: 220,
        columns: [
          ...times,
          { title: "most", value: (row) => row.most, format: (v) => si(v, "B"), number: true },
          { title: "mean", value: (row) => row.mean, format: (v) => si(v, "B"), number: true },
        ],
      }),
    );
  return parts;
}
