/** Dates and numbers by the server's patterns: not every browser knows Kazakh. */

import { fill, type Formats } from "./page.ts";

const KAZAKHSTAN = 5 * 3600_000; // milliseconds ahead of UTC, all over the country since 2024-03-01

/** A day (2025-06-16) or a month (2025-06) of the register; anything else stays as it is. */
export function day(text: string, formats: Formats): string {
  const parts = /^(\d{4})-(\d{2})(?:-(\d{2}))?$/.exec(text);
  if (parts === null) return text;
  const [, y = "", month = "", d] = parts;
  const at = Number(month) - 1;
  const names = { y, MMMM: formats.MMMM[at] ?? month, LLLL: formats.LLLL[at] ?? month };
  if (d === undefined) return fill(formats.month, names);
  return fill(formats.day, { ...names, d: String(Number(d)) });
}

/** The day of a moment, in Kazakhstan. */
export function dayOf(moment: string, formats: Formats): string {
  const there = new Date(Date.parse(moment) + KAZAKHSTAN);
  return Number.isNaN(there.getTime()) ? moment : day(there.toISOString().slice(0, 10), formats);
}

export function number(value: number, formats: Formats): string {
  const [whole = "", rest] = String(value).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, formats.group);
  return rest === undefined ? grouped : `${grouped}${formats.decimal}${rest}`;
}

/** A number of people, to two digits: it is a rough one. */
export function about(value: number, formats: Formats): string {
  return number(Number(value.toPrecision(2)), formats);
}
