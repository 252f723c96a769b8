// SPDX-License-Identifier: Apache-2.0

import { copyButton, errorBox, icon, input } from "./components.js";
import { clear, h } from "./dom.js";
import { jsonTree } from "./json-tree.js";
import { t } from "./texts.js";
import { VirtualList } from "./virtual-list.js";

/** Shows all events of a run in a list of which only the visible part exists, with a filter. */
export function showEvents(panel, { log, signal }) {
  let matches = null;
  let search = null;
  const status = h("span", { class: "hint", role: "status" });
  const detail = h("div", { class: "event-detail card" });
  const errors = h("div");
  const field = input({ type: "search", placeholder: t.runPage.filterHint, "aria-label": t.runPage.filter, dataset: { search: "" }, oninput: () => filter() });
  const list = new VirtualList({ label: t.runPage.list, rowHeight: 34, makeRow, onOpen: open });
  list.element.id = "events";
  panel.append(h("div", { class: "event-tools" }, h("div", { class: "search-field" }, icon("search"), field), status),
    errors, h("div", { class: "event-view" }, list.element, detail));
  const update = () => {
    const wasAtEnd = list.isAtEnd && list.count > 0;
    if (!matches) list.count = log.count;
    status.textContent = matches ? status.textContent : t.runPage.count(log.count);
    if (wasAtEnd && !matches) list.select(log.count - 1);
  };
  log.addEventListener("change", update, { signal });
  update();
  if (log.count > 0) open(0);

  function makeRow(position) {
    const index = matches ? matches[position] : position;
    const row = h("div", { class: "event-row" }, h("span", { class: "event-index" }, String(index)), h("span", { class: "event-type" }, "…"), h("span", { class: "event-text" }));
    const fill = (event) => {
      if (!event) return;
      row.dataset.type = event.type.split(".")[0];
      row.children[1].textContent = event.type;
      row.children[2].textContent = summary(event);
    };
    const known = log.peek(index);
    if (known) fill(known);
    else log.get(index).then(fill, fail);
    return row;
  }

  function open(position) {
    const index = matches ? matches[position] : position;
    log.get(index).then((event) => {
      clear(detail).append(
        h("div", { class: "event-head" }, h("h2", {}, t.runPage.event(index)), h("code", {}, event?.type ?? ""), copyButton(JSON.stringify(event, null, 2))),
        jsonTree(event, { openDepth: 3 }));
    }, fail);
  }

  function fail(error) {
    if (!signal.aborted) clear(errors).append(errorBox(error));
  }

  /** Searches all events, page by page, and shows what is found meanwhile. */
  async function filter() {
    search?.abort();
    const text = field.value.trim().toLowerCase();
    if (!text) {
      matches = null;
      list.refresh();
      return update();
    }
    search = new AbortController();
    const { signal: stopped } = search;
    const found = [];
    matches = found;
    list.count = 0;
    list.refresh();
    try {
      for (let page = 0; page < log.pageCount; page++) {
        const events = await log.page(page);
        if (stopped.aborted || signal.aborted) return;
        for (const [place, event] of events.entries()) {
          if (event.type.includes(text) || JSON.stringify(event).toLowerCase().includes(text)) found.push(page * log.pageSize + place);
        }
        list.count = found.length;
        status.textContent = `${t.runPage.matches(found.length)} · ${t.runPage.searched(Math.min((page + 1) * log.pageSize, log.count), log.count)}`;
        // Keeps the page responsive while many pages are searched.
        await new Promise((resolve) => setTimeout(resolve));
      }
    } catch (error) {
      fail(error);
    }
  }
}

/** Returns the most telling part of an event in one line. */
export function summary(event) {
  switch (event.type) {
    case "message.part": return event.part.name ? `${event.part.name} (${event.part.content_type})` : line(event.part.content ?? event.part.metadata?.message ?? event.part.metadata?.tool_name ?? event.part.content_url ?? "");
    case "message.created": case "message.completed": return event.message.role ?? "";
    case "generic": return line(JSON.stringify(event.generic));
    case "error": return line(event.error?.message ?? "");
    default: return line(event.run?.error?.message ?? event.run?.status ?? "");
  }
}

function line(text) {
  return text.slice(0, 200).replace(/\s+/g, " ");
}
