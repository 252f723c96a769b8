// SPDX-License-Identifier: Apache-2.0
//
// Requests and event streams of the server.

import { root } from "./root.js";
import { EventStreamParser } from "./sse.js";
import { session } from "./store.js";
import { t } from "./texts.js";

/** An error response of the server, or a server that cannot be reached (status 0). */
export class APIError extends Error {
  constructor({ status, code, message, data, retryAfter, runID }) {
    super(message);
    this.name = "APIError";
    this.status = status;
    this.code = code;
    this.data = data ?? null;
    /** After how many milliseconds the server asks to try again, or `null`. */
    this.retryAfter = retryAfter ?? null;
    /** The run that exists although the request failed, or `null`. */
    this.runID = runID ?? null;
  }

  /** Whether the same request may succeed later. */
  get isTransient() {
    return [0, 408, 429, 502, 503, 504].includes(this.status);
  }
}

/** After how many milliseconds without a byte a stream is considered lost. The server sends something every 15 s. */
const silence = 40_000;

class API extends EventTarget {
  #token = session.get("token");
  #connection = "online";
  #slots = new Slots(2);

  get token() { return this.#token; }
  set token(value) {
    this.#token = value;
    session.set("token", value);
  }

  /** Returns the JSON of a response. */
  async get(path, { query, signal } = {}) {
    const response = await this.request("GET", path, { query, signal });
    return response.json();
  }

  /** Returns the JSON of a response, or `null` if it has none. */
  async post(path, body, { signal, headers } = {}) {
    const response = await this.request("POST", path, { body, signal, headers });
    return response.status === 204 ? null : response.json();
  }

  async delete(path, { signal } = {}) {
    await this.request("DELETE", path, { signal });
  }

  /**
   * Sends a request, and returns a successful response.
   *
   * @throws {APIError}
   */
  async request(method, path, { query, body, headers = {}, signal } = {}) {
    const url = new URL(path.replace(/^\//, ""), root);
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, value);
    }
    const fields = new Headers(headers);
    if (this.#token) fields.set("Authorization", `Bearer ${this.#token}`);
    if (body !== undefined) fields.set("Content-Type", "application/json");
    let response;
    try {
      response = await fetch(url, {
        method, headers: fields, signal, body: body === undefined ? undefined : JSON.stringify(body),
        cache: "no-store", credentials: "same-origin", redirect: "error", referrerPolicy: "no-referrer",
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      this.#report("offline");
      throw new APIError({ status: 0, code: "unreachable", message: t.connection.unreachable });
    }
    this.#report("online");
    if (response.ok) return response;
    const error = await errorOf(response);
    if (error.status === 401) this.dispatchEvent(new Event("unauthorized"));
    throw error;
  }

  /**
   * Sends a request, and returns the events of its response as they arrive, in arrays.
   *
   * The browser allows six connections to a server, for all its tabs together. Therefore only a few streams are open at
   * the same time, and further ones wait.
   *
   * @param {(response: Response) => void} onOpen Called when the response has begun.
   * @throws {APIError} Also if the stream is lost.
   */
  async *stream(method, path, { body, lastEventID, headers = {}, signal, onOpen } = {}) {
    const release = await this.#slots.take(signal);
    const controller = new AbortController();
    const abort = () => controller.abort(signal.reason);
    signal?.addEventListener("abort", abort);
    let timer;
    const restart = () => {
      clearTimeout(timer);
      timer = setTimeout(() => controller.abort(new DOMException("silence", "TimeoutError")), silence);
    };
    try {
      signal?.throwIfAborted();
      const fields = { Accept: "text/event-stream", ...headers };
      if (lastEventID !== undefined && lastEventID !== null && lastEventID >= 0) fields["Last-Event-ID"] = `${lastEventID}`;
      restart();
      const response = await this.request(method, path, { body, headers: fields, signal: controller.signal });
      onOpen?.(response);
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      const parser = new EventStreamParser();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        restart();
        const events = parser.feed(decoder.decode(value, { stream: true }));
        if (events.length > 0) yield events;
      }
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (error instanceof APIError) throw error;
      throw new APIError({ status: 0, code: "stream_lost", message: t.connection.lost });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      controller.abort();
      release();
    }
  }

  /** Whether a stream can be opened at once. */
  get hasFreeStream() { return this.#slots.isFree; }

  /** The state of the connection: `online` or `offline`. */
  get connection() { return this.#connection; }

  #report(state) {
    if (this.#connection === state) return;
    this.#connection = state;
    this.dispatchEvent(new CustomEvent("connection", { detail: state }));
  }
}

/** Admits a number of users at a time; others wait in their order. */
class Slots {
  #free;
  #waiting = [];

  constructor(count) { this.#free = count; }

  get isFree() { return this.#free > 0; }

  async take(signal) {
    if (this.#free > 0) this.#free--;
    else await new Promise((resolve, reject) => {
      const abort = () => {
        this.#waiting = this.#waiting.filter((item) => item !== admit);
        reject(signal.reason);
      };
      const admit = () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiting.push(admit);
    });
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    };
  }
}

async function errorOf(response) {
  let body = {};
  try { body = await response.json(); } catch { /* A proxy has sent something else. */ }
  const seconds = Number(response.headers.get("Retry-After"));
  return new APIError({
    status: response.status,
    code: typeof body.code === "string" ? body.code : "http_error",
    message: typeof body.message === "string" ? body.message : `${response.status} ${response.statusText}`.trim(),
    data: body.data,
    retryAfter: Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : null,
    runID: response.headers.get("Run-ID"),
  });
}

/** The server of the page. */
export const api = new API();
