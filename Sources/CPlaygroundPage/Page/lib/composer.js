// SPDX-License-Identifier: Apache-2.0
//
// The form of an input: text or JSON, and files by picker, drop and clipboard.

import { choice, icon, iconButton, nextID } from "./components.js";
import { contentSize, decodeBase64, encodeBase64, isJSON, isTextual } from "./contents.js";
import { button, clear, h } from "./dom.js";
import { bytes as sizeText } from "./format.js";
import { faultPlace } from "./json-fault.js";
import { mediaType } from "./model.js";
import { t } from "./texts.js";

/** Whether a list of media types of a manifest contains a type, with patterns such as image/*. */
export function accepts(patterns, type) {
  return patterns.length === 0 || patterns.some((pattern) => {
    const clean = mediaType(pattern);
    return clean === "*" || clean === "*/*" || clean === type || (clean.endsWith("/*") && type.startsWith(clean.slice(0, -1)));
  });
}

/**
 * A form for the parts of a message.
 *
 * `element` is the form, `parts()` returns the parts or `null` if something is not valid, `fill(parts)` shows some,
 * `clear()` empties it, `focus()` puts the cursor into it.
 *
 * @param {{types: string[], label: string, placeholder?: string, rows?: number, hasJSON?: boolean, limit?: number,
 *   onSubmit: () => void, onChange?: () => void}} options
 */
export class Composer {
  #options;
  #text;
  #jsonField;
  #status;
  #files = [];
  #fileList = h("ul", { class: "attachments" });
  #isJSON = false;
  #panels;
  #kind;

