// SPDX-License-Identifier: Apache-2.0

import { api } from "../lib/api.js";
import { errorBox, loading, viewHead } from "../lib/components.js";
import { button, clear, h, svg } from "../lib/dom.js";
import { bytes, duration, number, shortID } from "../lib/format.js";
import { mean, parseMetrics, rate, total } from "../lib/metrics.js";
import { setTitle } from "../lib/router.js";
import { t } from "../lib/texts.js";

/** How often processes and metrics are read, in milliseconds. */
const period = 2_000;
/** How many values a chart shows. */
const length = 60;

const perSecond = (value) => (value < 10 ? value.toFixed(1) : number(Math.round(value)));
const milliseconds = (value) => duration(value * 1000);

/** The charts: how a value comes from the metrics before and now, and how it is shown. */
const charts = [
  ["requests", (before, now, seconds) => rate(before, now, "acp_http_requests_total", seconds), perSecond],
  ["events", (before, now, seconds) => rate(before, now, "acp_events_total", seconds), perSecond],
  ["runs", (before, now, seconds) => rate(before, now, "acp_runs_ended_total", seconds), perSecond],
  ["commit", (before, now) => mean(before, now, "acp_commit_duration_seconds"), milliseconds],
  ["active", (_, now) => total(now, "acp_runs_active"), number],
  ["queued", (_, now) => total(now, "acp_runs_queued"), number],
  ["awaiting", (_, now) => total(now, "acp_runs_awaiting"), number],
  ["takeovers", (_, now) => total(now, "acp_runs_taken_over_total") ?? 0, number],
  ["streams", (_, now) => total(now, "acp_event_streams"), number],
  ["connections", (_, now) => total(now, "acp_http_connections"), number],
  ["errors", (before, now, seconds) => rate(before, now, "acp_storage_errors_total", seconds) ?? 0, perSecond],
  ["memory", (_, now) => total(now, "process_resident_memory_bytes"), bytes],
];

/** Shows the processes that share the storage, figures of the storage, and rates of this process. */
export default async function show(container, { signal }) {
  setTitle(t.processes.title);
  const body = h("tbody");
  const errors = h("div");
  const lease = h("dl", { class: "figures" });
  const chartList = h("div", { class: "charts" });
  const storage = h("div");
  container.append(
    viewHead(t.processes.title), errors,
    h("div", { class: "table-frame", tabindex: "0" }, h("table", { class: "table" },
      h("caption", { class: "visually-hidden" }, t.processes.table),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t.processes.process), h("th", { scope: "col" }, t.processes.state), h("th", { scope: "col" }, t.processes.runs))), body)),
    lease,
    h("section", { class: "section" }, h("h2", {}, t.processes.rates), chartList),
    h("section", { class: "section" }, h("h2", {}, t.processes.storage), storage));

  const server = await api.get("/playground/server", { signal });
  showStorage(storage, server, signal);
  if (!server.has_metrics) chartList.append(h("p", { class: "hint" }, t.processes.noMetrics));
  const drawn = charts.map(([id, read, format]) => new Chart(t.processes.charts[id], read, format));
  if (server.has_metrics) chartList.append(...drawn.map((chart) => chart.element));

  let before = null;
  const update = async () => {
    try {
      const { processes } = await api.get("/processes", { signal });
      clear(body).append(...processes.map(row));
      clear(errors);
      if (!server.has_metrics) return;
      const response = await api.request("GET", "/playground/metrics", { signal });
      const now = { at: performance.now(), metrics: parseMetrics(await response.text()) };
      showLease(lease, now.metrics);
      if (before) for (const chart of drawn) chart.add(before.metrics, now.metrics, (now.at - before.at) / 1000);
      before = now;
    } catch (error) {
      if (!signal.aborted) clear(errors).append(errorBox(error));
    }
  };
  await update();
  const timer = setInterval(() => { if (!document.hidden) update(); }, period);
  signal.addEventListener("abort", () => clearInterval(timer));
}

function row(process) {
  const state = process.process_id === "released" ? "released" : process.alive ? "alive" : "gone";
  const status = { alive: "completed", gone: "failed", released: "created" }[state];
  const runs = process.run_ids.slice(0, 12).map((id) => h("a", { class: "mono", href: `#/runs/${id}`, title: id }, shortID(id)));
  return h("tr", {},
    h("td", {}, h("code", {}, process.process_id), process.this ? h("span", { class: "tag this-process" }, t.processes.this) : null),
    h("td", {}, h("span", { class: "badge", dataset: { status } }, h("span", { class: "badge-dot", "aria-hidden": "true" }), t.processes[state])),
    h("td", {}, h("span", { class: "owned" }, h("strong", {}, number(process.run_count)), runs, process.run_count > runs.length ? "…" : null)));
}

