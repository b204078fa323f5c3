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
 *
 * With an API key it asks the verified lane too: one answer, or none if one lane could not be
 * checked. A key belongs on a server of the app's, never in a page.
 */

import { hexToBytes } from "@noble/hashes/utils.js";

import {
  type Answer,
  type Asked,
  type LaneAnswer,
  laneAnswer,
  merged,
  refuseUnsearched,
} from "./answers.ts";
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
import { type Kind, type Lane, LANES } from "./suite.ts";
import { Transport } from "./transport.ts";
import * as wire from "./wire.ts";

const PAUSES = [1000, 2000]; // milliseconds before an older version is refused for good
const TRIES = 3; // parameters fetched again when their version is gone
const MAX_REPLY = 64 * 1024; // of evaluate: 64 elements and a proof take 5 KiB
const TIMEOUT = 20_000; // milliseconds until the service must have begun to answer
const KEY = /^[0-9a-f]{64}$/;
const API_KEY = /^[!-~]{1,200}$/; // what it is worth the service says
const SIGNATURE = /^[0-9a-f]{128}$/;

export interface ClientOptions {
  /** The publisher's key, 64 hex digits; else the key of the first use is pinned. */
  readonly publisherKey?: string;
  /** Where pins are kept; else they last as this object. */
  readonly pins?: PinStore;
  /** Stands in for the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /** Milliseconds until the service must have begun to answer. */
  readonly timeout?: number;
  /**
   * Of an API client. It goes with evaluations, and with what else is asked of the verified lane;
   * the public parameters and ranges are asked for as anyone does.
   */
  readonly apiKey?: string;
  /** All of these are asked, by default the public one; the verified one needs a key for it. */
  readonly lanes?: readonly Lane[];
}

export interface AskOptions {
  /**
   * With an API key, the app's own pseudonym of the user who asks, whose share of the limit is
   * counted; never an identifier.
   */
  readonly subject?: string;
}

/** One service, asked over HTTP. */
export class Client {
  readonly #service: string;
  readonly #publisherKey: string | null;
  readonly #pins: PinStore;
  readonly #transport: Transport;
  readonly #lanes: readonly Lane[];
  readonly #authorization: Readonly<Record<string, string>>;

