// SPDX-License-Identifier: Apache-2.0
// Where on the machine: one map, from the whole machine to a tile and a die, and the links by class.
import { chart, chartsAreThere, tip } from "./chart.js";
import { inkOn, kClasses, roundUp, viridis } from "./colours.js";
import { announce, choice, el, section } from "./dom.js";
import { drawnDie } from "./die_map.js";
import { kSides, measuresOf, planOf, readDies, readLinks, tileOf } from "./dies.js";
import { at } from "./island.js";
import { dataTable } from "./table.js";
import { count, percent, si } from "./units.js";

/** A bar at the side of a cell. */
function edgeShape(place, x, y, cell, thick) {
  const inset = Math.min(1, cell / 8);
  switch (place) {
    case "right": return { x: x + cell - thick, y: y + inset, width: thick, height: cell - 2 * inset };
    case "left": return { x, y: y + inset, width: thick, height: cell - 2 * inset };
    case "top": return { x: x + inset, y, width: cell - 2 * inset, height: thick };
    default: return { x: x + inset, y: y + cell - thick, width: cell - 2 * inset, height: thick };
  }
}

class MachineMap {
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
    return value === null || value === undefined ? "none" : this.measure === "queue" ? `${count(Number(value.toPrecision(3)))} cycles` : percent(value);
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
    const gap = Math.max(0.5, cell * 0.06), x = origin[0] + px * cell + gap / 2, y = origin[1] + py * cell + gap / 2, size = cell - gap;
    const value = this.measureRow[2](die), children = [];
    const marked = this.focus === die;
    const fill = this.measure === "edges" || value === null ? colours.line : viridis(value / limit);
    children.push({ type: "rect", shape: { x, y, width: size, height: size }, style: { fill, stroke: marked ? colours.ink : undefined, lineWidth: marked ? 2 : 0 } });
    if (this.measure === "edges") {
      const thick = Math.max(1, size * 0.22);
      for (const side of kSides) {
        if (die.edge[side] === null) continue;
        children.push({ type: "rect", shape: edgeShape(plan.side(side), x, y, size, thick), style: { fill: viridis(die.edge[side] / limit) } });
      }
    }
    if (size > 44 && value !== null) {
      children.push({ type: "text", style: { text: this.format(value), x: x + size / 2, y: y + size / 2, align: "center", verticalAlign: "middle", fontSize: Math.min(15, size / 5),
        fill: this.measure === "edges" ? colours.ink : inkOn(value / limit) } });
    }
    return { type: "group", children };
  }
  settings() {
    const [, words, value] = this.measureRow, dies = this.shown(), limit = this.limit();
    const high = Math.max(...dies.map((die) => value(die) ?? 0));
    const plan = (width) => {
      const [row, column] = [Math.min(...dies.map((die) => die.row)), Math.min(...dies.map((die) => die.column))];
      const moved = planOf(dies.map((die) => ({ row: die.row - row, column: die.column - column })), this.machine, width);
      return { ...moved, place: (die) => moved.place({ row: die.row - row, column: die.column - column }) };
    };
    const cellOf = (width) => {
      const one = plan(width);
      return Math.min((width - 2) / one.wide, one.lying || one.high <= 2 * one.wide ? 620 / one.high : Infinity, 120);
    };
    return {
      title: `${words[0].toUpperCase()}${words.slice(1)}${this.measure === "edges" ? ", each at the side of the die that sends" : ""} (highest ${this.format(high)})`,
      says: `${dies.length} dies in ${plan(1000).lying ? "a long grid" : "a grid"}; highest ${this.format(high)}. Arrow keys move, Enter opens, Escape goes back.`,
      height: (width) => Math.ceil(plan(width).high * cellOf(width)) + 4,
      columns: [{ title: "die", value: (die) => die.path, click: (die) => this.open(die) }, ...this.measures.map(([key, title, of]) =>
        ({ title, value: of, number: true, format: key === "queue" ? (v) => count(Number(v.toPrecision(3))) : percent })),
      ...kSides.map((side) => ({ title: `edge ${side}`, value: (die) => die.edge[side], format: percent, number: true }))],
      rows: () => dies,
      click: (event) => this.open(dies[event.dataIndex]),
      option: ({ colours, width }) => {
        const one = plan(width), cell = cellOf(width);
        return {
          grid: { left: 0, right: 0, top: 0, bottom: 0 },
          xAxis: { type: "value", min: 0, max: 1, show: false }, yAxis: { type: "value", min: 0, max: 1, show: false },
          tooltip: { formatter: ({ dataIndex }) => this.tipOf(dies[dataIndex]) },
          series: [{ type: "custom", cursor: "pointer", data: dies.map((die, i) => [0, 0, i]), progressive: 0,
            renderItem: (params, api) => this.item(api, dies[params.dataIndex], one, cell, [Math.max(0, (width - one.wide * cell) / 2), 1], limit, colours) }],
        };
      },
    };
  }
  tipOf(die) {
    return tip(die.path, this.measures.filter(([key]) => key !== "edges").map(([key, words, value]) => (value(die) === null ? null : `${words} ${key === "queue" ? count(Number(value(die).toPrecision(3))) : percent(value(die))}`)),
      kSides.some((side) => die.edge[side] !== null) ? `edges out: ${kSides.filter((side) => die.edge[side] !== null).map((side) => `${side} ${percent(die.edge[side])}`).join(", ")}` : null);
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
      const lying = planOf(this.shown(), this.machine, this.view.chart?.width ?? 0).lying && this.tile === null;
      const [down, right] = lying ? [...steps[event.key]].reverse() : steps[event.key];
      const from = this.focus ?? this.shown()[0];
      this.focus = this.focus === null ? from : this.shown().find((die) => die.row === from.row + down && die.column === from.column + right) ?? from;
      this.view.chart?.draw();
      announce(`${this.focus.path}: ${this.format(this.measureRow[2](this.focus))}`);
    } else return;
    event.preventDefault();
  }
  legend() {
    if (this.die !== null) return "";
    const stops = Array.from({ length: 9 }, (_, i) => viridis(i / 8)).join(",");
    return el("div", { class: "legend" }, el("span", { text: this.format(0) }), el("i", { style: { background: `linear-gradient(90deg,${stops})` } }), el("span", { text: this.format(this.limit()) }));
  }
  drawCrumbs() {
    const step = (words, here, go) => (here ? el("b", { text: words }) : el("button", { type: "button", text: words, onclick: go }));
    const tiles = (this.machine.tiles ?? 1) > 1, whole = this.tile === null && (this.die === null || this.dies.length === 1);
    this.crumbs.replaceChildren(...[
      step(at(this.machine, "level", "machine"), whole, () => { this.tile = null; if (this.dies.length > 1) this.die = null; this.draw(); }),
      tiles && this.tile ? [" › ", step(`tile (${this.tile.join(", ")})`, this.die === null, () => { this.die = null; this.draw(); })] : [],
      this.die && this.dies.length > 1 ? [" › ", step(this.die.path.split(".").pop(), true)] : [],
    ].flat());
  }
  drawDetails() {
    const die = this.die;
    if (die === null) {
      this.details.replaceChildren();
      return;
    }
    const own = this.links.filter((link) => link.owner === die.path || link.owner.startsWith(`${die.path}.`));
    if (this.dies.length === 1) return;  // all links are below
    this.details.replaceChildren(el("h3", { text: `Links of ${die.path}` }), linkTable(own));
  }
  draw() {
    this.drawCrumbs();
    this.drawDetails();
    const view = this.die !== null ? drawnDie(this) : chart(this.settings());
    this.view = view;
    const narrow = this.die !== null || planOf(this.shown(), this.machine, 1000).wide < 12;
    this.place.className = narrow ? "pair" : "";
    this.place.replaceChildren(el("div", {}, view.element, this.legend()), narrow ? this.beside : "");
    if (!narrow) this.place.append(this.beside);
    const box = view.element.querySelector(".canvas");
    if (box) {
      box.tabIndex = 0;
      box.addEventListener("keydown", (event) => this.key(event));
    }
  }
}

