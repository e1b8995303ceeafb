/** Requests: their types by the description's operations; tried again where that is safe. */

import { ClewError, refused } from "./errors.js";
import type { operations } from "./schema.js";

export type Operation = keyof operations;
type Json<T> = T extends { content: { "application/json": infer J } } ? J : undefined;
type Good<R> = R extends { 200: infer T } ? T : R extends { 201: infer T } ? T : R extends { 202: infer T } ? T : undefined;
/** What an operation answers. */
export type Answer<O extends Operation> = Json<Good<operations[O]["responses"]>>;
/** What an operation takes in its body. */
export type Body<O extends Operation> = operations[O] extends { requestBody: { content: { "application/json": infer B } } } ? B : never;
/** What it takes as query parameters. */
export type Query<O extends Operation> = operations[O] extends { parameters: { query?: infer Q } } ? NonNullable<Q> : never;

export interface Settings {
  /** An API key made by `clew keys add`, or a bearer token. */
  key?: string;
  /** Milliseconds for an answer; of what is streamed, until it has begun. */
  timeout?: number;
  /** How often a request is tried again where that is safe. */
  retries?: number;
  /** Another `fetch`. */
  fetch?: typeof fetch;
}

interface Sent {
  query?: object;
  body?: object;
  lines?: BodyInit;
  /** Doing it twice does no more than doing it once. */
  safe?: boolean;
}

const FIRST = 100; // ms; doubled before each try
const LONGEST = 30_000; // ms between two tries; a service that asks for more patience is not asked again
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export class Wire {
  readonly url: string;
  readonly #settings: Required<Omit<Settings, "key">> & Pick<Settings, "key">;

  constructor(url: string, settings: Settings) {
    this.url = url.replace(/\/+$/, "");
    this.#settings = { timeout: 60_000, retries: 4, fetch: globalThis.fetch, ...settings };
  }

  /** (the answer, whether it took more than one try) */
  json<T>(method: string, path: string, sent: Sent = {}): Promise<[T, boolean]> {
    return this.#tried(method, path, sent, async (response) => {
      const text = await response.text();
      try {
        return (text ? JSON.parse(text) : undefined) as T;
      } catch {
        throw new ClewError("ClewError", `${this.url}${path} did not answer in JSON; is it the address of a \`clew serve\`?`, response.status);
      }
    });
  }

  /** The bytes of an answer as they come. */
  async stream(path: string): Promise<ReadableStream<Uint8Array>> {
    const [body] = await this.#tried("GET", path, { safe: true }, (response) => Promise.resolve(response.body!));
    return body;
  }

  async #tried<T>(method: string, path: string, sent: Sent, read: (response: Response) => Promise<T>): Promise<[T, boolean]> {
    const { key, timeout, retries, fetch } = this.#settings;
    const { query, body, lines, safe = false } = sent;
    const headers: Record<string, string> = { Accept: "application/json" };
    if (key !== undefined) headers.Authorization = `Bearer ${key}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (lines !== undefined) headers["Content-Type"] = "application/x-ndjson";
    const init = { method, headers, body: lines ?? (body === undefined ? undefined : JSON.stringify(body)), duplex: "half", redirect: "error" };
    for (let tried = 1; ; tried++) {
      const last = tried > retries || lines !== undefined; // a stream is read once
      let wait = 0;
      const clock = new AbortController();
      const alarm = setTimeout(() => clock.abort(new Error(`no answer within ${timeout} ms`)), timeout);
      try {
        const response = await fetch(this.#address(path, query), { ...init, signal: clock.signal } as RequestInit);
        if (response.ok) return [await read(response), tried > 1];
        const error = await refused(response);
        wait = (error.retryAfter ?? 0) * 1000;
        const again = (error.status === 429 || error.status === 503) && error.name !== "BudgetExceeded" && wait <= LONGEST;
        if (last || !again) throw error;
      } catch (error) {
        if (error instanceof ClewError) throw error;
        if (last || !(safe || neverSent(error)))
          throw new ClewError("Unreachable", `${this.url} did not answer ${method} ${path}: ${because(error)}`, 0, undefined, { cause: error });
      } finally {
        clearTimeout(alarm);
      }
      await sleep(Math.max(wait, Math.min(LONGEST, FIRST * 2 ** tried) * (0.5 + Math.random() / 2)));
    }
  }

  #address(path: string, query: object = {}): string {
    const given = new URLSearchParams();
    for (const [name, value] of Object.entries(query))
      for (const each of Array.isArray(value) ? value : [value]) if (each !== undefined && each !== null) given.append(name, String(each));
    return `${this.url}${path}${given.size ? `?${given}` : ""}`;
  }
}

function because(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error ? cause.message || String((cause as { code?: unknown }).code) : String(cause);
}

/** Whether the connection was never made, so that nothing can have been done. */
function neverSent(error: unknown): boolean {
  const code = ((error as Error).cause as { code?: string } | undefined)?.code;
  return code === "ECONNREFUSED" || code === "ENOTFOUND" || code === "EAI_AGAIN" || code === "UND_ERR_CONNECT_TIMEOUT";
}
