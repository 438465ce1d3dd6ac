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

/** What is too long lacks its middle, up to the beginning of a word or number: half of one says something else. */
function withoutMiddle(name, letters) {
  if (name.length <= letters) return name;
  const inside = (i) => /[A-Za-z0-9]/.test(name[i - 1]) && /[A-Za-z0-9]/.test(name[i] ?? "");
  const first = name.length - Math.floor(letters / 2);
  let tail = first;
  while (tail < name.length && inside(tail)) ++tail;
  if (tail === name.length) tail = first;
  return `${name.slice(0, Math.ceil(letters / 2) - 1)}…${name.slice(tail)}`;
}

/** A name in up to `lines` lines of `letters`, broken at what joins its words. */
function broken(name, letters, lines) {
  let rest = withoutMiddle(name, letters * lines);
  const made = [];
  while (made.length + 1 < lines && rest.length > letters) {
    const join = Math.max(...[" ", "_", ".", ","].map((one) => rest.lastIndexOf(one, letters - 1)));
    // What is left has to fit into the lines that are left.
    const end = join > 0 && rest.length - (join + 1) <= letters * (lines - made.length - 1) ? join + 1 : letters;
    made.push(rest.slice(0, end));
    rest = rest.slice(end);
  }
  return [...made, rest].map((one) => one.trim()).join("\n");
}

/** The names at an axis of rows, in two lines where the window is narrow; a name may have two lines of its own. */
export function rowLabels(width, colours, share = width < 600 ? 0.36 : 0.3) {
  const narrow = width < 600,
    room = Math.max(90, width * share),
    size = narrow ? 11 : 12,
    letters = Math.floor(room / (0.58 * size));
  return {
    color: colours.ink,
    fontSize: size,
    lineHeight: size + 1,
    interval: 0,
    hideOverlap: false,
    formatter: (name) =>
      name.includes("\n")
        ? name
            .split("\n")
            .map((line) => broken(line, letters, 1))
            .join("\n")
        : broken(name, letters, narrow ? 2 : 1),
  };
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
        axisLabel: rowLabels(width, colours),
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
