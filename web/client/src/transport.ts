/**
 * One request and its whole body, or no answer: the client's HTTP.
 *
 * No cookie, no referrer, no redirect, no header but the one that JSON needs and what a key's owner
 * sends; a limit on what is read and on how long it may take. What goes wrong is told without the address, whose path could
 * have a prefix in it.
 */

import { Code, CouldNotCheckError } from "./errors.ts";
import { HEADER, solve } from "./proof_of_work.ts";

const PROOFS = 3; // requests, with proof and without: demand may rise while we work
const DEADLINE = 60_000; // milliseconds for one exchange, however slowly it drips

const WITH_KEY: Readonly<Record<number, [Code, string]>> = {
  401: [Code.UNAUTHORISED, "could not check: the service does not know this API key"],
  403: [Code.FORBIDDEN, "could not check: this API key is not for this lane"],
  404: [
    Code.SERVICE_UNREACHABLE,
    "could not check: nothing is published in this lane; ask the public lane alone",
  ],
};

/** How a client reaches its service. */
export interface TransportOptions {
  /** `fetch`, or what stands in for it. */
  readonly fetch: typeof globalThis.fetch;
  /** Milliseconds until the service must have begun to answer. */
  readonly timeout: number;
}

/** One request; a `body` makes it a POST of JSON. */
export interface Question {
  readonly path: string;
  /** Of the reply, in bytes. */
  readonly most: number;
  readonly cache: RequestCache;
  /** More headers: an API key, and whose question it is. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
}

export interface Reply {
  readonly status: number;
  /** At most one byte more than was allowed, which shows that it is too long. */
  readonly body: Uint8Array;
  readonly headers: Headers;
}

export class Transport {
  readonly #url: string;
  readonly #options: TransportOptions;

  constructor(url: string, options: TransportOptions) {
    this.#url = url;
    this.#options = options;
  }

  /**
   * Ask, and read all of the reply.
   *
   * @throws CouldNotCheckError SERVICE_UNREACHABLE, or RATE_LIMITED; UNAUTHORISED or FORBIDDEN
   *   where an API key was sent; only 200 is an answer, and to a GET 410, and to a part 206.
   */
  async send(question: Question): Promise<Reply> {
    let reply = await this.#exchange(question);
    for (let proofs = 1; proofs < PROOFS && reply.status === 429; proofs += 1) {
      const proof = await solve(challengeIn(reply.body));
      if (proof === null) break;
      reply = await this.#exchange(question, { [HEADER]: proof });
    }
    const isGone = reply.status === 410 && question.body === undefined;
    const isPart = reply.status === 206 && question.headers?.["Range"] !== undefined;
    if (reply.status === 200 || isGone || isPart) return reply;
    const why = question.headers?.["Authorization"] && WITH_KEY[reply.status];
    if (why) throw new CouldNotCheckError(...why);
    throw refused(reply.status, reply.headers.get("Retry-After"));
  }

  /** Some bytes of a file; all of it (200) is cut to as many. `headers`: of an API client. */
  async part(
    path: string,
    first: number,
    size: number,
    headers: Readonly<Record<string, string>>,
  ): Promise<Reply> {
    // A Range as plain as this one costs a page no second request to ask for leave.
    const wanted = { ...headers, Range: `bytes=${first}-${first + size - 1}` };
    const reply = await this.send({ path, most: size, cache: "no-store", headers: wanted });
    if (reply.status === 206 && reply.body.length === 0) throw unreachable();
    return { ...reply, body: reply.body.subarray(0, size) };
  }

  /** The same for what cannot be gone: 200 alone is an answer. */
  async get(question: Question): Promise<Reply> {
    const reply = await this.send(question);
    if (reply.status !== 200) throw refused(reply.status, null);
    return reply;
  }

  async #exchange(question: Question, proof: Record<string, string> = {}): Promise<Reply> {
    const abort = new AbortController();
    const late = new Promise<never>((_, reject) => {
      abort.signal.addEventListener("abort", () => reject(unreachable()));
    });
    late.catch(() => undefined); // it is heard below, or comes too late to matter
    const giveUp = () => abort.abort();
    const timeout = setTimeout(giveUp, this.#options.timeout);
    const deadline = setTimeout(giveUp, DEADLINE);
    try {
      const asked = this.#options.fetch(this.#url + question.path, init(question, proof, abort.signal));
      const response = await Promise.race([asked, late]);
      clearTimeout(timeout);
      // A fetch that is not a browser's may not know `redirect`.
      if (response.redirected) throw unreachable();
      const body = await Promise.race([read(response, question.most), late]);
      return { status: response.status, body, headers: response.headers };
    } catch {
      abort.abort(); // whatever is still coming is not wanted
      throw unreachable();
    } finally {
      clearTimeout(timeout);
      clearTimeout(deadline);
    }
  }
}

function init(
  question: Question,
  proof: Record<string, string>,
  signal: AbortSignal,
): RequestInit {
  const common: RequestInit = {
    credentials: "omit",
    referrerPolicy: "no-referrer",
    redirect: "error",
    cache: question.cache,
    signal,
  };
  const more = { ...question.headers, ...proof };
  if (question.body === undefined) {
    // In a page a GET has no header: any would cost a second request, to ask for leave.
    const hasMore = Object.keys(more).length > 0;
    return { method: "GET", ...(hasMore ? { headers: more } : {}), ...common };
  }
  const headers = { "Content-Type": "application/json", ...more };
  return { method: "POST", headers, body: question.body, ...common };
}

/** The proof of work that a refusal asks for, if it asks for one. */
function challengeIn(body: Uint8Array): unknown {
  try {
    const problem: unknown = JSON.parse(new TextDecoder().decode(body));
    if (typeof problem !== "object" || problem === null || !("challenge" in problem)) return null;
    return "code" in problem && problem.code === Code.PROOF_OF_WORK_REQUIRED
      ? problem.challenge
      : null;
  } catch {
    return null;
  }
}

/** A body of at most `most + 1` bytes; one more than allowed shows that it is too long. */
async function read(response: Response, most: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  while (reader !== undefined && length <= most) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    length += value.length;
  }
  if (length > most) void reader?.cancel().catch(() => undefined);
  const body = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    body.set(part, at);
    at += part.length;
  }
  return body.subarray(0, most + 1);
}

function unreachable(): CouldNotCheckError {
  return new CouldNotCheckError(
    Code.SERVICE_UNREACHABLE,
    "could not check: the service does not answer; try again later",
  );
}

function refused(status: number, retryAfter: string | null): CouldNotCheckError {
  if (status === 429) {
    const isKnown = /^[0-9]{1,6}$/.test(retryAfter ?? "");
    const wait = isKnown ? ` in ${retryAfter} seconds` : " later";
    return new CouldNotCheckError(
      Code.RATE_LIMITED,
      `could not check: too many questions from here; try again${wait}`,
    );
  }
  return new CouldNotCheckError(
    Code.SERVICE_UNREACHABLE,
    `could not check: the service answered with status ${status}`,
  );
}
