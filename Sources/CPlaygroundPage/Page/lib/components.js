// SPDX-License-Identifier: Apache-2.0
//
// Parts that views share.

import { APIError } from "./api.js";
import { button, clear, h, svg } from "./dom.js";
import { remedy, t } from "./texts.js";

// MARK: Icons and buttons

const icons = {
  check: ["M4 10.5l4 4 8-9"],
  chevron: ["M7 4l6 6-6 6"],
  clip: ["M15.5 9.5l-5.8 5.8a3.6 3.6 0 0 1-5-5L11 4a2.4 2.4 0 0 1 3.4 3.4l-6 6a1.2 1.2 0 0 1-1.7-1.7l5.3-5.3"],
  close: ["M5 5l10 10M15 5L5 15"],
  copy: ["M7 7h9v9H7z", "M4 13V4h9"],
  download: ["M10 3v10M6 9.5l4 4 4-4M4 17h12"],
  external: ["M8 5H4v11h11v-4M11 4h5v5M16 4l-7 7"],
  help: ["M7.5 7.6a2.5 2.5 0 1 1 3.6 2.3c-.8.4-1.1.9-1.1 1.8", "M10 14.6v.1"],
  history: ["M10 6v4l3 2", "M4 6.5A7 7 0 1 1 3 10", "M3.5 3v4h4"],
  key: ["M12.5 10.5a3.5 3.5 0 1 0-3-1.7L4 14.3V16h2.5v-1.7H8v-1.6h1.7l1.1-1.2a3.5 3.5 0 0 0 1.7.5z"],
  pause: ["M7 5v10M13 5v10"],
  play: ["M7 4.5l8.5 5.5L7 15.5z"],
  plus: ["M10 4v12M4 10h12"],
  repeat: ["M4 8a6 6 0 0 1 11-2l1 1.5M16 3.5v4h-4M16 12a6 6 0 0 1-11 2l-1-1.5M4 16.5v-4h4"],
  search: ["M9 15A6 6 0 1 0 9 3a6 6 0 0 0 0 12zM13.5 13.5L17 17"],
  stop: ["M6 6h8v8H6z"],
  theme: ["M10 3a7 7 0 1 0 0 14z", "M10 3a7 7 0 0 1 0 14"],
  trash: ["M4 6h12M8 6V4h4v2M6 6l.7 10h6.6L14 6"],
};

/** Creates an icon, which readers of screens do not announce. */
export function icon(name) {
  return svg("svg", { viewBox: "0 0 20 20", width: 18, height: 18, class: "icon", "aria-hidden": "true", focusable: "false" },
    ...icons[name].map((path) => svg("path", { d: path })));
}

/** Creates a button that consists of an icon, with a label for readers of screens. */
export function iconButton(name, label, onclick, attributes = {}) {
  return button({ class: "icon-button", "aria-label": label, title: label, onclick, ...attributes }, icon(name));
}

/** Creates a button that copies a text, and confirms it. */
export function copyButton(text, label = t.actions.copy, attributes = {}) {
  const element = button({ class: "icon-button", "aria-label": label, title: label, ...attributes }, icon("copy"));
  element.addEventListener("click", async () => {
    const succeeded = await copy(typeof text === "function" ? await text() : text);
    if (!succeeded) return;
    element.replaceChildren(icon("check"));
    announce(t.actions.copied);
    setTimeout(() => element.replaceChildren(icon("copy")), 1500);
  });
  return element;
}

/** Copies a text to the clipboard. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // The page is not in a secure context, such as http:// on another machine.
    const area = h("textarea", { class: "offscreen", readOnly: true, "aria-hidden": "true", value: text });
    document.body.append(area);
    area.select();
    const succeeded = document.execCommand("copy");
    area.remove();
    return succeeded;
  }
}

// MARK: Fields

/** Creates a field of one line. */
export function input(attributes = {}) {
  return h("input", { type: "text", class: "input", ...attributes });
}

/** Creates a field with a list of values: `[value, text]` pairs. */
export function select(options, value, attributes = {}) {
  const element = h("select", { class: "input select", ...attributes },
    options.map(([item, text]) => h("option", { value: item }, text)));
  element.value = value;
  return element;
}

