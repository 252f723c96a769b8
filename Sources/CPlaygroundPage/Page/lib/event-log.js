// SPDX-License-Identifier: Apache-2.0

import { api } from "./api.js";

/** How many events are read with one request. */
const pageSize = 500;
/** How many pages are kept. */
const maximumPages = 400;

/** The events of a run, read in pages when they are needed. Events that arrive live are added to them. */
export class EventLog extends EventTarget {
  /** The number of events as far as it is known. */
  count = 0;
  #runID;
  #signal;
  #pages = new Map();
  #requests = new Map();

  constructor(runID, count, { signal } = {}) {
    super();
    this.#runID = runID;
    this.#signal = signal;
    this.count = count;
  }

  /** Takes note of events that exist by now. */
  grow(count) {
    if (count <= this.count) return;
    // The last page is not complete any more.
    const last = Math.floor(Math.max(0, this.count - 1) / pageSize);
    if ((this.#pages.get(last)?.length ?? pageSize) < pageSize) this.#pages.delete(last);
    this.count = count;
    this.dispatchEvent(new Event("change"));
  }

  /** Returns an event if it has been read, or `null`. */
  peek(index) {
    return this.#pages.get(Math.floor(index / pageSize))?.[index % pageSize] ?? null;
  }

  /** Returns an event. */
  async get(index) {
    const page = await this.page(Math.floor(index / pageSize));
    return page[index % pageSize] ?? null;
  }

  get pageSize() { return pageSize; }
  get pageCount() { return Math.ceil(this.count / pageSize); }

  /** Returns the events of a page. */
  page(number) {
    const known = this.#pages.get(number);
    if (known) {
      // The most recently used page is the last one.
      this.#pages.delete(number);
      this.#pages.set(number, known);
      return Promise.resolve(known);
    }
    if (!this.#requests.has(number)) {
      const request = this.#read(number).finally(() => this.#requests.delete(number));
      this.#requests.set(number, request);
    }
    return this.#requests.get(number);
  }

  async #read(number) {
    const events = [];
    let offset = number * pageSize;
    const end = offset + pageSize;
    // A page of large events ends earlier than it was asked for.
    while (offset < end) {
      const response = await api.get(`/runs/${this.#runID}/events`, { query: { limit: end - offset, offset }, signal: this.#signal });
      events.push(...response.events);
      if (!response.next_offset || response.events.length === 0) break;
      offset = response.next_offset;
    }
    this.#pages.set(number, events);
    if (this.#pages.size > maximumPages) this.#pages.delete(this.#pages.keys().next().value);
    return events;
  }
}
