/** The client's answers, and what it refuses of whoever asks. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { bytesToHex } from "@noble/hashes/utils.js";

import type { Found } from "../src/answers.ts";
import { CouldNotCheckError, InputError } from "../src/errors.ts";
import { MemoryPins } from "../src/pins.ts";
import { hurried, json, pinned, refused } from "./asking.ts";
import {
  blindedIn,
  CLEAN,
  LEAKED,
  OTHER,
  publish,
  PUBLISHER,
  REGISTER,
  Service,
  signedAnew,
  URL_,
} from "./service.ts";

const PUBLICATION = await publish();
const { version, prefix_bits: prefixBits, datasets } = PUBLICATION.parameters;
const LANE = {
  version,
  publishedAt: "2026-11-22T10:00:00Z",
  prefixBits,
  searched: datasets.map((dataset) => dataset.name),
};
/** What every answer says of itself. */
const SEARCHED = {
  ...LANE,
  lanes: [{ lane: "public", ...LANE }],
  register: new Map(REGISTER.map((entry) => [entry.name, entry])),
};

test("a leaked person learns each leak, and which data in it were theirs", async () => {
  const { client } = await pinned(PUBLICATION);
  const answer = await client.check("iin", ` ${LEAKED} `);
  assert.deepEqual(answer, {
    answer: "found",
    ...SEARCHED,
    leaks: [
      { name: "first-leak", dataClasses: ["names", "email-addresses"], entry: REGISTER[0] },
      { name: "second-leak", dataClasses: ["government-issued-ids"], entry: REGISTER[1] },
    ],
  });
});

test("a person in no leak learns in which version that is so", async () => {
  const { client } = await pinned(PUBLICATION);
  const expected = { answer: "not_found", ...SEARCHED };
  assert.deepEqual(await client.check("iin", CLEAN), expected);
  assert.deepEqual(await client.check("iin", OTHER), expected);
});

test("phones and e-mail addresses are asked about too", async () => {
  const { client } = await pinned(PUBLICATION);
  assert.equal((await client.check("phone", "8 701 234 56 78")).answer, "not_found");
  assert.equal((await client.check("email", "Aigerim@Example.KZ")).answer, "not_found");
});

test("a leak that was loaded by other identifiers is not said to be searched", async () => {
  const { service, client } = await pinned(PUBLICATION);
  const kinds = datasets.map((dataset, at) => ({ ...dataset, kinds: at === 0 ? ["iin"] : ["iin", "phone"] }));
  service.publication = signedAnew(PUBLICATION, { datasets: kinds });
  const answer = await client.check("phone", "8 701 234 56 78");
  assert.deepEqual([answer.answer, answer.searched], ["not_found", ["second-leak"]]);
});

test("a leak without a register entry is found", async () => {
  const { service, client } = await pinned(PUBLICATION);
  service.lies.register = json([]);
  const answer = (await client.check("iin", LEAKED)) as Found;
  assert.deepEqual(answer.leaks.map((leak) => leak.entry), [null, null]);
});

test("an index that lacks a kind has no answer about it", async () => {
  const service = new Service(signedAnew(PUBLICATION, { kinds: ["iin"] }));
  const client = service.client();
  assert.equal((await client.check("iin", LEAKED)).answer, "found");
  service.seen.length = 0;
  await assert.rejects(
    client.check("email", "a@example.kz"),
    (error) => error instanceof CouldNotCheckError && error.code === "bad_parameters",
  );
  assert.deepEqual(service.seen.map(({ step }) => step), ["params", "register"]);
});

test("where no leak was loaded by such identifiers there is no answer about them", async () => {
  const service = new Service(PUBLICATION);
  const kinds = datasets.map((dataset) => ({ ...dataset, kinds: ["iin"] }));
  service.publication = signedAnew(PUBLICATION, { datasets: kinds });
  const client = service.client();
  assert.equal((await client.check("iin", LEAKED)).answer, "found");
  service.seen.length = 0;
  await assert.rejects(
    client.check("phone", "8 701 234 56 78"),
    (error) => error instanceof CouldNotCheckError && error.code === "bad_parameters",
  );
  assert.deepEqual(service.seen.map(({ step }) => step), ["params", "register"]);
});

