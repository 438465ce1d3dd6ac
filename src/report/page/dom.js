// SPDX-License-Identifier: Apache-2.0
// Elements. Names come from traces of strangers: they are only ever text, never markup.

/** el("td", {class: "n", text: "5"}, ...children): children are elements or texts; null ones are left out. */
export function el(tag, options = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") made.textContent = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(made.style, value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return made;
}

export function section(id, title, question, ...children) {
  const head = el("h2", { id: `${id}-title`, text: title });
  return el(
    "section",
    { id, "aria-labelledby": `${id}-title` },
    head,
    question ? el("p", { class: "question", text: question }) : null,
    children,
  );
}

/** A row of buttons of which one is pressed. `choices`: [[key, words], ...]. */
export function choice(label, choices, chosen, changed) {
  const buttons = choices.map(([key, words]) =>
    el("button", {
      type: "button",
      "aria-pressed": String(key === chosen),
      text: words,
      onclick: () => {
        buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(choices[i][0] === key)));
        changed(key);
      },
    }),
  );
  return el(
    "div",
    { class: "choice", role: "group", "aria-label": label },
    el("span", { text: label }),
    buttons,
  );
}

/** A menu. `choices`: [[value, words], ...]. */
export function menu(label, choices, chosen, changed) {
  const select = el(
    "select",
    { onchange: () => changed(choices[select.selectedIndex][0]) },
    choices.map(([value, words]) => el("option", { text: words, selected: value === chosen })),
  );
  return el("label", { class: "menu" }, `${label} `, select);
}

export function fold(summary, build, open = false) {
  const made = el("details", { open }, el("summary", { text: summary }));
  const fill = () => {
    if (made.open && made.childElementCount === 1) made.append(build());
  };
  made.addEventListener("toggle", fill);
  fill();
  return made;
}

export function list(texts) {
  return el(
    "ul",
    {},
    texts.map((text) => el("li", { text })),
  );
}

/** Names and values, side by side. */
export function facts(rows) {
  return el(
    "dl",
    { class: "facts" },
    rows
      .filter((row) => row)
      .map(([name, value]) => el("div", {}, el("dt", { text: name }), el("dd", {}, value))),
  );
}

let live = null;
/** Says something to screen readers. */
export function announce(text) {
  if (live === null) {
    live = el("p", { class: "unseen", "aria-live": "polite" });
    document.body.append(live);
  }
  live.textContent = text;
}
