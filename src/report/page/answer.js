// SPDX-License-Identifier: Apache-2.0
// The answer, what bounds it, and what if a part of the machine were free.
import { bars } from "./bars.js";
import { chart } from "./chart.js";
import { kClasses } from "./colours.js";
import { el, section } from "./dom.js";
import { at } from "./island.js";
import { duration, percent, si } from "./units.js";

function card(name, value, small) {
  return el(
    "div",
    { class: "card" },
    el("span", { text: name }),
    el("b", { text: value }),
    small ? el("small", { text: small }) : null,
  );
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

/** Of fewer there is no spread to speak of, even where the draw left nothing to chance. */
const FEWEST_REPLAYED = 3;
const kCardsInARow = 7;

function answerCards(report) {
  const step = at(report, "latency.step_s", null),
    cold = at(report, "latency.cold_step_s", null);
  const audit = at(report, "fidelity.audit", {}),
    confidence = at(audit, "confidence", null),
    replayed = (audit.windows ?? 0) + (audit.collectives ?? 0);
  const share = at(report, "contention.share", null);
  const sram = at(report, "memory.sram_peak_bytes_max", 0) / at(report, "memory.sram_capacity_bytes", NaN);
  const simulated = at(report, "time.seconds");
  const cards = [
    card(
      "step time",
      step === null ? "not finished" : duration(step),
      simulated === step ? null : `simulated: ${duration(simulated)}`,
    ),
    cold !== null && cold !== step ? card("first (cold) step", duration(cold)) : null,
    at(report, "workload.samples_per_s", 0) > 0
      ? card("samples a second", si(report.workload.samples_per_s, ""))
      : null,
    card("of peak", percent(at(report, "flops.utilisation", 0)), at(report, "flops.format", "")),
    card("exposed communication", percent(at(report, "breakdown.fractions.communication", 0))),
    share !== null ? card("contention", percent(share), "of the time") : null,
    card("SRAM, fullest node", percent(sram)),
    card("mean power", si(at(report, "energy.watts_mean", 0), "W"), "assumed figures"),
    at(report, "cost.samples_per_dollar", 0) > 0
      ? card("samples a dollar", si(report.cost.samples_per_dollar, ""), "assumed prices")
      : null,
    at(report, "failures.goodput", null) !== null
      ? card("goodput", percent(report.failures.goodput), `over ${report.failures.days} days`)
      : null,
    confidence !== null && replayed >= FEWEST_REPLAYED
      ? card(
          "error of the step",
          `${audit.step_error > 0 ? "+" : ""}${percent(audit.step_error)}`,
          `± ${percent(confidence)}, from ${replayed} operations in the reference network`,
        )
      : replayed > 0
        ? card("error of the step", "not known", `${replayed} operations in the reference network are too few`)
        : null,
  ].filter((one) => one);
  // In one row, or in two of which the second is not nearly empty.
  const inARow = cards.length <= kCardsInARow ? cards.length : Math.ceil(cards.length / 2);
  const box = el("div", { class: "cards even" }, cards);
  box.style.setProperty("--in-a-row", inARow);
  return box;
}

/** Causes pile up to the step: what their floors explain is dark, the rest light. */
function waterfall(report) {
  const rows = report.bottlenecks ?? [];
  let sum = 0;
  const steps = rows
    .map((row) => ({ ...row, begin: sum, end: (sum += row.seconds) }))
    .filter((row) => row.share >= 0.0005);
  const part = (name, value, colour, label) => ({
    type: "bar",
    name,
    stack: "all",
    barMaxWidth: 18,
    itemStyle: { color: colour },
    data: steps.map(value),
    label: label ?? { show: false },
  });
  return chart({
    title: "What bounds the step",
    says: answerSentence(report) ?? "",
    columns: [
      { title: "cause", value: (row) => row.name },
      { title: "share", value: (row) => row.share, format: percent, number: true },
      { title: "time", value: (row) => row.seconds, format: duration, number: true },
      { title: "floor", value: (row) => row.floor_s, format: duration, number: true },
      {
        title: "most in",
        value: (row) =>
          (row.operations ?? []).map((one) => `${one.name} (${duration(one.seconds)})`).join(", "),
        wide: true,
      },
      { title: "meaning", value: (row) => row.sentence, wide: true },
    ],
    rows: () => rows,
    height: 70 + 26 * steps.length,
    option: ({ colours, width }) => ({
      grid: { left: 8, right: 60, top: 34, bottom: 8, containLabel: true },
      legend: { data: ["floors of the operations", "above the floors"] },
      tooltip: {
        trigger: "axis",
        axisPointer: { type: "shadow" },
        formatter: (items) => {
          const row = steps[items[0].dataIndex];
          return el(
            "div",
            {},
            el("div", { class: "tip-head", text: row.name }),
            el("div", {
              text: `${duration(row.seconds)}, ${percent(row.share)} of the step; floor ${duration(row.floor_s)}`,
            }),
            el("div", { text: row.sentence ?? "" }),
          );
        },
      },
      xAxis: {
        type: "value",
        axisLabel: { formatter: duration },
        splitNumber: width < 500 ? 3 : 6,
        max: sum || 1,
      },
      yAxis: {
        type: "category",
        inverse: true,
        data: steps.map((row) => row.name),
        axisTick: { show: false },
        axisLabel: { color: colours.ink },
      },
      series: [
        part("before", (row) => row.begin, "transparent"),
        part("floors of the operations", (row) => Math.min(row.floor_s, row.seconds), kClasses[0]),
        part("above the floors", (row) => Math.max(0, row.seconds - row.floor_s), kClasses[6], {
          show: true,
          position: "right",
          color: colours.soft,
          formatter: (item) => percent(steps[item.dataIndex].share),
        }),
      ],
    }),
  }).element;
}

function gains(report) {
  const rows = [...(report.if_free ?? [])]
    .filter((row) => Number.isFinite(row.gain))
    .sort((a, b) => b.gain - a.gain);
  if (rows.length === 0) return null;
  return bars({
    title: "If a part took no time, the step would be shorter by",
    rows,
    name: (row) => row.part,
    format: percent,
    says: rows.map((row) => `${row.part} ${percent(row.gain)}`).join(", "),
    series: [{ name: "gain", value: (row) => row.gain, colour: kClasses[2] }],
    right: (row) => `${percent(row.gain)}${row.method === "simulated" ? "" : " (est.)"}`,
    columns: [
      { title: "part", value: (row) => row.part },
      { title: "gain", value: (row) => row.gain, format: percent, number: true },
      { title: "gain in time", value: (row) => row.gain_s, format: duration, number: true },
      { title: "step then", value: (row) => row.seconds, format: duration, number: true },
      { title: "method", value: (row) => row.method },
      { title: "what is ideal", value: (row) => row.sentence, wide: true },
    ],
  }).element;
}

export function answerSection(report) {
  return section(
    "answer",
    "The answer",
    null,
    answerCards(report),
    el("p", { class: "answer", text: answerSentence(report) ?? "" }),
  );
}

export function boundsSection(report) {
  if ((report.bottlenecks ?? []).length === 0) return null;
  return section(
    "bounds",
    "What bounds it",
    "Which part of the machine needs the step's time, and what would it gain if that part were free?",
    el("div", { class: "pair" }, waterfall(report), gains(report)),
  );
}
