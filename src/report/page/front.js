// SPDX-License-Identifier: Apache-2.0
// What matters most in a sweep, and what is worth its price: tornado and front.
import { rowLabels } from "./bars.js";
import { chart, tip } from "./chart.js";
import { kClasses } from "./colours.js";
import { el, menu, section } from "./dom.js";
import { effectsOf, frontOf, labelOf, shown } from "./points.js";
import { signedPercent } from "./units.js";

/** Bars from the lowest to the highest value that an axis gives a metric. */
export function tornadoSection(data) {
  const [first] = data.metrics.filter((metric) => effectsOf(data, metric).length > 0);
  if (!first || data.axes.filter((axis) => axis.values.length > 1).length < 2) return null;
  const settings = (metric) => {
    const effects = effectsOf(data, metric).slice(0, 30),
      alone = effects.every((one) => one.of === "base");
    return {
      title: `${metric.key}: ${alone ? "each axis alone, against the base" : "mean over all other axes, against the mean of all"}`,
      rows: () => effects,
      height: (width) => 50 + (width < 600 ? 36 : 30) * effects.length,
      says: effects
        .slice(0, 5)
        .map((one) => `${one.axis.name} ${signedPercent(one.low)} to ${signedPercent(one.high)}`)
        .join("; "),
      columns: [
        { title: "axis", value: (one) => one.axis.key, wide: true },
        { title: "lowest", value: (one) => one.low, format: signedPercent, number: true },
        { title: "at", value: (one) => shown(one.axis, one.lowAt) },
        { title: "highest", value: (one) => one.high, format: signedPercent, number: true },
        { title: "at ", value: (one) => shown(one.axis, one.highAt) },
      ],
      option: ({ colours, width }) => ({
        grid: { left: 8, right: width < 600 ? 20 : 70, top: 8, bottom: 8, containLabel: true },
        tooltip: {
          trigger: "axis",
          axisPointer: { type: "shadow" },
          formatter: (items) => {
            const one = effects[items[0].dataIndex];
            return tip(
              one.axis.key,
              `${shown(one.axis, one.lowAt)}: ${signedPercent(one.low)}`,
              `${shown(one.axis, one.highAt)}: ${signedPercent(one.high)}`,
            );
          },
        },
        xAxis: { type: "value", axisLabel: { formatter: signedPercent }, splitNumber: width < 500 ? 3 : 6 },
        yAxis: {
          type: "category",
          inverse: true,
          // Where there is no room beside the bars, their ends are named with the axis.
          data: effects.map((one) =>
            width < 600
              ? `${one.axis.name}\n${shown(one.axis, one.lowAt)} | ${shown(one.axis, one.highAt)}`
              : one.axis.name,
          ),
          axisTick: { show: false },
          axisLabel: rowLabels(width, colours, width < 600 ? 0.44 : 0.32),
          axisLine: { onZero: false, lineStyle: { color: colours.line } },
        },
        series: [
          ["low", "lowAt", 0],
          ["high", "highAt", 1],
        ].map(([key, at, i]) => ({
          type: "bar",
          stack: "all",
          barMaxWidth: 20,
          itemStyle: { color: kClasses[i] },
          data: effects.map((one) => one[key]),
          label: {
            show: width > 600,
            position: i === 0 ? "left" : "right",
            color: colours.soft,
            fontSize: 11,
            formatter: ({ dataIndex }) =>
              effects[dataIndex][key] === 0 ? "" : shown(effects[dataIndex].axis, effects[dataIndex][at]),
          },
        })),
      }),
    };
  };
  const view = chart(settings(first));
  return section(
    "tornado",
    "What matters most",
    "How far does each axis move the result?",
    data.metrics.length > 1
      ? menu(
          "metric",
          data.metrics.map((metric) => [metric, metric.key]),
          first,
          (metric) => view.redraw(settings(metric)),
        )
      : null,
    view.element,
  );
}

