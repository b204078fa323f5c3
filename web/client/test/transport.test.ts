/** The client against a service that misbehaves on the wire: it waits a while and has no answer. */

import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { mock, test } from "node:test";

import { Client } from "../src/client.ts";
import { CouldNotCheckError } from "../src/errors.ts";
import { refused, settled } from "./asking.ts";
import { LEAKED, publish, response, Service, STEPS, tokenOf, URL_ } from "./service.ts";

const PUBLICATION = await publish();
const MIB = 2 ** 20;
await tokenOf(LEAKED); // made before any clock is stopped

for (const step of STEPS) {
  test(`any other status than 200 is no answer (${step})`, async () => {
    const service = new Service(PUBLICATION);
    const statuses = [201, 204, 206, 304, 400, 401, 404, 413, 418, 500, 503, 599];
    for (const status of statuses) {
      service.lies[step] = (reply) => ({ ...reply, status });
      assert.equal(await refused(service.client()), "service_unreachable", String(status));
    }
    // what a browser makes of a redirect that it may not follow, and of a failure
    for (const told of [Response.error(), redirected()]) {
      service.lies[step] = () => told;
      assert.equal(await refused(service.client()), "service_unreachable");
    }
  });

  test(`a fetch that fails is no answer (${step})`, async () => {
    const service = new Service(PUBLICATION);
    for (const error of [new TypeError(`${URL_} ${LEAKED}`), new DOMException("", "AbortError")]) {
      service.lies[step] = () => Promise.reject(error);
      assert.equal(await refused(service.client()), "service_unreachable");
    }
  });

  test(`a body that breaks off is no answer (${step})`, async () => {
    const service = new Service(PUBLICATION);
    service.lies[step] = (reply) => {
      const whole = response(reply);
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          controller.enqueue(reply.body.slice(0, reply.body.length - 1));
          controller.error(new TypeError("broken"));
        },
      });
      return new Response(body, { headers: whole.headers });
    };
    assert.equal(await refused(service.client()), "service_unreachable");
    service.lies[step] = (reply) => new Response(null, { headers: { ...reply.headers } });
    const codes = ["bad_parameters", "bad_register", "bad_evaluation", "bad_range"];
    assert.equal(await refused(service.client()), codes[STEPS.indexOf(step)]);
  });

  test(`how the honest bytes are cut into pieces does not matter (${step})`, async () => {
    const service = new Service(PUBLICATION);
    service.lies[step] = (reply) => new Response(pieces(reply.body, 7), response(reply));
    assert.equal((await service.client().check("iin", LEAKED)).answer, "found");
  });

  test(`silence is given up after the timeout (${step})`, async () => {
    const service = new Service(PUBLICATION);
    let signal: AbortSignal | null | undefined;
    service.lies[step] = (_, asked) => {
      signal = asked.init.signal;
      return new Promise(() => undefined);
    };
    const started = performance.now();
    assert.equal(await refused(service.client({ timeout: 50 })), "service_unreachable");
    assert.ok(performance.now() - started < 5000);
    assert.equal(signal?.aborted, true);
  });

  test(`a body that drips is given up at the deadline (${step})`, async () => {
    const service = new Service(PUBLICATION);
    let isRead = () => {};
    const reading = new Promise<void>((resolve) => {
      isRead = resolve;
    });
    service.lies[step] = (reply) => {
      const pull = () => {
        isRead();
        return new Promise<void>(() => undefined);
      };
      return new Response(new ReadableStream({ pull }), { headers: { ...reply.headers } });
    };
    mock.timers.enable({ apis: ["setTimeout"] });
    try {
      let isOver = false;
      const answer = refused(service.client()).finally(() => {
        isOver = true;
      });
      await reading;
      await settled();
      mock.timers.tick(59_999);
      await settled();
      assert.equal(isOver, false);
      mock.timers.tick(1);
      assert.equal(await answer, "service_unreachable");
    } finally {
      mock.timers.reset();
    }
  });

  test(`a body without end is refused before it fills the memory (${step})`, async () => {
    const most = { params: 4, register: 8, evaluate: 1, range: 1 }[step];
    const service = new Service(PUBLICATION);
    let sent = 0;
    let isCancelled = false;
    service.lies[step] = (reply) => {
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          sent += 1;
          assert.ok(sent < 200);
          controller.enqueue(new Uint8Array(MIB).fill(0x20));
        },
        cancel() {
          isCancelled = true;
        },
      });
      return new Response(body, { headers: { ...reply.headers } });
    };
    const codes = ["bad_parameters", "bad_register", "bad_evaluation", "bad_range"];
    assert.equal(await refused(service.client()), codes[STEPS.indexOf(step)]);
    assert.ok(sent <= most + 2, String(sent));
    assert.ok(isCancelled);
  });
}

