// SPDX-License-Identifier: Apache-2.0
// The page of a sweep: the answer, what matters most, the front, each metric over the axes, where the time went, the points.
import { chart, legendFor, legendHeight, tip } from "./chart.js";
import { classColour, kClasses } from "./colours.js";
import { el, fold, menu, section } from "./dom.js";
import { effectsOf, frontOf, labelOf, readSweep, shown } from "./points.js";
import { metricSection } from "./sweep_charts.js";
import { dataTable } from "./table.js";
import { count, duration, percent, signedPercent } from "./units.js";

const kMostStacks = 40;

function bestOf(data, metric) {
  const sign = metric.better === "larger" ? -1 : 1;
  return [...data.done].filter((point) => typeof point.metrics[metric.key] === "number").sort((a, b) => sign * (a.metrics[metric.key] - b.metrics[metric.key]))[0];
}

function pageLink(point, text) {
  return point.page ? el("a", { href: point.page, text }) : text;
}

function answer(data) {
  const { sweep, points, done } = data;
  const number = (status) => points.filter((point) => point.status === status).length;
  const cards = [["points", count(points.length), `${number("done")} done, ${number("failed")} failed, ${number("pending")} pending${sweep.excluded ? `, ${sweep.excluded} excluded` : ""}`]];
  const front = points.filter((point) => point.front).length;
  if (front > 0) cards.push(["on the front", count(front), [...(sweep.pareto?.min ?? []).map((key) => `small ${key}`), ...(sweep.pareto?.max ?? []).map((key) => `large ${key}`)].join(", ")]);
  const rows = data.metrics.map((metric) => ({ metric, best: bestOf(data, metric), effect: effectsOf(data, metric)[0] ?? null }));
  const base = (row) => data.base?.metrics[row.metric.key] ?? null;
  return section("answer", "The answer", null,
    el("div", { class: "cards" }, cards.map(([name, value, small]) => el("div", { class: "card" }, el("span", { text: name }), el("b", { text: value }), el("small", { text: small })))),
    done.length === 0 ? el("p", { text: "No point is done yet." }) : dataTable("metrics", [
      { title: "metric", value: (row) => row.metric.key }, { title: "base", value: (row) => (base(row) === null ? "not among the points" : shown(row.metric, base(row))), number: true },
      { title: "best", value: (row) => shown(row.metric, row.best.metrics[row.metric.key]), number: true },
      { title: "against the base", value: (row) => (base(row) ? row.best.metrics[row.metric.key] / base(row) - 1 : null), format: signedPercent, number: true },
      { title: "at", value: (row) => `point ${row.best.i}: ${labelOf(data, row.best)}`, href: (row) => row.best.page, wide: true },
      { title: "moved most by", value: (row) => (row.effect ? `${row.effect.axis.name} (${signedPercent(row.effect.low)} to ${signedPercent(row.effect.high)})` : ""), wide: true }], rows, { search: false }).element);
}

/** Bars from the lowest to the highest value that an axis gives a metric. */
function tornado(data) {
  const [first] = data.metrics.filter((metric) => effectsOf(data, metric).length > 0);
  if (!first || data.axes.filter((axis) => axis.values.length > 1).length < 2) return null;
  const settings = (metric) => {
    const effects = effectsOf(data, metric).slice(0, 30), alone = effects.every((one) => one.of === "base");
    return {
      title: `${metric.key}: ${alone ? "each axis alone, against the base" : "mean over all other axes, against the mean of all"}`, rows: () => effects, height: 50 + 30 * effects.length,
      says: effects.slice(0, 5).map((one) => `${one.axis.name} ${signedPercent(one.low)} to ${signedPercent(one.high)}`).join("; "),
      columns: [{ title: "axis", value: (one) => one.axis.key, wide: true }, { title: "lowest", value: (one) => one.low, format: signedPercent, number: true }, { title: "at", value: (one) => shown(one.axis, one.lowAt) },
        { title: "highest", value: (one) => one.high, format: signedPercent, number: true }, { title: "at ", value: (one) => shown(one.axis, one.highAt) }],
      option: ({ colours, width }) => ({
        grid: { left: 8, right: 70, top: 8, bottom: 8, containLabel: true },
        tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, formatter: (items) => { const one = effects[items[0].dataIndex]; return tip(one.axis.key, `${shown(one.axis, one.lowAt)}: ${signedPercent(one.low)}`, `${shown(one.axis, one.highAt)}: ${signedPercent(one.high)}`); } },
        xAxis: { type: "value", axisLabel: { formatter: signedPercent }, splitNumber: width < 500 ? 3 : 6 },
        yAxis: { type: "category", inverse: true, data: effects.map((one) => one.axis.name), axisTick: { show: false }, axisLabel: { color: colours.ink, width: width * 0.32, overflow: "truncate", interval: 0 }, axisLine: { onZero: false, lineStyle: { color: colours.line } } },
        series: [["low", "lowAt", 0], ["high", "highAt", 1]].map(([key, at, i]) => ({ type: "bar", stack: "all", barMaxWidth: 20, itemStyle: { color: kClasses[i] }, data: effects.map((one) => one[key]),
          label: { show: width > 600, position: i === 0 ? "left" : "right", color: colours.soft, fontSize: 11, formatter: ({ dataIndex }) => shown(effects[dataIndex].axis, effects[dataIndex][at]) } })),
      }),
    };
  };
  const view = chart(settings(first));
  return section("tornado", "What matters most", "How far does each axis move the result?",
    data.metrics.length > 1 ? menu("metric", data.metrics.map((metric) => [metric, metric.key]), first, (metric) => view.redraw(settings(metric))) : null, view.element);
}

