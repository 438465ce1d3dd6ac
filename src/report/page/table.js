// SPDX-License-Identifier: Apache-2.0
// Tables that sort by a click on their head, search, and show more rows when asked. Narrow screens show a row as a card.
import { announce, el } from "./dom.js";

const kFirstRows = 25,
  kFirstCards = 10;

function textOf(column, row) {
  const value = column.value(row);
  if (value === null || value === undefined) return "";
  return column.format && typeof value === "number" ? column.format(value) : String(value);
}

function compareValues(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (a === null || a === undefined) return 1;
  if (b === null || b === undefined) return -1;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

/**
 * columns: [{title, value(row), format(number), number, wide, click(row), href(row)}]; `number`: to the right, largest
 * first. Returns {element, show(rows, note)}.
 */
export function dataTable(label, columns, rows, options = {}) {
  let shownRows = rows,
    sorted = options.sort ?? null,
    wanted = Math.min(
      options.first ?? kFirstRows,
      matchMedia("(max-width:600px)").matches ? kFirstCards : Infinity,
    ),
    words = "";
  const body = el("tbody", { role: "rowgroup" });
  const note = el("p", { class: "note", role: "status" });
  const more = el("button", {
    type: "button",
    class: "more",
    onclick: () => {
      wanted += 100;
      draw();
    },
  });
  const heads = columns.map((column, i) =>
    el(
      "th",
      { scope: "col", role: "columnheader", class: column.number ? "n" : null },
      el("button", { type: "button", text: column.title, onclick: () => sortBy(i) }),
    ),
  );
  const search =
    options.search === false
      ? null
      : el("input", {
          type: "search",
          placeholder: "search",
          "aria-label": `search in ${label}`,
          oninput: () => {
            words = search.value.toLowerCase();
            draw();
          },
        });

  function sortBy(i) {
    const down = sorted?.column === i ? !sorted.down : Boolean(columns[i].number);
    sorted = { column: i, down };
    draw();
    announce(`${label}: sorted by ${columns[i].title}, ${down ? "largest" : "smallest"} first`);
  }
  function cell(column, row) {
    const text = textOf(column, row);
    let inside = text;
    if (column.click && text !== "")
      inside = el("button", { type: "button", class: "link", text, onclick: () => column.click(row) });
    if (column.href && column.href(row)) inside = el("a", { href: column.href(row), text });
    return el(
      "td",
      { role: "cell", class: column.number ? "n" : column.wide ? "wide" : null, "data-label": column.title },
      inside,
    );
  }
  function draw() {
    let found =
      words === ""
        ? shownRows
        : shownRows.filter((row) =>
            columns.some((column) => textOf(column, row).toLowerCase().includes(words)),
          );
    if (sorted) {
      const { column, down } = sorted;
      found = [...found].sort(
        (a, b) => compareValues(columns[column].value(a), columns[column].value(b)) * (down ? -1 : 1),
      );
    }
    heads.forEach((head, i) =>
      head.setAttribute(
        "aria-sort",
        sorted?.column !== i ? "none" : sorted.down ? "descending" : "ascending",
      ),
    );
    body.replaceChildren(
      ...found.slice(0, wanted).map((row) =>
        el(
          "tr",
          { role: "row" },
          columns.map((column) => cell(column, row)),
        ),
      ),
    );
    more.hidden = found.length <= wanted;
    more.textContent = `show ${Math.min(100, found.length - wanted)} more of ${found.length}`;
    note.textContent =
      words !== "" || found.length !== rows.length ? `${found.length} of ${rows.length} rows` : "";
  }
  draw();
  const table = el(
    "table",
    { role: "table", "aria-label": label },
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, heads)),
    body,
  );
  return {
    element: el(
      "div",
      { class: "table" },
      search && rows.length > 8 ? el("div", { class: "tools" }, search, note) : null,
      el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, table),
      more,
    ),
    show(newRows) {
      shownRows = newRows;
      draw();
    },
  };
}
