// SPDX-License-Identifier: Apache-2.0
// Where the time went: by class of node time, by kind, phase and layer; the table of operations; collectives.
import { bars, chart, legendFor, legendHeight, tip } from "./chart.js";
import { classColour, colourOf, kClasses } from "./colours.js";
import { choice, el, section } from "./dom.js";
import { at } from "./island.js";
import { dataTable } from "./table.js";
import { count, duration, percent, si } from "./units.js";

const kParts = [["core_s", "cores work", kClasses[0]], ["wait_s", "waits for operands or ranks", kClasses[1]], ["move_s", "messages move", kClasses[2]]];
const kMostBars = 24;

/** Seconds of a rank in all its executions. */
function inRank(op, key, ranks) {
  return ((op[key] ?? 0) * (op.count ?? 0)) / (ranks || 1);
}

function grouped(ops, by, ranks) {
  const groups = new Map();
  for (const op of ops) {
    const name = op[by] || "none";
    const group = groups.get(name) ?? { name, operations: 0, exposed: 0, seconds: 0, flops: 0, core_s: 0, wait_s: 0, move_s: 0 };
    group.operations += 1;
    group.flops += op.flops ?? 0;
    group.exposed += inRank(op, "exposed_s", ranks);
    group.seconds += inRank(op, "seconds", ranks);
    for (const [part] of kParts) group[part] += inRank(op, part, ranks);
    groups.set(name, group);
  }
  return [...groups.values()].sort((a, b) => b.exposed - a.exposed);
}

function classBar(report) {
  const rows = Object.entries(at(report, "breakdown.fractions", {})).map(([name, share]) =>
    ({ name: name === "communication" ? "exposed communication" : name, share, seconds: at(report, `breakdown.${name}_s`, 0) }));
  if (rows.length === 0) return null;
  return chart({
    title: "Node time by class, mean over the nodes of the ranks", says: rows.map((row) => `${row.name} ${percent(row.share)}`).join(", "),
    columns: [{ title: "class", value: (row) => row.name }, { title: "share", value: (row) => row.share, format: percent, number: true },
      { title: "time", value: (row) => row.seconds, format: duration, number: true }],
    rows: () => rows, height: (width) => 74 + legendHeight(rows.map((row) => row.name), width),
    option: ({ width }) => ({
      grid: { left: 4, right: 12, top: legendHeight(rows.map((row) => row.name), width), bottom: 4, containLabel: true }, legend: legendFor(rows.map((row) => row.name), width),
      tooltip: { formatter: (item) => tip(rows[item.seriesIndex].name, `${percent(rows[item.seriesIndex].share)}, ${duration(rows[item.seriesIndex].seconds)}`) },
      xAxis: { type: "value", max: 1, axisLabel: { formatter: (v) => `${Math.round(v * 100)} %` } }, yAxis: { type: "category", data: [""], axisTick: { show: false } },
      series: rows.map((row, i) => ({ type: "bar", name: row.name, stack: "all", data: [row.share], itemStyle: { color: classColour(i) }, barWidth: 26,
        label: { show: row.share > 0.06, formatter: percent(row.share), color: "#fff" } })),
    }),
  }).element;
}

export function timeSection(report, ops, filter) {
  const ranks = at(report, "workload.ranks", 1), step = at(report, "time.seconds", 0);
  const place = el("div", {});
  const draw = (by) => {
    const all = grouped(ops, by, ranks);
    const rows = all.slice(0, kMostBars);
    place.replaceChildren(bars({
      title: `Exposed time of a rank by ${by}${all.length > rows.length ? `: the ${rows.length} largest of ${all.length}` : ""}`,
      says: rows.slice(0, 5).map((row) => `${row.name} ${duration(row.exposed)}`).join(", "),
      rows, name: (row) => row.name, format: duration, series: kParts.map(([key, name, colour]) => ({ name, colour, value: (row) => row[key] })),
      right: (row) => percent(row.exposed / step), click: (event) => filter(by, rows[event.dataIndex].name),
      columns: [{ title: by, value: (row) => row.name, click: (row) => filter(by, row.name), wide: true }, { title: "operations", value: (row) => row.operations, number: true },
        { title: "exposed", value: (row) => row.exposed, format: duration, number: true }, { title: "share", value: (row) => row.exposed / step, format: percent, number: true },
        ...kParts.map(([key, name]) => ({ title: name, value: (row) => row[key], format: duration, number: true })),
        { title: "FLOP", value: (row) => row.flops, format: (v) => si(v, ""), number: true }],
    }).element);
  };
  if (ops.length > 0) draw("kind");
  return section("time", "Where the time went", "Exposed time is what a rank's cores work for, or wait for. A click on a bar shows its operations.",
    classBar(report), ops.length > 0 ? choice("by", [["kind", "kind"], ["phase", "phase"], ["layer", "layer"]], "kind", draw) : null, place);
}

