/**
 * The three answers, and no fourth, as the page shows them.
 *
 * The register that they quote is not signed: all of it becomes text, never markup or a link.
 */

import type { Answer, Found, Leak, NotFound } from "@qorgan/client";

import { day, dayOf, number } from "./formats.ts";
import { fill, Filled, type PageData } from "./page.ts";

const MOST_SHOWN = 100; // leaks in a list: a register without end must not freeze the page

type Entry = NonNullable<Leak["entry"]>;

export function shown(answer: Answer, page: PageData): DocumentFragment {
  return answer.answer === "found" ? found(answer, page) : notFound(answer, page);
}

/** `again` is called when the person wants to try again. */
export function couldNotCheck(code: string, page: PageData, again: () => void): DocumentFragment {
  const filled = new Filled("could-not-check")
    .text("why", of(page.failures, code) ?? page.failures["other"] ?? "")
    .text("code", `(${code})`);
  filled.slot("again").addEventListener("click", again);
  return filled.fragment;
}

/** The data classes that were this person's, over all leaks. */
export function exposed(answer: Found): Set<string> {
  return new Set(answer.leaks.flatMap((leak) => leak.dataClasses));
}

function found(answer: Found, page: PageData): DocumentFragment {
  const filled = new Filled("found")
    .text("count", number(answer.leaks.length, page.formats))
    .text("day", dayOf(answer.publishedAt, page.formats));
  filled.slot("leaks").append(...answer.leaks.map((leak) => article(leak, page)));
  return withUnsearched(filled, answer, page);
}

function article({ name, dataClasses, entry }: Leak, page: PageData): DocumentFragment {
  const classes = dataClasses.map((slug) => of(page.classes, slug)?.name ?? slug);
  return new Filled("leak")
    .text("title", entry === null ? name : title(entry, page))
    .list("classes", classes)
    .row("organisations", organisations(entry, page))
    .row("happened", entry === null ? "" : happened(entry, page))
    .row("public", when(entry?.["public_on"], page))
    .row("status", of(page.statuses, text(entry?.["status"])) ?? "")
    .row("followed", followed(entry, page)).fragment;
}

function notFound(answer: NotFound, page: PageData): DocumentFragment {
  const names = answer.searched.map((name) => {
    const entry = answer.register.get(name);
    return entry === undefined ? name : title(entry, page);
  });
  const filled = new Filled("not-found")
    .text("day", dayOf(answer.publishedAt, page.formats))
    .list("searched", names);
  return withUnsearched(filled, answer, page);
}

/** Known leaks that the answer is not about, and why. */
function withUnsearched(filled: Filled, answer: Answer, page: PageData): DocumentFragment {
  const searched = new Set(answer.searched);
  const missing = [...answer.register.values()].filter((entry) => !searched.has(entry.name));
  // Which ones they are is not said here: a name beside an answer reads as if it were part of it.
  const sensitive = missing.filter((entry) => entry["lane"] === "verified");
  const named = missing.filter((entry) => !sensitive.includes(entry)).slice(0, MOST_SHOWN);
  const lines = named.map((entry) => {
    const why = of(page.not_searched, text(entry["lane"])) ?? page.not_searched.none;
    return `${title(entry, page)}: ${why}`;
  });
  if (sensitive.length > 0) lines.push(page.not_searched.verified);
  filled.list("unsearched", lines);
  if (lines.length === 0) filled.slot("missing").remove();
  return filled.fragment;
}

function title(entry: Entry, page: PageData): string {
  return entry.title[page.language];
}

function organisations(entry: Entry | null, page: PageData): string {
  return objects(entry?.["organisations"])
    .map((o) => {
      if (o["role"] === "none_established") return page.not_established;
      const name = text(o["name"]);
      const role = { suspected: page.suspected, processor: page.processor };
      return fill(of(role, text(o["role"])) ?? "%(name)s", { name });
    })
    .join("; ");
}

function happened(entry: Entry, page: PageData): string {
  const on = day(entry.breach_date, page.formats);
  return entry["breach_date_at_latest"] === true ? fill(page.by, { day: on }) : on;
}

/** Cases and fines, each with its amount and day. */
function followed(entry: Entry | null, page: PageData): string {
  const told = objects(entry?.["proceedings"]).map((proceeding) => {
    const { what, amount, currency, date } = proceeding;
    const line = typeof what === "object" ? text(objects([what])[0]?.[page.language]) : text(what);
    const sum = typeof amount === "number"
      ? `: ${number(amount, page.formats)} ${text(currency)}`.trimEnd()
      : "";
    return `${line}${sum}${date === undefined ? "" : ` (${when(date, page)})`}`;
  });
  return told.join("; ");
}

function when(raw: unknown, page: PageData): string {
  return typeof raw === "string" ? day(raw, page.formats) : "";
}

/** A value under a key that came from the register, and may be anything. */
function of<T>(values: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(values, key) ? values[key] : undefined;
}

function text(raw: unknown): string {
  return typeof raw === "string" ? raw : "";
}

/** The objects of what should be a list of them. */
function objects(raw: unknown): Record<string, unknown>[] {
  if (!Array.isArray(raw)) return [];
  return raw.filter((one) => typeof one === "object" && one !== null);
}
