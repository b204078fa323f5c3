/**
 * The filter of a service's newest version, kept where the caller says: fetched, checked, replaced.
 *
 * It is fetched in parts, each a bounded exchange, and what has come is kept: after a cut, or when
 * the program starts again, the next try goes on from there. Only bytes of the length and SHA-256
 * that the publisher signed are ever asked.
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

import { Code, CouldNotCheckError } from "./errors.ts";
import type { Parameters } from "./parameters.ts";
import type { Reply } from "./transport.ts";
import { filterPath } from "./wire.ts";

export const PART_BYTES = 1024 * 1024; // of one exchange: 17 KB a second is fast enough
const MAX_BYTES = 256 * 1024 * 1024; // it is held in memory: 100 million persons at 1e-4
const PAUSES = [1000, 2000]; // milliseconds, when no part came

/** Where filters are kept: a whole one, or the beginning of one, under each version's name. */
export interface FilterStore {
  /** All that was appended under this name; null where nothing was. */
  read(name: string): Promise<Uint8Array | null>;
  append(name: string, part: Uint8Array): Promise<void>;
  /** Forget what is kept under every name but this one; with null, everything. */
  keepOnly(name: string | null): Promise<void>;
}

/** A filter that lasts as long as this object. */
export class MemoryFilters implements FilterStore {
  readonly #parts = new Map<string, Uint8Array[]>();

  read(name: string): Promise<Uint8Array | null> {
    const parts = this.#parts.get(name);
    return Promise.resolve(parts === undefined ? null : joined(parts));
  }

  append(name: string, part: Uint8Array): Promise<void> {
    this.#parts.set(name, [...(this.#parts.get(name) ?? []), part.slice()]);
    return Promise.resolve();
  }

  keepOnly(name: string | null): Promise<void> {
    for (const known of this.#parts.keys()) {
      if (known !== name) this.#parts.delete(known);
    }
    return Promise.resolve();
  }
}

/** Some bytes of a file from `first` on. */
export type FetchPart = (path: string, first: number, size: number) => Promise<Reply>;

/** One service's filter, read once and then held in memory. */
export class HeldFilter {
  readonly #store: FilterStore;
  #held: { readonly sha256: string; readonly bytes: Uint8Array } | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(store: FilterStore) {
    this.#store = store;
  }

  /**
   * The filter of this version; fetched if it is not here. null: the version is gone.
   *
   * @throws CouldNotCheckError it cannot be had whole, or the store cannot be used.
   */
  of(published: Parameters, fetchPart: FetchPart): Promise<Uint8Array | null> {
    // One at a time: two that append would mix their parts.
    const mine = this.#last.then(() => this.#of(published, fetchPart));
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  async #of(published: Parameters, fetchPart: FetchPart): Promise<Uint8Array | null> {
    const { sha256: signed, bytes: size } = published.filter;
    if (this.#held?.sha256 === signed) return this.#held.bytes;
    if (size > MAX_BYTES) {
      throw new CouldNotCheckError(
        Code.BAD_PARAMETERS,
        "could not check: the filter is larger than 256 MiB",
      );
    }
    // What an earlier program left may be of anything: it is tried once.
    for (const isKept of [true, false]) {
      if (!isKept) await kept(this.#store.keepOnly(null));
      const begun = await kept(this.#store.read(name(published)));
      const bytes = await this.#whole(published, fetchPart, begun ?? new Uint8Array());
      if (bytes === null) return null;
      if (bytesToHex(sha256(bytes)) === signed) {
        await kept(this.#store.keepOnly(name(published)));
        this.#held = { sha256: signed, bytes };
        return bytes;
      }
      if (begun === null) break;
    }
    await kept(this.#store.keepOnly(null));
    throw new CouldNotCheckError(
      Code.BAD_RANGE,
      "could not check: the filter is not the one that was signed",
    );
  }

  /** Go on with what was begun until it is as long as the filter; null: the version is gone. */
  async #whole(
    published: Parameters,
    fetchPart: FetchPart,
    begun: Uint8Array,
  ): Promise<Uint8Array | null> {
    const size = published.filter.bytes;
    if (begun.length > size) return begun; // it is none that was signed
    const bytes = new Uint8Array(size);
    bytes.set(begun);
    for (let have = begun.length; have < size; ) {
      const most = Math.min(PART_BYTES, size - have);
      const reply = await again(() => fetchPart(filterPath(published), have, most));
      if (reply.status === 410) return null;
      if (reply.status !== 206 && reply.body.length !== size) {
        throw new CouldNotCheckError(
          Code.SERVICE_UNREACHABLE,
          "could not check: the service, or a proxy before it, sends no parts of a file",
        );
      }
      bytes.set(reply.body, have);
      await kept(this.#store.append(name(published), reply.body));
      have += reply.body.length;
    }
    return bytes;
  }
}

/** What a version's filter is kept under; the hash in it ties it to one content. */
function name({ lane, version, filter }: Parameters): string {
  return `${lane}-${version}-${filter.sha256.slice(0, 16)}.filter`;
}

/** What comes of it, asked once more after each pause if the service did not answer. */
async function again(ask: () => Promise<Reply>): Promise<Reply> {
  for (const pause of PAUSES) {
    try {
      return await ask();
    } catch (error) {
      const isCut = error instanceof CouldNotCheckError && error.code === Code.SERVICE_UNREACHABLE;
      if (!isCut) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  return ask();
}

/** What the caller's store gives; its errors could quote anything, so ours says no more. */
async function kept<T>(given: Promise<T>): Promise<T> {
  try {
    return await given;
  } catch {
    throw new CouldNotCheckError(
      Code.BAD_FILE,
      "could not check: the store of filters cannot be used; mend or empty it",
    );
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
