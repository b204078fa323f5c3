/** The public register of leaks, fetched whole before anything is asked. */

import { Code, InputError } from "./errors.ts";

export const MAX_BYTES = 8 * 1024 * 1024;

/**
 * One leak as the register tells of it. Nobody signed this: show it as text, and do not act on
 * it unseen. More keys than these may be there.
 */
export interface RegisterEntry {
  readonly name: string;
  readonly title: { readonly kk: string; readonly ru: string; readonly en: string };
  readonly breach_date: string;
  readonly [key: string]: unknown;
}

/**
 * The entries by name.
 *
 * @throws InputError BAD_REGISTER.
 */
export function parse(body: Uint8Array): Map<string, RegisterEntry> {
  const listed = json(body);
  if (!Array.isArray(listed) || !listed.every(isEntry)) throw bad();
  return new Map(listed.map((entry) => [entry.name, entry]));
}

/** Whether what every program shows of a leak has its form; the rest is the register's. */
function isEntry(raw: unknown): raw is RegisterEntry {
  const entry = raw as Partial<RegisterEntry> | null;
  return (
    typeof entry === "object" &&
    typeof entry?.name === "string" &&
    typeof entry.title?.kk === "string" &&
    typeof entry.title.ru === "string" &&
    typeof entry.title.en === "string" &&
    typeof entry.breach_date === "string"
  );
}

function json(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw bad();
  }
}

function bad(): InputError {
  return new InputError(Code.BAD_REGISTER, "the service's register cannot be read");
}
