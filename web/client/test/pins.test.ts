/** What a client remembers of a service, and what it then refuses. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { CouldNotCheckError } from "../src/errors.ts";
import type { Parameters } from "../src/parameters.ts";
import { checkPin, MemoryPins, type Pin, pinOf, type PinStore, StoredPins } from "../src/pins.ts";
import { ARGON2, publish, signedAnew } from "./service.ts";

const PUBLICATION = await publish();
const SEEN = PUBLICATION.parameters;
const SERVICE = "https://qorgan.example";
const KEY = `qorgan-pin:${SERVICE}`;

/** A storage such as a browser's. */
class FakeStorage {
  readonly items = new Map<string, string>();
  writes = 0;

  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.writes += 1;
    this.items.set(key, value);
  }
}

function changed(changes: Readonly<Record<string, unknown>>): Parameters {
  return signedAnew(PUBLICATION, changes).parameters;
}

function version(counter: number): { readonly version: string } {
  return { version: `${counter}-${SEEN.root.slice(0, 8)}` };
}

function refused(store: PinStore, seen: Parameters): string {
  try {
    checkPin(store, SERVICE, seen);
  } catch (error) {
    assert.ok(error instanceof CouldNotCheckError, String(error));
    assert.match(error.sentence, /^could not check: /);
    return error.code;
  }
  return assert.fail("accepted");
}

const STORES: readonly [string, () => PinStore][] = [
  ["in memory", () => new MemoryPins()],
  ["in a storage", () => new StoredPins(new FakeStorage())],
];

for (const [where, made] of STORES) {
  test(`the first use is pinned, ${where}`, () => {
    const store = made();
    assert.equal(store.read(SERVICE), null);
    checkPin(store, SERVICE, SEEN);
    assert.deepEqual(store.read(SERVICE), pinOf(SEEN));
    assert.equal(store.read(`${SERVICE}/other`), null);
    checkPin(store, SERVICE, SEEN);
  });

  test(`keys, salt and costs must stay, ${where}`, () => {
    const store = made();
    checkPin(store, SERVICE, SEEN);
    for (const changes of [
      { publisher_key: "ab".repeat(32) },
      { public_key: "ab".repeat(32) },
      { argon2: { ...ARGON2, salt: "ab".repeat(16) } },
      { argon2: { ...ARGON2, memory_kib: 65 } },
      { argon2: { ...ARGON2, time_cost: 2 } },
      { argon2: { ...ARGON2, parallelism: 2 } },
      { prefix_bits: 11 },
    ]) {
      assert.equal(refused(store, changed(changes)), "pin_mismatch", JSON.stringify(changes));
      assert.equal(refused(store, changed({ ...changes, ...version(9) })), "pin_mismatch");
    }
    assert.deepEqual(store.read(SERVICE), pinOf(SEEN));
  });

  test(`a counter never goes back, ${where}`, () => {
    const store = made();
    checkPin(store, SERVICE, SEEN);
    checkPin(store, SERVICE, changed(version(5)));
    assert.equal(store.read(SERVICE)?.counter, 5);
    for (const counter of [0, 3, 4]) {
      assert.equal(refused(store, changed(version(counter))), "rolled_back");
    }
    checkPin(store, SERVICE, changed(version(5)));
    assert.equal(store.read(SERVICE)?.counter, 5);
  });
}

test("fewer prefix bits are accepted, and the pin stays as it was", () => {
  const store = new MemoryPins();
  const wider = changed({ prefix_bits: 12 });
  checkPin(store, SERVICE, wider);
  checkPin(store, SERVICE, changed({ prefix_bits: 11, ...version(4) }));
  assert.deepEqual(store.read(SERVICE), { ...pinOf(wider), counter: 4 });
  checkPin(store, SERVICE, changed({ prefix_bits: 12, ...version(4) }));
  assert.equal(refused(store, changed({ prefix_bits: 13, ...version(4) })), "pin_mismatch");
});

test("a stored pin is six fields about the service, written when it changed", () => {
  const storage = new FakeStorage();
  const store = new StoredPins(storage);
  checkPin(store, SERVICE, SEEN);
  checkPin(store, SERVICE, SEEN);
  assert.equal(storage.writes, 1);
  assert.deepEqual([...storage.items.keys()], [KEY]);
  const kept = JSON.parse(storage.items.get(KEY) ?? "") as Pin;
  const expected = ["publisher_key", "public_key", "argon2", "prefix_bits", "counter", "root"];
  assert.deepEqual(Object.keys(kept), expected);
  assert.deepEqual(Object.keys(kept.argon2), Object.keys(ARGON2));
});

test("a stored pin that cannot be read does not count as none", () => {
  const good = JSON.stringify(pinOf(SEEN));
  const without = Object.keys(pinOf(SEEN)).map((name) =>
    JSON.stringify({ ...pinOf(SEEN), [name]: null }),
  );
  const wrong = [{ publisher_key: "ab" }, { counter: 1.5 }, { counter: "1" }, { prefix_bits: "9" }];
  const other = wrong.map((changes) => JSON.stringify({ ...pinOf(SEEN), ...changes }));
  const texts = ["", "{", "null", "1", "[]", "{}", good.slice(0, -1)];
  for (const bad of [...texts, ...without, ...other]) {
    const storage = new FakeStorage();
    storage.items.set(KEY, bad);
    assert.equal(refused(new StoredPins(storage), SEEN), "bad_file", bad);
    assert.equal(storage.items.get(KEY), bad);
  }
  assert.equal(without.length, 6);
});

test("a storage that refuses to work is an error and not a missing pin", () => {
  const broken = () => {
    throw new DOMException(SERVICE, "QuotaExceededError");
  };
  const empty = { getItem: () => null, setItem: broken };
  assert.equal(refused(new StoredPins({ getItem: broken, setItem: broken }), SEEN), "bad_file");
  assert.equal(refused(new StoredPins(empty), SEEN), "bad_file");
});
