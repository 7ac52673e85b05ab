import assert from "node:assert/strict";
import type { EfsFileSystem } from "../endpoint/endpoint.ts";
import { silentNameServers, silentServer } from "../endpoint/further-servers.ts";
import { tryMount } from "../runner/mounting.ts";
import { bareNode } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

interface Silent {
  readonly what: string;
  readonly device: string;
  readonly options: string;
  readonly path: string;
  /** What the message names of what was seen. */
  readonly seen: string;
}

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first, second } = endpoint;
  const yardstick = await bareNode();
  const taken = await silentServer(guest, "127.0.9.1");
  endpoint.resolve({ [first.name]: "127.0.9.1", [second.name]: "127.0.9.1" });
  // The resolver would try each of them for five seconds, twice.
  const asked = await silentNameServers(guest, ["127.0.9.51", "127.0.9.52", "127.0.9.53"]);

  const server = ({ name }: EfsFileSystem) => `${name} (127.0.9.1), port 2049,`;
  const silent = async (deadline: number, mounts: readonly Silent[]) => {
    product.configure({ mount_deadline_sec: String(deadline) });
    const ends = await Promise.all(
      mounts.map(({ device, options, path }) => tryMount(guest, device, options, { path })),
    );
    for (const [at, { status, seconds, stderr }] of ends.entries()) {
      const what = `silent is ${mounts[at]?.what}`;
      guest.figure(`${what}: ${seconds.toFixed(2)} s: ${stderr.trim()}`);
      assert.equal(status, 32, what);
      assert.ok(seconds >= deadline - 1 && seconds < deadline + 3 + 10 * yardstick, what);
      assert.match(stderr, /not done (within|after) \d/, what);
      for (const named of [mounts[at]?.path ?? "", mounts[at]?.seen ?? ""])
        assert.ok(stderr.includes(named), what);
    }
  };
  // both reach their servers in this time
  await silent(Math.ceil(8 + 15 * yardstick), [
    {
      what: "a server over TLS",
      device: `${first.id}:/`,
      options: "tls",
      path: "/mnt/tls",
      seen: `TLS: ${server(first)} has not answered`,
    },
    {
      what: "a server without TLS",
      device: `${second.id}:/`,
      options: "",
      path: "/mnt/plain",
      seen: `${server(second)} accepts connections`,
    },
  ]);
  // sooner than a search for a name ends by itself
  await silent(8, [
    {
      what: "the name service",
      device: "files.example.com:/",
      options: "tls",
      path: "/mnt/alias",
      seen: "files.example.com:/",
    },
    {
      what: "the name service, by id",
      device: "fs-00000000:/",
      options: "tls",
      path: "/mnt/id",
      seen: "fs-00000000:/",
    },
  ]);
  assert.ok(taken() >= 2, "both have reached the server");
  assert.ok(asked() > 0, "the name servers were asked");
  assert.deepEqual(product.traces(), []);
  assert.deepEqual(
    guest.processes(({ name }) => name.startsWith("mount.")),
    [],
  );
});
