/**
 * What this device keeps for us: the pin of the service, and ticks. Nothing of a question.
 *
 * A browser may refuse to keep, or fail in any call: it is then as if nothing had been kept.
 */

export function kept(key: string): string | null {
  try {
    return globalThis.localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Keep a text, or forget it (null). */
export function keep(key: string, text: string | null): void {
  try {
    if (text === null) globalThis.localStorage.removeItem(key);
    else globalThis.localStorage.setItem(key, text);
  } catch {
    // The next visit is then a first one.
  }
}
