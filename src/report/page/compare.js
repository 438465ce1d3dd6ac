// SPDX-License-Identifier: Apache-2.0
// The page of a comparison: what the step did, because of what, and which group moved how many seconds.
import { bars, legendFor, legendHeight, rowLabels } from "./bars.js";
import { chart, tip } from "./chart.js";
import { colourOf, kClasses } from "./colours.js";
import { differenceSection } from "./difference.js";
import { choice, el, fold, list, menu, section } from "./dom.js";
import { at } from "./island.js";
import { dataTable } from "./table.js";
import { duration, percent } from "./units.js";

const kMostMoved = 24;
const kBy = [
  ["cause", "cause"],
  ["kind", "kind"],
  ["phase", "phase"],
  ["layer", "layer"],
  ["operation", "operation"],
];
const kColumn = { operation: 0, kind: 1, phase: 2, layer: 3 };

function signed(seconds) {
  return `${seconds > 0 ? "+" : ""}${duration(seconds)}`;
}

/** Seconds of a rank by group. */
function secondsBy(run, by) {
  const sums = new Map();
  if (by === "cause") for (const row of run.bottlenecks ?? []) sums.set(row.name, row.seconds);
  else
    for (const row of run.operations)
      sums.set(row[kColumn[by]] || "none", (sums.get(row[kColumn[by]] || "none") ?? 0) + row[4]);
  return sums;
}

/** What moved from the base to the other run: the largest first. */
function movedBy(base, other, by) {
  const before = secondsBy(base, by),
    after = secondsBy(other, by);
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((name) => ({ name, base: before.get(name) ?? 0, other: after.get(name) ?? 0 }))
    .map((row) => ({ ...row, moved: row.other - row.base }))
    .filter((row) => row.moved !== 0)
    .sort((a, b) => Math.abs(b.moved) - Math.abs(a.moved));
}

function headlines(pairs, runs) {
  const names = [...new Set(pairs.flatMap((pair) => pair.headline.map(([name]) => name)))];
  const of = (pair, name) => pair.headline.find(([one]) => one === name);
  const label = (pair, i) => runs[i + 1]?.label ?? (pair.name || "new");
  return dataTable(
    "headline",
    [
      { title: "figure", value: (name) => name },
      {
        title: runs[0]?.label ?? "base",
        value: (name) => pairs.map((pair) => of(pair, name)?.[1]).find((text) => text),
        number: true,
      },
      ...pairs.flatMap((pair, i) => [
        { title: label(pair, i), value: (name) => of(pair, name)?.[2], number: true },
        { title: "change", value: (name) => of(pair, name)?.[3], number: true },
      ]),
    ],
    names,
    { search: false },
  ).element;
}

function moved(pairs, runs) {
  if (runs.length < 2) return null;
  let other = runs[1],
    by = "cause";
  const place = el("div", {});
  const draw = () => {
    const all = movedBy(runs[0], other, by),
      rows = all.slice(0, kMostMoved);
    const total = (other.time?.seconds ?? 0) - (runs[0].time?.seconds ?? 0);
    place.replaceChildren(
      rows.length === 0
        ? el("p", { text: "Nothing moved." })
        : bars({
            title: `${other.label} less ${runs[0].label}, by ${by}: ${signed(total)} in all${all.length > rows.length ? `; the ${rows.length} largest of ${all.length}` : ""}`,
            says: rows
              .slice(0, 5)
              .map((row) => `${row.name} ${signed(row.moved)}`)
              .join("; "),
            rows,
            name: (row) => row.name,
            format: signed,
            series: [
              {
                name: "moved",
                value: (row) => row.moved,
                colourOf: (row) => kClasses[row.moved > 0 ? 1 : 2],
              },
            ],
            right: (row) => signed(row.moved),
            columns: [
              { title: by, value: (row) => row.name, wide: true },
              { title: "base", value: (row) => row.base, format: duration, number: true },
              { title: "new", value: (row) => row.other, format: duration, number: true },
              { title: "moved", value: (row) => row.moved, format: signed, number: true },
              {
                title: "of the base",
                value: (row) => (row.base ? row.moved / row.base : null),
                format: percent,
                number: true,
              },
            ],
          }).element,
    );
  };
  draw();
  return section(
    "moved",
    "Where it moved",
    "Seconds of a rank's time, as a mean over the ranks: orange is longer, green is shorter.",
    el(
      "div",
      { class: "steer" },
      runs.length > 2
        ? menu(
            "run",
            runs.slice(1).map((run) => [run, run.label]),
            other,
            (run) => {
              other = run;
              draw();
            },
          )
        : null,
      choice("by", kBy, by, (one) => {
        by = one;
        draw();
      }),
    ),
    place,
  );
}

