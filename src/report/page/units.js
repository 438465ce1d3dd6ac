// SPDX-License-Identifier: Apache-2.0
// Numbers for people: three digits and a prefix.

function threeDigits(value) {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : 2);
}

export function si(value, unit) {
  if (!Number.isFinite(value)) return "none";
  const prefixes = ["", "k", "M", "G", "T", "P", "E", "Z", "Y"];
  let prefix = 0;
  while (Math.abs(value) >= 999.5 && prefix + 1 < prefixes.length) {
    value /= 1000;
    ++prefix;
  }
  return `${threeDigits(value)} ${prefixes[prefix]}${unit}`.trim();
}

export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "none";
  const size = Math.abs(seconds);
  if (size === 0 || size >= 0.9995) return `${threeDigits(seconds)} s`;
  if (size >= 0.9995e-3) return `${threeDigits(seconds * 1e3)} ms`;
  if (size >= 0.9995e-6) return `${threeDigits(seconds * 1e6)} us`;
  return `${threeDigits(seconds * 1e9)} ns`;
}

export function percent(share) {
  if (!Number.isFinite(share)) return "none";
  const value = share * 100;
  return value !== 0 && Math.abs(value) < 0.05 ? `${value.toPrecision(2)} %` : `${value.toFixed(1)} %`;
}

export function signedPercent(share) {
  return Number.isFinite(share) ? `${share > 0 ? "+" : ""}${percent(share)}` : "none";
}

export function count(value) {
  return Number.isFinite(value) ? value.toLocaleString("en-US", { maximumFractionDigits: 6 }) : "none";
}

/** "1 tile", "25 dies". */
export function counted(value, one) {
  return `${count(value)} ${one}${value === 1 ? "" : "s"}`;
}

/** How a figure is written follows from its key: units stand in names. */
export function formatOf(key) {
  const last = key.split(".").pop();
  if (/(_|^)flops?_per_s$/.test(last) || /flops_per_s/.test(key)) return (v) => si(v, "FLOP/s");
  if (/bytes_per_s$/.test(last)) return (v) => si(v, "B/s");
  if (/samples_per_s$/.test(last)) return (v) => si(v, "/s");
  if (/_per_s$/.test(last)) return (v) => si(v, "/s");
  if (/bytes_per_cycle$/.test(last)) return (v) => `${count(v)} B/cycle`;
  if (/bytes(_max)?$/.test(last)) return (v) => si(v, "B");
  if (/(_s|^seconds(_min|_max)?)$/.test(last)) return duration;
  if (/_ns$/.test(last)) return (v) => `${count(v)} ns`;
  if (/_hz$/.test(last)) return (v) => si(v, "Hz");
  if (/joules$/.test(last)) return (v) => si(v, "J");
  if (/watts(_mean)?$/.test(last)) return (v) => si(v, "W");
  if (/utilisation|^share|fractions/.test(key)) return percent;
  return (v) => (Math.abs(v) >= 1e6 ? si(v, "") : count(Number(v.toPrecision(6))));
}

/** "utilisation" of "flops.utilisation"; two words where one says little. */
export function shortName(key) {
  const words = key.split(".");
  const last = words.pop();
  return ["seconds", "share", "rows", "columns", "count", "bytes"].includes(last) && words.length > 0
    ? `${words.pop()} ${last}`.replaceAll("_", " ")
    : last.replaceAll("_", " ");
}
