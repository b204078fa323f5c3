/**
 * What a token gives: person, bucket, and one entry for each dataset a person is in.
 *
 * To whoever lacks the token every byte of an entry is random; with it, the entry of each dataset
 * can be recognised by its first six bytes, and the last two unmask the person's data classes.
 */

import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";

import { BLOCK_BYTES, ENTRY_BYTES, PERSON_BYTES, TOKEN_BYTES } from "./suite.ts";

const ENTRY_INFO = utf8ToBytes("qorgan v1 entry");
const MASK_AT = 6; // entry = 6 bytes to recognise, 2 bytes of masked fields

/** The 32-byte token of a 64-byte OPRF output. */
export function token(output: Uint8Array): Uint8Array {
  return output.slice(0, TOKEN_BYTES);
}

/** The 8 bytes that stand for a person in ledger, filter and subscriptions; never sent. */
export function person(token: Uint8Array): Uint8Array {
  return token.slice(0, PERSON_BYTES);
}

/** The number of the range a token falls into: its first `prefixBits` bits. */
export function bucket(token: Uint8Array, prefixBits: number): number {
  return view(token).getUint32(0) >>> (32 - prefixBits);
}

/** A bucket as it stands in a URL: lower-case hex, ceil(prefixBits / 4) digits. */
export function prefix(bucket: number, prefixBits: number): string {
  return bucket.toString(16).padStart(prefixDigits(prefixBits), "0");
}

/** How many hex digits a prefix has. */
export function prefixDigits(prefixBits: number): number {
  return Math.ceil(prefixBits / 4);
}

/** The 8 bytes that tie a token to a dataset. */
export function block(token: Uint8Array, datasetId: number): Uint8Array {
  const id = Uint8Array.of(datasetId >>> 8, datasetId & 0xff);
  return hmac(sha256, token, concatBytes(ENTRY_INFO, id)).slice(0, BLOCK_BYTES);
}

/** The 8-byte entry of one version; `fields` is the 16-bit mask of data classes. */
export function entry(block: Uint8Array, versionSalt: Uint8Array, fields: number): Uint8Array {
  const result = sha256(concatBytes(block, versionSalt)).slice(0, ENTRY_BYTES);
  view(result).setUint16(MASK_AT, view(result).getUint16(MASK_AT) ^ fields);
  return result;
}

/** The field mask of the entry made from this block, or null where there is none. */
export function find(
  entries: Uint8Array,
  block: Uint8Array,
  versionSalt: Uint8Array,
): number | null {
  const rows = view(entries);
  const wanted = view(entry(block, versionSalt, 0));
  for (let at = 0; at < entries.length; at += ENTRY_BYTES) {
    const isSame =
      rows.getUint32(at) === wanted.getUint32(0) && rows.getUint16(at + 4) === wanted.getUint16(4);
    if (isSame) return rows.getUint16(at + MASK_AT) ^ wanted.getUint16(MASK_AT);
  }
  return null;
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