  /**
   * @param url where the service is; "" is the page's own origin.
   * @throws InputError BAD_USAGE, the publisher's key is none, or the lanes cannot be asked.
   */
  constructor(url: string, options: ClientOptions = {}) {
    const base = url.replace(/\/+$/, "");
    const key = options.publisherKey ?? null;
    if (key !== null && !KEY.test(key)) {
      throw new InputError(Code.BAD_USAGE, "a publisher key has 64 lower-case hex digits");
    }
    const { apiKey, lanes = ["public"] } = options;
    this.#lanes = LANES.filter((lane) => lanes.includes(lane));
    const isOpen = this.#lanes.length > 0 && !this.#lanes.includes("verified");
    if (apiKey === undefined ? !isOpen : this.#lanes.length === 0) {
      throw new InputError(Code.BAD_USAGE, "ask the public lane, or both with an API key");
    }
    if (apiKey !== undefined && !API_KEY.test(apiKey)) {
      throw new InputError(Code.BAD_USAGE, "this is no API key");
    }
    this.#authorization = apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` };
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
   * @throws InputError the value is no identifier of this kind, or the subject is no pseudonym;
   *   nothing was sent.
   * @throws CouldNotCheckError there is no answer, in at least one lane.
   */
  async check(kind: Kind, value: string, { subject }: AskOptions = {}): Promise<Answer> {
    if (subject !== undefined && !wire.isSubject(subject)) {
      throw new InputError(Code.BAD_USAGE, `the subject must be ${wire.SUBJECT_FORM}`);
    }
    let text: string;
    try {
      text = await canonical(kind, value);
    } catch (error) {
      throw error instanceof InputError ? error : couldNotCheck(error);
    }
    try {
      return await this.#check(kind, text, subject);
    } catch (error) {
      throw couldNotCheck(error);
    }
  }

  /**
   * @internal The steps of a question, one by one, for the offline client.
   * @throws InputError BAD_USAGE, the client asks both lanes.
   */
  steps() {
    const [lane, ...more] = this.#lanes as [Lane, ...Lane[]];
    if (more.length > 0) {
      throw new InputError(Code.BAD_USAGE, "check offline with a client of one lane, or with two");
    }
    return {
      lane,
      current: () => this.#current(lane),
      register: () => this.#register(),
      token: (kind: Kind, text: string, published: Parameters, subject: string | undefined) =>
        this.#token(kind, text, published, subject),
      answer: (asked: Asked) => this.#answer(asked),
      part: (path: string, first: number, size: number) =>
        this.#transport.part(path, first, size, this.#keyFor(lane)),
    };
  }

  /** What is alike for everybody first, then all evaluations, then all ranges. */
  async #check(kind: Kind, text: string, subject: string | undefined): Promise<Answer> {
    const current = Promise.all(this.#lanes.map((lane) => this.#current(lane)));
    const [published, listed] = await Promise.all([current, this.#register()]);
    if (!published.every(({ kinds }) => kinds.includes(kind))) {
      throw new CouldNotCheckError(
        Code.BAD_PARAMETERS,
        "could not check: this index has no such identifiers",
      );
    }
    refuseUnsearched(kind, published);
    const asked = await Promise.all(
      this.#lanes.map(async (lane, at): Promise<Asked> => {
        const its = published[at] as Parameters;
        return { kind, lane, published: its, token: await this.#token(kind, text, its, subject) };
      }),
    );
    return merged(await Promise.all(asked.map((one) => this.#answer(one))), listed);
  }

  /** The parameters; workers of one service learn of a switch within seconds, not at once. */
  async #current(lane: Lane): Promise<Parameters> {
    for (const pause of PAUSES) {
      try {
        return await this.#parameters(lane);
      } catch (error) {
        const isOlder = error instanceof CouldNotCheckError && error.code === Code.ROLLED_BACK;
        if (!isOlder) throw error;
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
    return this.#parameters(lane);
  }

  /** What the service shows now, signature and pins checked. */
  async #parameters(lane: Lane): Promise<Parameters> {
    const { body, headers } = await this.#transport.get({
      path: `/v1/params/${lane}`,
      most: parameters.MAX_BYTES,
      cache: "no-cache",
      headers: this.#keyFor(lane),
    });
    const claimed = parameters.parse(body);
    const key = this.#publisherKey ?? this.#pinnedPublisher();
    const signature = headers.get("Qorgan-Signature") ?? "";
    parameters.verify(
      hexToBytes(key ?? claimed.publisher_key),
      body,
      SIGNATURE.test(signature) ? hexToBytes(signature) : new Uint8Array(),
    );
    if (key !== null && claimed.publisher_key !== key) {
      throw new CouldNotCheckError(Code.PIN_MISMATCH, "could not check: another publisher key");
    }
    if (claimed.lane !== lane) {
      throw new CouldNotCheckError(Code.BAD_PARAMETERS, "could not check: another lane");
    }
    checkPin(this.#pins, this.#pinName(lane), claimed);
    return claimed;
  }

  /** An index has one publisher: the first that was seen in any of the lanes asked. */
  #pinnedPublisher(): string | null {
    const pins = this.#lanes.map((lane) => this.#pins.read(this.#pinName(lane)));
    return pins.find((pin) => pin !== null)?.publisher_key ?? null;
  }

  #pinName(lane: Lane): string {
    return lane === "public" ? this.#service : `${this.#service}#${lane}`;
  }

  #keyFor(lane: Lane): Readonly<Record<string, string>> {
    return lane === "public" ? {} : this.#authorization;
  }

  async #register(): Promise<Map<string, RegisterEntry>> {
    const reply = await this.#transport.get({
      path: "/v1/breaches",
      most: register.MAX_BYTES,
      cache: "default",
    });
    return register.parse(reply.body);
  }

  async #token(
    kind: Kind,
    text: string,
    published: Parameters,
    subject: string | undefined,
  ): Promise<Uint8Array> {
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
      headers: { ...this.#authorization, ...(subject === undefined ? {} : { "X-Subject": subject }) },
      body: wire.encodeEvaluateRequest({ lane: published.lane, blinded: blinding.blinded }),
    });
    const evaluation = wire.decodeEvaluateResponse(reply.body);
    const [output] = blinding.finalize(evaluation, hexToBytes(published.public_key));
    return entries.token(output as Uint8Array);
  }

  async #answer(asked: Asked): Promise<LaneAnswer> {
    const { lane, token } = asked;
    let { published } = asked;
    for (let tries = 0; tries < TRIES; tries += 1) {
      const bucket = entries.bucket(token, published.prefix_bits);
      const prefix = entries.prefix(bucket, published.prefix_bits);
      const reply = await this.#transport.send({
        path: wire.rangePath(lane, published.version, prefix),
        most: parameters.rangeBytes(published),
        cache: "no-store", // its address has the prefix in it: it must not stay on a shared device
        headers: this.#keyFor(lane),
      });
      if (reply.status !== 410) return laneAnswer({ ...asked, published }, reply.body);
      published = await this.#current(lane);
      // The token is of the key and salt that it was made under, whatever the pins' store kept.
      holdAgainst(pinOf(asked.published), published);
    }
    throw new CouldNotCheckError(
      Code.VERSION_GONE,
      "could not check: the index changes too fast; try again",
    );
  }
}

/** The error that tells that there is no answer, with nothing personal in it. */
export function couldNotCheck(error: unknown): CouldNotCheckError {
  if (error instanceof CouldNotCheckError) return error;
  // What the protocol refuses came from the service.
  if (error instanceof InputError) {
    return new CouldNotCheckError(error.code, `could not check: ${error.sentence}`);
  }
  // Its text could quote anything: the class alone is told.
  const name = error instanceof Error ? error.constructor.name : typeof error;
  return new CouldNotCheckError(Code.INTERNAL, `could not check: unforeseen (${name})`);
}
