// SPDX-License-Identifier: Apache-2.0
// Where on the machine two runs differ: links by class side by side, and a map of the dies whose colour is other less
// base.
import { legendHeight } from "./bars.js";
import { chart, chartsAreThere, tip } from "./chart.js";
import { difference, kClasses, roundUp } from "./colours.js";
import { choice, el, menu, section } from "./dom.js";
import { kSides, measuresOf, planOf, readDies } from "./dies.js";
import { at } from "./island.js";
import { percent, signedPercent } from "./units.js";

function classRows(base, other) {
  const before = at(base, "links.classes", {}),
    after = at(other, "links.classes", {});
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => (before[name]?.count ?? 0) + (after[name]?.count ?? 0) > 0)
    .flatMap((name) =>
      [
        ["mean", "utilisation_mean"],
        ["busiest", "utilisation_max"],
      ].map(([word, key]) => ({
        name: `${name}, ${word}`,
        base: before[name]?.[key] ?? 0,
        other: after[name]?.[key] ?? 0,
      })),
    );
}

function classPairs(base, other) {
  const rows = classRows(base, other);
  if (rows.length === 0) return null;
  const names = [base.label, other.label];
  return chart({
    title: `Use of links by class: ${base.label} and ${other.label}`,
    says: rows.map((row) => `${row.name} ${percent(row.base)}, then ${percent(row.other)}`).join("; "),
    height: (width) => legendHeight(names, width) + 20 + 36 * rows.length,
    rows: () => rows,
    columns: [
      { title: "links", value: (row) => row.name },
      { title: base.label, value: (row) => row.base, format: percent, number: true },
      { title: other.label, value: (row) => row.other, format: percent, number: true },
      { title: "change", value: (row) => row.other - row.base, format: signedPercent, number: true },
    ],
    option: ({ colours, width }) => ({
      grid: { left: 8, right: 110, top: legendHeight(names, width), bottom: 8, containLabel: true },
      legend: {},
      tooltip: {
        trigger: "axis",
        axisPointer: { type: "shadow" },
        formatter: (items) => {
          const row = rows[items[0].dataIndex];
          return tip(
            row.name,
            `${base.label} ${percent(row.base)}`,
            `${other.label} ${percent(row.other)} (${signedPercent(row.other - row.base)})`,
          );
        },
      },
      xAxis: { type: "value", min: 0, axisLabel: { formatter: percent }, splitNumber: width < 500 ? 2 : 5 },
      yAxis: {
        type: "category",
        inverse: true,
        data: rows.map((row) => row.name),
        axisLabel: { color: colours.ink, interval: 0 },
      },
      series: ["base", "other"].map((key, i) => ({
        type: "bar",
        name: names[i],
        barMaxWidth: 12,
        itemStyle: { color: kClasses[i] },
        data: rows.map((row) => row[key]),
        label: {
          show: true,
          position: "right",
          color: colours.soft,
          fontSize: 11,
          formatter: ({ dataIndex }) =>
            i === 0
              ? percent(rows[dataIndex].base)
              : `${percent(rows[dataIndex].other)} (${signedPercent(rows[dataIndex].other - rows[dataIndex].base)})`,
        },
      })),
    }),
  }).element;
}

/** Dies of both, where the machines have the same ones. */
function pairsOfDies(base, other) {
  const before = readDies(base, []),
    after = readDies(other, []);
  const same =
    before.length > 0 &&
    before.length === after.length &&
    before.every((die, i) => die.path === after[i].path && die.row === after[i].row);
  return same ? before.map((die, i) => ({ die, other: after[i], row: die.row, column: die.column })) : [];
}

/** Of a pair of dies, by measure: other less base; null where one of them has none. */
function measures(pairs) {
  const of = (value) => (pair) => {
    const [a, b] = [value(pair.die), value(pair.other)];
    return a === null || b === null ? null : b - a;
  };
  return measuresOf(pairs.map((pair) => pair.die))
    .filter(([key]) => key !== "queue" && key !== "busiest")
    .map(([key, words, value]) => [key, key === "edges" ? "die edges, busiest" : words, of(value), value]);
}

