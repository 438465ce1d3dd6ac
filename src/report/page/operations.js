// SPDX-License-Identifier: Apache-2.0
// The table of operations, and collectives.
import { legendFor, legendHeight } from "./bars.js";
import { chart, tip } from "./chart.js";
import { classColour, colourOf } from "./colours.js";
import { el, section } from "./dom.js";
import { at } from "./island.js";
import { dataTable } from "./table.js";
import { inRank } from "./time.js";
import { count, duration, percent, si } from "./units.js";

function floorScatter(ops, choose) {
  const rows = ops.filter((op) => op.floor_s > 0 && op.seconds_max > 0);
  if (rows.length === 0) return null;
  const kinds = [...new Set(rows.map((op) => op.kind))];
  const low = Math.min(...rows.map((op) => op.floor_s)),
    high = Math.max(...rows.map((op) => op.seconds_max));
  const log = {
    type: "log",
    min: 10 ** Math.floor(Math.log10(low)),
    max: 10 ** Math.ceil(Math.log10(high)),
    axisLabel: { formatter: duration },
    minorSplitLine: { show: false },
  };
  return chart({
    title: "Operations against their floors",
    says: `On the diagonal an operation takes what its floor says; above the dashed line it takes more than 3 times that.`,
    columns: [
      { title: "operation", value: (op) => op.name, click: (op) => choose(op), wide: true },
      { title: "kind", value: (op) => op.kind },
      { title: "floor", value: (op) => op.floor_s, format: duration, number: true },
      { title: "longest time", value: (op) => op.seconds_max, format: duration, number: true },
      {
        title: "time / floor",
        value: (op) => op.seconds_max / op.floor_s,
        format: (v) => v.toFixed(2),
        number: true,
      },
      { title: "bound by", value: (op) => op.bound_by },
    ],
    rows: () => rows,
    height: (width) => Math.min(460, Math.max(320, width * 0.6)),
    click: (event) => event.data?.op && choose(event.data.op),
    option: ({ colours, width }) => ({
      grid: { left: 8, right: 24, top: legendHeight(kinds, width), bottom: 26, containLabel: true },
      legend: legendFor(kinds, width),
      tooltip: {
        formatter: ({ data }) =>
          data.op
            ? tip(
                data.op.name,
                `${data.op.kind}: ${duration(data.op.seconds_max)}, floor ${duration(data.op.floor_s)} (${data.op.bound_by})`,
                data.op.partition,
              )
            : tip("floor x 3"),
      },
      xAxis: { ...log, name: "floor", nameGap: 26 },
      yAxis: log,
      series: [
        ...kinds.map((kind) => ({
          type: "scatter",
          name: kind,
          symbolSize: 8,
          cursor: "pointer",
          itemStyle: { color: colourOf(kind), opacity: 0.75 },
          data: rows.filter((op) => op.kind === kind).map((op) => ({ value: [op.floor_s, op.seconds_max], op })),
        })),
        ...[
          [1, "solid"],
          [3, "dashed"],
        ].map(([factor, type]) => ({
          type: "line",
          silent: true,
          symbol: "none",
          lineStyle: { color: colours.soft, width: 1, type },
          data: [
            [log.min, log.min * factor],
            [log.max / factor, log.max],
          ],
        })),
      ],
    }),
  });
}

