import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { tunnelNetwork } from "../../../src/app/tunnel/network.ts";
import { inNamespaces, run } from "../../fakes/namespaces.ts";
import { temporaryDirectory } from "../../support/authority.ts";

const ADDRESS = [127, 0, 0, 9];
/** Of the answer: no error, and what was asked again before the answers (RFC 1035, 4.1.1). */
const ANSWER_FLAGS = 0x8180;
const TYPE_A = 1;

/** A name server on 127.0.0.1 that has the same address for every name, and no IPv6 one. */
async function nameServer() {
  const server = createSocket("udp4", (query, { port, address }) => {
    const question = query.subarray(12, query.indexOf(0, 12) + 5);
    const isForAddress = question.readUInt16BE(question.length - 4) === TYPE_A;
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(ANSWER_FLAGS, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(isForAddress ? 1 : 0, 6);
    // a pointer to the name, type A, class IN, a minute, four bytes
    const record = Buffer.from([0xc0, 12, 0, TYPE_A, 0, 1, 0, 0, 0, 60, 0, 4, ...ADDRESS]);
    server.send(Buffer.concat([header, question, ...(isForAddress ? [record] : [])]), port, address);
  }).bind(53, "127.0.0.1");
  await once(server, "listening");
  return server;
}

await inNamespaces(["--mount"], () => {
  const cleanUps: (() => unknown)[] = [];
  const group = { after: (cleanUp: () => unknown) => void cleanUps.push(cleanUp) };
  const network = () => {
    const found = tunnelNetwork("/run/netns/blue", "/nowhere/efs-namespace-socket.cjs");
    group.after(() => found.leave());
    return found;
  };
  const resolve = (name: string) => network().resolve(name, 30_000, new AbortController().signal);

  before(async () => {
    const directory = temporaryDirectory(group, "names");
    writeFileSync(join(directory, "hosts"), "127.0.0.1 localhost\n127.0.0.5 listed.example\n");
    writeFileSync(join(directory, "resolv.conf"), "nameserver 127.0.0.1\n");
    for (const name of ["hosts", "resolv.conf"])
      run("mount", "--bind", join(directory, name), `/etc/${name}`);
    run("mount", "-t", "tmpfs", "tmpfs", "/run");
    run("ip", "netns", "add", "blue");
    run("ip", "-n", "blue", "link", "set", "lo", "up");
    const server = await nameServer();
    group.after(() => server.close());
  });
  after(() => {
    for (const cleanUp of cleanUps.reverse()) cleanUp();
  });

  test("a name that is known in there is used by its name", async () => {
    const { addresses, isNameKnown } = await resolve("listed.example");
    assert.deepEqual({ addresses, isNameKnown }, { addresses: ["127.0.0.5"], isNameKnown: true });
  });

  test("a name that only those out here can look up is used by its address", async () => {
    const { addresses, isNameKnown } = await resolve("asked.example");
    assert.deepEqual({ addresses, isNameKnown }, { addresses: [ADDRESS.join(".")], isNameKnown: false });
  });
});
