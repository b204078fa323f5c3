/** Asking a service that may lie: what the tests of the client have in common. */

import assert from "node:assert/strict";
import { mock } from "node:test";

import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

import type { Client } from "../src/client.ts";
import { CouldNotCheckError } from "../src/errors.ts";
import {
  LEAKED,
  type Lie,
  type Publication,
  Service,
  type Step,
  stretched,
  tokenOf,
  URL_,
} from "./service.ts";

/** A service, and a client that has asked before and so has pinned it. */
export async function pinned(
  publication: Publication,
): Promise<{ service: Service; client: Client }> {
  const service = new Service(publication);
  const client = service.client();
  assert.equal((await client.check("iin", LEAKED)).answer, "found");
  service.seen.length = 0;
  return { service, client };
}

/** After all promises that can be kept now. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** What comes of it, on a clock that goes so fast that nobody waits; and how long it was. */
export async function hurried<T>(asked: () => Promise<T>): Promise<{ result: T; ms: number }> {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    let isOver = false;
    let ms = 0;
    const result = asked().finally(() => {
      isOver = true;
    });
    result.catch(() => undefined); // it is heard below
    for (; !isOver; await settled()) {
      mock.timers.tick(50);
      ms += 50;
    }
    return { result: await result, ms };
  } finally {
    mock.timers.reset();
  }
}

/** Give this body, and all else as it was. */
export function body(bytes: Uint8Array): Lie {
  return (reply) => ({ ...reply, body: bytes });
}

export function json(value: unknown): Lie {
  return body(utf8ToBytes(JSON.stringify(value)));
}

/** With one bit changed. */
export function flipped(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
}

/** What an honest service answers about the leaked person at this step. */
export async function honest(publication: Publication, step: Step): Promise<Uint8Array> {
  const service = new Service(publication);
  let heard = new Uint8Array();
  service.lies[step] = (reply) => {
    heard = new Uint8Array(reply.body);
    return reply;
  };
  await service.client().check("iin", LEAKED);
  return heard;
}

/** Ask; there must be no answer, and nothing personal in the error. The code. */
export async function refused(client: Client, iin = LEAKED): Promise<string> {
  let error: unknown;
  try {
    const { answer } = await client.check("iin", iin);
    assert.fail(`answered ${answer}`);
  } catch (caught) {
    if (caught instanceof assert.AssertionError) throw caught;
    error = caught;
  }
  assert.ok(error instanceof CouldNotCheckError, String(error));
  assert.match(error.sentence, /^could not check: /);
  await assertSaysNothing(error, iin);
  return error.code;
}

/** An error tells neither who was asked about nor what was sent. */
export async function assertSaysNothing(error: Error, iin: string): Promise<void> {
  const token = bytesToHex(await tokenOf(iin));
  const input = bytesToHex(await stretched("iin", iin));
  const told = [String(error), error.stack, JSON.stringify(error), error.message].join("\n");
  for (const secret of [iin, token.slice(0, 8), input.slice(0, 8), "/v1/range/", URL_]) {
    assert.ok(!told.includes(secret), told);
  }
  assert.equal(error.cause, undefined);
}
