/**
 * The messages of a lookup as bytes: evaluate's JSON, a range's path and body.
 *
 * Decoders are strict: one spelling of each message, anything else is refused.
 */

import { bytesToHex, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";

import { Code, InputError } from "./errors.ts";
import { ELEMENT_BYTES, ENTRY_BYTES, HASH_BYTES, type Lane, PROOF_BYTES } from "./suite.ts";

export const RANGE_ROOT = "/v1/range/";
export const FILTER_ROOT = "/v1/filter/";
// ignoreBOM: a byte order mark is not ignored but left for JSON to refuse
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ELEMENT = new RegExp(`^[0-9a-f]{${2 * ELEMENT_BYTES}}$`);
const PROOF = new RegExp(`^[0-9a-f]{${2 * PROOF_BYTES}}$`);

// A number shorter than this could be an IIN or a phone number.
const SUBJECT = /^(?![0-9_-]{1,15}$)[A-Za-z0-9_-]{1,64}$/;
export const SUBJECT_FORM =
  "the app's own pseudonym of its user: 1 to 64 letters, digits, - and _, not a number of fewer " +
  "than 16 digits, and never an identifier";

/** `POST /v1/evaluate`: 1 to 64 blinded elements, 32 bytes each. */
export interface EvaluateRequest {
  readonly lane: Lane;
  readonly blinded: readonly Uint8Array[];
}

/** Its reply: evaluated elements, 32 bytes each, and one 64-byte proof. */
export interface EvaluateResponse {
  readonly evaluated: readonly Uint8Array[];
  readonly proof: Uint8Array;
}

/** The two parts of a range: its entries, and the siblings from the leaf up. */
export interface RangeBody {
  readonly entries: Uint8Array;
  readonly path: Uint8Array;
}

/** Whether this may stand in `X-Subject`: a plain name that can be no identifier. */
export function isSubject(text: string): boolean {
  return SUBJECT.test(text);
}

/** The body of a request. */
export function encodeEvaluateRequest(request: EvaluateRequest): Uint8Array<ArrayBuffer> {
  const blinded = request.blinded.map((element) => bytesToHex(element));
  return new Uint8Array(utf8ToBytes(JSON.stringify({ lane: request.lane, blinded })));
}

/**
 * Read the body of a reply; unknown keys are ignored.
 *
 * @throws InputError BAD_EVALUATION.
 */
export function decodeEvaluateResponse(body: Uint8Array): EvaluateResponse {
  const { evaluated, proof } = object(body);
  if (!Array.isArray(evaluated) || !evaluated.every(isElement) || !isProof(proof)) {
    throw new InputError(Code.BAD_EVALUATION, "the service's evaluation is malformed");
  }
  return { evaluated: evaluated.map((element) => hexToBytes(element)), proof: hexToBytes(proof) };
}

/** The path of a version's filter. */
export function filterPath({ lane, version }: { lane: Lane; version: string }): string {
  return `${FILTER_ROOT}${lane}/${version}`;
}

/** The path of a range. */
export function rangePath(lane: Lane, version: string, prefix: string): string {
  return `${RANGE_ROOT}${lane}/${version}/${prefix}`;
}

/**
 * The two parts of a body.
 *
 * @throws InputError BAD_RANGE, the body has another length than every range of its version.
 */
export function splitRange(body: Uint8Array, rangeEntries: number, prefixBits: number): RangeBody {
  const at = ENTRY_BYTES * rangeEntries;
  if (body.length !== at + HASH_BYTES * prefixBits) {
    throw new InputError(Code.BAD_RANGE, "the range is not whole");
  }
  return { entries: body.subarray(0, at), path: body.subarray(at) };
}

function isElement(raw: unknown): raw is string {
  return typeof raw === "string" && ELEMENT.test(raw);
}

function isProof(raw: unknown): raw is string {
  return typeof raw === "string" && PROOF.test(raw);
}

function object(body: Uint8Array): Record<string, unknown> {
  try {
    const raw: unknown = JSON.parse(UTF8.decode(body));
    return typeof raw === "object" && raw !== null ? (raw as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
