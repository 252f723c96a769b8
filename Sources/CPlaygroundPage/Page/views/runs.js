// SPDX-License-Identifier: Apache-2.0

import { api } from "../lib/api.js";
import { emptyState, errorBox, iconButton, input, loading, select, statusBadge, viewHead } from "../lib/components.js";
import { button, clear, h } from "../lib/dom.js";
import { duration, milliseconds, number, shortID, time } from "../lib/format.js";
import { isTerminal } from "../lib/model.js";
import { setQuery, setTitle } from "../lib/router.js";
import { t } from "../lib/texts.js";

const pageSize = 50;
/** How often the list and the counts are read again, in milliseconds. */
const period = 4_000;
/** How many runs are read for filters that the server does not have, before the user is asked. */
const searchSize = 1_000;

const activeStatuses = ["created", "in-progress", "awaiting", "cancelling"];
const endedStatuses = ["completed", "failed", "cancelled"];

/** Shows the list of runs. */
export default async function show(container, { query, signal }) {
  setTitle(t.runs.title);
  new RunList(container, query, signal);
}

/**
 * The server filters by one of agent, session and active status. Further filters are applied to the runs that it returns, in
 * parts, and a time is found by bisection: the list is ordered by it.
 */
class RunList {
  #signal;
  #filters;
  #offset = 0;
  #start = 0;
  #total = 0;
  #agent;
  #status;
  #session;
  #until;
  #counts = h("div", { class: "counts", role: "group", "aria-label": t.runs.counts });
  #body = h("tbody");
  #table;
  #pager = h("nav", { class: "pager", "aria-label": t.runs.title });
  #state = h("div");
  #request = null;
  #shown = "";

