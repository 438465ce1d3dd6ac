// SPDX-License-Identifier: Apache-2.0
// The points of a sweep, and what is said of them: which is better, the base, the front.
import { unpacked } from "./island.js";
import { formatOf, shortName } from "./units.js";

const kOwn = ["index", "hash", "status", "reason", "pareto", "rung"];

/** Rates, shares of peak and throughput are to be large, all else small; the sweep's own goals win. */
function betterIs(sweep, key) {
  if ((sweep.pareto?.max ?? []).includes(key)) return "larger";
  if (sweep.search?.goal === key) return sweep.search.largest ? "larger" : "smaller";
  if ((sweep.pareto?.min ?? []).includes(key)) return "smaller";
  return /per_s$|utilisation$|achieved|fractions\.(compute|overlapped)/.test(key) ? "larger" : "smaller";
}

export function sameValue(a, b) {
  return (
    a === b ||
    (typeof a === "number" &&
      typeof b === "number" &&
      Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b)))
  );
}

/** The page of a point's run; of a search that of the last rung that it has done. */
function pageOf(folder, rungs, done) {
  if (!folder) return null;
  const of = done > 0 && done < rungs.length ? folder.replace(/^points/, rungs[done - 1].folder) : folder;
  return `${of}/report.html`;
}

/** {axes, metrics: [{key, name, format, better, base}], points, sweep, base (a point, or null)}. */
export function readSweep(island) {
  const { columns, length } = unpacked(island.rows),
    sweep = island.sweep ?? {};
  const bases = new Map((sweep.axes ?? []).map((axis) => [axis.path, axis.base]));
  const described = (key) => ({ key, name: shortName(key), format: formatOf(key) });
  const axes = island.axes.map((key) => ({ ...described(key), base: bases.get(key) ?? null }));
  const rungs = sweep.search?.rungs ?? [];
  const goals = rungs.slice(0, -1).map((_, i) => `${sweep.search.goal}@${i + 1}`);
  const metrics = island.columns
    .filter((key) => !kOwn.includes(key) && !island.axes.includes(key) && !goals.includes(key))
    .map((key) => ({ ...described(key), better: betterIs(sweep, key) }));
  const points = [];
  for (let i = 0; i < length; ++i) {
    const take = (keys) => Object.fromEntries(keys.map(({ key }) => [key, columns[key]?.[i] ?? null]));
    points.push({
      i,
      status: columns.status[i],
      reason: columns.reason[i],
      values: take(axes),
      metrics: take(metrics),
      front: columns.pareto?.[i] === 1,
      rung: columns.rung?.[i] ?? null,
      goals: goals.map((key) => columns[key]?.[i] ?? null),
      page: pageOf(island.folders[i], rungs, columns.rung?.[i]),
      summary: island.summaries[i] ?? null,
    });
  }
  for (const axis of axes) {
    axis.values = [];
    for (const { values } of points)
      if (!axis.values.some((one) => sameValue(one, values[axis.key]))) axis.values.push(values[axis.key]);
    axis.numeric = axis.values.every((value) => typeof value === "number");
    if (axis.numeric) axis.values.sort((a, b) => a - b);
  }
  const done = points.filter((point) => point.status === "done");
  const base =
    done.find((point) =>
      axes.every((axis) => axis.base !== null && sameValue(point.values[axis.key], axis.base)),
    ) ?? null;
  return {
    sweep,
    axes,
    metrics: metrics.filter(({ key }) => done.some((point) => typeof point.metrics[key] === "number")),
    points,
    done,
    base,
  };
}

export function shown(described, value) {
  return value === null || value === undefined
    ? "none"
    : typeof value === "number"
      ? described.format(value)
      : String(value);
}

/** "edge bytes per s 1 TB/s, batch 8": the axes of which there is more than one value; of one axis at a time what differs. */
export function labelOf(data, point) {
  if (data.sweep.mode === "one_at_a_time" && data.base !== null) {
    const moved = data.axes.filter((axis) => !sameValue(point.values[axis.key], data.base.values[axis.key]));
    return moved.map((axis) => `${axis.name} ${shown(axis, point.values[axis.key])}`).join(", ") || "base";
  }
  return data.axes
    .filter((axis) => axis.values.length > 1)
    .map((axis) => `${axis.name} ${shown(axis, point.values[axis.key])}`)
    .join(", ");
}

/** Points that none beats in both of two keys. */
export function frontOf(points, x, y) {
  const sign = (key) => (key.better === "larger" ? -1 : 1);
  const values = points.map((point) => [sign(x) * x.of(point), sign(y) * y.of(point)]);
  return points.filter(
    (_, i) =>
      !values.some(
        ([a, b]) => a <= values[i][0] && b <= values[i][1] && (a < values[i][0] || b < values[i][1]),
      ),
  );
}

/** How far each axis moves a metric: {axis, low, high, of: "base" or "mean"} as shares, the widest first. */
export function effectsOf(data, metric) {
  const base = data.base?.metrics[metric.key] ?? null;
  const effects = [];
  for (const axis of data.axes.filter((one) => one.values.length > 1)) {
    const others = data.axes.filter((one) => one !== axis);
    const alone =
      base === null
        ? []
        : data.done.filter((point) =>
            others.every((one) => sameValue(point.values[one.key], data.base.values[one.key])),
          );
    let rows,
      middle = base;
    if (alone.length > 1) {
      rows = alone.map((point) => ({ at: point.values[axis.key], value: point.metrics[metric.key] }));
    } else {
      rows = axis.values.map((at) => {
        const values = data.done
          .filter((point) => sameValue(point.values[axis.key], at))
          .map((point) => point.metrics[metric.key])
          .filter((value) => typeof value === "number");
        return { at, value: values.reduce((a, b) => a + b, 0) / values.length };
      });
      middle = rows.reduce((sum, row) => sum + (row.value || 0), 0) / rows.length;
    }
    rows = rows.filter((row) => Number.isFinite(row.value));
    if (rows.length < 2 || !middle) continue;
    rows.sort((a, b) => a.value - b.value);
    const [first, last] = [rows[0], rows[rows.length - 1]];
    effects.push({
      axis,
      of: alone.length > 1 ? "base" : "mean",
      low: first.value / middle - 1,
      high: last.value / middle - 1,
      lowAt: first.at,
      highAt: last.at,
    });
  }
  return effects.sort((a, b) => b.high - b.low - (a.high - a.low));
}
