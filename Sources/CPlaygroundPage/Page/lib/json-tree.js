// SPDX-License-Identifier: Apache-2.0

import { button, h } from "./dom.js";
import { t } from "./texts.js";

/** How many entries of an object or an array are shown at once. */
const pageSize = 100;

/** Creates a tree of a JSON value. Its branches are built when they are opened. */
export function jsonTree(value, { openDepth = 1 } = {}) {
  return h("div", { class: "json-tree" }, node(null, value, 0, openDepth));
}

function node(name, value, depth, openDepth) {
  const label = name === null ? null : h("span", { class: "json-name" }, `${name}: `);
  if (value === null || typeof value !== "object") return h("div", { class: "json-leaf" }, label, leaf(value));
  const isArray = Array.isArray(value);
  const entries = isArray ? value.map((item, index) => [index, item]) : Object.entries(value);
  if (entries.length === 0) return h("div", { class: "json-leaf" }, label, isArray ? "[]" : "{}");
  const children = h("div", { class: "json-children" });
  const details = h("details", { class: "json-branch" },
    h("summary", {}, label, h("span", { class: "json-count" }, `${isArray ? "[…]" : "{…}"} ${t.contents.items(entries.length)}`)),
    children);
  let shown = 0;
  const showMore = () => {
    const more = entries.slice(shown, shown + pageSize);
    shown += more.length;
    children.append(...more.map(([key, item]) => node(key, item, depth + 1, openDepth)));
    if (shown < entries.length) {
      const next = button({ class: "button quiet", onclick: () => { next.remove(); showMore(); } }, t.actions.more);
      children.append(next);
    }
  };
  const open = () => { if (details.open && shown === 0) showMore(); };
  details.addEventListener("toggle", open);
  if (depth < openDepth) {
    details.open = true;
    showMore();
  }
  return details;
}

function leaf(value) {
  if (typeof value === "string") return h("span", { class: "json-string" }, JSON.stringify(value));
  return h("span", { class: `json-${value === null ? "null" : typeof value}` }, String(value));
}
