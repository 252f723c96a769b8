// SPDX-License-Identifier: Apache-2.0

/** Parses an event stream that arrives in pieces of any size. */
export class EventStreamParser {
  #line = "";
  #endedWithReturn = false;
  #data = null;
  #id = undefined;
  #type = "";

  /**
   * Returns the events that a piece of text completes.
   *
   * @param {string} text
   * @returns {{id: string | undefined, type: string, data: string}[]}
   */
  feed(text) {
    const events = [];
    let start = 0;
    if (this.#endedWithReturn && text.startsWith("\n")) start = 1;
    if (text.length > 0) this.#endedWithReturn = false;
    for (let index = start; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code !== 10 && code !== 13) continue;
      const line = this.#line + text.slice(start, index);
      this.#line = "";
      if (code === 13) {
        if (index + 1 === text.length) this.#endedWithReturn = true;
        else if (text.charCodeAt(index + 1) === 10) index++;
      }
      start = index + 1;
      this.#take(line, events);
    }
    this.#line += text.slice(start);
    return events;
  }

  #take(line, events) {
    if (line === "") {
      if (this.#data !== null) events.push({ id: this.#id, type: this.#type || "message", data: this.#data });
      this.#data = null;
      this.#type = "";
      this.#id = undefined;
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (field === "data") this.#data = this.#data === null ? value : `${this.#data}\n${value}`;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (field === "event") this.#type = value;
  }
}
