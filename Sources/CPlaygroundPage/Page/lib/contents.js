// SPDX-License-Identifier: Apache-2.0
//
// Shows the parts of messages as what they are. Contents of agents are texts, images, media and isolated frames; they never
// become markup of the page, run nothing, and load nothing.

import { api } from "./api.js";
import { copyButton, icon } from "./components.js";
import { parseCSV } from "./csv.js";
import { button, externalLink, h } from "./dom.js";
import { bytes as sizeText } from "./format.js";
import { jsonTree } from "./json-tree.js";
import { renderMarkdown } from "./markdown.js";
import { mediaType } from "./model.js";
import { root } from "./root.js";
import { t } from "./texts.js";

/** From how many characters on a text is shown in part first. */
const longText = 100_000;
/** How many rows of a table are shown at once. */
const rowPage = 200;

// MARK: Parts

/**
 * Creates an element for a part of a message.
 *
 * @param {object} part A part, with its content or the URL of it.
 * @param {{signal?: AbortSignal}} [context]
 */
export function renderPart(part, { signal } = {}) {
  const type = mediaType(part.content_type);
  const body = h("div", { class: "part-body" });
  const actions = h("div", { class: "part-actions" });
  const element = h("figure", { class: "part", dataset: { type } },
    h("figcaption", { class: "part-head" },
      h("span", { class: "part-name" }, part.name ?? type),
      h("span", { class: "part-type" }, part.name ? type : ""), actions),
    body);
  if (part.content_url) showLinked(part, type, body, actions, signal);
  else showContent(part, type, body, actions);
  return element;
}

/** Creates an element for a part of which only its kind is of interest, such as an attachment in a form. */
export function partSummary(part) {
  const size = typeof part.content === "string" ? contentSize(part) : null;
  return h("span", { class: "part-summary" }, icon("clip"), part.name ?? mediaType(part.content_type),
    size === null ? null : h("span", { class: "muted" }, sizeText(size)));
}

/** Returns the number of bytes of a part's content. */
export function contentSize(part) {
  const content = part.content ?? "";
  if (part.content_encoding !== "base64") return new Blob([content]).size;
  const padding = content.endsWith("==") ? 2 : content.endsWith("=") ? 1 : 0;
  return Math.max(0, Math.floor(content.length / 4) * 3 - padding);
}

function showContent(part, type, body, actions) {
  if (part.content === null || part.content === undefined || part.content === "") {
    body.append(h("p", { class: "muted" }, t.contents.empty));
    return;
  }
  const data = part.content_encoding === "base64" ? decodeBase64(part.content) : part.content;
  if (data === null) {
    body.append(h("p", { class: "part-fault" }, t.contents.notDecodable));
    return;
  }
  show(data, type, part, body, actions);
}

/** Shows a content whose URL is known. Only contents of this server are loaded. */
function showLinked(part, type, body, actions, signal) {
  let url = null;
  try { url = new URL(part.content_url, root); } catch { /* Shown as a text below. */ }
  if (url?.protocol === "data:") {
    const data = dataOfURL(url.href);
    if (data) return show(data, type, part, body, actions);
  }
  if (url?.origin !== root.origin || !url.pathname.startsWith(root.pathname)) {
    body.append(h("p", {}, h("span", { class: "muted" }, `${t.contents.remote}. ${t.contents.remoteHint} `),
      externalLink(part.content_url, part.content_url)));
    return;
  }
  const note = h("p", { class: "muted" }, t.contents.loading);
  body.append(note);
  (async () => {
    try {
      const response = await api.request("GET", url.href.slice(root.href.length), { signal });
      const data = new Uint8Array(await response.arrayBuffer());
      note.remove();
      show(isTextual(type) ? new TextDecoder().decode(data) : data, type, part, body, actions);
    } catch (error) {
      if (!signal?.aborted) note.textContent = error.message;
    }
  })();
}

