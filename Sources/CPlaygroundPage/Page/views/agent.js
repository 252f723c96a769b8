// SPDX-License-Identifier: Apache-2.0

import { api } from "../lib/api.js";
import { choice, dialog, errorBox, iconButton } from "../lib/components.js";
import { accepts, Composer, sendButton } from "../lib/composer.js";
import { button, clear, h } from "../lib/dom.js";
import { shortID } from "../lib/format.js";
import { RunFollower } from "../lib/follower.js";
import { manifest } from "../lib/manifest.js";
import { navigate, setQuery, setTitle } from "../lib/router.js";
import { runCard } from "../lib/run-card.js";
import { inputOfRun } from "../lib/run-input.js";
import { newStart, pendingStarts, randomID, startRun } from "../lib/starting.js";
import { addRecentInput, recentInputs, settings } from "../lib/store.js";
import { t } from "../lib/texts.js";

/** How many runs of a session are shown at first, and with each "Show more". */
const pageSize = 20;

/** Shows an agent: its manifest, a form for its input, and the runs of a session as a conversation. */
export default async function show(container, { params, query, signal }) {
  setTitle(params.name, t.agents.title);
  const agent = await api.get(`/agents/${encodeURIComponent(params.name)}`, { signal });
  const server = await api.get("/playground/server", { signal }).catch(() => null);
  new AgentView(container, agent, { query, signal, limit: server?.maximum_body_size });
}

class AgentView {
  #agent;
  #signal;
  #session;
  #offset = 0;
  #composer;
  #mode = settings.mode;
  #runs = h("div", { class: "conversation" });
  #earlier = button({ class: "button quiet", hidden: true, onclick: () => this.#loadRuns() }, t.actions.more);
  #sessionLine = h("div", { class: "session-line" });
  #errors = h("div");
  #known = new Set();

