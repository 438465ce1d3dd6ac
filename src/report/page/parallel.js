// SPDX-License-Identifier: Apache-2.0
// All axes of a sweep side by side: a line is a point.
import { viridis } from "./colours.js";
import { shown } from "./points.js";

/** Of the data behind a chart of a metric. */
export function columnsFor(data, metric, axes) {
  return [
    { title: "point", value: (point) => point.i, number: true, href: (point) => point.page },
    ...axes.map((axis) => ({
      title: axis.key,
      value: (point) => point.values[axis.key],
      format: axis.format,
      number: true,
    })),
    { title: metric.key, value: (point) => point.metrics[metric.key], format: metric.format, number: true },
  ];
}

export function parallel(data, metric) {
  const axes = [...data.axes.filter((axis) => axis.values.length > 1), metric];
  const values = data.done.map((point) => point.metrics[metric.key]),
    low = Math.min(...values),
    high = Math.max(...values);
  const of = (point, axis) =>
    axis === metric
      ? point.metrics[metric.key]
      : axis.numeric
        ? point.values[axis.key]
        : shown(axis, point.values[axis.key]);
  return {
    title: `${metric.key} over all axes: a line is a point`,
    says: `${data.done.length} points`,
    rows: () => data.done,
    height: 360,
    columns: columnsFor(data, metric, data.axes),
    option: ({ colours, width }) => ({
      parallel: { left: 40, right: 70, top: 40, bottom: 20 },
      parallelAxis: axes.map((axis, dim) => ({
        dim,
        name: width < 600 ? axis.name.slice(0, 12) : axis.name,
        nameTextStyle: { color: colours.ink },
        axisLabel: {
          color: colours.soft,
          formatter: axis === metric || axis.numeric ? axis.format : undefined,
        },
        axisLine: { lineStyle: { color: colours.soft } },
        ...(axis === metric || axis.numeric
          ? { type: "value", scale: true }
          : { type: "category", data: axis.values.map((value) => shown(axis, value)) }),
      })),
      series: [
        {
          type: "parallel",
          lineStyle: { width: 1.5, opacity: 0.7 },
          data: data.done.map((point) => ({
            value: axes.map((axis) => of(point, axis)),
            lineStyle: {
              color: viridis(high === low ? 0.5 : (point.metrics[metric.key] - low) / (high - low)),
            },
          })),
        },
      ],
    }),
  };
}