function show(data, type, part, body, actions) {
  const size = typeof data === "string" ? new Blob([data]).size : data.length;
  actions.append(h("span", { class: "part-size" }, sizeText(size)));
  const text = () => (typeof data === "string" ? data : new TextDecoder().decode(data));
  if (isTextual(type) && type !== "image/svg+xml") actions.append(copyButton(text));
  actions.append(downloadButton(data, type, part.name));
  if (type === "image/svg+xml") body.append(...svgImage(text(), part.name));
  else if (/^image\/(?:png|jpeg|gif|webp|avif|bmp|x-icon|vnd\.microsoft\.icon)$/.test(type)) body.append(image(data, type, part.name));
  else if (type.startsWith("audio/")) body.append(media("audio", data, type, part.name));
  else if (type.startsWith("video/")) body.append(media("video", data, type, part.name));
  else if (type === "application/pdf") body.append(pdf(data, part.name));
  // HTML as its source: even a frame without scripts connects to other servers, which no policy prevents.
  else if (type === "text/html" || type === "application/xhtml+xml") body.append(codeBlock(text(), "html", { hasCopy: false }));
  else if (type === "text/csv" || type === "text/tab-separated-values") body.append(table(text(), type));
  else if (type === "text/markdown" || type === "text/x-markdown") body.append(markdown(text()));
  else if (isJSON(type)) body.append(json(text()));
  else if (isTextual(type)) body.append(codeBlock(text(), "", { hasCopy: false }));
  else body.append(h("p", { class: "muted" }, t.contents.bytes(type, sizeText(size))));
}

// MARK: Texts

/** Creates a block of code with a button that copies it. */
export function codeBlock(text, language = "", { hasCopy = true } = {}) {
  const code = h("code", {});
  const pre = h("pre", { class: "code", tabindex: "0" }, code);
  const more = longContent(text, (part) => { code.textContent = part; });
  return h("div", { class: "code-block" },
    language || hasCopy ? h("div", { class: "code-head" }, h("span", {}, language), hasCopy ? copyButton(text, t.contents.copyCode) : null) : null,
    pre, more);
}

/** Creates formatted Markdown. */
export function markdown(text, makers = {}) {
  const element = h("div", { class: "markdown" });
  const more = longContent(text, (part) => element.replaceChildren(...renderMarkdown(part, { code: codeBlock, ...makers })));
  return more ? h("div", {}, element, more) : element;
}

/** Shows the first part of a long text, and returns a button that shows all of it, or `null`. */
function longContent(text, show) {
  if (text.length <= longText) {
    show(text);
    return null;
  }
  show(text.slice(0, longText));
  const more = h("div", { class: "long-content" }, h("span", { class: "muted" }, t.contents.long(sizeText(text.length))),
    button({ class: "button", onclick: () => { more.remove(); show(text); } }, t.contents.showAll));
  return more;
}

function json(text) {
  let value;
  try { value = JSON.parse(text); } catch { /* Shown as a text. */ }
  if (value === undefined) return h("div", {}, h("p", { class: "part-fault" }, t.contents.notJSON), codeBlock(text, "", { hasCopy: false }));
  return jsonTree(value, { openDepth: 2 });
}

function table(text, type) {
  const [head = [], ...rows] = parseCSV(text, type === "text/csv" ? undefined : "\t");
  const body = h("tbody");
  const isNumber = (cell) => cell.length < 40 && /^\s*[-+]?[\d.,]*\d[\d.,]*\s*%?\s*$/.test(cell);
  const hasNumbers = head.map((_, column) => rows.slice(0, 50).every((row) => isNumber(row[column] ?? "0")));
  const classOf = (column) => (hasNumbers[column] ? "number" : null);
  const note = h("p", { class: "hint" });
  const element = h("div", {},
    h("div", { class: "table-frame", tabindex: "0" }, h("table", { class: "table" },
      h("thead", {}, h("tr", {}, head.map((cell, column) => h("th", { scope: "col", class: classOf(column) }, cell)))), body)));
  let shown = 0;
  const more = button({ class: "button quiet", onclick: () => showMore() }, t.actions.more);
  const showMore = () => {
    const next = rows.slice(shown, shown + rowPage);
    shown += next.length;
    body.append(...next.map((row) => h("tr", {}, row.map((cell, column) => h("td", { class: classOf(column) }, cell)))));
    note.textContent = t.contents.rows(shown, rows.length);
    more.hidden = shown >= rows.length;
  };
  showMore();
  element.append(h("div", { class: "table-end" }, note, more));
  return element;
}

// MARK: Images, media and documents

/** Creates the URL of bytes. It is released when the element with it is gone for good. */
function objectURL(data, type, element) {
  const url = URL.createObjectURL(new Blob([data], { type }));
  urls.register(element, url);
  return url;
}

