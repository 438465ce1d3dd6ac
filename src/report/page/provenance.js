// SPDX-License-Identifier: Apache-2.0
// How far a run can be trusted, and how it is made again.
import { el, facts, fold, list, section } from "./dom.js";
import { plainValue } from "./head.js";
import { at } from "./island.js";
import { dataTable } from "./table.js";
import { count, duration, si } from "./units.js";

function auditTable(audit) {
  if (!audit || (audit.samples ?? []).length === 0) return null;
  return fold(
    `Replays in the reference network (${audit.samples.length})`,
    () =>
      dataTable(
        "replays",
        [
          { title: "operation", value: (row) => row.operation, wide: true },
          { title: "rank", value: (row) => row.rank, number: true },
          { title: "kind", value: (row) => row.kind },
          { title: "fast", value: (row) => row.fast_cycles, format: count, number: true },
          { title: "reference", value: (row) => row.reference_cycles, format: count, number: true },
          {
            title: "fast / reference",
            value: (row) => row.fast_cycles / row.reference_cycles,
            format: (v) => v.toFixed(3),
            number: true,
          },
        ],
        audit.samples,
      ).element,
  );
}

function flat(object, prefix = "") {
  return Object.entries(object ?? {}).flatMap(([key, value]) =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? flat(value, `${prefix}${key}.`)
      : [[prefix + key, plainValue(value)]],
  );
}

/** How far to trust it, and how to make it again. Also of a page of synthetic traffic. */
export function provenanceSection(report, files) {
  const host = report.host ?? {},
    configuration = report.configuration ?? {};
  return section(
    "provenance",
    "Provenance",
    "How far can it be trusted, and how is it made again?",
    at(report, "fidelity.approximations", []).length > 0
      ? fold(
          `Approximations (${report.fidelity.approximations.length})`,
          () => list(report.fidelity.approximations),
          true,
        )
      : null,
    auditTable(at(report, "fidelity.audit", null)),
    facts([
      ["network model", at(report, "fidelity.network_model", "none")],
      ["node model", at(report, "fidelity.node_model", "none")],
      ["machine file", configuration.machine_file || "none"],
      ["workload file", configuration.workload_file || "none"],
      ["program", `dojosim ${at(report, "program.version", "")} (${at(report, "program.git", "")})`],
      ["seed", String(report.seed)],
      ["wall time", duration(host.wall_s)],
      ["simulation", duration(host.simulation_s)],
      ["events", si(host.events, "")],
      ["threads", count(host.threads)],
      ["peak memory of the host", si(host.peak_rss_bytes, "B")],
      ["dies simulated / copied", `${count(host.dies_simulated)} / ${count(host.dies_copied)}`],
    ]),
    configuration.command ? el("p", {}, el("code", { text: configuration.command })) : null,
    el("p", {}, "digest ", el("code", { text: report.digest ?? "" })),
    fold(
      "Inputs and their SHA-256",
      () =>
        dataTable(
          "inputs",
          [
            { title: "file", value: (row) => row[0], wide: true },
            { title: "SHA-256", value: (row) => row[1] },
          ],
          Object.entries(report.inputs ?? {}),
          { search: false },
        ).element,
    ),
    configuration.values
      ? fold(
          "The whole configuration",
          () =>
            dataTable(
              "configuration",
              [
                { title: "key", value: (row) => row[0], wide: true },
                { title: "value", value: (row) => row[1], wide: true },
              ],
              flat(configuration.values),
            ).element,
        )
      : null,
    el(
      "p",
      { class: "note" },
      "Beside this page: ",
      ["report.json", "report.txt", "config.resolved.json", "links.csv", "dies.csv", ...files].flatMap(
        (name, i) => [i > 0 ? ", " : "", el("a", { href: name, text: name })],
      ),
      ".",
    ),
  );
}
