// SPDX-License-Identifier: Apache-2.0
// The page of a sweep: the answer, what matters most, the front, each metric over the axes, where the time went, the points.
import { legendFor, legendHeight, rowLabels } from "./bars.js";
import { chart, tip } from "./chart.js";
import { colourOf } from "./colours.js";
import { el, fold, section } from "./dom.js";
import { effectsOf, labelOf, readSweep, shown } from "./points.js";
import { paretoSection, tornadoSection } from "./front.js";
import { searchSection } from "./search.js";
import { metricSection } from "./sweep_charts.js";
import { dataTable } from "./table.js";
import { count, duration, signedPercent } from "./units.js";

const kMostStacks = 40,
  kShortLabel = 34;

function bestOf(data, metric) {
  const sign = metric.better === "larger" ? -1 : 1;
  return [...data.done]
    .filter((point) => typeof point.metrics[metric.key] === "number")
    .sort((a, b) => sign * (a.metrics[metric.key] - b.metrics[metric.key]))[0];
}

function answer(data) {
  const { sweep, points, done } = data;
  const number = (status) => points.filter((point) => point.status === status).length;
  const cards = [
    [
      "points",
      count(points.length),
      `${number("done")} done, ${number("failed")} failed, ${number("pending")} pending${sweep.search ? `, ${number("dropped")} dropped` : ""}${sweep.excluded ? `, ${sweep.excluded} excluded` : ""}`,
    ],
  ];
  const front = points.filter((point) => point.front).length;
  if (front > 0)
    cards.push([
      "on the front",
      count(front),
      [
        ...(sweep.pareto?.min ?? []).map((key) => `small ${key}`),
        ...(sweep.pareto?.max ?? []).map((key) => `large ${key}`),
      ].join(", "),
    ]);
  const rows = data.metrics.map((metric) => ({
    metric,
    best: bestOf(data, metric),
    effect: effectsOf(data, metric)[0] ?? null,
  }));
  const base = (row) => data.base?.metrics[row.metric.key] ?? null;
  return section(
    "answer",
    "The answer",
    null,
    el(
      "div",
      { class: "cards few" },
      cards.map(([name, value, small]) =>
        el(
          "div",
          { class: "card" },
          el("span", { text: name }),
          el("b", { text: value }),
          el("small", { text: small }),
        ),
      ),
    ),
    done.length === 0
      ? el("p", { text: "No point is done yet." })
      : dataTable(
          "metrics",
          [
            { title: "metric", value: (row) => row.metric.key },
            {
              title: "base",
              value: (row) => (base(row) === null ? "not among the points" : shown(row.metric, base(row))),
              number: true,
            },
            {
              title: "best",
              value: (row) => shown(row.metric, row.best.metrics[row.metric.key]),
              number: true,
            },
            {
              title: "against the base",
              value: (row) => (base(row) ? row.best.metrics[row.metric.key] / base(row) - 1 : null),
              format: signedPercent,
              number: true,
            },
            {
              title: "at",
              value: (row) => `point ${row.best.i}: ${labelOf(data, row.best)}`,
              href: (row) => row.best.page,
              wide: true,
            },
            {
              title: "moved most by",
              value: (row) =>
                row.effect
                  ? `${row.effect.axis.name} (${signedPercent(row.effect.low)} to ${signedPercent(row.effect.high)})`
                  : "",
              wide: true,
            },
          ],
          rows,
          { search: false },
        ).element,
  );
}

