/**
 * Argon2id over the canonical identifier: a speed bump should the OPRF key ever be stolen.
 *
 * It is no more than that: there are under 10^9 IINs.
 */

import { argon2id } from "hash-wasm";

import type { Kind } from "./suite.ts";

const STRETCHED_BYTES = 32;

/** The index's cost, fixed by its operator: 16-byte salt, memory in KiB, passes, lanes. */
export interface Argon2Parameters {
  readonly salt: Uint8Array;
  readonly memoryKib: number;
  readonly timeCost: number;
  readonly parallelism: number;
}

/** The 32-byte input of the OPRF: Argon2id, version 0x13, of `kind ":" canonical`. */
export function stretch(
  kind: Kind,
  canonical: string,
  argon2: Argon2Parameters,
): Promise<Uint8Array> {
  return argon2id({
    password: `${kind}:${canonical}`,
    salt: argon2.salt,
    iterations: argon2.timeCost,
    memorySize: argon2.memoryKib,
    parallelism: argon2.parallelism,
    hashLength: STRETCHED_BYTES,
    outputType: "binary",
  });
}
