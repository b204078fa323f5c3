/**
 * Asks, off the page's thread: everything secret is computed here and stays here.
 *
 * Reports what was sent, for the page to show; the identifier itself is in no report.
 */

import {
  Client,
  CouldNotCheckError,
  InputError,
  StoredPins,
  type TextStorage,
} from "@qorgan/client";

import type { Exchange, Question, Report, Step } from "./messages.ts";

const SHOWN = 240; // characters of a reply

/** The storage of a worker, which has none: given with the question, reported when changed. */
class ReportedStorage implements TextStorage {
  #pin: string | null;

  constructor(pin: string | null) {
    this.#pin = pin;
  }

  getItem(): string | null {
    return this.#pin;
  }

  setItem(_: string, pin: string): void {
    this.#pin = pin;
    report({ report: "pin", pin });
  }
}

self.addEventListener("message", (event: MessageEvent<Question>) => {
  void ask(event.data);
});

async function ask({ kind, value, pin }: Question): Promise<void> {
  const exchanges: Exchange[] = [];
  const pins = new StoredPins(new ReportedStorage(pin));
  const client = new Client("", { pins, fetch: recording(exchanges) });
  try {
    report({ report: "answer", answer: await client.check(kind, value), exchanges });
  } catch (error) {
    if (error instanceof InputError) report({ report: "refused", code: error.code });
    else {
      const code = error instanceof CouldNotCheckError ? error.code : "internal";
      report({ report: "failed", code, exchanges });
    }
  }
}

/** A `fetch` that keeps what it sent, and counts what comes back as the client reads it. */
function recording(exchanges: Exchange[]): typeof globalThis.fetch {
  return async (input, init) => {
    const path = String(input);
    const exchange = {
      step: step(path),
      method: init?.method ?? "GET",
      path,
      body: init?.body instanceof Uint8Array ? new TextDecoder().decode(init.body) : "",
      received: 0,
      begin: "",
    };
    exchanges.push(exchange);
    report({ report: "sending", step: exchange.step });
    const { body, status, headers } = await fetch(input, init);
    const isText = headers.get("Content-Type")?.includes("json") ?? false;
    const counted = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        if (exchange.received === 0) exchange.begin = beginning(chunk, isText);
        exchange.received += chunk.length;
        controller.enqueue(chunk);
      },
    });
    return new Response(body?.pipeThrough(counted) ?? null, { status, headers });
  };
}

/** How a reply begins, to be looked at. */
function beginning(chunk: Uint8Array, isText: boolean): string {
  if (isText) return `${new TextDecoder().decode(chunk.subarray(0, SHOWN))}…`;
  const bytes = [...chunk.subarray(0, SHOWN / 2)];
  return `${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}…`;
}

function step(path: string): Step {
  if (path.startsWith("/v1/params/")) return "params";
  if (path.startsWith("/v1/evaluate")) return "evaluate";
  if (path.startsWith("/v1/range/")) return "range";
  return "register";
}

function report(message: Report): void {
  self.postMessage(message);
}
