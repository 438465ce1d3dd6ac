// SPDX-License-Identifier: Apache-2.0
// The page of one run, by question: what is the answer, what bounds it, where is the time, what if, where on the machine.
import { chart, bars } from "./chart.js";
import { classColour, kClasses } from "./colours.js";
import { el, facts, fold, list, section } from "./dom.js";
import { whenSection } from "./gantt.js";
import { at, unpacked } from "./island.js";
import { whereSection } from "./map.js";
import { collectivesSection, operationsSection, timeSection } from "./operations.js";
import { dataTable } from "./table.js";
import { count, duration, percent, si } from "./units.js";

function card(name, value, small) {
  return el("div", { class: "card" }, el("span", { text: name }), el("b", { text: value }), small ? el("small", { text: small }) : null);
}

function plainValue(value) {
  return value === null || value === undefined ? "none" : typeof value === "string" ? value : JSON.stringify(value);
}

/** What the run was: machine, workload, what differs from the files. Also of a page of synthetic traffic. */
export function headOf(report, title) {
  const machine = report.machine ?? {}, changed = at(report, "configuration.changed", []);
  const line = [`${count(machine.nodes)} nodes`, `${count(machine.dies)} dies (${machine.die_rows} x ${machine.die_columns})`,
    `${count(machine.tiles)} tiles`, `${count(machine.dips)} DIPs`, machine.clock_hz ? si(machine.clock_hz, "Hz") : null,
    at(machine, "peak_flops_per_s.bf16") ? `peak bf16 ${si(machine.peak_flops_per_s.bf16, "FLOP/s")}` : null].filter((one) => one);
  return [
    el("h1", { text: title }), el("p", { class: "line", text: line.join(" · ") }),
    changed.length === 0
      ? el("p", { class: "note", text: at(report, "configuration.machine_file") ? "No key differs from the files." : "" })
      : el("ul", { class: "chips", "aria-label": "Keys that differ from the files" }, changed.slice(0, 24).map((key) =>
        el("li", { text: `${key.path} ${plainValue(key.file)} → ${plainValue(key.value)}` })),
      changed.length > 24 ? el("li", { text: `and ${changed.length - 24} more` }) : null),
  ];
}

const kThingsShown = 3;

/** What can overturn the figures comes before them. */
function thingsToKnow(report) {
  const things = [];
  if (report.partial) things.push(`Partial: the job did not finish; all figures are up to cycle ${count(at(report, "time.cycles", 0))}.`);
  for (const rank of report.waiting ?? [])
    for (const operation of rank.operations ?? []) things.push(`rank ${rank.rank} waits: ${operation}`);
  const recorded = at(report, "fidelity.recorded.sentence", "");
  if (recorded) things.push(`Recorded times: ${recorded}`);
  const full = at(report, "memory.sram_peak_bytes_max", 0) / at(report, "memory.sram_capacity_bytes", Infinity);
  if (full > 0.98) things.push(`SRAM of the fullest node is ${percent(full)} full.`);
  things.push(...(report.warnings ?? []));
  if (things.length === 0) return null;
  const rest = things.length - kThingsShown;
  return el("div", { class: "warn", role: "note" }, el("b", { text: things.length === 1 ? "1 thing to know" : `${things.length} things to know` }),
    list(things.slice(0, kThingsShown)), rest > 0 ? fold(`${rest} more`, () => list(things.slice(kThingsShown))) : null);
}

function answerSentence(report) {
  const rows = report.bottlenecks ?? [];
  if (rows.length === 0) return null;
  const most = (row) => {
    const first = (row.operations ?? [])[0];
    return first ? `, most in ${first.name} (${duration(first.seconds)})` : "";
  };
  const [first, ...others] = rows.slice(0, 4).map((row) => `${row.name} ${percent(row.share)}${most(row)}`);
  return `What the step is spent on: ${first}${others.length ? `; ${others.join("; ")}` : ""}.`;
}

function answerCards(report) {
  const step = at(report, "latency.step_s", null), cold = at(report, "latency.cold_step_s", null);
  const audit = at(report, "fidelity.audit", {}), confidence = at(audit, "confidence", null);
  const share = at(report, "contention.share", null);
  const sram = at(report, "memory.sram_peak_bytes_max", 0) / at(report, "memory.sram_capacity_bytes", NaN);
  return el("div", { class: "cards" }, [
    card("step time", step === null ? "not finished" : duration(step), `simulated: ${duration(at(report, "time.seconds"))}`),
    cold !== null && cold !== step ? card("first (cold) step", duration(cold)) : null,
    at(report, "workload.samples_per_s", 0) > 0 ? card("samples a second", si(report.workload.samples_per_s, "")) : null,
    card("of peak", percent(at(report, "flops.utilisation", 0)), at(report, "flops.format", "")),
    card("exposed communication", percent(at(report, "breakdown.fractions.communication", 0))),
    share !== null ? card("contention", percent(share), "of the time") : null,
    card("SRAM, fullest node", percent(sram)),
    card("mean power", si(at(report, "energy.watts_mean", 0), "W"), "assumed figures"),
    confidence !== null ? card("error of the step", `${audit.step_error > 0 ? "+" : ""}${percent(audit.step_error)}`,
      `± ${percent(confidence)}, from ${audit.windows + audit.collectives} operations in the reference network`) : null,
  ]);
}

