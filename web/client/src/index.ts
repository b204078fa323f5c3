/** Asks a Qorgan service whether an identifier is in a leak, without showing it the identifier. */

export type { Answer, Found, Leak, NotFound, SearchedLane } from "./answers.ts";
export { Client } from "./client.ts";
export type { AskOptions, ClientOptions } from "./client.ts";
export { Code, CouldNotCheckError, InputError, QorganError } from "./errors.ts";
export { MemoryFilters } from "./filters.ts";
export type { FilterStore } from "./filters.ts";
export { canonical } from "./identifiers.ts";
export { OfflineClient } from "./offline.ts";
export type { OfflineOptions, Possible } from "./offline.ts";
export { MemoryPins, StoredPins } from "./pins.ts";
export type { Pin, PinStore, TextStorage } from "./pins.ts";
export type { RegisterEntry } from "./register.ts";
export { KINDS } from "./suite.ts";
export type { Kind, Lane } from "./suite.ts";
