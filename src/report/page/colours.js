// SPDX-License-Identifier: Apache-2.0
// Colours that people with colour blindness tell apart; of maps viridis: sequential, readable in grey.

export const kClasses = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#8c8c8c",
  "#e69f00",
  "#56b4e9",
  "#7f3c8d",
];
const kViridis = [
  [68, 1, 84],
  [71, 45, 123],
  [59, 82, 139],
  [44, 114, 142],
  [33, 145, 140],
  [40, 174, 128],
  [94, 201, 98],
  [173, 220, 48],
  [253, 231, 37],
];

export function classColour(i) {
  return kClasses[i % kClasses.length];
}

function along(stops, share) {
  const place = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const low = Math.min(Math.floor(place), stops.length - 2);
  const rgb = [0, 1, 2].map((i) =>
    Math.round(stops[low][i] + (place - low) * (stops[low + 1][i] - stops[low][i])),
  );
  return `rgb(${rgb.join(",")})`;
}

export function viridis(share) {
  return along(kViridis, share);
}
// Blue, pale, orange: both ends are as dark.
const kDifference = [
  [0, 72, 134],
  [86, 154, 205],
  [240, 240, 238],
  [232, 145, 82],
  [164, 62, 0],
];
/** Of a change from -1 to 1. */
export function difference(change) {
  return along(kDifference, (change + 1) / 2);
}
/** Ink that can be read on viridis(share). */
export function inkOn(share) {
  return share > 0.55 ? "#111" : "#fff";
}

const kFamilies = [...kClasses, "#997700", "#882255", "#44546a", "#117733", "#c51b7d", "#6b8e23", "#b2182b", "#01b8b8"];
const families = new Map();

function mixed(colour, other, share) {
  const part = (hex, i) => parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16);
  return `#${[0, 1, 2]
    .map((i) =>
      Math.round(part(colour, i) * (1 - share) + part(other, i) * share)
        .toString(16)
        .padStart(2, "0"),
    )
    .join("")}`;
}

/** A colour for each kind, the same in every chart of the page; what is done for one layer has shades of one colour. */
export function colourOf(kind) {
  const family = kind.replace(/_(input_grad|weight_grad|grad_stats|grad_apply|grad|stats|apply)$/, "");
  if (!families.has(family))
    families.set(family, { colour: kFamilies[families.size % kFamilies.length], kinds: [] });
  const { colour, kinds } = families.get(family);
  if (!kinds.includes(kind)) kinds.push(kind);
  const shade = kinds.indexOf(kind);
  return shade === 0
    ? colour
    : mixed(
        colour,
        shade % 2 === 1 ? "#000000" : "#ffffff",
        Math.min(0.6, 0.22 * Math.ceil(shade / 2) + 0.1),
      );
}

/** The next of 1, 2, 5 x 10^n, so that a scale ends with a round figure. */
export function roundUp(value) {
  if (!(value > 0)) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5].find((step) => value <= step * unit * (1 + 1e-12)) ?? 10) * unit;
}

let onPaper = false;
/** Paper is white, whatever the colours of the system are. */
export function drawOnPaper(paper) {
  onPaper = paper;
}

export function palette() {
  if (onPaper) return { ink: "#000", soft: "#444", line: "#ccc", card: "#fff" };
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  return { ink: colour("--ink"), soft: colour("--soft"), line: colour("--line"), card: colour("--card") };
}
