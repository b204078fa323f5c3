/** The check's page: a form, a question to the worker, an answer. */

import type { Kind } from "@qorgan/client";

import { Actions } from "./actions.ts";
import { couldNotCheck, exposed, shown } from "./answers.ts";
import { Asker, type End } from "./asker.ts";
import { listed } from "./exchanges.ts";
import { element, pageData } from "./page.ts";

const page = pageData();
const asker = new Asker(page.worker);
const actions = new Actions(page);
const form = element<HTMLFormElement>("check");
const field = element<HTMLInputElement>("identifier");
const button = element<HTMLButtonElement>("ask");
const answer = element("answer");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void ask();
});
// Not for the field: what moved while a button is pressed would make the press miss it.
form.querySelector("fieldset")?.addEventListener("change", showKind);
element("print").addEventListener("click", () => window.print());
element("clear").addEventListener("click", () => {
  actions.clear();
  field.value = "";
  hideAnswer();
  field.focus();
});
showKind();
button.disabled = false;

async function ask(): Promise<void> {
  if (button.disabled) return;
  button.disabled = true;
  hideAnswer();
  refuse("");
  const progress = element("progress");
  const end = await asker.ask(kind(), field.value, (step) => {
    progress.textContent = page.steps[step] ?? progress.textContent;
  });
  progress.textContent = "";
  button.disabled = false;
  show(end);
}

function show(end: End): void {
  if (end.report === "refused") {
    refuse(page.refusals[end.code] ?? end.code);
    field.focus();
    return;
  }
  let prefixBits: number | null = null;
  if (end.report === "failed") {
    answer.replaceChildren(couldNotCheck(end.code, page, () => void ask()));
  } else {
    field.value = ""; // it is not needed any more, and somebody may look over a shoulder
    prefixBits = end.answer.prefixBits;
    answer.replaceChildren(shown(end.answer, page));
    if (end.answer.answer === "found") actions.showFor(exposed(end.answer));
    else actions.showPrecautions();
  }
  answer.dataset["answer"] = end.report === "failed" ? "could_not_check" : end.answer.answer;
  answer.hidden = false;
  element("exchanges").replaceChildren(...listed(end.exchanges, prefixBits, page));
  element("exchange").hidden = end.exchanges.length === 0;
  answer.focus();
}

function hideAnswer(): void {
  answer.hidden = true;
  answer.replaceChildren();
  delete answer.dataset["answer"];
  element("exchange").hidden = true;
  element("exchanges").replaceChildren();
  actions.hide();
}

function refuse(sentence: string): void {
  element("refusal").textContent = sentence;
  field.setAttribute("aria-invalid", String(sentence !== ""));
}

function kind(): Kind {
  return new FormData(form).get("kind") as Kind;
}

function showKind(): void {
  const chosen = kind();
  element("label").textContent = page.labels[chosen] ?? "";
  element("hint").textContent = page.hints[chosen] ?? "";
  field.inputMode = { iin: "numeric", phone: "tel", email: "email" }[chosen];
  refuse("");
}
