// SPDX-License-Identifier: Apache-2.0
// Where the time went: by class of node time, by kind, phase and layer.
import { bars, legendFor, legendHeight } from "./bars.js";
import { chart, tip } from "./chart.js";
import { classColour, kClasses } from "./colours.js";
import { choice, el, section } from "./dom.js";
import { at } from "./island.js";
import { duration, percent, si } from "./units.js";

const kParts = [
  ["core_s", "cores work", kClasses[0]],
  ["wait_s", "waits for operands or ranks", kClasses[1]],
  ["move_s", "messages move", kClasses[2]],
];
const kMostBars = 24;

/** Seconds of a rank in all its executions. */
export function inRank(op, key, ranks) {
  return ((op[key] ?? 0) * (op.count ?? 0)) / (ranks || 1);
}

function grouped(ops, by, ranks) {
  const groups = new Map();
  for (const op of ops) {
    const name = op[by] || "none";
    const group = groups.get(name) ?? {
      name,
      operations: 0,
      exposed: 0,
      seconds: 0,
      flops: 0,
      core_s: 0,
      wait_s: 0,
      move_s: 0,
    };
    group.operations += 1;
    group.flops += op.flops ?? 0;
    group.exposed += inRank(op, "exposed_s", ranks);
    group.seconds += inRank(op, "seconds", ranks);
    for (const [part] of kParts) group[part] += inRank(op, part, ranks);
    groups.set(name, group);
  }
  return [...groups.values()].sort((a, b) => b.exposed - a.exposed);
}

function classBar(report) {
  const rows = Object.entries(at(report, "breakdown.fractions", {})).map(([name, share]) => ({
    name: name === "communication" ? "exposed communication" : name,
    share,
    seconds: at(report, `breakdown.${name}_s`, 0),
  }));
  if (rows.length === 0) return null;
  return chart({
    title: "Node time by class, mean over the nodes of the ranks",
    says: rows.map((row) => `${row.name} ${percent(row.share)}`).join(", "),
    columns: [
      { title: "class", value: (row) => row.name },
      { title: "share", value: (row) => row.share, format: percent, number: true },
      { title: "time", value: (row) => row.seconds, format: duration, number: true },
    ],
    rows: () => rows,
    height: (width) =>
      74 +
      legendHeight(
        rows.map((row) => row.name),
        width,
      ),
    option: ({ width }) => ({
      grid: {
        left: 4,
        right: 12,
        top: legendHeight(
          rows.map((row) => row.name),
          width,
        ),
        bottom: 4,
        containLabel: true,
      },
      legend: legendFor(
        rows.map((row) => row.name),
        width,
      ),
      tooltip: {
        formatter: (item) =>
          tip(
            rows[item.seriesIndex].name,
            `${percent(rows[item.seriesIndex].share)}, ${duration(rows[item.seriesIndex].seconds)}`,
          ),
      },
      xAxis: { type: "value", max: 1, axisLabel: { formatter: (v) => `${Math.round(v * 100)} %` } },
      yAxis: { type: "category", data: [""], axisTick: { show: false } },
      series: rows.map((row, i) => ({
        type: "bar",
        name: row.name,
        stack: "all",
        data: [row.share],
        itemStyle: { color: classColour(i) },
        barWidth: 26,
        label: { show: row.share > 0.06, formatter: percent(row.share), color: "#fff" },
      })),
    }),
  }).element;
}

export function timeSection(report, ops, filter) {
  const ranks = at(report, "workload.ranks", 1),
    step = at(report, "time.seconds", 0);
  const place = el("div", {});
  const draw = (by) => {
    const all = grouped(ops, by, ranks);
    const rows = all.slice(0, kMostBars);
    place.replaceChildren(
      bars({
        title: `Exposed time of a rank by ${by}${all.length > rows.length ? `: the ${rows.length} largest of ${all.length}` : ""}`,
        says: rows
          .slice(0, 5)
          .map((row) => `${row.name} ${duration(row.exposed)}`)
          .join(", "),
        rows,
        name: (row) => row.name,
        format: duration,
        series: kParts.map(([key, name, colour]) => ({ name, colour, value: (row) => row[key] })),
        right: (row) => percent(row.exposed / step),
        click: (event) => filter(by, rows[event.dataIndex].name),
        columns: [
          { title: by, value: (row) => row.name, click: (row) => filter(by, row.name), wide: true },
          { title: "operations", value: (row) => row.operations, number: true },
          { title: "exposed", value: (row) => row.exposed, format: duration, number: true },
          { title: "share", value: (row) => row.exposed / step, format: percent, number: true },
          ...kParts.map(([key, name]) => ({
            title: name,
            value: (row) => row[key],
            format: duration,
            number: true,
          })),
          { title: "FLOP", value: (row) => row.flops, format: (v) => si(v, ""), number: true },
        ],
      }).element,
    );
  };
  if (ops.length > 0) draw("kind");
  return section(
    "time",
    "Where the time went",
    "Exposed time is what a rank's cores work for, or wait for. A click on a bar shows its operations.",
    classBar(report),
    ops.length > 0
      ? choice(
          "by",
          [
            ["kind", "kind"],
            ["phase", "phase"],
            ["layer", "layer"],
          ],
          "kind",
          draw,
        )
      : null,
    place,
  );
}
