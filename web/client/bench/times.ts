/**
 * What one lookup costs the device that asks: `npm run bench`.
 *
 * Prints, for each step, the fastest and the median of 40 runs in milliseconds, after 5 that do not
 * count; the first run of all, which a page's only lookup is, stands beside them.
 */

import { cpus } from "node:os";

import { ristretto255_oprf } from "@noble/curves/ed25519.js";
import { hexToBytes, randomBytes } from "@noble/hashes/utils.js";

import * as entries from "../src/entries.ts";
import { iin } from "../src/identifiers.ts";
import { Blinding } from "../src/oprf.ts";
import { parse, verify } from "../src/parameters.ts";
import { stretch } from "../src/stretch.ts";
import * as tree from "../src/tree.ts";
import { LEAKED, publish, Service } from "../test/service.ts";

const WARM = 5;
const RUNS = 40;
const ENTRIES = 4160; // of a range at 16 million people
const PATH_BYTES = 12 * 32; // at 12 prefix bits
const { voprf } = ristretto255_oprf;

async function measure(name: string, run: () => unknown): Promise<void> {
  const times = [];
  for (let at = 0; at < WARM + RUNS; at += 1) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  const counted = times.slice(WARM).sort((left, right) => left - right);
  const [fastest = 0, median = 0, first = 0] = [counted[0], counted[RUNS / 2], times[0]];
  const columns = [fastest, median, first].map((time) => time.toFixed(2).padStart(9));
  console.log(`${name.padEnd(28)}${columns.join("")}`);
}

const salt = new Uint8Array(16).fill(7);
const input = new Uint8Array(32).fill(1);
const key = voprf.deriveKeyPair(new Uint8Array(32), new Uint8Array(0));
const blinding = new Blinding([input]);
const evaluation = voprf.blindEvaluateBatch(key.secretKey, key.publicKey, [...blinding.blinded]);
const publication = await publish();
const { document, signature, parameters } = publication;
const publisher = hexToBytes(parameters.publisher_key);
const range = randomBytes(8 * ENTRIES);
const path = randomBytes(PATH_BYTES);
const blocks = Array.from({ length: 20 }, (_, id) => entries.block(input, id + 1));

console.log(`Node ${process.version}, ${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores`);
const heads = ["fastest", "median", "first"].map((head) => head.padStart(9));
console.log(`${"ms".padEnd(28)}${heads.join("")}`);
await measure("iin/canonical", () => iin(LEAKED));
const costs = { salt, parallelism: 1 };
await measure("stretch/1 MiB, 1 pass", () =>
  stretch("iin", LEAKED, { ...costs, memoryKib: 1024, timeCost: 1 }),
);
await measure("stretch/19 MiB, 2 passes", () =>
  stretch("iin", LEAKED, { ...costs, memoryKib: 19 * 1024, timeCost: 2 }),
);
await measure("oprf/blind", () => new Blinding([input]));
await measure("oprf/finalize", () => blinding.finalize(evaluation, key.publicKey));
await measure("parameters/parse and verify", () => {
  parse(document);
  verify(publisher, document, hexToBytes(signature));
});
await measure("range/root", () => tree.root(tree.leaf("public", 1, 5, range), 5, path));
await measure("range/find in 20 datasets", () =>
  blocks.map((block) => entries.find(range, block, salt)),
);
const client = new Service(publication).client();
await measure("client/check, service too", () => client.check("iin", LEAKED));
