/** Offline checks: what is answered from the filter here, and what the service sees of it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Code, CouldNotCheckError, InputError } from "../src/errors.ts";
import { type FilterStore, MemoryFilters } from "../src/filters.ts";
import { OfflineClient } from "../src/offline.ts";
import { assertSaysNothing, flipped, hurried } from "./asking.ts";
import {
  API_KEY,
  type Asked,
  CLEAN,
  LEAKED,
  type Lie,
  OTHER,
  publish,
  rangeIn,
  type Reply,
  Service,
  signedAnew,
} from "./service.ts";

const PUBLICATION = await publish();
const NEWER = await publish({ people: [[OTHER, { 1: 1 }]], counter: 4 });
const NAME = nameOf(PUBLICATION);

function nameOf({ parameters }: typeof PUBLICATION): string {
  return `public-${parameters.version}-${parameters.filter.sha256.slice(0, 16)}.filter`;
}

function made(store: FilterStore = new MemoryFilters()) {
  const service = new Service(PUBLICATION);
  return { service, store, offline: new OfflineClient(service.client(), store) };
}

/** What was asked since this was last asked, in alphabetical order. */
function steps(service: Service): string[] {
  return service.seen.splice(0).map(({ step }) => step).sort();
}

async function refused(offline: OfflineClient, code: string): Promise<void> {
  const { result } = await hurried(() => offline.check("iin", LEAKED).catch((error) => error));
  assert.ok(result instanceof CouldNotCheckError, String(result));
  assert.equal(result.code, code);
  await assertSaysNothing(result, LEAKED);
}

function before(honest: number, lie: Lie): Lie {
  let asked = 0;
  return (reply, about: Asked) => ((asked += 1) <= honest ? reply : lie(reply, about));
}

/** The filter comes in parts of 500 bytes at most, whatever was asked for. */
const short: Lie = (reply) => ({ ...(reply as Reply), body: reply.body.slice(0, 500) });

test("a miss is not found in this version, and a hit is possible", async () => {
  const { offline } = made();
  const miss = await offline.check("iin", CLEAN);
  const about = {
    version: PUBLICATION.parameters.version,
    publishedAt: PUBLICATION.parameters.published_at,
    prefixBits: 0,
    searched: ["first-leak", "second-leak"],
  };
  assert.deepEqual(
    { ...miss, register: miss.register.size > 1 },
    { answer: "not_found", ...about, lanes: [{ lane: "public", ...about }], register: true },
  );
  const hit = await offline.check("iin", LEAKED);
  assert.deepEqual({ ...hit, answer: "not_found" }, miss);
  assert.equal(hit.answer, "possible");
});

test("no request depends on an answer", async () => {
  const { offline, service } = made();
  assert.equal(await offline.refresh(), PUBLICATION.parameters.version);
  assert.deepEqual(steps(service), ["filter", "params"]);
  for (const iin of [LEAKED, CLEAN]) {
    await offline.check("iin", iin);
    assert.deepEqual(steps(service), ["evaluate", "params", "register"]);
  }
});

test("a range is asked only for a hit, and only where that is allowed", async () => {
  const { offline, service } = made();
  await offline.refresh();
  steps(service);
  const found = await offline.check("iin", LEAKED, { confirm: true });
  assert.ok(found.answer === "found");
  assert.deepEqual(found.leaks.map(({ name }) => name), ["first-leak", "second-leak"]);
  assert.equal(found.prefixBits, 10);
  assert.deepEqual(steps(service), ["evaluate", "params", "range", "register"]);
  assert.equal((await offline.check("iin", CLEAN, { confirm: true })).answer, "not_found");
  assert.deepEqual(steps(service), ["evaluate", "params", "register"]);
});

test("a stranger whom the filter has is cleared by the range", async () => {
  const { service, offline } = made();
  const full = new Uint8Array(PUBLICATION.filter.length).fill(0xff);
  const sha256 = await crypto.subtle.digest("SHA-256", full);
  const filter = {
    ...PUBLICATION.parameters.filter,
    sha256: Buffer.from(sha256).toString("hex"),
  };
  service.publication = { ...signedAnew(PUBLICATION, { filter }), filter: full };
  assert.equal((await offline.check("iin", CLEAN)).answer, "possible");
  assert.equal((await offline.check("iin", CLEAN, { confirm: true })).answer, "not_found");
});

test("the filter is fetched once, and goes on after a cut in the next program", async () => {
  const store = new MemoryFilters();
  const first = made(store);
  first.service.lies.filter = before(2, () => new Response(null, { status: 503 }));
  const parts = first.service.lies.filter;
  first.service.lies.filter = (reply, asked) => parts(short(reply, asked) as Reply, asked);
  await refused(first.offline, Code.SERVICE_UNREACHABLE);
  assert.deepEqual(await store.read(NAME), PUBLICATION.filter.slice(0, 1000));
  assert.equal(first.service.seen.filter(({ step }) => step === "filter").length, 2 + 3);

  const second = made(store);
  assert.equal((await second.offline.check("iin", LEAKED)).answer, "possible");
  const ranges = second.service.seen.filter(({ step }) => step === "filter").map(rangeIn);
  assert.deepEqual(ranges, ["bytes=1000-1249"]);
  assert.deepEqual(await store.read(NAME), PUBLICATION.filter);
  const third = made(store);
  await third.offline.refresh();
  await third.offline.refresh();
  assert.deepEqual(steps(third.service), ["params", "params"]);
});

