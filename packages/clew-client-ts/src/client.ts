/** The door, over HTTP: the verbs of `Clew`, typed by the service's own description. */

import { ClewError } from "./errors.js";
import type { components } from "./schema.js";
import { Wire, type Answer, type Body, type Operation, type Query, type Settings } from "./wire.js";

export type Schemas = components["schemas"];
/** The arguments of a verb that may be left out. */
export type Options<O extends Operation, Required extends keyof Body<O> = never> = Partial<Omit<Body<O>, Required>>;
type Whose = Partial<Query<"memories">>;

const id = encodeURIComponent;
const OVER = ["done", "failed", "lost"];

export class Clew {
  readonly #wire: Wire;

  constructor(url: string, settings: Settings = {}) {
    this.#wire = new Wire(url, settings);
  }

  // -- writing

  /**
   * Record a text, a message in OpenAI's shape, or a list of them; durable when it answers, and all or nothing.
   * Without a `key` it is given one of its own, so that a second try records nothing twice.
   */
  async record(what: Body<"record">["what"], options: Options<"record", "what"> = {}): Promise<Answer<"record">> {
    const key = options.key ?? crypto.randomUUID();
    const [done, again] = await this.#wire.json<Answer<"record">>("POST", "/v1/events", { body: { ...options, what, key }, safe: true });
    const stored = again && options.key == null && done.stages.log === "already"; // by the try before, whose answer was lost
    return stored ? { ...done, stages: { ...done.stages, log: "stored" } } : done;
  }

  /** Withdraw sources; nothing is erased. */
  retract(events: number[], options: Options<"retract", "events"> = {}) {
    return this.#post<"retract">("/v1/events/retract", { ...options, events });
  }

  // -- asking