/** Creates a group of buttons of which one is chosen: `[value, text, hint]` triples. */
export function choice(label, options, value, onChange) {
  const name = `choice-${nextID()}`;
  return h("fieldset", { class: "choice" },
    h("legend", { class: "visually-hidden" }, label),
    options.map(([item, text, hint]) => h("label", { class: "choice-item", title: hint },
      h("input", { type: "radio", name, value: item, checked: item === value, onchange: () => onChange(item) }),
      h("span", {}, text))));
}

let counter = 0;

/** Returns an id that no other element of the page has. */
export function nextID() {
  return `id-${++counter}`;
}

// MARK: States

/** Creates a status of a run, as a text with a color. */
export function statusBadge(status) {
  return h("span", { class: "badge", dataset: { status } }, h("span", { class: "badge-dot", "aria-hidden": "true" }),
    t.status[status] ?? status);
}

/** Creates a text for a list without entries. */
export function emptyState(title, hint, ...children) {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), hint ? h("p", {}, hint) : null, ...children);
}

/** Creates a placeholder for a list that is being loaded. */
export function loading(lines = 3) {
  return h("div", { class: "loading", role: "status" }, h("span", { class: "visually-hidden" }, t.states.loading),
    Array.from({ length: lines }, () => h("span", { class: "loading-line", "aria-hidden": "true" })));
}

/**
 * Creates a box with an error: its message, code and remedy.
 *
 * @param {Error | {code: string, message: string}} error An error of a request, or one of a run.
 * @param {() => void} [retry] What "Try again" does.
 */
export function errorBox(error, { retry, title = t.errors.title, help = remedyOf(error), heading = "p" } = {}) {
  const code = error.code && error.code !== "unreachable" ? error.code : null;
  return h("div", { class: "error-box", role: "alert" },
    h(heading, { class: "error-title" }, title),
    h("p", { class: "error-message" }, error.message || String(error)),
    help ? h("p", { class: "error-help" }, help) : null,
    h("div", { class: "error-end" },
      code ? h("span", { class: "error-code" }, `${t.errors.code} `, h("code", {}, code)) : null,
      error.status ? h("span", { class: "error-code" }, `${t.errors.status} `, h("code", {}, String(error.status))) : null,
      retry ? button({ class: "button", onclick: retry }, t.actions.retry) : null));
}

/** Fills the container of a view with an error. */
export function showError(container, error, retry) {
  if (!(error instanceof APIError)) console.error(error);
  clear(container).append(errorBox(error, { retry, heading: "h1" }));
}

function remedyOf(error) {
  if (error instanceof APIError) return remedy(error);
  return error instanceof Error ? t.errors.remedies.invalid_page_data : null;
}

// MARK: Announcements

/** Tells readers of screens about a change. */
export function announce(text) {
  const region = document.getElementById("announcements") ?? document.body.appendChild(
    h("div", { id: "announcements", class: "visually-hidden", role: "status", "aria-live": "polite" }));
  region.textContent = text;
}

/** Shows a short text for a few seconds. */
export function toast(text) {
  const element = h("div", { class: "toast" }, text);
  document.getElementById("toasts").append(element);
  setTimeout(() => element.remove(), 4000);
}

// MARK: Dialogs

/**
 * Shows a dialog. It is closed by Escape, by its actions, and by `close`, which is returned.
 *
 * @param {(close: () => void) => Node[]} actions Creates the buttons at the end.
 * @param {(close: () => void) => void} [onSubmit] Called for Enter in a field.
 */
export function dialog({ title, content, actions, onSubmit, onClose }) {
  const id = nextID();
  const close = () => element.close();
  const form = h("form", { class: "dialog-form", onsubmit: (event) => {
    event.preventDefault();
    if (event.submitter === null || event.submitter.type !== "submit") onSubmit?.(close);
  } },
  h("div", { class: "dialog-head" }, h("h2", { id }, title), iconButton("close", t.actions.close, () => close())),
  h("div", { class: "dialog-body" }, content),
  actions ? h("div", { class: "dialog-actions" }, actions(close)) : null);
  const element = h("dialog", { class: "dialog", "aria-labelledby": id, onclose: () => {
    element.remove();
    onClose?.();
  }, onclick: (event) => {
    if (event.target === element) close();
  } }, form);
  document.body.append(element);
  element.showModal();
  return close;
}

