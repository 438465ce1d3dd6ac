// SPDX-License-Identifier: Apache-2.0
// The pages in a headless browser: no errors, nothing fetched, charts drawn, clicks and filters work, names stay text.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { drawAll, launch, open } from "./browser.mjs";
import { at, file, hostile, makeRemains, makeRuns, makeSweeps } from "./samples.mjs";

const tests = [];
const test = (name, run) => tests.push([name, run]);
/** Canvases that show nothing but one colour. */
function blankCharts(page) {
  return page.evaluate(() =>
    [...document.querySelectorAll("figure .canvas")]
      .filter((box) => {
        const canvas = box.querySelector("canvas");
        if (!canvas) return true;
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        for (let i = 4; i < data.length; i += 4)
          if (data[i] !== data[0] || data[i + 3] !== data[3]) return false;
        return true;
      })
      .map((box) => box.getAttribute("aria-label")),
  );
}

for (const [name, widths] of Object.entries({
  die: [1280, 390],
  tile: [1280, 390, 1920],
  tray: [1280, 390],
  names: [1280],
  partial: [1280],
  old: [390],
  net: [1280, 390],
  grid: [1280, 390],
  one: [1280, 390],
  compare: [1280, 390],
  suite: [1280, 390],
})) {
  for (const width of widths) {
    test(`${name} at ${width} pixels: drawn, nothing fetched, nothing sticks out`, async (browser) => {
      const page = await open(browser, file(name), { width, dark: width === 1920 });
      await drawAll(page);
      assert.deepEqual(await blankCharts(page), []);
      assert.ok(
        await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
        "wider than the window",
      );
      assert.deepEqual(page.faults, []);
      assert.ok(page.readyMs < 10000, `${page.readyMs} ms until it can be used`);
    });
  }
}

test("at 390 pixels names at the axes of rows stay apart, and tables begin short", async (browser) => {
  let compared = 0;
  for (const name of ["tile", "grid", "one", "compare"]) {
    const page = await open(browser, file(name), { width: 390 });
    await drawAll(page);
    const axes = await page.evaluate(() =>
      [...document.querySelectorAll("figure .canvas")]
        .map((box) => globalThis.echarts.getInstanceByDom(box)?.getOption().yAxis?.[0])
        .filter((axis) => axis?.type === "category" && typeof axis.axisLabel.formatter === "function")
        .map((axis) => [axis.data, axis.data.map((one) => axis.axisLabel.formatter(one))]),
    );
    for (const [names, shown] of axes) {
      ++compared;
      assert.equal(new Set(shown).size, new Set(names).size, `${name}: ${shown.join(" / ")}`);
      for (const [i, one] of shown.entries()) {
        assert.ok(one.split("\n").length <= 2, one);
        // What is left of a name has its numbers whole.
        const bare = (text) => text.replace(/\s/g, ""),
          tail = bare(one.split("…")[1] ?? "");
        const before = bare(names[i]).slice(0, bare(names[i]).length - tail.length);
        assert.ok(!(/\d$/.test(before) && /^\d/.test(tail)), `${names[i]} is shown as ${one}`);
      }
    }
    const tables = await page.evaluate(() =>
      [...document.querySelectorAll(".table")].map((table) => table.querySelectorAll("tbody tr").length),
    );
    assert.ok(Math.max(...tables) <= 10, `${name}: ${tables}`);
    assert.equal(
      await page.evaluate(() => {
        const cell = document.querySelector("td.n");
        return cell ? getComputedStyle(cell).textAlign : "left";
      }),
      "left",
      name,
    );
    assert.deepEqual(page.faults, []);
    await page.close();
  }
  assert.ok(compared >= 8, `${compared} charts of rows`);
});

test("figures stand in full rows; a table that is wider than its place says so", async (browser) => {
  const page = await open(browser, file("tile"));
  const rows = await page.evaluate(() => {
    const tops = [...document.querySelectorAll(".cards.even .card")].map((card) => card.offsetTop);
    return [...new Set(tops)].map((top) => tops.filter((one) => one === top).length);
  });
  assert.ok(rows.length <= 2 && rows[rows.length - 1] * 2 >= rows[0], rows.join());
  assert.doesNotMatch(await page.locator("#answer").textContent(), /simulated/);
  assert.match(await page.locator("p.line").first().textContent(), / 1 tile ·/);
  const marked = await page.evaluate(() =>
    [...document.querySelectorAll(".scroll")].map((box) => getComputedStyle(box).backgroundAttachment),
  );
  assert.ok(marked.length > 0 && marked.every((one) => one === "local, local, scroll, scroll"), marked[0]);
  const beside = await page.locator("#provenance a").evaluateAll((all) => all.map((one) => one.getAttribute("href")));
  for (const name of beside) assert.ok(fs.existsSync(at("tile", name)), name);
  assert.ok(beside.includes("use_over_time.csv"));
});

