// SPDX-License-Identifier: Apache-2.0
// A headless browser for pages, and runs to make pages of.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";

export const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), "../..");
const { chromium } = await import(pathToFileURL(path.join(process.env.DOJO_MODULES, "playwright-core/index.mjs")));

export function dojosim(...words) {
  return execFileSync(process.env.DOJO_PROGRAM, words.map(String), { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], maxBuffer: 1 << 28 });
}

/** As dojosim(), where exit code 1 says that runs differ or a point failed. */
export function dojosimOr1(...words) {
  try {
    return dojosim(...words);
  } catch (error) {
    if (error.status !== 1) throw error;
    return error.stdout;
  }
}

export function temporaryFolder() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "dojosim-pages-"));
  process.on("exit", () => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function launch() {
  return chromium.launch({ executablePath: process.env.DOJO_BROWSER, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
}

/** Opens a file; `page.faults` collects errors, and whatever the page would fetch. */
export async function open(browser, file, { width = 1280, height = 900, dark = false } = {}) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: dark ? "dark" : "light" });
  page.faults = [];
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) page.faults.push(message.text()); });
  page.on("pageerror", (error) => page.faults.push(error.stack));
  page.on("request", (request) => { if (!/^(data|blob):/.test(request.url()) && request.url() !== pathToFileURL(file).href) page.faults.push(`fetches ${request.url()}`); });
  page.on("dialog", (dialog) => { page.faults.push(`says ${dialog.message()}`); dialog.dismiss(); });
  const begin = Date.now();
  await page.goto(pathToFileURL(file).href);
  await page.waitForSelector("section");
  page.readyMs = Date.now() - begin;
  return page;
}

/** Scrolls through the page, so that every chart is drawn. */
export async function drawAll(page) {
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  for (let y = 0; y <= height; y += 500) {
    await page.evaluate((to) => window.scrollTo(0, to), y);
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 10))));
  }
  await page.evaluate(() => window.scrollTo(0, 0));
}
