/** The files that a site serves: whole, lazy about phones, and with everybody's licence. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import type * as Module from "../src/index.ts";
import { CLEAN, LEAKED, publish, Service, URL_ } from "./service.ts";

const DIST = new URL("../../dist/", import.meta.url);
const FILES = readdirSync(DIST).filter((name) => name.endsWith(".js"));
const bundle = (await import(new URL("index.js", DIST).href)) as typeof Module;
const SERVICE = new Service(await publish());

function read(name: string): string {
  return readFileSync(new URL(name, DIST), "utf8");
}

test("the bundle answers", async () => {
  const { Client, InputError, CouldNotCheckError, Code } = bundle;
  const client = new Client(URL_, { fetch: SERVICE.fetch as typeof fetch });
  assert.equal((await client.check("iin", LEAKED)).answer, "found");
  assert.equal((await client.check("iin", CLEAN)).answer, "not_found");
  assert.equal((await client.check("phone", "87012345678")).answer, "not_found");
  assert.equal((await client.check("email", "a@қазақ.kz")).answer, "not_found");
  await assert.rejects(client.check("iin", "1"), InputError);
  SERVICE.lies.range = (reply) => ({ ...reply, body: reply.body.slice(1) });
  await assert.rejects(
    client.check("iin", CLEAN),
    (error) => error instanceof CouldNotCheckError && error.code === Code.BAD_RANGE,
  );
});

test("the phone rules are a file of their own, loaded by a call", () => {
  const [phones = "", ...more] = FILES.filter((name) => name !== "index.js");
  assert.deepEqual(more, []);
  const index = read("index.js");
  assert.ok(index.includes(`import("./${phones}")`));
  assert.ok(!/^import[ {"]|;import[ {"]/m.test(index));
  assert.ok(index.length < 105_000 && read(phones).length > 150_000);
});

test("the bundle needs no eval, and names no other origin", () => {
  for (const name of FILES) {
    const code = read(name);
    assert.ok(!/\beval\(|new Function\(/.test(code), name);
    assert.deepEqual(code.match(/https?:\/\/[a-z.]+/g) ?? [], [], name);
  }
});

test("everybody's licence goes along", () => {
  const text = read("THIRD-PARTY.txt");
  const packages = ["@noble/curves", "@noble/hashes", "hash-wasm", "libphonenumber-js", "punycode"];
  for (const name of packages) assert.match(text, new RegExp(`^${name} [0-9.]+$`, "m"));
  assert.ok((text.match(/Permission is hereby granted/g) ?? []).length >= packages.length);
});