test("causes have colours of their own", async (browser) => {
  const page = await open(browser, file("compare"));
  await drawAll(page);
  const colours = await page.evaluate(() =>
    globalThis.echarts
      .getInstanceByDom(document.querySelector("#causes .canvas"))
      .getOption()
      .series.map((one) => one.itemStyle.color),
  );
  assert.ok(colours.length > 8, `${colours.length} causes`);
  assert.equal(new Set(colours).size, colours.length, colours.join());
  assert.deepEqual(page.faults, []);
});

test("what is said to those who do not see the page", async (browser) => {
  for (const name of ["tile", "grid", "compare"]) {
    const page = await open(browser, file(name));
    const found = await page.evaluate(() => ({
      charts: [...document.querySelectorAll(".canvas")].filter(
        (box) => box.getAttribute("role") !== "img" || !box.getAttribute("aria-label"),
      ).length,
      fields: [...document.querySelectorAll("input,select")].filter(
        (field) => !field.getAttribute("aria-label") && !field.closest("label"),
      ).length,
      buttons: [...document.querySelectorAll("button")].filter(
        (button) => !button.textContent.trim() && !button.getAttribute("aria-label") && !button.hidden,
      ).length,
      headings: document.querySelectorAll("h1").length,
      language: document.documentElement.lang,
      ids:
        new Set([...document.querySelectorAll("[id]")].map((one) => one.id)).size ===
        document.querySelectorAll("[id]").length,
    }));
    assert.deepEqual(
      found,
      { charts: 0, fields: 0, buttons: 0, headings: 1, language: "en", ids: true },
      name,
    );
    await page.close();
  }
});

// A page draws in its own time: on a busy host the answer to a click may take a moment.
async function matches(read, pattern) {
  for (let i = 0; i < 100 && !pattern.test(await read()); ++i) await new Promise((go) => setTimeout(go, 50));
  assert.match(await read(), pattern);
}
// Opens the table of a chart, again where the chart was drawn anew meanwhile.
async function openTable(chart) {
  const open = chart.locator("details[open] tbody td");
  for (let i = 0; i < 50; ++i) {
    if ((await chart.locator("details[open]").count()) === 0) await chart.locator("summary").click();
    await new Promise((go) => setTimeout(go, 100));
    if ((await open.count()) !== 0) return;
  }
}

test("a bar leads to its operations; tables sort, search and show more", async (browser) => {
  const page = await open(browser, file("tile"));
  const first = () => page.locator("#operations .table tbody tr").first().locator("td").first().textContent();
  const rows = () => page.locator("#operations .table tbody tr").count();
  assert.equal(await rows(), 25);
  await page
    .getByRole("button", { name: /more of/ })
    .nth(1)
    .scrollIntoViewIfNeeded();
  await page.locator("#operations .more").click();
  assert.equal(await rows(), 125);
  await page.locator("#operations th button", { hasText: "operation" }).click();
  const low = await first();
  await page.locator("#operations th button", { hasText: "operation" }).click();
  assert.notEqual(await first(), low);
  await page.locator("#operations input[type=search]").fill("layer3.0.conv1");
  assert.match(await first(), /layer3\.0\.conv1/);
  await page.locator("#operations input[type=search]").fill("");
  await openTable(page.locator("#time .chart").nth(1));
  await page
    .locator("#time .chart")
    .nth(1)
    .locator("td button", { hasText: /^all_reduce$/ })
    .click();
  assert.match(await page.locator("#operations .note").first().textContent(), /Only kind all_reduce/);
  assert.match(await page.locator("#operations .table tbody tr").first().textContent(), /all_reduce/);
  await page.getByRole("button", { name: "show all" }).click();
  await page.locator("#time").getByRole("button", { name: "layer" }).click();
  assert.match(await page.locator("#time figcaption").nth(1).textContent(), /by layer/);
  // A click on the drawn bar does the same as the button in its table.
  await page.locator("#time .canvas").nth(1).scrollIntoViewIfNeeded();
  const bar = await page.evaluate(() => {
    const chart = globalThis.echarts.getInstanceByDom(document.querySelectorAll("#time .canvas")[1]);
    return chart.convertToPixel({ xAxisIndex: 0, yAxisIndex: 0 }, [
      chart.getOption().series[0].data[0].value / 2,
      0,
    ]);
  });
  await page
    .locator("#time .canvas")
    .nth(1)
    .click({ position: { x: bar[0], y: bar[1] } });
  assert.match(await page.locator("#operations .note").first().textContent(), /Only layer/);
  assert.deepEqual(page.faults, []);
});

