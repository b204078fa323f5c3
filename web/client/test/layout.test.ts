/** House rules that a reader relies on: who imports whom, and what no source may touch. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { Code } from "../src/errors.ts";

const SOURCES = new URL("../../src/", import.meta.url);
const SERVICE = new URL("../../../../lookup/", import.meta.url);
const PROTOCOL = [
  "bloom",
  "entries",
  "identifiers",
  "oprf",
  "parameters",
  "stretch",
  "suite",
  "tree",
  "wire",
];
const FILES = readdirSync(SOURCES).filter((name) => name.endsWith(".ts"));

function source(name: string): string {
  return readFileSync(new URL(name, SOURCES), "utf8");
}

/** What a module imports from this folder. */
function neighbours(name: string): string[] {
  const found = source(name).matchAll(/(?:from|import\()\s*"\.\/([a-z]+)\.ts"/g);
  return [...found].map(([, module = ""]) => module);
}

test("the protocol's modules are those of the service, name for name", () => {
  for (const name of PROTOCOL) {
    assert.ok(existsSync(new URL(`protocol/${name}.py`, SERVICE)), name);
    assert.ok(FILES.includes(`${name}.ts`), name);
  }
  const theirs = readdirSync(new URL("protocol/", SERVICE));
  const modules = theirs.filter((name) => /^[a-z]+\.py$/.test(name));
  assert.deepEqual(modules.map((name) => name.slice(0, -3)).sort(), PROTOCOL);
});

test("a protocol module knows suite and errors, and not its neighbours", () => {
  for (const name of PROTOCOL) {
    // phones is the lazily loaded half of identifiers
    const allowed = ["suite", "errors", ...(name === "identifiers" ? ["phones"] : [])];
    assert.deepEqual(neighbours(`${name}.ts`).filter((one) => !allowed.includes(one)), [], name);
  }
  assert.ok(neighbours("client.ts").includes("oprf"));
  assert.ok(neighbours("identifiers.ts").includes("phones"));
});

test("no source prints, stores, or looks at the page", () => {
  assert.ok(FILES.length >= 15);
  const words = /\b(console|localStorage|sessionStorage|indexedDB|caches|cookie|navigator)\b/;
  for (const name of FILES) {
    const code = source(name).replace(/\/\*[^]*?\*\/|\/\/.*$/gm, ""); // comments may speak of them
    assert.equal(words.exec(code)?.[0], undefined, name);
  }
});

test("every code is one of the service's", () => {
  const theirs = readFileSync(new URL("errors.py", SERVICE), "utf8");
  assert.ok(Object.keys(Code).length >= 20);
  for (const [name, code] of Object.entries(Code)) {
    assert.ok(theirs.includes(`    ${name} = "${code}"\n`), name);
  }
});
