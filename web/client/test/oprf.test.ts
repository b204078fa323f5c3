/** The VOPRF against the RFC's vectors, and against a server that used another key. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ristretto255_oprf } from "@noble/curves/ed25519.js";
import { bytesToHex, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";

import { InputError } from "../src/errors.ts";
import { Blinding, type Evaluation, type Random } from "../src/oprf.ts";
import { laneKey, OPRF, OTHER_OPRF } from "./service.ts";
import * as vectors from "./vectors.ts";

const { voprf } = ristretto255_oprf;
const [SUITE] = vectors.oprf;
assert.ok(SUITE !== undefined);

const KEY = laneKey(OPRF);
const INPUTS = [utf8ToBytes("one"), utf8ToBytes("two")];

/** Random bytes that noble makes these scalars of: modulo the order less 1, plus 1. */
function giving(scalars: readonly string[]): Random {
  const left = [...scalars];
  return (length = 0) => {
    const bytes = new Uint8Array(length);
    bytes.set(hexToBytes(left.shift() as string));
    for (let at = 0; ; at += 1) {
      const byte = bytes[at] as number;
      bytes[at] = byte - 1; // modulo 256
      if (byte !== 0) return bytes;
    }
  };
}

function evaluate(blinding: Blinding, key = KEY): Evaluation {
  return voprf.blindEvaluateBatch(key.secretKey, key.publicKey, [...blinding.blinded]);
}

function refuses(blinding: Blinding, evaluation: Evaluation, publicKey = KEY.publicKey): void {
  assert.throws(
    () => blinding.finalize(evaluation, publicKey),
    (error) =>
      error instanceof InputError &&
      error.code === "bad_evaluation" &&
      error.sentence === "the evaluation was not made with the pinned key" &&
      error.cause === undefined,
  );
}

test("the RFC's vectors are all there", () => {
  assert.equal(vectors.oprf.length, 1);
  assert.deepEqual([SUITE.identifier, SUITE.mode], ["ristretto255-SHA512", 1]);
  assert.deepEqual(SUITE.vectors.map((vector) => vector.Batch), [1, 1, 2]);
});

test("the RFC's keys are derived", () => {
  const key = voprf.deriveKeyPair(hexToBytes(SUITE.seed), hexToBytes(SUITE.keyInfo));
  assert.equal(bytesToHex(key.secretKey), SUITE.skSm);
  assert.equal(bytesToHex(key.publicKey), SUITE.pkSm);
});

for (const [at, vector] of SUITE.vectors.entries()) {
  test(`RFC vector ${at}: blind, and finalize the RFC's evaluation`, () => {
    const inputs = vector.Input.split(",").map((input) => hexToBytes(input));
    const blinding = new Blinding(inputs, giving(vector.Blind.split(",")));
    assert.equal(blinding.blinded.map((one) => bytesToHex(one)).join(), vector.BlindedElement);
    const evaluated = vector.EvaluationElement.split(",").map((one) => hexToBytes(one));
    const evaluation = { evaluated, proof: hexToBytes(vector.Proof.proof) };
    const outputs = blinding.finalize(evaluation, hexToBytes(SUITE.pkSm));
    assert.equal(outputs.map((output) => bytesToHex(output)).join(), vector.Output);
  });
}

test("blinding is fresh each time and the output is not", () => {
  const [first, second] = [new Blinding(INPUTS), new Blinding(INPUTS)];
  const blinded = [...first.blinded, ...second.blinded].map((one) => bytesToHex(one));
  assert.equal(new Set(blinded).size, 4);
  const outputs = first.finalize(evaluate(first), KEY.publicKey);
  assert.deepEqual(second.finalize(evaluate(second), KEY.publicKey), outputs);
  assert.notDeepEqual(outputs[0], outputs[1]);
  assert.deepEqual(outputs.map((output) => output.length), [64, 64]);
});

test("another key than the pinned one is refused, though its proof is right", () => {
  const other = laneKey(OTHER_OPRF);
  const blinding = new Blinding(INPUTS);
  refuses(blinding, evaluate(blinding, other));
  refuses(blinding, evaluate(blinding), other.publicKey);
  blinding.finalize(evaluate(blinding, other), other.publicKey);
});

test("a proof with any byte changed, or of another length, is refused", () => {
  const blinding = new Blinding(INPUTS.slice(0, 1));
  const evaluation = evaluate(blinding);
  for (let at = 0; at < 64; at += 1) {
    const proof = evaluation.proof.slice();
    proof[at] = (proof[at] as number) ^ 1;
    refuses(blinding, { ...evaluation, proof });
  }
  refuses(blinding, { ...evaluation, proof: evaluation.proof.slice(0, 63) });
  refuses(blinding, { ...evaluation, proof: new Uint8Array(64) });
  refuses(blinding, { ...evaluation, proof: new Uint8Array(64).fill(0xff) });
  blinding.finalize(evaluation, KEY.publicKey);
});

test("elements that are others, too few, too many, swapped or none are refused", () => {
  const blinding = new Blinding(INPUTS);
  const { evaluated, proof } = evaluate(blinding);
  const [one, two] = evaluated as [Uint8Array, Uint8Array];
  const identity = new Uint8Array(32);
  const notCanonical = new Uint8Array(32).fill(0xff);
  const wrong = [[one], [], [one, two, one], [two, one], [one, one], [...blinding.blinded]];
  for (const evaluated of wrong) refuses(blinding, { evaluated, proof });
  for (const bad of [identity, notCanonical, one.slice(1)]) {
    refuses(blinding, { evaluated: [bad, two], proof });
    refuses(blinding, { evaluated: [one, two], proof }, bad);
  }
  assert.equal(blinding.finalize({ evaluated: [one, two], proof }, KEY.publicKey).length, 2);
});

test("a blinding's text shows nothing of its secrets", () => {
  const blinding = new Blinding([utf8ToBytes("950515390002")], giving(["17".repeat(32)]));
  assert.deepEqual(Object.keys(blinding), ["blinded"]);
});
