// SPDX-License-Identifier: Apache-2.0
// Where on the machine: the map, the links by class, all links.
import { chartsAreThere } from "./chart.js";
import { readDies, readLinks } from "./dies.js";
import { choice, el, section } from "./dom.js";
import { at } from "./island.js";
import { classChart, linkTable } from "./links.js";
import { MachineMap } from "./map.js";
import { dataTable } from "./table.js";
import { percent, si } from "./units.js";

/** Also of a page of synthetic traffic. */
export function whereSection(island, report) {
  const links = readLinks(island),
    dies = readDies(island, links);
  const parts = [];
  const map = new MachineMap(island, report, dies, links);
  if (chartsAreThere() && dies.length > 0 && map.measures.length > 0) {
    parts.push(
      el(
        "div",
        { class: "steer" },
        dies.length > 1 &&
          choice(
            "show",
            map.measures.map(([key, words]) => [key, words]),
            map.measure,
            (key) => {
              map.measure = key;
              map.draw();
            },
          ),
        choice(
          "scale",
          [
            ["own", "own"],
            ["common", "0 to 100 %"],
          ],
          "own",
          (key) => {
            map.own = key === "own";
            map.draw();
          },
        ),
      ),
      dies.length > 1 && map.crumbs,
      map.place,
      map.details,
    );
    map.draw();
  } else parts.push(classChart(report));
  const hottest = at(report, "links.hottest", []);
  parts.push(
    links.length > 0
      ? el("div", {}, el("h3", { text: "All links" }), linkTable(links))
      : dataTable(
          "hottest links",
          [
            { title: "hottest link", value: (link) => link.path, wide: true },
            { title: "class", value: (link) => link.class },
            { title: "bytes", value: (link) => link.bytes, format: (v) => si(v, "B"), number: true },
            { title: "utilisation", value: (link) => link.utilisation, format: percent, number: true },
          ],
          hottest,
        ).element,
  );
  return section(
    "where",
    "Where on the machine",
    dies.length > 1 ? "A click opens a tile, then a die with its links." : "The links of the die.",
    parts,
  );
}
