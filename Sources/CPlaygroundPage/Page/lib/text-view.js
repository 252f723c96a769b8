// SPDX-License-Identifier: Apache-2.0

import { codeBlock } from "./contents.js";
import { h } from "./dom.js";
import { citationMark, parseBlocks, renderBlocks, withoutCitationMarks } from "./markdown.js";
import { placeOf } from "./model.js";

/** From how many characters on the end of a text, which may still change, is rendered anew less often. */
const longTail = 20_000;
/** From how many characters on a text is not formatted. */
const longText = 1_000_000;

/**
 * A text that grows, as Markdown. What cannot change any more is rendered once: only the last block is rendered with each
 * piece.
 */
export class TextView {
  element = h("div", { class: "markdown" });
  #block;
  #makeCitation;
  #citations = [];
  #isFormatted = true;
  #taken = 0;
  #length = 0;
  #tailElement = h("div", { class: "markdown-tail" });
  #tail = "";
  #rendered = 0;
  #rest = document.createTextNode("");

  /**
   * @param {{chunks: string[], start: number}} block
   * @param {(number: number) => Node} makeCitation
   */
  constructor(block, makeCitation) {
    this.#block = block;
    this.#makeCitation = makeCitation;
    this.element.append(this.#tailElement);
  }

  /** The whole text. */
  get text() { return this.#block.chunks.join(""); }

  /** Switches between Markdown and its source. */
  set isFormatted(value) {
    if (value === this.#isFormatted) return;
    this.#isFormatted = value;
    this.#restart();
    this.update(true);
  }

  /** Sets the citations within the text: `[number, offset]` pairs, offsets in characters of the text. */
  set citations(pairs) {
    if (pairs.length === this.#citations.length) return;
    this.#citations = pairs;
    this.#restart();
  }

  /** Shows the pieces that have arrived since. */
  update(isFinal) {
    const { chunks } = this.#block;
    const isNew = this.#taken < chunks.length;
    if (isNew) {
      const text = this.#taken === 0 ? this.#withCitations(chunks.join("")) : withoutCitationMarks(chunks.slice(this.#taken).join(""));
      this.#taken = chunks.length;
      this.#tail += text;
      this.#length += text.length;
    }
    if (!this.#isFormatted || this.#length > longText) return this.#showPlain();
    if (!isNew && !(isFinal && this.#rendered !== this.#tail.length)) return;
    if (!isFinal && this.#tail.length > longTail && this.#tail.length < this.#rendered * 1.2) {
      this.#rest.data = this.#tail.slice(this.#rendered);
      return;
    }
    this.#showFormatted(isFinal);
  }

  #showFormatted(isFinal) {
    const lines = this.#tail.split(/\r\n|\r|\n/);
    const blocks = parseBlocks(lines);
    const makers = { code: codeBlock, citation: this.#makeCitation };
    // The last block may grow. If it is only a line that has not ended, it may become a part of the one before.
    let kept = isFinal ? 0 : 1;
    if (!isFinal && blocks.length > 1 && blocks.at(-1).start === lines.length - 1) kept = 2;
    const done = blocks.slice(0, blocks.length - kept);
    if (done.length > 0) {
      this.#tailElement.before(...renderBlocks(done, makers));
      this.#tail = lines.slice(blocks[done.length]?.start ?? lines.length).join("\n");
    }
    this.#rest.data = "";
    this.#tailElement.replaceChildren(...renderBlocks(blocks.slice(done.length), makers), this.#rest);
    this.#rendered = this.#tail.length;
  }

  #showPlain() {
    let plain = this.element.querySelector(":scope > .plain-text");
    if (!plain) {
      plain = h("div", { class: "plain-text" });
      this.element.replaceChildren(plain);
      this.#tail = this.#block.chunks.slice(0, this.#taken).join("");
    }
    if (this.#tail) plain.append(this.#tail);
    this.#tail = "";
  }

  #restart() {
    this.element.replaceChildren(this.#tailElement);
    this.#tailElement.replaceChildren();
    [this.#tail, this.#taken, this.#length, this.#rendered] = ["", 0, 0, 0];
  }

  #withCitations(text) {
    if (this.#citations.length === 0) return withoutCitationMarks(text);
    const sorted = [...this.#citations].sort((left, right) => left[1] - right[1]);
    let result = "";
    let from = 0;
    for (const [number, offset] of sorted) {
      let place = Math.max(from, placeOf(text, offset));
      // At the end of the words that it belongs to, not on the next line.
      while (place > from && /\s/.test(text[place - 1])) place--;
      result += withoutCitationMarks(text.slice(from, place)) + citationMark(number);
      from = place;
    }
    return result + withoutCitationMarks(text.slice(from));
  }
}
