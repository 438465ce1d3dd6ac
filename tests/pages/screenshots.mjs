// SPDX-License-Identifier: Apache-2.0
// The pictures of the documents: tools/page_screenshots.
import fs from "node:fs";
import path from "node:path";
import { dojosim, dojosimOr1, drawAll, launch, open, root, temporaryFolder } from "./browser.mjs";

const folder = temporaryFolder();
const into = path.resolve(process.argv[2]);
const at = (...parts) => path.join(folder, ...parts);

function makeFolders() {
  dojosim("run", "configs/runs/resnet50_tile.json", "--out", at("base"));
  dojosim(
    "run",
    "configs/runs/resnet50_tile.json",
    "--set",
    "machine.noc.hop_cycles=2",
    "--out",
    at("slow_hops"),
  );
  const wide = "machine.noc.link_bytes_per_cycle=128";
  dojosim("run", "configs/runs/resnet50_tile.json", "--set", wide, "--out", at("wide_links"));
  dojosimOr1("compare", at("base"), at("slow_hops"), at("wide_links"), "--html", at("compare.html"));
  const axes = [
    { path: "machine.noc.link_bytes_per_cycle", values: [32, 64, 128] },
    { path: "workload.generate.batch", values: [2, 4, 8] },
  ];
  const sweep = {
    base: path.join(root, "configs/runs/resnet50_die.json"),
    axes,
    metrics: ["time.seconds", "flops.utilisation"],
    pareto: { min: ["time.seconds"], max: ["flops.utilisation"] },
  };
  fs.writeFileSync(at("links_and_batch.json"), JSON.stringify(sweep));
  dojosim("sweep", at("links_and_batch.json"), "--out", at("sweep"));
}

/** [picture, page, width, sections from - to; the top of the page without them]. */
const kPictures = [
  ["run_answer_1280", "base/report.html", 1280, null],
  ["run_when_1280", "base/report.html", 1280, ["when"]],
  ["run_where_1280", "base/report.html", 1280, ["where"]],
  ["run_answer_390", "base/report.html", 390, null],
  ["run_where_390", "base/report.html", 390, ["where"]],
  ["sweep_1280", "sweep/report.html", 1280, ["tornado", "metrics"]],
  ["sweep_390", "sweep/report.html", 390, ["pareto", "metrics"]],
  ["compare_1280", "compare.html", 1280, ["answer", "causes"]],
  ["compare_390", "compare.html", 390, ["moved", "causes"]],
  ["compare_where_1280", "compare.html", 1280, ["where"]],
  ["compare_where_390", "compare.html", 390, ["where"]],
];
const kMostHeight = 1400;

makeFolders();
fs.mkdirSync(into, { recursive: true });
const browser = await launch();
for (const [name, file, width, sections] of kPictures) {
  const page = await open(browser, at(file), { width, height: width < 600 ? 1200 : 1000 });
  await drawAll(page);
  await page.addStyleTag({ content: "nav{position:static!important}" });
  let clip = { x: 0, y: 0, width, height: width < 600 ? 1200 : 1000 };
  if (sections) {
    const boxes = await Promise.all(sections.map((id) => page.locator(`#${id}`).boundingBox()));
    const top = Math.max(0, boxes[0].y - 12),
      last = boxes[boxes.length - 1];
    clip = { x: 0, y: top, width, height: Math.min(kMostHeight, last.y + last.height + 12 - top) };
  }
  await page.screenshot({ path: path.join(into, `${name}.png`), clip, fullPage: true });
  console.log(`${name}.png`);
  await page.close();
}
await browser.close();