function mapOf(base, other, pairs, [, words, moved, value]) {
  const machine = base.machine ?? {};
  const most = Math.max(...pairs.map((pair) => Math.abs(moved(pair) ?? 0))),
    limit = roundUp(most);
  const cellOf = (plan, width) => Math.min((width - 2) / plan.wide, 620 / plan.high, 120);
  const gap = 0.06;
  const figure = chart({
    title: `${words[0].toUpperCase()}${words.slice(1)}: ${other.label} less ${base.label} (largest ${percent(most)})`,
    says: `${pairs.length} dies; ${pairs.filter((pair) => moved(pair) > 0).length} of them have more use, ${pairs.filter((pair) => moved(pair) < 0).length} less.`,
    height: (width) => {
      const plan = planOf(pairs, machine, width);
      return Math.ceil(plan.high * cellOf(plan, width)) + 4;
    },
    rows: () => pairs,
    columns: [
      { title: "die", value: (pair) => pair.die.path },
      { title: base.label, value: (pair) => value(pair.die), format: percent, number: true },
      { title: other.label, value: (pair) => value(pair.other), format: percent, number: true },
      { title: "change", value: moved, format: signedPercent, number: true },
      ...kSides.map((side) => ({
        title: `edge ${side}`,
        value: (pair) =>
          pair.die.edge[side] === null || pair.other.edge[side] === null
            ? null
            : pair.other.edge[side] - pair.die.edge[side],
        format: signedPercent,
        number: true,
      })),
    ],
    option: ({ colours, width }) => {
      const plan = planOf(pairs, machine, width),
        cell = cellOf(plan, width),
        left = Math.max(0, (width - plan.wide * cell) / 2);
      return {
        grid: { left: 0, right: 0, top: 0, bottom: 0 },
        xAxis: { type: "value", min: 0, max: 1, show: false },
        yAxis: { type: "value", min: 0, max: 1, show: false },
        tooltip: {
          formatter: ({ dataIndex }) => {
            const pair = pairs[dataIndex];
            return tip(
              pair.die.path,
              `${base.label} ${percent(value(pair.die) ?? NaN)}`,
              `${other.label} ${percent(value(pair.other) ?? NaN)}`,
              `change ${signedPercent(moved(pair) ?? NaN)}`,
            );
          },
        },
        series: [
          {
            type: "custom",
            data: pairs.map((_, i) => [0, 0, i]),
            progressive: 0,
            renderItem: ({ dataIndex }) => {
              const pair = pairs[dataIndex],
                change = moved(pair),
                [px, py] = plan.place(pair);
              const shape = {
                x: left + (px + gap / 2) * cell,
                y: 1 + (py + gap / 2) * cell,
                width: cell * (1 - gap),
                height: cell * (1 - gap),
              };
              const children = [
                {
                  type: "rect",
                  shape,
                  style: { fill: change === null ? colours.line : difference(change / limit) },
                },
              ];
              if (cell > 44 && change !== null)
                children.push({
                  type: "text",
                  style: {
                    text: signedPercent(change),
                    x: shape.x + shape.width / 2,
                    y: shape.y + shape.height / 2,
                    align: "center",
                    verticalAlign: "middle",
                    fontSize: Math.min(14, cell / 5.5),
                    fill: Math.abs(change / limit) > 0.6 ? "#fff" : "#111",
                  },
                });
              return { type: "group", children };
            },
          },
        ],
      };
    },
  }).element;
  const stops = Array.from({ length: 9 }, (_, i) => difference(i / 4 - 1)).join(",");
  const end = `${Number((100 * limit).toPrecision(1))} %`;
  return el(
    "div",
    {},
    figure,
    el(
      "div",
      { class: "legend" },
      el("span", { text: `-${end}` }),
      el("i", { style: { background: `linear-gradient(90deg,${stops})` } }),
      el("span", { text: `+${end}` }),
    ),
  );
}

/** Of the first run and another one. */
export function differenceSection(runs) {
  if (runs.length < 2) return null;
  const place = el("div", {});
  let other = runs[1],
    measure = null;
  const draw = () => {
    const base = runs[0],
      pairs = pairsOfDies(base, other),
      all = pairs.length > 0 ? measures(pairs) : [];
    const parts = [];
    if (chartsAreThere() && all.length > 0) {
      const chosen = all.find(([key]) => key === measure) ?? all[0];
      parts.push(
        choice(
          "show",
          all.map(([key, words]) => [key, words]),
          chosen[0],
          (key) => {
            measure = key;
            draw();
          },
        ),
        mapOf(base, other, pairs, chosen),
      );
    } else if (all.length === 0)
      parts.push(
        el("p", {
          class: "note",
          text: "No map: the runs have no tables of dies beside their reports, or other dies.",
        }),
      );
    const classes = classPairs(base, other);
    if (classes) parts.push(classes);
    place.replaceChildren(...parts);
  };
  draw();
  return section(
    "where",
    "Where on the machine",
    "Use of links and cores: orange is more than in the base, blue is less; changes are percentage points.",
    runs.length > 2
      ? el(
          "div",
          { class: "steer" },
          menu(
            "run",
            runs.slice(1).map((run) => [run, run.label]),
            other,
            (run) => {
              other = run;
              draw();
            },
          ),
        )
      : null,
    place,
  );
}
