// SPDX-License-Identifier: Apache-2.0

/**
 * Returns the rows of a text in CSV (RFC 4180): arrays of strings. The separator is the comma, the semicolon or the tab,
 * whichever is most frequent in the first line. Nothing is rejected: a quote that is not closed ends with the text.
 *
 * @param {string} text
 * @param {string} [separator]
 * @returns {string[][]}
 */
export function parseCSV(text, separator = separatorOf(text)) {
  const rows = [];
  let row = [];
  let field = "";
  let index = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  let isAtStart = true;
  const endField = () => {
    row.push(field);
    field = "";
    isAtStart = true;
  };
  const endRow = () => {
    endField();
    rows.push(row);
    row = [];
  };
  while (index < text.length) {
    const character = text[index];
    if (character === '"' && isAtStart) {
      index = quoted(index + 1);
    } else if (character === separator) {
      endField();
      index++;
    } else if (character === "\n" || character === "\r") {
      endRow();
      index += character === "\r" && text[index + 1] === "\n" ? 2 : 1;
    } else {
      field += character;
      isAtStart = false;
      index++;
    }
  }
  if (field !== "" || row.length > 0 || !isAtStart) endRow();
  return rows;

  function quoted(start) {
    isAtStart = false;
    for (let from = start; ;) {
      const end = text.indexOf('"', from);
      if (end < 0) {
        field += text.slice(from);
        return text.length;
      }
      field += text.slice(from, end);
      if (text[end + 1] !== '"') return end + 1;
      field += '"';
      from = end + 2;
    }
  }
}

function separatorOf(text) {
  const end = text.search(/[\r\n]/);
  const line = (end < 0 ? text : text.slice(0, end)).replace(/"[^"]*"/g, "");
  let best = ",";
  let most = 0;
  for (const separator of [",", ";", "\t"]) {
    const count = line.split(separator).length - 1;
    if (count > most) [best, most] = [separator, count];
  }
  return best;
}
