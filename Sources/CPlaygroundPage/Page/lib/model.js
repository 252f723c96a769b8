// SPDX-License-Identifier: Apache-2.0
//
// A run as a conversation, from its events. Without I/O and without elements.
//
// `items` is what happened, in order:
//   {kind: "message", role, blocks, createdAt, completedAt}
//   {kind: "question", request, deadline, answer: Message | null}
//   {kind: "generic", values}                              generic events that follow each other
//
// `blocks` of a message are its parts, where adjacent texts of one type are one block:
//   {kind: "text", contentType, chunks: [string], start}   text that grows; `start` is its place in the message's texts
//   {kind: "part", part}                                   an artifact, or a content that is no text
//   {kind: "steps", steps: [metadata]}                     trajectories that follow each other
//
// `citations` of a message are `{metadata, offset}`. Offsets count characters (code points) of the message's texts.

/** The statuses of a run that has ended. */
export const terminalStatuses = new Set(["completed", "failed", "cancelled"]);

/** Whether a run has ended. */
export function isTerminal(status) {
  return terminalStatuses.has(status);
}

/** Returns a run of which nothing is known yet. */
export function emptyModel() {
  return { run: null, items: [], lastID: -1, eventCount: 0, streamError: null };
}

/** Returns a run from the document of the server. Its questions are placed by their times. */
export function modelOfRun(run) {
  const model = emptyModel();
  model.run = withoutOutput(run);
  const messages = (run.output ?? []).map((message) => ({ at: message.created_at ?? "", item: completedItem(message) }));
  const questions = [];
  const exchange = run.exchange ?? [];
  for (let index = 0; index < exchange.length; index += 2) {
    questions.push({
      at: exchange[index].created_at ?? "",
      item: { kind: "question", request: { type: "message", message: exchange[index] }, deadline: null, answer: exchange[index + 1] ?? null },
    });
  }
  model.items = merge(messages, questions).map(({ item }) => item);
  if (run.status === "awaiting" && run.await_request) {
    model.items.push({ kind: "question", request: run.await_request, deadline: run.await_deadline ?? null, answer: null });
  }
  return model;
}

/**
 * Applies an event to a run.
 *
 * @param {number | null} id The index of the event. Events that were applied before are ignored.
 * @returns {boolean} Whether the event was new.
 */
export function applyEvent(model, id, event) {
  if (id !== null) {
    if (id <= model.lastID) return false;
    model.lastID = id;
  }
  model.eventCount++;
  switch (event.type) {
    case "message.created":
      model.items.push(openItem(event.message));
      for (const part of event.message.parts ?? []) addPart(model.items.at(-1), part);
      break;
    case "message.part":
      addPart(openMessage(model), event.part);
      break;
    case "message.completed":
      completeMessage(model, event.message);
      break;
    case "generic":
      addGeneric(model, event.generic);
      break;
    case "error":
      model.streamError = event.error;
      break;
    default:
      if (event.run) applyRun(model, event.type, event.run);
  }
  return true;
}

function addGeneric(model, value) {
  const last = model.items.at(-1);
  if (last?.kind === "generic") last.values.push(value);
  else model.items.push({ kind: "generic", values: [value] });
}

function applyRun(model, type, run) {
  const question = model.items.findLast((item) => item.kind === "question");
  if (question && !question.answer && run.exchange?.length) question.answer = answerTo(question, model, run);
  if (type === "run.awaiting" && run.await_request) {
    model.items.push({ kind: "question", request: run.await_request, deadline: run.await_deadline ?? null, answer: null });
  }
  // Output that no event has announced: of a run that was written by another server.
  if (isTerminal(run.status) && run.output?.length && !model.items.some((item) => item.kind === "message")) {
    model.items = modelOfRun(run).items;
  }
  model.run = withoutOutput(run);
}

function answerTo(question, model, run) {
  const index = model.items.filter((item) => item.kind === "question").indexOf(question);
  return run.exchange[2 * index + 1] ?? null;
}

function withoutOutput(run) {
  const { output, exchange, ...rest } = run;
  return rest;
}

function openItem(message) {
  return {
    kind: "message", role: message.role, blocks: [], citations: [], textLength: 0,
    createdAt: message.created_at ?? null, completedAt: null,
  };
}

function completedItem(message) {
  const item = openItem(message);
  for (const part of message.parts ?? []) addPart(item, part);
  item.completedAt = message.completed_at ?? message.created_at ?? null;
  return item;
}

function openMessage(model) {
  const last = model.items.at(-1);
  if (last?.kind === "message" && last.completedAt === null) return last;
  // A generic event may stand between the parts of a message.
  const open = model.items.findLast((item) => item.kind === "message" && item.completedAt === null);
  if (open) return open;
  const item = openItem({ role: "agent" });
  model.items.push(item);
  return item;
}

function completeMessage(model, message) {
  const open = model.items.findLast((item) => item.kind === "message" && item.completedAt === null);
  if (!open) {
    model.items.push(completedItem(message));
  } else if (open.blocks.length === 0) {
    Object.assign(open, completedItem(message));
  }
  (open ?? model.items.at(-1)).completedAt = message.completed_at ?? message.created_at ?? "";
}

/** Whether a part is text of a message, and no artifact. */
export function isText(part) {
  const type = mediaType(part.content_type);
  return !part.name && part.content_encoding !== "base64" && typeof part.content === "string"
    && (type === "text/plain" || type === "text/markdown" || type === "text/x-markdown");
}

/** Returns a media type without parameters, in lower case. */
export function mediaType(contentType) {
  return (contentType ?? "text/plain").split(";")[0].trim().toLowerCase();
}

/** Adds a part to a message. */
export function addPart(item, part) {
  const metadata = part.metadata;
  const hasContent = Boolean(part.content) || Boolean(part.content_url);
  if (metadata?.kind === "trajectory") addStep(item, metadata);
  if (hasContent && isText(part)) addText(item, part);
  else if (hasContent || part.name) item.blocks.push({ kind: "part", part });
  if (metadata?.kind === "citation") {
    const index = metadata.end_index ?? metadata.start_index;
    item.citations.push({ metadata, offset: Number.isInteger(index) && index >= 0 ? index : item.textLength });
  }
}

function addStep(item, metadata) {
  const last = item.blocks.at(-1);
  if (last?.kind === "steps") last.steps.push(metadata);
  else item.blocks.push({ kind: "steps", steps: [metadata] });
}

function addText(item, part) {
  const contentType = mediaType(part.content_type);
  let block = item.blocks.at(-1);
  if (block?.kind !== "text" || block.contentType !== contentType) {
    block = { kind: "text", contentType, chunks: [], start: item.textLength };
    item.blocks.push(block);
  }
  block.chunks.push(part.content);
  item.textLength += characterCount(part.content);
}

/** Returns the number of characters (code points) of a text. */
export function characterCount(text) {
  let count = text.length;
  if (!/[\ud800-\udbff]/.test(text)) return count;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code >= 0xd800 && code < 0xdc00) count--;
  }
  return count;
}

/** Returns the place in a text of a number of characters (code points). */
export function placeOf(text, characters) {
  if (!/[\ud800-\udbff]/.test(text)) return Math.min(characters, text.length);
  let place = 0;
  for (let count = 0; count < characters && place < text.length; count++) {
    place += text.codePointAt(place) > 0xffff ? 2 : 1;
  }
  return place;
}

function merge(left, right) {
  const merged = [];
  let index = 0;
  for (const entry of left) {
    while (index < right.length && right[index].at <= entry.at) merged.push(right[index++]);
    merged.push(entry);
  }
  return [...merged, ...right.slice(index)];
}
