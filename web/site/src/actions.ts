/** What to do now: the actions that fit, in the page's order, and the ticks of what is done. */

import { element, type PageData } from "./page.ts";

const TICKS = "qorgan-ticks"; // action ids, which say nothing about who asked or what was found

export class Actions {
  readonly #page: PageData;
  readonly #items = [...document.querySelectorAll<HTMLElement>("[data-action]")];

  constructor(page: PageData) {
    this.#page = page;
    for (const item of this.#items) this.#box(item).addEventListener("change", () => this.#keep());
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
    storage()?.removeItem(TICKS);
  }

  #show(fitting: ReadonlySet<string>, heading: string): void {
    const ticked = new Set((storage()?.getItem(TICKS) ?? "").split(" "));
    for (const item of this.#items) {
      const action = item.dataset["action"] ?? "";
      item.hidden = !fitting.has(action);
      this.#box(item).checked = ticked.has(action);
    }
    for (const id of ["actions-found", "actions-precautions"]) element(id).hidden = id !== heading;
    element("actions").hidden = false;
  }

  #keep(): void {
    const ticked = this.#items.filter((item) => this.#box(item).checked);
    storage()?.setItem(TICKS, ticked.map((item) => item.dataset["action"]).join(" "));
  }

  #box(item: HTMLElement): HTMLInputElement {
    return item.querySelector("input") as HTMLInputElement;
  }
}

/** The device's storage; null where the browser keeps none for us. */
export function storage(): Storage | null {
  try {
    return globalThis.localStorage;
  } catch {
    return null;
  }
}
