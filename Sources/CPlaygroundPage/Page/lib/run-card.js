// SPDX-License-Identifier: Apache-2.0
//
// A run as a conversation: its input, its output as it grows, its questions with forms, and what can be done with it.

import { api } from "./api.js";
import { announce, copy, errorBox, iconButton, menuButton, statusBadge, toast } from "./components.js";
import { codeExample, languages } from "./code-examples.js";
import { button, clear, h } from "./dom.js";
import { ago, duration, milliseconds, shortID } from "./format.js";
import { jsonTree } from "./json-tree.js";
import { MessageView, messageElement } from "./message-view.js";
import { isTerminal } from "./model.js";
import { QuestionView } from "./question-view.js";
import { root } from "./root.js";
import { t } from "./texts.js";

/** How many items of a run are shown at once. */
const maximumItems = 300;

/**
 * Creates the element of a run.
 *
 * @param {RunFollower} follower
 * @param {{input: Promise<object[] | null>, signal: AbortSignal, mode?: string, showsLink?: boolean, isReplay?: boolean,
 *   agent?: string, onAgain?: (messages: object[]) => void}} options
 */
export function runCard(follower, options) {
  const card = new RunCard(follower, options);
  return card.element;
}

class RunCard {
  element;
  #follower;
  #options;
  #views = [];
  #first = 0;
  #limit = maximumItems;
  #isFormatted = true;
  #isScheduled = false;
  #wasActive = false;
  #input = h("div", { class: "turn user" });
  #earlier = button({ class: "button quiet", hidden: true, onclick: () => this.#showAll() }, "");
  #items = h("div", { class: "run-items" });
  #note = h("p", { class: "run-note" });
  #end = h("div", { class: "run-end" });
  #state = h("div", { class: "run-state" });
  #times = h("span", { class: "run-times" });
  #actions = h("div", { class: "run-actions" });
  #shownState = "";

