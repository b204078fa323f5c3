/**
 * Asks through the worker, and keeps what it learns of the service on this device.
 *
 * Every question ends: a worker that cannot be loaded, fails or falls silent is "could not check".
 */

import type { Kind } from "@qorgan/client";

import { PIN, type Question, type Report, type Step } from "./messages.ts";
import { keep, kept } from "./storage.ts";

/** How a question ends. */
export type End = Exclude<Report, { report: "sending" | "pin" }>;

// Milliseconds of silence: until the worker and its parts are loaded, and until one request, which
// the client gives up itself after 60 s, has ended.
const LOADING = 40_000;
const WORKING = 70_000;

export class Asker {
  readonly #url: string;
  /** Null where there is none, or the last one failed: its script may come the next time. */
  #worker: Worker | null = null;
  /** For a browser that keeps nothing for us: as long as this page. */
  #pin: string | null = null;

  constructor(url: string) {
    this.#url = url;
    try {
      this.#start(); // so that it is there when it is needed
    } catch {
      // The question will fail, and say so.
    }
  }

  /** One question at a time; `onStep` hears what is being sent. */
  async ask(kind: Kind, value: string, onStep: (step: Step) => void): Promise<End> {
    const pin = this.#kept();
    const heard = { pin };
    let end: End;
    try {
      end = await this.#asked({ kind, value, pin }, (report) => {
        if (report.report === "sending") onStep(report.step);
        else heard.pin = report.pin;
      });
    } catch {
      end = failed("internal");
    }
    if (end.report === "failed" && end.code === "internal") this.drop();
    // Another tab may have learnt of another key or a newer index while this one was asking.
    const doubt = end.report === "answer" ? contradiction(this.#kept(), heard.pin) : null;
    if (doubt !== null) return failed(doubt);
    if (heard.pin !== null && heard.pin !== pin) this.#keep(heard.pin);
    return end;
  }

  /** Give the running question up. */
  drop(): void {
    this.#worker?.terminate();
    this.#worker = null;
  }

  #asked(
    question: Question,
    hear: (report: Exclude<Report, End>) => void,
  ): Promise<End> {
    const worker = this.#worker ?? this.#start();
    return new Promise((resolve, reject) => {
      let silence = setTimeout(reject, LOADING);
      worker.onmessage = ({ data }: MessageEvent<Report>) => {
        clearTimeout(silence);
        if (data.report !== "sending" && data.report !== "pin") return resolve(data);
        silence = setTimeout(reject, WORKING);
        return hear(data);
      };
      worker.onerror = () => reject();
      worker.onmessageerror = () => reject();
      worker.postMessage(question);
    });
  }

  #kept(): string | null {
    return kept(PIN) ?? this.#pin;
  }

  #keep(pin: string): void {
    this.#pin = pin;
    keep(PIN, pin);
  }

  #start(): Worker {
    const worker = new Worker(this.#url, { type: "module" });
    worker.onerror = () => this.drop();
    this.#worker = worker;
    return worker;
  }
}

function failed(code: string): End {
  return { report: "failed", code, exchanges: [] };
}

/** Why an answer under one pin cannot stand beside what is kept now; null where it can. */
function contradiction(now: string | null, used: string | null): string | null {
  if (now === null || used === null || now === used) return null;
  const [kept, held] = [now, used].map((text) => JSON.parse(text) as Record<string, unknown>);
  const fixed = (pin: Record<string, unknown> | undefined): string =>
    JSON.stringify([pin?.["publisher_key"], pin?.["public_key"], pin?.["argon2"]]);
  if (fixed(kept) !== fixed(held)) return "pin_mismatch";
  return Number(kept?.["counter"]) > Number(held?.["counter"]) ? "rolled_back" : null;
}