test("only a range can be gone", async () => {
  for (const step of ["params", "register", "evaluate"] as const) {
    const service = new Service(PUBLICATION);
    service.lies[step] = (reply) => ({ ...reply, status: 410 });
    assert.equal(await refused(service.client()), "service_unreachable");
  }
});

test("who has asked too much is told when to try again, if the service says so", async () => {
  const service = new Service(PUBLICATION);
  const waits = [
    ["30", "in 30 seconds"],
    ["", "later"],
    ["Wed, 21 Oct 2026 07:28:00 GMT", "later"],
    ["9".repeat(5000), "later"],
    [LEAKED, "later"],
  ] as const;
  for (const [wait, sentence] of waits) {
    const headers = { "Retry-After": wait };
    service.lies.evaluate = (reply) => ({ ...reply, status: 429, headers });
    await assert.rejects(service.client().check("iin", LEAKED), (error) => {
      assert.ok(error instanceof CouldNotCheckError);
      assert.equal(error.code, "rate_limited");
      const start = "could not check: too many questions from here; try again";
      assert.equal(error.sentence, `${start} ${sentence}`);
      return true;
    });
  }
});

test("the address may end in slashes, or be the page's own origin", async () => {
  const service = new Service(PUBLICATION);
  const fetch = service.fetch as typeof globalThis.fetch;
  const slashed = new Client(`${URL_}//`, { fetch });
  assert.equal((await slashed.check("iin", LEAKED)).answer, "found");
  assert.equal(service.seen[0]?.url, `${URL_}/v1/params/public`);
  const own = new Client("", { fetch: (url, init) => fetch(`${URL_}${String(url)}`, init) });
  assert.equal((await own.check("iin", LEAKED)).answer, "found");
});

test("over real HTTP: an answer, no redirect followed, nobody there", async () => {
  const service = new Service(PUBLICATION);
  let isElsewhere = false;
  await serving(
    async (request, reply) => {
      if (isElsewhere) return void reply.writeHead(302, { Location: "/v1/other" }).end();
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      const body = parts.length === 0 ? {} : { body: Buffer.concat(parts) };
      const told = await service.fetch(`${URL_}${request.url}`, body);
      reply.writeHead(told.status, Object.fromEntries(told.headers));
      reply.end(Buffer.from(await told.arrayBuffer()));
    },
    async (url) => {
      assert.equal((await new Client(url).check("iin", LEAKED)).answer, "found");
      isElsewhere = true;
      service.seen.length = 0;
      assert.equal(await refused(new Client(url)), "service_unreachable");
      assert.deepEqual(service.seen, []);
    },
  );
  let url = "";
  await serving(() => undefined, async (free) => {
    url = free;
  });
  assert.equal(await refused(new Client(url)), "service_unreachable");
});

async function serving(
  listener: RequestListener,
  run: (url: string) => Promise<void>,
): Promise<void> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function redirected(): Response {
  const told = new Response("{}");
  Object.defineProperty(told, "redirected", { value: true });
  return told;
}

function pieces(body: Uint8Array, size: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= body.length) return controller.close();
      controller.enqueue(body.slice(at, at + size));
      at += size;
    },
  });
}
