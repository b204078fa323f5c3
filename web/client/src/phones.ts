/**
 * libphonenumber's rules, of which a bundler keeps this one function. Larger than all the rest
 * together, so nobody but `identifiers` imports it, and only when a phone is asked about. "max",
 * because "min" accepts numbers that the loaders refuse.
 */
export { parsePhoneNumberFromString } from "libphonenumber-js/max";
