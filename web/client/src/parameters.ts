/**
 * One version's parameters: what the publisher signs and a client checks before it asks anything.
 *
 * `parse` is strict about what it knows and ignores keys it does not.
 */

import { ed25519 } from "@noble/curves/ed25519.js";
import { bytesToHex, concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";

import { Code, InputError } from "./errors.ts";
import {
  ELEMENT_BYTES,
  ENTRY_BYTES,
  HASH_BYTES,
  KINDS,
  type Kind,
  LANES,
  type Lane,
  MAX_ARGON2_MEMORY_KIB,
  MAX_ARGON2_PASSES,
  MAX_DATA_CLASSES,
  MAX_DATASET_ID,
  MAX_PREFIX_BITS,
  MIN_PREFIX_BITS,
  MODE,
  PROTOCOL,
  SALT_BYTES,
  SUITE,
} from "./suite.ts";

export const MAX_BYTES = 4 * 1024 * 1024; // of a document: 65,535 datasets with short lists fit
// ignoreBOM: a byte order mark is not ignored but left for JSON to refuse
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const SIGNED = utf8ToBytes("qorgan v1 params");
const VERSION = /^(0|[1-9][0-9]{0,9})-[0-9a-f]{8}$/;
const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const DATA_CLASS = /^[a-z0-9-]{1,64}$/;
const TIME =
  /^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3])(:[0-5][0-9]){2}Z$/;
const MAX_RANGE_ENTRIES = 2 ** 20; // 8 MiB of entries: far above any sane choice of prefix_bits
const MAX_FILTER_BITS = 2 ** 40;

/** Argon2id's parameters as the document has them: hex salt, KiB, passes, lanes. */
export interface Argon2Document {
  readonly salt: string;
  readonly memory_kib: number;
  readonly time_cost: number;
  readonly parallelism: number;
}

/** A dataset as a version holds it. */
export interface PublishedDataset {
  readonly id: number;
  readonly name: string;
  /** In the order of the mask's bits. */
  readonly data_classes: readonly string[];
  /** Of the identifiers that it was loaded by; not there in versions that do not say. */
  readonly kinds?: readonly Kind[];
}

/** The Bloom filter's size, probes and hash. */
export interface FilterDocument {
  readonly bits: number;
  readonly probes: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** The document's fields under the document's names; hex stays hex. */
export interface Parameters {
  readonly protocol: number;
  readonly lane: Lane;
  readonly suite: string;
  readonly mode: string;
  readonly argon2: Argon2Document;
  readonly kinds: readonly Kind[];
  readonly public_key: string;
  readonly publisher_key: string;
  readonly version: string;
  readonly version_salt: string;
  readonly published_at: string;
  readonly prefix_bits: number;
  readonly range_entries: number;
  readonly root: string;
  readonly datasets: readonly PublishedDataset[];
  readonly filter: FilterDocument;
}

/** The version's counter. */
export function counter(parameters: Parameters): number {
  return Number(parameters.version.split("-")[0]);
}

/** The length of every range of this version. */
export function rangeBytes(parameters: Parameters): number {
  return ENTRY_BYTES * parameters.range_entries + HASH_BYTES * parameters.prefix_bits;
}

/** `<counter>-<first 8 hex digits of the root>`. */
export function versionName(counter: number, root: Uint8Array): string {
  return `${counter}-${bytesToHex(root.subarray(0, 4))}`;
}

/**
 * Check a document's signature.
 *
 * @throws InputError BAD_SIGNATURE.
 */
export function verify(
  publisherKey: Uint8Array,
  document: Uint8Array,
  signature: Uint8Array,
): void {
  if (!isSigned(publisherKey, document, signature)) {
    throw new InputError(
      Code.BAD_SIGNATURE,
      "the parameters are not signed by the pinned publisher",
    );
  }
}

function isSigned(key: Uint8Array, document: Uint8Array, signature: Uint8Array): boolean {
  try {
    // RFC 8032's own rules; noble's default, ZIP 215, takes other spellings of a signature too
    return ed25519.verify(signature, concatBytes(SIGNED, document), key, { zip215: false });
  } catch {
    return false; // of a wrong length
  }
}

/**
 * Read and check a document, whoever signed it.
 *
 * @throws InputError BAD_PARAMETERS, it is not a version 1 document or a value is out of bounds.
 */
export function parse(document: Uint8Array): Parameters {
  if (document.length > MAX_BYTES) throw bad("longer than 4 MiB");
  const reader = new Reader(json(document));
  if (reader.whole("protocol", 0, 2 ** 31) !== PROTOCOL) {
    throw bad("another protocol version than 1; a newer client is needed");
  }
  const prefix_bits = reader.whole("prefix_bits", MIN_PREFIX_BITS, MAX_PREFIX_BITS);
  const parameters: Parameters = {
    protocol: PROTOCOL,
    lane: reader.choice("lane", LANES),
    suite: reader.choice("suite", [SUITE]),
    mode: reader.choice("mode", [MODE]),
    argon2: argon2(new Reader(reader.get("argon2"))),
    kinds: kinds(reader.items("kinds", KINDS.length)),
    public_key: reader.hex("public_key", ELEMENT_BYTES),
    publisher_key: reader.hex("publisher_key", 32),
    version: reader.text("version", VERSION),
    version_salt: reader.hex("version_salt", SALT_BYTES),
    published_at: reader.text("published_at", TIME),
    prefix_bits,
    range_entries: reader.whole("range_entries", 1, MAX_RANGE_ENTRIES),
    root: reader.hex("root", HASH_BYTES),
    datasets: datasets(reader.items("datasets", MAX_DATASET_ID)),
    filter: filter(new Reader(reader.get("filter"))),
  };
  if (parameters.version !== `${counter(parameters)}-${parameters.root.slice(0, 8)}`) {
    throw bad("the version does not fit the root");
  }
  if (counter(parameters) >= 2 ** 32) throw bad("a counter beyond 32 bits");
  return parameters;
}

/** Takes typed values out of a JSON object, or refuses it. */
class Reader {
  readonly #raw: object;

