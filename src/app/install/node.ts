import { existsSync } from "node:fs";
import { join } from "node:path";
import { EfsError } from "../../core/errors.ts";
import { runTool } from "../../system/tool.ts";
import { LIBRARY } from "./layout.ts";
import type { Root } from "./root.ts";

const OLDEST_NODE = { major: 20, minor: 19 };
/** Making a code cache takes a second, and on a machine that has just been started and is busy a minute. */
const NODE_LIMIT_MS = 180_000;

/**
 * Where `node` can be run from: below another root the node in there is what counts, else this machine's.
 * Resolves with undefined where it is on another machine only.
 *
 * @throws EfsError (usage) where it does not run, or is too old
 */
export async function checkNode(node: string, root: Root): Promise<string | undefined> {
  const { major, minor } = OLDEST_NODE;
  const hint = `name a node of version ${major}.${minor} or later with --node`;
  const found = [root.place(node), node].find((path) => existsSync(path));
  if (found === undefined && !root.isMachine) return undefined;
  const program = found ?? node;
  let answer: string;
  try {
    answer = (await runTool(program, ["--version"], { timeoutMs: NODE_LIMIT_MS })).stdout.trim();
  } catch (cause) {
    throw new EfsError("usage", `${program} does not run`, { hint, cause });
  }
  const [, has = "", hasMinor = ""] = /^v(\d+)\.(\d+)\./.exec(answer) ?? [];
  if (Number(has) > major || (Number(has) === major && Number(hasMinor) >= minor)) return program;
  throw new EfsError("usage", `${program} is ${answer === "" ? "no node" : `node ${answer}`}`, { hint });
}

/** V8 is then given nothing random, and the same program has the same cache. */
const SAME_EVERY_TIME = "--random-seed=1";

/** NAME.cache for NAME.cjs, made by the node that will read it and for the place it will be run from. */
export async function writeCodeCache(node: string, library: string, cache: string): Promise<void> {
  const program = cache.replace(/\.cache$/, ".cjs");
  const args = [
    SAME_EVERY_TIME,
    join(library, "code-cache.cjs"),
    join(library, program),
    `${LIBRARY}/${program}`,
    join(library, cache),
  ];
  const { status, stderr, timedOut } = await runTool(node, args, { timeoutMs: NODE_LIMIT_MS });
  if (status === 0) return;
  const why = timedOut ? `node took longer than ${NODE_LIMIT_MS / 1000} s` : stderr.trim() || "node failed";
  throw new EfsError("system", `cannot make ${join(library, cache)}: ${why}`);
}
