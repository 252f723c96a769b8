// SPDX-License-Identifier: Apache-2.0

import { api, APIError } from "./api.js";
import { applyEvent, emptyModel, isTerminal, modelOfRun } from "./model.js";

/** After how many milliseconds a page that is hidden closes its streams: other tabs need the connections. */
const patience = 20_000;

/**
 * Follows a run until it has ended.
 *
 * A lost connection is made again, and continues after the last event that has arrived, also with another process of the
 * server. Every event is applied once. While the page is hidden for long, nothing is open.
 *
 * Events: `change` when the model has changed (at most once per piece of the stream), `events` with the new events
 * (`detail`: `[{id, event}]`), `state` when `state` has changed.
 */
export class RunFollower extends EventTarget {
  /** The run as far as it is known. */
  model = emptyModel();
  /** `connecting`, `live`, `reconnecting`, `ended` or `failed`. */
  state = "connecting";
  /** Why the run cannot be followed, if `state` is `failed`. */
  error = null;
  #runID;
  #controller = new AbortController();
  #wake = () => {};

  /**
   * @param {string} runID
   * @param {{signal?: AbortSignal, run?: object}} [options] `run`: the document of the run, if it is known already. A run
   *   that has ended is then not followed.
   */
  constructor(runID, { signal, run } = {}) {
    super();
    this.#runID = runID;
    signal?.addEventListener("abort", () => this.stop());
    if (run && isTerminal(run.status)) {
      this.model = modelOfRun(run);
      this.state = "ended";
    } else if (run) {
      this.model.run = run;
    }
  }

  get runID() { return this.#runID; }
  get run() { return this.model.run; }

  /** Follows the run. Returns when it has ended, cannot be followed, or `stop` was called. */
  async follow() {
    const { signal } = this.#controller;
    const wake = () => { if (!document.hidden) this.#wake(); };
    document.addEventListener("visibilitychange", wake);
    window.addEventListener("online", wake);
    let failures = 0;
    try {
      while (this.state !== "ended" && this.state !== "failed" && !signal.aborted) {
        const before = this.model.lastID;
        const attempt = new AbortController();
        const stopWatching = whenHidden(patience, () => attempt.abort(new DOMException("hidden", "AbortError")));
        try {
          if (document.hidden) await this.#pause(Infinity);
          if (!api.hasFreeStream && !await this.#waitForStream()) break;
          await this.#read(api.stream("GET", `/runs/${this.#runID}/events`, {
            lastEventID: this.model.lastID, signal: AbortSignal.any([signal, attempt.signal]), onOpen: () => this.#setState("live"),
          }));
          if (this.state === "ended") break;
          await this.#checkEnd();
        } catch (error) {
          if (signal.aborted) return;
          // The page was hidden: it continues when it is visible again.
          if (attempt.signal.aborted) continue;
          if (error instanceof APIError && !error.isTransient) {
            this.error = error;
            this.#setState("failed");
            return;
          }
        } finally {
          stopWatching();
        }
        if (this.state === "ended" || signal.aborted) return;
        failures = this.model.lastID > before ? 0 : failures + 1;
        this.#setState("reconnecting");
        await this.#pause(Math.min(10_000, 300 * 2 ** Math.min(failures, 5)) * (0.75 + Math.random() / 2));
      }
    } finally {
      document.removeEventListener("visibilitychange", wake);
      window.removeEventListener("online", wake);
    }
  }

  /**
   * Reads a stream that is open already: the response to the request that has started or answered the run.
   *
   * @param {AsyncIterable<{id: string, data: string}[]>} batches
   */
  async #read(batches) {
    for await (const batch of batches) this.take(batch.map(({ id, data }) => ({ id, event: JSON.parse(data) })));
  }

  /** Applies events that have arrived in any way, in their order. */
  take(batch) {
    const fresh = [];
    for (const { id, event } of batch) {
      const index = id === undefined || id === null ? null : Number(id);
      if (applyEvent(this.model, Number.isSafeInteger(index) ? index : null, event)) fresh.push({ id: index, event });
    }
    if (fresh.length === 0) return;
    this.dispatchEvent(new CustomEvent("events", { detail: fresh }));
    this.dispatchEvent(new Event("change"));
    if (this.model.run && isTerminal(this.model.run.status)) this.#setState("ended");
  }

  /** Applies a document of the run, such as the response to a cancellation. */
  update(run) {
    // The end of the run may have arrived before this document, which is older.
    if (this.model.run && isTerminal(this.model.run.status)) return;
    const { output, exchange, ...rest } = run;
    this.model.run = { ...this.model.run, ...rest };
    this.dispatchEvent(new Event("change"));
  }

  /** Applies the document of a run that has ended, or awaits an answer: the response to a sync request. */
  settle(run) {
    if (this.state === "ended") return;
    if (!isTerminal(run.status)) return this.update(run);
    // With events, they are complete, or will be.
    if (this.model.lastID >= 0) return;
    this.model = modelOfRun(run);
    this.dispatchEvent(new Event("change"));
    this.#setState("ended");
    this.stop();
  }

  /** Ends following. */
  stop() { this.#controller.abort(new DOMException("stopped", "AbortError")); }

  /**
   * Waits until a stream can be opened, and looks at the run now and then meanwhile.
   *
   * @returns {Promise<boolean>} Whether the run has to be followed further.
   */
  async #waitForStream() {
    const { signal } = this.#controller;
    for (let wait = 500; !api.hasFreeStream && !signal.aborted; wait = Math.min(wait * 1.5, 5_000)) {
      await this.#pause(wait);
      if (signal.aborted || api.hasFreeStream) break;
      const run = await api.get(`/runs/${this.#runID}`, { signal });
      if (!isTerminal(run.status)) {
        this.update(run);
      } else if (this.model.lastID < 0) {
        this.model = modelOfRun(run);
        this.dispatchEvent(new Event("change"));
        this.#setState("ended");
        return false;
      } else {
        // The rest of the events, in pages.
        for (let offset = this.model.lastID + 1; offset !== null;) {
          const page = await api.get(`/runs/${this.#runID}/events`, { query: { limit: 1000, offset }, signal });
          this.take(page.events.map((event, index) => ({ id: offset + index, event })));
          offset = page.next_offset ?? null;
        }
        return this.state !== "ended";
      }
    }
    return !signal.aborted;
  }

  /** A stream may end although the run has not: a limit of its size, or a server that shuts down. */
  async #checkEnd() {
    const run = await api.get(`/runs/${this.#runID}`, { signal: this.#controller.signal });
    if (!isTerminal(run.status)) return;
    // The last events have not arrived: the next connection brings them, unless they are gone.
    if (this.model.lastID < 0) {
      this.model = modelOfRun(run);
      this.dispatchEvent(new Event("change"));
      this.#setState("ended");
    }
  }

  #setState(state) {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }

  #pause(milliseconds) {
    const { signal } = this.#controller;
    return new Promise((resolve) => {
      const timer = milliseconds === Infinity ? null : setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      signal.addEventListener("abort", this.#wake, { once: true });
    });
  }
}

/** Calls a function when the page has been hidden for a time. Returns a function that ends this. */
function whenHidden(milliseconds, action) {
  let timer = null;
  const check = () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(action, milliseconds);
  };
  document.addEventListener("visibilitychange", check);
  return () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", check);
  };
}
