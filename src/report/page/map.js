// SPDX-License-Identifier: Apache-2.0
// One map, from the whole machine to a tile and a die.
import { chart, tip } from "./chart.js";
import { inkOn, roundUp, viridis } from "./colours.js";
import { announce, el } from "./dom.js";
import { drawnDie } from "./die_map.js";
import { kSides, measuresOf, planOf, tileOf } from "./dies.js";
import { at } from "./island.js";
import { classChart, linkTable } from "./links.js";
import { count, percent } from "./units.js";

/** A bar at the side of a cell. */
function edgeShape(place, x, y, cell, thick) {
  const inset = Math.min(1, cell / 8);
  switch (place) {
    case "right":
      return { x: x + cell - thick, y: y + inset, width: thick, height: cell - 2 * inset };
    case "left":
      return { x, y: y + inset, width: thick, height: cell - 2 * inset };
    case "top":
      return { x: x + inset, y, width: cell - 2 * inset, height: thick };
    default:
      return { x: x + inset, y: y + cell - thick, width: cell - 2 * inset, height: thick };
  }
}

export class MachineMap {
  constructor(island, report, dies, links) {
    Object.assign(this, { report, dies, links, machine: report.machine ?? {} });
    this.measures = measuresOf(dies);
    this.measure = this.measures[0]?.[0];
    this.tile = null;
    this.die = dies.length === 1 ? dies[0] : null;
    this.own = true;
    this.focus = null;
    this.place = el("div", {});
    this.beside = classChart(report) ?? "";
    this.crumbs = el("div", { class: "crumbs" });
    this.details = el("div", { "aria-live": "polite" });
    this.view = null;
  }
  get measureRow() {
    return this.measures.find(([key]) => key === this.measure);
  }
  format(value) {
    return value === null || value === undefined
      ? "none"
      : this.measure === "queue"
        ? `${count(Number(value.toPrecision(3)))} cycles`
        : percent(value);
  }
  shown() {
    if (this.tile === null) return this.dies;
    return this.dies.filter((die) => tileOf(die, this.machine).join() === this.tile.join());
  }
  limit() {
    const value = this.measureRow[2];
    if (!this.own && this.measure !== "queue") return 1;
    return roundUp(Math.max(...this.dies.map((die) => value(die) ?? 0)));
  }
  /** Edges are values of their own; all else is one value of a die. */
  item(api, die, plan, cell, origin, limit, colours) {
    const [px, py] = plan.place(die);
    const gap = Math.max(0.5, cell * 0.06),
      x = origin[0] + px * cell + gap / 2,
      y = origin[1] + py * cell + gap / 2,
      size = cell - gap;
    const value = this.measureRow[2](die),
      children = [];
    const marked = this.focus === die;
    const fill = this.measure === "edges" || value === null ? colours.line : viridis(value / limit);
    children.push({
      type: "rect",
      shape: { x, y, width: size, height: size },
      style: { fill, stroke: marked ? colours.ink : undefined, lineWidth: marked ? 2 : 0 },
    });
    if (this.measure === "edges") {
      const thick = Math.max(1, size * 0.22);
      for (const side of kSides) {
        if (die.edge[side] === null) continue;
        children.push({
          type: "rect",
          shape: edgeShape(plan.side(side), x, y, size, thick),
          style: { fill: viridis(die.edge[side] / limit) },
        });
      }
    }
    if (size > 44 && value !== null) {
      children.push({
        type: "text",
        style: {
          text: this.format(value),
          x: x + size / 2,
          y: y + size / 2,
          align: "center",
          verticalAlign: "middle",
          fontSize: Math.min(15, size / 5),
          fill: this.measure === "edges" ? colours.ink : inkOn(value / limit),
        },
      });
    }
    return { type: "group", children };
  }
  settings() {
    const [, words, value] = this.measureRow,
      dies = this.shown(),
      limit = this.limit();
    const high = Math.max(...dies.map((die) => value(die) ?? 0));
    const plan = (width) => {
      const [row, column] = [
        Math.min(...dies.map((die) => die.row)),
        Math.min(...dies.map((die) => die.column)),
      ];
      const moved = planOf(
        dies.map((die) => ({ row: die.row - row, column: die.column - column })),
        this.machine,
        width,
      );
      return { ...moved, place: (die) => moved.place({ row: die.row - row, column: die.column - column }) };
    };
    const cellOf = (width) => {
      const one = plan(width);
      return Math.min(
        (width - 2) / one.wide,
        one.lying || one.high <= 2 * one.wide ? 620 / one.high : Infinity,
        120,
      );
    };
    return {
      title: `${words[0].toUpperCase()}${words.slice(1)}${this.measure === "edges" ? ", each at the side of the die that sends" : ""} (highest ${this.format(high)})`,
      says: `${dies.length} dies in ${plan(1000).lying ? "a long grid" : "a grid"}; highest ${this.format(high)}. Arrow keys move, Enter opens, Escape goes back.`,
      height: (width) => Math.ceil(plan(width).high * cellOf(width)) + 4,
      columns: [
        { title: "die", value: (die) => die.path, click: (die) => this.open(die) },
        ...this.measures.map(([key, title, of]) => ({
          title,
          value: of,
          number: true,
          format: key === "queue" ? (v) => count(Number(v.toPrecision(3))) : percent,
        })),
        ...kSides.map((side) => ({
          title: `edge ${side}`,
          value: (die) => die.edge[side],
          format: percent,
          number: true,
        })),
      ],
      rows: () => dies,
      click: (event) => this.open(dies[event.dataIndex]),
      option: ({ colours, width }) => {
        const one = plan(width),
          cell = cellOf(width);
        return {
          grid: { left: 0, right: 0, top: 0, bottom: 0 },
          xAxis: { type: "value", min: 0, max: 1, show: false },
          yAxis: { type: "value", min: 0, max: 1, show: false },
          tooltip: { formatter: ({ dataIndex }) => this.tipOf(dies[dataIndex]) },
          series: [
            {
              type: "custom",
              cursor: "pointer",
              data: dies.map((die, i) => [0, 0, i]),
              progressive: 0,
              renderItem: (params, api) =>
                this.item(
                  api,
                  dies[params.dataIndex],
                  one,
                  cell,
                  [Math.max(0, (width - one.wide * cell) / 2), 1],
                  limit,
                  colours,
                ),
            },
          ],
        };
      },
    };
  }
  tipOf(die) {
    return tip(
      die.path,
      this.measures
        .filter(([key]) => key !== "edges")
        .map(([key, words, value]) =>
          value(die) === null
            ? null
            : `${words} ${key === "queue" ? count(Number(value(die).toPrecision(3))) : percent(value(die))}`,
        ),
      kSides.some((side) => die.edge[side] !== null)
        ? `edges out: ${kSides
            .filter((side) => die.edge[side] !== null)
            .map((side) => `${side} ${percent(die.edge[side])}`)
            .join(", ")}`
        : null,
    );
  }
  open(die) {
    this.focus = die;
    const tiles = (this.machine.tiles ?? 1) > 1;
    if (tiles && this.tile === null) this.tile = tileOf(die, this.machine);
    else this.die = die;
    this.draw();
  }
  up() {
    if (this.die !== null && this.dies.length > 1) this.die = null;
    else if (this.tile !== null) this.tile = null;
    this.draw();
  }
  key(event) {
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    if (event.key === "Escape") this.up();
    else if (event.key === "Enter" && this.focus) this.open(this.focus);
    else if (steps[event.key] && this.die === null) {
      const lying =
        planOf(this.shown(), this.machine, this.view.chart?.width ?? 0).lying && this.tile === null;
      const [down, right] = lying ? [...steps[event.key]].reverse() : steps[event.key];
      const from = this.focus ?? this.shown()[0];
      this.focus =
        this.focus === null
          ? from
          : (this.shown().find((die) => die.row === from.row + down && die.column === from.column + right) ??
            from);
      this.view.chart?.draw();
      announce(`${this.focus.path}: ${this.format(this.measureRow[2](this.focus))}`);
    } else return;
    event.preventDefault();
  }
  legend() {
    if (this.die !== null) return "";
    const stops = Array.from({ length: 9 }, (_, i) => viridis(i / 8)).join(",");
    return el(
      "div",
      { class: "legend" },
      el("span", { text: this.format(0) }),
      el("i", { style: { background: `linear-gradient(90deg,${stops})` } }),
      el("span", { text: this.format(this.limit()) }),
    );
  }
  drawCrumbs() {
    const step = (words, here, go) =>
      here ? el("b", { text: words }) : el("button", { type: "button", text: words, onclick: go });
    const tiles = (this.machine.tiles ?? 1) > 1,
      whole = this.tile === null && (this.die === null || this.dies.length === 1);
    this.crumbs.replaceChildren(
      ...[
        step(at(this.machine, "level", "machine"), whole, () => {
          this.tile = null;
          if (this.dies.length > 1) this.die = null;
          this.draw();
        }),
        tiles && this.tile
          ? [
              " › ",
              step(`tile (${this.tile.join(", ")})`, this.die === null, () => {
                this.die = null;
                this.draw();
              }),
            ]
          : [],
        this.die && this.dies.length > 1 ? [" › ", step(this.die.path.split(".").pop(), true)] : [],
      ].flat(),
    );
  }
  drawDetails() {
    const die = this.die;
    if (die === null) {
      this.details.replaceChildren();
      return;
    }
    const own = this.links.filter((link) => link.owner === die.path || link.owner.startsWith(`${die.path}.`));
    if (this.dies.length === 1) return; // all links are below
    this.details.replaceChildren(el("h3", { text: `Links of ${die.path}` }), linkTable(own));
  }
  draw() {
    this.drawCrumbs();
    this.drawDetails();
    const view = this.die !== null ? drawnDie(this) : chart(this.settings());
    const typed =
      this.place.contains(document.activeElement) && document.activeElement.classList.contains("canvas");
    this.view = view;
    const narrow = this.die !== null || planOf(this.shown(), this.machine, 1000).wide < 12;
    this.place.className = narrow ? "pair" : "";
    this.place.replaceChildren(el("div", {}, view.element, this.legend()), narrow ? this.beside : "");
    if (!narrow) this.place.append(this.beside);
    const box = view.element.querySelector(".canvas");
    if (box) {
      box.tabIndex = 0;
      box.addEventListener("keydown", (event) => this.key(event));
      if (typed) box.focus({ preventScroll: true });
    }
  }
}
