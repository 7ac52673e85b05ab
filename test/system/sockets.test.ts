import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { listeningPorts } from "../../src/system/procfs.ts";
import { callNull } from "../../src/system/rpc.ts";
import { connectionsOf } from "../../src/system/sockets.ts";
import { answerNull } from "../fakes/nfs-null.ts";

for (const host of ["127.0.0.1", "::1"]) {
  test(`a connection to ${host} is one of the process that made it, with the other end's address`, async (t) => {
    const server = createServer().listen(0, host);
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const socket = connect(port, host);
    t.after(() => {
      socket.destroy();
      server.close();
    });
    await once(socket, "connect");
    const found = connectionsOf(process.pid).filter((connection) => connection.port === port);
    assert.deepEqual(
      found.map(({ address }) => address),
      [host],
    );
    assert.deepEqual(connectionsOf(4_194_304), [], "a process that is not there has none");
    if (host === "127.0.0.1") assert.ok(listeningPorts().includes(port));
  });
}

test("a server is called so many times on one connection, and each answer has its time", async (t) => {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    answerNull(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  const { outcome, sentMs, answeredMs } = await callNull("127.0.0.1", port, 30_000, { times: 3 });
  assert.deepEqual([outcome, sentMs.length, answeredMs.length, connections], ["answered", 3, 3, 1]);
  for (const [index, sent] of sentMs.entries()) {
    assert.ok((answeredMs[index] ?? 0) >= sent);
    assert.ok((answeredMs[index - 1] ?? 0) <= sent);
  }
});

test("a server that answers once and then closes the connection lives; one that says something else does not", async (t) => {
  const brief = createServer((socket) => {
    answerNull(socket);
    socket.once("data", () => socket.removeAllListeners("data").resume().end());
  }).listen(0, "127.0.0.1");
  const other = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")).listen(
    0,
    "127.0.0.1",
  );
  t.after(() => {
    brief.close();
    other.close();
  });
  await Promise.all([once(brief, "listening"), once(other, "listening")]);
  const portOf = (server: typeof other) => (server.address() as { port: number }).port;
  assert.equal((await callNull("127.0.0.1", portOf(brief), 30_000, { times: 2 })).outcome, "answered");
  assert.equal((await callNull("127.0.0.1", portOf(other), 30_000)).outcome, "other");
});