/** All runs side by side. */
function sideBySide(runs) {
  const shown = runs.filter((run) => (run.bottlenecks ?? []).length > 0);
  if (shown.length < 2) return null;
  const names = [...new Set(shown.flatMap((run) => run.bottlenecks.map((row) => row.name)))];
  const of = (run, name) => run.bottlenecks.find((row) => row.name === name)?.seconds ?? 0;
  return section(
    "causes",
    "Side by side",
    "What bounds each run.",
    chart({
      title: "Time by cause",
      says: shown.map((run) => `${run.label} ${duration(at(run, "time.seconds", 0))}`).join("; "),
      rows: () => shown,
      height: 110 + 34 * shown.length,
      columns: [
        { title: "run", value: (run) => run.label, wide: true },
        { title: "time", value: (run) => at(run, "time.seconds"), format: duration, number: true },
        ...names.map((name) => ({
          title: name,
          value: (run) => of(run, name),
          format: duration,
          number: true,
        })),
      ],
      option: ({ colours, width }) => ({
        grid: { left: 8, right: 30, top: legendHeight(names, width), bottom: 8, containLabel: true },
        legend: legendFor(names, width),
        tooltip: {
          formatter: ({ seriesName, dataIndex }) =>
            tip(shown[dataIndex].label, `${seriesName} ${duration(of(shown[dataIndex], seriesName))}`),
        },
        xAxis: { type: "value", axisLabel: { formatter: duration }, splitNumber: width < 500 ? 3 : 6 },
        yAxis: {
          type: "category",
          inverse: true,
          data: shown.map((run) => run.label),
          axisTick: { show: false },
          axisLabel: rowLabels(width, colours),
        },
        series: names.map((name) => ({
          type: "bar",
          stack: "all",
          name,
          barMaxWidth: 22,
          itemStyle: { color: colourOf(name) },
          data: shown.map((run) => of(run, name)),
        })),
      }),
    }).element,
  );
}

function changes(pair) {
  return el(
    "div",
    {},
    el("p", { text: pair.counts }),
    pair.groups.map((group) =>
      fold(
        `${group.name} (${group.all})`,
        () =>
          dataTable(
            group.name,
            [
              {
                title: "value",
                value: (row) => `${row[1]}${row[6] > 0 ? ` (and ${row[6]} more)` : ""}`,
                wide: true,
              },
              { title: "verdict", value: (row) => row[0] },
              { title: "base", value: (row) => row[2], number: true },
              { title: "new", value: (row) => row[3], number: true },
              { title: "change", value: (row) => row[4], number: true },
              { title: "moved", value: (row) => row[5] || null, format: duration, number: true },
            ],
            group.rows,
          ).element,
      ),
    ),
  );
}

/** A suite: a row for each pair of runs. */
function overview(island) {
  const rows = [
    ...island.pairs.map((pair) => ({ pair, name: pair.name, result: pair.failed ? "failed" : "good" })),
    ...island.missing.map((name) => ({ name, result: "missing" })),
    ...island.added.map((name) => ({ name, result: "new" })),
  ];
  return section(
    "runs",
    "Runs",
    null,
    dataTable(
      "runs",
      [
        { title: "run", value: (row) => row.name, wide: true },
        { title: "result", value: (row) => row.result },
        { title: "base", value: (row) => row.pair?.headline[0]?.[1], number: true },
        { title: "new", value: (row) => row.pair?.headline[0]?.[2], number: true },
        { title: "change", value: (row) => row.pair?.headline[0]?.[3], number: true },
        { title: "values", value: (row) => row.pair?.counts, wide: true },
      ],
      rows,
    ).element,
  );
}

/** Paths without the folders that all of them have. */
function shortened(labels) {
  const parts = labels.map((label) => label.split("/"));
  let same = 0;
  while (parts.length > 0 && parts.every((one) => same + 1 < one.length && one[same] === parts[0][same]))
    ++same;
  return parts.map((one) => one.slice(same).join("/"));
}

export function comparePage(island) {
  const { pairs } = island,
    names = shortened(island.runs.map((run) => run.label)),
    runs = island.runs.map((run, i) => ({ ...run, label: names[i] }));
  const suite = runs.length === 0;
  const causes = (pair, i) =>
    el(
      "div",
      {},
      pairs.length > 1 ? el("h3", { text: runs[i + 1]?.label ?? pair.name }) : null,
      pair.causes.length === 0 ? el("p", { text: "No key, no input, not the program." }) : list(pair.causes),
      pair.all_causes > pair.causes.length
        ? el("p", { class: "note", text: `and ${pair.all_causes - pair.causes.length} more` })
        : null,
    );
  const title = suite ? "Comparison of two folders of runs" : `Comparison of ${runs.length} runs`;
  return {
    head: [
      el("h1", { text: title }),
      suite
        ? null
        : el("p", { class: "line", text: `base ${island.runs.map((run) => run.label).join(" · ")}` }),
    ],
    sections: suite
      ? [
          overview(island),
          section(
            "changes",
            "What changed",
            null,
            pairs
              .filter((pair) => pair.groups.length > 0)
              .map((pair) =>
                fold(pair.name, () =>
                  el("div", { class: "panel" }, headlines([pair], []), causes(pair, 0), changes(pair)),
                ),
              ),
          ),
        ]
      : [
          section("answer", "The answer", "What did the step do?", headlines(pairs, runs)),
          section("why", "What was changed", null, pairs.map(causes)),
          moved(pairs, runs),
          sideBySide(runs),
          differenceSection(runs),
          section(
            "changes",
            "All changes",
            null,
            pairs.map((pair, i) =>
              el("div", {}, pairs.length > 1 ? el("h3", { text: runs[i + 1].label }) : null, changes(pair)),
            ),
          ),
        ],
  };
}
