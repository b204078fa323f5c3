/** Asks through the worker, and keeps what it learns of the service on this device. */

import type { Kind } from "@qorgan/client";

import { storage } from "./actions.ts";
import { PIN, type Question, type Report, type Step } from "./messages.ts";

/** How a question ends. */
export type End = Exclude<Report, { report: "sending" | "pin" }>;

export class Asker {
  readonly #url: string;
  /** Null once it has failed: its script may come the next time. */
  #worker: Worker | null = null;
  /** For a browser that keeps nothing for us: as long as this page. */
  #pin: string | null = null;

  constructor(url: string) {
    this.#url = url;
    this.#start();
  }

  /** One question at a time; `onStep` hears what is being sent. */
  ask(kind: Kind, value: string, onStep: (step: Step) => void): Promise<End> {
    return new Promise((resolve) => {
      const worker = this.#worker ?? this.#start();
      worker.onmessage = ({ data }: MessageEvent<Report>) => {
        if (data.report === "sending") onStep(data.step);
        else if (data.report === "pin") this.#keep(data.pin);
        else resolve(data);
      };
      worker.onerror = () => {
        this.#drop(worker);
        resolve({ report: "failed", code: "internal", exchanges: [] });
      };
      const question: Question = { kind, value, pin: this.#kept() };
      worker.postMessage(question);
    });
  }

  #kept(): string | null {
    return storage()?.getItem(PIN) ?? this.#pin;
  }

  /** Another tab may have seen a newer index meanwhile: its counter stays. */
  #keep(pin: string): void {
    if (counter(this.#kept()) >= counter(pin)) return;
    this.#pin = pin;
    try {
      storage()?.setItem(PIN, pin);
    } catch {
      // It is full: the next visit is a first one.
    }
  }

  #start(): Worker {
    const worker = new Worker(this.#url, { type: "module" });
    worker.onerror = () => this.#drop(worker);
    this.#worker = worker;
    return worker;
  }

  #drop(worker: Worker): void {
    worker.terminate();
    this.#worker = null;
  }
}

/** Of a pin that the worker made, or will refuse to read. */
function counter(pin: string | null): number {
  return pin === null ? -1 : Number((JSON.parse(pin) as { counter: unknown }).counter);
}
