// SPDX-License-Identifier: Apache-2.0
// When the links of each class were in use and what the machine took, over the time that the chart above shows.
import { legendFor, legendHeight } from "./bars.js";
import { chart, tip } from "./chart.js";
import { classColour } from "./colours.js";
import { el } from "./dom.js";
import { duration, percent, si } from "./units.js";

const kNotLinks = new Set(["begin_s", "end_s", "sram_bytes_mean", "sram_bytes_max", "watts"]);

function mean(values, widths) {
  const whole = widths.reduce((sum, width) => sum + width, 0);
  return whole > 0 ? values.reduce((sum, value, i) => sum + value * widths[i], 0) / whole : 0;
}

/** A chart of some columns of `use`, each with a name. `most`: of the axis, where there is one. */
function linesOverTime(use, end, zoom, { title, columns, names, format, most, note }) {
  const { begin_s: begin, end_s: until } = use.columns;
  const widths = begin.map((from, i) => until[i] - from);
  const rows = begin.map((from, i) => ({
    begin: from,
    end: until[i],
    values: columns.map((one) => use.columns[one][i]),
  }));
  const peak = (k) => rows.reduce((best, row) => (row.values[k] > best.values[k] ? row : best));
  const legend = names.length > 1;
  const top = (width) => (legend ? legendHeight(names, width) : 0);
  const view = chart({
    title,
    says: columns
      .map(
        (one, k) =>
          `${names[k]} ${format(mean(use.columns[one], widths))} on average, at most ${format(peak(k).values[k])} at ${duration(peak(k).begin)}`,
      )
      .join("; "),
    columns: [
      { title: "begin", value: (row) => row.begin, format: duration, number: true },
      { title: "end", value: (row) => row.end, format: duration, number: true },
      ...names.map((name, k) => ({ title: name, value: (row) => row.values[k], format, number: true })),
    ],
    rows: () => rows,
    height: (width) => (legend ? 220 : 160) + top(width),
    option: ({ width }) => ({
      grid: { left: 8, right: 20, top: top(width) + 6, bottom: 8, containLabel: true },
      ...(legend ? { legend: legendFor(names, width) } : {}),
      tooltip: {
        trigger: "axis",
        axisPointer: { type: "line" },
        formatter: (items) => {
          const row = rows[items[0].dataIndex] ?? rows[rows.length - 1];
          return tip(
            `${duration(row.begin)} to ${duration(row.end)}`,
            names.map((one, k) => `${one} ${format(row.values[k])}`),
          );
        },
      },
      xAxis: {
        type: "value",
        min: (end * zoom.start) / 100,
        max: (end * zoom.end) / 100,
        axisLabel: { formatter: duration },
        splitNumber: width < 500 ? 3 : 8,
      },
      yAxis: { type: "value", min: 0, max: most, axisLabel: { formatter: format }, splitNumber: 4 },
      series: columns.map((one, k) => ({
        type: "line",
        name: names[k],
        step: "end",
        symbol: "none",
        lineStyle: { width: 1.5, type: k < 4 ? "solid" : "dashed" },
        itemStyle: { color: classColour(k) },
        // The last value lasts until the end.
        data: [
          ...rows.map((row) => [row.begin, row.values[k]]),
          [rows[rows.length - 1].end, rows[rows.length - 1].values[k]],
        ],
      })),
    }),
  });
  return {
    element: el("div", {}, view.element, el("p", { class: "note", text: note })),
    follow: () => view.redraw(),
  };
}

/** `zoom`: {start, end} in per cent of the time. Null where a run has none of it. */
export function linksOverTime(use, end, zoom) {
  const columns = Object.keys(use.columns).filter((name) => !kNotLinks.has(name));
  if (use.length === 0 || columns.length === 0) return null;
  return linesOverTime(use, end, zoom, {
    title: "Use of links over time, by class",
    columns,
    names: columns.map((one) => one.replaceAll("_", " ")),
    format: percent,
    most: ({ max }) => (max > 0.8 ? 1 : null),
    note: "Mean of all links of a class, as a share of what they could carry: the bytes of each task, spread evenly over the time in which it moved them; what would be more than they can carry comes later. A peak that is shorter than a task does not show.",
  });
}

/** Null where a run has none of it, as one of an older program. */
export function powerOverTime(use, end, zoom) {
  if (use.length === 0 || !use.columns.watts) return null;
  return linesOverTime(use, end, zoom, {
    title: "Power of the machine over time",
    columns: ["watts"],
    names: ["power"],
    format: (watts) => si(watts, "W"),
    note: "The energy of each task, spread evenly over its time, and what the parts take that are always on. Nearly all figures of energy are assumed.",
  });
}
