// SPDX-License-Identifier: Apache-2.0
// A metric of a sweep over one axis as lines, or over two as a heat map; over many as parallel axes.
import { chart, tip } from "./chart.js";
import { classColour, inkOn, kClasses, viridis } from "./colours.js";
import { choice, el, menu, section } from "./dom.js";
import { columnsFor, parallel } from "./parallel.js";
import { labelOf, sameValue, shown } from "./points.js";

/** Points at which all axes but `free` have the values of `held`. */
function heldPoints(data, free, held) {
  return data.done.filter((point) =>
    data.axes.every((axis) => free.includes(axis) || sameValue(point.values[axis.key], held.get(axis))),
  );
}

function baseLine(data, metric, colours) {
  const base = data.base?.metrics[metric.key];
  return base === undefined || base === null
    ? undefined
    : {
        symbol: "none",
        silent: true,
        precision: 15,
        lineStyle: { color: colours.soft, type: "dashed" },
        label: { formatter: `base ${metric.format(base)}`, position: "insideEndTop", color: colours.soft },
        data: [{ yAxis: base }],
      };
}

function lines(data, metric, across, by, points) {
  const series = by
    ? by.values.map((value) => [
        `${by.name} ${shown(by, value)}`,
        points.filter((point) => sameValue(point.values[by.key], value)),
      ])
    : [[metric.name, points]];
  const logarithmic =
    across.numeric && across.values[0] > 0 && across.values[across.values.length - 1] / across.values[0] >= 4;
  const place = (point) =>
    across.numeric ? point.values[across.key] : shown(across, point.values[across.key]);
  return {
    title: `${metric.key} over ${across.key}`,
    says: `${series.length} lines over ${across.values.map((value) => shown(across, value)).join(", ")}`,
    rows: () => points,
    height: 380,
    columns: columnsFor(data, metric, by ? [across, by] : [across]),
    click: (event) => {
      if (event.data?.point?.page) location.href = event.data.point.page;
    },
    option: ({ colours, width }) => ({
      grid: { left: 8, right: 40, top: by ? 44 : 14, bottom: 30, containLabel: true },
      legend: by ? { type: "scroll" } : undefined,
      tooltip: {
        formatter: ({ data: { point } }) =>
          tip(`point ${point.i}: ${metric.format(point.metrics[metric.key])}`, labelOf(data, point)),
      },
      xAxis: {
        type: across.numeric ? (logarithmic ? "log" : "value") : "category",
        scale: true,
        name: across.key,
        nameGap: 28,
        splitNumber: width < 500 ? 3 : 6,
        ...(across.numeric
          ? { min: across.values[0], max: across.values[across.values.length - 1] }
          : { data: across.values.map((value) => shown(across, value)) }),
        axisLabel: {
          formatter: across.numeric ? across.format : undefined,
          ...(across.numeric && across.values.length <= 12 ? { customValues: across.values } : {}),
        },
      },
      yAxis: { type: "value", scale: true, axisLabel: { formatter: metric.format } },
      series: series.map(([name, some], i) => ({
        type: "line",
        name,
        symbolSize: 8,
        cursor: "pointer",
        itemStyle: { color: classColour(i) },
        lineStyle: { type: i >= kClasses.length ? "dashed" : "solid" },
        data: [...some]
          .sort(
            (a, b) =>
              across.values.findIndex((one) => sameValue(one, a.values[across.key])) -
              across.values.findIndex((one) => sameValue(one, b.values[across.key])),
          )
          .map((point) => ({ value: [place(point), point.metrics[metric.key]], point })),
        markLine: i === 0 ? baseLine(data, metric, colours) : undefined,
      })),
    }),
  };
}

