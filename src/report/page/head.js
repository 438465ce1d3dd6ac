// SPDX-License-Identifier: Apache-2.0
// What a run was, and what to know before its figures.
import { el, fold, list } from "./dom.js";
import { at } from "./island.js";
import { count, counted, percent, si } from "./units.js";

export function plainValue(value) {
  return value === null || value === undefined
    ? "none"
    : typeof value === "string"
      ? value
      : JSON.stringify(value);
}

/** What the run was: machine, workload, what differs from the files. Also of a page of synthetic traffic. */
export function headOf(report, title) {
  const machine = report.machine ?? {},
    changed = at(report, "configuration.changed", []);
  const line = [
    counted(machine.nodes, "node"),
    `${counted(machine.dies, "die")} (${machine.die_rows} x ${machine.die_columns})`,
    counted(machine.tiles, "tile"),
    counted(machine.dips, "DIP"),
    machine.clock_hz ? si(machine.clock_hz, "Hz") : null,
    at(machine, "peak_flops_per_s.bf16") ? `peak bf16 ${si(machine.peak_flops_per_s.bf16, "FLOP/s")}` : null,
  ].filter((one) => one);
  return [
    el("h1", { text: title }),
    el("p", { class: "line", text: line.join(" · ") }),
    changed.length === 0
      ? el("p", {
          class: "note",
          text: at(report, "configuration.machine_file") ? "No key differs from the files." : "",
        })
      : el(
          "ul",
          { class: "chips", "aria-label": "Keys that differ from the files" },
          changed
            .slice(0, 24)
            .map((key) =>
              el("li", { text: `${key.path} ${plainValue(key.file)} → ${plainValue(key.value)}` }),
            ),
          changed.length > 24 ? el("li", { text: `and ${changed.length - 24} more` }) : null,
        ),
  ];
}

const kThingsShown = 3;

/** What can overturn the figures comes before them. */
export function thingsToKnow(report) {
  const things = [];
  if (report.partial)
    things.push(
      `Partial: the job did not finish; all figures are up to cycle ${count(at(report, "time.cycles", 0))}.`,
    );
  for (const rank of report.waiting ?? [])
    for (const operation of rank.operations ?? []) things.push(`rank ${rank.rank} waits: ${operation}`);
  const recorded = at(report, "fidelity.recorded.sentence", "");
  if (recorded) things.push(`Recorded times: ${recorded}`);
  const full =
    at(report, "memory.sram_peak_bytes_max", 0) / at(report, "memory.sram_capacity_bytes", Infinity);
  if (full > 0.98) things.push(`SRAM of the fullest node is ${percent(full)} full.`);
  things.push(...(report.warnings ?? []));
  if (things.length === 0) return null;
  const rest = things.length - kThingsShown;
  return el(
    "div",
    { class: "warn", role: "note" },
    el("b", { text: things.length === 1 ? "1 thing to know" : `${things.length} things to know` }),
    list(things.slice(0, kThingsShown)),
    rest > 0 ? fold(`${rest} more`, () => list(things.slice(kThingsShown))) : null,
  );
}
