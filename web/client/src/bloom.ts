/**
 * The Bloom filter, for apps that hold one: who is in it may be in a leak, nobody else is.
 *
 * Bit n is bit n % 8 (from the least) of byte n // 8. A hit alone is never "found": the entry
 * in the person's range confirms it.
 */

import { Code, InputError } from "./errors.ts";
import { PERSON_BYTES } from "./suite.ts";

const WORD = (1n << 64n) - 1n;

/** The bit numbers of a person (its 8 bytes as a big-endian integer). */
export function* probes(person: Uint8Array, bits: number, count: number): Generator<number> {
  const number = new DataView(person.buffer, person.byteOffset, PERSON_BYTES).getBigUint64(0);
  const h1 = splitmix64(number);
  const h2 = splitmix64(h1) | 1n;
  for (let i = 0n; i < count; i += 1n) yield Number(((h1 + i * h2) & WORD) % BigInt(bits));
}

/**
 * Whether all bits of a person are set.
 *
 * @throws InputError BAD_FILE: a filter that is not whole says nothing about anybody.
 */
export function contains(
  filter: Uint8Array,
  person: Uint8Array,
  bits: number,
  count: number,
): boolean {
  if (filter.length !== Math.ceil(bits / 8)) {
    throw new InputError(Code.BAD_FILE, "the filter is not whole; fetch it again");
  }
  for (const bit of probes(person, bits, count)) {
    const byte = filter[Math.floor(bit / 8)] as number;
    if (((byte >>> (bit % 8)) & 1) === 0) return false;
  }
  return true;
}

/** Sebastiano Vigna's splitmix64: one step of its generator from state x. */
function splitmix64(x: bigint): bigint {
  x = (x + 0x9e3779b97f4a7c15n) & WORD;
  x = ((x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n) & WORD;
  x = ((x ^ (x >> 27n)) * 0x94d049bb133111ebn) & WORD;
  return x ^ (x >> 31n);
}