test("a filter with a wrong byte is never asked, and is not kept", async () => {
  const { service, offline, store } = made();
  for (const at of [0, 600, 1249]) {
    service.lies.filter = (reply) => ({ ...reply, body: flipped(reply.body, at) });
    await refused(offline, Code.BAD_RANGE);
    assert.equal(await store.read(NAME), null);
  }
});

test("what an earlier program left is tried once, then all is fetched anew", async () => {
  for (const left of [new Uint8Array(700), new Uint8Array(1250), new Uint8Array(1300)]) {
    const { offline, store } = made();
    await store.append(NAME, left);
    assert.equal((await offline.check("iin", LEAKED)).answer, "possible");
    assert.deepEqual(await store.read(NAME), PUBLICATION.filter);
  }
});

test("a new version's filter replaces the one before", async () => {
  const { service, offline, store } = made();
  await offline.refresh();
  service.publication = NEWER;
  assert.equal((await offline.check("iin", OTHER)).answer, "possible");
  assert.equal((await offline.check("iin", LEAKED)).answer, "not_found");
  assert.equal(await store.read(NAME), null);
  assert.deepEqual(await store.read(nameOf(NEWER)), NEWER.filter);
});

test("a version that goes while its filter is fetched is no answer, and the next one is", async () => {
  const { service, offline } = made();
  service.lies.filter = before(1, () => {
    service.publication = NEWER;
    delete service.lies.filter;
    return new Response("{}", { status: 410 });
  });
  const parts = service.lies.filter;
  service.lies.filter = (reply, asked) => parts(short(reply, asked) as Reply, asked);
  assert.equal(await offline.refresh(), NEWER.parameters.version);
  const other = made();
  other.service.lies.filter = () => new Response("{}", { status: 410 });
  await refused(other.offline, Code.VERSION_GONE);
});

test("a whole file is taken in place of a part that is as long", async () => {
  const { service, offline } = made();
  service.lies.filter = () => ({ status: 200, headers: {}, body: PUBLICATION.filter });
  await offline.refresh();
  const other = made();
  await other.store.append(NAME, PUBLICATION.filter.slice(0, 5));
  other.service.lies.filter = service.lies.filter;
  await refused(other.offline, Code.SERVICE_UNREACHABLE);
});

test("whatever fails, there is no answer", async () => {
  for (const step of ["params", "register", "evaluate", "filter"] as const) {
    const { service, offline } = made();
    service.lies[step] = () => new Response("{}", { status: 503 });
    await refused(offline, Code.SERVICE_UNREACHABLE);
  }
  const broken = { read: () => Promise.reject(new Error(LEAKED)) } as unknown as FilterStore;
  await refused(made(broken).offline, Code.BAD_FILE);
  const filter = { ...PUBLICATION.parameters.filter, bits: 2 ** 31 + 8, bytes: 2 ** 28 + 1 };
  const { service, offline } = made();
  service.publication = signedAnew(PUBLICATION, { filter });
  await refused(offline, Code.BAD_PARAMETERS);
});

test("two questions at once fetch one filter", async () => {
  const { service, offline } = made();
  await Promise.all([offline.check("iin", LEAKED), offline.check("iin", CLEAN)]);
  assert.equal(steps(service).filter((step) => step === "filter").length, 1);
});

test("the verified lane's filter is fetched with its key", async () => {
  const { service } = made();
  service.verified = await publish({ people: [[LEAKED, { 3: 1 }]], lane: "verified" });
  const client = service.client({ apiKey: API_KEY, lanes: ["verified"] });
  const offline = new OfflineClient(client);
  const hit = await offline.check("iin", LEAKED, { subject: "user-7" });
  assert.deepEqual([hit.answer, hit.searched], ["possible", ["clinic"]]);
  const found = await offline.check("iin", LEAKED, { confirm: true });
  assert.ok(found.answer === "found" && found.leaks[0]?.name === "clinic");
  assert.equal((await offline.check("iin", CLEAN)).answer, "not_found");
  assert.throws(
    () => new OfflineClient(service.client({ apiKey: API_KEY, lanes: ["public", "verified"] })),
    InputError,
  );
});

test("what is no pseudonym is refused before anything is sent", async () => {
  const { service, offline } = made();
  await assert.rejects(offline.check("iin", CLEAN, { subject: CLEAN }), InputError);
  assert.deepEqual(steps(service), []);
});

test("what is no identifier is refused before anything is sent", async () => {
  const { service, offline } = made();
  await assert.rejects(offline.check("iin", "1"), InputError);
  assert.deepEqual(steps(service), []);
});
