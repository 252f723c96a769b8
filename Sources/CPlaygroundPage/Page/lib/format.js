// SPDX-License-Identifier: Apache-2.0

import { h } from "./dom.js";
import { t } from "./texts.js";

const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const timeOnly = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const integers = new Intl.NumberFormat();

/** Returns milliseconds since 1970 of a timestamp of the server, with fractions. */
export function milliseconds(timestamp) {
  return Date.parse(timestamp);
}

/** Returns an element with a time, whose full form is its title. */
export function time(timestamp) {
  const date = new Date(timestamp);
  const isToday = date.toDateString() === new Date().toDateString();
  return h("time", { datetime: timestamp, title: dateTime.format(date) },
    isToday ? timeOnly.format(date) : dateTime.format(date));
}

/** Returns how long ago a time is, such as "5 min ago". */
export function ago(timestamp, now = Date.now()) {
  const seconds = Math.max(0, (now - milliseconds(timestamp)) / 1000);
  if (seconds < 5) return t.time.now;
  return t.time.ago(duration(seconds * 1000, 1));
}

/** Returns a duration, such as "340 ms", "2.1 s" or "3 min 5 s". */
export function duration(value, parts = 2) {
  const { units } = t;
  if (value < 1000) return `${Math.round(value)} ${units.milliseconds}`;
  const seconds = value / 1000;
  if (seconds < 60) return `${seconds < 10 && parts > 1 ? seconds.toFixed(1) : Math.floor(seconds)} ${units.seconds}`;
  const sizes = [[units.days, 86_400], [units.hours, 3_600], [units.minutes, 60], [units.seconds, 1]];
  const texts = [];
  let rest = Math.floor(seconds);
  for (const [name, size] of sizes) {
    if (rest >= size) texts.push(`${Math.floor(rest / size)} ${name}`);
    rest %= size;
  }
  return texts.slice(0, parts).join(" ");
}

/** Returns a size, such as "1.2 MiB". */
export function bytes(count) {
  const [single, ...units] = t.units.bytes;
  if (count < 1024) return `${count} ${single}`;
  let value = count / 1024;
  let index = 0;
  for (; value >= 1024 && index < units.length - 1; index++) value /= 1024;
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[index]}`;
}

/** Returns a number with separators. */
export function number(value) {
  return integers.format(value);
}

/** Returns the beginning of an id, which is enough to tell it from others. */
export function shortID(id) {
  return id.length > 12 && /^[0-9a-f-]{36}$/i.test(id) ? id.slice(0, 8) : id;
}
