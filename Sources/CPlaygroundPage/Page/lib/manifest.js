// SPDX-License-Identifier: Apache-2.0

import { markdown } from "./contents.js";
import { externalLink, h } from "./dom.js";
import { duration, number, time } from "./format.js";
import { jsonTree } from "./json-tree.js";
import { t } from "./texts.js";

/** Creates the description of an agent from its manifest. */
export function manifest(agent) {
  const { metadata = {}, status } = agent;
  const rows = [
    [t.agents.accepts, types(agent.input_content_types)],
    [t.agents.produces, types(agent.output_content_types)],
    [t.agents.tags, tags(metadata.tags)],
    [t.agents.domains, tags(metadata.domains)],
    [t.agents.capabilities, list(metadata.capabilities, (item) => [h("strong", {}, item.name), h("span", { class: "muted" }, ` ${item.description ?? ""}`)])],
    [t.agents.links, list(metadata.links, (link) => externalLink(link.url, link.type ?? link.url))],
    [t.agents.author, metadata.author ? person(metadata.author) : null],
    [t.agents.contributors, list(metadata.contributors, person)],
    [t.agents.license, metadata.license],
    [t.agents.language, metadata.programming_language],
    [t.agents.naturalLanguages, tags(metadata.natural_languages)],
    [t.agents.framework, metadata.framework],
    [t.agents.models, tags(metadata.recommended_models)],
    [t.agents.dependencies, list(metadata.dependencies, (item) => [item.name, h("span", { class: "muted" }, ` ${item.type ?? ""}`)])],
    [t.agents.updated, metadata.updated_at ? time(metadata.updated_at) : null],
    [t.agents.successRate, figure(status?.success_rate, (value) => `${number(value)} %`)],
    [t.agents.runTime, figure(status?.avg_run_time_seconds, (value) => duration(value * 1000))],
    [t.agents.runTokens, figure(status?.avg_run_tokens, number)],
  ];
  return h("div", { class: "manifest card" },
    h("h2", {}, t.agents.about),
    h("dl", {}, rows.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    h("p", {}, h("a", { href: `#/runs?agent=${encodeURIComponent(agent.name)}` }, t.agents.allRuns)),
    metadata.documentation ? h("details", {}, h("summary", {}, t.agents.documentation), markdown(metadata.documentation)) : null,
    metadata.annotations ? h("details", {}, h("summary", {}, t.agents.annotations), jsonTree(metadata.annotations, { openDepth: 2 })) : null,
    h("details", {}, h("summary", {}, t.agents.rawManifest), jsonTree(agent, { openDepth: 2 })));
}

function types(values) {
  return values?.length ? h("div", { class: "tags" }, values.map((value) => h("span", { class: "tag mono" }, value))) : null;
}

function tags(values) {
  return values?.length ? h("div", { class: "tags" }, values.map((value) => h("span", { class: "tag" }, value))) : null;
}

function list(values, show) {
  return values?.length ? h("ul", { class: "plain-list" }, values.map((value) => h("li", {}, show(value)))) : null;
}

function person(value) {
  return value.url ? externalLink(value.url, value.name) : value.email ? externalLink(`mailto:${value.email}`, value.name) : value.name;
}

function figure(value, show) {
  return typeof value === "number" ? show(value) : null;
}
