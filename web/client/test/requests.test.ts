/** What the client sends: the same whatever the answer, and nothing that tells who is meant. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { bytesToHex } from "@noble/hashes/utils.js";

import type { Answer } from "../src/answers.ts";
import * as entries from "../src/entries.ts";
import { CouldNotCheckError } from "../src/errors.ts";
import { type PinStore, StoredPins } from "../src/pins.ts";
import {
  type Asked,
  blindedIn,
  CLEAN,
  LEAKED,
  OTHER,
  publish,
  Service,
  STEPS,
  stretched,
  tokenOf,
  URL_,
} from "./service.ts";

const BITS = 12; // of the prefix: just its first three hex digits are the token's
const SERVICE = new Service(await publish({ prefixBits: BITS }));
const VERSION = SERVICE.publication.parameters.version;
const PEOPLE = [
  [LEAKED, "found"],
  [CLEAN, "not_found"],
  [OTHER, "not_found"],
] as const;

/** The answer, and all that a new client sent for it. */
async function ask(iin: string, pins?: PinStore): Promise<[Answer["answer"], Asked[]]> {
  SERVICE.seen.length = 0;
  const { answer } = await SERVICE.client(pins === undefined ? {} : { pins }).check("iin", iin);
  return [answer, [...SERVICE.seen]];
}

/** All of a request but the prefix and the blinded element, of which only the length counts. */
function shape({ url, init }: Asked): unknown {
  const { body, signal, ...rest } = init;
  assert.ok(signal instanceof AbortSignal);
  const text = body === undefined ? "" : new TextDecoder().decode(body as Uint8Array);
  return {
    ...rest,
    url: url.replace(/(?<=\/v1\/range\/public\/[^/]*\/)[0-9a-f]*/, (prefix) =>
      ".".repeat(prefix.length),
    ),
    body: text.replace(/"[0-9a-f]{64}"/, "element"),
  };
}

test("one question is these four requests, and nothing more", async () => {
  const common = { credentials: "omit", referrerPolicy: "no-referrer", redirect: "error" };
  const [, seen] = await ask(LEAKED);
  const get = { method: "GET", body: "", ...common };
  assert.deepEqual(seen.map(shape), [
    { url: `${URL_}/v1/params/public`, cache: "no-cache", ...get },
    { url: `${URL_}/v1/breaches`, cache: "default", ...get },
    {
      url: `${URL_}/v1/evaluate`,
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: '{"lane":"public","blinded":[element]}',
      cache: "no-store",
      ...common,
    },
    { url: `${URL_}/v1/range/public/${VERSION}/...`, cache: "no-store", ...get },
  ]);
});

test("found and not found make the same requests", async () => {
  const shapes = [];
  for (const [iin, expected] of PEOPLE) {
    const [answer, seen] = await ask(iin);
    assert.equal(answer, expected);
    assert.deepEqual(seen.map(({ step }) => step), STEPS);
    shapes.push(seen.map(shape));
  }
  assert.equal(shapes.length, 3);
  for (const one of shapes) assert.deepEqual(one, shapes[0]);
});

test("also where a version goes between two requests", async () => {
  const shapes = [];
  for (const [iin, expected] of PEOPLE) {
    let isGone = true;
    SERVICE.lies.range = (reply) => {
      const told = isGone ? new Response("{}", { status: 410 }) : reply;
      isGone = false;
      return told;
    };
    const [answer, seen] = await ask(iin);
    assert.equal(answer, expected);
    assert.deepEqual(seen.map(({ step }) => step), [...STEPS, "params", "range"]);
    shapes.push(seen.map(shape));
  }
  delete SERVICE.lies.range;
  for (const one of shapes) assert.deepEqual(one, shapes[0]);
});

test("no request goes out before parameters and register are there and checked", async () => {
  for (const step of ["params", "register"] as const) {
    let release = () => {};
    const waiting = new Promise<void>((resolve) => {
      release = resolve;
    });
    SERVICE.lies[step] = async (reply) => {
      await waiting;
      return reply;
    };
    const asked = ask(LEAKED);
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.deepEqual(SERVICE.seen.map(({ step }) => step), ["params", "register"]);
    release();
    await asked;
    delete SERVICE.lies[step];
  }
});

test("no request holds identifier, hash, token, or more of it than the prefix", async () => {
  for (const [iin] of PEOPLE) {
    const [, seen] = await ask(iin);
    const token = bytesToHex(await tokenOf(iin));
    const input = bytesToHex(await stretched("iin", iin));
    const prefix = entries.prefix(entries.bucket(await tokenOf(iin), BITS), BITS);
    assert.equal(prefix, token.slice(0, 3));
    const secrets = [iin, iin.slice(4), Number(iin).toString(16), btoa(iin).slice(0, 8)];
    secrets.push(token.slice(0, 4), token.slice(8, 16), input.slice(0, 4), input.slice(8, 16));
    for (const asked of seen) {
      const sent = JSON.stringify(shape(asked)) + asked.url;
      for (const secret of secrets) assert.ok(!sent.includes(secret), sent);
      assert.equal(asked.url.endsWith(`/${prefix}`), asked.step === "range");
    }
    const [blinded = ""] = seen.filter(({ step }) => step === "evaluate").flatMap(blindedIn);
    for (const secret of [token, input]) assert.ok(!blinded.includes(secret.slice(0, 8)));
  }
});

test("nothing about the person is stored or printed, whatever happens", async () => {
  const texts: unknown[] = [];
  const storage = {
    getItem: (key: string) => {
      texts.push(key);
      return null;
    },
    setItem: (...item: string[]) => void texts.push(...item),
  };
  const methods = ["log", "info", "warn", "error", "debug", "trace", "dir"] as const;
  const kept = methods.map((name) => console[name]);
  for (const name of methods) console[name] = (...args: unknown[]) => void texts.push(...args);
  try {
    await ask(LEAKED, new StoredPins(storage));
    await ask(CLEAN, new StoredPins(storage));
    for (const step of STEPS) {
      SERVICE.lies[step] = () => new Response("", { status: 500 });
      await assert.rejects(ask(LEAKED, new StoredPins(storage)), CouldNotCheckError);
      delete SERVICE.lies[step];
    }
  } finally {
    for (const [at, name] of methods.entries()) console[name] = kept[at] as typeof console.log;
  }
  const told = texts.map(String).join("\n");
  assert.ok(told.includes(`qorgan-pin:${URL_}`) && told.includes('"counter":3'));
  for (const iin of [LEAKED, CLEAN]) {
    const token = bytesToHex(await tokenOf(iin));
    const input = bytesToHex(await stretched("iin", iin));
    for (const secret of [iin, token.slice(0, 6), input.slice(0, 6), "/v1/range/"]) {
      assert.ok(!told.includes(secret), told);
    }
  }
});
