// SPDX-License-Identifier: Apache-2.0

import { api, APIError } from "./api.js";
import { choice, errorBox, nextID } from "./components.js";
import { Composer, jsonFault, sendButton } from "./composer.js";
import { button, clear, h } from "./dom.js";
import { time } from "./format.js";
import { jsonTree } from "./json-tree.js";
import { messageElement } from "./message-view.js";
import { t } from "./texts.js";

/** A question of a run, with a form for its answer: a message, or an object of any type. */
export class QuestionView {
  element;
  #item;
  #follower;
  #body = h("div", { class: "question-body" });
  #answerArea = h("div", { class: "question-answer" });
  #state = "";
  #form = null;
  #signal;

  constructor(item, follower, { signal } = {}) {
    this.#item = item;
    this.#follower = follower;
    this.#signal = signal;
    const { request } = item;
    const titleID = nextID();
    this.#body.append(request.message ? messageElement(request.message, { signal }) : jsonTree(request, { openDepth: 3 }));
    this.element = h("section", { class: "question", "aria-labelledby": titleID },
      h("h3", { class: "question-title", id: titleID }, t.run.question,
        item.deadline ? h("span", { class: "question-deadline" }, t.run.deadline(""), time(item.deadline)) : null),
      this.#body, this.#answerArea);
  }

  update() {
    const isOpen = !this.#item.answer && this.#follower.run?.status === "awaiting" && this.#isLast;
    const state = this.#item.answer ? "answered" : isOpen ? "open" : "closed";
    if (state === this.#state) return;
    this.#state = state;
    this.element.dataset.state = state;
    clear(this.#answerArea);
    if (state === "answered") {
      this.#answerArea.append(h("div", { class: "turn user" },
        h("div", { class: "turn-label" }, t.run.role.user), messageElement(this.#item.answer, { signal: this.#signal })));
    } else if (state === "open") {
      this.#form = this.#form ?? this.#makeForm();
      this.#answerArea.append(this.#form);
      this.#takeFocus();
    }
  }

  /** Puts the cursor into the form, unless the user writes something else. */
  #takeFocus() {
    const active = document.activeElement;
    const isIdle = active === null || active === document.body || (active.matches("textarea") && active.value === "");
    if (!isIdle || !matchMedia("(hover: hover)").matches) return;
    queueMicrotask(() => [...this.#form.querySelectorAll("textarea")].find((field) => field.offsetParent !== null)?.focus());
  }

  get isFormatted() { return true; }
  set isFormatted(_) {}

  get #isLast() {
    return this.#follower.model.items.findLast((item) => item.kind === "question") === this.#item;
  }

  #makeForm() {
    const { request } = this.#item;
    const errors = h("div");
    const composer = new Composer({
      types: ["*/*"], label: t.run.answer, placeholder: t.run.answer, rows: 2, hasJSON: false, onSubmit: () => send(),
    });
    const typed = h("textarea", {
      class: "textarea composer-json mono", rows: 5, spellcheck: "false", "aria-label": t.run.typedAnswer,
      value: JSON.stringify({ type: request.type ?? "message" }, null, 2), onkeydown: (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
          event.preventDefault();
          send();
        }
      },
    });
    const typedStatus = h("p", { class: "composer-status", role: "status", dataset: { kind: "error" }, hidden: true });
    const typedBox = h("div", { class: "composer" }, h("div", { class: "composer-fields" }, typed, typedStatus));
    let isTyped = request.type !== "message";
    const show = () => {
      composer.element.hidden = isTyped;
      composer.tools.hidden = isTyped;
      typedBox.hidden = !isTyped;
    };
    const kind = choice(t.run.answerType, [["message", t.run.messageAnswer], ["typed", t.run.typedAnswer]],
      isTyped ? "typed" : "message", (value) => { isTyped = value === "typed"; show(); });
    const submit = sendButton(t.run.sendAnswer, () => send());
    const send = async () => {
      clear(errors);
      const payload = isTyped ? this.#typedPayload(typed, typedStatus) : messagePayload(composer);
      if (!payload) return;
      submit.disabled = true;
      try {
        await this.#send(payload);
        composer.clear();
      } catch (error) {
        if (!this.#signal?.aborted) errors.append(errorBox(error, { title: t.run.answerFailed }));
      } finally {
        submit.disabled = false;
      }
    };
    show();
    return h("div", { class: "question-form" }, composer.element, typedBox,
      h("div", { class: "composer-end" }, kind, composer.tools, submit), errors);
  }

  #typedPayload(field, status) {
    status.hidden = true;
    let value;
    try {
      value = JSON.parse(field.value);
      if (value === null || typeof value !== "object" || Array.isArray(value) || typeof value.type !== "string") {
        throw new SyntaxError('{ "type": … }');
      }
      return value;
    } catch (error) {
      status.textContent = jsonFault(field.value, error);
      status.hidden = false;
      field.focus();
      return null;
    }
  }

  /** Sends an answer, and tries again for as long as the server cannot be reached. */
  async #send(payload) {
    const { runID } = this.#follower;
    for (let failures = 0; ; failures++) {
      try {
        this.#follower.update(await api.post(`/runs/${runID}`,
          { run_id: runID, await_resume: payload, mode: "async" }, { signal: this.#signal }));
        return;
      } catch (error) {
        if (!(error instanceof APIError)) throw error;
        // The answer of an earlier attempt has arrived.
        if (failures > 0 && error.code === "conflict") return;
        if (!error.isTransient || failures > 30) throw error;
        await new Promise((resolve) => setTimeout(resolve, error.retryAfter ?? Math.min(5000, 300 * 2 ** failures)));
        if (this.#signal?.aborted) return;
      }
    }
  }
}

function messagePayload(composer) {
  const parts = composer.parts();
  return parts ? { type: "message", message: { role: "user", parts } } : null;
}
