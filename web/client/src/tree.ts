/**
 * The Merkle tree over a version's ranges: whoever serves a range cannot change a byte of it.
 *
 * A full binary tree over the 2^prefix_bits leaves; leaves and nodes are told apart by their first
 * byte, so that no node can pass for a leaf (RFC 9162, section 2.1.1, for the same reason).
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";

import { HASH_BYTES, type Lane } from "./suite.ts";

/** The hash of one range's entries, bound to its lane, version counter and bucket. */
export function leaf(
  lane: Lane,
  counter: number,
  bucket: number,
  entries: Uint8Array,
): Uint8Array {
  const place = new Uint8Array(8);
  new DataView(place.buffer).setUint32(0, counter);
  new DataView(place.buffer).setUint32(4, bucket);
  return sha256(concatBytes(Uint8Array.of(0), utf8ToBytes(lane), Uint8Array.of(0), place, entries));
}

/** The hash of two children. */
export function node(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(concatBytes(Uint8Array.of(1), left, right));
}

/** The root that a leaf and its siblings, from the leaf up, lead to. */
export function root(leaf: Uint8Array, bucket: number, path: Uint8Array): Uint8Array {
  let result = leaf;
  for (let depth = 0; depth < path.length / HASH_BYTES; depth += 1) {
    const sibling = path.subarray(depth * HASH_BYTES, (depth + 1) * HASH_BYTES);
    const isRight = (bucket >>> depth) & 1;
    result = isRight ? node(sibling, result) : node(result, sibling);
  }
  return result;
}