  constructor(container, query, signal) {
    this.#signal = signal;
    this.#filters = { agent: query.agent ?? "", status: query.status ?? "", session: query.session ?? "", until: query.until ?? "" };
    this.#offset = Number(query.offset) || 0;
    const changed = () => this.#changeFilters();
    this.#agent = select([["", t.runs.anyAgent]], "", { "aria-label": t.runs.agent, onchange: changed });
    this.#status = select([["", t.runs.anyStatus], ...[...activeStatuses, ...endedStatuses].map((status) => [status, t.status[status]])],
      this.#filters.status, { "aria-label": t.runs.status, onchange: changed });
    this.#session = input({ placeholder: t.runs.anySession, "aria-label": t.runs.session, value: this.#filters.session, onchange: changed, dataset: { search: "" } });
    this.#until = h("input", { type: "datetime-local", class: "input", value: this.#filters.until, onchange: changed, "aria-label": t.runs.until });
    this.#table = h("div", { class: "table-frame", hidden: true, tabindex: "0" }, h("table", { class: "table run-table" },
      h("caption", { class: "visually-hidden" }, t.runs.table),
      h("thead", {}, h("tr", {}, [t.runs.status, t.runs.agent, t.runs.run, t.runs.session, t.runs.started].map((text) => h("th", { scope: "col" }, text)),
        h("th", { scope: "col", class: "number" }, t.runs.duration))), this.#body));
    container.append(viewHead(t.runs.title), this.#counts,
      h("form", { class: "filters", "aria-label": t.runs.filters, onsubmit: (event) => { event.preventDefault(); changed(); } },
        this.#agent, this.#status, this.#session, h("label", { class: "filter-time" }, h("span", { class: "hint" }, t.runs.until), this.#until)),
      this.#state, this.#table, this.#pager);
    this.#state.append(loading(5));
    this.#loadAgents();
    this.#load(true);
    this.#loadCounts();
    const timer = setInterval(() => {
      if (document.hidden) return;
      this.#loadCounts();
      if (this.#offset === 0 && !this.#filters.until && !this.#isSearch) this.#load(false);
    }, period);
    signal.addEventListener("abort", () => clearInterval(timer));
  }

  get #isSearch() {
    const { agent, status, session } = this.#filters;
    return [agent, status, session].filter(Boolean).length > 1 || endedStatuses.includes(status);
  }

  async #loadAgents() {
    try {
      const { agents } = await api.get("/agents", { query: { limit: 1000 }, signal: this.#signal });
      const names = new Set([...agents.map((agent) => agent.name), ...(this.#filters.agent ? [this.#filters.agent] : [])]);
      this.#agent.append(...[...names].sort().map((name) => h("option", { value: name }, name)));
      this.#agent.value = this.#filters.agent;
    } catch { /* The list itself reports that the server cannot be reached. */ }
  }

  #changeFilters() {
    this.#filters = { agent: this.#agent.value, status: this.#status.value, session: this.#session.value.trim(), until: this.#until.value };
    this.#offset = 0;
    this.#start = 0;
    this.#saveQuery();
    this.#load(true);
  }

  #saveQuery() {
    setQuery({ ...this.#filters, offset: this.#offset || null });
  }

  async #loadCounts() {
    try {
      const totals = await Promise.all(["", ...activeStatuses].map(async (status) =>
        (await api.get("/runs", { query: { status, limit: 1 }, signal: this.#signal })).total));
      clear(this.#counts).append(...["", ...activeStatuses].map((status, index) => button({
        class: "count", "aria-pressed": String(this.#filters.status === status && !this.#filters.agent && !this.#filters.session),
        dataset: { status },
        onclick: () => {
          [this.#agent.value, this.#status.value, this.#session.value] = ["", status, ""];
          this.#changeFilters();
        },
      }, h("span", { class: "count-value" }, number(totals[index])), h("span", { class: "count-name" }, status ? t.status[status] : t.runs.total))));
    } catch { /* Likewise. */ }
  }

  /** What the server can filter by: one of the filters. */
  get #serverQuery() {
    const { agent, status, session } = this.#filters;
    if (session) return { session_id: session };
    if (activeStatuses.includes(status)) return { status };
    return { agent_name: agent };
  }

  #matches(run) {
    const { agent, status, session } = this.#filters;
    return (!agent || run.agent_name === agent) && (!status || run.status === status) && (!session || run.session_id === session);
  }

  async #load(isNew) {
    if (!isNew && this.#request) return;
    this.#request?.abort();
    const request = new AbortController();
    this.#request = request;
    const signal = AbortSignal.any([this.#signal, request.signal]);
    try {
      if (isNew && this.#filters.until && this.#start === 0) this.#start = await this.#offsetAt(Date.parse(this.#filters.until), signal);
      if (this.#isSearch) {
        await this.#search(signal);
      } else {
        const page = await api.get("/runs", { query: { ...this.#serverQuery, limit: pageSize, offset: this.#start + this.#offset }, signal });
        this.#total = page.total - this.#start;
        this.#showRuns(page.runs);
        this.#showPager(page.runs.length);
      }
    } catch (error) {
      if (signal.aborted) return;
      this.#table.hidden = true;
      clear(this.#pager);
      clear(this.#state).append(errorBox(error, { retry: () => this.#load(true) }));
    } finally {
      if (this.#request === request) this.#request = null;
    }
  }

  /** Reads runs until there is a page of those that match, or many were read. */
  async #search(signal) {
    const found = [];
    let offset = this.#start + this.#offset;
    let read = 0;
    let next = offset;
    while (found.length < pageSize && read < searchSize && next !== null) {
      const page = await api.get("/runs", { query: { ...this.#serverQuery, limit: 200, offset: next }, signal });
      read += page.runs.length;
      found.push(...page.runs.filter((run) => this.#matches(run)));
      next = page.next_offset ?? null;
    }
    this.#showRuns(found);
    clear(this.#pager).append(h("span", { class: "hint" }, t.runs.partly(read)),
      ...(this.#offset > 0 ? [button({ class: "button", onclick: () => this.#goTo(0) }, t.runs.first)] : []),
      ...(next !== null ? [button({ class: "button", onclick: () => this.#goTo(next - this.#start) }, t.runs.further)] : []));
  }

  /** Returns how many runs are newer than a time. */
  async #offsetAt(time, signal) {
    let low = 0;
    let high = (await api.get("/runs", { query: { ...this.#serverQuery, limit: 1 }, signal })).total;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const { runs } = await api.get("/runs", { query: { ...this.#serverQuery, limit: 1, offset: middle }, signal });
      if (runs.length > 0 && milliseconds(runs[0].created_at) > time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #showRuns(runs) {
    const key = JSON.stringify(runs.map((run) => [run.run_id, run.status]));
    const isEmpty = runs.length === 0;
    this.#table.hidden = isEmpty;
    clear(this.#state);
    if (isEmpty) {
      const isFiltered = Object.values(this.#filters).some(Boolean);
      this.#state.append(isFiltered ? emptyState(t.runs.none) : emptyState(t.runs.noneYet, t.runs.noneHint));
    }
    if (key === this.#shown) return;
    this.#shown = key;
    const focused = document.activeElement?.closest?.("tr")?.dataset.run;
    clear(this.#body).append(...runs.map(row));
    if (focused) this.#body.querySelector(`[data-run="${CSS.escape(focused)}"] a`)?.focus();
  }

  #showPager(count) {
    const last = Math.max(0, Math.floor((this.#total - 1) / pageSize) * pageSize);
    const step = (name, offset, isEnabled, label) => iconButton("chevron", label, () => this.#goTo(offset), { disabled: !isEnabled, class: `icon-button pager-${name}` });
    clear(this.#pager);
    if (this.#total <= 0) return;
    this.#pager.append(
      button({ class: "button quiet", disabled: this.#offset === 0, onclick: () => this.#goTo(0) }, t.runs.first),
      step("previous", Math.max(0, this.#offset - pageSize), this.#offset > 0, t.runs.previous),
      h("span", { role: "status" }, t.runs.range(this.#offset + 1, this.#offset + count, this.#total)),
      step("next", this.#offset + count, this.#offset + count < this.#total, t.runs.next),
      button({ class: "button quiet", disabled: this.#offset >= last, onclick: () => this.#goTo(last) }, t.runs.last));
  }

  #goTo(offset) {
    this.#offset = offset;
    this.#saveQuery();
    this.#load(true);
    window.scrollTo(0, 0);
  }
}

function row(run) {
  const end = isTerminal(run.status) && run.finished_at ? milliseconds(run.finished_at) : null;
  return h("tr", { dataset: { run: run.run_id } },
    h("td", {}, statusBadge(run.status)),
    h("td", {}, h("a", { href: `#/agents/${encodeURIComponent(run.agent_name)}` }, run.agent_name)),
    h("td", {}, h("a", { class: "mono run-open", href: `#/runs/${run.run_id}`, title: run.run_id }, shortID(run.run_id))),
    h("td", {}, run.session_id ? h("a", { class: "mono", href: `#/sessions/${encodeURIComponent(run.session_id)}`, title: run.session_id }, shortID(run.session_id)) : ""),
    h("td", {}, time(run.created_at)),
    h("td", { class: "number" }, end === null ? "" : duration(end - milliseconds(run.created_at))));
}
