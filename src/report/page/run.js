// SPDX-License-Identifier: Apache-2.0
// The page of one run, by question: what is the answer, what bounds it, where is the time, what if, where on the machine.
import { answerSection, boundsSection } from "./answer.js";
import { bars } from "./bars.js";
import { classColour } from "./colours.js";
import { el, facts, fold, list, section } from "./dom.js";
import { whenSection } from "./gantt.js";
import { headOf, thingsToKnow } from "./head.js";
import { at, unpacked } from "./island.js";
import { collectivesSection, operationsSection } from "./operations.js";
import { provenanceSection } from "./provenance.js";
import { timeSection } from "./time.js";
import { count, counted, percent, si } from "./units.js";
import { whereSection } from "./where.js";

function memoryAndEnergy(report) {
  const energy = Object.entries(at(report, "energy.by_part", {})).sort((a, b) => b[1] - a[1]);
  const memory = report.memory ?? {},
    packets = at(report, "latency.packets", {});
  const total = at(report, "energy.joules", 0);
  return section(
    "memory",
    "Memory and energy",
    "Does it fit, and what does it cost?",
    facts([
      [
        "SRAM peak of any node",
        `${count(memory.sram_peak_bytes_max)} of ${count(memory.sram_capacity_bytes)} bytes`,
      ],
      ["HBM peak of any DIP", si(memory.hbm_peak_bytes_max, "B")],
      ["recomputed", si(memory.recomputed_bytes, "B")],
      ["spilled", si(memory.spilled_bytes, "B")],
      ["64 B packets", count(packets.count)],
      ["packet latency, mean", `${packets.mean_cycles?.toFixed(1)} cycles`],
      [
        "p50 / p95 / p99 / max",
        [packets.p50_cycles, packets.p95_cycles, packets.p99_cycles, packets.max_cycles]
          .map((v) => count(Math.round(v)))
          .join(" / "),
      ],
    ]),
    (memory.decisions ?? []).length > 0
      ? fold(`Memory decisions (${memory.decisions.length})`, () => list(memory.decisions), true)
      : null,
    energy.length > 0
      ? bars({
          title: `Energy by part, ${si(total, "J")} in all (figures of the machine file are assumed)`,
          rows: energy,
          name: (row) => row[0].replaceAll("_", " "),
          format: (v) => si(v, "J"),
          series: [{ name: "energy", value: (row) => row[1], colour: classColour(5) }],
          right: (row) => percent(row[1] / total),
          columns: [
            { title: "part", value: (row) => row[0].replaceAll("_", " ") },
            { title: "energy", value: (row) => row[1], format: (v) => si(v, "J"), number: true },
            { title: "share", value: (row) => row[1] / total, format: percent, number: true },
          ],
        }).element
      : null,
  );
}

export function runPage(island) {
  const report = island.report;
  const ops = at(report, "latency.ops", []).map((op, i) => ({ ...op, layer: island.layers[i] ?? op.name }));
  const tasks = unpacked(island.tasks);
  const operations = operationsSection(report, ops);
  const filter = (key, value) => operations.filter(key, value);
  const ranks = at(report, "workload.ranks", 0),
    batch = at(report, "workload.batch_per_rank", 0);
  const name = at(report, "configuration.workload", "");
  const head = [
    headOf(report, [at(report, "machine.name", "run"), name].filter((one) => one).join(" · ")),
    el("p", {
      class: "line",
      text: `${counted(ranks, "rank")}${batch ? ` x ${count(batch)} samples` : ""} · dojosim ${at(report, "program.version", "")} (${at(report, "program.git", "")}) · digest ${(report.digest ?? "").slice(0, 12)}`,
    }),
    thingsToKnow(report),
  ];
  return {
    head,
    sections: [
      answerSection(report),
      boundsSection(report),
      timeSection(report, ops, filter),
      whenSection(report, tasks, unpacked(island.use), filter),
      whereSection(island, report),
      operations.element,
      collectivesSection(report),
      memoryAndEnergy(report),
      provenanceSection(report, [
        "ops.csv",
        "tasks.csv",
        "collectives.csv",
        "by_kind.csv",
        "by_phase.csv",
        "by_layer.csv",
        "critical_path.csv",
        "use_over_time.csv",
        ...(/ --timeline\b/.test(at(report, "configuration.command", "")) ? ["timeline.pftrace.gz"] : []),
      ]),
    ],
  };
}
