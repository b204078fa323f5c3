/**
 * A scripted service behind a fake fetch: honest until a test tells it to lie.
 *
 * What it serves is genuine: built, signed and evaluated here as a publisher and a server do. A
 * lie takes the honest reply of one step and gives another one.
 */

import assert from "node:assert/strict";

import { ed25519, ristretto255_oprf } from "@noble/curves/ed25519.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { shake256 } from "@noble/hashes/sha3.js";
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";

import * as bloom from "../src/bloom.ts";
import { Client, type ClientOptions } from "../src/client.ts";
import * as entries from "../src/entries.ts";
import { type Argon2Document, type Parameters, versionName } from "../src/parameters.ts";
import { stretch } from "../src/stretch.ts";
import type { Kind, Lane } from "../src/suite.ts";
import * as tree from "../src/tree.ts";

// Synthetic. No two share a prefix of 12 bits under the keys below.
export const LEAKED = "870402391009";
export const CLEAN = "870402391059";
export const OTHER = "870402391089";
export const URL_ = "https://qorgan.example";

export const ARGON2: Argon2Document = {
  salt: "0f".repeat(16),
  memory_kib: 64,
  time_cost: 1,
  parallelism: 1,
};
export const PUBLISHER: Uint8Array = new Uint8Array(32).fill(1);
export const OTHER_PUBLISHER: Uint8Array = new Uint8Array(32).fill(2);
export const OPRF: Uint8Array = new Uint8Array(32).fill(3);
export const OTHER_OPRF: Uint8Array = new Uint8Array(32).fill(4);
const FILTER = { bits: 10_000, probes: 7, bytes: 1250 };
export const DATASETS = [
  { id: 1, name: "first-leak", data_classes: ["names", "phone-numbers", "email-addresses"] },
  { id: 2, name: "second-leak", data_classes: ["government-issued-ids"] },
] as const;
export const SENSITIVE = [{ id: 3, name: "clinic", data_classes: ["names", "health"] }] as const;
export const API_KEY: string = `qk_0123456789abcdef_${"k".repeat(43)}`;
export const REGISTER = DATASETS.map(({ name, data_classes }) => ({
  name,
  sensitive: false,
  title: { kk: "kk", ru: "ru", en: `The ${name}` },
  breach_date: "2025-06-16",
  data_classes,
}));

/** The requests of a question, in the order in which they are made. */
export const STEPS = ["params", "register", "evaluate", "range"] as const;
export type Step = (typeof STEPS)[number] | "filter";

/** Who is in which datasets: a mask for each. */
export type People = readonly (readonly [string, Readonly<Record<number, number>>])[];

export interface Plan {
  readonly people?: People;
  readonly counter?: number;
  readonly prefixBits?: number;
  readonly argon2?: Argon2Document;
  readonly oprf?: Uint8Array;
  readonly publisher?: Uint8Array;
  readonly lane?: Lane;
}

/** One genuine version, ready to be served. */
export interface Publication {
  readonly parameters: Parameters;
  readonly document: Uint8Array;
  readonly signature: string;
  readonly ranges: readonly Uint8Array[];
  readonly filter: Uint8Array;
  readonly key: { readonly secretKey: Uint8Array; readonly publicKey: Uint8Array };
}

