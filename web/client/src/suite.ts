/** The one suite of protocol version 1: names and sizes that every other module shares. */

export const PROTOCOL = 1;
export const SUITE = "ristretto255-SHA512"; // RFC 9497, section 4.1
export const MODE = "voprf"; // RFC 9497, mode 0x01

export const ELEMENT_BYTES = 32; // a serialised ristretto255 element, RFC 9496
export const PROOF_BYTES = 64; // two scalars: c and s, RFC 9497 section 2.2.1
export const TOKEN_BYTES = 32; // output[0:32]
export const PERSON_BYTES = 8; // token[0:8]
export const BLOCK_BYTES = 8;
export const ENTRY_BYTES = 8;
export const HASH_BYTES = 32; // SHA-256: leaves, nodes, root
export const SALT_BYTES = 16; // the Argon2 salt and the version salt
export const SIGNATURE_BYTES = 64; // Ed25519

export const MIN_PREFIX_BITS = 10;
export const MAX_PREFIX_BITS = 20;
export const MAX_DATASET_ID = 65535;
export const MAX_DATA_CLASSES = 16; // the field mask has 16 bits
export const MAX_ARGON2_MEMORY_KIB = 64 * 1024; // a five-year-old phone has that for a page
export const MAX_ARGON2_PASSES = 4;

/** Who may ask: an index has two lanes with an OPRF key each. */
export const LANES = ["public", "verified"] as const;
export type Lane = (typeof LANES)[number];

/** The kinds of identifier. */
export const KINDS = ["iin", "phone", "email"] as const;
export type Kind = (typeof KINDS)[number];
