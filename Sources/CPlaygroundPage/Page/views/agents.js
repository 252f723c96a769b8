// SPDX-License-Identifier: Apache-2.0

import { api } from "../lib/api.js";
import { emptyState, errorBox, icon, input, loading, viewHead } from "../lib/components.js";
import { button, clear, h } from "../lib/dom.js";
import { mediaType } from "../lib/model.js";
import { setQuery, setTitle } from "../lib/router.js";
import { t } from "../lib/texts.js";

/** How many agents are loaded at once. */
const pageSize = 200;

/** Shows the list of agents, with a search. */
export default async function show(container, { query, signal }) {
  setTitle(t.agents.title);
  const search = input({
    type: "search", "aria-label": t.agents.search, placeholder: t.agents.searchHint, value: query.q ?? "", dataset: { search: "" },
    oninput: () => {
      setQuery({ q: search.value || null });
      filter();
    },
  });
  const count = h("p", { class: "hint", role: "status" });
  const list = h("ul", { class: "agent-list" });
  const end = h("div", {}, loading(4));
  container.append(viewHead(t.agents.title, h("div", { class: "search-field" }, icon("search"), search)), count, list, end);

  const agents = [];
  try {
    for (;;) {
      const page = await api.get("/agents", { query: { limit: pageSize, offset: agents.length }, signal });
      agents.push(...page.agents.map((agent) => ({ agent, text: searchText(agent), element: agentCard(agent) })));
      list.append(...agents.slice(-page.agents.length || agents.length).map(({ element }) => element));
      filter();
      if (page.agents.length < pageSize || signal.aborted) break;
    }
  } catch (error) {
    if (signal.aborted) return;
    clear(end).append(errorBox(error, { retry: () => { clear(container); show(container, { query: { q: search.value }, signal }); } }));
    return;
  }
  clear(end);
  filter();

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { text, element } of agents) {
      element.hidden = !words.every((word) => text.includes(word));
      if (!element.hidden) shown++;
    }
    count.textContent = agents.length > 0 ? t.agents.count(shown) : "";
    if (end.querySelector(".loading")) return;
    clear(end);
    if (agents.length === 0) end.append(emptyState(t.agents.none, t.agents.noneHint));
    else if (shown === 0) end.append(emptyState(t.agents.noMatch, null, button({ class: "button", onclick: () => { search.value = ""; setQuery({ q: null }); filter(); } }, t.actions.remove)));
  }
}

function searchText(agent) {
  const { metadata = {} } = agent;
  return [agent.name, agent.description, ...(metadata.tags ?? []), ...(metadata.domains ?? []), metadata.framework,
    ...(metadata.capabilities ?? []).map((capability) => `${capability.name} ${capability.description}`),
    ...(agent.input_content_types ?? []), ...(agent.output_content_types ?? [])].join("\n").toLowerCase();
}

function agentCard(agent) {
  const tags = [...(agent.metadata?.tags ?? []), ...(agent.metadata?.domains ?? [])];
  const types = (agent.output_content_types ?? []).map(mediaType).filter((type) => type !== "*/*" && type !== "text/plain");
  return h("li", { class: "agent-card card" },
    h("a", { class: "agent-link", href: `#/agents/${encodeURIComponent(agent.name)}` }, agent.name),
    h("p", { class: "agent-description" }, agent.description || ""),
    tags.length + types.length > 0
      ? h("div", { class: "tags" }, tags.map((tag) => h("span", { class: "tag" }, tag)), types.map((type) => h("span", { class: "tag mono" }, type)))
      : null);
}
