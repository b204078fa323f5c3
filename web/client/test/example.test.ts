/** The offline example, as somebody runs it: a filter in a folder, fetched once. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { CLEAN, LEAKED, publish, Service, URL_ } from "./service.ts";

const EXAMPLE = fileURLToPath(new URL("../../example-offline.js", import.meta.url));
const SERVICE = new Service(await publish());

async function init(request: IncomingMessage): Promise<RequestInit> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const { range } = request.headers;
  const headers: HeadersInit = range === undefined ? {} : { Range: range };
  return { headers, body: Buffer.concat(parts) };
}

function said(url: string, iin: string, folder: string): Promise<string> {
  const program = spawn(process.execPath, [EXAMPLE, url, "iin", folder]);
  let text = "";
  program.stdout.on("data", (part: Buffer) => (text += part.toString()));
  program.stderr.on("data", (part: Buffer) => (text += part.toString()));
  program.stdin.end(`${iin}\n`);
  return new Promise((resolve) => program.on("close", () => resolve(text)));
}

test("the offline example", async () => {
  const server = createServer(async (request, response) => {
    const reply = await SERVICE.fetch(`${URL_}${request.url}`, await init(request));
    response.writeHead(reply.status, Object.fromEntries(reply.headers));
    response.end(new Uint8Array(await reply.arrayBuffer()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const folder = join(mkdtempSync(join(tmpdir(), "qorgan-")), "filters");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const { version } = SERVICE.publication.parameters;
    assert.match(await said(url, CLEAN, folder), new RegExp(`^not found in version ${version} of `));
    assert.match(await said(url, LEAKED, folder), /^possible: /);
    assert.match(await said(url, "1", folder), /^not asked: /);
    assert.equal(readdirSync(folder).length, 1);
    assert.equal(SERVICE.seen.filter(({ step }) => step === "filter").length, 1);
  } finally {
    server.close();
    rmSync(join(folder, ".."), { recursive: true });
  }
});