  constructor(container, agent, { query, signal, limit }) {
    this.#agent = agent;
    this.#signal = signal;
    this.#session = query.session ?? null;
    this.#composer = new Composer({
      types: agent.input_content_types ?? [], label: t.compose.input, limit, onSubmit: () => this.#send(),
      placeholder: accepts(agent.input_content_types ?? [], "text/plain") ? t.compose.textMarkdownHint : undefined,
    });
    container.classList.add("agent-view");
    container.append(
      h("div", { class: "agent-main" },
        h("div", { class: "agent-head" }, h("h1", {}, agent.name), h("p", { class: "agent-lead" }, agent.description)),
        this.#earlier, this.#runs, this.#form()),
      h("aside", { class: "agent-side", "aria-label": t.agents.about }, manifest(agent)));
    this.#showSession();
    this.#begin(query);
  }

  async #begin(query) {
    if (this.#session) await this.#loadRuns();
    for (const start of pendingStarts.all()) {
      if (start.agent === this.#agent.name && start.sessionID === this.#session) this.#start(start);
    }
    if (query.again) {
      setQuery({ again: null });
      try {
        const messages = await inputOfRun(query.again, { signal: this.#signal });
        if (messages) this.#run(messages);
      } catch (error) {
        if (!this.#signal.aborted) this.#errors.append(errorBox(error));
      }
      return;
    }
    if (matchMedia("(min-width: 45rem)").matches) this.#composer.focus();
  }

  // MARK: The form

  #form() {
    const modes = Object.entries(t.compose.modes).map(([mode, text]) => [mode, text, t.compose.modeHints[mode]]);
    return h("section", { class: "composer-card card", "aria-label": t.compose.input },
      this.#sessionLine,
      this.#composer.element,
      h("div", { class: "composer-end" },
        this.#composer.tools,
        iconButton("history", t.compose.recent, () => this.#showRecent()),
        h("div", { class: "composer-send" },
          choice(t.compose.mode, modes, this.#mode, (mode) => { this.#mode = settings.mode = mode; }),
          sendButton(t.compose.run, () => this.#send()))),
      this.#errors);
  }

  #showRecent() {
    const items = recentInputs(this.#agent.name);
    dialog({
      title: t.compose.recent,
      content: items.length === 0 ? h("p", { class: "hint" }, t.compose.noRecent) : h("ul", { class: "recent-list" }),
      actions: (close) => {
        const list = document.createDocumentFragment();
        for (const messages of items) {
          list.append(h("li", {}, button({ class: "recent-item", onclick: () => {
            close();
            this.#composer.fill(messages.flatMap((message) => message.parts));
            this.#composer.focus();
          } }, summary(messages))));
        }
        queueMicrotask(() => document.querySelector(".recent-list")?.append(list));
        return [button({ class: "button", onclick: close }, t.actions.close)];
      },
    });
  }

  #send() {
    clear(this.#errors);
    const parts = this.#composer.parts();
    if (!parts) return;
    const messages = [{ role: "user", parts }];
    addRecentInput(this.#agent.name, messages);
    this.#composer.clear();
    this.#run(messages);
    this.#composer.focus();
  }

  // MARK: The session

  #showSession() {
    clear(this.#sessionLine).append(...(this.#session
      ? [h("span", {}, t.run.sessionLink, " ",
        h("a", { class: "mono", href: `#/sessions/${encodeURIComponent(this.#session)}` }, shortID(this.#session))),
        button({ class: "button quiet", onclick: () => navigate(`/agents/${encodeURIComponent(this.#agent.name)}`) }, t.compose.newSession)]
      : [h("span", { class: "hint" }, t.compose.startsSession)]));
  }

  async #loadRuns() {
    try {
      const { runs, next_offset } = await api.get("/runs", {
        query: { session_id: this.#session, limit: pageSize, offset: this.#offset }, signal: this.#signal,
      });
      const isFirst = this.#offset === 0;
      const cards = runs.filter((run) => !this.#known.has(run.run_id)).reverse().map((run) => this.#cardOf(run));
      this.#runs.prepend(...cards);
      this.#offset = next_offset ?? this.#offset + runs.length;
      this.#earlier.hidden = !next_offset;
      if (isFirst && cards.length > 1) this.#composer.element.scrollIntoView({ block: "end" });
    } catch (error) {
      if (this.#signal.aborted || error.status === 404) return;
      const box = errorBox(error, { retry: () => { box.remove(); this.#loadRuns(); } });
      this.#runs.prepend(box);
    }
  }

  #cardOf(run) {
    this.#known.add(run.run_id);
    const follower = new RunFollower(run.run_id, { signal: this.#signal, run });
    const element = this.#card(follower, inputOfRun(run.run_id, { signal: this.#signal }));
    follower.follow();
    return element;
  }

  #card(follower, input) {
    return runCard(follower, {
      input, signal: this.#signal, mode: this.#mode, agent: this.#agent.name,
      onAgain: (messages) => {
        const name = follower.run?.agent_name ?? this.#agent.name;
        if (name === this.#agent.name) this.#run(messages);
        else navigate(`/agents/${encodeURIComponent(name)}`, { query: { again: follower.runID } });
      },
    });
  }

  // MARK: Runs

  #run(messages) {
    if (!this.#session) {
      // Known before the run is, so that a reload at any time finds the run.
      this.#session = randomID();
      setQuery({ session: this.#session });
      this.#showSession();
    }
    this.#start(newStart({
      agent: this.#agent.name, sessionID: this.#session, mode: this.#mode, messages, knownRuns: [...this.#known],
    }));
  }

  async #start(start) {
    const note = h("p", { class: "run-note" }, t.run.starting);
    const placeholder = h("article", { class: "run-card card is-pending" }, note);
    this.#runs.append(placeholder);
    placeholder.scrollIntoView({ block: "nearest" });
    let follower = null;
    let early = [];
    const take = (batch) => follower.take(batch.map(({ id, data }) => ({ id, event: JSON.parse(data) })));
    try {
      const run = await startRun(start, {
        signal: this.#signal,
        onState: (state) => { note.textContent = state === "retrying" ? t.run.retrying : start.mode === "sync" ? t.run.waitingForResponse : t.run.starting; },
        onRun: (runID, document) => {
          if (follower) return;
          this.#known.add(runID);
          const shown = this.#runs.querySelector(`[data-run="${CSS.escape(runID)}"]`);
          if (shown) {
            placeholder.remove();
            return;
          }
          follower = new RunFollower(runID, { signal: this.#signal, run: document ?? undefined });
          placeholder.replaceWith(this.#card(follower, Promise.resolve(start.messages)));
          if (start.mode !== "stream") follower.follow();
          take(early);
          early = [];
        },
        onEvents: (batch) => (follower ? take(batch) : early.push(...batch)),
      });
      if (follower && run) follower.settle(run);
      // The stream of the request ends with a question, and when it was lost.
      if (follower && start.mode === "stream") follower.follow();
    } catch (error) {
      if (this.#signal.aborted) return;
      const box = errorBox(error, { retry: () => {
        box.replaceWith();
        this.#start({ ...start, key: randomID() });
      } });
      if (placeholder.isConnected) placeholder.replaceWith(box);
      else this.#runs.append(box);
    }
  }
}

function summary(messages) {
  const parts = messages.flatMap((message) => message.parts);
  const text = parts.map((part) => (part.name ? `[${part.name}]` : part.content_encoding === "base64" ? `[${part.content_type}]` : part.content)).join(" ");
  return text.length > 160 ? `${text.slice(0, 160)}…` : text || t.contents.empty;
}
