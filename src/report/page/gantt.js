// SPDX-License-Identifier: Apache-2.0
// When: what one rank ran, lane by lane, and the path that the end of the job depended on.
import { chart, tip } from "./chart.js";
import { colourOf } from "./colours.js";
import { el, menu, section } from "./dom.js";
import { at } from "./island.js";
import { duration } from "./units.js";
import { linksOverTime, powerOverTime } from "./use.js";

const kLaneHeight = 22;

/** Tasks of a rank as bars: what overlaps within a lane gets rows of its own. */
function rowsOf(columns, length, rank) {
  const rows = [],
    ends = [],
    bars = [];
  for (let i = 0; i < length; ++i) {
    if (columns.rank[i] !== rank) continue;
    const lane = columns.lane[i],
      begin = columns.begin_s[i],
      end = begin + columns.seconds[i];
    let row = rows.findIndex((name, at) => name === lane && ends[at] <= begin + 1e-12);
    if (row < 0) {
      row = rows.length;
      rows.push(lane);
      ends.push(0);
    }
    ends[row] = end;
    bars.push({
      row,
      begin,
      end,
      wait: columns.wait_s[i],
      name: columns.name[i],
      kind: columns.kind[i],
      again: columns.again[i] === 1,
    });
  }
  return { rows, bars };
}

function critical(report) {
  return at(report, "critical_path.operations", []).map((one) => ({
    begin: one.begin_s,
    end: one.begin_s + one.seconds,
    name: one.name,
    kind: one.kind || "none",
    wait: 0,
    rank: one.rank,
    path: true,
    waited: one.waited_for,
  }));
}

/** A rectangle, cut off at the borders of the plot. */
function bar(api, item, colour) {
  const [x, y] = api.coord([item.begin, item.row]);
  const [end] = api.coord([item.end, item.row]);
  const area = api.plot;
  const left = Math.max(x, area.x),
    right = Math.min(Math.max(end, x + 0.7), area.x + area.width);
  if (right <= left) return null;
  const shapes = [
    {
      type: "rect",
      shape: { x: left, y: y - kLaneHeight / 2 + 2, width: right - left, height: kLaneHeight - 5 },
      style: { fill: colour },
    },
  ];
  if (item.wait > 0) {
    const [until] = api.coord([item.begin + item.wait, item.row]);
    const to = Math.min(until, right);
    if (to > left)
      shapes.push({
        type: "rect",
        shape: { x: left, y: y - kLaneHeight / 2 + 2, width: to - left, height: kLaneHeight - 5 },
        style: { fill: "rgba(128,128,128,0.65)" },
      });
  }
  if (right - left > 46) {
    shapes.push({
      type: "text",
      style: {
        text: item.name,
        x: left + 4,
        y,
        verticalAlign: "middle",
        fill: "#fff",
        fontSize: 11,
        width: right - left - 8,
        overflow: "truncate",
      },
    });
  }
  return { type: "group", children: shapes };
}

