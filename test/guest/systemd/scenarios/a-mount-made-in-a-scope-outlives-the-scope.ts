import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { scenario } from "../../runner/scenario.ts";
import { controlGroup, show } from "../systemd.ts";

const PATH = "/mnt/by-a-scope";
const SCOPE = "Somebody's transient mount";

// as kubelet mounts volumes where systemd runs
export default scenario(async (guest) => {
  const { product } = guest;
  mkdirSync(PATH, { recursive: true });
  const mount = ["mount", "-t", "efs", "-o", "tls", "fs-87654321:/d04", PATH];
  await guest.ok("systemd-run", [`--description=${SCOPE}`, "--scope", "--", ...mount], { timeoutMs: 60_000 });

  const group = controlGroup(product.stunnelOf(PATH).pid);
  guest.figure(group);
  const { Description } = await show(guest, group.split("/").at(-1) ?? "", "Description");
  assert.match(Description ?? "", /^EFS tunnel fs-87654321\.mnt\.by-a-scope\.\d+$/);
  await guest.eventually("the scope is gone", async () => {
    const scopes = await guest.ok("systemctl", ["--no-pager", "--plain", "--full", "list-units", "*.scope"]);
    return !scopes.includes(SCOPE);
  });
  assert.equal(await guest.read(`${PATH}/name`), "fs-87654321/d04");
  await guest.umount(PATH);
});
