// SPDX-License-Identifier: Apache-2.0
// A chart with its title, its data as a table that opens, and buttons that save it. Without the chart library there is
// the table alone.
import { palette } from "./colours.js";
import { el, fold } from "./dom.js";
import { dataTable } from "./table.js";

const library = globalThis.echarts ?? null;
const drawn = new Set();

export function chartsAreThere() {
  return library !== null;
}

function saveFile(name, content) {
  const url =
    typeof content === "string" && content.startsWith("data:")
      ? content
      : URL.createObjectURL(new Blob([content], { type: "text/plain" }));
  el("a", { href: url, download: name }).click();
}

/** What all charts have in common; the option of a chart goes over it. */
function withDefaults(option, colours, still) {
  const axis = (one) => ({
    nameLocation: "middle",
    nameTextStyle: { color: colours.soft },
    axisLabel: { color: colours.soft, hideOverlap: true, ...one.axisLabel },
    axisLine: { lineStyle: { color: colours.line } },
    splitLine: { lineStyle: { color: colours.line } },
    ...one,
    ...(one.axisLabel ? { axisLabel: { color: colours.soft, hideOverlap: true, ...one.axisLabel } } : {}),
  });
  const axes = (value) => (Array.isArray(value) ? value.map(axis) : value ? axis(value) : undefined);
  return {
    animation: false,
    textStyle: { fontFamily: "system-ui, sans-serif", color: colours.ink },
    ...option,
    ...(option.xAxis ? { xAxis: axes(option.xAxis), yAxis: axes(option.yAxis) } : {}),
    legend: option.legend
      ? {
          textStyle: { color: colours.ink },
          type: "plain",
          top: 0,
          left: 0,
          itemGap: 14,
          itemWidth: 14,
          ...option.legend,
        }
      : undefined,
    // Texts of a tooltip are elements: names never become markup.
    tooltip:
      still || !option.tooltip
        ? undefined
        : {
            confine: true,
            backgroundColor: colours.card,
            borderColor: colours.line,
            textStyle: { color: colours.ink, fontSize: 13 },
            extraCssText:
              "max-width:min(360px,80vw);white-space:normal;box-shadow:0 2px 10px rgba(0,0,0,.18)",
            ...option.tooltip,
          },
  };
}

/** Lines of a tooltip: the first is bold. */
export function tip(...lines) {
  return el(
    "div",
    {},
    lines
      .flat()
      .filter((line) => line)
      .map((line, i) => el("div", { class: i === 0 ? "tip-head" : null, text: line })),
  );
}

/** Charts that others took the place of. */
function forgetRemoved() {
  for (const one of drawn) {
    if (one.box.isConnected) continue;
    one.view.dispose();
    drawn.delete(one);
  }
}

class Chart {
  constructor(settings, box) {
    this.settings = settings;
    this.box = box;
    this.view = null;
  }
  get width() {
    return this.box.clientWidth || 600;
  }
  height() {
    const { height } = this.settings;
    return typeof height === "function" ? height(this.width) : (height ?? 300);
  }
  option(still) {
    const colours = palette();
    return withDefaults(
      this.settings.option({ colours, width: this.width, height: this.height(), still }),
      colours,
      still,
    );
  }
  /** Draws, or draws again: colours, size or data have changed. */
  draw() {
    this.box.style.height = `${this.height()}px`;
    if (this.view === null) {
      forgetRemoved();
      this.view = library.init(this.box, null, { renderer: "canvas" });
      this.settings.ready?.(this.view, this);
      if (this.settings.click) this.view.on("click", (event) => this.settings.click(event));
      drawn.add(this);
    }
    this.view.resize();
    this.view.setOption(this.option(false), { notMerge: true });
  }
  svg() {
    const view = library.init(null, null, {
      renderer: "svg",
      ssr: true,
      width: this.width,
      height: this.height(),
    });
    view.setOption(this.option(true));
    const text = view.renderToSVGString();
    view.dispose();
    return text;
  }
  png() {
    return this.view.getDataURL({ type: "png", pixelRatio: 2, backgroundColor: palette().card });
  }
}

function fileName(title) {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_|_$/g, "");
}

/**
 * settings: {title, says (what the picture shows, for who does not see it), height, option({colours, width, still}),
 * columns, rows (the data behind it), click(event), ready(view)}. Returns {element, redraw(changes)}.
 */
export function chart(settings) {
  const data = () =>
    dataTable(settings.title, settings.columns, settings.rows(), { search: settings.rows().length > 12 })
      .element;
  const title = el("figcaption", { text: settings.title });
  if (!chartsAreThere()) {
    const place = el("div", {}, data());
    const element = el("figure", { class: "chart" }, title, place);
    return {
      element,
      redraw(changes) {
        Object.assign(settings, changes);
        title.textContent = settings.title;
        place.replaceChildren(data());
      },
    };
  }
  const box = el("div", {
    class: "canvas",
    role: "img",
    "aria-label": `${settings.title}. ${settings.says ?? ""} The data are in the table below.`,
  });
  const one = new Chart(settings, box);
  const behind = el("div", {});
  const renew = () => behind.replaceChildren(fold("Data", data));
  renew();
  const buttons = el(
    "div",
    { class: "save" },
    el("button", {
      type: "button",
      text: "SVG",
      title: "save as SVG",
      onclick: () => saveFile(`${fileName(settings.title)}.svg`, one.svg()),
    }),
    el("button", {
      type: "button",
      text: "PNG",
      title: "save as PNG",
      onclick: () => {
        one.draw();
        saveFile(`${fileName(settings.title)}.png`, one.png());
      },
    }),
  );
  const element = el(
    "figure",
    { class: "chart" },
    el("div", { class: "chart-head" }, title, buttons),
    box,
    behind,
  );
  box.style.height = "200px";
  whenSeen(element, () => one.draw());
  return {
    element,
    chart: one,
    redraw(changes = {}) {
      Object.assign(settings, changes);
      title.textContent = settings.title;
      renew();
      if (one.view !== null) one.draw();
    },
  };
}

const waiting = new Map();
let watcher = null;
/** Charts are drawn when they come near the window: a long page is there at once. */
function whenSeen(element, draw) {
  watcher ??= new IntersectionObserver(
    (entries) => {
      for (const entry of entries) if (entry.isIntersecting) drawWaiting(entry.target);
    },
    { rootMargin: "400px" },
  );
  waiting.set(element, draw);
  watcher.observe(element);
}
function drawWaiting(element) {
  const draw = waiting.get(element);
  if (!draw) return;
  waiting.delete(element);
  watcher.unobserve(element);
  draw();
}
function redrawAll() {
  for (const one of drawn) if (one.box.isConnected && one.box.clientWidth > 0) one.draw();
}

export function followWindow() {
  if (!chartsAreThere()) return;
  let width = window.innerWidth,
    timer = 0;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    clearTimeout(timer);
    timer = setTimeout(redrawAll, 120);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);
  // A printed page has all its charts, in the width of the paper.
  window.addEventListener("beforeprint", () => {
    for (const element of [...waiting.keys()]) drawWaiting(element);
    redrawAll();
  });
  window.addEventListener("afterprint", redrawAll);
}
