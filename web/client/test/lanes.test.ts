/** With an API key: both lanes, one answer, and no request that depends on it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { bytesToHex } from "@noble/hashes/utils.js";

import type { Answer } from "../src/answers.ts";
import { Client } from "../src/client.ts";
import { CouldNotCheckError, InputError } from "../src/errors.ts";
import { MemoryPins } from "../src/pins.ts";
import { isSubject } from "../src/wire.ts";
import {
  API_KEY,
  ARGON2,
  CLEAN,
  LEAKED,
  laneOf,
  OPRF,
  OTHER,
  OTHER_OPRF,
  OTHER_PUBLISHER,
  publish,
  Service,
  tokenOf,
  URL_,
} from "./service.ts";

// In the public lane alone, in the verified lane alone, in both, in none.
const PATIENT = OTHER;
const BOTH = "870402391019";
const PUBLIC = await publish({ people: [[LEAKED, { 1: 0b1 }], [BOTH, { 2: 0b1 }]] });
const VERIFIED = await publish({
  people: [[PATIENT, { 3: 0b11 }], [BOTH, { 3: 0b10 }]],
  lane: "verified",
  counter: 2,
});
const OPTIONS = { apiKey: API_KEY, lanes: ["verified", "public"] } as const;

function service(): Service {
  const made = new Service(PUBLIC);
  made.verified = VERIFIED;
  return made;
}

function leaks(answer: Answer): unknown[] {
  const found = answer.answer === "found" ? answer.leaks : [];
  return found.map(({ name, dataClasses }) => [name, dataClasses]);
}

test("one answer says what was searched in each lane", async () => {
  const client = service().client(OPTIONS);
  const expected = [
    [LEAKED, [["first-leak", ["names"]]]],
    [PATIENT, [["clinic", ["names", "health"]]]],
    [BOTH, [["second-leak", ["government-issued-ids"]], ["clinic", ["health"]]]],
    [CLEAN, []],
  ] as const;
  for (const [iin, wanted] of expected) {
    const answer = await client.check("iin", iin);
    assert.equal(answer.answer, wanted.length === 0 ? "not_found" : "found");
    assert.deepEqual(leaks(answer), wanted);
    assert.deepEqual(answer.searched, ["first-leak", "second-leak", "clinic"]);
    assert.equal(answer.version, PUBLIC.parameters.version);
    assert.deepEqual(
      answer.lanes.map(({ lane, version, searched }) => [lane, version, searched]),
      [
        ["public", PUBLIC.parameters.version, ["first-leak", "second-leak"]],
        ["verified", VERIFIED.parameters.version, ["clinic"]],
      ],
    );
  }
});

test("the same requests for all of them, and the ranges after all evaluations", async () => {
  for (const iin of [LEAKED, PATIENT, BOTH, CLEAN]) {
    const asked = service();
    await asked.client(OPTIONS).check("iin", iin);
    const steps = asked.seen.map((one) => `${one.step} ${laneOf(one)}`);
    assert.deepEqual(steps.slice(0, 3).sort(), [
      "params public",
      "params verified",
      "register public",
    ]);
    assert.deepEqual(steps.slice(3, 5).sort(), ["evaluate public", "evaluate verified"]);
    assert.deepEqual(steps.slice(5).sort(), ["range public", "range verified"]);
    for (const one of asked.seen.filter(({ step }) => step === "range")) {
      const token = bytesToHex(await tokenOf(iin, ARGON2, OPRF, laneOf(one)));
      const bucket = Number.parseInt(token.slice(0, 4), 16) >> 6;
      assert.ok(one.url.endsWith(`/${bucket.toString(16).padStart(3, "0")}`));
    }
  }
});

test("the key goes with evaluations and with the verified lane, and nowhere else", async () => {
  const asked = service();
  await asked.client(OPTIONS).check("iin", LEAKED, { subject: "user-7" });
  for (const one of asked.seen) {
    const headers = new Headers(one.init.headers);
    const needsKey = one.step === "evaluate" || laneOf(one) === "verified";
    assert.equal(headers.get("Authorization"), needsKey ? `Bearer ${API_KEY}` : null);
    assert.equal(headers.get("X-Subject"), one.step === "evaluate" ? "user-7" : null);
  }
});

test("half an answer is none", async () => {
  for (const lane of ["public", "verified"] as const) {
    for (const step of ["params", "evaluate", "range"] as const) {
      const asked = service();
      asked.lies[step] = (reply, one) => (laneOf(one) === lane ? { ...reply, status: 503 } : reply);
      for (const iin of [LEAKED, PATIENT, CLEAN]) {
        await assert.rejects(asked.client(OPTIONS).check("iin", iin), CouldNotCheckError);
      }
    }
  }
});

test("each lane is held against its own pins, and both against one publisher", async () => {
  const pins = new MemoryPins();
  const asked = service();
  await asked.client({ ...OPTIONS, pins }).check("iin", CLEAN);
  assert.notEqual(pins.read(URL_)?.public_key, pins.read(`${URL_}#verified`)?.public_key);
  asked.verified = await publish({ lane: "verified", oprf: OTHER_OPRF, people: [[PATIENT, { 3: 1 }]] });
  const again = asked.client({ ...OPTIONS, pins }).check("iin", CLEAN);
  await assert.rejects(again, { code: "pin_mismatch" });
  asked.verified = await publish({
    lane: "verified",
    publisher: OTHER_PUBLISHER,
    people: [[PATIENT, { 3: 1 }]],
  });
  await assert.rejects(asked.client(OPTIONS).check("iin", CLEAN), CouldNotCheckError);
});

test("a key that is refused is told as such, and is in no error", async () => {
  for (const [status, code] of [
    [401, "unauthorised"],
    [403, "forbidden"],
    [404, "service_unreachable"],
  ] as const) {
    const asked = service();
    asked.lies.params = (reply, one) => (laneOf(one) === "verified" ? { ...reply, status } : reply);
    await assert.rejects(asked.client(OPTIONS).check("iin", CLEAN), (error: CouldNotCheckError) => {
      assert.equal(error.code, code);
      return !`${error.stack}${JSON.stringify(error)}`.includes("kkkk");
    });
  }
});

test("what could never ask is refused at once", () => {
  for (const options of [
    { lanes: [] },
    { lanes: ["verified"] },
    { lanes: ["public", "verified"] },
    { apiKey: API_KEY, lanes: [] },
    { apiKey: "" },
    { apiKey: "a b" },
    { apiKey: "a\r\nX-Evil: 1" },
  ] as const) {
    assert.throws(() => new Client(URL_, options), InputError);
  }
});

test("a subject that could be an identifier is not sent", async () => {
  const asked = service();
  for (const subject of ["", LEAKED, "a@example.com", "a\r\nX-Evil: 1", "a".repeat(65), "8-701-234"]) {
    assert.equal(isSubject(subject), false);
    await assert.rejects(asked.client(OPTIONS).check("iin", CLEAN, { subject }), InputError);
  }
  assert.deepEqual(asked.seen, []);
  for (const subject of ["a", "0".repeat(16), "a".repeat(64), "u-12345"]) {
    assert.equal(isSubject(subject), true);
  }
});
