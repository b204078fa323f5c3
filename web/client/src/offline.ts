/**
 * Offline mode: the service evaluates, and the answer is found here, in the filter held here.
 *
 *     await new OfflineClient(new Client("https://...")).check("iin", "...")
 *         ->  not_found, possible, or an error
 *
 * The service sees parameters, register and (once a version) the filter fetched, and a blinded
 * element: no prefix, and nothing from which it could tell who was asked about, or with what
 * outcome. No request depends on an answer, unless the caller allows it with `confirm`: then a hit
 * is followed by its range, and so the service learns that there was one, and the prefix that
 * thousands share.
 *
 * The filter has everybody who is in any published dataset, and takes one stranger in 10,000 (the
 * publisher's choice) for one of them. So a miss is "not found in version V"; a hit is "possible",
 * and never "found", which only an entry in a range can say.
 */

import * as bloom from "./bloom.ts";
import { about, type Answer, merged, refuseUnsearched, type Searched } from "./answers.ts";
import { type AskOptions, type Client, couldNotCheck } from "./client.ts";
import * as entries from "./entries.ts";
import { Code, CouldNotCheckError, InputError } from "./errors.ts";
import { type FilterStore, HeldFilter, MemoryFilters } from "./filters.ts";
import { canonical } from "./identifiers.ts";
import type { Parameters } from "./parameters.ts";
import type { Kind } from "./suite.ts";
import * as wire from "./wire.ts";

const TRIES = 3; // parameters fetched again when their version is gone

/**
 * Perhaps in a leak of this version, or a stranger whom the filter takes for somebody else. Tell
 * nobody that he is in a leak on the strength of this: ask with `confirm` first.
 */
export interface Possible extends Searched {
  readonly answer: "possible";
}

export interface OfflineOptions extends AskOptions {
  /** Allow that a range is asked for after a hit. */
  readonly confirm?: boolean;
}

/** One lane of a service, asked to evaluate only. */
export class OfflineClient {
  readonly #steps: ReturnType<Client["steps"]>;
  readonly #filter: HeldFilter;

  /**
   * @param client of one lane: how the service is reached, with its pins and its API key.
   * @param filters where its filter is kept: 38 MB for 16 million persons; else in memory.
   * @throws InputError BAD_USAGE, the client asks both lanes.
   */
  constructor(client: Client, filters: FilterStore = new MemoryFilters()) {
    this.#steps = client.steps();
    this.#filter = new HeldFilter(filters);
  }

  /**
   * Fetch the filter of the newest version, if it is not here yet; the version's name.
   *
   * Every question does so first; to do it before, and now and then, spares questions the wait.
   *
   * @throws CouldNotCheckError it cannot be had.
   */
  async refresh(): Promise<string> {
    try {
      const { published } = await this.#ready();
      return published.version;
    } catch (error) {
      throw couldNotCheck(error);
    }
  }

  /**
   * Ask about one identifier.
   *
   * @throws InputError the value is no identifier of this kind, or the subject is no pseudonym;
   *   nothing was sent.
   * @throws CouldNotCheckError there is no answer.
   */
  async check(
    kind: Kind,
    value: string,
    options: OfflineOptions = {},
  ): Promise<Answer | Possible> {
    if (options.subject !== undefined && !wire.isSubject(options.subject)) {
      throw new InputError(Code.BAD_USAGE, `the subject must be ${wire.SUBJECT_FORM}`);
    }
    let text: string;
    try {
      text = await canonical(kind, value);
    } catch (error) {
      throw error instanceof InputError ? error : couldNotCheck(error);
    }
    try {
      return await this.#check(kind, text, options);
    } catch (error) {
      throw couldNotCheck(error);
    }
  }

  async #check(
    kind: Kind,
    text: string,
    { confirm = false, subject }: OfflineOptions,
  ): Promise<Answer | Possible> {
    const { lane, ...steps } = this.#steps;
    const [{ published, filter }, listed] = await Promise.all([this.#ready(), steps.register()]);
    if (!published.kinds.includes(kind)) {
      throw new CouldNotCheckError(
        Code.BAD_PARAMETERS,
        "could not check: this index has no such identifiers",
      );
    }
    refuseUnsearched(kind, [published]);
    const token = await steps.token(kind, text, published, subject);
    const { bits, probes } = published.filter;
    const isHit = bloom.contains(filter, entries.person(token), bits, probes);
    const asked = { kind, lane, token, published };
    if (isHit && confirm) return merged([await steps.answer(asked)], listed);
    const seen = { ...about(asked), prefixBits: 0 }; // the service saw none
    const miss = merged([{ about: seen, leaks: [] }], listed);
    return isHit ? { ...miss, answer: "possible" } : miss;
  }

  /** The newest version, and its filter. */
  async #ready(): Promise<{ published: Parameters; filter: Uint8Array }> {
    const { current, part } = this.#steps;
    for (let tries = 0; tries < TRIES; tries += 1) {
      const published = await current();
      const filter = await this.#filter.of(published, part);
      if (filter !== null) return { published, filter };
    }
    throw new CouldNotCheckError(
      Code.VERSION_GONE,
      "could not check: the index changes too fast; try again",
    );
  }
}