/** Causes pile up to the step: what their floors explain is dark, the rest light. */
function waterfall(report) {
  const rows = report.bottlenecks ?? [];
  let sum = 0;
  const steps = rows.map((row) => ({ ...row, begin: sum, end: (sum += row.seconds) })).filter((row) => row.share >= 0.0005);
  const part = (name, value, colour, label) => ({
    type: "bar", name, stack: "all", barMaxWidth: 18, itemStyle: { color: colour }, data: steps.map(value), label: label ?? { show: false },
  });
  return chart({
    title: "What bounds the step", says: answerSentence(report) ?? "",
    columns: [{ title: "cause", value: (row) => row.name }, { title: "share", value: (row) => row.share, format: percent, number: true },
      { title: "time", value: (row) => row.seconds, format: duration, number: true }, { title: "floor", value: (row) => row.floor_s, format: duration, number: true },
      { title: "most in", value: (row) => (row.operations ?? []).map((one) => `${one.name} (${duration(one.seconds)})`).join(", "), wide: true },
      { title: "meaning", value: (row) => row.sentence, wide: true }],
    rows: () => rows, height: 70 + 26 * steps.length,
    option: ({ colours, width }) => ({
      grid: { left: 8, right: 60, top: 34, bottom: 8, containLabel: true }, legend: { data: ["floors of the operations", "above the floors"] },
      tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, formatter: (items) => {
        const row = steps[items[0].dataIndex];
        return el("div", {}, el("div", { class: "tip-head", text: row.name }), el("div", { text: `${duration(row.seconds)}, ${percent(row.share)} of the step; floor ${duration(row.floor_s)}` }), el("div", { text: row.sentence ?? "" }));
      } },
      xAxis: { type: "value", axisLabel: { formatter: duration }, splitNumber: width < 500 ? 3 : 6, max: sum || 1 },
      yAxis: { type: "category", inverse: true, data: steps.map((row) => row.name), axisTick: { show: false }, axisLabel: { color: colours.ink } },
      series: [part("before", (row) => row.begin, "transparent"), part("floors of the operations", (row) => Math.min(row.floor_s, row.seconds), kClasses[0]),
        part("above the floors", (row) => Math.max(0, row.seconds - row.floor_s), kClasses[6],
          { show: true, position: "right", color: colours.soft, formatter: (item) => percent(steps[item.dataIndex].share) })],
    }),
  }).element;
}

function gains(report) {
  const rows = [...(report.if_free ?? [])].filter((row) => Number.isFinite(row.gain)).sort((a, b) => b.gain - a.gain);
  if (rows.length === 0) return null;
  return bars({
    title: "If a part took no time, the step would be shorter by", rows, name: (row) => row.part, format: percent,
    says: rows.map((row) => `${row.part} ${percent(row.gain)}`).join(", "),
    series: [{ name: "gain", value: (row) => row.gain, colour: kClasses[2] }],
    right: (row) => `${percent(row.gain)}${row.method === "simulated" ? "" : " (est.)"}`,
    columns: [{ title: "part", value: (row) => row.part }, { title: "gain", value: (row) => row.gain, format: percent, number: true },
      { title: "gain in time", value: (row) => row.gain_s, format: duration, number: true },
      { title: "step then", value: (row) => row.seconds, format: duration, number: true }, { title: "method", value: (row) => row.method },
      { title: "what is ideal", value: (row) => row.sentence, wide: true }],
  }).element;
}

function memoryAndEnergy(report) {
  const energy = Object.entries(at(report, "energy.by_part", {})).sort((a, b) => b[1] - a[1]);
  const memory = report.memory ?? {}, packets = at(report, "latency.packets", {});
  const total = at(report, "energy.joules", 0);
  return section("memory", "Memory and energy", "Does it fit, and what does it cost?",
    facts([["SRAM peak of any node", `${count(memory.sram_peak_bytes_max)} of ${count(memory.sram_capacity_bytes)} bytes`],
      ["HBM peak of any DIP", si(memory.hbm_peak_bytes_max, "B")], ["recomputed", si(memory.recomputed_bytes, "B")],
      ["spilled", si(memory.spilled_bytes, "B")], ["64 B packets", count(packets.count)], ["packet latency, mean", `${packets.mean_cycles?.toFixed(1)} cycles`],
      ["p50 / p95 / p99 / max", [packets.p50_cycles, packets.p95_cycles, packets.p99_cycles, packets.max_cycles].map((v) => count(Math.round(v))).join(" / ")]]),
    (memory.decisions ?? []).length > 0 ? fold(`Memory decisions (${memory.decisions.length})`, () => list(memory.decisions), true) : null,
    energy.length > 0 ? bars({
      title: `Energy by part, ${si(total, "J")} in all (figures of the machine file are assumed)`, rows: energy, name: (row) => row[0].replaceAll("_", " "),
      format: (v) => si(v, "J"), series: [{ name: "energy", value: (row) => row[1], colour: classColour(5) }], right: (row) => percent(row[1] / total),
      columns: [{ title: "part", value: (row) => row[0].replaceAll("_", " ") }, { title: "energy", value: (row) => row[1], format: (v) => si(v, "J"), number: true },
        { title: "share", value: (row) => row[1] / total, format: percent, number: true }],
    }).element : null);
}