test("a publisher's key that was given counts from the first use", async () => {
  const key = PUBLICATION.parameters.publisher_key;
  const service = new Service(PUBLICATION);
  const right = service.client({ publisherKey: key });
  assert.equal((await right.check("iin", LEAKED)).answer, "found");
  const wrong = service.client({ publisherKey: bytesToHex(PUBLISHER) });
  assert.equal(await refused(wrong), "bad_signature");
  for (const bad of ["", key.slice(1), key.toUpperCase(), `${key}\n`]) {
    assert.throws(
      () => service.client({ publisherKey: bad }),
      (error) => error instanceof InputError && error.code === "bad_usage",
    );
  }
});

test("pins that were given outlast the client; each service has its own", async () => {
  const service = new Service(PUBLICATION);
  const pins = new MemoryPins();
  await service.client({ pins }).check("iin", LEAKED);
  const { publisher_key: key } = PUBLICATION.parameters;
  await service.client({ pins, publisherKey: key }).check("iin", LEAKED);
  assert.equal(pins.read(URL_)?.counter, 3);
  assert.equal(pins.read(`${URL_}#${key}`)?.counter, 3);
  service.publication = await publish({ counter: 2 });
  const again = await hurried(() => refused(service.client({ pins })));
  assert.equal(again.result, "rolled_back");
  assert.equal((await service.client().check("iin", LEAKED)).answer, "found");
});

test("what is no identifier is refused, and nothing is sent", async () => {
  const service = new Service(PUBLICATION);
  for (const [kind, value, code] of [
    ["iin", "", "empty"],
    ["iin", LEAKED.slice(1), "iin_length"],
    ["iin", `${LEAKED.slice(0, -1)}0`, "iin_check_digit"],
    ["phone", LEAKED, "phone_invalid"],
    ["phone", "1-800-FLOWERS", "phone_invalid"],
    ["email", "a@b", "email_invalid"],
    ["email", "\udcff@example.com", "email_invalid"],
  ] as const) {
    await assert.rejects(service.client().check(kind, value), (error) => {
      assert.ok(error instanceof InputError);
      assert.equal(error.code, code);
      return true;
    });
  }
  assert.deepEqual(service.seen, []);
});

test("an unforeseen failure is no answer and tells its class alone", async () => {
  const { service } = await pinned(PUBLICATION);
  const pins = {
    read: () => null,
    write: () => {
      throw new RangeError(LEAKED);
    },
  };
  assert.equal(await refused(service.client({ pins })), "internal");
  await assert.rejects(
    service.client({ pins }).check("iin", LEAKED),
    (error) =>
      error instanceof CouldNotCheckError &&
      error.sentence === "could not check: unforeseen (RangeError)",
  );
  const value = 870402391009 as unknown as string; // as a caller in plain JavaScript may
  await assert.rejects(
    service.client().check("iin", value),
    (error) => error instanceof CouldNotCheckError && error.code === "internal",
  );
});

test("two questions at once do not disturb each other", async () => {
  const { client } = await pinned(PUBLICATION);
  const asked = [LEAKED, CLEAN, LEAKED, OTHER];
  const answers = await Promise.all(asked.map((iin) => client.check("iin", iin)));
  const expected = ["found", "not_found", "found", "not_found"];
  assert.deepEqual(answers.map(({ answer }) => answer), expected);
});

test("asking about one person again shows another blinded element each time", async () => {
  const { service, client } = await pinned(PUBLICATION);
  for (let time = 0; time < 4; time += 1) await client.check("iin", LEAKED);
  const asked = service.seen.filter(({ step }) => step === "evaluate").map(blindedIn);
  assert.equal(new Set(asked.flat()).size, 4);
});