function heatMap(data, metric, across, up, points) {
  const values = points
    .map((point) => point.metrics[metric.key])
    .filter((value) => typeof value === "number");
  const low = Math.min(...values),
    high = Math.max(...values),
    share = (value) => (high === low ? 0.5 : (value - low) / (high - low));
  return {
    title: `${metric.key} over ${across.key} and ${up.key} (${metric.format(low)} to ${metric.format(high)})`,
    says: `${points.length} cells, from ${metric.format(low)} to ${metric.format(high)}`,
    rows: () => points,
    height: 92 + Math.min(46, Math.max(26, 300 / up.values.length)) * up.values.length,
    columns: columnsFor(data, metric, [across, up]),
    click: (event) => {
      if (points[event.dataIndex]?.page) location.href = points[event.dataIndex].page;
    },
    option: ({ colours }) => ({
      grid: { left: 8, right: 10, top: 30, bottom: 30, containLabel: true },
      tooltip: {
        formatter: ({ dataIndex }) =>
          tip(
            `point ${points[dataIndex].i}: ${shown(metric, points[dataIndex].metrics[metric.key])}`,
            labelOf(data, points[dataIndex]),
          ),
      },
      xAxis: {
        type: "category",
        data: across.values.map((value) => shown(across, value)),
        name: across.key,
        nameGap: 28,
        splitLine: { show: false },
      },
      yAxis: {
        type: "category",
        data: up.values.map((value) => shown(up, value)),
        name: up.key,
        nameLocation: "end",
        nameTextStyle: { align: "left", color: colours.soft },
        splitLine: { show: false },
      },
      series: [
        {
          type: "custom",
          cursor: "pointer",
          data: points.map((point, i) => [
            across.values.findIndex((one) => sameValue(one, point.values[across.key])),
            up.values.findIndex((one) => sameValue(one, point.values[up.key])),
            i,
          ]),
          renderItem: (params, api) => {
            const value = points[params.dataIndex].metrics[metric.key],
              [x, y] = api.coord([api.value(0), api.value(1)]),
              [w, h] = api.size([1, 1]);
            const base = points[params.dataIndex] === data.base;
            return {
              type: "group",
              children: [
                {
                  type: "rect",
                  shape: { x: x - w / 2 + 1, y: y - h / 2 + 1, width: w - 2, height: h - 2 },
                  style: {
                    fill: typeof value === "number" ? viridis(share(value)) : colours.line,
                    stroke: base ? colours.ink : undefined,
                    lineWidth: base ? 2.5 : 0,
                  },
                },
                {
                  type: "text",
                  style: {
                    text: w < 34 ? "" : shown(metric, value),
                    x,
                    y,
                    align: "center",
                    verticalAlign: "middle",
                    fontSize: Math.min(13, w / 6),
                    fill: inkOn(share(value)),
                  },
                },
              ],
            };
          },
        },
      ],
    }),
  };
}

export function metricSection(data) {
  const axes = data.axes.filter((axis) => axis.values.length > 1);
  if (data.metrics.length === 0 || axes.length === 0) return null;
  const grid = ["grid", "random", undefined].includes(data.sweep.mode);
  const held = new Map(
    data.axes.map((axis) => [
      axis,
      axis.base !== null && axis.values.some((value) => sameValue(value, axis.base))
        ? axis.base
        : axis.values[0],
    ]),
  );
  const longest = [...axes].sort(
    (a, b) => Number(b.numeric) - Number(a.numeric) || b.values.length - a.values.length,
  );
  let metric = data.metrics[0],
    across = longest[0],
    by = grid ? (longest[1] ?? null) : null,
    form = by ? "map" : "lines";
  const place = el("div", {}),
    steer = el("div", { class: "steer" });
  const linked = ["zip", "list"].includes(data.sweep.mode);
  const settings = () => {
    const points = linked ? data.done : heldPoints(data, [across, by], held);
    return form === "all"
      ? parallel(data, metric)
      : form === "map" && by
        ? heatMap(data, metric, across, by, points)
        : lines(data, metric, across, by, points);
  };
  const draw = () => {
    const names = (some) => some.map((axis) => [axis, axis.key]);
    const rest = linked || form === "all" ? [] : axes.filter((axis) => axis !== across && axis !== by);
    const forms = [
      ["lines", "lines"],
      ...(by ? [["map", "heat map"]] : []),
      ...(axes.length > 2 ? [["all", "all axes"]] : []),
    ];
    steer.replaceChildren(
      ...[
        menu(
          "metric",
          data.metrics.map((one) => [one, one.key]),
          metric,
          (one) => {
            metric = one;
            draw();
          },
        ),
        form === "all"
          ? null
          : menu("over", names(axes), across, (axis) => {
              if (axis === by) by = across;
              across = axis;
              draw();
            }),
        form === "all" || axes.length < 2 || linked
          ? null
          : menu(
              "and",
              [[null, "nothing else"], ...names(axes.filter((axis) => axis !== across))],
              by,
              (axis) => {
                by = axis;
                if (!by && form === "map") form = "lines";
                draw();
              },
            ),
        forms.length > 1
          ? choice("as", forms, form, (one) => {
              form = one;
              draw();
            })
          : null,
        ...rest.map((axis) =>
          menu(
            axis.name,
            axis.values.map((value) => [value, shown(axis, value)]),
            held.get(axis),
            (value) => {
              held.set(axis, value);
              draw();
            },
          ),
        ),
      ].filter((one) => one),
    );
    place.replaceChildren(chart(settings()).element);
  };
  draw();
  return section(
    "metrics",
    "Each metric over the axes",
    "What happens along an axis? The base is marked where it is among the points.",
    steer,
    place,
  );
}