/** {element, filter(key, value)}: the table of all operations. */
export function operationsSection(report, ops) {
  if (ops.length === 0) return { element: null, filter() {} };
  const ranks = at(report, "workload.ranks", 1),
    step = at(report, "time.seconds", 0);
  const table = dataTable(
    "operations",
    [
      { title: "operation", value: (op) => op.name, wide: true },
      { title: "kind", value: (op) => op.kind },
      { title: "phase", value: (op) => op.phase },
      {
        title: "exposed in a rank",
        value: (op) => inRank(op, "exposed_s", ranks),
        format: duration,
        number: true,
      },
      { title: "share", value: (op) => inRank(op, "exposed_s", ranks) / step, format: percent, number: true },
      { title: "mean", value: (op) => op.seconds, format: duration, number: true },
      { title: "max", value: (op) => op.seconds_max, format: duration, number: true },
      { title: "times", value: (op) => op.count, format: count, number: true },
      { title: "wait", value: (op) => op.wait_s, format: duration, number: true },
      { title: "move", value: (op) => op.move_s, format: duration, number: true },
      { title: "floor", value: (op) => op.floor_s || null, format: duration, number: true },
      { title: "bound by", value: (op) => op.bound_by },
      { title: "FLOP", value: (op) => op.flops, format: (v) => si(v, ""), number: true },
      { title: "partition", value: (op) => op.partition },
    ],
    ops,
    { sort: { column: 3, down: true } },
  );
  const state = el("span", {}),
    clear = el("button", { type: "button", text: "show all", hidden: true, onclick: () => show(ops, "") });
  const element = section(
    "operations",
    "Operations",
    "Every operation of the trace: sort by a head, search, or come from a chart above.",
    floorScatter(ops, (op) => {
      show([op], `Only ${op.name}. `);
    })?.element,
    el("p", { class: "note", role: "status" }, state, clear),
    table.element,
  );
  const show = (rows, words) => {
    state.textContent = words;
    clear.hidden = rows.length === ops.length;
    table.show(rows);
  };
  return {
    element,
    filter(key, value) {
      show(
        ops.filter((op) => (op[key] || "none") === value),
        `Only ${key} ${value}: ${ops.filter((op) => (op[key] || "none") === value).length} operations. `,
      );
      element.scrollIntoView({ block: "start" });
    },
  };
}

export function collectivesSection(report) {
  const rows = at(report, "latency.collectives", []);
  if (rows.length === 0) return null;
  const drawn = rows.filter((row) => row.bytes > 0 && row.bus_bytes_per_s > 0);
  const algorithms = [...new Set(drawn.map((row) => row.algorithm))];
  const columns = [
    { title: "collective", value: (row) => row.name, wide: true },
    { title: "kind", value: (row) => row.kind },
    { title: "algorithm", value: (row) => row.algorithm },
    { title: "ranks", value: (row) => row.ranks, format: count, number: true },
    { title: "bytes", value: (row) => row.bytes, format: (v) => si(v, "B"), number: true },
    { title: "mean", value: (row) => row.seconds, format: duration, number: true },
    { title: "max", value: (row) => row.seconds_max, format: duration, number: true },
    { title: "model", value: (row) => row.model_seconds || null, format: duration, number: true },
    { title: "exposed", value: (row) => row.exposed_s, format: duration, number: true },
    { title: "wait", value: (row) => row.wait_s, format: duration, number: true },
    { title: "move", value: (row) => row.move_s, format: duration, number: true },
    {
      title: "bus bandwidth",
      value: (row) => row.bus_bytes_per_s,
      format: (v) => si(v, "B/s"),
      number: true,
    },
  ];
  return section(
    "collectives",
    "Collectives",
    "How much of the bandwidth do they get? Their time goes from a rank's entry to its completion: waiting for late ranks is in it.",
    drawn.length > 0
      ? chart({
          title: "Bus bandwidth over size",
          says: `${drawn.length} collectives`,
          columns: columns.filter((one) =>
            ["collective", "algorithm", "bytes", "bus bandwidth", "mean"].includes(one.title),
          ),
          rows: () => drawn,
          height: 320,
          option: ({ width }) => ({
            grid: {
              left: 8,
              right: 30,
              top: legendHeight(algorithms, width),
              bottom: 26,
              containLabel: true,
            },
            legend: legendFor(algorithms, width),
            tooltip: {
              formatter: ({ data }) =>
                tip(
                  data.row.name,
                  `${data.row.kind}, ${data.row.algorithm}, ${count(data.row.ranks)} ranks`,
                  `${si(data.row.bytes, "B")} in ${duration(data.row.seconds)}: ${si(data.row.bus_bytes_per_s, "B/s")}`,
                ),
            },
            xAxis: {
              type: "log",
              logBase: 10,
              name: "bytes",
              nameGap: 26,
              axisLabel: { formatter: (v) => si(v, "B") },
            },
            yAxis: { type: "log", axisLabel: { formatter: (v) => si(v, "B/s") } },
            series: algorithms.map((algorithm, i) => ({
              type: "scatter",
              name: algorithm || "none",
              symbolSize: 9,
              itemStyle: { color: classColour(i), opacity: 0.8 },
              data: drawn
                .filter((row) => row.algorithm === algorithm)
                .map((row) => ({ value: [row.bytes, row.bus_bytes_per_s], row })),
            })),
          }),
        }).element
      : null,
    dataTable("collectives", columns, rows, { sort: { column: 5, down: true }, first: 15 }).element,
  );
}
