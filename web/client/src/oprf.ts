/**
 * The client's half of the verifiable OPRF of RFC 9497, suite ristretto255-SHA512, mode 0x01.
 *
 * The only file that knows noble's OPRF. Elements are checked when they are deserialised (section
 * 3.3: not canonical, or the identity, is refused).
 */

import { ristretto255_oprf } from "@noble/curves/ed25519.js";

import { Code, InputError } from "./errors.ts";

const { voprf } = ristretto255_oprf;

/** A server's reply: evaluated elements in the order asked, one proof for all of them. */
export interface Evaluation {
  readonly evaluated: readonly Uint8Array[];
  readonly proof: Uint8Array;
}

/** Where random bytes come from; given only by tests, to come to an RFC's numbers. */
export type Random = (length?: number) => Uint8Array;

/** A client's secret state between blind and finalize, for a batch of inputs. */
export class Blinding {
  readonly blinded: readonly Uint8Array[];
  readonly #secrets: readonly { readonly input: Uint8Array; readonly blind: Uint8Array }[];

  /** Blind each input with fresh randomness, RFC 9497 section 3.3.2. */
  constructor(privateInputs: readonly Uint8Array[], random?: Random) {
    const pairs = privateInputs.map((input) => ({ input, ...voprf.blind(input, random) }));
    this.#secrets = pairs;
    this.blinded = pairs.map((pair) => pair.blinded);
  }

  /**
   * Check the proof and unblind: the 64-byte outputs, RFC 9497 section 3.3.2.
   *
   * @throws InputError BAD_EVALUATION, the reply is malformed or not made with this key.
   */
  finalize(evaluation: Evaluation, publicKey: Uint8Array): Uint8Array[] {
    if (evaluation.evaluated.length !== this.#secrets.length) throw badEvaluation();
    const items = this.#secrets.map((secret, at) => ({
      ...secret,
      blinded: this.blinded[at] as Uint8Array,
      evaluated: evaluation.evaluated[at] as Uint8Array,
    }));
    try {
      return voprf.finalizeBatch(items, publicKey, evaluation.proof);
    } catch {
      throw badEvaluation(); // noble's own error could quote bytes
    }
  }
}

function badEvaluation(): InputError {
  return new InputError(Code.BAD_EVALUATION, "the evaluation was not made with the pinned key");
}
