// SPDX-License-Identifier: Apache-2.0
//
// The text format of Prometheus, without I/O.

/**
 * Returns the values of a document: a map from names to `[{labels, value}]`.
 *
 * @param {string} text
 */
export function parseMetrics(text) {
  const metrics = new Map();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const found = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/.exec(line);
    if (!found) continue;
    const [, name, labelText = "", number] = found;
    const value = number === "+Inf" ? Infinity : Number(number);
    if (Number.isNaN(value)) continue;
    const labels = {};
    for (const [, key, quoted] of labelText.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) labels[key] = quoted.replace(/\\(.)/g, (_, character) => (character === "n" ? "\n" : character));
    if (!metrics.has(name)) metrics.set(name, []);
    metrics.get(name).push({ labels, value });
  }
  return metrics;
}

/** Returns the sum of a metric over all its labels, or `null` if there is none. */
export function total(metrics, name) {
  const values = metrics.get(name);
  return values ? values.reduce((sum, { value }) => sum + value, 0) : null;
}

/** Returns how much a counter has grown per second between two documents. A counter that was reset has begun at zero. */
export function rate(before, after, name, seconds) {
  const to = total(after, name);
  if (to === null) return null;
  const from = total(before, name) ?? 0;
  return Math.max(0, to >= from ? to - from : to) / seconds;
}

/** Returns the mean of a histogram between two documents, or `null` if nothing was recorded. */
export function mean(before, after, name) {
  const count = (total(after, `${name}_count`) ?? 0) - (total(before, `${name}_count`) ?? 0);
  const sum = (total(after, `${name}_sum`) ?? 0) - (total(before, `${name}_sum`) ?? 0);
  return count > 0 ? sum / count : null;
}
