/** Whom a mount says it is: keys on this machine, refusals, and what the product has written down. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { TunnelState } from "../../../src/core/state/state.ts";
import type { Guest } from "./guest.ts";
import { portOf, tryMount } from "./mounting.ts";
import { MOUNT_POINT, STATE } from "./product.ts";

/** What the state file of the mount at a place says. */
export function stateOf(guest: Guest, path = MOUNT_POINT): TunnelState {
  const port = portOf(guest, path);
  const name = readdirSync(STATE).find((each) => each.startsWith("fs-") && each.endsWith(`.${port}`));
  if (name === undefined) throw new Error(`no state file of port ${port} in ${readdirSync(STATE)}`);
  return JSON.parse(readFileSync(join(STATE, name), "utf8"));
}

/** Gives root files in ~/.aws until the scenario ends. */
export function awsFiles(guest: Guest, files: Record<string, string>): void {
  const directory = join(homedir(), ".aws");
  mkdirSync(directory, { recursive: true });
  guest.onEnd(() => rmSync(directory, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files))
    writeFileSync(join(directory, name), text, { mode: 0o600 });
}

interface Refusal {
  options: string;
  /** The exit status; that of a mount that failed, unless another one is given. */
  status?: number;
  /** What the one line on the terminal says. */
  says: RegExp[];
  environment?: Record<string, string>;
}

/** A mount that is refused for whom it says it is: in one line, which the log has too, and without a trace. */
export async function refusedIdentity(guest: Guest, what: string, refusal: Refusal): Promise<void> {
  const { options, status = 32, says, environment = {} } = refusal;
  const { product, endpoint } = guest;
  const done = await tryMount(guest, `${endpoint.first.id}:/`, options, { environment });
  guest.figure(`${what}, ${done.seconds.toFixed(2)} s: ${done.stderr.trim()}`);
  assert.equal(done.status, status, what);
  const lines = done.stderr.trimEnd().split("\n");
  assert.equal(lines.length, 1, done.stderr);
  for (const part of says) assert.match(done.stderr, part, what);
  // the log hides where credentials are
  const logged = (lines[0] ?? "").replace(/^mount\.efs: /, "").replace(/(\/v2\/credentials\/)\w+/, "$1(id)");
  assert.ok(product.log.includes(logged), "the log has it too");
  assert.deepEqual(product.traces(), [], what);
}
