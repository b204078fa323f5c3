/** What a client takes for parameters: every field's form and both sides of every limit. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { utf8ToBytes } from "@noble/hashes/utils.js";

import { InputError } from "../src/errors.ts";
import { counter, MAX_BYTES, parse, rangeBytes } from "../src/parameters.ts";
import { publish } from "./service.ts";

type Document = Record<string, unknown>;

const GOOD = (await publish()).parameters as unknown as Document;
const ROOT = String(GOOD["root"]);
const DATASET = { id: 1, name: "a", data_classes: ["names"] };

function bytes(document: unknown): Uint8Array {
  return utf8ToBytes(typeof document === "string" ? document : JSON.stringify(document));
}

/** The sentence with which a document is refused. */
function refused(document: unknown): string {
  let sentence = "";
  assert.throws(
    () => parse(document instanceof Uint8Array ? document : bytes(document)),
    (error) => {
      assert.ok(error instanceof InputError, String(error));
      assert.equal(error.code, "bad_parameters");
      sentence = error.sentence;
      return true;
    },
    `accepted ${JSON.stringify(document).slice(0, 80)}`,
  );
  return sentence;
}

function with_(changes: Document): Document {
  return { ...GOOD, ...changes };
}

function inside(key: "argon2" | "filter", changes: Document): Document {
  return with_({ [key]: { ...(GOOD[key] as Document), ...changes } });
}

test("a genuine document is read as it stands", () => {
  const parameters = parse(bytes(GOOD));
  assert.deepEqual(parameters, GOOD);
  assert.equal(counter(parameters), 3);
  assert.equal(rangeBytes(parameters), 8 * parameters.range_entries + 32 * 10);
});

test("unknown keys are ignored, at every level", () => {
  const more = { ...inside("argon2", { more: 1 }), __proto__: null, toString: 1, more: [] };
  assert.deepEqual(parse(bytes(more)), GOOD);
  assert.deepEqual(parse(bytes(` ${JSON.stringify(GOOD, null, 2)}\n`)), GOOD);
});

test("no key may be missing, or of another type", () => {
  const keys = Object.keys(GOOD);
  assert.equal(keys.length, 16);
  for (const key of keys) {
    const { [key]: _, ...rest } = GOOD;
    assert.match(refused(rest), new RegExp(key === "argon2" || key === "filter" ? "" : key));
    for (const value of [null, true, "", [], {}, -1, 1e300]) {
      if (key === "kinds" && Array.isArray(value)) continue;
      if (key === "datasets" && Array.isArray(value)) continue;
      refused(with_({ [key]: value }));
    }
  }
  for (const key of ["argon2", "filter"] as const) {
    for (const name of Object.keys(GOOD[key] as Document)) {
      const { [name]: _, ...rest } = GOOD[key] as Document;
      refused(with_({ [key]: rest }));
      for (const value of [null, true, "1", [1], 1.5, -1]) refused(inside(key, { [name]: value }));
    }
  }
});

test("what is no JSON object is refused", () => {
  const text = JSON.stringify(GOOD);
  const documents = ["", "{", "null", "[]", "1", '"a"', `${text}x`, text.slice(0, -1)];
  for (const document of [...documents, "NaN", `\ufeff${text}`]) refused(document);
  refused("[".repeat(1_000_000));
  refused(Uint8Array.of(0x22, 0xff, 0x22));
  refused(Uint8Array.from(`${text}`, (char) => char.charCodeAt(0) | 0x80));
});

test("a document has at most 4 MiB", () => {
  const text = JSON.stringify(GOOD);
  parse(bytes(text + " ".repeat(MAX_BYTES - text.length)));
  assert.match(refused(text + " ".repeat(MAX_BYTES - text.length + 1)), /4 MiB/);
});

test("another protocol, suite, mode, lane or kind is refused", () => {
  assert.match(refused(with_({ protocol: 2 })), /newer client/);
  for (const changes of [
    { protocol: "1" },
    { suite: "P256-SHA256" },
    { mode: "oprf" },
    { lane: "private" },
    { lane: 0 },
    { kinds: ["iin", "passport"] },
    { kinds: ["iin", "iin", "iin", "iin"] },
    { kinds: [["iin"]] },
  ]) {
    refused(with_(changes));
  }
  assert.equal(parse(bytes(with_({ lane: "verified" }))).lane, "verified");
  assert.deepEqual(parse(bytes(with_({ kinds: ["iin"] }))).kinds, ["iin"]);
});

