/** What the server put into the page: texts of its catalogues, data classes, formats, templates. */

/** The document in the element `page-data` (lookup/page_data.py). */
export interface PageData {
  readonly language: "kk" | "ru" | "en";
  readonly worker: string;
  readonly population: number;
  readonly formats: Formats;
  readonly classes: Readonly<Record<string, { name: string; actions: readonly string[] }>>;
  readonly always: readonly string[];
  readonly precautions: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly hints: Readonly<Record<string, string>>;
  readonly steps: Readonly<Record<string, string>>;
  readonly purposes: Readonly<Record<string, string>>;
  readonly received: string;
  readonly refusals: Readonly<Record<string, string>>;
  readonly failures: Readonly<Record<string, string>>;
  readonly statuses: Readonly<Record<string, string>>;
  readonly suspected: string;
  readonly processor: string;
  readonly not_established: string;
  readonly by: string;
  /** Why a leak was not searched, by its lane. */
  readonly not_searched: {
    readonly none: string;
    readonly verified: string;
    readonly [lane: string]: string;
  };
}

/** How this language writes dates and numbers; the months are twelve. */
export interface Formats {
  readonly day: string;
  readonly month: string;
  readonly MMMM: readonly string[];
  readonly LLLL: readonly string[];
  readonly group: string;
  readonly decimal: string;
}

export function pageData(): PageData {
  return JSON.parse(element("page-data").textContent ?? "") as PageData;
}

/** An element that the page always has. */
export function element<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page lacks ${id}`);
  return found as T;
}

/** A copy of a template, and its slots by name. */
export class Filled {
  readonly fragment: DocumentFragment;

  constructor(template: string) {
    const source = element<HTMLTemplateElement>(template);
    this.fragment = source.content.cloneNode(true) as DocumentFragment;
  }

  /** Put a text into a slot: as text, whatever is in it. */
  text(slot: string, text: string): this {
    this.slot(slot).textContent = text;
    return this;
  }

  /** Put a text into a slot of a description list; what is not known has no row. */
  row(slot: string, text: string): this {
    const value = this.text(slot, text).slot(slot);
    if (text === "") {
      value.previousElementSibling?.remove();
      value.remove();
    }
    return this;
  }

  /** Put texts into a slot as a list's items. */
  list(slot: string, texts: readonly string[]): this {
    this.slot(slot).replaceChildren(...texts.map(item));
    return this;
  }

  slot(name: string): HTMLElement {
    const found = this.fragment.querySelector<HTMLElement>(`[data-slot="${name}"]`);
    if (found === null) throw new Error(`a template lacks ${name}`);
    return found;
  }
}

function item(text: string): HTMLLIElement {
  const made = document.createElement("li");
  made.textContent = text;
  return made;
}

/** A text of the catalogues with its `%(name)s` filled in. */
export function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/%\((\w+)\)s/g, (whole, name: string) => values[name] ?? whole);
}