test("the map goes from the machine to a tile and a die, by pointer and by keys", async (browser) => {
  const page = await open(browser, file("tray"));
  const map = () => page.locator("#where .canvas").first(),
    crumbs = () => page.locator("#where .crumbs").textContent();
  await page.getByRole("button", { name: "cores", exact: true }).click();
  await matches(() => page.locator("#where figcaption").first().textContent(), /^Cores/);
  await page.getByRole("button", { name: "die edges" }).click();
  await map().scrollIntoViewIfNeeded();
  await map().focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  assert.match(await page.locator("p.unseen").textContent(), /die\[1\]: /);
  await page.keyboard.press("Enter");
  assert.match(await crumbs(), /tile \(0, 0\)/);
  const box = await map().boundingBox();
  await map().click({ position: { x: box.width / 2, y: box.height / 2 } });
  assert.match(await crumbs(), /die\[12\]/);
  assert.match(await page.locator("#where").textContent(), /Links of tray\.tile\[0\]\.die\[12\]/);
  await map().focus();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  assert.doesNotMatch(await crumbs(), /tile \(/);
  assert.deepEqual(page.faults, []);
});

test("the timeline of a rank: another rank, closer, an operation", async (browser) => {
  const page = await open(browser, file("tile"));
  await page.locator("#when .canvas").first().scrollIntoViewIfNeeded();
  await page.locator("#when select").selectOption({ index: 0 });
  assert.equal(await page.locator("#when figcaption").first().textContent(), "Rank 0");
  await page.locator("#when summary").first().click();
  assert.match(await page.locator("#when table").first().textContent(), /conv1/);
  assert.deepEqual(page.faults, []);
});

test("the use of links over time: what was recorded, and the time that the rank above it shows", async (browser) => {
  const page = await open(browser, file("tile"));
  const figure = page.locator("#when .chart").nth(1);
  await figure.scrollIntoViewIfNeeded();
  assert.equal(await figure.locator("figcaption").textContent(), "Use of links over time, by class");
  const table = fs
    .readFileSync(at("tile/use_over_time.csv"), "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(","));
  const column = table[0].indexOf("die_to_die");
  const drawn = () =>
    page.evaluate(() => {
      const { series, xAxis } = globalThis.echarts
        .getInstanceByDom(document.querySelectorAll("#when .canvas")[1])
        .getOption();
      return {
        names: series.map((one) => one.name),
        data: series.find((one) => one.name === "die to die").data.map((point) => point[1]),
        from: xAxis[0].min,
        until: xAxis[0].max,
      };
    });
  await page.waitForFunction(() =>
    globalThis.echarts.getInstanceByDom(document.querySelectorAll("#when .canvas")[1]),
  );
  const whole = await drawn();
  assert.ok(column > 0 && table.length === 201, table[0].join());
  for (const name of ["noc", "die to die", "hbm"]) assert.ok(whole.names.includes(name), whole.names.join());
  for (const row of table.slice(1))
    for (const share of row.slice(2, -3)) assert.ok(Number(share) <= 1 + 1e-9, `a use of ${share}`);
  assert.equal(whole.data.length, table.length, "one value for each interval, and the last until the end");
  for (let i = 1; i < table.length; ++i)
    assert.ok(Math.abs(whole.data[i - 1] - Number(table[i][column])) < 1e-6, `interval ${i}`);
  assert.match(
    await figure.locator(".canvas").getAttribute("aria-label"),
    /die to die [\d.]+ % on average, at most [\d.]+ % at /,
  );
  // Closer in the chart of the rank is closer here.
  assert.equal(whole.from, 0);
  await page.evaluate(() =>
    globalThis.echarts
      .getInstanceByDom(document.querySelectorAll("#when .canvas")[0])
      .dispatchAction({ type: "dataZoom", start: 25, end: 50 }),
  );
  const closer = await drawn();
  assert.ok(Math.abs(closer.from / whole.until - 0.25) < 0.01, String(closer.from));
  assert.ok(Math.abs(closer.until / whole.until - 0.5) < 0.01, String(closer.until));
  await page.getByRole("button", { name: "whole time" }).click();
  assert.equal((await drawn()).until, whole.until);
  await openTable(figure);
  assert.match(await figure.locator("thead").textContent(), /begin.*end.*noc.*die to die/);
  assert.deepEqual(page.faults, []);
});

test("the power over time: its mean is that of the report", async (browser) => {
  const page = await open(browser, file("tile"));
  const figure = page.locator("#when .chart").nth(2);
  await figure.scrollIntoViewIfNeeded();
  assert.equal(await figure.locator("figcaption").textContent(), "Power of the machine over time");
  const energy = JSON.parse(fs.readFileSync(at("tile/report.json"), "utf8")).energy;
  const label = await figure.locator(".canvas").getAttribute("aria-label");
  const [, mean] = label.match(/power ([\d.]+) kW on average, at most [\d.]+ kW at /) ?? [];
  assert.ok(Math.abs(Number(mean) * 1000 - energy.watts_mean) < 0.02 * energy.watts_mean, `${label}; ${energy.watts_mean}`);
  assert.deepEqual(page.faults, []);
});

test("a chart is saved as SVG and as PNG", async (browser) => {
  const page = await open(browser, file("tile"));
  const save = async (name) => {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.locator("#bounds").getByRole("button", { name }).first().click(),
    ]);
    return { name: download.suggestedFilename(), content: fs.readFileSync(await download.path()) };
  };
  const svg = await save("SVG"),
    png = await save("PNG");
  assert.equal(svg.name, "what_bounds_the_step.svg");
  assert.match(svg.content.toString(), /^<svg [^]*matrix units[^]*<\/svg>$/);
  assert.deepEqual([...png.content.subarray(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
  assert.deepEqual(page.faults, []);
});

test("a sweep: the front, a heat map, lines, all axes, links to the points", async (browser) => {
  const page = await open(browser, file("grid"));
  assert.equal(await page.locator("h1").textContent(), "Links against hops");
  assert.match(await page.locator("#answer").textContent(), /6 done, 0 failed/);
  assert.match(
    await page.locator("#pareto figcaption").textContent(),
    /time\.seconds .* over flops\.utilisation/,
  );
  await page.locator("#pareto select").nth(1).selectOption("machine.noc.link_bytes_per_cycle");
  assert.match(
    await page.locator("#pareto figcaption").textContent(),
    /over machine\.noc\.link_bytes_per_cycle/,
  );
  await page.locator("#metrics").getByRole("button", { name: "lines" }).click();
  assert.match(
    await page.locator("#metrics figcaption").textContent(),
    /time\.seconds over machine\.noc\.link_bytes_per_cycle/,
  );
  await page.locator("#metrics select").first().selectOption("flops.utilisation");
  assert.match(await page.locator("#metrics figcaption").textContent(), /^flops\.utilisation/);
  const link = await page.locator("#points tbody a").first().getAttribute("href");
  assert.ok(fs.existsSync(path.join(path.dirname(file("grid")), link)), link);
  const one = await open(browser, file("one"));
  assert.match(await one.locator("#tornado figcaption").textContent(), /each axis alone, against the base/);
  assert.match(await one.locator("#points").textContent(), /1 failed points/);
  assert.deepEqual([...page.faults, ...one.faults], []);
});

test("a search: its rungs, how far each point came, links to the run of that rung", async (browser) => {
  const page = await open(browser, file("search"));
  assert.match(await page.locator("#answer").textContent(), /2 done, 0 failed, 0 pending, 2 dropped/);
  const text = await page.locator("#search").textContent();
  for (const words of ["run.network_model = ideal", "the base as it is", "dropped", "on rung 1"])
    assert.ok(text.includes(words), words);
  const links = await page
    .locator("#search tbody a")
    .evaluateAll((all) => all.map((one) => one.getAttribute("href")));
  assert.deepEqual(links.map((one) => one.split("/")[0]).sort(), ["points", "points", "rungs", "rungs"]);
  for (const link of links) assert.ok(fs.existsSync(path.join(path.dirname(file("search")), link)), link);
  assert.deepEqual(page.faults, []);
});

test("a comparison: of three runs, by every group", async (browser) => {
  const page = await open(browser, file("compare"));
  assert.match(await page.locator("h1").textContent(), /3 runs/);
  for (const by of ["kind", "phase", "layer", "operation", "cause"]) {
    await page.locator("#moved").getByRole("button", { name: by, exact: true }).click();
    assert.match(
      await page.locator("#moved figcaption").textContent(),
      new RegExp(`^die2 less die, by ${by}: [+-]`),
    );
  }
  assert.match(await page.locator("#why").textContent(), /machine\.noc\.hop_cycles 1 -> 2/);
  assert.deepEqual(page.faults, []);
});

test("a comparison: where on the machine, by measure and by run", async (browser) => {
  const page = await open(browser, file("compare"));
  const title = () => page.locator("#where figcaption").first().textContent();
  await page.locator("#where .canvas").first().scrollIntoViewIfNeeded();
  assert.match(await title(), /^(Die edges, busiest|On-die links, mean): die2 less die/);
  await page.locator("#where").getByRole("button", { name: "cores" }).click();
  await matches(title, /^Cores: die2 less die \(largest [\d.]+ %\)/);
  await openTable(page.locator("#where .chart").first());
  const cells = await page.locator("#where .chart").first().locator("tbody tr").first().locator("td").allTextContents();
  const tables = ["die", "die2"].map((run) => fs.readFileSync(at(run, "dies.csv"), "utf8").split("\n")[1].split(","));
  const share = (cell) => Number(cell.replace(" %", ""));
  for (const i of [0, 1])
    assert.ok(Math.abs(share(cells[1 + i]) - 100 * Number(tables[i][3])) < 0.06, `${cells[1 + i]} is ${tables[i][3]}`);
  assert.ok(Math.abs(share(cells[3]) - (share(cells[2]) - share(cells[1]))) < 0.11, cells.join(" | "));
  assert.match(await page.locator("#where figcaption").nth(1).textContent(), /^Use of links by class: die and die2/);
  // Of a tile there is no die to compare with.
  await page.locator("#where select").selectOption({ index: 1 });
  assert.match(await page.locator("#where").textContent(), /No map/);
  assert.match(await page.locator("#where figcaption").first().textContent(), /die and tile/);
  assert.deepEqual(page.faults, []);
});

test("names of a stranger's trace are text everywhere", async (browser) => {
  const page = await open(browser, file("names"));
  await drawAll(page);
  for (const one of await page.locator("summary").all()) if (await one.isVisible()) await one.click();
  const text = await page.locator("#operations").textContent();
  for (const name of hostile.slice(0, 3)) assert.ok(text.includes(name), name);
  assert.equal(
    await page.evaluate(() => document.querySelectorAll("main script, main img, main b > b").length),
    0,
  );
  await page.locator("#when .canvas").first().scrollIntoViewIfNeeded();
  const box = await page.locator("#when .canvas").first().boundingBox();
  for (let x = 100; x < box.width; x += 40) await page.mouse.move(box.x + x, box.y + 20);
  assert.equal(await page.evaluate(() => document.querySelectorAll(".canvas img, .canvas script").length), 0);
  // The policy stops what is not ours, however it came into the page.
  assert.equal(
    await page.evaluate(() => {
      const one = document.createElement("script");
      one.textContent = "globalThis.stranger = 1";
      document.body.append(one);
      return globalThis.stranger;
    }),
    undefined,
  );
  assert.equal(
    page.faults.filter((fault) => !/Content Security Policy/.test(fault)).length,
    0,
    page.faults.join("\n"),
  );
});

test("a printed page has all its charts and no buttons", async (browser) => {
  const page = await open(browser, file("tile"));
  const pdf = await page.pdf({ format: "A4" });
  assert.ok(pdf.length > 50000, `${pdf.length} bytes`);
  assert.equal(
    await page.evaluate(
      () => [...document.querySelectorAll(".canvas")].filter((box) => !box.querySelector("canvas")).length,
    ),
    0,
  );
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator(".save").first().isVisible(), false);
});

test("without the chart library there are tables, and the page says so", async (browser) => {
  const text = fs.readFileSync(file("tile"), "utf8"),
    begin = text.indexOf("<script>"),
    end = text.indexOf("</script>", begin);
  fs.writeFileSync(at("plain.html"), text.slice(0, begin) + text.slice(end + "</script>".length));
  const page = await open(browser, at("plain.html"), { width: 390 });
  assert.match(
    await page
      .locator(".warn")
      .allTextContents()
      .then((all) => all.join()),
    /built without npm/,
  );
  assert.match(await page.locator("#bounds table").first().textContent(), /matrix units/);
  assert.equal(await page.locator("canvas").count(), 0);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  assert.deepEqual(page.faults, []);
});

makeRuns();
makeRemains();
makeSweeps();
const browser = await launch();
let failed = 0;
for (const [name, run] of tests) {
  const context = { newPage: (options) => browser.newPage(options) };
  try {
    await run(context);
    console.log(`ok      ${name}`);
  } catch (error) {
    ++failed;
    console.log(`FAILED  ${name}\n${error.stack}`);
  }
  for (const one of browser.contexts()) await one.close();
}
await browser.close();
console.log(`${tests.length - failed} of ${tests.length} passed`);
process.exitCode = failed === 0 ? 0 : 1;