export interface Asked {
  readonly step: Step;
  readonly url: string;
  readonly init: RequestInit;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export type Lie = (reply: Reply, asked: Asked) => Reply | Response | Promise<Reply | Response>;

export function laneKey(seed: Uint8Array, lane: Lane = "public"): Publication["key"] {
  return ristretto255_oprf.voprf.deriveKeyPair(seed, utf8ToBytes(`qorgan v1 ${lane}`));
}

/** What a client blinds. */
export function stretched(kind: Kind, text: string, argon2 = ARGON2): Promise<Uint8Array> {
  return stretch(kind, text, {
    salt: hexToBytes(argon2.salt),
    memoryKib: argon2.memory_kib,
    timeCost: argon2.time_cost,
    parallelism: argon2.parallelism,
  });
}

const tokens = new Map<string, Promise<Uint8Array>>();

/** The token that the service must never see. */
export function tokenOf(
  iin: string,
  argon2 = ARGON2,
  seed = OPRF,
  lane: Lane = "public",
): Promise<Uint8Array> {
  const key = JSON.stringify([iin, argon2, bytesToHex(seed), lane]);
  const token = tokens.get(key) ?? makeToken(iin, argon2, laneKey(seed, lane));
  tokens.set(key, token);
  return token;
}

async function makeToken(iin: string, argon2: Argon2Document, pair: Publication["key"]) {
  const input = await stretched("iin", iin, argon2);
  const { secretKey, publicKey } = pair;
  const { voprf } = ristretto255_oprf;
  const { blind, blinded } = voprf.blind(input);
  const { evaluated, proof } = voprf.blindEvaluate(secretKey, publicKey, blinded);
  return entries.token(voprf.finalize(input, blind, evaluated, blinded, publicKey, proof));
}

/** A version of the lane's datasets. */
export async function publish(plan: Plan = {}): Promise<Publication> {
  const { counter = 3, prefixBits = 10, argon2 = ARGON2, oprf = OPRF } = plan;
  const { people = [[LEAKED, { 1: 0b101, 2: 0b1 }]], publisher = PUBLISHER } = plan;
  const { lane = "public" } = plan;
  const salt = noise(16, `salt ${counter}`);
  const rows = new Map<number, Uint8Array[]>();
  const filter = new Uint8Array(FILTER.bytes);
  for (const [iin, masks] of people) {
    const token = await tokenOf(iin, argon2, oprf, lane);
    const bucket = entries.bucket(token, prefixBits);
    for (const bit of bloom.probes(entries.person(token), FILTER.bits, FILTER.probes)) {
      filter[bit >>> 3] = (filter[bit >>> 3] as number) | (1 << (bit & 7));
    }
    for (const [id, mask] of Object.entries(masks)) {
      const entry = entries.entry(entries.block(token, Number(id)), salt, mask);
      rows.set(bucket, [...(rows.get(bucket) ?? []), entry]);
    }
  }
  const range_entries = Math.max(...[...rows.values()].map((row) => row.length)) + 1;
  const buckets = Array.from({ length: 2 ** prefixBits }, (_, bucket) => {
    const row = rows.get(bucket) ?? [];
    const padding = noise(8 * (range_entries - row.length), `padding ${counter} ${bucket}`);
    return concatBytes(...row, padding);
  });
  const leaves = buckets.map((row, at) => tree.leaf(lane, counter, at, row));
  const levels = treeLevels(leaves);
  const root = levels.at(-1)?.[0] as Uint8Array;
  const key = laneKey(oprf, lane);
  const parameters: Parameters = {
    protocol: 1,
    lane,
    suite: "ristretto255-SHA512",
    mode: "voprf",
    argon2,
    kinds: ["iin", "phone", "email"],
    public_key: bytesToHex(key.publicKey),
    publisher_key: bytesToHex(ed25519.getPublicKey(publisher)),
    version: versionName(counter, root),
    version_salt: bytesToHex(salt),
    published_at: "2026-11-22T10:00:00Z",
    prefix_bits: prefixBits,
    range_entries,
    root: bytesToHex(root),
    datasets: lane === "public" ? DATASETS : SENSITIVE,
    filter: { ...FILTER, sha256: bytesToHex(sha256(filter)) },
  };
  const ranges = buckets.map((row, at) => concatBytes(row, treePath(levels, at)));
  return signed({ parameters, ranges, filter, key }, publisher);
}

/** The same with other parameters, properly signed. */
export function signedAnew(
  publication: Publication,
  changes: Readonly<Record<string, unknown>>,
  publisher = PUBLISHER,
): Publication {
  const parameters = { ...publication.parameters, ...changes } as Parameters;
  return signed({ ...publication, parameters }, publisher);
}

function signed(
  made: Pick<Publication, "parameters" | "ranges" | "filter" | "key">,
  publisher: Uint8Array,
): Publication {
  const document = utf8ToBytes(JSON.stringify(made.parameters));
  return { ...made, document, signature: signatureOf(document, publisher) };
}

export function signatureOf(document: Uint8Array, publisher = PUBLISHER): string {
  const message = concatBytes(utf8ToBytes("qorgan v1 params"), document);
  return bytesToHex(ed25519.sign(message, publisher));
}

/** All levels of the tree, the leaves first, the root alone last. */
export function treeLevels(leaves: readonly Uint8Array[]): Uint8Array[][] {
  let level = [...leaves];
  const levels = [level];
  while (level.length > 1) {
    const below = level;
    const lefts = below.filter((_, at) => at % 2 === 0);
    level = lefts.map((left, at) => tree.node(left, below[2 * at + 1] as Uint8Array));
    levels.push(level);
  }
  return levels;
}

/** The siblings from the leaf up. */
export function treePath(levels: readonly Uint8Array[][], bucket: number): Uint8Array {
  return concatBytes(
    ...levels.slice(0, -1).map((level, depth) => level[(bucket >>> depth) ^ 1] as Uint8Array),
  );
}

function noise(length: number, purpose: string): Uint8Array {
  return shake256(utf8ToBytes(purpose), { dkLen: length });
}

/** What is served now, which steps are lied about, and all that was asked. */
export class Service {
  publication: Publication;
  /** For whoever has the key. */
  verified: Publication | null = null;
  readonly lies: Partial<Record<Step, Lie>> = {};
  readonly seen: Asked[] = [];