  constructor(options) {
    this.#options = options;
    const { types } = options;
    const acceptsText = accepts(types, "text/plain") || types.some((type) => mediaType(type).startsWith("text/"));
    const acceptsJSON = options.hasJSON !== false
      && (types.some((type) => isJSON(mediaType(type))) || accepts(types, "application/json"));
    this.#isJSON = acceptsJSON && !acceptsText;
    const statusID = nextID();
    const onkeydown = (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        options.onSubmit();
      }
    };
    this.#text = h("textarea", {
      class: "textarea composer-text", rows: options.rows ?? 3, "aria-label": options.label,
      placeholder: options.placeholder ?? t.compose.textHint, oninput: () => this.#changed(), onkeydown,
    });
    this.#jsonField = h("textarea", {
      class: "textarea composer-json mono", rows: 6, spellcheck: "false", autocapitalize: "off", autocomplete: "off",
      "aria-label": `${options.label}: ${t.compose.json}`, "aria-describedby": statusID, placeholder: t.compose.jsonHint,
      oninput: () => this.#changed(), onkeydown,
    });
    this.#status = h("p", { class: "composer-status", id: statusID, role: "status" });
    this.#panels = h("div", { class: "composer-fields" }, this.#text, this.#jsonField, this.#status);
    this.#kind = acceptsText && acceptsJSON
      ? choice(t.compose.input, [["text", t.compose.text], ["json", t.compose.json]], "text", (kind) => this.#choose(kind === "json"))
      : null;
    const picker = h("input", {
      type: "file", multiple: true, class: "visually-hidden", tabindex: "-1", "aria-label": t.compose.addFile,
      accept: this.#pickerTypes(), onchange: () => {
        this.#add([...picker.files]);
        picker.value = "";
      },
    });
    this.picker = picker;
    this.tools = h("div", { class: "composer-tools" }, this.#kind,
      iconButton("clip", t.compose.addFile, () => picker.click()), picker);
    this.element = h("div", { class: "composer", ondragover: (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      this.element.classList.add("is-drop-target");
    }, ondragleave: (event) => {
      if (!this.element.contains(event.relatedTarget)) this.element.classList.remove("is-drop-target");
    }, ondrop: (event) => {
      this.element.classList.remove("is-drop-target");
      if (event.dataTransfer.files.length === 0) return;
      event.preventDefault();
      this.#add([...event.dataTransfer.files]);
    }, onpaste: (event) => {
      const files = [...event.clipboardData.files];
      if (files.length === 0) return;
      event.preventDefault();
      this.#add(files);
    } }, this.#panels, this.#fileList, h("p", { class: "drop-hint", "aria-hidden": "true" }, t.compose.dropHere));
    this.#show();
  }

  focus() {
    (this.#isJSON ? this.#jsonField : this.#text).focus();
  }

  get isEmpty() {
    return this.#field.value.trim() === "" && this.#files.length === 0;
  }

  /** Returns the parts of the message, or `null` after having shown what is not valid. */
  parts() {
    const parts = [];
    const text = this.#field.value;
    if (this.#isJSON && text.trim() !== "") {
      if (!this.#checkJSON()) {
        this.#jsonField.focus();
        return null;
      }
      parts.push({ content_type: "application/json", content: text });
    } else if (!this.#isJSON && (text !== "" || this.#files.length === 0)) {
      parts.push({ content_type: "text/plain", content: text });
    }
    for (const file of this.#files) parts.push(file.part);
    if (parts.length === 0) {
      this.#say(t.compose.nothing, "error");
      this.focus();
      return null;
    }
    const { limit } = this.#options;
    const size = parts.reduce((sum, part) => sum + part.content.length + 200, 0);
    if (limit && size > limit) {
      this.#say(t.compose.tooLarge(sizeText(size), sizeText(limit)), "error");
      return null;
    }
    return parts;
  }

  /** Shows the parts of a message. */
  fill(parts) {
    this.clear();
    for (const part of parts) {
      const type = mediaType(part.content_type);
      if (!part.name && part.content_encoding !== "base64" && type === "text/plain" && this.#text.value === "" && this.#acceptsKind(false)) {
        this.#text.value = part.content ?? "";
        this.#choose(false);
      } else if (!part.name && part.content_encoding !== "base64" && isJSON(type) && this.#jsonField.value === "" && this.#acceptsKind(true)) {
        this.#jsonField.value = part.content ?? "";
        this.#choose(true);
      } else {
        this.#files.push({ part });
      }
    }
    this.#showFiles();
    this.#changed();
  }

  clear() {
    this.#text.value = "";
    this.#jsonField.value = "";
    this.#files = [];
    this.#showFiles();
    this.#changed();
  }

  get #field() { return this.#isJSON ? this.#jsonField : this.#text; }

  #acceptsKind(isJSONKind) {
    return this.#kind !== null || this.#isJSON === isJSONKind;
  }

  #choose(isJSONKind) {
    this.#isJSON = isJSONKind;
    const radio = this.#kind?.querySelector(`input[value="${isJSONKind ? "json" : "text"}"]`);
    if (radio) radio.checked = true;
    this.#show();
  }

  #show() {
    this.#text.hidden = this.#isJSON;
    this.#jsonField.hidden = !this.#isJSON;
    this.#changed();
  }

  #changed() {
    if (this.#isJSON) this.#checkJSON();
    else this.#say("");
    this.#grow(this.#field);
    this.#options.onChange?.();
  }

  /** Lets a field grow with its text. */
  #grow(field) {
    field.style.height = "auto";
    if (field.scrollHeight > field.clientHeight) field.style.height = `${Math.min(field.scrollHeight + 2, 420)}px`;
  }

  #checkJSON() {
    const text = this.#jsonField.value;
    this.#jsonField.removeAttribute("aria-invalid");
    if (text.trim() === "") {
      this.#say("");
      return true;
    }
    try {
      JSON.parse(text);
      this.#say(t.compose.jsonValid, "ok");
      return true;
    } catch (error) {
      this.#say(jsonFault(text, error), "error");
      this.#jsonField.setAttribute("aria-invalid", "true");
      return false;
    }
  }

  #say(text, kind = "") {
    this.#status.textContent = text;
    this.#status.dataset.kind = kind;
    this.#status.hidden = text === "";
  }

  /** The types for the picker, if the agent declares only types that are no texts. */
  #pickerTypes() {
    const types = this.#options.types.map(mediaType).filter((type) => type !== "text/plain" && !isJSON(type));
    return types.length > 0 && !types.includes("*/*") ? types.join(",") : null;
  }

  async #add(files) {
    for (const file of files) {
      try {
        const data = new Uint8Array(await file.arrayBuffer());
        const part = partOfFile(file, data);
        const warning = accepts(this.#options.types, mediaType(part.content_type)) ? null : t.compose.notAccepted(part.content_type);
        this.#files.push({ part, warning });
      } catch {
        this.#say(t.compose.fileFailed(file.name), "error");
      }
    }
    this.#showFiles();
    this.#options.onChange?.();
  }

  #showFiles() {
    clear(this.#fileList).append(...this.#files.map((file) => {
      const { part, warning } = file;
      const data = part.content_encoding === "base64" && mediaType(part.content_type).startsWith("image/") ? decodeBase64(part.content) : null;
      const thumbnail = data ? h("img", { class: "attachment-image", alt: "", src: URL.createObjectURL(new Blob([data], { type: mediaType(part.content_type) })) }) : icon("clip");
      return h("li", { class: "attachment" }, thumbnail,
        h("span", { class: "attachment-name" }, part.name ?? part.content_type),
        h("span", { class: "muted" }, `${mediaType(part.content_type)}, ${sizeText(contentSize(part))}`),
        iconButton("close", `${t.actions.remove} ${part.name ?? ""}`.trim(), () => {
          this.#files = this.#files.filter((other) => other !== file);
          this.#showFiles();
          this.#options.onChange?.();
        }),
        warning ? h("span", { class: "attachment-warning" }, warning) : null);
    }));
    this.#fileList.hidden = this.#files.length === 0;
  }
}

/** Returns the part of a message for a file: texts as they are, everything else in base64. */
export function partOfFile(file, data) {
  const type = mediaType(file.type || typeOfName(file.name));
  if (isTextual(type)) {
    try {
      const content = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
      return { name: file.name, content_type: type, content };
    } catch { /* Not in UTF-8: sent as bytes. */ }
  }
  return { name: file.name, content_type: type, content: encodeBase64(data), content_encoding: "base64" };
}

function typeOfName(name) {
  const types = {
    md: "text/markdown", csv: "text/csv", tsv: "text/tab-separated-values", json: "application/json", jsonl: "application/x-ndjson",
    yaml: "application/yaml", yml: "application/yaml", toml: "application/toml", txt: "text/plain", log: "text/plain",
    svg: "image/svg+xml", pdf: "application/pdf",
  };
  return types[name.split(".").at(-1).toLowerCase()] ?? "application/octet-stream";
}

/** Returns where a text is not valid JSON, with line and column. */
export function jsonFault(text, error) {
  const place = faultPlace(text);
  if (place === null) return t.compose.jsonInvalid(error.message);
  const before = text.slice(0, place).split("\n");
  const found = text.slice(place, place + 1);
  return t.compose.jsonAt(before.length, before.at(-1).length + 1, found ? t.compose.unexpected(found) : t.compose.unexpectedEnd);
}

/** Creates the button that sends a form. */
export function sendButton(text, onclick, title = t.compose.shortcut) {
  return button({ class: "button primary", title, onclick }, text);
}