  /** The memories that answer, best first, with each scorer's share in `why`, and what has changed. */
  async recall(text: string, options: Options<"recall", "text"> = {}) {
    return (await this.#post<"recall">("/v1/recall", { ...options, text }, true)).hits;
  }

  /** A cited, fenced block for a prompt; "" when nothing was found. */
  async prompt(text: string, options: Options<"prompt", "text"> = {}) {
    return (await this.#post<"prompt">("/v1/prompt", { ...options, text }, true)).text;
  }

  /** An answer with the quotes it rests on; its text is null where memory supports none. */
  ask(text: string, options: Options<"ask", "text"> = {}) {
    return this.#post<"ask">("/v1/ask", { ...options, text }, true);
  }

  // -- looking

  /** The memories of a scope as they are now, oldest first; pages are fetched as they are needed. */
  async *memories(whose: Omit<Whose, "after"> = {}): AsyncGenerator<Schemas["Memory"]> {
    for (let after: string | null = null; ; ) {
      const page: Answer<"memories"> = await this.#get<"memories">("/v1/memories", { limit: 1000, ...whose, after });
      yield* page.memories;
      if ((after = page.next) === null) return;
    }
  }

  /** The newest version of a memory. */
  get(memory: string) {
    return this.#get<"get">(`/v1/memories/${id(memory)}`);
  }

  /** The exact words a memory came from: who said them, and when. */
  thread(memory: string) {
    return this.#get<"thread">(`/v1/memories/${id(memory)}/thread`);
  }

  /** Every version of a memory, oldest first, with the event that made it and why it ended. */
  history(memory: string) {
    return this.#get<"history">(`/v1/memories/${id(memory)}/history`);
  }

  /** The log as it was recorded, after a place in it; pages are fetched as they are needed. */
  async *events({ after = 0, ...whose }: Partial<Query<"events">> = {}): AsyncGenerator<Schemas["Event"]> {
    for (const limit = whose.limit ?? 1000; ; ) {
      const page: Schemas["Event"][] = await this.#get<"events">("/v1/events", { ...whose, after, limit });
      yield* page;
      if (page.length < limit) return;
      after = page[page.length - 1]!.seq;
    }
  }

  /** Every user that some surviving event has. */
  users() {
    return this.#get<"users">("/v1/users");
  }

  // -- correcting and reviewing

  /** Give a memory other words from now on; the old ones stay in its history. */
  revise(memory: string, text: string) {
    return this.#send<"revise">("PATCH", `/v1/memories/${id(memory)}`, { text });
  }

  /** End a memory: it was true, or never was. */
  retire(memory: string, reason: Body<"retire">["reason"] = "corrected") {
    return this.#post<"retire">(`/v1/memories/${id(memory)}/retire`, { reason });
  }

  /** Say whether a memory helped. */
  feedback(memory: string, good: boolean) {
    return this.#post<"feedback">(`/v1/memories/${id(memory)}/feedback`, { good });
  }

  /** Say that a suspect memory holds all the same. */
  confirm(memory: string) {
    return this.#post<"confirm">(`/v1/memories/${id(memory)}/confirm`);
  }

  /** Let the recipe make a suspect memory anew. */
  rederive(memory: string) {
    return this.#post<"rederive">(`/v1/memories/${id(memory)}/rederive`);
  }

  /** Put memories out of the sight of recall, or with `undo` back into it. */
  archive(ids: string[], options: Options<"archive", "ids"> = {}) {
    return this.#post<"archive">("/v1/memories/archive", { undo: false, ...options, ids });
  }

  /** What waits in quarantine, oldest first. */
  review(user?: string) {
    return this.#get<"review">("/v1/review", { user });
  }

  /** Let it into memory. */
  approve(memory: string) {
    return this.#post<"approve">(`/v1/review/${id(memory)}/approve`);
  }

  /** Take it out of the queue for good. */
  reject(memory: string) {
    return this.#post<"reject">(`/v1/review/${id(memory)}/reject`);
  }

  // -- forgetting and keeping

  /** Blank the events meant and all that came of them, and give the receipt; `dry_run` tells what would go. */
  forget(meant: Options<"forget">) {
    return this.#post<"forget">("/v1/forget", meant, meant.dry_run);
  }

  /** Clean the file again, for a receipt that still says withdrawn. */
  erase(receipt: Schemas["Receipt"]) {
    return this.#post<"erase">("/v1/forget/erase", { receipt }, true);
  }

  /** What is left of what was forgotten: [] when nothing is. */
  async verifyForgotten(receipt: Schemas["Receipt"], probes: string[] = []) {
    return (await this.#post<"verify">("/v1/forget/verify", { receipt, probes }, true)).left ?? [];
  }

  /** Keep events from every forget until `release`. */
  hold(reason: string, meant: Options<"hold", "reason">) {
    return this.#post<"hold">("/v1/holds", { ...meant, reason });
  }

  /** End a legal hold, by the place of its event. */
  release(hold: number, options: Options<"release"> = {}) {
    return this.#post<"release">(`/v1/holds/${hold}/release`, options);
  }

  /** The legal holds in force, oldest first. */
  holds() {
    return this.#get<"holds">("/v1/holds");
  }

  /** Leave these memories' events, and these events, out of rules and decay. */
  pin(chosen: Options<"pin">) {
    return this.#post<"pin">("/v1/pins", chosen);
  }

  /** Take pins away. */
  unpin(chosen: Options<"unpin">) {
    return this.#post<"unpin">("/v1/pins/remove", chosen);
  }

  /** The places of the events that are pinned. */
  pinned() {
    return this.#get<"pinned">("/v1/pins");
  }

  /** Put a rule in force and tell what it would take now; with `dry_run` tell it alone. */
  retain(name: string, meant: Options<"retain", "name">) {
    return this.#post<"retain">("/v1/rules", { ...meant, name }, meant.dry_run);
  }

  /** Take a rule out of force. */
  withdraw(name: string) {
    return this.#post<"withdraw">("/v1/rules/withdraw", { name });
  }

  /** The rules in force, oldest first. */
  rules() {
    return this.#get<"rules">("/v1/rules");
  }

  /** Apply every rule now. */
  retention(when: Options<"retention"> = {}) {
    return this.#post<"retention">("/v1/rules/apply", when, when.dry_run);
  }

  /** Archive the weakest memories by one of four limits; unless `dry_run` is false, only say which. */
  decay(limit: Options<"decay"> = {}) {
    return this.#post<"decay">("/v1/decay", limit, limit.dry_run !== false);
  }

  /** The events that only archived memories came from. */
  faded(whose: Partial<Query<"faded">> = {}) {
    return this.#get<"faded">("/v1/decay/faded", whose);
  }

  /** What decay would have cost the questions that were asked later. */
  simulate(of: Options<"simulate"> = {}) {
    return this.#post<"simulate">("/v1/decay/simulate", of, true);
  }

  // -- an agent's own

  /** A session as messages for a chat API, as the recipe shows it now. */
  window(session: string, options: Options<"window", "session"> = {}) {
    return this.#post<"window">("/v1/window", { ...options, session }, true);
  }

  /** What an agent may do to its memory, as JSON schemas in OpenAI's shape. */
  tools(recipe?: string) {
    return this.#get<"tools">("/v1/tools", { recipe });
  }

  /** Call one of them; the text is what the agent is told. */
  async call(tool: string, options: Options<"call"> = {}) {
    const key = options.key ?? crypto.randomUUID();
    return (await this.#post<"call">(`/v1/tools/${id(tool)}`, { ...options, key }, true)).text;
  }

  // -- views, and long work

  /** The memory systems there are, by name; `where` narrows them by FIELD=WORD. */
  recipes(where?: string[]) {
    return this.#get<"recipes">("/v1/recipes", { where });
  }

  /** The views there are, oldest first: building, serving or frozen. */
  generations(recipe?: string) {
    return this.#get<"generations">("/v1/generations", { recipe });
  }

  /** Let that generation answer from now on. */
  promote(recipe: string, generation: number) {
    return this.#post<"promote">(`/v1/generations/${generation}/promote`, { recipe }, true);
  }

  /** The rows in which two generations differ. */
  diff(recipe: string, one: number, other: number) {
    return this.#get<"diff">(`/v1/generations/${one}/diff`, { recipe, other });
  }

  /** Remove a generation that does not serve. */
  async drop(recipe: string, generation: number): Promise<void> {
    await this.#wire.json("DELETE", `/v1/generations/${generation}`, { query: { recipe } });
  }

  /** Long work (rebuild, catch_up, verify) and its result, once it is done; `progress` is told of events so far and in all. */
  async work(verb: Body<"start">["verb"], options: Options<"start", "verb"> = {}, progress?: (done: number, total: number) => void) {
    let found = await this.#post<"start">("/v1/operations", { promote: true, ...options, verb });
    for (let wait = 50; !OVER.includes(found.state); wait = Math.min(1000, 1.5 * wait)) {
      if (found.done != null) progress?.(found.done, found.total ?? 0);
      await new Promise((resolve) => setTimeout(resolve, wait));
      found = await this.operation(found.id);
    }
    if (found.state !== "done") throw new ClewError(found.error ?? "ClewError", found.detail ?? `operation ${found.id} was lost with its process`, 0);
    return found.result ?? {};
  }

  /** How a piece of long work stands. */
  operation(operation: number) {
    return this.#get<"operation">(`/v1/operations/${operation}`);
  }

  /** The latest long work, newest first. */
  operations(limit = 100) {
    return this.#get<"operations">("/v1/operations", { limit });
  }

  /** Ask again for work that failed or was lost. */
  retry(operation: number) {
    return this.#post<"retry">(`/v1/operations/${operation}/retry`);
  }

  // -- the whole

  /** Head, views and how far they are behind, faults, spending, bytes. */
  status() {
    return this.#get<"status">("/v1/status");
  }

  /** Plant a text that nobody has a reason to repeat; its token. */
  async canary(where: Options<"canary"> = {}) {
    return (await this.#post<"canary">("/v1/canaries", where)).token!;
  }

  /** Append the day's tick where recipes subscribe to ticks; how many were added. */
  async tick(date?: string) {
    return (await this.#post<"tick">("/v1/ticks", { date }, true)).added!;
  }

  /** The whole log as JSON lines, as bytes while they come. */
  export(): Promise<ReadableStream<Uint8Array>> {
    return this.#wire.stream("/v1/export");
  }

  /** A copy of the whole file, as bytes while they come. */
  backup(): Promise<ReadableStream<Uint8Array>> {
    return this.#wire.stream("/v1/backup");
  }

  /** Take in an export: a text, bytes, or a stream of them. */
  async load(lines: BodyInit, asLived = false): Promise<Answer<"load">> {
    return (await this.#wire.json<Answer<"load">>("POST", "/v1/import", { lines, query: { as_lived: asLived } }))[0];
  }

  /** The keys there are. */
  keys() {
    return this.#get<"keys">("/v1/keys");
  }

  /** Make a key; its token is told this once. */
  async addKey(name: string, role: Body<"add_key">["role"], options: Options<"add_key", "name" | "role"> = {}) {
    const made = await this.#post<"add_key">("/v1/keys", { ...options, name, role });
    return { key: made.key as Schemas["Key"], token: made.token as string };
  }

  /** End a key at once. */
  async revoke(key: string): Promise<void> {
    await this.#wire.json("DELETE", `/v1/keys/${id(key)}`);
  }

  /** It runs. Answers anybody. */
  health() {
    return this.#get<"health">("/health");
  }

  /** It can read its log: the place of the newest event. */
  ready() {
    return this.#get<"ready">("/ready");
  }

  async #get<O extends Operation>(path: string, query?: object): Promise<Answer<O>> {
    return (await this.#wire.json<Answer<O>>("GET", path, { query, safe: true }))[0];
  }

  #post<O extends Operation>(path: string, body: Partial<Body<O>> = {}, safe = false): Promise<Answer<O>> {
    return this.#send<O>("POST", path, body, safe);
  }

  async #send<O extends Operation>(method: string, path: string, body: Partial<Body<O>>, safe = false): Promise<Answer<O>> {
    return (await this.#wire.json<Answer<O>>(method, path, { body, safe }))[0];
  }
}