function linkTable(links) {
  return dataTable("links", [{ title: "link", value: (link) => link.path, wide: true }, { title: "class", value: (link) => link.type },
    { title: "links", value: (link) => link.links, number: true }, { title: "bytes", value: (link) => link.bytes, format: (v) => si(v, "B"), number: true },
    { title: "capacity", value: (link) => link.capacity, format: (v) => si(v, "B/s"), number: true }, { title: "mean", value: (link) => link.share, format: percent, number: true },
    { title: "busiest", value: (link) => link.most, format: percent, number: true }, { title: "queue cycles", value: (link) => link.queue, format: (v) => v.toFixed(1), number: true }],
  links, { sort: { column: 6, down: true }, first: 10 }).element;
}

function classChart(report) {
  const rows = Object.entries(at(report, "links.classes", {})).filter(([, one]) => one.count > 0).map(([name, one]) => ({ name, ...one }));
  if (rows.length === 0) return null;
  const columns = [{ title: "class", value: (row) => row.name }, { title: "links", value: (row) => row.count, format: count, number: true }, { title: "bytes", value: (row) => row.bytes, format: (v) => si(v, "B"), number: true },
    { title: "capacity", value: (row) => row.capacity_bytes_per_s, format: (v) => si(v, "B/s"), number: true }, { title: "mean", value: (row) => row.utilisation_mean, format: percent, number: true },
    { title: "busiest", value: (row) => row.utilisation_max, format: percent, number: true }, { title: "queue cycles", value: (row) => row.queue_cycles_mean, format: (v) => v.toFixed(1), number: true }];
  return chart({
    title: "Links by class: mean and busiest", says: rows.map((row) => `${row.name} ${percent(row.utilisation_mean)}, busiest ${percent(row.utilisation_max)}`).join("; "), columns, rows: () => rows, height: 60 + 40 * rows.length,
    option: ({ colours }) => ({
      grid: { left: 8, right: 60, top: 34, bottom: 8, containLabel: true }, legend: {},
      tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, formatter: (items) => {
        const row = rows[items[0].dataIndex];
        return tip(`${row.name} (${count(row.count)} links)`, `mean ${percent(row.utilisation_mean)}, busiest ${percent(row.utilisation_max)}`, `${si(row.bytes, "B")}, wait before a link ${row.queue_cycles_mean.toFixed(1)} cycles`);
      } },
      xAxis: { type: "value", min: 0, axisLabel: { formatter: percent } }, yAxis: { type: "category", inverse: true, data: rows.map((row) => row.name), axisLabel: { color: colours.ink } },
      series: [["mean", "utilisation_mean", 0], ["busiest", "utilisation_max", 1]].map(([name, key, i]) => ({ type: "bar", name, barMaxWidth: 12, itemStyle: { color: kClasses[i] }, data: rows.map((row) => row[key]),
        label: { show: true, position: "right", color: colours.soft, fontSize: 11, formatter: ({ value }) => percent(value) } })),
    }),
  }).element;
}