function showLease(list, metrics) {
  const remaining = total(metrics, "acp_lease_remaining_seconds");
  const lost = total(metrics, "acp_lease_expirations_total") ?? 0;
  clear(list);
  // Without a shared storage, no other process could take over anything.
  if (!remaining) return;
  list.append(h("div", { title: t.processes.leaseHint }, h("dt", {}, t.processes.lease), h("dd", {}, duration(Math.max(0, remaining) * 1000))),
    h("div", {}, h("dt", {}, t.processes.leaseLost), h("dd", {}, number(lost))));
}

/** A line of the newest values of a figure, and the last one as a text. */
class Chart {
  element;
  #name;
  #read;
  #format;
  #values = [];
  #value = h("span", { class: "chart-value" }, "–");
  #line = svg("path", { class: "chart-line" });
  #area = svg("path", { class: "chart-area" });
  #picture;

  constructor(name, read, format) {
    this.#name = name;
    this.#read = read;
    this.#format = format;
    this.#picture = svg("svg", { class: "chart-picture", viewBox: "0 0 120 32", preserveAspectRatio: "none", role: "img", "aria-label": name }, this.#area, this.#line);
    this.element = h("div", { class: "chart card" }, h("div", { class: "chart-head" }, h("span", {}, name), this.#value), this.#picture);
  }

  add(before, now, seconds) {
    const value = this.#read(before, now, seconds);
    this.#values.push(value ?? 0);
    if (this.#values.length > length) this.#values.shift();
    this.#value.textContent = value === null ? "–" : this.#format(value);
    this.#picture.setAttribute("aria-label", t.processes.chart(this.#name, this.#value.textContent));
    const top = Math.max(...this.#values, 1e-9);
    const points = this.#values.map((each, index) => `${(((length - this.#values.length + index) / (length - 1)) * 120).toFixed(1)},${(30 - (each / top) * 28).toFixed(1)}`);
    this.#line.setAttribute("d", `M${points.join("L")}`);
    this.#area.setAttribute("d", `M${points.join("L")}L120,32L${points[0].split(",")[0]},32Z`);
  }
}

function showStorage(container, server, signal) {
  if (!server.has_storage_statistics) return container.append(h("p", { class: "hint" }, t.processes.noStorage));
  const result = h("div");
  const load = async () => {
    clear(result).append(loading(2));
    try {
      clear(result).append(...figures(await api.get("/playground/storage", { signal })));
    } catch (error) {
      if (!signal.aborted) clear(result).append(errorBox(error, { retry: load }));
    }
  };
  container.append(h("div", { class: "part-tools" }, button({ class: "button", onclick: load }, t.processes.loadStorage), h("span", { class: "hint" }, t.processes.storageHint)), result);
}

/** Returns elements for figures: single ones as a list, arrays of objects as tables. */
function figures(document) {
  const single = Object.entries(document).filter(([, value]) => !Array.isArray(value));
  const tables = Object.entries(document).filter(([, value]) => Array.isArray(value) && value.length > 0);
  return [
    h("dl", { class: "figures" }, single.map(([name, value]) => h("div", {}, h("dt", {}, label(name)), h("dd", {}, show(name, value))))),
    ...tables.map(([name, rows]) => {
      const columns = Object.keys(rows[0]);
      return h("div", { class: "table-frame", tabindex: "0" }, h("table", { class: "table" }, h("caption", { class: "visually-hidden" }, label(name)),
        h("thead", {}, h("tr", {}, columns.map((column) => h("th", { scope: "col", class: typeof rows[0][column] === "number" ? "number" : null }, label(column))))),
        h("tbody", {}, rows.map((row) => h("tr", {}, columns.map((column) => h("td", { class: typeof row[column] === "number" ? "number" : null }, show(column, row[column]))))))));
    }),
  ];

  function show(name, value) {
    if (typeof value !== "number") return String(value ?? "");
    return name.endsWith("bytes") ? bytes(value) : number(value);
  }

  function label(name) {
    const text = name.replaceAll("_", " ");
    return text.charAt(0).toUpperCase() + text.slice(1);
  }
}
