// SPDX-License-Identifier: Apache-2.0
//
// Starts runs so that none is lost or started twice: the request is kept in the tab until its run is known, and is sent
// again with the same Idempotency-Key after a failure or a reload.

import { api, APIError } from "./api.js";
import { keepInput, session } from "./store.js";

/** Returns a random id, also where the page is not in a secure context. */
export function randomID() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const text = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return text.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** The requests of this tab whose runs are not known yet. */
export const pendingStarts = {
  all: () => session.get("pending") ?? [],
  add(start) { session.set("pending", [...this.all(), start]); },
  remove(key) { session.set("pending", this.all().filter((start) => start.key !== key)); },
};

/** Returns a new request for a run. `knownRuns` are those of its session that exist already. */
export function newStart({ agent, sessionID, mode, messages, knownRuns = [] }) {
  return { key: randomID(), agent, sessionID, mode, messages, knownRuns, time: new Date().toISOString() };
}

/**
 * Starts a run, and tries again for as long as the server cannot be reached.
 *
 * @param {object} start A request of `newStart`.
 * @param {{signal: AbortSignal, onRun: (runID: string, run: object | null) => void, onEvents: (events: object[]) => void,
 *   onState: (state: "starting" | "retrying") => void}} callbacks `onRun` is called as soon as the id of the run is known.
 * @returns {Promise<object | null>} The document of the run, if the mode has one.
 * @throws {APIError} If the server rejects the request.
 */
export async function startRun(start, { signal, onRun, onEvents, onState }) {
  pendingStarts.add(start);
  // A run does not wait until there is a connection for its stream: it is followed as soon as there is one.
  const mode = start.mode === "stream" && !api.hasFreeStream ? "async" : start.mode;
  const body = { agent_name: start.agent, session_id: start.sessionID, mode, input: start.messages };
  const known = (runID, run = null) => {
    pendingStarts.remove(start.key);
    keepInput(runID, start.messages);
    onRun(runID, run);
  };
  for (let failures = 0; ; failures++) {
    onState(failures === 0 ? "starting" : "retrying");
    const watcher = new AbortController();
    try {
      if (mode === "stream") {
        const options = { body, signal, headers: { "Idempotency-Key": start.key }, onOpen: (response) => known(response.headers.get("Run-ID")) };
        for await (const batch of api.stream("POST", "/runs", options)) onEvents(batch);
        return null;
      }
      if (mode === "sync") watchForRun(start, AbortSignal.any([signal, watcher.signal]), known);
      const run = await api.post("/runs", body, { signal, headers: { "Idempotency-Key": start.key } });
      known(run.run_id, run);
      return run;
    } catch (error) {
      if (signal.aborted) throw error;
      if (!(error instanceof APIError) || !error.isTransient) {
        pendingStarts.remove(start.key);
        throw error;
      }
      if (error.runID) {
        known(error.runID);
        return null;
      }
      // The stream was open, and the run is known: its follower continues.
      if (!pendingStarts.all().some((other) => other.key === start.key)) return null;
      onState("retrying");
      await pause(error.retryAfter ?? Math.min(8000, 400 * 2 ** failures), signal);
    } finally {
      watcher.abort();
    }
  }
}

/** Finds the run of a sync request while its response is waited for, so that it can be looked at and cancelled. */
async function watchForRun(start, signal, onRun) {
  try {
    for (let wait = 700; ; wait = Math.min(wait * 2, 5000)) {
      await pause(wait, signal);
      const { runs } = await api.get("/runs", { query: { session_id: start.sessionID, limit: 5 }, signal });
      const found = runs.find((run) => run.agent_name === start.agent && !start.knownRuns.includes(run.run_id));
      if (found) return onRun(found.run_id, found);
    }
  } catch { /* The request itself reports what fails. */ }
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
