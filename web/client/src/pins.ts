/**
 * What a client remembers of a service, so that the service cannot change it unnoticed.
 *
 * Without pins a hostile service could serve its victim a new salt each time and learn fresh bits
 * of who asks with each lookup, or an old version without the newest leaks. A pin is six fields
 * about the service; nothing about the person who asks is ever in it.
 *
 * Reading and writing are synchronous, so that nothing comes between the two: a second lookup
 * cannot put an older counter in the place of a newer one.
 */

import { Code, CouldNotCheckError } from "./errors.ts";
import { type Argon2Document, counter, type Parameters } from "./parameters.ts";

/** What must stay as it was first seen, the highest counter seen, and the root under it. */
export interface Pin {
  readonly publisher_key: string;
  readonly public_key: string;
  readonly argon2: Argon2Document;
  readonly prefix_bits: number;
  readonly counter: number;
  readonly root: string;
}

/** Where pins are kept, one for each service. */
export interface PinStore {
  read(service: string): Pin | null;
  write(service: string, pin: Pin): void;
}

/** What we need of a `Storage` (a browser's localStorage is one). */
export interface TextStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** Pins that last as long as this object. */
export class MemoryPins implements PinStore {
  readonly #pins = new Map<string, Pin>();

  read(service: string): Pin | null {
    return this.#pins.get(service) ?? null;
  }

  write(service: string, pin: Pin): void {
    this.#pins.set(service, pin);
  }
}

/** Pins in a storage of the caller's, under "qorgan-pin:" and the service's address. */
export class StoredPins implements PinStore {
  readonly #storage: TextStorage;

  constructor(storage: TextStorage) {
    this.#storage = storage;
  }

  /** @throws CouldNotCheckError BAD_FILE: a pin that cannot be read must not count as none. */
  read(service: string): Pin | null {
    let raw: unknown;
    try {
      const text = this.#storage.getItem(key(service));
      if (text === null) return null;
      raw = JSON.parse(text);
    } catch {
      throw unusable();
    }
    if (!isPin(raw)) throw unusable();
    return raw;
  }

  /** @throws CouldNotCheckError BAD_FILE. */
  write(service: string, pin: Pin): void {
    try {
      this.#storage.setItem(key(service), JSON.stringify(pin));
    } catch {
      throw unusable();
    }
  }
}

/** The pin that these parameters would leave. */
export function pinOf(seen: Parameters): Pin {
  const { publisher_key, public_key, argon2, prefix_bits, root } = seen;
  return { publisher_key, public_key, argon2, prefix_bits, counter: counter(seen), root };
}

/**
 * Hold parameters (whose signature was checked) against the stored pin; pin on first use.
 *
 * @throws CouldNotCheckError PIN_MISMATCH or ROLLED_BACK; or BAD_FILE, the storage is unusable.
 */
export function checkPin(store: PinStore, service: string, seen: Parameters): void {
  const pin = store.read(service);
  if (pin !== null) holdAgainst(pin, seen);
  const kept = pin === null ? pinOf(seen) : { ...pin, counter: counter(seen), root: seen.root };
  if (kept.counter !== pin?.counter) store.write(service, kept);
}

/**
 * Hold parameters against a pin.
 *
 * @throws CouldNotCheckError PIN_MISMATCH or ROLLED_BACK.
 */
export function holdAgainst(pin: Pin, seen: Parameters): void {
  const now = pinOf(seen);
  if (pin.publisher_key !== now.publisher_key) throw mismatch("publisher key");
  if (pin.public_key !== now.public_key) throw mismatch("public key");
  if (ARGON2.some((name) => pin.argon2[name] !== now.argon2[name])) throw mismatch("argon2");
  if (now.prefix_bits > pin.prefix_bits) throw mismatch("prefix length");
  if (now.counter < pin.counter || (now.counter === pin.counter && now.root !== pin.root)) {
    throw new CouldNotCheckError(
      Code.ROLLED_BACK,
      "could not check: the service shows another index than before, not a newer one",
    );
  }
}

const KEY = /^[0-9a-f]{64}$/;
const ARGON2 = ["salt", "memory_kib", "time_cost", "parallelism"] as const;

function key(service: string): string {
  return `qorgan-pin:${service}`;
}

function isPin(raw: unknown): raw is Pin {
  const pin = raw as Partial<Pin> | null;
  return (
    typeof pin === "object" &&
    typeof pin?.publisher_key === "string" &&
    KEY.test(pin.publisher_key) &&
    typeof pin.public_key === "string" &&
    typeof pin.argon2 === "object" &&
    pin.argon2 !== null &&
    Number.isInteger(pin.prefix_bits) &&
    Number.isInteger(pin.counter) &&
    typeof pin.root === "string"
  );
}

function mismatch(what: string): CouldNotCheckError {
  return new CouldNotCheckError(
    Code.PIN_MISMATCH,
    `could not check: the service's ${what} is not the one pinned; only if its operator has ` +
      "announced a new index, remove that pin",
  );
}

function unusable(): CouldNotCheckError {
  return new CouldNotCheckError(
    Code.BAD_FILE,
    "could not check: the stored pins cannot be used; mend or remove them",
  );
}