  constructor(raw: unknown) {
    if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
      throw bad("an object is missing");
    }
    this.#raw = raw;
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#raw as object, key);
  }

  get(key: string): unknown {
    if (!Object.hasOwn(this.#raw, key)) throw bad(`${key} is missing`);
    return (this.#raw as Record<string, unknown>)[key];
  }

  whole(key: string, low: number, high: number): number {
    const value = this.get(key);
    if (typeof value !== "number" || !Number.isInteger(value) || value < low || value > high) {
      throw bad(`${key} is out of bounds`);
    }
    return value;
  }

  text(key: string, form: RegExp): string {
    const value = this.get(key);
    if (typeof value !== "string" || !form.test(value)) throw bad(`${key} has a wrong form`);
    return value;
  }

  hex(key: string, length: number): string {
    return this.text(key, new RegExp(`^[0-9a-f]{${2 * length}}$`));
  }

  choice<T extends string>(key: string, allowed: readonly T[]): T {
    const value = this.get(key);
    const found = allowed.find((one) => one === value);
    if (found === undefined) throw bad(`${key} is not one that we know`);
    return found;
  }

  items(key: string, most: number): unknown[] {
    const value = this.get(key);
    if (!Array.isArray(value) || value.length > most) {
      throw bad(`${key} is not a list of at most ${most}`);
    }
    return value;
  }
}

function argon2(reader: Reader): Argon2Document {
  const memory_kib = reader.whole("memory_kib", 8, MAX_ARGON2_MEMORY_KIB);
  return {
    salt: reader.hex("salt", SALT_BYTES),
    memory_kib,
    time_cost: reader.whole("time_cost", 1, MAX_ARGON2_PASSES),
    // Argon2 needs 8 KiB a lane
    parallelism: reader.whole("parallelism", 1, Math.min(4, Math.floor(memory_kib / 8))),
  };
}

function kinds(raw: readonly unknown[]): Kind[] {
  return raw.map((one) => {
    const kind = KINDS.find((known) => known === one);
    if (kind === undefined) throw bad("kinds has one that we do not know");
    return kind;
  });
}

function datasets(raw: readonly unknown[]): PublishedDataset[] {
  const result = raw.map((one) => {
    const reader = new Reader(one);
    const classes = reader.items("data_classes", MAX_DATA_CLASSES);
    if (!classes.every((slug) => typeof slug === "string" && DATA_CLASS.test(slug))) {
      throw bad("data_classes has a wrong form");
    }
    return {
      id: reader.whole("id", 1, MAX_DATASET_ID),
      name: reader.text("name", NAME),
      data_classes: classes as string[],
      ...(reader.has("kinds") && { kinds: kinds(reader.items("kinds", KINDS.length)) }),
    };
  });
  if (new Set(result.map((dataset) => dataset.id)).size !== result.length) {
    throw bad("two datasets have one id");
  }
  return result;
}

function filter(reader: Reader): FilterDocument {
  const bits = reader.whole("bits", 1, MAX_FILTER_BITS);
  const bytes = reader.whole("bytes", 1, MAX_FILTER_BITS / 8);
  if (bytes !== Math.ceil(bits / 8)) throw bad("the filter's bits and bytes do not fit");
  return {
    bits,
    probes: reader.whole("probes", 1, 64),
    bytes,
    sha256: reader.hex("sha256", HASH_BYTES),
  };
}

function json(document: Uint8Array): unknown {
  try {
    return JSON.parse(UTF8.decode(document));
  } catch {
    throw bad("not JSON");
  }
}

function bad(what: string): InputError {
  return new InputError(Code.BAD_PARAMETERS, `the parameters cannot be used: ${what}`);
}
