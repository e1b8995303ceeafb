import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { after, before, test } from "node:test";

import { Clew, ClewError, type Memory, type Operation } from "../src/index.js";
import { serving } from "./service.js";

// Every operation of the description has its verb here, or this does not compile; metrics are for Prometheus.
const VERBS = {
  record: "record", events: "events", retract: "retract", recall: "recall", prompt: "prompt", ask: "ask", memories: "memories", get: "get",
  thread: "thread", history: "history", users: "users", revise: "revise", retire: "retire", feedback: "feedback", confirm: "confirm",
  rederive: "rederive", archive: "archive", review: "review", approve: "approve", reject: "reject", forget: "forget", erase: "erase",
  verify: "verifyForgotten", hold: "hold", release: "release", holds: "holds", pin: "pin", unpin: "unpin", pinned: "pinned", retain: "retain",
  withdraw: "withdraw", rules: "rules", retention: "retention", decay: "decay", faded: "faded", simulate: "simulate", window: "window",
  tools: "tools", call: "call", recipes: "recipes", generations: "generations", promote: "promote", diff: "diff", drop: "drop", start: "work",
  operation: "operation", operations: "operations", retry: "retry", status: "status", canary: "canary", tick: "tick", export: "export",
  backup: "backup", load: "load", keys: "keys", add_key: "addKey", revoke: "revoke", health: "health", ready: "ready",
} satisfies Record<Exclude<Operation, "metrics">, keyof Clew>;

let service: Awaited<ReturnType<typeof serving>>;
let clew: Clew;

before(async () => {
  service = await serving();
  clew = new Clew(service.url);
});
after(() => service.end());

async function all<T>(found: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of found) items.push(item);
  return items;
}

const failing = (name: string, words: RegExp) => (error: unknown) =>
  error instanceof ClewError && error.name === name && words.test(error.message);

test("every verb of the description is a method", () => {
  for (const verb of Object.values(VERBS)) assert.equal(typeof clew[verb], "function", verb);
});

test("what is recorded is recalled with the words it came from", async () => {
  const done = await clew.record("I moved to Lisbon in May", { user: "ana", actor: "ana", at: "2026-05-20T10:00:00+01:00", key: "msg-17" });
  assert.equal(done.stages.log, "stored");
  assert.equal((await clew.record("I moved to Lisbon in May", { user: "ana", actor: "ana", at: "2026-05-20T10:00:00+01:00", key: "msg-17" })).stages.log, "already");
  await clew.record([{ role: "user", content: "The build is red" }, { role: "assistant", content: "Looking." }], { user: "ana", session: "s1" });
  const [hit] = await clew.recall("Where does Ana live?", { user: "ana", k: 3 });
  assert.equal(hit!.memory.text, "I moved to Lisbon in May");
  assert.ok(Object.keys(hit!.why ?? {}).length);
  const [quote] = await clew.thread(hit!.memory.id);
  assert.equal(quote!.event.at, "2026-05-20T10:00:00+01:00");
  assert.match(await clew.prompt("Where does Ana live?", { user: "ana" }), /Lisbon/);
  assert.match((await clew.ask("Where does Ana live?", { user: "ana" })).quotes[0]!.text, /Lisbon/);
  assert.deepEqual(await clew.recall("Where does Ana live?", { user: "ana", as_of: 0 }), []);
  assert.deepEqual(await clew.users(), ["ana"]);
  assert.match(JSON.stringify(await clew.window("s1", { user: "ana" })), /The build is red/);
  assert.ok((await clew.tools("sculptor")).length);
});

test("memories and events come as many pages as there are", async () => {
  await clew.record(Array.from({ length: 7 }, (_, n) => `note ${n} about the garden`), { user: "bob" });
  const found: Memory[] = await all(clew.memories({ user: "bob", limit: 3 }));
  assert.deepEqual(found.map((m) => m.text), Array.from({ length: 7 }, (_, n) => `note ${n} about the garden`));
  const seqs = (await all(clew.events({ user: "bob", limit: 3 }))).map((e) => e.seq);
  assert.equal(seqs.length, 7);
  assert.deepEqual((await all(clew.events({ user: "bob", after: seqs[4]! }))).map((e) => e.seq), seqs.slice(5));
});

test("a memory is revised, retired, and keeps its history", async () => {
  await clew.record("I keep a boat in Porto", { user: "cleo" });
  const { id } = (await all(clew.memories({ user: "cleo" })))[0]!;
  await clew.revise(id, "I keep a boat in Faro");
  assert.equal((await clew.get(id)).text, "I keep a boat in Faro");
  await clew.feedback(id, true);
  await clew.archive([id]);
  assert.equal((await clew.get(id)).status, "archived");
  await clew.archive([id], { undo: true });
  await clew.retire(id, "superseded");
  const versions = (await clew.history(id)).map(([memory, event, why]) => [memory.text, event.kind, why]);
  assert.deepEqual(versions[0], ["I keep a boat in Porto", "message", "revised"]);
  assert.deepEqual(versions.at(-1), ["I keep a boat in Faro", "edit", "superseded"]);
});

