// SPDX-License-Identifier: Apache-2.0
//
// Markdown: the usual parts of CommonMark and of GitHub's tables, lists of tasks and strikethrough. HTML is text, images
// are links, and links lead to http, https and mailto only. `parseBlocks` and `parseInline` return values; `renderMarkdown`
// makes elements of them, and never parses markup.

import { externalLink, h, safeURL } from "./dom.js";
import { t } from "./texts.js";

/** How deep quotes and lists, or emphasis and links, may be nested. Deeper ones are text. */
const maximumDepth = 12;

/** Stands before and after the number of a citation in a text. Texts of agents do not keep it. */
const citationStart = "\uE000";
const citationEnd = "\uE001";

// MARK: Blocks

/**
 * Returns the blocks of a text. Each has `start` and `end`, its lines from `firstLine`.
 *
 * @param {string[]} lines
 */
export function parseBlocks(lines, depth = 0) {
  const blocks = [];
  let index = 0;
  while (index < lines.length) {
    const line = lines[index];
    if (isBlank(line)) {
      index++;
      continue;
    }
    const start = index;
    const block = depth < maximumDepth ? blockAt() : null;
    blocks.push({ ...(block ?? paragraph()), start, end: index });
  }
  return blocks;

  function blockAt() {
    const line = lines[index];
    return fence(line) ?? heading(line) ?? rule(line) ?? quote(line) ?? list(line) ?? table(line) ?? indentedCode(line);
  }

  function fence(line) {
    const open = /^( {0,3})(`{3,}|~{3,})\s*([^`]*)$/.exec(line);
    if (!open) return null;
    const [, indent, marks, info] = open;
    const close = new RegExp(`^ {0,3}${marks[0]}{${marks.length},}\\s*$`);
    const content = [];
    index++;
    let isClosed = false;
    while (index < lines.length) {
      const next = lines[index++];
      if (close.test(next)) {
        isClosed = true;
        break;
      }
      content.push(next.startsWith(indent) ? next.slice(indent.length) : next.trimStart());
    }
    return { type: "code", language: info.trim().split(/\s+/)[0] ?? "", text: content.join("\n"), isClosed };
  }

  function heading(line) {
    const found = /^ {0,3}(#{1,6})(?:\s+(.*?))?(?:\s+#+)?\s*$/.exec(line);
    if (!found) return null;
    index++;
    return { type: "heading", level: found[1].length, text: found[2] ?? "" };
  }

  function rule(line) {
    if (!/^ {0,3}(?:(?:\*\s*){3,}|(?:-\s*){3,}|(?:_\s*){3,})$/.test(line)) return null;
    index++;
    return { type: "rule" };
  }

  function quote(line) {
    if (!/^ {0,3}>/.test(line)) return null;
    const content = [];
    while (index < lines.length && !isBlank(lines[index])) {
      const next = lines[index];
      if (!/^ {0,3}>/.test(next) && startsBlock(next)) break;
      content.push(next.replace(/^ {0,3}> ?/, ""));
      index++;
    }
    return { type: "quote", blocks: parseBlocks(content, depth + 1) };
  }

  function list(line) {
    const first = listMarker(line);
    if (!first) return null;
    const items = [];
    let isLoose = false;
    while (index < lines.length) {
      const marker = listMarker(lines[index]);
      if (!marker || marker.kind !== first.kind || /^ {0,3}(?:(?:\*\s*){3,}|(?:-\s*){3,})$/.test(lines[index])) break;
      const content = [lines[index].slice(marker.width)];
      index++;
      let blanks = 0;
      while (index < lines.length) {
        const next = lines[index];
        if (isBlank(next)) {
          blanks++;
          index++;
          continue;
        }
        const indent = next.length - next.trimStart().length;
        if (indent >= Math.min(marker.width, marker.indent + 2)) {
          for (; blanks > 0; blanks--) content.push("");
          content.push(next.slice(Math.min(indent, marker.width)));
        } else if (blanks === 0 && !startsBlock(next) && !listMarker(next)) {
          content.push(next.trimStart());
        } else {
          break;
        }
        index++;
      }
      if (blanks > 0 && index < lines.length && listMarker(lines[index])?.kind === first.kind) isLoose = true;
      const task = /^\[([ xX])\]\s+/.exec(content[0]);
      if (task) content[0] = content[0].slice(task[0].length);
      items.push({ blocks: parseBlocks(content, depth + 1), task: task ? task[1] !== " " : null });
      if (content.includes("")) isLoose ||= items.at(-1).blocks.filter((block) => block.type === "paragraph").length > 1;
    }
    return { type: "list", isOrdered: first.kind !== "*" && first.kind !== "-" && first.kind !== "+", first: first.number, items, isLoose };
  }

  function table(line) {
    if (!line.includes("|") || index + 1 >= lines.length) return null;
    if (!/^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/.test(lines[index + 1])) return null;
    const head = cells(line);
    const alignments = cells(lines[index + 1]).map((cell) =>
      cell.startsWith(":") ? (cell.endsWith(":") ? "center" : "left") : cell.endsWith(":") ? "right" : null);
    if (head.length !== alignments.length) return null;
    const rows = [];
    index += 2;
    while (index < lines.length && !isBlank(lines[index]) && lines[index].includes("|")) {
      const row = cells(lines[index++]);
      rows.push(head.map((_, column) => row[column] ?? ""));
    }
    return { type: "table", head, alignments, rows };
  }

  function indentedCode(line) {
    if (!/^(?: {4}|\t)/.test(line)) return null;
    const content = [];
    while (index < lines.length && (/^(?: {4}|\t)/.test(lines[index]) || isBlank(lines[index]))) {
      content.push(lines[index].replace(/^(?: {4}|\t)/, ""));
      index++;
    }
    while (content.length > 0 && isBlank(content.at(-1))) {
      content.pop();
    }
    return { type: "code", language: "", text: content.join("\n"), isClosed: true };
  }

  function paragraph() {
    const content = [];
    while (index < lines.length && !isBlank(lines[index])) {
      const line = lines[index];
      if (content.length > 0) {
        const underline = /^ {0,3}(=+|-+)\s*$/.exec(line);
        if (underline) {
          index++;
          return { type: "heading", level: underline[1][0] === "=" ? 1 : 2, text: content.join("\n") };
        }
        if (startsBlock(line)) break;
      }
      content.push(line.trimStart());
      index++;
    }
    return { type: "paragraph", text: content.join("\n") };
  }
}

