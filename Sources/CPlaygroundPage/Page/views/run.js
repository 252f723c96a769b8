// SPDX-License-Identifier: Apache-2.0

import { api } from "../lib/api.js";
import { confirmation, copyButton, errorBox, statusBadge, tabs, toast } from "../lib/components.js";
import { button, clear, h } from "../lib/dom.js";
import { EventLog } from "../lib/event-log.js";
import { RunFollower } from "../lib/follower.js";
import { shortID, time } from "../lib/format.js";
import { isTerminal } from "../lib/model.js";
import { navigate, setQuery, setTitle } from "../lib/router.js";
import { runCard } from "../lib/run-card.js";
import { showEvents } from "../lib/run-events.js";
import { inputOfRun } from "../lib/run-input.js";
import { showReplay } from "../lib/run-replay.js";
import { showTimeline } from "../lib/run-timeline.js";
import { t } from "../lib/texts.js";

/** How often the owner of an active run is looked at, in milliseconds. */
const period = 2_000;

/** Shows a run: as a conversation, as a timeline, as its events, and event by event. */
export default async function show(container, { params, query, signal }) {
  setTitle(`${t.run.title} ${shortID(params.id)}`);
  const [run, details] = await Promise.all([
    api.get(`/runs/${encodeURIComponent(params.id)}`, { signal }),
    api.get(`/playground/runs/${encodeURIComponent(params.id)}`, { signal }),
  ]);
  const follower = new RunFollower(run.run_id, { signal, run });
  const log = new EventLog(run.run_id, details.event_count, { signal });
  const context = {
    run, log, follower, signal,
    /** The processes that have owned the run while this page was open: `{process, at}`. */
    owners: [{ process: details.process_id, at: null }],
    /** When events arrived while this page was open: `{at, count}`. */
    arrivals: [],
  };
  const end = h("div", { class: "view-head-end" });
  const subtitle = h("div", { class: "run-subtitle" });
  container.append(
    h("div", { class: "view-head" }, h("h1", {}, t.run.title, " ", h("span", { class: "mono run-title-id" }, shortID(run.run_id))), end),
    subtitle,
    tabs(t.runPage.tabs, [
      { id: "conversation", title: t.runPage.conversation, show: (panel) => panel.append(runCard(follower, {
        input: inputOfRun(run.run_id, { signal }), signal, showsLink: false,
        onAgain: () => navigate(`/agents/${encodeURIComponent(run.agent_name)}`, { query: { again: run.run_id } }),
      })) },
      { id: "timeline", title: t.runPage.timeline, show: (panel) => showTimeline(panel, context) },
      { id: "events", title: t.runPage.events, show: (panel) => showEvents(panel, context) },
      { id: "replay", title: t.runPage.replay, show: (panel) => showReplay(panel, context) },
    ], query.tab, (tab) => setQuery({ tab: tab === "conversation" ? null : tab })));

  const showHead = () => {
    const current = follower.run ?? run;
    clear(subtitle).append(statusBadge(current.status),
      h("a", { href: `#/agents/${encodeURIComponent(run.agent_name)}` }, run.agent_name),
      run.session_id ? h("span", {}, `${t.run.sessionLink} `, h("a", { class: "mono", href: `#/sessions/${encodeURIComponent(run.session_id)}` }, shortID(run.session_id))) : "",
      time(run.created_at),
      h("span", { class: "run-id" }, h("code", {}, run.run_id), copyButton(run.run_id, t.runPage.identifier)));
    clear(end).append(...(isTerminal(current.status) ? [button({ class: "button danger", onclick: remove }, t.run.delete)] : []));
  };
  const remove = async () => {
    if (!await confirmation(t.run.delete, t.run.deleteQuestion, t.run.delete)) return;
    try {
      await api.delete(`/runs/${run.run_id}`);
      toast(t.run.deleted);
      navigate("/runs");
    } catch (error) {
      subtitle.after(errorBox(error));
    }
  };
  let shownStatus = null;
  follower.addEventListener("change", () => {
    if (follower.run?.status === shownStatus) return;
    shownStatus = follower.run?.status;
    showHead();
  });
  follower.addEventListener("events", ({ detail }) => {
    const last = detail.at(-1).id;
    if (last === null) return;
    // Events that existed before the page was opened arrive together at first.
    if (last >= details.event_count) context.arrivals.push({ at: Date.now(), count: detail.length });
    log.grow(last + 1);
  });
  showHead();
  follower.follow();
  watchOwner(context, follower);
}

/** Notices when another process continues the run. */
async function watchOwner({ run, owners, signal, log }, follower) {
  while (!signal.aborted && !isTerminal(follower.run?.status ?? run.status)) {
    await new Promise((resolve) => setTimeout(resolve, period));
    try {
      const details = await api.get(`/playground/runs/${run.run_id}`, { signal });
      log.grow(details.event_count);
      if (details.process_id && details.process_id !== owners.at(-1).process) {
        owners.push({ process: details.process_id, at: Date.now() });
        log.dispatchEvent(new Event("change"));
      }
    } catch { /* The follower shows that the server cannot be reached. */ }
  }
}
