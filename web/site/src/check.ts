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
const kinds = element<HTMLFieldSetElement>("kinds");
const answer = element("answer");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void ask();
});
// An answer never stands beside a field that asks for something else.
field.addEventListener("input", hideAnswer);
// Not the form's own: what moved while a button is pressed would make the press miss it.
kinds.addEventListener("change", () => {
  emptyField();
  hideAnswer();
  showKind();
});
element("print").addEventListener("click", () => window.print());
element("clear").addEventListener("click", () => {
  actions.clear();
  emptyField();
  hideAnswer();
  field.focus();
});
// Whoever goes back to this page later, on the same device, need not be the one who asked.
window.addEventListener("pagehide", () => {
  asker.drop();
  emptyField();
  hideAnswer();
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) window.location.reload();
});
showKind();
element("progress").textContent = "";
busy(false);

async function ask(): Promise<void> {
  if (button.disabled) return;
  hideAnswer();
  refuse("");
  const progress = element("progress");
  const chosen = kind();
  // People write an IIN in groups; in the others spaces mean what they mean.
  const value = chosen === "iin" ? field.value.replace(/[\s\u00a0-]/g, "") : field.value;
  busy(true);
  let end: End;
  try {
    end = await asker.ask(chosen, value, (step) => {
      progress.textContent = page.steps[step] ?? progress.textContent;
    });
  } catch {
    end = { report: "failed", code: "internal", exchanges: [] };
  }
  progress.textContent = "";
  busy(false);
  show(end);
}

/** While a question runs nothing of it can be changed. */
function busy(isBusy: boolean): void {
  button.disabled = isBusy;
  kinds.disabled = isBusy;
  field.readOnly = isBusy;
}

/** The button goes with the answer: the place where progress is told has the focus meanwhile. */
function again(): void {
  element("progress").focus();
  void ask();
}

function show(end: End): void {
  if (end.report === "refused") {
    refuse(page.refusals[end.code] ?? end.code);
    field.focus();
    return;
  }
  let prefixBits: number | null = null;
  if (end.report === "failed") {
    answer.replaceChildren(couldNotCheck(end.code, page, again));
  } else {
    emptyField(); // it is not needed any more, and somebody may look over a shoulder
    prefixBits = end.answer.prefixBits;
    answer.replaceChildren(shown(end.answer, page));
    if (end.answer.answer === "found") actions.showFor(exposed(end.answer));
    else actions.showPrecautions();
  }
  answer.dataset["answer"] = end.report === "failed" ? "could_not_check" : end.answer.answer;
  answer.setAttribute("aria-label", answer.querySelector("h2")?.textContent ?? "");
  answer.hidden = false;
  element("exchanges").replaceChildren(...listed(end.exchanges, prefixBits, page));
  element("exchange").hidden = end.exchanges.length === 0;
  answer.focus({ preventScroll: true });
  answer.scrollIntoView({ block: "start" }); // the verdict, and not the middle of a long answer
}

/** Also from what "undo" would bring back. */
function emptyField(): void {
  field.value = "";
  field.type = "hidden";
  field.type = "text";
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