function floorScatter(ops, choose) {
  const rows = ops.filter((op) => op.floor_s > 0 && op.seconds > 0);
  if (rows.length === 0) return null;
  const kinds = [...new Set(rows.map((op) => op.kind))];
  const low = Math.min(...rows.map((op) => op.floor_s)), high = Math.max(...rows.map((op) => op.seconds));
  const log = { type: "log", min: 10 ** Math.floor(Math.log10(low)), max: 10 ** Math.ceil(Math.log10(high)), axisLabel: { formatter: duration }, minorSplitLine: { show: false } };
  return chart({
    title: "Operations against their floors", says: `On the diagonal an operation takes what its floor says; above the dashed line it takes more than 3 times that.`,
    columns: [{ title: "operation", value: (op) => op.name, click: (op) => choose(op), wide: true }, { title: "kind", value: (op) => op.kind }, { title: "floor", value: (op) => op.floor_s, format: duration, number: true },
      { title: "time", value: (op) => op.seconds, format: duration, number: true }, { title: "time / floor", value: (op) => op.seconds / op.floor_s, format: (v) => v.toFixed(2), number: true }, { title: "bound by", value: (op) => op.bound_by }],
    rows: () => rows, height: (width) => Math.min(460, Math.max(320, width * 0.6)),
    click: (event) => event.data?.op && choose(event.data.op),
    option: ({ colours, width }) => ({
      grid: { left: 8, right: 24, top: legendHeight(kinds, width), bottom: 26, containLabel: true }, legend: legendFor(kinds, width),
      tooltip: { formatter: ({ data }) => data.op ? tip(data.op.name, `${data.op.kind}: ${duration(data.op.seconds)}, floor ${duration(data.op.floor_s)} (${data.op.bound_by})`, data.op.partition) : tip("floor x 3") },
      xAxis: { ...log, name: "floor", nameGap: 26 }, yAxis: log,
      series: [...kinds.map((kind) => ({ type: "scatter", name: kind, symbolSize: 8, cursor: "pointer", itemStyle: { color: colourOf(kind), opacity: 0.75 },
        data: rows.filter((op) => op.kind === kind).map((op) => ({ value: [op.floor_s, op.seconds], op })) })),
      ...[[1, "solid"], [3, "dashed"]].map(([factor, type]) => ({ type: "line", silent: true, symbol: "none", lineStyle: { color: colours.soft, width: 1, type },
        data: [[log.min, log.min * factor], [log.max / factor, log.max]] }))],
    }),
  });
}

