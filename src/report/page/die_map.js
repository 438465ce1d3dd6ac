// SPDX-License-Identifier: Apache-2.0
// One die: its edges, and its on-die links by direction, or node by node when the run had --links all.
import { chart, tip } from "./chart.js";
import { inkOn, roundUp, viridis } from "./colours.js";
import { kSides, sitesOf } from "./dies.js";
import { percent } from "./units.js";

const kOpposite = { east: "west", west: "east", north: "south", south: "north" };
const kSteps = { east: [0, 1], west: [0, -1], north: [-1, 0], south: [1, 0] };

/** What comes in over an edge is what the die beyond it sends. */
function incoming(map, die, side) {
  const [down, right] = kSteps[side];
  const other = map.dies.find((one) => one.row === die.row + down && one.column === die.column + right);
  return other ? other.edge[kOpposite[side]] : null;
}

/** Bars around and inside of the die: {x, y, width, height} in shares of the square, with words and value. */
function barsOf(map, die) {
  const bars = [];
  for (const side of kSides) {
    for (const [words, value, offset] of [
      ["out", die.edge[side], 0.3],
      ["in", incoming(map, die, side), 0.52],
    ]) {
      if (value === null || value === undefined) continue;
      const along = { x: offset, width: 0.18 },
        across = { y: offset, height: 0.18 };
      const place = {
        north: { ...along, y: 0, height: 0.1 },
        south: { ...along, y: 0.9, height: 0.1 },
        west: { ...across, x: 0, width: 0.1 },
        east: { ...across, x: 0.9, width: 0.1 },
      }[side];
      bars.push({ ...place, words: `edge ${side}, ${words}`, value, short: `${words} ${percent(value)}` });
    }
    const noc = die.noc[side];
    if (!noc || die.nodes) continue;
    const place = {
      north: { x: 0.38, y: 0.18, width: 0.24, height: 0.2 },
      south: { x: 0.38, y: 0.62, width: 0.24, height: 0.2 },
      west: { x: 0.14, y: 0.4, width: 0.22, height: 0.2 },
      east: { x: 0.64, y: 0.4, width: 0.22, height: 0.2 },
    }[side];
    bars.push({
      ...place,
      words: `on-die links to the ${side}: mean ${percent(noc.mean)}, busiest ${percent(noc.most)}`,
      value: noc.most,
      short: `${side} ${percent(noc.most)}`,
    });
  }
  return bars;
}

/** Four thin bars a node, at its sides. */
function nodeBars(map, die) {
  const { columns, rows } = sitesOf(map.report),
    bars = [];
  const cell = 0.74 / Math.max(columns, rows),
    left = 0.13 + (0.74 - cell * columns) / 2,
    top = 0.13 + (0.74 - cell * rows) / 2;
  die.nodes.forEach((node, site) => {
    const x = left + (site % columns) * cell,
      y = top + Math.floor(site / columns) * cell,
      thick = cell * 0.24;
    for (const [side, value] of Object.entries(node)) {
      const place = {
        east: { x: x + cell - thick, y: y + thick, width: thick, height: cell - 2 * thick },
        west: { x, y: y + thick, width: thick, height: cell - 2 * thick },
        north: { x: x + thick, y, width: cell - 2 * thick, height: thick },
        south: { x: x + thick, y: y + cell - thick, width: cell - 2 * thick, height: thick },
      }[side];
      bars.push({ ...place, words: `node[${site}] to the ${side}`, value });
    }
  });
  return bars;
}

/** The chart of the die that `map` has open. */
export function drawnDie(map) {
  const die = map.die;
  const bars = [...barsOf(map, die), ...(die.nodes ? nodeBars(map, die) : [])];
  const highest = Math.max(0, ...bars.map((bar) => bar.value)),
    limit = map.own ? roundUp(highest) : 1;
  const sizeOf = (width) => Math.min(width, 560);
  return chart({
    title: `${die.path}: its links, coloured by use (highest ${percent(highest)})`,
    says: bars
      .slice(0, 12)
      .map((bar) => `${bar.words} ${percent(bar.value)}`)
      .join("; "),
    columns: [
      { title: "link", value: (bar) => bar.words, wide: true },
      { title: "use", value: (bar) => bar.value, format: percent, number: true },
    ],
    rows: () => bars,
    height: (width) => sizeOf(width) + 4,
    option: ({ colours, width }) => {
      const size = sizeOf(width),
        left = (width - size) / 2;
      return {
        grid: { left: 0, right: 0, top: 0, bottom: 0 },
        xAxis: { type: "value", min: 0, max: 1, show: false },
        yAxis: { type: "value", min: 0, max: 1, show: false },
        tooltip: {
          formatter: ({ dataIndex, seriesIndex }) =>
            seriesIndex === 0
              ? tip(die.path, die.core === null ? null : `cores ${percent(die.core)}`)
              : tip(bars[dataIndex].words, percent(bars[dataIndex].value)),
        },
        series: [
          {
            type: "custom",
            silent: die.nodes !== null,
            data: [[0, 0]],
            renderItem: () => ({
              type: "group",
              children: [
                {
                  type: "rect",
                  shape: {
                    x: left + size * 0.12,
                    y: size * 0.12,
                    width: size * 0.76,
                    height: size * 0.76,
                    r: 4,
                  },
                  style: { fill: "transparent", stroke: colours.line, lineWidth: 2 },
                },
                die.nodes
                  ? { type: "group" }
                  : {
                      type: "text",
                      style: {
                        text: die.core === null ? "" : `cores\n${percent(die.core)}`,
                        x: left + size / 2,
                        y: size / 2,
                        align: "center",
                        verticalAlign: "middle",
                        fill: colours.ink,
                        fontSize: 13,
                        lineHeight: 17,
                      },
                    },
              ],
            }),
          },
          {
            type: "custom",
            data: bars.map((_, i) => [0, 0, i]),
            renderItem: (params) => {
              const one = bars[params.dataIndex],
                shape = {
                  x: left + one.x * size,
                  y: one.y * size,
                  width: one.width * size,
                  height: one.height * size,
                };
              const children = [{ type: "rect", shape, style: { fill: viridis(one.value / limit) } }];
              if (one.short)
                children.push({
                  type: "text",
                  style: {
                    text: one.short.replace(" ", "\n"),
                    x: shape.x + shape.width / 2,
                    y: shape.y + shape.height / 2,
                    align: "center",
                    verticalAlign: "middle",
                    fill: inkOn(one.value / limit),
                    fontSize: Math.max(9, Math.min(13, size / 42)),
                    lineHeight: Math.max(11, Math.min(17, size / 32)),
                  },
                });
              return { type: "group", children };
            },
          },
        ],
      };
    },
  });
}