function isBlank(line) {
  return /^\s*$/.test(line);
}

/** Whether a line begins a block that ends the paragraph before it. */
function startsBlock(line) {
  return /^ {0,3}(?:#{1,6}(?:\s|$)|>|`{3,}|~{3,}|(?:\*\s*){3,}$|(?:-\s*){3,}$|(?:_\s*){3,}$|[-*+]\s+\S|1[.)]\s+\S)/.test(line);
}

function listMarker(line) {
  const found = /^( {0,3})([-*+]|(\d{1,9})([.)]))( +|\t|$)/.exec(line);
  if (!found) return null;
  const [whole, indent, mark, number, end, space] = found;
  const width = space.length > 4 ? whole.length - space.length + 1 : whole.length;
  return { kind: number === undefined ? mark : end, indent: indent.length, width, number: Number(number ?? 1) };
}

function cells(line) {
  const trimmed = line.trim().replace(/^\|/, "").replace(/(^|[^\\])\|$/, "$1");
  return trimmed.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

// MARK: Inline

const punctuation = /[!-/:-@[-`{-~]/;

/**
 * Returns the parts of a text: strings, and `{type, children | text, url}`.
 *
 * @param {string} text
 */
export function parseInline(text, depth = 0) {
  const parts = [];
  let plain = "";
  let index = 0;
  /** Places before which nothing closes: marks that were looked for in vain are not looked for again. */
  const missing = new Map();
  const flush = () => {
    if (plain) parts.push(plain);
    plain = "";
  };
  const add = (part, end) => {
    flush();
    parts.push(part);
    index = end;
  };
  while (index < text.length) {
    const character = text[index];
    const found = depth < maximumDepth ? inlineAt(character) : null;
    if (found) add(found.part, found.end);
    else if (character === "`") {
      // Backticks that open nothing are one run: none of them opens anything.
      const run = /^`+/.exec(text.slice(index, index + 64))[0];
      plain += run;
      index += run.length;
    } else {
      plain += character;
      index++;
    }
  }
  flush();
  return parts;

  function inlineAt(character) {
    switch (character) {
      case "\\": return escape();
      case "\n": return { part: { type: "break" }, end: index + 1 };
      case "`": return code();
      case "*": case "_": return emphasis(character);
      case "~": return strike();
      case "!": return text[index + 1] === "[" ? link(index + 1, true) : null;
      case "[": return link(index, false);
      case "<": return automaticLink();
      case "h": return bareLink();
      case citationStart: return citation();
      default: return null;
    }
  }

  function escape() {
    const next = text[index + 1];
    if (next === "\n") return { part: { type: "break" }, end: index + 2 };
    return next && punctuation.test(next) ? { part: next, end: index + 2 } : null;
  }

  function code() {
    const marks = /^`+/.exec(text.slice(index, index + 64))[0];
    let end = find(marks, index + marks.length);
    while (end >= 0 && (text[end - 1] === "`" || text[end + marks.length] === "`")) {
      let after = end;
      while (text[after] === "`") after++;
      end = find(marks, after);
    }
    if (end < 0) return null;
    let content = text.slice(index + marks.length, end).replaceAll("\n", " ");
    if (/^ .*\S.* $/.test(content)) content = content.slice(1, -1);
    return { part: { type: "code", text: content }, end: end + marks.length };
  }

  /** Returns the place of a mark, or -1, and remembers that there is none. */
  function find(mark, from) {
    if ((missing.get(mark) ?? Infinity) <= from) return -1;
    const end = text.indexOf(mark, from);
    if (end < 0) missing.set(mark, Math.min(from, missing.get(mark) ?? Infinity));
    return end;
  }

  function emphasis(mark) {
    const count = text[index + 1] === mark ? (text[index + 2] === mark ? 3 : 2) : 1;
    const before = text[index - 1] ?? " ";
    const after = text[index + count] ?? " ";
    if (/\s/.test(after)) return null;
    if (mark === "_" && /[\p{L}\p{N}]/u.test(before)) return null;
    const closing = mark.repeat(count);
    for (let end = find(closing, index + count + 1), tries = 0; end >= 0 && tries < 32; end = find(closing, end + 1), tries++) {
      const isExact = text[end + count] !== mark || count === 3;
      if (/\s/.test(text[end - 1]) || text[end - 1] === "\\" || !isExact) continue;
      if (count < 3 && text[end - 1] === mark) continue;
      if (mark === "_" && /[\p{L}\p{N}]/u.test(text[end + count] ?? " ")) continue;
      const children = parseInline(text.slice(index + count, end), depth + 1);
      const part = count === 1 ? { type: "emphasis", children }
        : count === 2 ? { type: "strong", children }
          : { type: "strong", children: [{ type: "emphasis", children }] };
      return { part, end: end + count };
    }
    return null;
  }

  function strike() {
    if (text[index + 1] !== "~") return null;
    const end = find("~~", index + 3);
    if (end < 0) return null;
    return { part: { type: "strike", children: parseInline(text.slice(index + 2, end), depth + 1) }, end: end + 2 };
  }

  function link(start, isImage) {
    // The end of the text of a link: the bracket that closes it, within a limit.
    let level = 0;
    let end = -1;
    for (let place = start; place < Math.min(text.length, start + 1000); place++) {
      if (text[place] === "\\") place++;
      else if (text[place] === "[") level++;
      else if (text[place] === "]" && --level === 0) {
        end = place;
        break;
      }
    }
    if (end < 0 || text[end + 1] !== "(") return null;
    const target = /^\(\s*(?:<([^<>\n]*)>|((?:[^\s()\\]|\\.|\([^\s()]*\))*))(?:\s+(?:"([^"]*)"|'([^']*)'))?\s*\)/.exec(
      text.slice(end + 1, end + 4096));
    if (!target) return null;
    const url = (target[1] ?? target[2] ?? "").replace(/\\([!-/:-@[-`{-~])/g, "$1");
    const label = text.slice(start + 1, end);
    const children = isImage ? [label || url] : parseInline(label, depth + 1);
    return { part: { type: "link", url, children, isImage }, end: end + 1 + target[0].length };
  }

  function automaticLink() {
    const found = /^<((?:https?:\/\/|mailto:)[^\s<>]{1,2000})>/.exec(text.slice(index, index + 2010));
    return found ? { part: { type: "link", url: found[1], children: [found[1]] }, end: index + found[0].length } : null;
  }

  function bareLink() {
    if (index > 0 && /[\p{L}\p{N}_]/u.test(text[index - 1])) return null;
    const found = /^https?:\/\/[^\s<>"'`\uE000\uE001]{1,2000}/.exec(text.slice(index, index + 2010));
    if (!found) return null;
    let url = found[0].replace(/[.,:;!?*_~]+$/, "");
    while (url.endsWith(")") && url.split(")").length > url.split("(").length) url = url.slice(0, -1);
    return url.length > 8 ? { part: { type: "link", url, children: [url] }, end: index + url.length } : null;
  }

  function citation() {
    const found = /^\uE000(\d{1,6})\uE001/.exec(text.slice(index, index + 9));
    return found ? { part: { type: "citation", number: Number(found[1]) }, end: index + found[0].length } : null;
  }
}

// MARK: Citations

/** Returns a text without characters that stand for citations. */
export function withoutCitationMarks(text) {
  return /[\uE000\uE001]/.test(text) ? text.replace(/[\uE000\uE001]/g, "") : text;
}

/** Returns what stands for a citation in a text. */
export function citationMark(number) {
  return `${citationStart}${number}${citationEnd}`;
}

// MARK: Elements

/**
 * Returns elements for a text.
 *
 * @param {string} text
 * @param {{code?: (text: string, language: string) => Node, citation?: (number: number) => Node}} [makers] Make the
 *   elements of code blocks and of citations.
 * @returns {Node[]}
 */
export function renderMarkdown(text, makers = {}) {
  return renderBlocks(parseBlocks(text.split(/\r\n|\r|\n/)), makers);
}

/** Returns elements for blocks. */
export function renderBlocks(blocks, makers = {}) {
  return blocks.map((block) => renderBlock(block, makers));
}

function renderBlock(block, makers) {
  switch (block.type) {
    case "code":
      return makers.code?.(block.text, block.language) ?? h("pre", {}, h("code", {}, block.text));
    case "heading":
      // The view has the first levels.
      return h(`h${Math.min(6, block.level + 2)}`, { class: `md-h${block.level}` }, renderInline(block.text, makers));
    case "rule":
      return h("hr");
    case "quote":
      return h("blockquote", {}, renderBlocks(block.blocks, makers));
    case "list":
      return h(block.isOrdered ? "ol" : "ul", { start: block.isOrdered && block.first !== 1 ? block.first : null },
        block.items.map((item) => renderItem(item, block.isLoose, makers)));
    case "table":
      return h("div", { class: "table-frame", tabindex: "0" }, h("table", { class: "table" },
        h("thead", {}, h("tr", {}, block.head.map((cell, column) => tableCell("th", cell, block.alignments[column], makers)))),
        h("tbody", {}, block.rows.map((row) =>
          h("tr", {}, row.map((cell, column) => tableCell("td", cell, block.alignments[column], makers)))))));
    default:
      return h("p", {}, renderInline(block.text, makers));
  }
}

function renderItem(item, isLoose, makers) {
  const children = item.blocks.flatMap((block) =>
    !isLoose && block.type === "paragraph" ? renderInline(block.text, makers) : [renderBlock(block, makers)]);
  if (item.task === null) return h("li", {}, children);
  return h("li", { class: "task" }, h("input", { type: "checkbox", checked: item.task, disabled: true, "aria-label": item.task ? t.contents.done : t.contents.open }), children);
}

function tableCell(tag, text, alignment, makers) {
  return h(tag, { class: alignment ? `align-${alignment}` : null }, renderInline(text, makers));
}

function renderInline(text, makers) {
  return renderParts(parseInline(text), makers);
}

function renderParts(parts, makers) {
  return parts.map((part) => {
    if (typeof part === "string") return part;
    switch (part.type) {
      case "break": return h("br");
      case "code": return h("code", {}, part.text);
      case "emphasis": return h("em", {}, renderParts(part.children, makers));
      case "strong": return h("strong", {}, renderParts(part.children, makers));
      case "strike": return h("del", {}, renderParts(part.children, makers));
      case "citation": return makers.citation?.(part.number) ?? "";
      case "link": {
        const children = renderParts(part.children, makers);
        return safeURL(part.url) ? externalLink(part.url, children) : h("span", { class: "md-unsafe", title: part.url }, children);
      }
    }
    return "";
  });
}
