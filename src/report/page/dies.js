// SPDX-License-Identifier: Apache-2.0
// The dies of the machine with what their links and cores did; where each is drawn.
import { at, unpacked } from "./island.js";

export const kSides = ["east", "west", "north", "south"];

/** The die, or the node, that a link belongs to: "tile.die[3]" of "tile.die[3].noc.east". */
function ownerOf(path) {
  const end = path.search(/\.(noc|edge|router|ttp|hbm|pcie|ethernet)(\.|$)/);
  return end < 0 ? path : path.slice(0, end);
}

export function readLinks(island) {
  const { columns, length } = unpacked(island.links);
  const links = [];
  for (let i = 0; i < length; ++i) {
    const path = columns.path[i];
    links.push({
      path,
      owner: ownerOf(path),
      side: kSides.find((side) => path.endsWith(`.${side}`)) ?? null,
      type: columns.class[i],
      links: columns.links[i],
      bytes: columns.bytes[i],
      share: columns.utilisation[i],
      most: columns.utilisation_max[i],
      queue: columns.queue_cycles_mean[i],
      capacity: columns.capacity_bytes_per_s[i],
    });
  }
  return links;
}

/** Dies with `edge`, `noc` (by side: mean and busiest) and, where the run had --links all, `nodes`. */
export function readDies(island, links) {
  const { columns, length } = unpacked(island.dies);
  const dies = [];
  const byPath = new Map();
  for (let i = 0; i < length; ++i) {
    const die = {
      i,
      path: columns.path[i],
      row: columns.row[i],
      column: columns.column[i],
      core: columns.core_utilisation[i],
      mean: columns.noc_utilisation[i],
      edge: Object.fromEntries(kSides.map((side) => [side, columns[side][i] ?? null])),
      noc: {},
      nodes: null,
      busiest: null,
      queue: null,
    };
    dies.push(die);
    byPath.set(die.path, die);
  }
  for (const link of links) {
    const node = /^(.*)\.node\[(\d+)\]$/.exec(link.owner);
    const die =
      byPath.get(node ? node[1] : link.owner) ?? (node === null && dies.length === 1 ? dies[0] : null);
    if (!die || link.side === null || link.type !== "noc") continue;
    die.busiest = Math.max(die.busiest ?? 0, link.most);
    die.queue = Math.max(die.queue ?? 0, link.queue);
    if (!node) {
      die.noc[link.side] = { mean: link.share, most: link.most };
      continue;
    }
    die.nodes ??= [];
    (die.nodes[Number(node[2])] ??= {})[link.side] = link.share;
    const sum = (die.noc[link.side] ??= { mean: 0, most: 0, n: 0 });
    sum.mean = (sum.mean * sum.n + link.share) / ++sum.n;
    sum.most = Math.max(sum.most, link.most);
  }
  return dies;
}

/** What a map can show of a die: [key, words, value(die)]; only what some die has. */
export function measuresOf(dies) {
  const most = (die) => {
    const values = kSides.map((side) => die.edge[side]).filter((value) => value !== null);
    return values.length > 0 ? Math.max(...values) : null;
  };
  return [
    ["edges", "die edges", most],
    ["busiest", "on-die links, busiest", (die) => die.busiest],
    ["mean", "on-die links, mean", (die) => die.mean],
    ["core", "cores", (die) => die.core],
    ["queue", "queue cycles before on-die links", (die) => die.queue],
  ].filter(([, , value]) => dies.some((die) => value(die) !== null));
}

/** Places in units of a cell; tiles stand a little apart. A long machine lies when there is width for it. */
export function planOf(dies, machine, width) {
  const rows = Math.max(...dies.map((die) => die.row)) + 1,
    columns = Math.max(...dies.map((die) => die.column)) + 1;
  const gap = 0.35,
    tileRows = machine.tile_die_rows || rows,
    tileColumns = machine.tile_die_columns || columns;
  const lying = rows > 2 * columns && width > 640;
  const down = (row) => row + Math.floor(row / tileRows) * gap,
    across = (column) => column + Math.floor(column / tileColumns) * gap;
  const high = down(rows - 1) + 1,
    wide = across(columns - 1) + 1;
  return {
    lying,
    wide: lying ? high : wide,
    high: lying ? wide : high,
    place: (die) => (lying ? [down(die.row), across(die.column)] : [across(die.column), down(die.row)]),
    // Drawn lying, rows run to the right: south and north turn into right and left.
    side: (side) =>
      (lying
        ? { south: "right", north: "left", east: "bottom", west: "top" }
        : { east: "right", west: "left", north: "top", south: "bottom" })[side],
  };
}

export function tileOf(die, machine) {
  return [
    Math.floor(die.row / (machine.tile_die_rows || 1e9)),
    Math.floor(die.column / (machine.tile_die_columns || 1e9)),
  ];
}

export function sitesOf(report) {
  const columns = at(report, "configuration.values.machine.die.grid.columns", 20);
  return { columns, rows: at(report, "configuration.values.machine.die.grid.rows", 18) };
}
