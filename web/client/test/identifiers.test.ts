/** The canonical text of an identifier, by the vectors that the loaders pass too. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { InputError } from "../src/errors.ts";
import { canonical, iin, iinCheckDigit } from "../src/identifiers.ts";
import type { Kind } from "../src/suite.ts";
import * as vectors from "./vectors.ts";

// By the vector's first words; the file itself names no codes.
const IIN_CODES = {
  "check digit off by one": "iin_check_digit",
  "first 11 digits for which both passes": "iin_check_digit",
  "11 digits": "iin_length",
  "13 digits": "iin_length",
  "two neighbouring digits swapped": "iin_check_digit",
  empty: "empty",
  "hyphen inside": "iin_characters",
  "superscript digit": "iin_characters",
  "trailing newline": "iin_characters",
};

const sentences = new Map<string, string>();

/** The code with which a text is refused; the error is the same whatever the text. */
async function refusal(kind: Kind, text: string): Promise<string> {
  try {
    await canonical(kind, text);
  } catch (error) {
    assert.ok(error instanceof InputError, String(error));
    const known = sentences.get(error.code) ?? error.sentence;
    sentences.set(error.code, known);
    assert.equal(error.sentence, known);
    const [told = ""] = error.stack?.split("\n") ?? [];
    assert.equal(told, `InputError: ${known}`);
    return error.code;
  }
  assert.fail("accepted");
}

test("the vector files have lost no cases", () => {
  const { valid, invalid, policy_dependent, bin } = vectors.iin;
  assert.deepEqual([valid.length, invalid.length], [7, 9]);
  assert.deepEqual([policy_dependent.length, bin.length], [6, 9]);
  assert.deepEqual([vectors.email.valid.length, vectors.email.invalid.length], [39, 67]);
  assert.deepEqual([vectors.phone.valid.length, vectors.phone.invalid.length], [37, 40]);
});

test("a valid IIN is its own canonical text", async () => {
  for (const { iin, why } of vectors.iin.valid) {
    assert.equal(await canonical("iin", iin), iin, why);
  }
});

test("an invalid IIN is refused for its reason", async () => {
  for (const { iin, why } of vectors.iin.invalid) {
    const expected = Object.entries(IIN_CODES).filter(([words]) => why.startsWith(words));
    assert.deepEqual([await refusal("iin", iin)], expected.map(([, code]) => code), why);
  }
});

test("the check digit alone decides, and twelve zeros are a placeholder", async () => {
  for (const { iin, why } of vectors.iin.policy_dependent) {
    if (iin === "000000000000") assert.equal(await refusal("iin", iin), "iin_placeholder");
    else assert.equal(await canonical("iin", iin), iin, why);
  }
  for (const { bin } of vectors.iin.bin) assert.equal(iin(bin), bin);
});

test("the check digit has a second pass, and some serials have none", () => {
  for (const text of ["010101599302", "000228195406", "881102490101"]) {
    assert.equal(iinCheckDigit(text.slice(0, 11)), Number(text[11]));
  }
  assert.equal(iinCheckDigit("90010130080"), null);
});

test("an IIN loses what was pasted around it, and nothing else", async () => {
  for (const around of [" ", "   ", "-", "- ", "\u00a0", "\u202f", "\ufeff", "\ufeff \u00a0"]) {
    assert.equal(iin(`${around}950515390002${around}`), "950515390002");
  }
  for (const around of ["\n", "\t", "\u2007", "\u200b", "\u2060", "\u2028"]) {
    assert.equal(await refusal("iin", `${around}950515390002`), "iin_characters");
    assert.equal(await refusal("iin", `950515390002${around}`), "iin_characters");
  }
});

for (const kind of ["email", "phone"] as const) {
  test(`a valid ${kind} has its canonical text`, async () => {
    for (const { input, canonical: expected, why } of vectors[kind].valid) {
      assert.equal(await canonical(kind, input), expected, why);
    }
  });

  test(`an invalid ${kind} is refused for its reason`, async () => {
    for (const { input, code, why } of vectors[kind].invalid) {
      assert.equal(await refusal(kind, input), code, why);
    }
  });

  test(`the canonical ${kind} is its own canonical text`, async () => {
    for (const { canonical: text, why } of vectors[kind].valid) {
      assert.equal(await canonical(kind, text), text, why);
    }
  });
}

test("a text of only what is stripped is empty, for every kind and fast", async () => {
  for (const kind of ["iin", "phone", "email"] as const) {
    const around = kind === "email" ? " \u00a0\u202f\ufeff" : " -\u00a0\u202f\ufeff";
    assert.equal(await refusal(kind, around.repeat(200_000)), "empty");
  }
});
