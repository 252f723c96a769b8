// SPDX-License-Identifier: Apache-2.0
//
// Builds elements. Texts are always text nodes: nothing from a server or an agent is ever parsed as markup.

/** Attributes that are set as properties. */
const properties = new Set(["checked", "disabled", "hidden", "indeterminate", "multiple", "open", "readOnly", "selected", "value"]);

/**
 * Creates an element.
 *
 * Attributes whose names begin with `on` are listeners, `dataset` and `style` are objects, and `null`, `undefined` and
 * `false` leave an attribute out. Children are nodes, strings, arrays of them, or nothing.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  append(element, children);
  return element;
}

/** Creates an element of SVG. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  append(element, children);
  return element;
}

/** Creates a button, which submits no form unless its type says so. */
export function button(attributes, ...children) {
  return h("button", { type: "button", ...attributes }, ...children);
}

/** Removes all children of an element, and returns it. */
export function clear(element) {
  element.replaceChildren();
  return element;
}

/** Returns the URL of a link to another place if a browser can open it without running anything, or `null`. */
export function safeURL(text) {
  let url;
  try { url = new URL(text); } catch { return null; }
  return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
}

/** Creates a link to another place, or a plain text if its URL is not safe. */
export function externalLink(url, ...children) {
  const safe = safeURL(url);
  if (!safe) return h("span", {}, ...children);
  return h("a", { href: safe, rel: "noopener noreferrer nofollow", target: "_blank" }, ...children);
}

function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "style") for (const [key, item] of Object.entries(value)) element.style.setProperty(key, item);
    else if (properties.has(name)) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
}

function append(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(child);
  }
}