test("numbers stay within both sides of their limits", () => {
  const both: [Document, Document][] = [
    [{ prefix_bits: 10 }, { prefix_bits: 9 }],
    [{ prefix_bits: 20 }, { prefix_bits: 21 }],
    [{ range_entries: 1 }, { range_entries: 0 }],
    [{ range_entries: 2 ** 20 }, { range_entries: 2 ** 20 + 1 }],
    [{ datasets: [{ ...DATASET, id: 65535 }] }, { datasets: [{ ...DATASET, id: 65536 }] }],
    [{ datasets: [DATASET] }, { datasets: [{ ...DATASET, id: 0 }] }],
  ];
  for (const [good, bad] of both) {
    parse(bytes(with_(good)));
    refused(with_(bad));
  }
});

test("Argon2 asks for no more than a phone has", () => {
  const both: [Document, Document][] = [
    [{ memory_kib: 65536 }, { memory_kib: 65537 }],
    [{ memory_kib: 8 }, { memory_kib: 7 }],
    [{ time_cost: 4 }, { time_cost: 5 }],
    [{ time_cost: 1 }, { time_cost: 0 }],
    [{ parallelism: 4 }, { parallelism: 5 }],
    [{ parallelism: 1 }, { parallelism: 0 }],
    [{ memory_kib: 16, parallelism: 2 }, { memory_kib: 16, parallelism: 3 }],
  ];
  for (const [good, bad] of both) {
    parse(bytes(inside("argon2", good)));
    refused(inside("argon2", bad));
  }
});

test("hex is lower-case and of its length", () => {
  for (const key of ["public_key", "publisher_key", "version_salt", "root"]) {
    const hex = String(GOOD[key]);
    for (const bad of [hex.slice(1), `${hex}0`, `${hex}\n`, hex.replace(/./, "g"), ` ${hex}`]) {
      refused(with_({ [key]: bad }));
    }
  }
  refused(with_({ public_key: "AB".repeat(32) }));
  refused(inside("argon2", { salt: "0f".repeat(15) }));
  refused(inside("filter", { sha256: "0f".repeat(33) }));
});

test("the version names the root and a counter of 32 bits", () => {
  const head = ROOT.slice(0, 8);
  for (const name of [`0-${head}`, `4294967295-${head}`]) parse(bytes(with_({ version: name })));
  const bad = [`4294967296-${head}`, `03-${head}`, `3-${ROOT.slice(0, 9)}`, `-3-${head}`, head];
  for (const name of [...bad, "3-00000000", `3-${head}\n`]) refused(with_({ version: name }));
});

test("the time is in UTC to the second", () => {
  const good = ["2026-12-31T23:59:59Z", "2026-01-01T00:00:00Z"];
  for (const at of good) parse(bytes(with_({ published_at: at })));
  const bad = ["2026-11-22", "2026-11-22T10:00:00+00:00", "2026-11-22T10:00:00Z\n"];
  bad.push("2026-13-22T10:00:00Z", "2026-11-32T10:00:00Z", "2026-11-22T24:00:00Z");
  for (const at of [...bad, "2026-11-22T10:60:00Z"]) refused(with_({ published_at: at }));
});

test("datasets have names, classes and an id each of its own", () => {
  const good = [
    [DATASET, { ...DATASET, id: 2 }],
    [{ ...DATASET, name: "a".repeat(63) }],
    [{ ...DATASET, data_classes: Array(16).fill("c".repeat(64)) }],
    [{ ...DATASET, data_classes: [] }],
    [],
  ];
  for (const datasets of good) parse(bytes(with_({ datasets })));
  const bad = [
    [DATASET, DATASET],
    [{ ...DATASET, name: "a".repeat(64) }],
    [{ ...DATASET, name: "-a" }],
    [{ ...DATASET, name: "<b>" }],
    [{ ...DATASET, data_classes: Array(17).fill("c") }],
    [{ ...DATASET, data_classes: ["c".repeat(65)] }],
    [{ ...DATASET, data_classes: ["A"] }],
    [{ ...DATASET, data_classes: [1] }],
    [[]],
    { 0: DATASET },
  ];
  for (const datasets of bad) refused(with_({ datasets }));
});

test("the filter's bits and bytes fit", () => {
  parse(bytes(inside("filter", { bits: 2 ** 40, bytes: 2 ** 37, probes: 64 })));
  parse(bytes(inside("filter", { bits: 1, bytes: 1, probes: 1 })));
  for (const bad of [
    { bits: 1001 },
    { bytes: 124 },
    { bits: 2 ** 40 + 8, bytes: 2 ** 37 + 1 },
    { bits: 0, bytes: 0 },
    { probes: 0 },
    { probes: 65 },
  ]) {
    refused(inside("filter", bad));
  }
});
