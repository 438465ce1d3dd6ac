// SPDX-License-Identifier: Apache-2.0
// When the links of each class were in use, over the time that the chart above shows.
import { legendFor, legendHeight } from "./bars.js";
import { chart, tip } from "./chart.js";
import { classColour } from "./colours.js";
import { el } from "./dom.js";
import { duration, percent } from "./units.js";

const kNotLinks = new Set(["begin_s", "end_s", "sram_bytes_mean", "sram_bytes_max"]);

function mean(values, widths) {
  const whole = widths.reduce((sum, width) => sum + width, 0);
  return whole > 0 ? values.reduce((sum, value, i) => sum + value * widths[i], 0) / whole : 0;
}

/** `zoom`: {start, end} in per cent of the time. Null where a run has none of it. */
export function linksOverTime(use, end, zoom) {
  const classes = Object.keys(use.columns).filter((name) => !kNotLinks.has(name));
  if (use.length === 0 || classes.length === 0) return null;
  const { begin_s: begin, end_s: until } = use.columns;
  const name = (one) => one.replaceAll("_", " ");
  const names = classes.map(name);
  const widths = begin.map((from, i) => until[i] - from);
  const rows = begin.map((from, i) => ({
    begin: from,
    end: until[i],
    use: classes.map((one) => use.columns[one][i]),
  }));
  const peak = (k) => rows.reduce((best, row) => (row.use[k] > best.use[k] ? row : best));
  const view = chart({
    title: "Use of links over time, by class",
    says: classes
      .map(
        (one, k) =>
          `${names[k]} ${percent(mean(use.columns[one], widths))} on average, at most ${percent(peak(k).use[k])} at ${duration(peak(k).begin)}`,
      )
      .join("; "),
    columns: [
      { title: "begin", value: (row) => row.begin, format: duration, number: true },
      { title: "end", value: (row) => row.end, format: duration, number: true },
      ...names.map((title, k) => ({ title, value: (row) => row.use[k], format: percent, number: true })),
    ],
    rows: () => rows,
    height: (width) => 220 + legendHeight(names, width),
    option: ({ width }) => ({
      grid: { left: 8, right: 20, top: legendHeight(names, width) + 6, bottom: 8, containLabel: true },
      legend: legendFor(names, width),
      tooltip: {
        trigger: "axis",
        axisPointer: { type: "line" },
        formatter: (items) => {
          const row = rows[items[0].dataIndex] ?? rows[rows.length - 1];
          return tip(
            `${duration(row.begin)} to ${duration(row.end)}`,
            names.map((one, k) => `${one} ${percent(row.use[k])}`),
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
      yAxis: { type: "value", min: 0, max: ({ max }) => (max > 0.8 ? 1 : null), axisLabel: { formatter: percent }, splitNumber: 4 },
      series: classes.map((one, k) => ({
        type: "line",
        name: names[k],
        step: "end",
        symbol: "none",
        lineStyle: { width: 1.5, type: k < 4 ? "solid" : "dashed" },
        itemStyle: { color: classColour(k) },
        // The last value lasts until the end.
        data: [...rows.map((row) => [row.begin, row.use[k]]), [rows[rows.length - 1].end, rows[rows.length - 1].use[k]]],
      })),
    }),
  });
  return {
    element: el(
      "div",
      {},
      view.element,
      el("p", {
        class: "note",
        text: "Mean of all links of a class, as a share of what they could carry: the bytes of each task, spread evenly over the time in which it moved them; what would be more than they can carry comes later. A peak that is shorter than a task does not show.",
      }),
    ),
    follow: () => view.redraw(),
  };
}