/** Also of a page of synthetic traffic. */
export function whereSection(island, report) {
  const links = readLinks(island), dies = readDies(island, links);
  const parts = [];
  const map = new MachineMap(island, report, dies, links);
  if (chartsAreThere() && dies.length > 0 && map.measures.length > 0) {
    parts.push(el("div", { class: "steer" },
      dies.length > 1 && choice("show", map.measures.map(([key, words]) => [key, words]), map.measure, (key) => { map.measure = key; map.draw(); }),
      choice("scale", [["own", "own"], ["common", "0 to 100 %"]], "own", (key) => { map.own = key === "own"; map.draw(); })),
    dies.length > 1 && map.crumbs, map.place, map.details);
    map.draw();
  }
  else parts.push(classChart(report));
  const hottest = at(report, "links.hottest", []);
  parts.push(links.length > 0 ? el("div", {}, el("h3", { text: "All links" }), linkTable(links))
    : dataTable("hottest links", [{ title: "hottest link", value: (link) => link.path, wide: true }, { title: "class", value: (link) => link.class },
      { title: "bytes", value: (link) => link.bytes, format: (v) => si(v, "B"), number: true }, { title: "utilisation", value: (link) => link.utilisation, format: percent, number: true }], hottest).element);
  return section("where", "Where on the machine", dies.length > 1 ? "A click opens a tile, then a die with its links." : "The links of the die.", parts);
}
