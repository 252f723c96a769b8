// SPDX-License-Identifier: Apache-2.0

import { h } from "./dom.js";

/** The height of the scrolled area that browsers support. */
const maximumHeight = 8_000_000;

/**
 * A list of any length, of which only the visible rows exist. All rows have the same height.
 *
 * The arrow keys, Page Up, Page Down, Home and End move the current row, Enter opens it.
 */
export class VirtualList {
  element;
  #rowHeight;
  #count = 0;
  #current = 0;
  #rows = new Map();
  #makeRow;
  #onOpen;
  #spacer = h("div", { class: "virtual-spacer" });
  #isScheduled = false;

  /** @param {{label: string, rowHeight: number, makeRow: (index: number) => HTMLElement, onOpen?: (index: number) => void}} options */
  constructor({ label, rowHeight, makeRow, onOpen }) {
    this.#rowHeight = rowHeight;
    this.#makeRow = makeRow;
    this.#onOpen = onOpen;
    this.element = h("div", {
      class: "virtual-list", role: "listbox", tabindex: "0", "aria-label": label,
      onscroll: () => this.#schedule(), onkeydown: (event) => this.#onKey(event),
    }, this.#spacer);
    new ResizeObserver(() => this.#schedule()).observe(this.element);
  }

  get count() { return this.#count; }
  set count(value) {
    this.#count = value;
    this.#current = Math.min(this.#current, Math.max(0, value - 1));
    this.#spacer.style.height = `${Math.min(maximumHeight, value * this.#rowHeight)}px`;
    this.#schedule();
  }

  /** Makes all visible rows anew. */
  refresh() {
    for (const row of this.#rows.values()) row.remove();
    this.#rows.clear();
    this.#schedule();
  }

  /** Makes a row the current one, and scrolls to it. */
  select(index) {
    this.#current = Math.max(0, Math.min(index, this.#count - 1));
    const { clientHeight } = this.element;
    const visible = Math.max(1, Math.floor(clientHeight / this.#rowHeight));
    const first = this.#firstVisible();
    if (this.#current < first) this.#scrollTo(this.#current);
    else if (this.#current >= first + visible) this.#scrollTo(this.#current - visible + 1);
    this.#schedule();
  }

  get isAtEnd() {
    const { scrollHeight, clientHeight, scrollTop } = this.element;
    return scrollHeight - clientHeight - scrollTop < 4;
  }

  get #scale() {
    const { clientHeight } = this.element;
    const full = this.#count * this.#rowHeight;
    return full <= maximumHeight ? 1 : (full - clientHeight) / Math.max(1, maximumHeight - clientHeight);
  }

  #firstVisible() {
    return Math.floor((this.element.scrollTop * this.#scale) / this.#rowHeight);
  }

  #scrollTo(index) {
    this.element.scrollTop = (index * this.#rowHeight) / this.#scale;
  }

  #schedule() {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => {
      this.#isScheduled = false;
      this.#show();
    });
  }

  #show() {
    const { clientHeight, scrollTop } = this.element;
    if (clientHeight === 0) return;
    const offset = scrollTop * this.#scale;
    const first = Math.max(0, Math.floor(offset / this.#rowHeight) - 4);
    const last = Math.min(this.#count, Math.ceil((offset + clientHeight) / this.#rowHeight) + 4);
    for (const [index, row] of this.#rows) {
      if (index >= first && index < last) continue;
      row.remove();
      this.#rows.delete(index);
    }
    for (let index = first; index < last; index++) {
      let row = this.#rows.get(index);
      if (!row) {
        row = this.#makeRow(index);
        row.classList.add("virtual-row");
        row.setAttribute("role", "option");
        row.setAttribute("aria-setsize", String(this.#count));
        row.setAttribute("aria-posinset", String(index + 1));
        row.id = `${this.element.id || "row"}-${index}`;
        row.addEventListener("click", () => {
          this.#current = index;
          this.#onOpen?.(index);
          this.#schedule();
        });
        this.#rows.set(index, row);
        this.element.append(row);
      }
      row.style.top = `${scrollTop + index * this.#rowHeight - offset}px`;
      row.style.height = `${this.#rowHeight}px`;
      row.setAttribute("aria-selected", String(index === this.#current));
    }
    const current = this.#rows.get(this.#current);
    if (current) this.element.setAttribute("aria-activedescendant", current.id);
    else this.element.removeAttribute("aria-activedescendant");
  }

  #onKey(event) {
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.#rowHeight) - 1);
    const moves = {
      ArrowDown: this.#current + 1, ArrowUp: this.#current - 1, PageDown: this.#current + page, PageUp: this.#current - page,
      Home: 0, End: this.#count - 1,
    };
    if (event.key in moves) {
      event.preventDefault();
      this.select(moves[event.key]);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.#onOpen?.(this.#current);
    }
  }
}
