import { closeSync, readdirSync, readFileSync } from "node:fs";

const LAST_STANDARD_STREAM = 2;
const O_CLOEXEC = 0o2000000;

/**
 * Closes what the caller of this program left open beside the standard streams, so that no program that outlives
 * it holds a file, a lock or a pipe of the caller's. Node itself takes care of the first descriptors only; its
 * own are all marked to be closed by exec(2).
 */
export function closeInherited(): void {
  for (const descriptor of readdirSync("/proc/self/fd").map(Number)) {
    if (descriptor > LAST_STANDARD_STREAM && isInheritable(descriptor)) closeSync(descriptor);
  }
}

/** Whether a descriptor would stay open in another program; `flags` of proc(5)'s fdinfo, in octal. */
function isInheritable(descriptor: number): boolean {
  try {
    const [, flags = ""] =
      /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8")) ?? [];
    return flags !== "" && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
  } catch {
    // the one that the directory was read by
    return false;
  }
}
