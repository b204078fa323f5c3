/** What to do now: the actions that fit, in the page's order, and the ticks of what is done. */

import { element, type PageData } from "./page.ts";
import { keep, kept } from "./storage.ts";

// Action ids: whoever reads this device's storage learns what was done on it, and from that perhaps
// that somebody was found. They are of the device and not of a person.
const TICKS = "qorgan-ticks";

export class Actions {
  readonly #page: PageData;
  readonly #items = [...document.querySelectorAll<HTMLElement>("[data-action]")];

  constructor(page: PageData) {
    this.#page = page;
    for (const item of this.#items) {
      this.#box(item).addEventListener("change", () => this.#tick(item));
    }
  }

  /** For a person of whom these data were exposed. */
  showFor(exposed: ReadonlySet<string>): void {
    const fitting = new Set(this.#page.always);
    for (const slug of exposed) {
      for (const action of this.#page.classes[slug]?.actions ?? []) fitting.add(action);
    }
    this.#show(fitting, "actions-found");
  }

  /** For a person who was not found. */
  showPrecautions(): void {
    this.#show(new Set(this.#page.precautions), "actions-precautions");
  }

  hide(): void {
    element("actions").hidden = true;
  }

  /** Forget what was done. */
  clear(): void {
    keep(TICKS, null);
    for (const item of this.#items) this.#box(item).checked = false;
  }

  #show(fitting: ReadonlySet<string>, heading: string): void {
    const ticked = ticks();
    for (const item of this.#items) {
      const action = item.dataset["action"] ?? "";
      item.hidden = !fitting.has(action);
      this.#box(item).checked = ticked.has(action);
    }
    for (const id of ["actions-found", "actions-precautions"]) element(id).hidden = id !== heading;
    element("actions").hidden = false;
  }

  /** One tick at a time: another tab may have set others meanwhile. */
  #tick(item: HTMLElement): void {
    const ticked = ticks();
    const action = item.dataset["action"] ?? "";
    if (this.#box(item).checked) ticked.add(action);
    else ticked.delete(action);
    keep(TICKS, ticked.size === 0 ? null : [...ticked].join(" "));
  }

  #box(item: HTMLElement): HTMLInputElement {
    return item.querySelector("input") as HTMLInputElement;
  }
}

function ticks(): Set<string> {
  return new Set((kept(TICKS) ?? "").split(" ").filter((action) => action !== ""));
}