  constructor(follower, options) {
    this.#follower = follower;
    this.#options = options;
    const title = `${t.run.title} ${shortID(follower.runID)}`;
    this.element = h("article", { class: "run-card card", dataset: { run: follower.runID }, "aria-label": title },
      h("h2", { class: "visually-hidden" }, title),
      this.#input,
      h("div", { class: "turn agent" }, this.#earlier, this.#items, this.#note, this.#end),
      h("footer", { class: "run-foot" }, this.#state, this.#actions));
    this.#showInput();
    follower.addEventListener("change", () => this.#schedule(), { signal: options.signal });
    follower.addEventListener("state", () => this.#schedule(), { signal: options.signal });
    const timer = setInterval(() => this.#showTimes(), 1000);
    options.signal.addEventListener("abort", () => clearInterval(timer));
    this.#update();
  }

  async #showInput() {
    this.#input.append(h("div", { class: "turn-label" }, t.run.role.user));
    const body = h("div", { class: "turn-body" });
    this.#input.append(body);
    try {
      const messages = await this.#options.input;
      body.append(...(messages ?? []).map((message) => messageElement(message, { signal: this.#options.signal })));
      if (!messages) body.append(h("p", { class: "muted" }, t.run.inputUnknown));
    } catch (error) {
      if (!this.#options.signal.aborted) body.append(h("p", { class: "muted" }, `${t.run.inputUnknown} ${error.message}`));
    }
  }

  /** Many events of one frame are shown together. */
  #schedule() {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const update = () => {
      if (!this.#isScheduled) return;
      this.#isScheduled = false;
      if (!this.#options.signal.aborted) this.#update();
    };
    requestAnimationFrame(update);
    // Frames stop while the page is hidden.
    setTimeout(update, 500);
  }

  #update() {
    const { model } = this.#follower;
    const isEnded = model.run && isTerminal(model.run.status);
    const hasSharedEnd = nearEnd();
    for (let index = Math.max(this.#first, this.#first + this.#views.length - 2); index < model.items.length; index++) {
      const place = index - this.#first;
      if (!this.#views[place]) {
        this.#views[place - 1]?.update(true);
        const view = this.#viewOf(model.items[index]);
        view.isFormatted = this.#isFormatted;
        this.#views.push(view);
        this.#items.append(view.element);
      }
      this.#views[place].update(isEnded);
    }
    // A question may be followed by items, and is answered later.
    for (const view of this.#views) if (view instanceof QuestionView) view.update();
    if (this.#views.length > this.#limit) this.#drop();
    this.#showNote();
    this.#showEnd();
    this.#showState();
    if (!this.#options.isReplay && hasSharedEnd && this.#wasActive && this.element.isConnected) window.scrollTo({ top: document.documentElement.scrollHeight });
    this.#wasActive = !isEnded;
  }

  #viewOf(item) {
    const { signal } = this.#options;
    if (item.kind === "message") return new MessageView(item, { signal });
    if (item.kind === "question") return new QuestionView(item, this.#follower, { signal });
    return new GenericView(item);
  }

  #drop() {
    const count = this.#views.length - Math.floor(this.#limit * 0.75);
    for (const view of this.#views.splice(0, count)) view.element.remove();
    this.#first += count;
    this.#earlier.hidden = false;
    this.#earlier.textContent = `${t.actions.more} (${this.#first.toLocaleString()})`;
  }

  #showAll() {
    const earlier = this.#follower.model.items.slice(Math.max(0, this.#first - 1000), this.#first).map((item) => {
      const view = this.#viewOf(item);
      view.isFormatted = this.#isFormatted;
      view.update(true);
      return view;
    });
    this.#limit += earlier.length;
    this.#first -= earlier.length;
    this.#views.unshift(...earlier);
    this.#items.prepend(...earlier.map((view) => view.element));
    this.#earlier.hidden = this.#first === 0;
    this.#earlier.textContent = `${t.actions.more} (${this.#first.toLocaleString()})`;
  }

  #showNote() {
    const { model, state } = this.#follower;
    const status = model.run?.status;
    const hasItems = model.items.length > 0;
    let text = "";
    if (state === "reconnecting") text = t.run.reconnecting;
    else if (state !== "failed" && !hasItems && status === "created") text = t.run.queued;
    else if (state !== "failed" && !hasItems && !isTerminal(status ?? "created")) text = t.run.waiting;
    else if (!hasItems && status === "completed") text = t.run.noOutput;
    if (this.#note.textContent !== text) this.#note.textContent = text;
    this.#note.hidden = text === "";
    this.#note.classList.toggle("is-alert", state === "reconnecting");
  }

  #showEnd() {
    const { model, state, error } = this.#follower;
    const key = `${model.run?.status}/${state}`;
    if (this.#end.dataset.key === key) return;
    this.#end.dataset.key = key;
    clear(this.#end);
    if (state === "failed" && error) {
      this.#end.append(errorBox(error, { title: t.run.streamFailed }));
    } else if (model.run?.status === "failed") {
      this.#end.append(runError(model.run.error));
    } else if (model.run?.status === "cancelled") {
      this.#end.append(h("p", { class: "muted" }, t.run.cancelled));
    }
  }

  #showState() {
    const { run } = this.#follower;
    const key = `${run?.status}/${run?.agent_name}`;
    if (key === this.#shownState) return;
    const isFirst = this.#shownState === "";
    this.#shownState = key;
    const { agent, showsLink = true } = this.#options;
    clear(this.#state).append(
      statusBadge(run?.status ?? "created"),
      ...(run?.agent_name && run.agent_name !== agent ? [h("a", { href: `#/agents/${encodeURIComponent(run.agent_name)}` }, run.agent_name)] : []),
      this.#times,
      ...(showsLink ? [h("a", { class: "run-link mono", href: `#/runs/${this.#follower.runID}`, title: t.run.open }, shortID(this.#follower.runID))] : []));
    if (!isFirst && run && (isTerminal(run.status) || run.status === "awaiting")) announce(t.status[run.status]);
    this.#showTimes();
    this.#showActions();
  }

  #showTimes() {
    const { run } = this.#follower;
    if (!run?.created_at || this.#options.isReplay) return;
    const end = run.finished_at ? milliseconds(run.finished_at) : Date.now();
    const length = duration(Math.max(0, end - milliseconds(run.created_at)));
    const text = run.finished_at ? `${length} · ${ago(run.finished_at)}` : length;
    if (this.#times.textContent !== text) this.#times.textContent = text;
  }

  #showActions() {
    const { run } = this.#follower;
    const isEnded = run && isTerminal(run.status);
    const { onAgain, isReplay = false } = this.#options;
    if (isReplay) return;
    clear(this.#actions).append(
      iconButton("copy", t.run.showSource, () => this.#toggleSource(), { class: "icon-button source-toggle", "aria-pressed": String(!this.#isFormatted) }),
      menuButton(t.run.copyAs, languages.map(([id, name]) => [name, () => this.#copyAs(id, name)]), { class: "button quiet" }),
      ...(onAgain ? [button({ class: "button quiet", onclick: () => this.#again() }, t.run.again)] : []),
      ...(isEnded ? [] : [button({ class: "button danger", disabled: run?.status === "cancelling", onclick: (event) => this.#cancel(event) }, t.run.cancel)]));
    const toggle = this.#actions.querySelector(".source-toggle");
    toggle.replaceChildren("{ }");
  }

  #toggleSource() {
    this.#isFormatted = !this.#isFormatted;
    for (const view of this.#views) view.isFormatted = this.#isFormatted;
    const toggle = this.#actions.querySelector(".source-toggle");
    toggle.setAttribute("aria-pressed", String(!this.#isFormatted));
    toggle.title = this.#isFormatted ? t.run.showSource : t.run.showRendered;
  }

  async #cancel(event) {
    event.currentTarget.disabled = true;
    try {
      this.#follower.update(await api.post(`/runs/${this.#follower.runID}/cancel`));
    } catch (error) {
      // The run has ended meanwhile, which its events tell.
      if (error.code === "conflict") return;
      this.#end.append(errorBox(error, { retry: () => this.#end.replaceChildren() }));
      this.#shownState = "-";
      this.#showState();
    }
  }

  async #again() {
    const messages = await this.#options.input.catch(() => null);
    if (messages) this.#options.onAgain(messages);
    else toast(t.run.inputUnknown);
  }

  async #copyAs(language, name) {
    const { run } = this.#follower;
    const messages = await this.#options.input.catch(() => null);
    if (!run || !messages) return toast(t.run.inputUnknown);
    const code = codeExample(language, {
      root: root.href, agent: run.agent_name, messages, session: null, mode: this.#options.mode ?? "sync", hasToken: api.token !== null,
    });
    if (await copy(code)) toast(`${t.actions.copied}: ${name}`);
  }
}

/** Generic events that follow each other: the newest one, and the earlier ones on request. */
class GenericView {
  #item;
  #count = 0;
  #title = h("span");
  #list = h("div", { class: "generic-list" });
  #isOpen = false;
  isFormatted = true;

  constructor(item) {
    this.#item = item;
    this.element = h("details", { class: "generic", ontoggle: (event) => {
      this.#isOpen = event.target.open;
      this.#count = 0;
      this.update();
    } }, h("summary", {}, this.#title), this.#list);
  }

  update() {
    const { values } = this.#item;
    if (values.length === this.#count) return;
    this.#count = values.length;
    this.#title.textContent = `${t.run.generic}${values.length > 1 ? ` × ${values.length.toLocaleString()}` : ""}: ${JSON.stringify(values.at(-1)).slice(0, 120)}`;
    if (this.#isOpen) this.#list.replaceChildren(...values.slice(-100).map((value) => jsonTree(value)));
  }
}

/** Creates a box with the error of a run. */
export function runError(error) {
  const box = errorBox(error ?? { message: "" }, { title: t.status.failed, help: t.errors.remedies.agent });
  if (error?.data) box.append(jsonTree(error.data));
  return box;
}

function nearEnd() {
  const { scrollHeight, clientHeight, scrollTop } = document.documentElement;
  return scrollHeight - clientHeight - scrollTop < 120;
}
