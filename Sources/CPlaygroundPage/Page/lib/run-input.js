// SPDX-License-Identifier: Apache-2.0

import { api } from "./api.js";
import { keepInput, keptInput } from "./store.js";

/** Returns the messages with which a run was created, or `null` if they are not known. */
export async function inputOfRun(runID, { signal } = {}) {
  const kept = keptInput(runID);
  if (kept) return kept;
  const { input } = await api.get(`/playground/runs/${runID}`, { signal });
  if (input.length === 0) return null;
  const messages = input.map(withoutTimes);
  if (JSON.stringify(messages).length < 100_000) keepInput(runID, messages);
  return messages;
}

/** Returns a message as it is sent again. */
function withoutTimes({ created_at, completed_at, ...message }) {
  return message;
}
