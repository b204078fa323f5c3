/** The vector files that all implementations share, read where they are. */

import { readFileSync } from "node:fs";

/** From build/test, where this runs, to the repository's tests/vectors. */
const FOLDER = new URL("../../../../tests/vectors/", import.meta.url);

export interface TextCase {
  readonly input: string;
  readonly canonical?: string;
  readonly code?: string;
  readonly why: string;
}

export interface TextVectors {
  readonly valid: readonly (TextCase & { readonly canonical: string })[];
  readonly invalid: readonly (TextCase & { readonly code: string })[];
}

export interface IinVectors {
  readonly valid: readonly { readonly iin: string; readonly why: string }[];
  readonly invalid: readonly { readonly iin: string; readonly why: string }[];
  readonly policy_dependent: readonly { readonly iin: string; readonly why: string }[];
  readonly bin: readonly { readonly bin: string }[];
}

export interface ProtocolCase {
  readonly kind: "iin" | "phone" | "email";
  readonly canonical: string;
  readonly stretched: string;
  readonly output: string;
  readonly token: string;
  readonly person: string;
  readonly probes: Readonly<Record<string, readonly number[]>>;
  readonly prefixes: Readonly<Record<string, string>>;
  readonly entries: readonly {
    readonly dataset: number;
    readonly fields: number;
    readonly block: string;
    readonly entry: string;
  }[];
}

export interface ProtocolVectors {
  readonly key: Readonly<Record<"seed" | "info" | "secret_key" | "public_key", string>>;
  readonly argon2: {
    readonly salt: string;
    readonly memory_kib: number;
    readonly time_cost: number;
    readonly parallelism: number;
  };
  readonly version_salt: string;
  readonly cases: readonly ProtocolCase[];
  readonly version: {
    readonly params: string;
    readonly publisher_key: string;
    readonly signature: string;
    readonly ranges: readonly string[];
    readonly found: readonly Readonly<Record<string, number>>[];
  };
}

export interface OprfVectors {
  readonly identifier: string;
  readonly mode: number;
  readonly seed: string;
  readonly keyInfo: string;
  readonly pkSm: string;
  readonly skSm: string;
  readonly vectors: readonly {
    readonly Batch: number;
    readonly Blind: string;
    readonly BlindedElement: string;
    readonly EvaluationElement: string;
    readonly Input: string;
    readonly Output: string;
    readonly Proof: { readonly proof: string; readonly r: string };
  }[];
}

export interface ClientVectors {
  readonly publisher_key: string;
  readonly documents: readonly {
    readonly why: string;
    readonly params: string;
    readonly signature: string;
    readonly code: string | null;
  }[];
  readonly pins: readonly {
    readonly why: string;
    readonly first: number;
    readonly then: number;
    readonly code: string | null;
  }[];
  readonly lookups: readonly {
    readonly why: string;
    readonly document: number;
    readonly iin: string;
    readonly token: string;
    readonly prefix: string;
    readonly range: string;
    readonly found: Readonly<Record<string, number>> | null;
    readonly code: string | null;
  }[];
  readonly filter: {
    readonly document: number;
    readonly filter: string;
    readonly persons: readonly { readonly person: string; readonly is_in: boolean }[];
  };
}

export const email = read<TextVectors>("email.json");
export const phone = read<TextVectors>("phone.json");
export const iin = read<IinVectors>("iin.json");
export const protocol = read<ProtocolVectors>("protocol-v1.json");
export const client = read<ClientVectors>("client-v1.json");
export const oprf = read<readonly OprfVectors[]>("rfc9497-ristretto255.json");

function read<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, FOLDER), "utf8")) as T;
}
