// SPDX-License-Identifier: Apache-2.0
//
// The playground: a page for trying out agents and looking at runs, in plain modules without a build step.
//
//   main.js               the frame of the page: navigation, token, theme, connection
//   lib/router.js         the part of the address after # and its views
//   lib/api.js            requests and event streams of the server, errors, the limit of open streams
//   lib/sse.js            the parser of event streams (pure)
//   lib/store.js          what the browser keeps: token (session), recent inputs and theme (local)
//   lib/texts.js          all texts
//   lib/dom.js            builds elements; nothing ever becomes markup
//   lib/components.js     parts that views share: buttons, status, errors, empty states, dialogs, tabs, tables
//   lib/format.js         times, durations, sizes, numbers
//   lib/keyboard.js       shortcuts, and the list of them
//   lib/model.js          a run from its events (pure)
//   lib/follower.js       follows a run: reconnects with Last-Event-ID, drops duplicates
//   lib/markdown.js       Markdown to elements (the parser is pure)
//   lib/csv.js            CSV to rows (pure)
//   lib/contents.js       shows the parts of messages: text, code, images, media, tables, trees, downloads
//   lib/json-tree.js      a JSON value as a tree
//   lib/code-examples.js  a request as curl, Swift and Python (pure)
//   lib/composer.js       the form of an agent's input, and of an answer
//   lib/run-card.js       a run as a conversation: input, output, questions, actions
//   lib/run-input.js      the input of a run, from this browser or from the server
//   lib/starting.js       starts runs so that none is lost or started twice
//   lib/text-view.js      a text that grows; lib/message-view.js a message, lib/question-view.js a question with its form
//   lib/manifest.js       the description of an agent
//   lib/event-log.js      the events of a run in pages; lib/virtual-list.js a list of any length
//   lib/run-timeline.js, run-events.js, run-replay.js    the parts of a run's page
//   lib/metrics.js        the text format of Prometheus (pure)
//
//   views/agents.js       the list of agents
//   views/agent.js        one agent: its manifest, its form, and the runs that were started with it
//   views/runs.js         the list of runs
//   views/run.js          one run: its conversation (run-card), timeline, event log, replay
//   views/sessions.js     sessions as conversations, their state
//   views/processes.js    processes, storage and rates, for administrators
//
// A view is a function `(container, {params, query, signal}) => void | Promise`: it fills the container, and stops
// everything when `signal` is aborted. It sets the title of the page with `setTitle`.

import { api, APIError } from "./lib/api.js";
import { announce, dialog, iconButton, input, showError, toast } from "./lib/components.js";
import { button, clear, h } from "./lib/dom.js";
import { installShortcuts, showShortcuts } from "./lib/keyboard.js";
import { addRoute, currentPath, navigate, startRouter } from "./lib/router.js";
import { settings } from "./lib/store.js";
import { t } from "./lib/texts.js";

// MARK: Views, loaded when they are first shown

addRoute("/agents", () => import("./views/agents.js"));
addRoute("/agents/:name", () => import("./views/agent.js"));
addRoute("/runs", () => import("./views/runs.js"));
addRoute("/runs/:id", () => import("./views/run.js"));
addRoute("/sessions", () => import("./views/sessions.js"));
addRoute("/sessions/:id", () => import("./views/sessions.js"));
addRoute("/processes", () => import("./views/processes.js"));

// MARK: The bar at the top

const sections = [
  ["/agents", t.nav.agents],
  ["/runs", t.nav.runs],
  ["/sessions", t.nav.sessions],
  ["/processes", t.nav.processes],
];

const links = sections.map(([path, text]) => h("a", { href: `#${path}`, class: "nav-link" }, text));
const connection = h("span", { class: "connection", role: "status" });

function showTopbar() {
  const bar = document.getElementById("topbar");
  clear(bar).append(
    h("a", { class: "brand", href: "#/agents" },
      h("img", { src: "icon.svg", alt: "", width: 22, height: 22 }), h("span", {}, t.title)),
    h("nav", { class: "nav", "aria-label": t.nav.label }, links),
    h("div", { class: "topbar-end" }, connection,
      iconButton("key", t.token.title, () => askForToken()),
      iconButton("theme", t.theme.switch, switchTheme),
      iconButton("help", t.keyboard.title, showShortcuts)));
}

function markSection() {
  const path = currentPath();
  for (const [index, [section]] of sections.entries()) {
    const isCurrent = path === section || path.startsWith(section + "/");
    if (isCurrent) links[index].setAttribute("aria-current", "page");
    else links[index].removeAttribute("aria-current");
  }
}

function showConnection(state) {
  connection.dataset.state = state;
  connection.textContent = state === "online" ? "" : t.connection[state];
  connection.hidden = state === "online";
}

// MARK: Theme

function applyTheme() {
  const theme = settings.theme;
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

function switchTheme() {
  const order = ["system", "light", "dark"];
  settings.theme = order[(order.indexOf(settings.theme) + 1) % order.length];
  applyTheme();
  toast(t.theme[settings.theme]);
}

// MARK: Token

let isAskingForToken = false;

/** Asks for the token of the server. It stays in the session storage of the browser's tab. */
export function askForToken(message) {
  if (isAskingForToken) return;
  isAskingForToken = true;
  const field = input({ type: "password", autocomplete: "off", spellcheck: "false", value: api.token ?? "" });
  const save = (close) => {
    api.token = field.value.trim() || null;
    close();
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  };
  dialog({
    title: t.token.title,
    content: [
      message ? h("p", { class: "dialog-message" }, message) : null,
      h("p", { class: "hint" }, t.token.hint),
      h("label", { class: "field" }, h("span", { class: "field-label" }, t.token.label), field),
    ],
    actions: (close) => [
      button({ class: "button", onclick: close }, t.actions.cancel),
      button({ class: "button primary", type: "submit", onclick: () => save(close) }, t.token.use),
    ],
    onSubmit: save,
    onClose: () => { isAskingForToken = false; },
  });
}

api.addEventListener("unauthorized", () => askForToken(api.token ? t.token.wrong : t.token.missing));
api.addEventListener("connection", (event) => showConnection(event.detail));

// MARK: Start

applyTheme();
showTopbar();
showConnection("online");
installShortcuts({
  "g a": [t.keyboard.agents, () => navigate("/agents")],
  "g r": [t.keyboard.runs, () => navigate("/runs")],
  "g s": [t.keyboard.sessions, () => navigate("/sessions")],
  "g p": [t.keyboard.processes, () => navigate("/processes")],
});
window.addEventListener("unhandledrejection", (event) => {
  if (event.reason?.name === "AbortError") event.preventDefault();
});
startRouter(document.getElementById("main"), {
  home: "/agents",
  onChange: markSection,
  onError: (container, error, retry) => showError(container, error, retry),
  onTitle: announce,
});
