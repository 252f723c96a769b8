// SPDX-License-Identifier: Apache-2.0

import { errorBox } from "./components.js";
import { clear, h } from "./dom.js";
import { duration, milliseconds, time } from "./format.js";
import { isTerminal } from "./model.js";
import { t } from "./texts.js";

/**
 * Returns the phases of a run from its events: `{kind, start, end, index}`. `kind` is queued, running or awaiting; the last
 * one has no end while the run is active. Messages are `{start, end, index}`.
 */
export class Phases {
  phases = [];
  messages = [];
  end = null;

  /** @param {object} run The document of the run. */
  constructor(run) {
    this.phases.push({ kind: "queued", start: milliseconds(run.created_at), end: null, index: 0 });
  }

  /** Takes the next event. */
  take(index, event) {
    const { run, message } = event;
    if (run) {
      const at = milliseconds(run.finished_at ?? run.status_changed_at ?? run.created_at);
      if (isTerminal(run.status)) this.#finish(at);
      else if (run.status === "awaiting") this.#begin("awaiting", at, index);
      else if (run.status === "in-progress") this.#begin("running", at, index);
    } else if (event.type === "message.created" && message.created_at) {
      this.messages.push({ start: milliseconds(message.created_at), end: null, index });
    } else if (event.type === "message.completed" && message.completed_at && this.messages.length > 0) {
      this.messages.at(-1).end = milliseconds(message.completed_at);
    }
  }

  #begin(kind, at, index) {
    const last = this.phases.at(-1);
    if (last.kind === kind) return;
    last.end = at;
    this.phases.push({ kind, start: at, end: null, index });
  }

  #finish(at) {
    this.phases.at(-1).end = at;
    this.end = at;
  }
}

/** Shows when a run was queued, running and awaiting answers, its messages, and what was seen while the page was open. */
export function showTimeline(panel, context) {
  const { run, log, signal, arrivals, owners } = context;
  const note = h("p", { class: "hint", role: "status" });
  const chart = h("div", { class: "timeline card" });
  const table = h("tbody");
  const errors = h("div");
  panel.append(note, errors, chart,
    h("div", { class: "table-frame", tabindex: "0" }, h("table", { class: "table" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t.runPage.phase), h("th", { scope: "col" }, t.runPage.begin), h("th", { scope: "col", class: "number" }, t.runPage.length))),
      table)),
    h("p", { class: "hint" }, `${t.runPage.notRecorded} ${t.runPage.commitsHint}`));
  const phases = new Phases(run);
  let read = 0;
  let isReading = false;

  async function update() {
    if (isReading) return;
    isReading = true;
    try {
      while (read < log.count && !signal.aborted) {
        const page = Math.floor(read / log.pageSize);
        const events = await log.page(page);
        const begin = read % log.pageSize;
        if (events.length <= begin) break;
        for (const [place, event] of events.slice(begin).entries()) phases.take(page * log.pageSize + begin + place, event);
        read = page * log.pageSize + events.length;
        note.textContent = read < log.count ? t.runPage.reading(read, log.count) : t.runPage.count(read);
        draw();
        await new Promise((resolve) => setTimeout(resolve));
      }
    } catch (error) {
      if (!signal.aborted) clear(errors).append(errorBox(error));
    } finally {
      isReading = false;
    }
    draw();
  }

  function draw() {
    const start = phases.phases[0].start;
    const end = Math.max(start + 1, phases.end ?? Date.now());
    const place = (at) => `${Math.max(0, Math.min(100, ((at - start) / (end - start)) * 100))}%`;
    const width = (from, to) => `${Math.max(0.2, ((Math.min(end, to ?? end) - from) / (end - start)) * 100)}%`;
    const recoveries = owners.slice(1);
    clear(chart).append(
      h("div", { class: "timeline-lane" }, phases.phases.map((phase) => h("div", {
        class: "timeline-bar", dataset: { kind: phase.kind }, title: `${t.runPage.phases[phase.kind]}: ${duration((phase.end ?? end) - phase.start)}`,
        style: { left: place(phase.start), width: width(phase.start, phase.end) },
      }))),
      h("div", { class: "timeline-lane thin" }, phases.messages.slice(-2000).map((message) => h("div", {
        class: "timeline-bar", dataset: { kind: "message" }, title: `${t.runPage.phases.message}: ${duration((message.end ?? end) - message.start)}`,
        style: { left: place(message.start), width: width(message.start, message.end) },
      }))),
      h("div", { class: "timeline-lane thin" },
        arrivals.slice(-1000).map(({ at }) => h("div", { class: "timeline-mark", dataset: { kind: "arrival" }, style: { left: place(at) } })),
        recoveries.map(({ at, process }) => h("div", { class: "timeline-mark", dataset: { kind: "recovery" }, title: process, style: { left: place(at) } }))),
      h("div", { class: "timeline-axis" }, h("span", {}, duration(0)), h("span", {}, duration((end - start) / 2)), h("span", {}, duration(end - start))),
      h("ul", { class: "timeline-legend" }, ["queued", "running", "awaiting", "message", "arrival", ...(recoveries.length > 0 ? ["recovery"] : [])].map((kind) =>
        h("li", {}, h("span", { class: "legend-mark", dataset: { kind }, "aria-hidden": "true" }), t.runPage.phases[kind]))));
    clear(table).append(
      ...phases.phases.filter((phase) => phase.kind !== "queued" || (phase.end ?? end) - phase.start >= 1).map((phase) => h("tr", {},
        h("td", {}, t.runPage.phases[phase.kind]), h("td", {}, time(new Date(phase.start).toISOString())),
        h("td", { class: "number" }, duration((phase.end ?? end) - phase.start)))),
      ...recoveries.map(({ at, process }, index) => h("tr", {},
        h("td", {}, t.runPage.recovered(owners[index].process ?? "?", process)), h("td", {}, time(new Date(at).toISOString())), h("td", {}))),
      ...gapRow());
  }

  function gapRow() {
    let longest = 0;
    for (let index = 1; index < arrivals.length; index++) longest = Math.max(longest, arrivals[index].at - arrivals[index - 1].at);
    return longest > 0 ? [h("tr", {}, h("td", {}, t.runPage.longestGap), h("td", {}), h("td", { class: "number" }, duration(longest)))] : [];
  }

  log.addEventListener("change", update, { signal });
  const timer = setInterval(() => { if (phases.end === null) draw(); }, 1000);
  signal.addEventListener("abort", () => clearInterval(timer));
  update();
}
