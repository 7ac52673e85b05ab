import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { EfsError } from "../core/errors.ts";
import { hasCode, reason } from "./errno.ts";
import { lifeOf, ownNamespaces } from "./namespaces.ts";
import { ownIdentity } from "./procfs.ts";

/** A file's text, or undefined where there is no such file. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw unreadable(path, error);
  }
}

/** What a plain file holds, with whose it is and who may do what with it (stat(2)). */
export interface PlainFile {
  readonly text: string;
  readonly owner: number;
  readonly mode: number;
}

/**
 * A plain file: never a pipe, a device or a link, which could keep the reader waiting or lead it elsewhere.
 *
 * @param longest in bytes
 * @throws EfsError (system) where it is none or is longer, and the system's error where it cannot be opened
 */
export function readPlainFile(path: string, longest: number): PlainFile {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const descriptor = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor);
    const isPlain = stats.isFile();
    if (!isPlain || stats.size > longest)
      throw new EfsError("system", `${path} is ${isPlain ? "too long" : "no plain file"}`, {
        hint: "it is left alone; remove it if nothing needs it",
      });
    const buffer = Buffer.alloc(stats.size);
    const length = readSync(descriptor, buffer, 0, buffer.length, 0);
    return { text: buffer.toString("utf8", 0, length), owner: stats.uid, mode: stats.mode };
  } finally {
    closeSync(descriptor);
  }
}

function unreadable(path: string, cause: unknown): EfsError {
  return new EfsError("system", `cannot read ${path}: ${reason(cause)}`, {
    hint: "check the file's permissions",
    cause,
  });
}

/** Makes a directory and its parents, where it is not there. */
export function makeDirectory(path: string, mode: number): void {
  try {
    mkdirSync(path, { recursive: true, mode });
  } catch (cause) {
    const isInTheWay = hasCode(cause, "EEXIST", "ENOTDIR");
    throw new EfsError("system", `cannot make directory ${path}: ${reason(cause)}`, {
      hint: isInTheWay
        ? "what is in its place is no directory: move it away"
        : "check that the file system is writable and has space",
      cause,
    });
  }
}

/**
 * Makes a directory that only its owner can enter, in one that is there, or makes it one.
 *
 * @throws EfsError (system) where it cannot be made, or is somebody else's
 */
export function makePrivateDirectory(path: string): void {
  makeDirectory(path, PRIVATE_DIRECTORY);
  try {
    const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
    const descriptor = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      if ((fstatSync(descriptor).mode & 0o777) !== PRIVATE_DIRECTORY)
        fchmodSync(descriptor, PRIVATE_DIRECTORY);
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    throw new EfsError("system", `cannot keep others out of ${path}: ${reason(cause)}`, {
      hint: "remove what is in its place",
      cause,
    });
  }
}

const PRIVATE_DIRECTORY = 0o700;

/**
 * Writes a file so that readers see the old or the new text, never a part: a new file in the same
 * directory takes its place.
 *
 * @throws EfsError (system) where it cannot be written; nothing is left then.
 */
export function writeAtomically(path: string, text: string, mode: number, { durable = false } = {}): void {
  writeBeside({ path, text, mode, durable }, (temporary) => renameSync(temporary, path));
}

/**
 * Makes a file that is not there yet, so that readers see all of it or none. Of many who do so at once, the file of
 * one stays: no lock is needed that somebody else could take.
 *
 * @returns whether it is ours
 * @throws EfsError (system) where it cannot be written; nothing is left then.
 */
export function writeOnce(path: string, text: string, mode: number): boolean {
  let isOurs = true;
  writeBeside({ path, text, mode, durable: true }, (temporary) => {
    try {
      linkSync(temporary, path);
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error;
      isOurs = false;
    }
    rmSync(temporary);
  });
  return isOurs;
}

interface NewFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
  /** Whether it is to be there after a power cut. */
  readonly durable: boolean;
}

/** Writes a file under another name in the same directory, from where it takes its place. */
function writeBeside({ path, text, mode, durable }: NewFile, takePlace: (temporary: string) => void): void {
  const temporary = `${path}.${writer()}.tmp`;
  try {
    // what is there already is of an earlier try of this very process
    rmSync(temporary, { force: true });
    const descriptor = openSync(temporary, "wx", mode);
    try {
      fchmodSync(descriptor, mode);
      writeFileSync(descriptor, text);
      if (durable) fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    takePlace(temporary);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw new EfsError("system", `cannot write ${path}: ${reason(cause)}`, {
      hint: hasCode(cause, "ENOSPC")
        ? "free some space there"
        : "check that the directory is there and the file system writable",
      cause,
    });
  }
}

let ownName: string | undefined;

/**
 * This process in the names of its temporary files: with its start time and its pid namespace, so that no later one
 * and none of another container is taken for it.
 */
function writer(): string {
  if (ownName === undefined) {
    const { pid, startTime } = ownIdentity();
    ownName = `${pid}-${startTime}-${ownNamespaces()?.pid ?? 0}`;
  }
  return ownName;
}

/** Whether a name is that of a file over which its writer died, before it took its place. */
export function isAbandoned(name: string): boolean {
  const [, pid, startTime, namespace] = /\.(\d+)-(\d+)(?:-(\d+))?\.tmp$/.exec(name) ?? [];
  if (pid === undefined) return false;
  const ours = ownNamespaces();
  const there = ours && Number(namespace) > 0 ? { ...ours, pid: Number(namespace) } : undefined;
  return lifeOf({ pid: Number(pid), startTime: Number(startTime) }, there) === "dead";
}
