import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, before } from "node:test";
import { buildInto, CHECKOUT, temporaryDirectory } from "../../support/built.ts";

const place = temporaryDirectory();
before(() => buildInto(place.path));
after(() => place.remove());

/** Runs the program, as its sources are now. */
export function efsUtils(...args: string[]) {
  const command = [join(place.path, "efs-utils.cjs"), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    encoding: "utf8",
    cwd: CHECKOUT,
  });
  return { status, stdout, stderr };
}
