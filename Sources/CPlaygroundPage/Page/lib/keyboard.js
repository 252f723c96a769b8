// SPDX-License-Identifier: Apache-2.0
//
// Shortcuts. Letters work outside of fields; / goes to the search field of the view, which has `data-search`.

import { dialog } from "./components.js";
import { button, h } from "./dom.js";
import { t } from "./texts.js";

/** How long the second key of a shortcut such as "g a" is waited for, in milliseconds. */
const patience = 1200;

const shortcuts = new Map();

/** Adds shortcuts: keys such as "g a", with `[description, action]`. */
export function installShortcuts(added) {
  for (const [keys, entry] of Object.entries(added)) shortcuts.set(keys, entry);
  if (isListening) return;
  isListening = true;
  document.addEventListener("keydown", onKey);
}

let isListening = false;
let first = "";
let firstTime = 0;

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const target = event.target;
  const isField = target instanceof HTMLElement && target.matches("input:not([type=radio]):not([type=checkbox]):not([type=range]), textarea, select");
  if (event.key === "Escape" && isField && !target.closest("dialog")) return target.blur();
  if (isField || document.querySelector("dialog[open]")) return;
  if (event.key === "/") {
    const field = document.querySelector("#main [data-search]");
    if (!field) return;
    event.preventDefault();
    field.focus();
    field.select?.();
    return;
  }
  if (event.key === "?") {
    event.preventDefault();
    return showShortcuts();
  }
  const now = performance.now();
  const keys = first && now - firstTime < patience ? `${first} ${event.key}` : event.key;
  const found = shortcuts.get(keys);
  first = found ? "" : event.key;
  firstTime = now;
  if (found) {
    event.preventDefault();
    found[1]();
  }
}

/** Shows a list of all shortcuts. */
export function showShortcuts() {
  const { keyboard } = t;
  const rows = [
    ["/", keyboard.search],
    ...[...shortcuts].map(([keys, [text]]) => [keys, text]),
    [`${keyboard.keys.control} ${keyboard.keys.enter}`, keyboard.send],
    [keyboard.keys.escape, keyboard.leaveField],
    ["?", keyboard.help],
  ];
  dialog({
    title: keyboard.title,
    content: h("dl", { class: "shortcuts" }, rows.map(([keys, text]) => [
      h("dt", {}, keys.split(" ").map((key) => h("kbd", {}, key))), h("dd", {}, text),
    ])),
    actions: (close) => [button({ class: "button primary", onclick: close }, t.actions.close)],
  });
}
