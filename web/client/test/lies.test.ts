/** A service that lies before the range is asked for: no lie becomes an answer. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { utf8ToBytes } from "@noble/hashes/utils.js";

import { body, flipped, honest, hurried, json, pinned, refused } from "./asking.ts";
import {
  ARGON2,
  laneKey,
  LEAKED,
  type Lie,
  OTHER_OPRF,
  OTHER_PUBLISHER,
  publish,
  REGISTER,
  Service,
  signatureOf,
  signedAnew,
} from "./service.ts";

const PUBLICATION = await publish();
const EVALUATION = JSON.parse(
  new TextDecoder().decode(await honest(PUBLICATION, "evaluate")),
) as { evaluated: string[]; proof: string };

test("parameters with a byte changed are refused before anything is asked", async () => {
  const { service, client } = await pinned(PUBLICATION);
  const { document } = PUBLICATION;
  for (let at = 0; at < document.length; at += 61) {
    service.lies.params = body(flipped(document, at));
    const code = await refused(client);
    assert.ok(["bad_parameters", "bad_signature"].includes(code), `${at}: ${code}`);
  }
  for (let length = 0; length < document.length; length += 61) {
    service.lies.params = body(document.slice(0, length));
    assert.equal(await refused(client), "bad_parameters");
  }
  service.lies.params = body(utf8ToBytes(`${new TextDecoder().decode(document)} `));
  assert.equal(await refused(client), "bad_signature");
  assert.ok(service.seen.every(({ step }) => step === "params" || step === "register"));
});

test("parameters with another signature, or none, are refused", async () => {
  const { service, client } = await pinned(PUBLICATION);
  const { document, signature } = PUBLICATION;
  const wrong = [
    "",
    signature.slice(2),
    `${signature}00`,
    signature.replace(/^./, (digit) => (digit === "0" ? "1" : "0")),
    signatureOf(document, OTHER_PUBLISHER),
    signatureOf(utf8ToBytes(`${new TextDecoder().decode(document)} `)),
    "x".repeat(128),
  ];
  for (const one of wrong) {
    service.lies.params = (reply) => ({ ...reply, headers: { "Qorgan-Signature": one } });
    assert.equal(await refused(client), "bad_signature", one);
  }
  service.lies.params = (reply) => ({ ...reply, headers: {} });
  assert.equal(await refused(client), "bad_signature");
  const asked = service.seen.filter(({ step }) => step === "params");
  assert.equal(asked.length, wrong.length + 1); // nothing but an older version is asked for again
});

test("another publisher, key, salt, cost, longer prefix or older version is refused", async () => {
  const { service, client } = await pinned(PUBLICATION);
  const lies: [Promise<typeof PUBLICATION>, string][] = [
    [publish({ publisher: OTHER_PUBLISHER }), "bad_signature"],
    [publish({ oprf: OTHER_OPRF }), "pin_mismatch"],
    [publish({ argon2: { ...ARGON2, salt: "0e".repeat(16) } }), "pin_mismatch"],
    [publish({ argon2: { ...ARGON2, memory_kib: 8 } }), "pin_mismatch"],
    [publish({ argon2: { ...ARGON2, time_cost: 2 } }), "pin_mismatch"],
    [publish({ prefixBits: 11 }), "pin_mismatch"],
    [publish({ counter: 2 }), "rolled_back"],
  ];
  for (const [publication, code] of lies) {
    service.publication = await publication;
    service.seen.length = 0;
    assert.equal((await hurried(() => refused(client))).result, code);
    assert.ok(service.seen.every(({ step }) => step === "params" || step === "register"));
  }
  service.publication = await publish({ counter: 4 });
  assert.equal((await client.check("iin", LEAKED)).answer, "found");
  service.publication = PUBLICATION;
  assert.equal((await hurried(() => refused(client))).result, "rolled_back");
});

test("an older version is asked for again: a service's workers switch one by one", async () => {
  const newer = await publish({ counter: 4 });
  for (const [times, expected] of [
    [1, 1000],
    [2, 3000],
  ] as const) {
    const service = new Service(newer);
    const client = service.client();
    await client.check("iin", LEAKED);
    service.seen.length = 0;
    let left: number = times;
    service.lies.params = (reply) => {
      left -= 1;
      const { document, signature } = PUBLICATION;
      const older = { ...reply, body: document, headers: { "Qorgan-Signature": signature } };
      return left < 0 ? reply : older;
    };
    const { result, ms } = await hurried(() => client.check("iin", LEAKED));
    assert.deepEqual([result.answer, result.version], ["found", newer.parameters.version]);
    assert.ok(ms >= expected && ms < expected + 1500, String(ms));
    const asked = service.seen.filter(({ step }) => step === "params");
    assert.equal(asked.length, times + 1);
  }
});

test("a publisher who signs for himself but names another is refused", async () => {
  const { service, client } = await pinned(PUBLICATION);
  service.publication = signedAnew(PUBLICATION, { publisher_key: "ab".repeat(32) });
  assert.equal(await refused(client), "pin_mismatch");
  const { publisher_key: publisherKey } = PUBLICATION.parameters;
  assert.equal(await refused(service.client({ publisherKey })), "pin_mismatch");
  service.publication = signedAnew(PUBLICATION, { lane: "verified" });
  assert.equal(await refused(client), "bad_parameters");
});

test("a register that cannot be read is no answer, before anything is asked", async () => {
  const { service, client } = await pinned(PUBLICATION);
  const [entry] = REGISTER;
  const bad = [
    {},
    null,
    [null],
    [[]],
    ["a"],
    [{ ...entry, name: 1 }],
    [{ ...entry, title: null }],
    [{ ...entry, title: { kk: "", ru: "" } }],
    [{ ...entry, breach_date: null }],
  ];
  const lies = [...bad.map(json), body(utf8ToBytes("[")), body(Uint8Array.of(0xff))];
  for (const lie of lies) {
    service.lies.register = lie;
    assert.equal(await refused(client), "bad_register");
  }
  assert.ok(service.seen.every(({ step }) => step === "params" || step === "register"));
});

test("an evaluation by another key, or of something else, is no answer", async () => {
  const { service, client } = await pinned(PUBLICATION);
  const other = new Service({ ...PUBLICATION, key: laneKey(OTHER_OPRF) });
  const from = (service: Service): Lie => (_, asked) => service.fetch(asked.url, asked.init);
  service.lies.evaluate = from(other);
  assert.equal(await refused(client), "bad_evaluation");
  service.lies.evaluate = json(EVALUATION); // genuine, of an earlier question
  assert.equal(await refused(client), "bad_evaluation");
  service.lies.evaluate = from(new Service(PUBLICATION));
  assert.equal((await client.check("iin", LEAKED)).answer, "found");
});

test("an evaluation with any digit changed is no answer", async () => {
  const { service, client } = await pinned(PUBLICATION);
  for (let at = 0; at < 192; at += 5) {
    service.lies.evaluate = (reply) => {
      const text = new TextDecoder().decode(reply.body);
      const { evaluated, proof } = JSON.parse(text) as typeof EVALUATION;
      const hex = `${evaluated[0]}${proof}`;
      const other = (Number.parseInt(hex.charAt(at), 16) ^ 1).toString(16);
      const wrong = hex.slice(0, at) + other + hex.slice(at + 1);
      const told = { evaluated: [wrong.slice(0, 64)], proof: wrong.slice(64) };
      return { ...reply, body: utf8ToBytes(JSON.stringify(told)) };
    };
    assert.equal(await refused(client), "bad_evaluation", String(at));
  }
});

test("a malformed evaluation is no answer", async () => {
  const { service, client } = await pinned(PUBLICATION);
  const { evaluated, proof } = EVALUATION;
  const [element = ""] = evaluated;
  const bad = [
    null,
    [],
    {},
    { evaluated },
    { proof },
    { evaluated: [], proof },
    { evaluated: element, proof },
    { evaluated: [element, element], proof },
    { evaluated: [element.toUpperCase()], proof },
    { evaluated: [`${element}00`], proof },
    { evaluated: ["00".repeat(32)], proof },
    { evaluated: [1], proof },
    { evaluated, proof: proof.slice(2) },
    { evaluated, proof: [proof] },
  ];
  const lies = [...bad.map(json), body(utf8ToBytes("{")), body(new Uint8Array())];
  for (const lie of lies) {
    service.lies.evaluate = lie;
    assert.equal(await refused(client), "bad_evaluation");
  }
});
