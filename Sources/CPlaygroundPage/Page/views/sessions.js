// SPDX-License-Identifier: Apache-2.0

import { api } from "../lib/api.js";
import { confirmation, copyButton, emptyState, errorBox, input, loading, statusBadge, tabs, toast, viewHead } from "../lib/components.js";
import { encodeBase64, renderPart } from "../lib/contents.js";
import { button, clear, externalLink, h } from "../lib/dom.js";
import { RunFollower } from "../lib/follower.js";
import { shortID, time } from "../lib/format.js";
import { messageElement } from "../lib/message-view.js";
import { navigate, setQuery, setTitle } from "../lib/router.js";
import { runCard } from "../lib/run-card.js";
import { inputOfRun } from "../lib/run-input.js";
import { t } from "../lib/texts.js";

/** How many runs are read for the list of sessions at once. */
const runPage = 200;
/** How many runs or messages of a session are shown at once. */
const pageSize = 20;

/** Shows the sessions of recent runs, or one session. */
export default async function show(container, { params, query, signal }) {
  if (params.id !== undefined) return showSession(container, params.id, query, signal);
  setTitle(t.sessions.title);
  const field = input({ placeholder: t.sessions.id, "aria-label": t.sessions.openByID, dataset: { search: "" } });
  const list = h("ul", { class: "session-list" });
  const end = h("div", {}, loading(4));
  container.append(
    viewHead(t.sessions.title, h("form", { class: "inline-form", onsubmit: (event) => {
      event.preventDefault();
      if (field.value.trim()) navigate(`/sessions/${encodeURIComponent(field.value.trim())}`);
    } }, field, button({ class: "button", type: "submit" }, t.actions.open))),
    h("p", { class: "hint" }, t.sessions.recent), list, end);

  // The server lists runs, not sessions: they are collected from the newest runs.
  const sessions = new Map();
  let offset = 0;
  const more = async () => {
    clear(end).append(loading(2));
    try {
      const { runs, next_offset } = await api.get("/runs", { query: { limit: runPage, offset }, signal });
      for (const run of runs) {
        if (!run.session_id) continue;
        const known = sessions.get(run.session_id);
        if (known) {
          known.count++;
          known.agents.add(run.agent_name);
        } else {
          sessions.set(run.session_id, { last: run, count: 1, agents: new Set([run.agent_name]) });
        }
      }
      offset = next_offset ?? offset;
      clear(list).append(...[...sessions].map(([id, session]) => entry(id, session, Boolean(next_offset))));
      clear(end);
      if (sessions.size === 0) end.append(emptyState(t.sessions.none, t.runs.noneHint));
      if (next_offset) end.append(button({ class: "button", onclick: more }, t.sessions.earlier));
    } catch (error) {
      if (!signal.aborted) clear(end).append(errorBox(error, { retry: more }));
    }
  };
  await more();
}

function entry(id, { last, count, agents }, isPartial) {
  return h("li", { class: "session-entry card" },
    h("a", { class: "agent-link mono", href: `#/sessions/${encodeURIComponent(id)}`, title: id }, shortID(id)),
    h("span", { class: "session-agents" }, [...agents].join(", ")),
    h("span", { class: "muted" }, isPartial ? t.sessions.runsOrMore(count) : t.sessions.runs(count)),
    statusBadge(last.status), time(last.created_at));
}

async function showSession(container, id, query, signal) {
  setTitle(shortID(id), t.sessions.title);
  const path = `/sessions/${encodeURIComponent(id)}`;
  const first = await api.get("/runs", { query: { session_id: id, limit: 1 }, signal });
  const history = await api.get(`${path}/history`, { query: { limit: 1 }, signal });
  const agent = first.runs[0]?.agent_name;
  const errors = h("div");
  const remove = async () => {
    if (!await confirmation(t.sessions.delete, t.sessions.deleteQuestion, t.sessions.delete)) return;
    try {
      await api.delete(path);
      toast(t.sessions.deleted);
      navigate("/sessions");
    } catch (error) {
      clear(errors).append(errorBox(error));
    }
  };
  container.append(
    h("div", { class: "view-head" }, h("h1", {}, t.run.sessionLink, " ", h("span", { class: "mono run-title-id" }, shortID(id))),
      h("div", { class: "view-head-end" },
        agent ? h("a", { class: "button", href: `#/agents/${encodeURIComponent(agent)}?session=${encodeURIComponent(id)}` }, t.sessions.continueWith) : null,
        button({ class: "button danger", onclick: remove }, t.sessions.delete))),
    h("div", { class: "run-subtitle" }, h("span", { class: "run-id" }, h("code", {}, id), copyButton(id, t.runPage.identifier)),
      h("span", {}, t.sessions.runs(first.total))),
    errors,
    tabs(t.sessions.tabs, [
      { id: "conversation", title: t.sessions.conversation, show: (panel) => showRuns(panel, id, signal) },
      { id: "messages", title: `${t.sessions.messages} (${history.total.toLocaleString()})`, show: (panel) => showHistory(panel, path, signal) },
      { id: "state", title: t.sessions.state, show: (panel) => showState(panel, path, signal) },
    ], query.tab, (tab) => setQuery({ tab: tab === "conversation" ? null : tab })));
}

