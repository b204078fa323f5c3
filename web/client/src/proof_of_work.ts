/**
 * Proof of work (ALTCHA, version 2, with Argon2id): what a service asks of a network that asks much.
 *
 * The service tells what Argon2id makes of a number; we try numbers until we find it. It depends on
 * how much was asked from here, and on nothing else.
 */

import { argon2id } from "hash-wasm";

/** The header that a solution travels in. */
export const HEADER = "Qorgan-Proof-Of-Work";

const MOST_MEMORY_KIB = 64 * 1024; // that we will take
const MOST_MILLISECONDS = 60_000; // that we will work

interface Parameters {
  readonly nonce: Uint8Array;
  readonly salt: Uint8Array;
  readonly cost: number;
  readonly memoryCost: number;
  readonly keyLength: number;
  readonly keyPrefix: string;
}

/** The header's value, after some work; null for what is no challenge, or asks for too much. */
export async function solve(challenge: unknown): Promise<string | null> {
  const asked = parse(challenge);
  if (asked === null) return null;
  const password = new Uint8Array(asked.nonce.length + 4);
  password.set(asked.nonce);
  const view = new DataView(password.buffer);
  const end = performance.now() + MOST_MILLISECONDS;
  for (let counter = 0; performance.now() < end; counter += 1) {
    view.setUint32(asked.nonce.length, counter);
    const derivedKey = await argon2id({
      password,
      salt: asked.salt,
      iterations: asked.cost,
      memorySize: asked.memoryCost,
      parallelism: 1,
      hashLength: asked.keyLength,
      outputType: "hex",
    });
    if (derivedKey.startsWith(asked.keyPrefix)) {
      return btoa(JSON.stringify({ challenge, solution: { counter, derivedKey } }));
    }
  }
  return null;
}

function parse(challenge: unknown): Parameters | null {
  if (!isRecord(challenge) || !isRecord(challenge.parameters)) return null;
  const { algorithm, nonce, salt, cost, memoryCost, keyLength, keyPrefix } = challenge.parameters;
  if (algorithm !== "ARGON2ID" || !isHex(nonce) || !isHex(salt) || !isHex(keyPrefix)) return null;
  if (salt.length < 16 || nonce.length > 128) return null;
  if (!isWhole(cost, 1, 4) || !isWhole(memoryCost, 8, MOST_MEMORY_KIB)) return null;
  if (!isWhole(keyLength, 16, 64)) return null;
  const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (b) => parseInt(b, 16));
  return { nonce: bytes(nonce), salt: bytes(salt), cost, memoryCost, keyLength, keyPrefix };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isHex(value: unknown): value is string {
  return typeof value === "string" && /^(?:[0-9a-f]{2}){1,64}$/.test(value);
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}