  constructor(publication: Publication) {
    this.publication = publication;
  }

  /** The fake fetch. */
  readonly fetch = async (url: unknown, init: RequestInit = {}): Promise<Response> => {
    assert.equal(typeof url, "string");
    const asked = { step: stepOf(String(url)), url: String(url), init };
    this.seen.push(asked);
    const reply = this.#honest(asked);
    const lie = this.lies[asked.step];
    const told = lie === undefined ? reply : await lie(reply, asked);
    return told instanceof Response ? told : response(told);
  };

  client(options: ClientOptions = {}): Client {
    return new Client(URL_, { fetch: this.fetch as typeof fetch, ...options });
  }

  #honest(asked: Asked): Reply {
    const isVerified = laneOf(asked) === "verified";
    if (isVerified && new Headers(asked.init.headers).get("Authorization") !== `Bearer ${API_KEY}`) {
      return { status: 401, headers: {}, body: utf8ToBytes("{}") };
    }
    const served = isVerified ? this.verified : this.publication;
    assert.ok(served !== null);
    const { document, signature, ranges, filter, key, parameters } = served;
    switch (asked.step) {
      case "params":
        return ok(document, { "Qorgan-Signature": signature });
      case "register":
        return ok(utf8ToBytes(JSON.stringify(REGISTER)));
      case "evaluate": {
        const { secretKey, publicKey } = key;
        const blinded = blindedIn(asked).map((element) => hexToBytes(element));
        const reply = ristretto255_oprf.voprf.blindEvaluateBatch(secretKey, publicKey, blinded);
        const evaluated = reply.evaluated.map((element) => bytesToHex(element));
        return ok(utf8ToBytes(JSON.stringify({ evaluated, proof: bytesToHex(reply.proof) })));
      }
      case "range": {
        const [version, prefix] = asked.url.split("/").slice(-2);
        const isCurrent = version === parameters.version;
        if (!isCurrent) return { status: 410, headers: {}, body: utf8ToBytes("{}") };
        return ok(ranges[Number.parseInt(prefix ?? "", 16)] as Uint8Array);
      }
      case "filter": {
        const isCurrent = asked.url.endsWith(`/${parameters.version}`);
        if (!isCurrent) return { status: 410, headers: {}, body: utf8ToBytes("{}") };
        const [, first = "", last = ""] = /^bytes=(\d+)-(\d+)$/.exec(rangeIn(asked)) ?? [];
        const body = filter.slice(Number(first), Number(last) + 1);
        return { status: 206, headers: {}, body };
      }
    }
  }
}

/** The lane that a request is about; the register is everybody's. */
export function laneOf(asked: Asked): Lane {
  if (asked.step === "register") return "public";
  if (asked.step !== "evaluate") return asked.url.slice(URL_.length).split("/")[3] as Lane;
  const body = new TextDecoder().decode(asked.init.body as Uint8Array);
  return (JSON.parse(body) as { lane: Lane }).lane;
}

/** The blinded elements that a request holds. */
export function blindedIn(asked: Asked): string[] {
  const body = new TextDecoder().decode(asked.init.body as Uint8Array);
  return (JSON.parse(body) as { blinded: string[] }).blinded;
}

/** The part of a file that a request asks for. */
export function rangeIn(asked: Asked): string {
  return new Headers(asked.init.headers).get("Range") ?? "";
}

export function response(reply: Reply): Response {
  const hasNoBody = [204, 304].includes(reply.status);
  const body = hasNoBody ? null : new Uint8Array(reply.body);
  return new Response(body, { status: reply.status, headers: { ...reply.headers } });
}

function stepOf(url: string): Step {
  assert.ok(url.startsWith(`${URL_}/v1/`), url);
  const part = url.slice(URL_.length).split("/")[2];
  const steps = [...STEPS, "filter"] as const;
  const step = steps.find((step) => step === (part === "breaches" ? "register" : part));
  assert.ok(step !== undefined, url);
  return step;
}

function ok(body: Uint8Array, headers: Reply["headers"] = {}): Reply {
  return { status: 200, headers, body };
}
