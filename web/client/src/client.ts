/**
 * Asks a service about an identifier without showing it the identifier.
 *
 *     await new Client("https://...").check("iin", "...")  ->  found, not_found, or an error
 *
 * "Could not check" is an error and never "not found". What the service sees is a blinded element
 * and a prefix that thousands share; its requests are the same whatever the answer. Everything it
 * says is checked: signature and pins of the parameters, the proof of the evaluation, length and
 * root of the range. Identifier, its hash and its token stay in local variables: they are in no
 * address, storage, log or error.
 */

import { hexToBytes } from "@noble/hashes/utils.js";

import * as entries from "./entries.ts";
import { Code, CouldNotCheckError, InputError } from "./errors.ts";
import { canonical } from "./identifiers.ts";
import { Blinding } from "./oprf.ts";
import * as parameters from "./parameters.ts";
import type { Parameters } from "./parameters.ts";
import { checkPin, holdAgainst, MemoryPins, pinOf, type PinStore } from "./pins.ts";
import * as register from "./register.ts";
import type { RegisterEntry } from "./register.ts";
import { stretch } from "./stretch.ts";
import type { Kind, Lane } from "./suite.ts";
import { Transport } from "./transport.ts";
import * as tree from "./tree.ts";
import * as wire from "./wire.ts";

const LANE: Lane = "public";
const PAUSES = [1000, 2000]; // milliseconds before an older version is refused for good
const TRIES = 3; // parameters fetched again when their version is gone
const MAX_REPLY = 64 * 1024; // of evaluate: 64 elements and a proof take 5 KiB
const TIMEOUT = 20_000; // milliseconds until the service must have begun to answer
const KEY = /^[0-9a-f]{64}$/;
const SIGNATURE = /^[0-9a-f]{128}$/;

/** One leak a person is in. */
export interface Leak {
  /** Of the dataset. */
  readonly name: string;
  /** Which of *this person's* data were in it. */
  readonly dataClasses: readonly string[];
  /** What the register says of it; null where the register lacks it. */
  readonly entry: RegisterEntry | null;
}

/** What an answer is about. */
interface Searched {
  readonly version: string;
  readonly publishedAt: string;
  /** How many bits of the token the service saw: 1 in 2^prefixBits people shares them. */
  readonly prefixBits: number;
  /**
   * Names of that version's datasets that were loaded by identifiers of this kind: nothing is said
   * of any other leak.
   */
  readonly searched: readonly string[];
  /** The whole register by name, as it was before the question. */
  readonly register: ReadonlyMap<string, RegisterEntry>;
}

/** In these leaks, as of a version. */
export interface Found extends Searched {
  readonly answer: "found";
  readonly leaks: readonly Leak[];
}

/** In no leak of this version. That is no proof of safety: not every leak is known. */
export interface NotFound extends Searched {
  readonly answer: "not_found";
}

export type Answer = Found | NotFound;

export interface ClientOptions {
  /** The publisher's key, 64 hex digits; else the key of the first use is pinned. */
  readonly publisherKey?: string;
  /** Where pins are kept; else they last as this object. */
  readonly pins?: PinStore;
  /** Stands in for the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /** Milliseconds until the service must have begun to answer. */
  readonly timeout?: number;
}

/** The identifier's secret, and the parameters that it was made and is asked under. */
interface Asked {
  readonly kind: Kind;
  readonly token: Uint8Array;
  readonly published: Parameters;
}

/** One service, asked over HTTP. */
export class Client {
  readonly #service: string;
  readonly #publisherKey: string | null;
  readonly #pins: PinStore;
  readonly #transport: Transport;

