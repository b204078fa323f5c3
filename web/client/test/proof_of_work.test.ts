/** What a service asks of a network that asks much: both clients find the same solution. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { HEADER, solve } from "../src/proof_of_work.ts";
import { refused } from "./asking.ts";
import { LEAKED, publish, type Reply, Service } from "./service.ts";

const FILE = new URL("../../../../tests/vectors/proof-of-work.json", import.meta.url);
const VECTOR = JSON.parse(readFileSync(FILE, "utf8")) as {
  challenge: { parameters: Record<string, unknown>; signature: string };
  solution: { counter: number; derivedKey: string };
};
const PUBLICATION = await publish();

function demanded(challenge: unknown): Reply {
  const problem = { status: 429, code: "proof_of_work_required", challenge };
  const body = new TextEncoder().encode(JSON.stringify(problem));
  return { status: 429, headers: { "Retry-After": "1" }, body };
}

test("the vector's solution is found", async () => {
  const payload = JSON.parse(atob((await solve(VECTOR.challenge)) ?? "")) as unknown;
  assert.deepEqual(payload, { challenge: VECTOR.challenge, solution: VECTOR.solution });
});

test("a service that asks for proof gets it along with the same request, and answers", async () => {
  const service = new Service(PUBLICATION);
  const bodies: unknown[] = [];
  const proofs: (string | null)[] = [];
  service.lies.evaluate = (reply, asked) => {
    const proof = new Headers(asked.init.headers).get(HEADER);
    proofs.push(proof);
    bodies.push(asked.init.body);
    return proof === null ? demanded(VECTOR.challenge) : reply;
  };
  assert.equal((await service.client().check("iin", LEAKED)).answer, "found");
  assert.equal(proofs.length, 2);
  assert.equal(proofs[1], await solve(VECTOR.challenge));
  assert.equal(bodies[0], bodies[1]);
});

test("a service that is never content is given up", async () => {
  const service = new Service(PUBLICATION);
  let asked = 0;
  service.lies.evaluate = () => {
    asked += 1;
    return demanded(VECTOR.challenge);
  };
  assert.equal(await refused(service.client()), "rate_limited");
  assert.equal(asked, 3);
});

test("what is no challenge, or asks for too much, is not worked on", async () => {
  const { parameters } = VECTOR.challenge;
  const changes: Record<string, unknown>[] = [
    { algorithm: "SHA-256" },
    { cost: 5 },
    { cost: 0.5 },
    { memoryCost: 65537 },
    { memoryCost: 7 },
    { keyLength: 65 },
    { keyPrefix: "0" },
    { keyPrefix: "" },
    { nonce: "zz" },
    { salt: "00" },
    { salt: null },
  ];
  const hostile = [null, [], "x", {}, { parameters: null }];
  for (const challenge of [
    ...hostile,
    ...changes.map((change) => ({ parameters: { ...parameters, ...change } })),
  ]) {
    assert.equal(await solve(challenge), null, JSON.stringify(challenge));
    const service = new Service(PUBLICATION);
    service.lies.evaluate = () => demanded(challenge);
    assert.equal(await refused(service.client()), "rate_limited");
  }
});
