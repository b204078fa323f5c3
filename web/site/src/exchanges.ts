/** What left the device, shown to whoever wants to see it. */

import { about, number } from "./formats.ts";
import type { Exchange } from "./messages.ts";
import { fill, Filled, type PageData } from "./page.ts";

/** The exchanges as list items; `prefixBits` is null where no answer tells it. */
export function listed(
  exchanges: readonly Exchange[],
  prefixBits: number | null,
  page: PageData,
): DocumentFragment[] {
  const people = page.population / 2 ** (prefixBits ?? 12);
  return exchanges.map(({ step, method, path, body, received }) => {
    const purpose = fill(page.purposes[step] ?? "", { people: about(people, page.formats) });
    const bytes = number(received, page.formats);
    return new Filled("exchanged")
      .text("why", purpose)
      .text("sent", body === "" ? `${method} ${path}` : `${method} ${path}\n${body}`)
      .text("received", fill(page.received, { bytes })).fragment;
  });
}