function pareto(data) {
  const keys = [...data.metrics.map((metric) => ({ ...metric, of: (point) => point.metrics[metric.key] })),
    ...data.axes.filter((axis) => axis.numeric && axis.values.length > 1).map((axis) => ({ ...axis, better: "smaller", of: (point) => point.values[axis.key] }))];
  if (keys.length < 2 || data.done.length < 2) return null;
  const goals = [...(data.sweep.pareto?.min ?? []), ...(data.sweep.pareto?.max ?? [])];
  const wanted = keys.filter((key) => goals.includes(key.key));
  let y = wanted[0] ?? keys[0], x = wanted.find((key) => key !== y) ?? keys.find((key) => key !== y && !data.metrics.some((metric) => metric.key === key.key)) ?? keys[1];
  const settings = () => {
    const points = data.done.filter((point) => Number.isFinite(x.of(point)) && Number.isFinite(y.of(point)));
    const front = frontOf(points, x, y).sort((a, b) => x.of(a) - x.of(b));
    const item = (point) => ({ value: [x.of(point), y.of(point)], point });
    return {
      title: `${y.key} (${y.better} is better) over ${x.key} (${x.better} is better)`, rows: () => points, height: (width) => Math.min(460, Math.max(320, width * 0.55)),
      says: `${front.length} of ${points.length} points are on the front`, click: (event) => { if (event.data?.point?.page) location.href = event.data.point.page; },
      columns: [{ title: "point", value: (point) => point.i, number: true, href: (point) => point.page }, { title: "on the front", value: (point) => (front.includes(point) ? "yes" : "") },
        { title: x.key, value: x.of, format: x.format, number: true }, { title: y.key, value: y.of, format: y.format, number: true }, { title: "values", value: (point) => labelOf(data, point), wide: true }],
      option: ({ colours, width }) => ({
        grid: { left: 8, right: 40, top: 40, bottom: 30, containLabel: true }, legend: {},
        tooltip: { formatter: ({ data: { point } }) => point && tip(`point ${point.i}`, labelOf(data, point), `${x.name} ${x.format(x.of(point))}`, `${y.name} ${y.format(y.of(point))}`, point.page ? "a click opens its page" : null) },
        xAxis: { type: "value", scale: true, name: x.key, nameGap: 28, axisLabel: { formatter: x.format }, splitNumber: width < 500 ? 3 : 6 }, yAxis: { type: "value", scale: true, axisLabel: { formatter: y.format } },
        series: [{ type: "scatter", name: "points", symbolSize: 9, itemStyle: { color: kClasses[4], opacity: 0.75 }, data: points.filter((point) => !front.includes(point)).map(item) },
          { type: "line", name: "front", symbol: "circle", symbolSize: 11, itemStyle: { color: kClasses[1] }, lineStyle: { type: "dashed" }, data: front.map(item),
            label: { show: front.length <= 12, position: "top", color: colours.ink, formatter: ({ data: { point } }) => `${point.i}` } },
          ...(data.base && points.includes(data.base) ? [{ type: "scatter", name: "base", symbol: "diamond", symbolSize: 15, itemStyle: { color: kClasses[0] }, data: [item(data.base)] }] : [])],
      }),
    };
  };
  const view = chart(settings());
  const words = keys.map((key) => [key, key.key]);
  return section("pareto", "What is worth its price", "Points that no other beats in both are on the front. A click opens the page of a point.",
    el("div", { class: "steer" }, menu("up", words, y, (key) => { y = key; view.redraw(settings()); }), menu("across", words, x, (key) => { x = key; view.redraw(settings()); })), view.element);
}

