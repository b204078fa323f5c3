/** The register's page: filters that work here, so that nothing typed into them is sent. */

import { element, fill } from "./page.ts";

const leaks = [...document.querySelectorAll<HTMLElement>(".leaks > li")];
const words = element<HTMLInputElement>("words");
const year = element<HTMLSelectElement>("year");
const organisation = element<HTMLSelectElement>("organisation");
const dataClass = element<HTMLSelectElement>("data-class");
const shown = element("shown");

element("filters").hidden = false;
element("filters").addEventListener("input", filter);
filter();

function filter(): void {
  const wanted = words.value.toLowerCase().split(/\s+/);
  let count = 0;
  for (const leak of leaks) {
    const text = (leak.dataset["text"] ?? "").toLowerCase();
    leak.hidden = !(
      wanted.every((word) => text.includes(word)) &&
      isIn(year.value, [leak.dataset["year"] ?? ""]) &&
      isIn(organisation.value, (leak.dataset["organisations"] ?? "").split("\n")) &&
      isIn(dataClass.value, (leak.dataset["classes"] ?? "").split(" "))
    );
    if (!leak.hidden) count += 1;
  }
  shown.textContent = fill(shown.dataset["text"] ?? "", { count: String(count) });
}

function isIn(chosen: string, values: readonly string[]): boolean {
  return chosen === "" || values.includes(chosen);
}
