// SPDX-License-Identifier: Apache-2.0
// The page of synthetic traffic.
import { chart, tip } from "./chart.js";
import { kClasses } from "./colours.js";
import { el, facts, list, section } from "./dom.js";
import { headOf } from "./head.js";
import { at } from "./island.js";
import { whereSection } from "./where.js";
import { provenanceSection } from "./provenance.js";
import { count } from "./units.js";

const flits = (value) => count(Number(value.toPrecision(4)));

function curve(points) {
  const line = (name, key, i) => ({
    type: "line",
    name,
    symbolSize: 7,
    itemStyle: { color: kClasses[i] },
    data: points.map((point) => [point.offered, point.packet_latency_cycles[key]]),
  });
  return chart({
    title: "Packet latency over load",
    says: `${points.length} loads`,
    rows: () => points,
    height: 340,
    columns: [
      { title: "offered", value: (point) => point.offered, format: flits, number: true },
      { title: "accepted", value: (point) => point.accepted, format: flits, number: true },
      ...["mean", "p50", "p95", "p99", "max"].map((key) => ({
        title: key,
        value: (point) => point.packet_latency_cycles[key],
        format: flits,
        number: true,
      })),
      { title: "saturated", value: (point) => (point.saturated ? "yes" : "no") },
    ],
    option: () => ({
      grid: { left: 8, right: 30, top: 40, bottom: 28, containLabel: true },
      legend: {},
      tooltip: {
        trigger: "axis",
        formatter: (items) => {
          const point = points[items[0].dataIndex];
          return tip(
            `offered ${flits(point.offered)}, accepted ${flits(point.accepted)} flits/node/cycle`,
            `mean ${flits(point.packet_latency_cycles.mean)}, p99 ${flits(point.packet_latency_cycles.p99)} cycles`,
            point.saturated ? "saturated" : null,
          );
        },
      },
      xAxis: { type: "value", name: "offered, flits/node/cycle", nameGap: 26 },
      yAxis: { type: "log", axisLabel: { formatter: (v) => `${v} cycles` } },
      series: [line("mean", "mean", 0), line("p99", "p99", 1)],
    }),
  }).element;
}

function histogram(pairs) {
  return chart({
    title: "Latency of packets",
    says: `${pairs.length} bins`,
    rows: () => pairs,
    height: 260,
    columns: [
      { title: "cycles from", value: (pair) => pair[0], number: true, format: count },
      { title: "packets", value: (pair) => pair[1], number: true, format: count },
    ],
    option: () => ({
      grid: { left: 8, right: 30, top: 12, bottom: 28, containLabel: true },
      tooltip: {
        trigger: "axis",
        formatter: (items) =>
          tip(`from ${count(items[0].value[0])} cycles`, `${count(items[0].value[1])} packets`),
      },
      xAxis: { type: "value", name: "cycles", nameGap: 26, scale: true },
      yAxis: { type: "value" },
      series: [
        {
          type: "line",
          step: "end",
          symbol: "none",
          areaStyle: { opacity: 0.25 },
          itemStyle: { color: kClasses[0] },
          data: pairs,
        },
      ],
    }),
  }).element;
}

export function netPage(island) {
  const report = island.report,
    net = report.net,
    latency = net.packet_latency_cycles ?? {};
  const points = at(net, "sweep.points", []),
    pairs = net.latency_histogram ?? [];
  return {
    head: headOf(report, `${at(report, "machine.name", "")} · synthetic traffic: ${net.pattern}`),
    sections: [
      section(
        "answer",
        "The answer",
        null,
        facts([
          ["pattern", net.pattern],
          ["packets", `${count(net.packet_flits)} flits`],
          ["offered", `${flits(net.offered)} flits/node/cycle`],
          ["accepted", `${flits(net.accepted)} flits/node/cycle`],
          ["packet latency, mean", `${flits(latency.mean ?? 0)} cycles`],
          [
            "p50 / p95 / p99 / max",
            ["p50", "p95", "p99", "max"].map((key) => count(latency[key])).join(" / "),
          ],
          ["empty network", `${flits(net.zero_load_latency_cycles ?? 0)} cycles`],
          ["hops, mean", flits(net.hops_mean ?? 0)],
          ["saturated", net.saturated ? "yes" : "no"],
          net.sweep?.knee !== undefined && net.sweep?.knee !== null
            ? ["largest load not saturated", `${flits(net.sweep.knee)} flits/node/cycle`]
            : null,
        ]),
        (net.findings ?? []).length > 0 ? el("div", { class: "warn" }, list(net.findings)) : null,
      ),
      points.length > 1 || pairs.length > 0
        ? section(
            "latency",
            "Latency",
            "How long do packets take?",
            el(
              "div",
              { class: "pair" },
              points.length > 1 ? curve(points) : null,
              pairs.length > 1 ? histogram(pairs) : null,
            ),
          )
        : null,
      whereSection(island, report),
      provenanceSection(report, []),
    ],
  };
}
