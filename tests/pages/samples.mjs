// SPDX-License-Identifier: Apache-2.0
// Runs, sweeps and comparisons of which the tests open the pages.
import fs from "node:fs";
import path from "node:path";
import { dojosim, dojosimOr1, root, temporaryFolder } from "./browser.mjs";

const folder = temporaryFolder();
export const at = (...parts) => path.join(folder, ...parts);
export const hostile = [
  "</script><script>alert('name')</script>",
  "<img src=x onerror=alert(1)>",
  "=cmd|'/c calc'!A1",
  "line\u2028separator \u0001 <!-- <b>",
];

export function makeRuns() {
  dojosim("run", "configs/runs/resnet50_die.json", "--links", "all", "--out", at("die"));
  dojosim("run", "configs/runs/resnet50_die.json", "--set", "machine.noc.hop_cycles=2", "--out", at("die2"));
  dojosim("run", "configs/runs/resnet50_tile.json", "--set", "machine.noc.hop_cycles=2", "--out", at("tile"));
  dojosim(
    "run",
    "--machine",
    "configs/machines/tray.json",
    "--set",
    "workload.generate.model=all_reduce",
    "--set",
    "workload.generate.bytes=1048576",
    "--out",
    at("tray"),
  );
  const ops = hostile.map((name, id) => ({
    id,
    name,
    kind: "compute",
    flops: 1e9 * (id + 1),
    deps: id > 0 ? [id - 1] : [],
  }));
  fs.writeFileSync(
    at("names.json"),
    JSON.stringify({ format: "dojo.trace/1", ranks: [{ graph: 0, ranks: 1 }], graphs: [{ batch: 1, ops }] }),
  );
  dojosim(
    "run",
    "--machine",
    "configs/machines/die.json",
    "--workload",
    at("names.json"),
    "--set",
    "workload.rank_unit=die",
    "--out",
    at("names"),
  );
  dojosim(
    "net",
    "--mesh",
    "8x8",
    "--pattern",
    "uniform",
    "--rate",
    "0.1",
    "--packet-flits",
    "2",
    "--warmup-cycles",
    "100",
    "--measure-cycles",
    "400",
    "--out",
    at("net"),
  );
}

/** What is left of a run that was stopped, and a report of an older version. */
export function makeRemains() {
  const report = JSON.parse(fs.readFileSync(at("die/report.json"), "utf8"));
  Object.assign(report, {
    partial: true,
    waiting: [{ rank: 0, operations: ["recv <x> from rank 1"] }],
    bottlenecks: [],
    if_free: [],
  });
  report.latency.step_s = null;
  report.critical_path.operations = [];
  fs.mkdirSync(at("partial"));
  fs.writeFileSync(at("partial/report.json"), JSON.stringify(report));
  fs.mkdirSync(at("old"));
  fs.writeFileSync(
    at("old/report.json"),
    JSON.stringify({ schema: "dojosim.report/1", machine: { name: "<old>" } }),
  );
  for (const folder of ["partial", "old"]) dojosim("report", at(folder));
}

export function makeSweeps() {
  const base = at("base.json"),
    axis = (key, values) => ({ path: `machine.noc.${key}`, values });
  fs.writeFileSync(
    base,
    JSON.stringify({
      machine: path.join(root, "configs/machines/die.json"),
      workload: { generate: { model: "matmul", m: 512, n: 512, k: 512 }, rank_unit: "die" },
    }),
  );
  const metrics = ["time.seconds", "flops.utilisation"];
  fs.writeFileSync(
    at("grid.json"),
    JSON.stringify({
      base,
      title: "Links against hops",
      axes: [axis("link_bytes_per_cycle", [32, 64, 128]), axis("hop_cycles", [1, 2])],
      metrics,
      pareto: { min: ["time.seconds"], max: ["flops.utilisation"] },
    }),
  );
  fs.writeFileSync(
    at("one.json"),
    JSON.stringify({
      base,
      mode: "one_at_a_time",
      axes: [
        axis("link_bytes_per_cycle", [32, 128]),
        axis("hop_cycles", [2, 4]),
        { path: "machine.node.sram_bytes", values: [1024] },
      ],
      metrics,
    }),
  );
  fs.writeFileSync(
    at("search.json"),
    JSON.stringify({
      base,
      mode: "search",
      axes: [axis("link_bytes_per_cycle", [32, 64]), axis("hop_cycles", [1, 2])],
      search: { goal: { min: "time.seconds" }, keep: 0.5, rungs: [{ "run.network_model": "ideal" }] },
      metrics,
    }),
  );
  for (const sweep of ["grid", "one", "search"])
    dojosimOr1("sweep", at(`${sweep}.json`), "--out", at(sweep), "--jobs", "2");
  dojosimOr1("compare", at("die"), at("die2"), at("tile"), "--html", at("compare.html"));
  dojosimOr1("compare", at("grid"), at("one"), "--html", at("suite.html"));
}

export const files = {
  die: "die/report.html",
  tile: "tile/report.html",
  tray: "tray/report.html",
  names: "names/report.html",
  net: "net/report.html",
  grid: "grid/report.html",
  one: "one/report.html",
  search: "search/report.html",
  partial: "partial/report.html",
  old: "old/report.html",
  compare: "compare.html",
  suite: "suite.html",
};
export const file = (name) => at(files[name]);
