// SPDX-License-Identifier: Apache-2.0
// A search: its rungs from cheap to dear, and how far each point came.
import { el, section } from "./dom.js";
import { labelOf, shown } from "./points.js";
import { dataTable } from "./table.js";
import { formatOf } from "./units.js";

function settingsOf(rung) {
  const set = Object.entries(rung.set).map(([path, value]) => `${path} = ${value}`);
  return set.join(", ") || "the base as it is";
}

/** The best point of a rung by the goal, of those that were on it. */
function bestOnRung(points, value, largest) {
  const known = points.filter((point) => typeof value(point) === "number");
  return known.sort((a, b) => (largest ? -1 : 1) * (value(a) - value(b)))[0] ?? null;
}

export function searchSection(data) {
  const search = data.sweep.search;
  if (!search) return null;
  const last = search.rungs.length - 1,
    format = formatOf(search.goal);
  const goal = (point, rung) => (rung === last ? point.metrics[search.goal] : point.goals[rung]) ?? null;
  const rungs = search.rungs.map((rung, i) => ({
    ...rung,
    number: i + 1,
    done: data.points.filter((point) => point.rung > i).length,
    best: bestOnRung(data.points, (point) => goal(point, i), search.largest),
  }));
  return section(
    "search",
    "The search",
    `The ${search.largest ? "largest" : "smallest"} ${search.goal} of each rung goes on to the next.`,
    dataTable(
      "rungs",
      [
        { title: "rung", value: (rung) => rung.number, number: true },
        { title: "sets", value: settingsOf, wide: true },
        { title: "points at most", value: (rung) => rung.points, number: true },
        { title: "done", value: (rung) => rung.done, number: true },
        {
          title: "best",
          value: (rung) =>
            rung.best ? `${shown({ format }, goal(rung.best, rung.number - 1))} (point ${rung.best.i})` : "none yet",
          wide: true,
        },
      ],
      rungs,
      { search: false },
    ).element,
    el("h3", { text: "How far each point came" }),
    dataTable(
      "search",
      [
        { title: "point", value: (point) => point.i, number: true, href: (point) => point.page },
        { title: "values", value: (point) => labelOf(data, point), wide: true },
        { title: "rung", value: (point) => point.rung, number: true },
        { title: "status", value: (point) => point.status },
        ...search.rungs.map((_, i) => ({
          title: i === last ? search.goal : `on rung ${i + 1}`,
          value: (point) => goal(point, i),
          format,
          number: true,
        })),
      ],
      data.points,
      { sort: { column: 2, down: true } },
    ).element,
  );
}