test("what is held stays, what is forgotten is gone, with a receipt", async () => {
  await clew.record("My locker code is seven quinces", { user: "dan" });
  const hold = await clew.hold("case 17", { user: "dan" });
  await assert.rejects(clew.forget({ user: "dan" }), failing("Denied", /case 17/));
  assert.equal((await clew.holds())[0]!.covers.user, "dan");
  await clew.release(hold.seq!);
  const receipt = await clew.forget({ user: "dan" });
  assert.equal(receipt.state, "erased");
  assert.deepEqual(await clew.verifyForgotten(receipt, ["quinces"]), []);
  assert.equal((await clew.retain("old", { older_than: "P365D", user: "ana", dry_run: true })).state, "dry run");
  assert.equal((await clew.decay({ user: "ana", show: 2 })).weakest.length, 2);
});

test("long work is waited for", async () => {
  assert.deepEqual(await clew.work("verify"), { sound: true });
  await assert.rejects(clew.work("rebuild", { recipe: "nothing" }), failing("NotFound", /nothing/));
  assert.equal((await clew.work("rebuild", { recipe: "clew" })).recipe, "clew");
});

test("the log is carried out as a stream, and events are taken in from one", async () => {
  const lines = await new Response(await clew.export()).text();
  const events = lines.trim().split("\n").filter((line) => JSON.parse(line).table === "event").length;
  const done = await clew.load(new Blob([lines]).stream()); // beside what is there: without the edits, which name places of that log
  assert.ok(events > 10 && done.stages.log === "stored" && done.seqs.length > 5 && done.seqs.length < events);
  await assert.rejects(clew.load("no lines of ours"), failing("UsageError", /what was sent, line 1/));
});

test("errors have the name of the service's own, and its words", async () => {
  await assert.rejects(clew.get("nothing"), failing("NotFound", /nothing/));
  await assert.rejects(clew.record("x", { at: "2026-05-20T10:00:00" }), failing("UsageError", /time zone/));
  await assert.rejects(clew.get("nothing"), (error: ClewError) => error.status === 404);
  await assert.rejects(new Clew("http://127.0.0.1:9", { retries: 1 }).users(), failing("Unreachable", /127\.0\.0\.1:9/));
});

/** Answers as it is told, and keeps what it was asked. */
async function told(answer: (asked: number, response: ServerResponse) => void, run: (url: string, bodies: string[]) => Promise<void>) {
  const bodies: string[] = [];
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    bodies.push(Buffer.concat(await all(request as AsyncIterable<Buffer>)).toString());
    answer(bodies.length, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await run(`http://127.0.0.1:${(server.address() as { port: number }).port}`, bodies);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("a lost answer is asked for again only where nothing is done twice", async () => {
  const already = { seq: 1, seqs: [1], stages: { log: "already" } };
  const lose = (asked: number, response: ServerResponse) => (asked < 3 ? response.destroy() : response.end(JSON.stringify(already)));
  await told(lose, async (url, bodies) => {
    assert.equal((await new Clew(url).record("I like tea")).stages.log, "stored");
    assert.equal(new Set(bodies).size, 1);
    assert.equal(bodies.length, 3);
  });
  await told((_, response) => response.destroy(), async (url, bodies) => {
    await assert.rejects(new Clew(url).revise("1", "x"), failing("Unreachable", /PATCH/));
    assert.equal(bodies.length, 1);
  });
});

test("a service that is too busy is given the time it asks for, but no budget is waited for", async () => {
  const busy = (asked: number, response: ServerResponse) =>
    asked === 1 ? response.writeHead(429, { "Retry-After": "1" }).end() : response.end('{"hits": []}');
  await told(busy, async (url) => {
    const began = Date.now();
    assert.deepEqual(await new Clew(url).recall("x"), []);
    assert.ok(Date.now() - began >= 1000);
  });
  const spent = (_: number, response: ServerResponse) =>
    response.writeHead(429).end(JSON.stringify({ type: "urn:clew:error:BudgetExceeded", detail: "spent" }));
  await told(spent, async (url, bodies) => {
    await assert.rejects(new Clew(url).recall("x"), failing("BudgetExceeded", /spent/));
    assert.equal(bodies.length, 1);
  });
  await told(() => undefined, async (url) => {
    await assert.rejects(new Clew(url, { timeout: 50, retries: 0 }).recall("x"), failing("Unreachable", /50 ms/));
  });
});
