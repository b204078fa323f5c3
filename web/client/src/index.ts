/** Asks a Qorgan service whether an identifier is in a leak, without showing it the identifier. */

export { Client } from "./client.ts";
export type { Answer, ClientOptions, Found, Leak, NotFound } from "./client.ts";
export { Code, CouldNotCheckError, InputError, QorganError } from "./errors.ts";
export { canonical } from "./identifiers.ts";
export { MemoryPins, StoredPins } from "./pins.ts";
export type { Pin, PinStore, TextStorage } from "./pins.ts";
export type { RegisterEntry } from "./register.ts";
export { KINDS } from "./suite.ts";
export type { Kind } from "./suite.ts";