/** Why one is faster: the causes of each point's time, stacked. */
function stacks(data) {
  const points = data.done.filter((point) => point.summary && point.summary.causes.length > 0);
  if (points.length < 2) return null;
  const drawn = points.slice(0, kMostStacks), totals = new Map();
  for (const { summary } of drawn) for (const [name, seconds] of summary.causes) totals.set(name, (totals.get(name) ?? 0) + seconds);
  const names = [...totals].sort((a, b) => b[1] - a[1]).map(([name]) => name);
  const of = (point, name) => point.summary.causes.find(([one]) => one === name)?.[1] ?? 0;
  const label = (point) => `${point.i}: ${labelOf(data, point)}`;
  return section("causes", "Where the time went", "What bounds each point: why one is faster than another.", chart({
    title: `Time by cause${points.length > drawn.length ? ` of the first ${drawn.length} of ${points.length} points` : ""}`, says: names.slice(0, 4).join(", "), rows: () => drawn, height: 110 + 24 * drawn.length,
    columns: [{ title: "point", value: (point) => point.i, number: true, href: (point) => point.page }, { title: "values", value: (point) => labelOf(data, point), wide: true },
      ...names.map((name) => ({ title: name, value: (point) => of(point, name), format: duration, number: true }))],
    click: (event) => { if (drawn[event.dataIndex]?.page) location.href = drawn[event.dataIndex].page; },
    option: ({ colours, width }) => ({
      grid: { left: 8, right: 30, top: legendHeight(names, width), bottom: 8, containLabel: true }, legend: legendFor(names, width),
      tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, formatter: (items) => { const point = drawn[items[0].dataIndex]; return tip(label(point), names.filter((name) => of(point, name) > 0).slice(0, 9).map((name) => `${name} ${duration(of(point, name))}`)); } },
      xAxis: { type: "value", axisLabel: { formatter: duration }, splitNumber: width < 500 ? 3 : 6 },
      yAxis: { type: "category", inverse: true, data: drawn.map(label), axisTick: { show: false }, axisLabel: { color: colours.ink, width: width * (width < 600 ? 0.34 : 0.3), overflow: "truncate", interval: 0 } },
      series: names.map((name, i) => ({ type: "bar", stack: "all", name, barMaxWidth: 16, cursor: "pointer", itemStyle: { color: classColour(i) }, data: drawn.map((point) => of(point, name)) })),
    }),
  }).element);
}

function pointsSection(data) {
  const number = data.metrics.map((metric) => ({ title: metric.key, value: (point) => point.metrics[metric.key], format: metric.format, number: true }));
  const first = data.metrics[0], base = first && data.base?.metrics[first.key];
  const table = dataTable("points", [{ title: "point", value: (point) => point.i, number: true, href: (point) => point.page }, ...data.axes.map((axis) => ({ title: axis.key, value: (point) => point.values[axis.key], format: axis.format, number: true })), ...number,
    ...(base ? [{ title: `${first.name} to the base`, value: (point) => point.metrics[first.key] / base - 1, format: signedPercent, number: true }] : []),
    ...(data.points.some((point) => point.front) ? [{ title: "front", value: (point) => (point.front ? "yes" : "") }] : [])], data.done, { first: 50 });
  const failed = new Map();
  for (const point of data.points.filter((one) => one.status === "failed")) failed.set(point.reason, [...(failed.get(point.reason) ?? []), point]);
  return section("points", "Points", "Each opens the page of its run.", table.element,
    failed.size > 0 ? fold(`${[...failed.values()].flat().length} failed points`, () => el("div", {}, [...failed].map(([reason, points]) =>
      el("div", { class: "panel" }, el("b", { text: points.length === 1 ? "1 point: " : `${points.length} points: ` }), reason, el("p", { class: "note" }, points.slice(0, 50).map((point) => `${point.i} (${labelOf(data, point)})`).join("; "))))), true) : null);
}

export function sweepPage(island) {
  const data = readSweep(island), { sweep } = data;
  const line = [sweep.base ? `base ${sweep.base}` : null, sweep.mode ? `mode ${sweep.mode}` : null, `axes ${data.axes.map((axis) => axis.key).join(", ")}`, ...(sweep.constraints ?? []).map((one) => `only where ${one}`)];
  return {
    head: [el("h1", { text: `Sweep${sweep.file ? ` · ${sweep.file.split("/").pop().replace(/\.json$/, "")}` : ""}` }), el("p", { class: "line", text: line.filter((one) => one).join(" · ") })],
    sections: [answer(data), tornado(data), pareto(data), metricSection(data), stacks(data), pointsSection(data)],
  };
}
