import { lstatSync, renameSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { EfsError } from "../../core/errors.ts";
import { formatState, type ProcessIdentity, parseState, type TunnelState } from "../../core/state/state.ts";
import { hasCode, reason } from "../../system/errno.ts";
import { readIfThere, writeAtomically } from "../../system/files.ts";

/**
 * Changes a state file, keys that this version does not know included as they are. It is written only where
 * something is different, and not made anew where somebody has deleted it.
 *
 * @returns the state before, or undefined where nothing was written
 * @throws EfsError (system) where it cannot be read or written
 */
export function changeState(
  directory: string,
  name: string,
  change: (state: TunnelState) => TunnelState,
): TunnelState | undefined {
  const path = `${directory}/${name}`;
  const text = readIfThere(path);
  const mode = lstatSync(path, { throwIfNoEntry: false })?.mode;
  if (text === undefined || mode === undefined) return undefined;
  const before = parseState(text, name, directory);
  const after = change(before);
  if (isDeepStrictEqual(after, before)) return undefined;
  writeAtomically(path, formatState(after), mode & 0o777);
  return before;
}

/**
 * Turns the state file of a mount that was made, but not finished by its helper, into a finished one.
 *
 * @returns whether it did: the helper may have done it in the meantime
 * @throws EfsError (system) where it cannot be read or written
 */
export function finishState(directory: string, base: string): boolean {
  try {
    // before anything is written: a file that the helper has renamed must not come into being again
    renameSync(`${directory}/~${base}`, `${directory}/${base}`);
  } catch (cause) {
    if (hasCode(cause, "ENOENT")) return false;
    throw new EfsError("system", `cannot rename ${directory}/~${base}: ${reason(cause)}`, {
      hint: "check that the file system is writable",
      cause,
    });
  }
  changeState(directory, base, ({ helper: _, ...state }) => state);
  return true;
}

/** Who runs a tunnel now. A keeper that is gone is no longer named. */
export function withProcesses(
  state: TunnelState,
  { stunnel, keeper }: { stunnel: ProcessIdentity | undefined; keeper: ProcessIdentity | undefined },
): TunnelState {
  const { keeper: _, ...rest } = state;
  const named = stunnel === undefined ? rest : { ...rest, pid: stunnel.pid, pidStartTime: stunnel.startTime };
  if (keeper === undefined) return named;
  return { ...named, keeper: { pid: keeper.pid, startTime: keeper.startTime } };
}

/** The state with the mark of its unmount, or without it. `seconds` since the epoch. */
export function withUnmountMark(state: TunnelState, seconds: number | undefined): TunnelState {
  const { unmount_time, unmount_count, ...rest } = state;
  if (seconds === undefined) return rest;
  return { ...rest, unmount_time: unmount_time ?? seconds, unmount_count: unmount_count ?? 1 };
}
