import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { scenario } from "../../runner/scenario.ts";
import { controlGroup } from "../systemd.ts";

const SERVICE = "mounts-it.service";
const PATH = "/mnt/by-a-service";
const UNIT = `[Service]
Type=oneshot
ExecStart=/bin/mount -t efs -o tls fs-87654321:/d03 ${PATH}
`;

export default scenario(async (guest) => {
  const { product } = guest;
  mkdirSync(PATH, { recursive: true });
  writeFileSync(`/run/systemd/system/${SERVICE}`, UNIT);
  await guest.ok("systemctl", ["daemon-reload"], { timeoutMs: 60_000 });
  await guest.ok("systemctl", ["start", SERVICE], { timeoutMs: 60_000 });

  assert.equal(await guest.read(`${PATH}/name`), "fs-87654321/d03");
  const group = controlGroup(product.stunnelOf(PATH).pid);
  guest.figure(group);
  assert.equal(group.includes(SERVICE), false);
  await guest.umount(PATH);
});