export function paretoSection(data) {
  const keys = [
    ...data.metrics.map((metric) => ({ ...metric, of: (point) => point.metrics[metric.key] })),
    ...data.axes
      .filter((axis) => axis.numeric && axis.values.length > 1)
      .map((axis) => ({ ...axis, better: "smaller", of: (point) => point.values[axis.key] })),
  ];
  if (keys.length < 2 || data.done.length < 2) return null;
  const goals = [...(data.sweep.pareto?.min ?? []), ...(data.sweep.pareto?.max ?? [])];
  const wanted = keys.filter((key) => goals.includes(key.key));
  let y = wanted[0] ?? keys[0],
    x =
      wanted.find((key) => key !== y) ??
      keys.find((key) => key !== y && !data.metrics.some((metric) => metric.key === key.key)) ??
      keys[1];
  const settings = () => {
    const points = data.done.filter((point) => Number.isFinite(x.of(point)) && Number.isFinite(y.of(point)));
    const front = frontOf(points, x, y).sort((a, b) => x.of(a) - x.of(b));
    const item = (point) => ({ value: [x.of(point), y.of(point)], point });
    return {
      title: `${y.key} (${y.better} is better) over ${x.key} (${x.better} is better)`,
      rows: () => points,
      height: (width) => Math.min(460, Math.max(320, width * 0.55)),
      says: `${front.length} of ${points.length} points are on the front`,
      click: (event) => {
        if (event.data?.point?.page) location.href = event.data.point.page;
      },
      columns: [
        { title: "point", value: (point) => point.i, number: true, href: (point) => point.page },
        { title: "on the front", value: (point) => (front.includes(point) ? "yes" : "") },
        { title: x.key, value: x.of, format: x.format, number: true },
        { title: y.key, value: y.of, format: y.format, number: true },
        { title: "values", value: (point) => labelOf(data, point), wide: true },
      ],
      option: ({ colours, width }) => ({
        grid: { left: 8, right: 40, top: 40, bottom: 30, containLabel: true },
        legend: {},
        tooltip: {
          formatter: ({ data: { point } }) =>
            point &&
            tip(
              `point ${point.i}`,
              labelOf(data, point),
              `${x.name} ${x.format(x.of(point))}`,
              `${y.name} ${y.format(y.of(point))}`,
              point.page ? "a click opens its page" : null,
            ),
        },
        xAxis: {
          type: "value",
          scale: true,
          name: x.key,
          nameGap: 28,
          axisLabel: { formatter: x.format },
          splitNumber: width < 500 ? 3 : 6,
        },
        yAxis: { type: "value", scale: true, axisLabel: { formatter: y.format } },
        series: [
          {
            type: "scatter",
            name: "points",
            symbolSize: 9,
            itemStyle: { color: kClasses[4], opacity: 0.75 },
            data: points.filter((point) => !front.includes(point)).map(item),
          },
          {
            type: "line",
            name: "front",
            symbol: "circle",
            symbolSize: 11,
            itemStyle: { color: kClasses[1] },
            lineStyle: { type: "dashed" },
            data: front.map(item),
            label: {
              show: front.length <= 12,
              position: "top",
              color: colours.ink,
              formatter: ({ data: { point } }) => `${point.i}`,
            },
          },
          ...(data.base && points.includes(data.base)
            ? [
                {
                  type: "scatter",
                  name: "base",
                  symbol: "diamond",
                  symbolSize: 15,
                  itemStyle: { color: kClasses[0] },
                  data: [item(data.base)],
                },
              ]
            : []),
        ],
      }),
    };
  };
  const view = chart(settings());
  const words = keys.map((key) => [key, key.key]);
  return section(
    "pareto",
    "What is worth its price",
    "Points that no other beats in both are on the front. A click opens the page of a point.",
    el(
      "div",
      { class: "steer" },
      menu("up", words, y, (key) => {
        y = key;
        view.redraw(settings());
      }),
      menu("across", words, x, (key) => {
        x = key;
        view.redraw(settings());
      }),
    ),
    view.element,
  );
}
