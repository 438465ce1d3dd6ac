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
    title: "Links and batch of a die",
    base: path.join(root, "configs/runs/resnet50_die.json"),
    axes,
    metrics: ["time.seconds", "flops.utilisation"],
    pareto: { min: ["time.seconds"], max: ["flops.utilisation"] },
  };
  fs.writeFileSync(at("links_and_batch.json"), JSON.stringify(sweep));
  dojosim("sweep", at("links_and_batch.json"), "--out", at("sweep"));
  const base = sweep.base;
  const alone = [
    { path: "machine.noc.link_bytes_per_cycle", factors: [0.5, 2] },
    { path: "machine.noc.hop_cycles", values: [2, 4] },
    { path: "machine.dip.hbm_bytes_per_s", factors: [0.5, 2] },
    { path: "run.network_model", values: ["ideal"] },
  ];
  const metrics = ["time.seconds", "flops.utilisation"];
  fs.writeFileSync(
    at("sensitivity.json"),
    JSON.stringify({ title: "What a die is sensitive to", base, mode: "one_at_a_time", axes: alone, metrics }),
  );
  dojosim("sweep", at("sensitivity.json"), "--out", at("sensitivity"));
  const search = { goal: { max: "workload.samples_per_s" }, keep: 0.5, rungs: [{ "run.network_model": "ideal" }] };
  fs.writeFileSync(
    at("search.json"),
    JSON.stringify({
      title: "The fastest batch and links",
      base,
      mode: "search",
      axes,
      search,
      metrics: [...metrics, "workload.samples_per_s"],
    }),
  );
  dojosim("sweep", at("search.json"), "--out", at("search"));
}

/** [picture, page, sections from - to; the top of the page without them]; each for a desk and for a telephone. */
const kPictures = [
  ["run_answer", "base/report.html", null],
  ["run_when", "base/report.html", ["when"]],
  ["run_where", "base/report.html", ["where"]],
  ["run_operations", "base/report.html", ["operations"]],
  ["sweep", "sweep/report.html", ["tornado", "metrics"]],
  ["sensitivity", "sensitivity/report.html", ["answer", "tornado"]],
  ["search", "search/report.html", ["answer", "search"]],
  ["compare", "compare.html", ["answer", "causes"]],
  ["compare_where", "compare.html", ["where"]],
];
/** What the eye of some is used to. */
const kDark = [["run_dark", "base/report.html", ["bounds", "time"]]];
const kWidths = [1280, 390];
const kMostHeight = 1100;
/** Documents are read over slow lines too. */
const kMostBytes = 150_000;

makeFolders();
fs.mkdirSync(into, { recursive: true });
const browser = await launch();
async function take(name, file, width, sections, dark) {
  const page = await open(browser, at(file), { width, height: 1000, dark });
  await drawAll(page);
  await page.addStyleTag({ content: "nav{position:static!important}" });
  let clip = { x: 0, y: 0, width, height: 1000 };
  if (sections) {
    const boxes = await Promise.all(sections.map((id) => page.locator(`#${id}`).boundingBox()));
    const top = Math.max(0, boxes[0].y - 12),
      last = boxes[boxes.length - 1];
    clip = { x: 0, y: top, width, height: Math.min(kMostHeight, last.y + last.height + 12 - top) };
  }
  const picture = path.join(into, `${name}_${width}.png`);
  for (;;) {
    await page.screenshot({ path: picture, clip, fullPage: true });
    if (fs.statSync(picture).size <= kMostBytes) break;
    clip.height = Math.floor(clip.height * 0.85);
  }
  if (page.faults.length > 0) throw new Error(`${name}: ${page.faults.join("\n")}`);
  console.log(`${path.basename(picture)} ${clip.height} pixels high, ${fs.statSync(picture).size} bytes`);
  await page.close();
}
for (const [dark, pictures] of [
  [false, kPictures],
  [true, kDark],
])
  for (const [name, file, sections] of pictures)
    for (const width of kWidths) await take(name, file, width, sections, dark);
await browser.close();
