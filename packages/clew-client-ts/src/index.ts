export { Clew, type Options, type Schemas } from "./client.js";
export { ClewError } from "./errors.js";
export type { Operation, Settings } from "./wire.js";

import type { Schemas } from "./client.js";

export type Answer = Schemas["Answer"];
export type Event = Schemas["Event"];
export type Hit = Schemas["Hit"];
export type Memory = Schemas["Memory"];
export type Quote = Schemas["Quote"];
export type Receipt = Schemas["Receipt"];
export type Recorded = Schemas["Recorded"];