/** Asks for a confirmation. */
export function confirmation(title, text, action) {
  return new Promise((resolve) => {
    let isConfirmed = false;
    dialog({
      title,
      content: h("p", {}, text),
      actions: (close) => [
        button({ class: "button", onclick: close }, t.actions.cancel),
        button({ class: "button danger", onclick: () => { isConfirmed = true; close(); } }, action),
      ],
      onClose: () => resolve(isConfirmed),
    });
  });
}

// MARK: Menus and tabs

/** Creates a button with a menu: `[text, action]` pairs. Arrow keys move in it, Escape closes it. */
export function menuButton(label, items, attributes = {}) {
  const id = nextID();
  const menu = h("div", { class: "menu", role: "menu", id, hidden: true },
    items.map(([text, action]) => button({
      class: "menu-item", role: "menuitem", tabindex: "-1",
      onclick: () => { close(); opener.focus(); action(); },
    }, text)));
  const opener = button({
    class: "button", "aria-haspopup": "menu", "aria-expanded": "false", "aria-controls": id,
    onclick: () => (menu.hidden ? open() : close()), ...attributes,
  }, label, icon("chevron"));
  const element = h("div", { class: "menu-root" }, opener, menu);
  const entries = [...menu.children];
  const outside = (event) => { if (!element.contains(event.target)) close(); };
  function open() {
    menu.hidden = false;
    opener.setAttribute("aria-expanded", "true");
    document.addEventListener("pointerdown", outside);
    entries[0]?.focus();
  }
  function close() {
    menu.hidden = true;
    opener.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside);
  }
  element.addEventListener("keydown", (event) => {
    if (menu.hidden) {
      if (event.key === "ArrowDown") { event.preventDefault(); open(); }
      return;
    }
    const index = entries.indexOf(document.activeElement);
    const moves = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: entries.length - 1 };
    if (event.key in moves) {
      event.preventDefault();
      entries.at(moves[event.key] % entries.length)?.focus();
    } else if (event.key === "Escape") {
      event.stopPropagation();
      close();
      opener.focus();
    } else if (event.key === "Tab") close();
  });
  return element;
}

/**
 * Creates tabs: `{id, title, show: (panel) => void}`. A panel is filled when it is shown for the first time.
 *
 * @param {(id: string) => void} [onChange]
 */
export function tabs(label, items, selected, onChange) {
  const prefix = nextID();
  const panels = new Map();
  const buttons = items.map(({ id, title }) => button({
    class: "tab", role: "tab", id: `${prefix}-${id}`, "aria-controls": `${prefix}-${id}-panel`,
    onclick: () => choose(id),
  }, title));
  const list = h("div", { class: "tabs", role: "tablist", "aria-label": label, onkeydown: (event) => {
    const index = buttons.indexOf(document.activeElement);
    const moves = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: items.length - 1 };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const next = (moves[event.key] + items.length) % items.length;
    buttons[next].focus();
    choose(items[next].id);
  } }, buttons);
  const body = h("div", { class: "tab-panels" });
  function choose(id, isInitial = false) {
    for (const [index, item] of items.entries()) {
      const isChosen = item.id === id;
      buttons[index].setAttribute("aria-selected", String(isChosen));
      buttons[index].tabIndex = isChosen ? 0 : -1;
      if (isChosen && !panels.has(id)) {
        const panel = h("div", {
          class: "tab-panel", role: "tabpanel", id: `${prefix}-${id}-panel`, "aria-labelledby": `${prefix}-${id}`, tabindex: "0",
        });
        panels.set(id, panel);
        body.append(panel);
        item.show(panel);
      }
      const panel = panels.get(item.id);
      if (panel) panel.hidden = !isChosen;
    }
    if (!isInitial) onChange?.(id);
  }
  choose(items.some((item) => item.id === selected) ? selected : items[0].id, true);
  return h("div", { class: "tabbed" }, list, body);
}

/** Creates the head of a view: its title, and what stands at its end. */
export function viewHead(title, ...end) {
  return h("div", { class: "view-head" }, h("h1", {}, title), h("div", { class: "view-head-end" }, end));
}
