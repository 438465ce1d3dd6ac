// SPDX-License-Identifier: Apache-2.0
// Reads the JSON island of the page.

/** A column of packed() in src/report/page.cpp as a list. */
function unpackedColumn(column) {
  if (Array.isArray(column)) return column;
  if (column.words) return column.at.map((at) => column.words[at]);
  let before = "";
  return column.same.map((same, i) => (before = before.slice(0, same) + column.rest[i]));
}

/** {columns of names: lists, length}; of an empty table `length` is 0. */
export function unpacked(table) {
  const columns = {};
  let length = 0;
  for (const [name, column] of Object.entries(table ?? {})) {
    columns[name] = unpackedColumn(column);
    length = columns[name].length;
  }
  return { columns, length };
}

export function readIsland() {
  return JSON.parse(document.getElementById("island").textContent);
}

/** The value at "a.b.c", or `otherwise`. Reports of older versions lack keys. */
export function at(object, path, otherwise = undefined) {
  let here = object;
  for (const key of path.split(".")) {
    if (here === null || typeof here !== "object" || !(key in here)) return otherwise;
    here = here[key];
  }
  return here ?? otherwise;
}