const urls = new FinalizationRegistry((url) => URL.revokeObjectURL(url));

function image(data, type, name) {
  const element = h("img", { class: "part-image", alt: t.contents.image(name), loading: "lazy" });
  element.addEventListener("error", () => element.replaceWith(h("p", { class: "muted" }, t.contents.notImage)));
  element.src = objectURL(data, type, element);
  return element;
}

/** An SVG as an image: there, its scripts do not run and nothing is loaded, and it cannot reach the page. */
function svgImage(text, name) {
  const source = h("div", { hidden: true });
  const toggle = button({ class: "button quiet", "aria-expanded": "false", onclick: () => {
    if (!source.firstChild) source.append(codeBlock(text, "svg"));
    source.hidden = !source.hidden;
    toggle.textContent = source.hidden ? t.contents.showSource : t.contents.hideSource;
    toggle.setAttribute("aria-expanded", String(!source.hidden));
  } }, t.contents.showSource);
  return [image(text, "image/svg+xml", name), h("div", { class: "part-tools" }, toggle), source];
}

function media(tag, data, type, name) {
  const element = h(tag, { class: "part-media", controls: true, preload: "metadata", "aria-label": name ?? type });
  element.src = objectURL(data, type, element);
  return element;
}

/** A PDF in the browser's own viewer, where there is one. It is opened on request only. */
function pdf(data, name) {
  if (!navigator.pdfViewerEnabled) return h("p", { class: "muted" }, t.contents.bytes("application/pdf", sizeText(data.length)));
  return preview(() => {
    const frame = h("iframe", { class: "part-frame", title: name ?? "PDF" });
    frame.src = objectURL(data, "application/pdf", frame);
    return frame;
  });
}

function preview(make) {
  const holder = h("div", { class: "part-preview" });
  const toggle = button({ class: "button", onclick: () => {
    if (holder.firstChild) holder.replaceChildren();
    else holder.append(make());
    toggle.textContent = holder.firstChild ? t.contents.hidePreview : t.contents.preview;
  } }, t.contents.preview);
  return h("div", {}, h("div", { class: "part-tools" }, toggle), holder);
}

function downloadButton(data, type, name) {
  return button({
    class: "icon-button", "aria-label": t.actions.download, title: t.actions.download,
    onclick: () => {
      const url = URL.createObjectURL(new Blob([data], { type: "application/octet-stream" }));
      const link = h("a", { href: url, download: fileName(name, type) });
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    },
  }, icon("download"));
}

/** Returns a name of a file without a path. */
export function fileName(name, type) {
  const clean = (name ?? "").split(/[/\\]/).at(-1).replace(/[\u0000-\u001f\u007f<>:"|?*\u202a-\u202e\u2066-\u2069]/g, "_").replace(/^\.+/, "");
  return clean || `content.${(type.split("/")[1] ?? "bin").replace(/^x-/, "").replace(/\+.*/, "").replace("plain", "txt")}`;
}

// MARK: Types and encodings

/** Whether a media type is one of JSON. */
export function isJSON(type) {
  return type === "application/json" || type.endsWith("+json");
}

/** Whether contents of a media type are texts. */
export function isTextual(type) {
  return type.startsWith("text/") || isJSON(type) || type.endsWith("+xml")
    || ["application/xml", "application/yaml", "application/x-yaml", "application/toml", "application/javascript",
      "application/sql", "application/x-sh", "application/graphql", "application/x-ndjson"].includes(type);
}

/** Returns the bytes of a text in base64, or `null` if it is not valid. */
export function decodeBase64(text) {
  try {
    const binary = atob(text);
    const data = new Uint8Array(binary.length);
    for (let index = 0; index < binary.length; index++) data[index] = binary.charCodeAt(index);
    return data;
  } catch {
    return null;
  }
}

/** Returns bytes in base64. */
export function encodeBase64(data) {
  let binary = "";
  for (let index = 0; index < data.length; index += 0x8000) {
    binary += String.fromCharCode(...data.subarray(index, index + 0x8000));
  }
  return btoa(binary);
}

function dataOfURL(url) {
  const found = /^data:([^,]*),(.*)$/s.exec(url);
  if (!found) return null;
  try {
    const text = decodeURIComponent(found[2]);
    return /;\s*base64\s*$/i.test(found[1]) ? decodeBase64(text) : text;
  } catch {
    return null;
  }
}