export function whenSection(report, tasks, use, filter) {
  const ranks = [...new Set(tasks.columns.rank ?? [])];
  const path = critical(report);
  if (ranks.length === 0 && path.length === 0) return null;
  const end = at(report, "time.seconds", 0);
  const last = path.length > 0 ? path[path.length - 1].rank : ranks[0];
  let shown = null;
  const read = (rank) => {
    const { rows, bars } = rowsOf(tasks.columns, tasks.length, rank);
    path.forEach((one) => {
      one.row = rows.length;
    });
    const counts = {};
    const names = rows.map((lane) =>
      (counts[lane] = (counts[lane] ?? 0) + 1) === 1 ? lane : `${lane} ${counts[lane]}`,
    );
    shown = { names: path.length > 0 ? [...names, "critical path"] : names, bars: [...bars, ...path] };
  };
  const zoom = { start: 0, end: 100 };
  const over = [linksOverTime(use, end, zoom), powerOverTime(use, end, zoom)].filter(Boolean);
  read(ranks.includes(last) ? last : ranks[0]);
  const settings = (rank) => ({
    title: rank === undefined ? "Critical path" : `Rank ${rank}`,
    says: `${shown.bars.length} bars from 0 to ${duration(end)}; grey is waiting for ranks that come later.`,
    height: 84 + kLaneHeight * shown.names.length,
  });
  const view = chart({
    ...settings(ranks.includes(last) ? last : ranks[0]),
    columns: [
      { title: "lane", value: (one) => shown.names[one.row] },
      { title: "operation", value: (one) => one.name, wide: true },
      { title: "kind", value: (one) => one.kind, click: (one) => filter("kind", one.kind) },
      { title: "begin", value: (one) => one.begin, format: duration, number: true },
      { title: "time", value: (one) => one.end - one.begin, format: duration, number: true },
      { title: "waits for ranks", value: (one) => one.wait || null, format: duration, number: true },
      { title: "rank", value: (one) => one.rank ?? null, number: true },
    ],
    rows: () => shown.bars,
    click: (event) => shown.bars[event.dataIndex] && filter("name", shown.bars[event.dataIndex].name),
    ready: (one) =>
      one.on("datazoom", () => {
        Object.assign(zoom, {
          start: one.getOption().dataZoom[0].start,
          end: one.getOption().dataZoom[0].end,
        });
        over.forEach((one) => one.follow());
      }),
    option: ({ colours, width }) => ({
      grid: { left: 8, right: 20, top: 6, bottom: 50, containLabel: true },
      tooltip: {
        formatter: ({ dataIndex }) => {
          const one = shown.bars[dataIndex];
          return tip(
            `${one.name}${one.again ? " (again)" : ""}`,
            `${one.kind}${one.path ? `, rank ${one.rank}` : ""}`,
            `${duration(one.end - one.begin)} from ${duration(one.begin)}`,
            one.wait > 0 ? `of it ${duration(one.wait)} until the last rank had come` : null,
            one.waited ? `waited for ${one.waited}` : null,
          );
        },
      },
      dataZoom: [
        {
          type: "slider",
          ...zoom,
          height: 18,
          bottom: 8,
          showDataShadow: false,
          labelFormatter: duration,
          filterMode: "none",
          textStyle: { color: colours.soft },
        },
        { type: "inside", ...zoom, filterMode: "none", zoomOnMouseWheel: "ctrl", moveOnMouseMove: true },
      ],
      xAxis: {
        type: "value",
        min: 0,
        max: end,
        axisLabel: { formatter: duration },
        splitNumber: width < 500 ? 3 : 8,
      },
      yAxis: {
        type: "category",
        inverse: true,
        data: shown.names,
        axisTick: { show: false },
        axisLabel: { color: colours.ink, interval: 0, hideOverlap: false, width: 90, overflow: "truncate" },
      },
      series: [
        {
          type: "custom",
          cursor: "pointer",
          encode: { x: [0, 1], y: 2 },
          data: shown.bars.map((one) => [one.begin, one.end, one.row]),
          renderItem: (params, api) => {
            const one = shown.bars[params.dataIndex];
            return bar(
              { coord: (point) => api.coord(point), plot: params.coordSys },
              one,
              colourOf(one.kind),
            );
          },
        },
      ],
    }),
  });
  const menuOfRanks =
    ranks.length > 1
      ? menu(
          "rank",
          ranks.map((rank) => [rank, rank === last ? `${rank} (the job ends with it)` : String(rank)]),
          last,
          (rank) => {
            read(rank);
            view.redraw(settings(rank));
          },
        )
      : null;
  const reset = el("button", {
    type: "button",
    text: "whole time",
    onclick: () => {
      Object.assign(zoom, { start: 0, end: 100 });
      view.redraw();
      over.forEach((one) => one.follow());
    },
  });
  const kinds = [...new Set(shown.bars.map((one) => one.kind))];
  return section(
    "when",
    "When",
    "What a rank ran when, and what the end of the job depended on. Drag to move; the slider, or the wheel with Ctrl, zooms; a click shows the operation.",
    el("div", { class: "steer" }, menuOfRanks, reset),
    view.element,
    el(
      "p",
      { class: "note" },
      "Colours: ",
      kinds.map((kind) =>
        el("span", { class: "key" }, el("i", { style: { background: colourOf(kind) } }), `${kind} `),
      ),
      el(
        "span",
        { class: "key" },
        el("i", { style: { background: "#808080" } }),
        "waits for ranks that come later",
      ),
    ),
    el("p", {
      class: "note",
      text: "Of a job with many ranks a few are here, of a rank with many tasks the 4,000 longest. All ranks, and what of them computes when: dojosim run --timeline.",
    }),
    ...over.map((one) => one.element),
  );
}