function auditTable(audit) {
  if (!audit || (audit.samples ?? []).length === 0) return null;
  return fold(`Replays in the reference network (${audit.samples.length})`, () => dataTable("replays", [
    { title: "operation", value: (row) => row.operation, wide: true }, { title: "rank", value: (row) => row.rank, number: true }, { title: "kind", value: (row) => row.kind },
    { title: "fast", value: (row) => row.fast_cycles, format: count, number: true }, { title: "reference", value: (row) => row.reference_cycles, format: count, number: true },
    { title: "fast / reference", value: (row) => row.fast_cycles / row.reference_cycles, format: (v) => v.toFixed(3), number: true }], audit.samples).element);
}

function flat(object, prefix = "") {
  return Object.entries(object ?? {}).flatMap(([key, value]) =>
    value !== null && typeof value === "object" && !Array.isArray(value) ? flat(value, `${prefix}${key}.`) : [[prefix + key, plainValue(value)]]);
}

/** How far to trust it, and how to make it again. Also of a page of synthetic traffic. */
export function provenanceSection(report, files) {
  const host = report.host ?? {}, configuration = report.configuration ?? {};
  return section("provenance", "Provenance", "How far can it be trusted, and how is it made again?",
    (at(report, "fidelity.approximations", [])).length > 0 ? fold(`Approximations (${report.fidelity.approximations.length})`, () => list(report.fidelity.approximations), true) : null,
    auditTable(at(report, "fidelity.audit", null)),
    facts([["network model", at(report, "fidelity.network_model", "none")], ["node model", at(report, "fidelity.node_model", "none")],
      ["machine file", configuration.machine_file || "none"], ["workload file", configuration.workload_file || "none"],
      ["program", `dojosim ${at(report, "program.version", "")} (${at(report, "program.git", "")})`], ["seed", String(report.seed)],
      ["wall time", duration(host.wall_s)], ["simulation", duration(host.simulation_s)], ["events", si(host.events, "")],
      ["threads", count(host.threads)], ["peak memory of the host", si(host.peak_rss_bytes, "B")],
      ["dies simulated / copied", `${count(host.dies_simulated)} / ${count(host.dies_copied)}`]]),
    configuration.command ? el("p", {}, el("code", { text: configuration.command })) : null,
    el("p", {}, "digest ", el("code", { text: report.digest ?? "" })),
    fold("Inputs and their SHA-256", () => dataTable("inputs", [{ title: "file", value: (row) => row[0], wide: true }, { title: "SHA-256", value: (row) => row[1] }],
      Object.entries(report.inputs ?? {}), { search: false }).element),
    configuration.values ? fold("The whole configuration", () => dataTable("configuration", [{ title: "key", value: (row) => row[0], wide: true }, { title: "value", value: (row) => row[1], wide: true }],
      flat(configuration.values)).element) : null,
    el("p", { class: "note" }, "Beside this page: ", ["report.json", "report.txt", "config.resolved.json", "links.csv", "dies.csv", ...files].flatMap((name, i) => [i > 0 ? ", " : "", el("a", { href: name, text: name })]), "."));
}

export function runPage(island) {
  const report = island.report;
  const ops = at(report, "latency.ops", []).map((op, i) => ({ ...op, layer: island.layers[i] ?? op.name }));
  const tasks = unpacked(island.tasks);
  const operations = operationsSection(report, ops);
  const filter = (key, value) => operations.filter(key, value);
  const ranks = at(report, "workload.ranks", 0), batch = at(report, "workload.batch_per_rank", 0);
  const name = at(report, "configuration.workload", "");
  const head = [headOf(report, [at(report, "machine.name", "run"), name].filter((one) => one).join(" · ")),
    el("p", { class: "line", text: `${count(ranks)} ranks${batch ? ` x ${count(batch)} samples` : ""} · dojosim ${at(report, "program.version", "")} (${at(report, "program.git", "")}) · digest ${(report.digest ?? "").slice(0, 12)}` }),
    thingsToKnow(report)];
  const answer = section("answer", "The answer", null, answerCards(report), el("p", { class: "answer", text: answerSentence(report) ?? "" }));
  const bounds = (report.bottlenecks ?? []).length === 0 ? null
    : section("bounds", "What bounds it", "Which part of the machine needs the step's time, and what would it gain if that part were free?",
      el("div", { class: "pair" }, waterfall(report), gains(report)));
  return {
    head,
    sections: [answer, bounds, timeSection(report, ops, filter), whenSection(report, tasks, filter), whereSection(island, report), operations.element,
      collectivesSection(report), memoryAndEnergy(report), provenanceSection(report, ["ops.csv", "tasks.csv", "collectives.csv", "by_layer.csv", "critical_path.csv"])],
  };
}
