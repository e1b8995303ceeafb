/** A `clew serve` in a process of its own, on a new file. */

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROGRAM = "from clew.cli import app; app()";

export async function serving(): Promise<{ url: string; end: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "clew-"));
  const port = await free();
  const words = ["-c", PROGRAM, "serve", "--db", join(folder, "memory.db"), "--port", String(port), "--recipe", "clew", "--recipe", "sculptor"];
  const process_ = spawn(process.env.PYTHON ?? "python3", words, { stdio: ["ignore", "ignore", "inherit"] });
  const over = new Promise<void>((resolve) => process_.once("exit", () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  for (let waited = 0; ; waited += 100) {
    if (await fetch(`${url}/health`).then((r) => r.ok, () => false)) break;
    if (process_.exitCode !== null || waited > 60_000) throw new Error("the service did not start");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const end = async () => {
    process_.kill();
    await over;
    await rm(folder, { recursive: true });
  };
  return { url, end };
}

function free(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
