import assert from "node:assert/strict";
import type { Run } from "../runner/command.ts";
import type { Guest } from "../runner/guest.ts";
import { tryMount } from "../runner/mounting.ts";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

/** One line on the terminal, which is in the log too, and no trace of the mount. */
function failed(
  guest: Guest,
  what: string,
  { status, stderr, seconds }: Run,
  told: (string | RegExp)[],
): void {
  const lines = stderr.trimEnd().split("\n");
  guest.figure(`${what}, ${seconds.toFixed(2)} s: ${stderr.trimEnd()}`);
  assert.equal(status, 32, what);
  assert.equal(lines.length, 1, what);
  for (const word of told) assert.match(stderr, word instanceof RegExp ? word : literally(word), what);
  assert.ok(guest.product.log.includes((lines[0] ?? "").replace(/^mount\.efs: /, "")), "the log has it too");
  assert.deepEqual(guest.product.traces(), [], what);
}

const literally = (text: string) => new RegExp(text.replaceAll(/[.[\]()]/g, "\\$&"));

export default scenario(async (guest) => {
  const { product, endpoint } = guest;
  const { first, second } = endpoint;
  product.configure({ retry_nfs_mount_command: "false", mount_deadline_sec: "5" });

  const path = await tryMount(guest, `${first.id}:/no/such/path`, "tls");
  const server = [
    `${first.name}:/no/such/path`,
    `TLS: ${first.name} (${first.front.address}) is who it should be`,
  ];
  failed(guest, "wrong path", path, ["No such file or directory", ...server]);

  const nowhere = ["-t", "efs", "-o", "tls", `${first.id}:/`, "/mnt/nowhere"];
  const missing = await guest.run("mount", nowhere, { timeoutMs: 60_000 });
  failed(guest, "no mount point", missing, ["/mnt/nowhere does not exist", "mkdir"]);

  await first.front.stop();
  endpoint.resolve({ [first.name]: first.front.address, [second.name]: "127.0.9.1" });
  const [down, plain] = await Promise.all([
    tryMount(guest, `${first.id}:/`, "tls", { path: MOUNT_POINT }),
    tryMount(guest, `${second.id}:/`, "", { path: "/mnt/plain" }),
  ]);
  const refused = [first.name, first.front.address, "2049", /refused/];
  failed(guest, "server down", down, refused);
  const unreached = [`${second.name} (127.0.9.1), port 2049, accepts no connections`];
  failed(guest, "server down, without TLS", plain, unreached);
});