/** Why one is faster: the causes of each point's time, stacked. */
function stacks(data) {
  const points = data.done.filter((point) => point.summary && point.summary.causes.length > 0);
  if (points.length < 2) return null;
  const drawn = points.slice(0, kMostStacks),
    totals = new Map();
  for (const { summary } of drawn)
    for (const [name, seconds] of summary.causes) totals.set(name, (totals.get(name) ?? 0) + seconds);
  const names = [...totals].sort((a, b) => b[1] - a[1]).map(([name]) => name);
  const of = (point, name) => point.summary.causes.find(([one]) => one === name)?.[1] ?? 0;
  const label = (point) => `${point.i}: ${labelOf(data, point)}`;
  // Of several values that differ there is room for the values alone; the head of the page has the axes in this order.
  const shortLabel = (point) => {
    const differ = data.axes.filter((axis) => axis.values.length > 1);
    const values = differ.map((axis) => shown(axis, point.values[axis.key])).join(", ");
    return data.base && labelOf(data, point).length <= kShortLabel ? label(point) : `${point.i}: ${values}`;
  };
  return section(
    "causes",
    "Where the time went",
    "What bounds each point: why one is faster than another.",
    chart({
      title: `Time by cause${points.length > drawn.length ? ` of the first ${drawn.length} of ${points.length} points` : ""}`,
      says: names.slice(0, 4).join(", "),
      rows: () => drawn,
      height: (width) => 60 + legendHeight(names, width) + 26 * drawn.length,
      columns: [
        { title: "point", value: (point) => point.i, number: true, href: (point) => point.page },
        { title: "values", value: (point) => labelOf(data, point), wide: true },
        ...names.map((name) => ({
          title: name,
          value: (point) => of(point, name),
          format: duration,
          number: true,
        })),
      ],
      click: (event) => {
        if (drawn[event.dataIndex]?.page) location.href = drawn[event.dataIndex].page;
      },
      option: ({ colours, width }) => ({
        grid: { left: 8, right: 30, top: legendHeight(names, width), bottom: 8, containLabel: true },
        legend: legendFor(names, width),
        tooltip: {
          trigger: "axis",
          axisPointer: { type: "shadow" },
          formatter: (items) => {
            const point = drawn[items[0].dataIndex];
            return tip(
              label(point),
              names
                .filter((name) => of(point, name) > 0)
                .slice(0, 9)
                .map((name) => `${name} ${duration(of(point, name))}`),
            );
          },
        },
        xAxis: { type: "value", axisLabel: { formatter: duration }, splitNumber: width < 500 ? 3 : 6 },
        yAxis: {
          type: "category",
          inverse: true,
          data: drawn.map(width < 600 ? shortLabel : label),
          axisTick: { show: false },
          axisLabel: rowLabels(width, colours),
        },
        series: names.map((name) => ({
          type: "bar",
          stack: "all",
          name,
          barMaxWidth: 16,
          cursor: "pointer",
          itemStyle: { color: colourOf(name) },
          data: drawn.map((point) => of(point, name)),
        })),
      }),
    }).element,
  );
}

function pointsSection(data) {
  const number = data.metrics.map((metric) => ({
    title: metric.key,
    value: (point) => point.metrics[metric.key],
    format: metric.format,
    number: true,
  }));
  const first = data.metrics[0],
    base = first && data.base?.metrics[first.key];
  const table = dataTable(
    "points",
    [
      { title: "point", value: (point) => point.i, number: true, href: (point) => point.page },
      ...data.axes.map((axis) => ({
        title: axis.key,
        value: (point) => point.values[axis.key],
        format: axis.format,
        number: true,
      })),
      ...number,
      ...(base
        ? [
            {
              title: `${first.name} to the base`,
              value: (point) => point.metrics[first.key] / base - 1,
              format: signedPercent,
              number: true,
            },
          ]
        : []),
      ...(data.points.some((point) => point.front)
        ? [{ title: "front", value: (point) => (point.front ? "yes" : "") }]
        : []),
    ],
    data.done,
    { first: 50 },
  );
  const failed = new Map();
  for (const point of data.points.filter((one) => one.status === "failed"))
    failed.set(point.reason, [...(failed.get(point.reason) ?? []), point]);
  return section(
    "points",
    "Points",
    "Each opens the page of its run.",
    table.element,
    failed.size > 0
      ? fold(
          `${[...failed.values()].flat().length} failed points`,
          () =>
            el(
              "div",
              {},
              [...failed].map(([reason, points]) =>
                el(
                  "div",
                  { class: "panel" },
                  el("b", { text: points.length === 1 ? "1 point: " : `${points.length} points: ` }),
                  reason,
                  el(
                    "p",
                    { class: "note" },
                    points
                      .slice(0, 50)
                      .map((point) => `${point.i} (${labelOf(data, point)})`)
                      .join("; "),
                  ),
                ),
              ),
            ),
          true,
        )
      : null,
  );
}

export function sweepPage(island) {
  const data = readSweep(island),
    { sweep } = data;
  const name = (sweep.file ?? "")
    .split("/")
    .pop()
    .replace(/\.json$/, "");
  const line = [
    sweep.title ? `sweep ${name}` : null,
    sweep.base ? `base ${sweep.base}` : null,
    sweep.mode ? `mode ${sweep.mode}` : null,
    `axes ${data.axes.map((axis) => axis.key).join(", ")}`,
    ...(sweep.constraints ?? []).map((one) => `only where ${one}`),
  ];
  return {
    head: [
      el("h1", { text: sweep.title || `Sweep${name ? ` · ${name}` : ""}` }),
      el("p", { class: "line", text: line.filter((one) => one).join(" · ") }),
    ],
    sections: [
      answer(data),
      searchSection(data),
      tornadoSection(data),
      paretoSection(data),
      metricSection(data),
      stacks(data),
      pointsSection(data),
    ],
  };
}
