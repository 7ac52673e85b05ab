/** Whether a process is root's by its real, effective, saved and file system uid, as /proc/PID/status says (proc(5)). */
export function isRootsStatus(status: string): boolean {
  return status.includes("\nUid:\t0\t0\t0\t0\n");
}

/** The process that started one, as /proc/PID/status says. */
export function parentIn(status: string): number | undefined {
  const parent = /^PPid:\t(\d{1,10})$/m.exec(status)?.[1];
  return parent === undefined ? undefined : Number(parent);
}

/**
 * The process that started one, and when it was started, in the kernel's ticks since the boot, as /proc/PID/stat says;
 * undefined for one that is dead.
 */
export function parseStat(stat: string): { parent: number; startTime: number } | undefined {
  // the name in parentheses may hold anything: the fields begin behind its last bracket
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [parent, startTime] = [Number(fields[1]), Number(fields[19])];
  const isDead = fields[0] === "Z" || fields[0] === "X";
  return isDead || !Number.isSafeInteger(parent) || !Number.isSafeInteger(startTime)
    ? undefined
    : { parent, startTime };
}

/** The arguments in /proc/PID/cmdline, of which the last may be cut. */
export function parseArguments(cmdline: string): string[] {
  const argv = cmdline.split("\0");
  // each argument ends with a NUL, unless it was cut
  if (argv.at(-1) === "") argv.pop();
  return argv;
}
