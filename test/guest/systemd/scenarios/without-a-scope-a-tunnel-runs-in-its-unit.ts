import assert from "node:assert/strict";
import { MOUNT_POINT } from "../../runner/product.ts";
import { scenario } from "../../runner/scenario.ts";
import { controlGroup, MOUNT_UNIT } from "../systemd.ts";

const SYSTEMD_RUN = "/usr/bin/systemd-run";
const REFUSAL = "Failed to start transient scope unit: Access denied";

export default scenario(async (guest) => {
  const { product } = guest;
  const mountAgain = async () => {
    await guest.ok("systemctl", ["stop", MOUNT_UNIT], { timeoutMs: 60_000 });
    await guest.ok("systemctl", ["start", MOUNT_UNIT], { timeoutMs: 60_000 });
    return controlGroup(product.stunnelOf(MOUNT_POINT).pid);
  };
  const restore = guest.replaceProgram(SYSTEMD_RUN, `#!/bin/sh\necho "${REFUSAL}" >&2\nexit 1\n`);
  assert.ok((await mountAgain()).endsWith(`/${MOUNT_UNIT}`));
  await guest.write(`${MOUNT_POINT}/hello`, "in the unit");
  const warning = product.log.split("\n").find((line) => line.includes(`is part of ${MOUNT_UNIT}`));
  guest.figure(warning ?? "");
  assert.match(warning ?? "", /WARNING/);
  assert.ok(warning?.includes(REFUSAL), "it says what was wrong with the scope");

  restore();
  assert.equal((await mountAgain()).includes(MOUNT_UNIT), false);
});