/** Shows the runs of a session, oldest first, the newest ones at first. */
function showRuns(panel, id, signal) {
  const earlier = h("div");
  const list = h("div", { class: "conversation" });
  panel.append(earlier, list);
  let offset = 0;
  const known = new Set();
  const more = async () => {
    try {
      const { runs, next_offset } = await api.get("/runs", { query: { session_id: id, limit: pageSize, offset }, signal });
      list.prepend(...runs.filter((run) => !known.has(run.run_id)).reverse().map((run) => {
        known.add(run.run_id);
        const follower = new RunFollower(run.run_id, { signal, run });
        const card = runCard(follower, {
          input: inputOfRun(run.run_id, { signal }), signal,
          onAgain: () => navigate(`/agents/${encodeURIComponent(run.agent_name)}`, { query: { again: run.run_id, session: id } }),
        });
        follower.follow();
        return card;
      }));
      offset = next_offset ?? offset;
      clear(earlier);
      if (next_offset) earlier.append(button({ class: "button quiet", onclick: more }, t.actions.more));
      if (known.size === 0) earlier.append(emptyState(t.runs.noneYet));
    } catch (error) {
      if (!signal.aborted) clear(earlier).append(errorBox(error, { retry: more }));
    }
  };
  more();
}

/** Shows the messages of a session's history, oldest first. */
function showHistory(panel, path, signal) {
  const list = h("ol", { class: "history" });
  const end = h("div", {}, loading(3));
  panel.append(list, end);
  let offset = 0;
  const more = async () => {
    try {
      const { history, next_offset } = await api.get(`${path}/history`, { query: { limit: pageSize, offset }, signal });
      list.append(...history.map(({ url, message }) => h("li", { class: "history-entry card" }, message
        ? [h("div", { class: "history-head" }, h("span", { class: "turn-label" }, message.role), message.created_at ? time(message.created_at) : null), messageElement(message, { signal })]
        : [h("p", { class: "muted" }, t.sessions.elsewhere), externalLink(url, url)])));
      offset = next_offset ?? offset;
      clear(end);
      if (next_offset) end.append(button({ class: "button", onclick: more }, t.actions.more));
      if (!list.firstChild) end.append(emptyState(t.states.empty));
    } catch (error) {
      if (!signal.aborted) clear(end).append(errorBox(error, { retry: more }));
    }
  };
  more();
}

/** Shows the state of a session as what it is. */
async function showState(panel, path, signal) {
  panel.append(loading(2));
  try {
    const { state } = await api.get(path, { signal });
    clear(panel);
    if (!state) return panel.append(emptyState(t.sessions.noState));
    const url = new URL(state);
    // The URL may have the public name of the server: the path below it is the same.
    const place = url.pathname.lastIndexOf("/sessions/");
    const response = await api.request("GET", url.pathname.slice(place + 1) + url.search, { signal });
    const type = response.headers.get("Content-Type") ?? "application/octet-stream";
    const data = new Uint8Array(await response.arrayBuffer());
    const isBinary = !/^(?:text\/|application\/(?:.*\+)?json|application\/xml)/.test(type);
    panel.append(
      renderPart(isBinary ? { content_type: type, content: encodeBase64(data), content_encoding: "base64" }
        : { content_type: type, content: new TextDecoder().decode(data) }, { signal }),
      h("div", { class: "part-tools" }, button({ class: "button", onclick: () => { clear(panel); showState(panel, path, signal); } }, t.actions.refresh)));
  } catch (error) {
    if (!signal.aborted) clear(panel).append(errorBox(error, { retry: () => { clear(panel); showState(panel, path, signal); } }));
  }
}
