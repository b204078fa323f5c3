/**
 * The one canonical text of an identifier, or a closed reason why there is none.
 *
 * Loaders and citizens must come to the same bytes, or a leaked person reads "not found": the
 * loaders' version of this file passes the same vectors. What is refused here is refused alike by
 * all. No error repeats what was given.
 */

import punycode from "punycode/punycode.js";

import { Code, InputError } from "./errors.ts";
import type { Kind } from "./suite.ts";

// What people paste around an identifier: spaces, hyphens, no-break spaces, a byte order mark.
// Not trim()'s idea of it, which takes newlines too.
const AROUND = " -\u00a0\u202f\ufeff";
const AROUND_EMAIL = " \u00a0\u202f\ufeff"; // a hyphen may begin an address: it is another person's

const DIGITS = /^[0-9]+$/;
const WEIGHTS_1 = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const WEIGHTS_2 = [3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2];

// No letters: libphonenumber would read "1-800-FLOWERS"; no digits but ASCII ones.
const PHONE = /^\+?[0-9 ()./\u00a0\u202f-]{5,40}$/;

const LONGEST_EMAIL = 254; // characters; RFC 5321 allows 256 with its angle brackets
const LOCAL = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const ASCII_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
// Lower-case Latin-1 and Cyrillic letters: there NFC and lower case are all that UTS 46 does, so
// that JavaScript's punycode and Python's agree without either's Unicode tables.
const IDN = "a-z0-9\\u00df-\\u00f6\\u00f8-\\u00ff\\u0430-\\u0481\\u048b-\\u04ff";
const IDN_LABEL = new RegExp(`^[${IDN}]([${IDN}-]*[${IDN}])?$`);
const NOT_ASCII = /[^\0-\x7f]/;

const SENTENCES = {
  [Code.EMPTY]: "nothing was given",
  [Code.IIN_CHARACTERS]: "an IIN has only the digits 0 to 9",
  [Code.IIN_LENGTH]: "an IIN has 12 digits; check whether one is missing or too many",
  [Code.IIN_CHECK_DIGIT]: "the check digit of this IIN is wrong; look for a mistyped digit",
  [Code.IIN_PLACEHOLDER]: "twelve zeros are a placeholder, not an IIN",
  [Code.PHONE_INVALID]: "this is not a valid phone number; write it as +7 701 234 56 78",
  [Code.EMAIL_INVALID]: "this is not an e-mail address; write it as name@example.com",
} as const;

/**
 * The canonical text of an identifier.
 *
 * @throws InputError with the code of the first rule that the text breaks.
 */
export async function canonical(kind: Kind, text: string): Promise<string> {
  switch (kind) {
    case "iin":
      return iin(text);
    case "phone":
      return phone(text);
    case "email":
      return email(text);
  }
}

/**
 * Twelve ASCII digits with a right check digit (order 521 of 2023 of the Interior Ministry).
 *
 * Date and 7th digit are no reason to refuse: since 2013 an IIN is not tied to a birth date.
 *
 * @throws InputError IIN_CHARACTERS, IIN_LENGTH, IIN_PLACEHOLDER, IIN_CHECK_DIGIT or EMPTY.
 */
export function iin(text: string): string {
  text = stripped(text, AROUND);
  if (!DIGITS.test(text)) throw refused(Code.IIN_CHARACTERS);
  if (text.length !== 12) throw refused(Code.IIN_LENGTH);
  if (text === "000000000000") throw refused(Code.IIN_PLACEHOLDER);
  if (iinCheckDigit(text.slice(0, 11)) !== Number(text[11])) throw refused(Code.IIN_CHECK_DIGIT);
  return text;
}

/** The check digit of the first 11 digits; null where no such number exists. */
export function iinCheckDigit(digits: string): number | null {
  for (const weights of [WEIGHTS_1, WEIGHTS_2]) {
    const sum = weights.reduce((sum, weight, at) => sum + weight * Number(digits[at]), 0);
    if (sum % 11 !== 10) return sum % 11;
  }
  return null;
}

/**
 * E.164 by libphonenumber, numbers without a country read as Kazakhstan's.
 *
 * @throws InputError PHONE_INVALID or EMPTY. Any other error: the rules could not be loaded.
 */
export async function phone(text: string): Promise<string> {
  text = stripped(text, AROUND);
  if (!PHONE.test(text)) throw refused(Code.PHONE_INVALID);
  const { parsePhoneNumberFromString } = await import("./phones.ts");
  // libphonenumber knows the no-break space as punctuation, but not the narrow one.
  const number = parsePhoneNumberFromString(text.replaceAll("\u202f", " "), "KZ");
  if (number === undefined || !number.isValid()) throw refused(Code.PHONE_INVALID);
  return number.number;
}

/**
 * Lower case, ASCII local part, domain in its ASCII (punycode) form, at most 254 characters.
 *
 * Dots and "+tags" in the local part stay: what they mean is each provider's own business. Not
 * by `new URL()`: it follows UTS 46, on whose versions browsers and loaders differ.
 *
 * @throws InputError EMAIL_INVALID or EMPTY.
 */
export function email(text: string): string {
  text = stripped(text, AROUND_EMAIL);
  const at = text.lastIndexOf("@");
  const local = text.slice(0, Math.max(at, 0));
  if (text.length > LONGEST_EMAIL || local.length > 64 || !LOCAL.test(local)) {
    throw refused(Code.EMAIL_INVALID);
  }
  const labels = text.slice(at + 1).normalize("NFC").toLowerCase().split(".").map(asciiLabel);
  const result = `${local.toLowerCase()}@${labels.join(".")}`;
  const isNumber = DIGITS.test(labels.at(-1) ?? "");
  if (labels.length < 2 || isNumber || result.length > LONGEST_EMAIL) {
    throw refused(Code.EMAIL_INVALID);
  }
  return result;
}

function asciiLabel(label: string): string {
  if (IDN_LABEL.test(label) && NOT_ASCII.test(label)) label = `xn--${punycode.encode(label)}`;
  if (!ASCII_LABEL.test(label)) throw refused(Code.EMAIL_INVALID);
  return label;
}

/** Without what was pasted around it; refused if nothing is left. */
function stripped(text: string, around: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && around.includes(text.charAt(start))) start += 1;
  while (end > start && around.includes(text.charAt(end - 1))) end -= 1;
  if (start === end) throw refused(Code.EMPTY);
  return text.slice(start, end);
}

function refused(code: keyof typeof SENTENCES): InputError {
  return new InputError(code, SENTENCES[code]);
}
