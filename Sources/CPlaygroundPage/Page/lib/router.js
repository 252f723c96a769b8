// SPDX-License-Identifier: Apache-2.0
//
// The address of a view is the part of the page's address after #, such as #/runs/ID?tab=events. A reload shows the same
// view again, and links to views can be sent to others.

import { h } from "./dom.js";
import { t } from "./texts.js";

const routes = [];
let current = null;

/** Adds a view: a path with parameters such as `/runs/:id`, and a function that loads its module. */
export function addRoute(pattern, load) {
  routes.push({ segments: pattern.split("/").slice(1), load });
}

/** Returns the path of the current address, without its query. */
export function currentPath() {
  return parse(location.hash).path;
}

/** Goes to a view. With `replace`, the current one is not kept in the history of the browser. */
export function navigate(path, { query, replace = false } = {}) {
  const hash = `#${path}${queryString(query)}`;
  if (replace) {
    history.replaceState(null, "", hash);
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    location.hash = hash;
  }
}

/** Changes the query of the current address, without showing the view anew. Values of `null` remove a parameter. */
export function setQuery(changes) {
  const { path, query } = parse(location.hash);
  const merged = { ...query, ...changes };
  history.replaceState(null, "", `#${path}${queryString(merged)}`);
}

/** Sets the title of the page. */
export function setTitle(...parts) {
  document.title = [...parts, t.title].join(" · ");
}

/** Shows views according to the address, from now on. */
export function startRouter(container, { home, onChange, onError, onTitle }) {
  async function show() {
    const { path, query } = parse(location.hash);
    current?.abort();
    const controller = new AbortController();
    current = controller;
    const found = match(path);
    if (!found) return navigate(home, { replace: true });
    onChange();
    const view = h("div", { class: "view" });
    view.append(h("p", { class: "boot" }, t.states.loading));
    container.replaceChildren(view);
    try {
      const module = await found.load();
      if (controller.signal.aborted) return;
      view.replaceChildren();
      await module.default(view, { params: found.params, query, signal: controller.signal });
      if (!controller.signal.aborted) onTitle(document.title);
    } catch (error) {
      if (controller.signal.aborted || error?.name === "AbortError") return;
      view.replaceChildren();
      onError(view, error, show);
    }
  }
  window.addEventListener("hashchange", () => {
    // Links to parts of the page, such as "Skip to content", are not views.
    if (location.hash && !location.hash.startsWith("#/")) return;
    show();
    window.scrollTo(0, 0);
  });
  show();
}

function parse(hash) {
  const [path, search = ""] = hash.replace(/^#/, "").split("?");
  return { path: path.startsWith("/") ? path : "/", query: Object.fromEntries(new URLSearchParams(search)) };
}

function queryString(query) {
  const entries = Object.entries(query ?? {}).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return entries.length ? `?${new URLSearchParams(entries)}` : "";
}

function match(path) {
  const segments = path.split("/").slice(1);
  for (const route of routes) {
    if (route.segments.length !== segments.length) continue;
    const params = {};
    const matches = route.segments.every((segment, index) => {
      if (!segment.startsWith(":")) return segment === segments[index];
      try { params[segment.slice(1)] = decodeURIComponent(segments[index]); } catch { return false; }
      return segments[index] !== "";
    });
    if (matches) return { load: route.load, params };
  }
  return null;
}