  /**
   * @param url where the service is; "" is the page's own origin.
   * @throws InputError BAD_USAGE, the publisher's key is none.
   */
  constructor(url: string, options: ClientOptions = {}) {
    const base = url.replace(/\/+$/, "");
    const key = options.publisherKey ?? null;
    if (key !== null && !KEY.test(key)) {
      throw new InputError(Code.BAD_USAGE, "a publisher key has 64 lower-case hex digits");
    }
    this.#service = key === null ? base : `${base}#${key}`;
    this.#publisherKey = key;
    this.#pins = options.pins ?? new MemoryPins();
    this.#transport = new Transport(base, {
      fetch: options.fetch ?? globalThis.fetch.bind(globalThis),
      timeout: options.timeout ?? TIMEOUT,
    });
  }

  /**
   * Ask about one identifier.
   *
   * @throws InputError the value is no identifier of this kind; nothing was sent.
   * @throws CouldNotCheckError there is no answer.
   */
  async check(kind: Kind, value: string): Promise<Answer> {
    let text: string;
    try {
      text = await canonical(kind, value);
    } catch (error) {
      throw error instanceof InputError ? error : couldNotCheck(error);
    }
    try {
      return await this.#check(kind, text);
    } catch (error) {
      throw couldNotCheck(error);
    }
  }

  async #check(kind: Kind, text: string): Promise<Answer> {
    const [published, listed] = await Promise.all([this.#current(), this.#register()]);
    if (!published.kinds.includes(kind)) {
      throw new CouldNotCheckError(
        Code.BAD_PARAMETERS,
        "could not check: this index has no such identifiers",
      );
    }
    const token = await this.#token(kind, text, published);
    return this.#answer({ kind, token, published }, listed);
  }

  /** The parameters; workers of one service learn of a switch within seconds, not at once. */
  async #current(): Promise<Parameters> {
    for (const pause of PAUSES) {
      try {
        return await this.#parameters();
      } catch (error) {
        const isOlder = error instanceof CouldNotCheckError && error.code === Code.ROLLED_BACK;
        if (!isOlder) throw error;
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
    return this.#parameters();
  }

  /** What the service shows now, signature and pins checked. */
  async #parameters(): Promise<Parameters> {
    const { body, headers } = await this.#transport.get({
      path: `/v1/params/${LANE}`,
      most: parameters.MAX_BYTES,
      cache: "no-cache",
    });
    const claimed = parameters.parse(body);
    const key = this.#publisherKey ?? this.#pins.read(this.#service)?.publisher_key ?? null;
    const signature = headers.get("Qorgan-Signature") ?? "";
    parameters.verify(
      hexToBytes(key ?? claimed.publisher_key),
      body,
      SIGNATURE.test(signature) ? hexToBytes(signature) : new Uint8Array(),
    );
    if (key !== null && claimed.publisher_key !== key) {
      throw new CouldNotCheckError(Code.PIN_MISMATCH, "could not check: another publisher key");
    }
    if (claimed.lane !== LANE) {
      throw new CouldNotCheckError(Code.BAD_PARAMETERS, "could not check: another lane");
    }
    checkPin(this.#pins, this.#service, claimed);
    return claimed;
  }

  async #register(): Promise<Map<string, RegisterEntry>> {
    const reply = await this.#transport.get({
      path: "/v1/breaches",
      most: register.MAX_BYTES,
      cache: "default",
    });
    return register.parse(reply.body);
  }

  async #token(kind: Kind, text: string, published: Parameters): Promise<Uint8Array> {
    const { salt, memory_kib, time_cost, parallelism } = published.argon2;
    const stretched = await stretch(kind, text, {
      salt: hexToBytes(salt),
      memoryKib: memory_kib,
      timeCost: time_cost,
      parallelism,
    });
    const blinding = new Blinding([stretched]);
    const reply = await this.#transport.send({
      path: "/v1/evaluate",
      most: MAX_REPLY,
      cache: "no-store",
      body: wire.encodeEvaluateRequest({ lane: LANE, blinded: blinding.blinded }),
    });
    const evaluation = wire.decodeEvaluateResponse(reply.body);
    const [output] = blinding.finalize(evaluation, hexToBytes(published.public_key));
    return entries.token(output as Uint8Array);
  }

  async #answer(asked: Asked, listed: Map<string, RegisterEntry>): Promise<Answer> {
    const { kind, token } = asked;
    let { published } = asked;
    for (let tries = 0; tries < TRIES; tries += 1) {
      const bucket = entries.bucket(token, published.prefix_bits);
      const prefix = entries.prefix(bucket, published.prefix_bits);
      const reply = await this.#transport.send({
        path: wire.rangePath(LANE, published.version, prefix),
        most: parameters.rangeBytes(published),
        cache: "no-store", // its address has the prefix in it: it must not stay on a shared device
      });
      if (reply.status !== 410) return answer({ kind, token, published }, reply.body, listed);
      published = await this.#current();
      // The token is of the key and salt that it was made under, whatever the pins' store kept.
      holdAgainst(pinOf(asked.published), published);
    }
    throw new CouldNotCheckError(
      Code.VERSION_GONE,
      "could not check: the index changes too fast; try again",
    );
  }
}

/** What a range, of which every byte is checked, says of a person. */
function answer(
  { kind, token, published }: Asked,
  body: Uint8Array,
  listed: Map<string, RegisterEntry>,
): Answer {
  const bucket = entries.bucket(token, published.prefix_bits);
  const range = wire.splitRange(body, published.range_entries, published.prefix_bits);
  const leaf = tree.leaf(LANE, parameters.counter(published), bucket, range.entries);
  if (!isSame(tree.root(leaf, bucket, range.path), hexToBytes(published.root))) {
    throw new CouldNotCheckError(
      Code.BAD_RANGE,
      "could not check: the range is not the one that was signed",
    );
  }
  const salt = hexToBytes(published.version_salt);
  const leaks = published.datasets.flatMap((dataset): Leak[] => {
    const mask = entries.find(range.entries, entries.block(token, dataset.id), salt);
    if (mask === null) return [];
    const dataClasses = exposed(mask, dataset.data_classes);
    return [{ name: dataset.name, dataClasses, entry: listed.get(dataset.name) ?? null }];
  });
  const searched: Searched = {
    version: published.version,
    publishedAt: published.published_at,
    prefixBits: published.prefix_bits,
    searched: published.datasets
      .filter(({ kinds }) => kinds === undefined || kinds.includes(kind))
      .map((dataset) => dataset.name),
    register: listed,
  };
  if (leaks.length === 0) return { answer: "not_found", ...searched };
  return { answer: "found", ...searched, leaks };
}

/** The data classes of a mask. */
function exposed(mask: number, dataClasses: readonly string[]): string[] {
  if (mask >>> dataClasses.length !== 0) {
    throw new CouldNotCheckError(
      Code.BAD_RANGE,
      "could not check: an entry names a data class that does not exist",
    );
  }
  return dataClasses.filter((_, bit) => (mask >>> bit) & 1);
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}

/** The error that tells that there is no answer, with nothing personal in it. */
function couldNotCheck(error: unknown): CouldNotCheckError {
  if (error instanceof CouldNotCheckError) return error;
  // What the protocol refuses came from the service.
  if (error instanceof InputError) {
    return new CouldNotCheckError(error.code, `could not check: ${error.sentence}`);
  }
  // Its text could quote anything: the class alone is told.
  const name = error instanceof Error ? error.constructor.name : typeof error;
  return new CouldNotCheckError(Code.INTERNAL, `could not check: unforeseen (${name})`);
}
