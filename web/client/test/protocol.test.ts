/**
 * Protocol version 1 against its vectors, on which independent implementations agree.
 *
 * The small version in them has four ranges (prefix_bits 2), fewer than a client may accept: it is
 * for the arithmetic below `parameters.parse`. The RFC's own vectors are in oprf.test.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ristretto255_oprf } from "@noble/curves/ed25519.js";
import { bytesToHex, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";

import * as bloom from "../src/bloom.ts";
import * as entries from "../src/entries.ts";
import { InputError } from "../src/errors.ts";
import { canonical } from "../src/identifiers.ts";
import { Blinding } from "../src/oprf.ts";
import * as parameters from "../src/parameters.ts";
import { stretch } from "../src/stretch.ts";
import * as tree from "../src/tree.ts";
import * as wire from "../src/wire.ts";
import { treeLevels, treePath } from "./service.ts";
import { protocol as VECTORS, type ProtocolCase } from "./vectors.ts";

const { cases: CASES, version: VERSION } = VECTORS;
const PARAMS = JSON.parse(VERSION.params) as {
  version: string;
  prefix_bits: number;
  range_entries: number;
  root: string;
  datasets: { id: number; data_classes: string[] }[];
};
const DATASETS = PARAMS.datasets.map((dataset) => dataset.id);
const SALT = hexToBytes(VECTORS.version_salt);
const COUNTER = Number(PARAMS.version.split("-")[0]);
const RANGES = VERSION.ranges.map((range) =>
  wire.splitRange(hexToBytes(range), PARAMS.range_entries, PARAMS.prefix_bits),
);
const LEAVES = RANGES.map((range, at) => tree.leaf("public", COUNTER, at, range.entries));
const KEY = ristretto255_oprf.voprf.deriveKeyPair(
  hexToBytes(VECTORS.key.seed),
  utf8ToBytes(VECTORS.key.info),
);

function each(name: string, run: (vector: ProtocolCase) => void | Promise<void>): void {
  for (const vector of CASES) test(`${name} (${vector.kind} ${vector.person})`, () => run(vector));
}

test("the protocol vectors are all there", () => {
  assert.deepEqual(CASES.map(({ kind }) => kind), ["iin", "iin", "iin", "phone", "email"]);
  assert.deepEqual(CASES.map((vector) => vector.entries.length), [4, 4, 4, 4, 4]);
  for (const { prefixes, probes } of CASES) {
    assert.deepEqual(Object.keys(prefixes), ["10", "12", "13", "14", "16", "20"]);
    assert.deepEqual(Object.keys(probes), ["1000003,7", "306721869,14"]);
  }
  assert.deepEqual([VERSION.ranges.length, VERSION.found.length], [4, 5]);
  assert.deepEqual(DATASETS, [1, 300]);
});

each("from identifier to token", async (vector) => {
  const text = await canonical(vector.kind, ` ${vector.canonical} `);
  assert.equal(text, vector.canonical);
  const { salt, memory_kib, time_cost, parallelism } = VECTORS.argon2;
  const stretched = await stretch(vector.kind, text, {
    salt: hexToBytes(salt),
    memoryKib: memory_kib,
    timeCost: time_cost,
    parallelism,
  });
  assert.equal(bytesToHex(stretched), vector.stretched);
  const blinding = new Blinding([stretched]);
  const { evaluated, proof } = ristretto255_oprf.voprf.blindEvaluateBatch(
    hexToBytes(VECTORS.key.secret_key),
    KEY.publicKey,
    [...blinding.blinded],
  );
  const outputs = blinding.finalize({ evaluated, proof }, hexToBytes(VECTORS.key.public_key));
  assert.deepEqual(outputs.map((output) => bytesToHex(output)), [vector.output]);
  const token = entries.token(hexToBytes(vector.output));
  assert.equal(bytesToHex(token), vector.token);
  assert.equal(bytesToHex(entries.person(token)), vector.person);
});

each("prefixes", (vector) => {
  const token = hexToBytes(vector.token);
  for (const [bits, prefix] of Object.entries(vector.prefixes)) {
    const bucket = entries.bucket(token, Number(bits));
    assert.equal(entries.prefix(bucket, Number(bits)), prefix);
    assert.equal(entries.prefixDigits(Number(bits)), prefix.length);
  }
});

each("entries, each found again with its field mask", (vector) => {
  const token = hexToBytes(vector.token);
  for (const { dataset, fields, block: expected, entry: made } of vector.entries) {
    const block = entries.block(token, dataset);
    assert.equal(bytesToHex(block), expected);
    const entry = entries.entry(block, SALT, fields);
    assert.equal(bytesToHex(entry), made);
    assert.equal(entries.find(entry, block, SALT), fields);
    for (let at = 0; at < 6; at += 1) {
      const other = entry.slice();
      other[at] = (other[at] as number) ^ 1;
      assert.equal(entries.find(other, block, SALT), null);
    }
  }
});

each("a person's bits of the filter", (vector) => {
  const person = hexToBytes(vector.person);
  for (const [sizes, probes] of Object.entries(vector.probes)) {
    const [bits = 0, count = 0] = sizes.split(",").map(Number);
    assert.deepEqual([...bloom.probes(person, bits, count)], probes);
  }
  const filter = new Uint8Array(Math.ceil(1_000_003 / 8));
  for (const bit of vector.probes["1000003,7"] ?? []) {
    assert.ok(!bloom.contains(filter, person, 1_000_003, 7));
    filter[bit >> 3] = (filter[bit >> 3] as number) | (1 << bit % 8);
  }
  assert.ok(bloom.contains(filter, person, 1_000_003, 7));
});

test("a filter that is not whole says nothing about anybody", () => {
  const person = hexToBytes(CASES[0]?.person ?? "");
  for (const length of [0, 124, 126]) {
    assert.throws(
      () => bloom.contains(new Uint8Array(length), person, 1000, 7),
      (error) => error instanceof InputError && error.code === "bad_file",
    );
  }
  assert.ok(!bloom.contains(new Uint8Array(125), person, 1000, 7));
});

test("the filter reads the person it was given, whatever lies around it in memory", () => {
  const vector = CASES[0] as ProtocolCase;
  const person = hexToBytes(`ffff${vector.person}ffff`).subarray(2, 10);
  assert.deepEqual([...bloom.probes(person, 1_000_003, 7)], vector.probes["1000003,7"]);
});

test("the signature of the small version, over the parameters' very bytes", () => {
  const [key, signature] = [hexToBytes(VERSION.publisher_key), hexToBytes(VERSION.signature)];
  const document = utf8ToBytes(VERSION.params);
  parameters.verify(key, document, signature);
  const wrong: [Uint8Array, Uint8Array, Uint8Array][] = [
    [key, utf8ToBytes(`${VERSION.params} `), signature],
    [key, document, signature.slice(1)],
    [key, document, new Uint8Array()],
    [key, document, signature.map((byte, at) => (at === 40 ? byte ^ 1 : byte))],
    [KEY.publicKey, document, signature],
  ];
  for (const args of wrong) {
    assert.throws(
      () => parameters.verify(...args),
      (error) => error instanceof InputError && error.code === "bad_signature",
    );
  }
});

test("a client refuses the small version: prefix_bits 2 is out of bounds", () => {
  assert.throws(
    () => parameters.parse(utf8ToBytes(VERSION.params)),
    (error) => error instanceof InputError && error.sentence.includes("prefix_bits"),
  );
});

test("the tree of the small version", () => {
  const levels = treeLevels(LEAVES);
  assert.deepEqual(levels.map((level) => level.length), [4, 2, 1]);
  const top = levels.at(-1)?.[0] as Uint8Array;
  assert.equal(bytesToHex(top), PARAMS.root);
  assert.equal(parameters.versionName(COUNTER, top), PARAMS.version);
  for (const [bucket, { path }] of RANGES.entries()) {
    assert.deepEqual(treePath(levels, bucket), path);
    assert.deepEqual(tree.root(LEAVES[bucket] as Uint8Array, bucket, path), top);
  }
});

test("ranges of the small version in another place do not lead to its root", () => {
  const isRoot = (one: Uint8Array) => bytesToHex(one) === PARAMS.root;
  for (const [served, { entries, path }] of RANGES.entries()) {
    for (const bucket of [0, 1, 2, 3].filter((bucket) => bucket !== served)) {
      const leaf = tree.leaf("public", COUNTER, bucket, entries);
      assert.ok(!isRoot(tree.root(leaf, bucket, path)));
      assert.ok(!isRoot(tree.root(leaf, bucket, RANGES[bucket]?.path as Uint8Array)));
    }
    const later = tree.leaf("public", COUNTER + 1, served, entries);
    const elsewhere = tree.leaf("verified", COUNTER, served, entries);
    for (const leaf of [later, elsewhere]) assert.ok(!isRoot(tree.root(leaf, served, path)));
  }
});

test("a range of any other length is not whole", () => {
  const body = hexToBytes(VERSION.ranges[0] ?? "");
  assert.equal(body.length, 8 * 4 + 32 * 2);
  const others = [...body.keys()].map((length) => body.slice(0, length));
  for (const other of [...others, new Uint8Array(body.length + 1)]) {
    assert.throws(
      () => wire.splitRange(other, PARAMS.range_entries, PARAMS.prefix_bits),
      (error) => error instanceof InputError && error.code === "bad_range",
    );
  }
});

test("each person is found in their own range, in exactly their datasets", () => {
  for (const [at, vector] of CASES.entries()) {
    const token = hexToBytes(vector.token);
    const own = entries.bucket(token, PARAMS.prefix_bits);
    for (const [bucket, range] of RANGES.entries()) {
      const found = DATASETS.flatMap((id) => {
        const mask = entries.find(range.entries, entries.block(token, id), SALT);
        return mask === null ? [] : [[String(id), mask] as const];
      });
      assert.deepEqual(Object.fromEntries(found), bucket === own ? VERSION.found[at] : {});
    }
  }
});

test("entries of another version are noise", () => {
  const salt = SALT.map((byte) => byte ^ 1);
  for (const { token } of CASES) {
    for (const id of DATASETS) {
      const block = entries.block(hexToBytes(token), id);
      for (const range of RANGES) assert.equal(entries.find(range.entries, block, salt), null);
    }
  }
});
