/**
 * What a lookup comes to: found or not found, and where; from ranges of which every byte is checked.
 */

import { hexToBytes } from "@noble/hashes/utils.js";

import * as entries from "./entries.ts";
import { Code, CouldNotCheckError } from "./errors.ts";
import * as parameters from "./parameters.ts";
import type { Parameters } from "./parameters.ts";
import type { RegisterEntry } from "./register.ts";
import type { Kind, Lane } from "./suite.ts";
import * as tree from "./tree.ts";
import * as wire from "./wire.ts";

/** One leak a person is in. */
export interface Leak {
  /** Of the dataset. */
  readonly name: string;
  /** Which of *this person's* data were in it. */
  readonly dataClasses: readonly string[];
  /** What the register says of it; null where the register lacks it. */
  readonly entry: RegisterEntry | null;
}

/** One lane's version, and what of it an answer is about. */
export interface SearchedLane {
  readonly lane: Lane;
  readonly version: string;
  readonly publishedAt: string;
  /** How many bits of the lane's token the service saw: 1 in 2^prefixBits people shares them. */
  readonly prefixBits: number;
  /**
   * Names of that version's datasets that were loaded by identifiers of this kind: nothing is said
   * of any other leak.
   */
  readonly searched: readonly string[];
}

/** What an answer is about. Version, day and prefix are those of the first lane that was asked. */
export interface Searched extends Omit<SearchedLane, "lane"> {
  /** What was searched, lane by lane; `searched` has the names of all of them. */
  readonly lanes: readonly SearchedLane[];
  /** The whole register by name, as it was before the question. */
  readonly register: ReadonlyMap<string, RegisterEntry>;
}

/** In these leaks, as of a version. */
export interface Found extends Searched {
  readonly answer: "found";
  readonly leaks: readonly Leak[];
}

/** In no leak of this version. That is no proof of safety: not every leak is known. */
export interface NotFound extends Searched {
  readonly answer: "not_found";
}

export type Answer = Found | NotFound;

/** The identifier's secret in one lane, and the parameters that it was made and is asked under. */
export interface Asked {
  readonly kind: Kind;
  readonly lane: Lane;
  readonly token: Uint8Array;
  readonly published: Parameters;
}

/** What one lane says of a person. */
export interface LaneAnswer {
  readonly about: SearchedLane;
  readonly leaks: readonly Omit<Leak, "entry">[];
}

/**
 * What a range says of a person.
 *
 * @throws CouldNotCheckError or InputError BAD_RANGE, it is not the one that was signed.
 */
export function laneAnswer(asked: Asked, body: Uint8Array): LaneAnswer {
  const { lane, token, published } = asked;
  const bucket = entries.bucket(token, published.prefix_bits);
  const range = wire.splitRange(body, published.range_entries, published.prefix_bits);
  const leaf = tree.leaf(lane, parameters.counter(published), bucket, range.entries);
  if (!isSame(tree.root(leaf, bucket, range.path), hexToBytes(published.root))) {
    throw new CouldNotCheckError(
      Code.BAD_RANGE,
      "could not check: the range is not the one that was signed",
    );
  }
  const salt = hexToBytes(published.version_salt);
  const leaks = published.datasets.flatMap((dataset) => {
    const mask = entries.find(range.entries, entries.block(token, dataset.id), salt);
    if (mask === null) return [];
    return [{ name: dataset.name, dataClasses: exposed(mask, dataset.data_classes) }];
  });
  return { about: about(asked), leaks };
}

/** What an answer under these parameters is about. */
export function about({ kind, lane, published }: Omit<Asked, "token">): SearchedLane {
  return {
    lane,
    version: published.version,
    publishedAt: published.published_at,
    prefixBits: published.prefix_bits,
    searched: published.datasets
      .filter(({ kinds }) => kinds === undefined || kinds.includes(kind))
      .map((dataset) => dataset.name),
  };
}

/** There are leaks, and not one was loaded by such identifiers: being in none says nothing. */
export function refuseUnsearched(kind: Kind, published: readonly Parameters[]): void {
  const datasets = published.flatMap((each) => each.datasets);
  const isSearched = datasets.some(({ kinds }) => kinds === undefined || kinds.includes(kind));
  if (datasets.length > 0 && !isSearched) {
    throw new CouldNotCheckError(
      Code.BAD_PARAMETERS,
      "could not check: no leak here was loaded by such identifiers",
    );
  }
}

/** One answer of what all lanes that were asked say; there is at least one. */
export function merged(
  parts: readonly LaneAnswer[],
  register: ReadonlyMap<string, RegisterEntry>,
): Answer {
  const lanes = parts.map(({ about }) => about);
  const { lane: _, ...first } = lanes[0] as SearchedLane;
  const searched: Searched = {
    ...first,
    searched: lanes.flatMap((lane) => lane.searched),
    lanes,
    register,
  };
  const leaks = parts
    .flatMap((part) => part.leaks)
    .map((leak): Leak => ({ ...leak, entry: register.get(leak.name) ?? null }));
  if (leaks.length === 0) return { answer: "not_found", ...searched };
  return { answer: "found", ...searched, leaks };
}

/** The data classes of a mask. */
function exposed(mask: number, dataClasses: readonly string[]): string[] {
  if (mask >>> dataClasses.length !== 0) {
    throw new CouldNotCheckError(
      Code.BAD_RANGE,
      "could not check: an entry names a data class that does not exist",
    );
  }
  return dataClasses.filter((_, bit) => (mask >>> bit) & 1);
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}
