/** What page and worker say to each other. Only the question has an identifier in it. */

import type { Answer, Kind } from "@qorgan/client";

/** Where this device keeps what it remembers of the service (StoredPins' key of our origin). */
export const PIN = "qorgan-pin:";

/** Page to worker: ask this. */
export interface Question {
  readonly kind: Kind;
  readonly value: string;
  /** What this device remembers of the service; null on the first visit. */
  readonly pin: string | null;
}

/** The requests of a question, in their order. */
export const STEPS = ["params", "register", "evaluate", "range"] as const;
export type Step = (typeof STEPS)[number];

/** One request as it left, and how much came back. */
export interface Exchange {
  readonly step: Step;
  readonly method: string;
  readonly path: string;
  readonly body: string;
  /** Bytes of the reply's body, and how it begins: text, or hex where it is none. */
  readonly received: number;
  readonly begin: string;
}

/** Worker to page. */
export type Report =
  | { readonly report: "sending"; readonly step: Step }
  | { readonly report: "pin"; readonly pin: string }
  | { readonly report: "answer"; readonly answer: Answer; readonly exchanges: readonly Exchange[] }
  /** What was typed is no identifier; nothing was sent. */
  | { readonly report: "refused"; readonly code: string }
  | { readonly report: "failed"; readonly code: string; readonly exchanges: readonly Exchange[] };
