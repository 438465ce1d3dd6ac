// SPDX-License-Identifier: Apache-2.0
// Charts of bars, and the room that legends need.
import { chart, tip } from "./chart.js";

function legendLines(names, width) {
  let lines = 1,
    used = 0;
  for (const name of names) {
    const own = 36 + 6.6 * String(name).length;
    if (used + own > width && used > 0) {
      ++lines;
      used = 0;
    }
    used += own;
  }
  return lines;
}
/** A legend of more than four lines can be leafed through. */
export function legendFor(names, width) {
  return { type: legendLines(names, width) > 4 ? "scroll" : "plain", width: width - 4 };
}
export function legendHeight(names, width) {
  const lines = legendLines(names, width);
  return 12 + 24 * (lines > 4 ? 1 : lines);
}

/** Bars, lying: one for each row, stacked over `series` [{name, value(row), colour}]. */
export function bars({ title, says, rows, name, series, format, columns, click, right, height }) {
  return chart({
    title,
    says,
    columns,
    rows: () => rows,
    click,
    height:
      height ??
      ((width) =>
        (series.length > 1
          ? legendHeight(
              series.map((one) => one.name),
              width,
            )
          : 8) +
        34 +
        26 * rows.length),
    option: ({ width, colours }) => ({
      grid: {
        left: 8,
        right: 64,
        top:
          series.length > 1
            ? legendHeight(
                series.map((one) => one.name),
                width,
              )
            : 8,
        bottom: 8,
        containLabel: true,
      },
      legend:
        series.length > 1
          ? legendFor(
              series.map((one) => one.name),
              width,
            )
          : undefined,
      tooltip: {
        trigger: "axis",
        axisPointer: { type: "shadow" },
        formatter: (items) => {
          const row = rows[items[0].dataIndex];
          return tip(
            name(row),
            series.length > 1
              ? series.map((one) => `${one.name} ${format(one.value(row))}`)
              : format(series[0].value(row)),
            right?.(row),
          );
        },
      },
      xAxis: { type: "value", axisLabel: { formatter: format }, splitNumber: width < 500 ? 3 : 6 },
      yAxis: {
        type: "category",
        inverse: true,
        data: rows.map((row) => name(row)),
        axisTick: { show: false },
        axisLabel: {
          color: colours.ink,
          width: Math.max(90, width * 0.3),
          overflow: "truncate",
          hideOverlap: false,
          interval: 0,
        },
      },
      series: series.map((one, i) => ({
        type: "bar",
        name: one.name,
        stack: "all",
        barMaxWidth: 18,
        cursor: click ? "pointer" : "default",
        data: rows.map((row) => ({
          value: one.value(row),
          itemStyle: { color: one.colourOf ? one.colourOf(row) : one.colour },
        })),
        itemStyle: { color: one.colour },
        label:
          i === series.length - 1 && right
            ? {
                show: true,
                position: "right",
                color: colours.soft,
                formatter: (item) => right(rows[item.dataIndex]),
              }
            : { show: false },
      })),
    }),
  });
}
