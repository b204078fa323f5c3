/** A service that lies about ranges and versions: no lie becomes an answer. */

import assert from "node:assert/strict";
import { test } from "node:test";

import * as entries from "../src/entries.ts";
import { body, flipped, honest, pinned, refused } from "./asking.ts";
import {
  CLEAN,
  DATASETS,
  LEAKED,
  OTHER,
  OTHER_OPRF,
  OTHER_PUBLISHER,
  publish,
  Service,
  signedAnew,
  tokenOf,
} from "./service.ts";

const PUBLICATION = await publish();
const RANGE = await honest(PUBLICATION, "range");

test("a range cut at any byte, or longer, is no answer", async () => {
  const { service, client } = await pinned(PUBLICATION);
  assert.ok(RANGE.length > 300);
  for (let length = 0; length < RANGE.length; length += 1) {
    service.lies.range = body(RANGE.slice(0, length));
    assert.equal(await refused(client, length % 2 ? LEAKED : CLEAN), "bad_range");
  }
  for (const more of [1, 8, 100_000]) {
    const long = new Uint8Array(RANGE.length + more);
    long.set(RANGE);
    service.lies.range = body(long);
    assert.equal(await refused(client), "bad_range");
  }
});

test("a range with any byte changed is no answer, also to whoever is in no leak", async () => {
  const { service, client } = await pinned(PUBLICATION);
  for (let at = 0; at < RANGE.length; at += 7) {
    service.lies.range = (reply) => ({ ...reply, body: flipped(reply.body, at) });
    assert.equal(await refused(client, at % 2 ? LEAKED : CLEAN), "bad_range", String(at));
  }
});

test("a genuine range of another bucket or another version is no answer", async () => {
  const { service, client } = await pinned(PUBLICATION);
  const older = await publish({ counter: 2 });
  const bucket = entries.bucket(await tokenOf(LEAKED), 10);
  const wrong = [PUBLICATION.ranges[bucket ^ 1], PUBLICATION.ranges[0], older.ranges[bucket]];
  for (const range of wrong) {
    service.lies.range = body(range as Uint8Array);
    assert.equal(await refused(client), "bad_range");
  }
});

test("a signed entry that names a data class which its dataset lacks is no answer", async () => {
  const service = new Service(await publish({ people: [[LEAKED, { 2: 0b11 }]] }));
  assert.equal(await refused(service.client()), "bad_range");
  const most = [{ ...DATASETS[1], data_classes: ["a", "b"] }];
  service.publication = signedAnew(service.publication, { datasets: most });
  assert.equal((await service.client().check("iin", LEAKED)).answer, "found");
});

test("a version that went is asked for anew, and the answer names the new one", async () => {
  for (const [iin, expected] of [
    [LEAKED, "not_found"],
    [OTHER, "found"],
  ] as const) {
    const { service, client } = await pinned(PUBLICATION);
    const newer = await publish({ people: [[OTHER, { 1: 0b1 }]], counter: 4 });
    service.lies.range = () => {
      delete service.lies.range;
      service.publication = newer;
      return new Response("{}", { status: 410 });
    };
    const { answer, version } = await client.check("iin", iin);
    assert.deepEqual([answer, version], [expected, newer.parameters.version]);
    const steps = ["params", "register", "evaluate", "range", "params", "range"];
    assert.deepEqual(service.seen.map(({ step }) => step), steps);
  }
});

test("a version that is gone for ever is no answer, after three tries", async () => {
  for (const iin of [LEAKED, CLEAN]) {
    const { service, client } = await pinned(PUBLICATION);
    service.lies.range = () => new Response("{}", { status: 410 });
    assert.equal(await refused(client, iin), "version_gone");
    assert.equal(service.seen.filter(({ step }) => step === "range").length, 3);
    assert.equal(service.seen.filter(({ step }) => step === "evaluate").length, 1);
  }
});

test("an older version or another key after a version went is refused", async () => {
  // a store that forgets at once: what was asked under must hold all the same
  const pins = { read: () => null, write: () => undefined };
  const lies: [Promise<typeof PUBLICATION>, string][] = [
    [publish({ counter: 2 }), "rolled_back"],
    [publish({ oprf: OTHER_OPRF, counter: 4 }), "pin_mismatch"],
    [publish({ publisher: OTHER_PUBLISHER, counter: 4 }), "pin_mismatch"],
    [publish({ prefixBits: 11, counter: 4 }), "pin_mismatch"],
  ];
  for (const [publication, code] of lies) {
    const service = new Service(PUBLICATION);
    const other = await publication;
    service.lies.range = (reply) => {
      service.publication = other;
      return service.seen.filter(({ step }) => step === "range").length > 1
        ? reply
        : new Response("{}", { status: 410 });
    };
    assert.equal(await refused(service.client({ pins })), code);
  }
});
