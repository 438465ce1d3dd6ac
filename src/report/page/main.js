// SPDX-License-Identifier: Apache-2.0
// Draws the page that the island asks for.
import { chartsAreThere, followWindow } from "./chart.js";
import { comparePage } from "./compare.js";
import { el } from "./dom.js";
import { readIsland } from "./island.js";
import { netPage } from "./net.js";
import { runPage } from "./run.js";
import { sweepPage } from "./sweep.js";

const kPages = { run: runPage, net: netPage, sweep: sweepPage, compare: comparePage };

/** The links to the sections, and the sections. */
function laidOut(head, sections) {
  const shown = sections.flat().filter((one) => one);
  const links = shown.map((one) =>
    el("a", { href: `#${one.id}`, text: one.querySelector("h2").textContent }),
  );
  const missing = chartsAreThere()
    ? null
    : el("div", {
        class: "warn",
        text: "This program was built without npm: this page has tables in place of charts. The map of the machine is left out.",
      });
  return [head, missing, el("nav", { "aria-label": "Sections" }, links), shown]
    .flat(Infinity)
    .filter((one) => one);
}

const place = document.getElementById("page");
try {
  const island = readIsland();
  const { head, sections } = kPages[island.kind](island);
  place.replaceChildren(...laidOut(head, sections));
  followWindow();
} catch (error) {
  place.replaceChildren(
    el("div", {
      class: "warn",
      text: `This page could not be drawn: ${error.message}. The same figures are in report.txt and the CSV files.`,
    }),
  );
  throw error;
}
