// SPDX-License-Identifier: Apache-2.0
// Links: a table of them, and their classes.
import { chart, tip } from "./chart.js";
import { kClasses } from "./colours.js";
import { at } from "./island.js";
import { dataTable } from "./table.js";
import { count, percent, si } from "./units.js";

export function linkTable(links) {
  return dataTable(
    "links",
    [
      { title: "link", value: (link) => link.path, wide: true },
      { title: "class", value: (link) => link.type },
      { title: "links", value: (link) => link.links, number: true },
      { title: "bytes", value: (link) => link.bytes, format: (v) => si(v, "B"), number: true },
      { title: "capacity", value: (link) => link.capacity, format: (v) => si(v, "B/s"), number: true },
      { title: "mean", value: (link) => link.share, format: percent, number: true },
      { title: "busiest", value: (link) => link.most, format: percent, number: true },
      { title: "queue cycles", value: (link) => link.queue, format: (v) => v.toFixed(1), number: true },
    ],
    links,
    { sort: { column: 6, down: true }, first: 10 },
  ).element;
}

export function classChart(report) {
  const rows = Object.entries(at(report, "links.classes", {}))
    .filter(([, one]) => one.count > 0)
    .map(([name, one]) => ({ name, ...one }));
  if (rows.length === 0) return null;
  const columns = [
    { title: "class", value: (row) => row.name },
    { title: "links", value: (row) => row.count, format: count, number: true },
    { title: "bytes", value: (row) => row.bytes, format: (v) => si(v, "B"), number: true },
    {
      title: "capacity",
      value: (row) => row.capacity_bytes_per_s,
      format: (v) => si(v, "B/s"),
      number: true,
    },
    { title: "mean", value: (row) => row.utilisation_mean, format: percent, number: true },
    { title: "busiest", value: (row) => row.utilisation_max, format: percent, number: true },
    {
      title: "queue cycles",
      value: (row) => row.queue_cycles_mean,
      format: (v) => v.toFixed(1),
      number: true,
    },
  ];
  return chart({
    title: "Links by class: mean and busiest",
    says: rows
      .map((row) => `${row.name} ${percent(row.utilisation_mean)}, busiest ${percent(row.utilisation_max)}`)
      .join("; "),
    columns,
    rows: () => rows,
    height: 60 + 40 * rows.length,
    option: ({ colours }) => ({
      grid: { left: 8, right: 60, top: 34, bottom: 8, containLabel: true },
      legend: {},
      tooltip: {
        trigger: "axis",
        axisPointer: { type: "shadow" },
        formatter: (items) => {
          const row = rows[items[0].dataIndex];
          return tip(
            `${row.name} (${count(row.count)} links)`,
            `mean ${percent(row.utilisation_mean)}, busiest ${percent(row.utilisation_max)}`,
            `${si(row.bytes, "B")}, wait before a link ${row.queue_cycles_mean.toFixed(1)} cycles`,
          );
        },
      },
      xAxis: { type: "value", min: 0, axisLabel: { formatter: percent } },
      yAxis: {
        type: "category",
        inverse: true,
        data: rows.map((row) => row.name),
        axisLabel: { color: colours.ink },
      },
      series: [
        ["mean", "utilisation_mean", 0],
        ["busiest", "utilisation_max", 1],
      ].map(([name, key, i]) => ({
        type: "bar",
        name,
        barMaxWidth: 12,
        itemStyle: { color: kClasses[i] },
        data: rows.map((row) => row[key]),
        label: {
          show: true,
          position: "right",
          color: colours.soft,
          fontSize: 11,
          formatter: ({ value }) => percent(value),
        },
      })),
    }),
  }).element;
}
