// SPDX-License-Identifier: Apache-2.0

const literals = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?)/y;
const string = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y;
const space = /[ \t\r\n]*/y;

/**
 * Returns the place of the first character with which a text cannot be JSON, its length if it ends too early, or `null` if it
 * is valid. Browsers report the place only for some faults.
 *
 * @param {string} text
 */
export function faultPlace(text) {
  let place = 0;
  /** The brackets that are open. */
  const open = [];
  /** What may come next: a value, a key, a colon, or a comma or the end of what is open. */
  let state = "value";
  const match = (pattern) => {
    pattern.lastIndex = place;
    const found = pattern.exec(text);
    if (found) place = pattern.lastIndex;
    return found !== null;
  };
  for (;;) {
    match(space);
    const next = text[place];
    if (next === undefined) return state === "end" && open.length === 0 ? null : place;
    const closing = open.at(-1) === "{" ? "}" : open.at(-1) === "[" ? "]" : null;
    if (state === "end") {
      if (open.length === 0) return place;
      if (next === closing) open.pop();
      else if (next === ",") state = closing === "}" ? "key" : "value";
      else return place;
      place++;
    } else if ((state === "first key" || state === "first value") && next === closing) {
      open.pop();
      place++;
      state = "end";
    } else if (state === "key" || state === "first key") {
      if (!match(string)) return faultOfString(text, place);
      state = "colon";
    } else if (state === "colon") {
      if (next !== ":") return place;
      place++;
      state = "value";
    } else if (next === "{" || next === "[") {
      open.push(next);
      place++;
      state = next === "{" ? "first key" : "first value";
    } else {
      if (next === '"') {
        if (!match(string)) return faultOfString(text, place);
      } else if (!match(literals)) {
        return place;
      }
      state = "end";
    }
  }
}

/** Returns where a string ends that is not valid. */
function faultOfString(text, start) {
  if (text[start] !== '"') return start;
  for (let place = start + 1; place < text.length; place++) {
    const character = text[place];
    if (character < " ") return place;
    if (character !== "\\") continue;
    if (!/^(?:["\\/bfnrt]|u[\da-fA-F]{4})/.test(text.slice(place + 1, place + 6))) return place;
    place++;
  }
  return text.length;
}
