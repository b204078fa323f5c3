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
  return exchanges.map(({ step, method, path, body, received, begin }) => {
    const purpose = step === "range" ? ofRange(prefixBits, page) : page.purposes[step] ?? "";
    const bytes = number(received, page.formats);
    return new Filled("exchanged")
      .text("why", purpose)
      .text("sent", body === "" ? `${method} ${path}` : `${method} ${path}\n${body}`)
      .text("received", fill(page.received, { bytes }))
      .text("begin", begin).fragment;
  });
}

function ofRange(prefixBits: number | null, page: PageData): string {
  if (prefixBits === null) return page.purposes["range_of_many"] ?? "";
  const people = page.population / 2 ** prefixBits;
  return fill(page.purposes["range"] ?? "", { people: about(people, page.formats) });
}
