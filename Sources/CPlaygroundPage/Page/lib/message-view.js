// SPDX-License-Identifier: Apache-2.0

import { renderPart } from "./contents.js";
import { button, externalLink, h, safeURL } from "./dom.js";
import { jsonTree } from "./json-tree.js";
import { addPart } from "./model.js";
import { TextView } from "./text-view.js";
import { t } from "./texts.js";

/** How many blocks of a message are shown at once. */
const maximumBlocks = 400;

/** A message that grows: its texts, artifacts, steps and sources. */
export class MessageView {
  element = h("div", { class: "message" });
  #item;
  #views = [];
  #first = 0;
  #earlier = button({ class: "button quiet", hidden: true, onclick: () => this.#showAll() }, "");
  #blocks = h("div", { class: "message-blocks" });
  #sources = h("ol", { class: "sources" });
  #sourceCount = 0;
  #isFormatted = true;
  #limit = maximumBlocks;
  #signal;

  constructor(item, { signal } = {}) {
    this.#item = item;
    this.#signal = signal;
    this.element.append(this.#earlier, this.#blocks);
  }

  /** Shows what has been added since. */
  update(isFinal) {
    const { blocks } = this.#item;
    const isComplete = isFinal || this.#item.completedAt !== null;
    this.#showSources();
    for (let index = Math.max(this.#first, this.#first + this.#views.length - 1); index < blocks.length; index++) {
      const place = index - this.#first;
      if (place < 0) continue;
      if (!this.#views[place]) this.#add(blocks[index]);
      this.#views[place].update(isComplete || index < blocks.length - 1);
    }
    if (this.#views.length > this.#limit) this.#drop();
  }

  set isFormatted(value) {
    this.#isFormatted = value;
    for (const view of this.#views) view.isFormatted = value;
  }

  /** The texts of the message. */
  get text() {
    return this.#item.blocks.filter((block) => block.kind === "text").map((block) => block.chunks.join("")).join("");
  }

  #add(block) {
    // The block before it is complete now.
    this.#views.at(-1)?.update(true);
    const view = this.#viewOf(block);
    view.isFormatted = this.#isFormatted;
    this.#views.push(view);
    this.#blocks.append(view.element);
  }

  #viewOf(block) {
    if (block.kind === "text") {
      const view = new TextView(block, (number) => this.#citation(number));
      view.citations = this.#citationsIn(block);
      return view;
    }
    if (block.kind === "steps") return new StepsView(block);
    return { element: renderPart(block.part, { signal: this.#signal }), update() {}, isFormatted: true };
  }

  #drop() {
    const count = this.#views.length - Math.floor(this.#limit * 0.75);
    for (const view of this.#views.splice(0, count)) view.element.remove();
    this.#first += count;
    this.#earlier.hidden = false;
    this.#earlier.textContent = `${t.actions.more} (${this.#first.toLocaleString()})`;
  }

  #showAll() {
    this.#limit = Infinity;
    this.#earlier.hidden = true;
    const views = this.#item.blocks.slice(0, this.#first).map((block) => {
      const view = this.#viewOf(block);
      view.isFormatted = this.#isFormatted;
      view.update(true);
      return view;
    });
    this.#first = 0;
    this.#views.unshift(...views);
    this.#blocks.prepend(...views.map((view) => view.element));
  }

  // MARK: Sources

  #showSources() {
    const { citations } = this.#item;
    if (citations.length === this.#sourceCount) return;
    for (const { metadata } of citations.slice(this.#sourceCount)) {
      this.#sourceCount++;
      const title = metadata.title || metadata.url || t.run.source(this.#sourceCount);
      this.#sources.append(h("li", { class: "source", tabindex: "-1" },
        metadata.url ? externalLink(metadata.url, title) : h("span", {}, title),
        metadata.url && !safeURL(metadata.url) ? h("code", { class: "source-url" }, metadata.url) : null,
        metadata.description ? h("p", { class: "hint" }, metadata.description) : null));
    }
    if (!this.#sources.parentElement) this.element.append(h("div", { class: "sources-box" }, h("h4", {}, t.run.sources), this.#sources));
    for (const [index, view] of this.#views.entries()) {
      if (!(view instanceof TextView)) continue;
      view.citations = this.#citationsIn(this.#item.blocks[this.#first + index]);
      view.update(this.#item.completedAt !== null);
    }
  }

  /** Returns the citations within a text: `[number, offset]` pairs. */
  #citationsIn(block) {
    const { blocks, citations, textLength } = this.#item;
    const next = blocks.slice(blocks.indexOf(block) + 1).find((other) => other.kind === "text");
    const end = next ? next.start : textLength;
    return citations.map(({ offset }, index) => [index + 1, Math.min(offset, textLength) - block.start])
      .filter(([, offset]) => offset >= 0 && offset <= end - block.start && (offset > 0 || block.start === 0));
  }

  #citation(number) {
    return h("sup", { class: "citation" }, button({
      class: "citation-link", "aria-label": t.run.source(number), title: this.#item.citations[number - 1]?.metadata.title ?? null,
      onclick: () => {
        const source = this.#sources.children[number - 1];
        source?.scrollIntoView({ block: "nearest" });
        source?.focus();
      },
    }, String(number)));
  }
}

/** Steps of an agent, one below the other, each with the input and the output of its tool. */
class StepsView {
  #block;
  #count = 0;
  #latest = h("span", { class: "steps-latest" });
  #title = h("span", { class: "steps-count" });
  #list = h("ol", { class: "steps-list" });
  isFormatted = true;

  constructor(block) {
    this.#block = block;
    this.element = h("details", { class: "steps" }, h("summary", {}, this.#title, this.#latest), this.#list);
  }

  update() {
    const { steps } = this.#block;
    if (steps.length === this.#count) return;
    this.#list.append(...steps.slice(this.#count).map(step));
    this.#count = steps.length;
    this.#title.textContent = t.run.steps(steps.length);
    const last = steps.at(-1);
    this.#latest.textContent = last.tool_name || last.message || "";
  }
}

function step(metadata) {
  const head = [
    metadata.tool_name ? h("code", { class: "step-tool" }, metadata.tool_name) : null,
    metadata.message ? h("span", { class: "step-message" }, metadata.message) : null,
    !metadata.tool_name && !metadata.message ? t.run.step : null,
  ];
  const values = [[t.run.toolInput, metadata.tool_input], [t.run.toolOutput, metadata.tool_output]]
    .filter(([, value]) => value !== null && value !== undefined);
  if (values.length === 0) return h("li", { class: "step" }, h("div", { class: "step-head" }, head));
  const body = h("div", { class: "step-body" });
  const details = h("details", { ontoggle: () => {
    if (details.open && !body.firstChild) body.append(...values.map(([name, value]) => h("div", {}, h("h4", {}, name), jsonTree(value))));
  } }, h("summary", { class: "step-head" }, head), body);
  return h("li", { class: "step" }, details);
}

/** Creates an element for a complete message. */
export function messageElement(message, options) {
  const item = { kind: "message", role: message.role, blocks: [], citations: [], textLength: 0, completedAt: "" };
  for (const part of message.parts ?? []) addPart(item, part);
  const view = new MessageView(item, options);
  view.update(true);
  return item.blocks.length === 0 ? h("p", { class: "muted" }, t.contents.empty) : view.element;
}
