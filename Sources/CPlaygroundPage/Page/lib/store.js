// SPDX-License-Identifier: Apache-2.0
//
// What the browser keeps. The token is kept for the browser's tab only, everything else on this device.

import { root } from "./root.js";

const prefix = `acp-playground:${root.pathname}:`;

function read(storage, key) {
  try { return JSON.parse(storage.getItem(prefix + key)); } catch { return null; }
}

function write(storage, key, value) {
  try {
    if (value === null || value === undefined) storage.removeItem(prefix + key);
    else storage.setItem(prefix + key, JSON.stringify(value));
    return true;
  } catch {
    // The storage is full or switched off: the page works without it.
    return false;
  }
}

/** Values of this tab, which end with it. */
export const session = {
  get: (key) => read(sessionStorage, key),
  set: (key, value) => write(sessionStorage, key, value),
};

/** Values of this device. */
export const local = {
  get: (key) => read(localStorage, key),
  set: (key, value) => write(localStorage, key, value),
};

/** The settings of the page. */
export const settings = {
  get theme() { return local.get("theme") ?? "system"; },
  set theme(value) { local.set("theme", value === "system" ? null : value); },
  get mode() { return local.get("mode") ?? "stream"; },
  set mode(value) { local.set("mode", value); },
};

/** Returns the newest inputs for an agent: arrays of messages. */
export function recentInputs(agent) {
  return local.get(`inputs:${agent}`) ?? [];
}

/** Keeps an input for an agent, unless it is large. */
export function addRecentInput(agent, messages) {
  const text = JSON.stringify(messages);
  if (text.length > 20_000) return;
  const others = recentInputs(agent).filter((item) => JSON.stringify(item) !== text);
  local.set(`inputs:${agent}`, [messages, ...others].slice(0, 12));
}

/** Keeps the input of a run that was started here, for showing it and running it again. */
export function keepInput(runID, messages) {
  const index = session.get("run-inputs") ?? [];
  const kept = [runID, ...index.filter((id) => id !== runID)];
  for (const id of kept.splice(50)) session.set(`input:${id}`, null);
  if (session.set(`input:${runID}`, messages)) session.set("run-inputs", kept);
}

/** Returns the input of a run that was started here, or `null`. */
export function keptInput(runID) {
  return session.get(`input:${runID}`);
}