/** {element, filter(key, value)}: the table of all operations. */
export function operationsSection(report, ops) {
  if (ops.length === 0) return { element: null, filter() {} };
  const ranks = at(report, "workload.ranks", 1), step = at(report, "time.seconds", 0);
  const table = dataTable("operations", [
    { title: "operation", value: (op) => op.name, wide: true }, { title: "kind", value: (op) => op.kind }, { title: "phase", value: (op) => op.phase },
    { title: "exposed in a rank", value: (op) => inRank(op, "exposed_s", ranks), format: duration, number: true },
    { title: "share", value: (op) => inRank(op, "exposed_s", ranks) / step, format: percent, number: true },
    { title: "mean", value: (op) => op.seconds, format: duration, number: true }, { title: "max", value: (op) => op.seconds_max, format: duration, number: true },
    { title: "times", value: (op) => op.count, format: count, number: true },
    { title: "wait", value: (op) => op.wait_s, format: duration, number: true },
    { title: "move", value: (op) => op.move_s, format: duration, number: true },
    { title: "floor", value: (op) => op.floor_s || null, format: duration, number: true },
    { title: "bound by", value: (op) => op.bound_by }, { title: "FLOP", value: (op) => op.flops, format: (v) => si(v, ""), number: true },
    { title: "partition", value: (op) => op.partition }], ops, { sort: { column: 3, down: true } });
  const state = el("span", {}), clear = el("button", { type: "button", text: "show all", hidden: true, onclick: () => show(ops, "") });
  const element = section("operations", "Operations", "Every operation of the trace: sort by a head, search, or come from a chart above.",
    floorScatter(ops, (op) => { show([op], `Only ${op.name}. `); })?.element, el("p", { class: "note", role: "status" }, state, clear), table.element);
  const show = (rows, words) => {
    state.textContent = words;
    clear.hidden = rows.length === ops.length;
    table.show(rows);
  };
  return {
    element,
    filter(key, value) {
      show(ops.filter((op) => (op[key] || "none") === value), `Only ${key} ${value}: ${ops.filter((op) => (op[key] || "none") === value).length} operations. `);
      element.scrollIntoView({ block: "start" });
    },
  };
}

export function collectivesSection(report) {
  const rows = at(report, "latency.collectives", []);
  if (rows.length === 0) return null;
  const drawn = rows.filter((row) => row.bytes > 0 && row.bus_bytes_per_s > 0);
  const algorithms = [...new Set(drawn.map((row) => row.algorithm))];
  const columns = [{ title: "collective", value: (row) => row.name, wide: true }, { title: "kind", value: (row) => row.kind }, { title: "algorithm", value: (row) => row.algorithm },
    { title: "ranks", value: (row) => row.ranks, format: count, number: true }, { title: "bytes", value: (row) => row.bytes, format: (v) => si(v, "B"), number: true },
    { title: "mean", value: (row) => row.seconds, format: duration, number: true }, { title: "max", value: (row) => row.seconds_max, format: duration, number: true },
    { title: "model", value: (row) => row.model_seconds || null, format: duration, number: true }, { title: "exposed", value: (row) => row.exposed_s, format: duration, number: true },
    { title: "wait", value: (row) => row.wait_s, format: duration, number: true }, { title: "move", value: (row) => row.move_s, format: duration, number: true },
    { title: "bus bandwidth", value: (row) => row.bus_bytes_per_s, format: (v) => si(v, "B/s"), number: true }];
  return section("collectives", "Collectives", "How much of the bandwidth do they get? Their time goes from a rank's entry to its completion: waiting for late ranks is in it.",
    drawn.length > 0 ? chart({
      title: "Bus bandwidth over size", says: `${drawn.length} collectives`, columns: columns.filter((one) => ["collective", "algorithm", "bytes", "bus bandwidth", "mean"].includes(one.title)),
      rows: () => drawn, height: 320,
      option: ({ width }) => ({
        grid: { left: 8, right: 30, top: legendHeight(algorithms, width), bottom: 26, containLabel: true }, legend: legendFor(algorithms, width),
        tooltip: { formatter: ({ data }) => tip(data.row.name, `${data.row.kind}, ${data.row.algorithm}, ${count(data.row.ranks)} ranks`, `${si(data.row.bytes, "B")} in ${duration(data.row.seconds)}: ${si(data.row.bus_bytes_per_s, "B/s")}`) },
        xAxis: { type: "log", logBase: 10, name: "bytes", nameGap: 26, axisLabel: { formatter: (v) => si(v, "B") } },
        yAxis: { type: "log", axisLabel: { formatter: (v) => si(v, "B/s") } },
        series: algorithms.map((algorithm, i) => ({ type: "scatter", name: algorithm || "none", symbolSize: 9, itemStyle: { color: classColour(i), opacity: 0.8 },
          data: drawn.filter((row) => row.algorithm === algorithm).map((row) => ({ value: [row.bytes, row.bus_bytes_per_s], row })) })),
      }),
    }).element : null, dataTable("collectives", columns, rows, { sort: { column: 5, down: true }, first: 15 }).element);
}
