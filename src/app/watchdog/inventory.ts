import { lstatSync, readdirSync, type Stats } from "node:fs";
import { asEfsError, EfsError } from "../../core/errors.ts";
import type { Port } from "../../core/ids.ts";
import { LONGEST_STATE_FILE, parseState, type TunnelState } from "../../core/state/state.ts";
import { classifyEntry, type TunnelPaths } from "../../core/tunnel/names.ts";
import { hasCode, reason } from "../../system/errno.ts";
import { isAbandoned, readPlainFile } from "../../system/files.ts";

/** A state file, finished or not: what it says, or why it cannot be trusted. */
export interface StateFile {
  readonly name: string;
  readonly state: TunnelState | undefined;
  readonly problem: EfsError | undefined;
  readonly modifiedMs: number;
  /** Changes with every change of the file. */
  readonly version: string;
}

/** What the state directory has of one tunnel. */
export interface TunnelFiles {
  readonly base: string;
  readonly port: Port;
  readonly finished: StateFile | undefined;
  readonly unfinished: StateFile | undefined;
  readonly hasConfig: boolean;
  readonly hasDirectory: boolean;
}

/** The state directory's contents, read again only where they changed. */
export class Inventory {
  readonly #directory: string;
  #known = new Map<string, StateFile>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Everything that is there now, by base.
   *
   * @throws EfsError (system) where the directory cannot be read
   */
  read(): { tunnels: Map<string, TunnelFiles>; temporary: string[] } {
    const tunnels = new Map<string, Draft>();
    const temporary: string[] = [];
    const known = new Map<string, StateFile>();
    for (const name of this.#names()) {
      const entry = classifyEntry(name);
      if (entry.kind === "other") {
        if (isAbandoned(name)) temporary.push(name);
        continue;
      }
      const draft = tunnels.get(entry.base) ?? newDraft(entry.base, entry.port);
      if (entry.kind === "config") draft.hasConfig = true;
      if (entry.kind === "directory") draft.hasDirectory = true;
      if (entry.kind === "state" || entry.kind === "unfinished") {
        const file = this.#stateFile(name);
        if (file === undefined) continue;
        known.set(name, file);
        draft[entry.kind === "state" ? "finished" : "unfinished"] = file;
      }
      tunnels.set(entry.base, draft);
    }
    this.#known = known;
    return { tunnels, temporary };
  }

  #names(): string[] {
    try {
      return readdirSync(this.#directory);
    } catch (cause) {
      throw new EfsError("system", `cannot read the state directory ${this.#directory}: ${reason(cause)}`, {
        hint: "check that it is there and that root may read it",
        cause,
      });
    }
  }

  /** Undefined where the file is gone. */
  #stateFile(name: string): StateFile | undefined {
    const path = `${this.#directory}/${name}`;
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    const known = this.#known.get(name);
    const version = versionOf(stats);
    if (known?.version === version) return known;
    const file = { name, modifiedMs: stats.mtimeMs, version };
    try {
      const state = parseState(readPlainFile(path, LONGEST_STATE_FILE).text, name, this.#directory);
      return { ...file, state, problem: undefined };
    } catch (error) {
      if (hasCode(error, "ENOENT")) return undefined;
      // no descriptors or no memory left is not the file's fault: the next look may read it
      if (hasCode(error, "EMFILE", "ENFILE", "ENOMEM")) throw error;
      return { ...file, state: undefined, problem: asProblem(error, path) };
    }
  }
}

/** Whether the state directory has nothing else of a tunnel than what was seen. */
export function isAsSeen(seen: TunnelFiles, paths: TunnelPaths): boolean {
  return (
    isVersion(paths.stateFile, seen.finished?.version) &&
    isVersion(paths.unfinishedStateFile, seen.unfinished?.version) &&
    (seen.hasConfig || isVersion(paths.stunnelConfig, undefined)) &&
    (seen.hasDirectory || isVersion(paths.directory, undefined))
  );
}

/** Whether a file is the one that was seen; with undefined, whether there is none. */
export function isVersion(path: string, version: string | undefined): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return (stats === undefined ? undefined : versionOf(stats)) === version;
}

type Draft = { -readonly [K in keyof TunnelFiles]: TunnelFiles[K] };

function newDraft(base: string, port: Port): Draft {
  return { base, port, finished: undefined, unfinished: undefined, hasConfig: false, hasDirectory: false };
}

function versionOf(stats: Stats): string {
  return `${stats.ino}:${stats.size}:${stats.mtimeMs}`;
}

function asProblem(error: unknown, path: string): EfsError {
  if (!(error instanceof Error && "code" in error)) return asEfsError(error);
  return new EfsError("system", `cannot read state file ${path}: ${reason(error)}`, {
    hint: "it is left alone; remove it if no mount needs it",
  });
}
