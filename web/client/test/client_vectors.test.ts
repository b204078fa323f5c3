/** What a client says to each document, pin, range and filter of client-v1.json. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";

import { laneAnswer } from "../src/answers.ts";
import * as bloom from "../src/bloom.ts";
import * as entries from "../src/entries.ts";
import { QorganError } from "../src/errors.ts";
import * as parameters from "../src/parameters.ts";
import type { Parameters } from "../src/parameters.ts";
import { checkPin, MemoryPins } from "../src/pins.ts";
import { client as VECTORS } from "./vectors.ts";

/** The code of a refusal; null where there is none. */
function verdict(checked: () => void): string | null {
  try {
    checked();
  } catch (error) {
    assert.ok(error instanceof QorganError, String(error));
    return error.code;
  }
  return null;
}

function document(number: number): Parameters {
  return parameters.parse(utf8ToBytes(VECTORS.documents[number]?.params ?? ""));
}

test("the client's vectors are all there", () => {
  const { documents, pins, lookups, filter } = VECTORS;
  const counts = [documents, pins, lookups, filter.persons].map((cases) => cases.length);
  assert.deepEqual(counts, [49, 10, 11, 3]);
});

test("signature and bounds, each with its own refusal", () => {
  for (const { why, params, signature, code } of VECTORS.documents) {
    const body = utf8ToBytes(params);
    const found = verdict(() => {
      parameters.verify(hexToBytes(VECTORS.publisher_key), body, hexToBytes(signature));
      parameters.parse(body);
    });
    assert.equal(found, code, why);
  }
});

test("what was seen first decides what may be seen then", () => {
  for (const { why, first, then, code } of VECTORS.pins) {
    const pins = new MemoryPins();
    checkPin(pins, "service", document(first));
    assert.equal(verdict(() => checkPin(pins, "service", document(then))), code, why);
  }
});

test("a range says who is in what, or nothing at all", () => {
  for (const { why, document: number, token: hex, prefix, range, found, code } of VECTORS.lookups) {
    const published = document(number);
    const token = hexToBytes(hex);
    const bucket = entries.bucket(token, published.prefix_bits);
    assert.equal(entries.prefix(bucket, published.prefix_bits), prefix, why);
    const masks: Record<string, number> = {};
    const said = verdict(() => {
      const asked = { kind: "iin", lane: "public", token, published } as const;
      for (const leak of laneAnswer(asked, hexToBytes(range)).leaks) {
        const dataset = published.datasets.find(({ name }) => name === leak.name);
        assert.ok(dataset !== undefined);
        const bits = leak.dataClasses.map((slug) => 1 << dataset.data_classes.indexOf(slug));
        masks[dataset.id] = bits.reduce((sum, bit) => sum + bit, 0);
      }
    });
    assert.equal(said, code, why);
    if (found !== null) assert.deepEqual(masks, found, why);
  }
});

test("the filter is the one that was signed, and says who may be in a leak", () => {
  const { filter: hex, document: number, persons } = VECTORS.filter;
  const filter = hexToBytes(hex);
  const signed = document(number).filter;
  assert.deepEqual([filter.length, bytesToHex(sha256(filter))], [signed.bytes, signed.sha256]);
  for (const { person, is_in } of persons) {
    const bytes = hexToBytes(person);
    assert.equal(bloom.contains(filter, bytes, signed.bits, signed.probes), is_in);
  }
});
