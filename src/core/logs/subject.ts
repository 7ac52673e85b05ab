import { classifyEntry, safeName } from "../tunnel/names.ts";
import type { LoggedMount } from "./mounted.ts";

/** What is asked about: a file system, or what is or was mounted at a place. */
export interface Subject {
  readonly fsIds: ReadonlySet<string>;
  /** Empty where the question is about file systems wherever they are mounted. */
  readonly mountPoints: ReadonlySet<string>;
}

/** A file system by its id. */
export function fileSystemSubject(fsId: string): Subject {
  return { fsIds: new Set([fsId]), mountPoints: new Set() };
}

/** A mount point, with the file systems that the log of mounts names there. */
export function mountPointSubject(mountPoint: string, mounts: readonly LoggedMount[]): Subject {
  const there = mounts.filter((mount) => mount.mountPoint === mountPoint);
  return { fsIds: new Set(there.flatMap(({ fsId }) => fsId ?? [])), mountPoints: new Set([mountPoint]) };
}

/**
 * Whether a line may be about the subject: it names it, or nothing that could be told from it. Not every line of a
 * mount that fails says whose it is.
 */
export function concerns(message: string, { fsIds, mountPoints }: Subject): boolean {
  const places = placesIn(message);
  if (mountPoints.size > 0 && places.length > 0) return places.some((place) => mountPoints.has(place));
  const ids = message.match(/\bfs-[0-9a-f]+\b/g) ?? [];
  return ids.length === 0 || ids.some((id) => fsIds.has(id));
}

/** The mount points that a line names, by the words around them. */
function placesIn(message: string): string[] {
  const tunnels = pathsBehind(message, "tunnel of ", (rest) => {
    const end = rest.indexOf(" (port ");
    return end !== -1 && /^ \(port \d{1,5}\)/.test(rest.slice(end, end + 14)) ? end : -1;
  });
  const places = pathsBehind(message, "at ", (rest) => {
    const mark = rest.search(/[:;,]/);
    const path = mark === -1 ? rest : rest.slice(0, mark);
    const already = path.indexOf(" already");
    return already === -1 ? path.length : already;
  });
  return [...tunnels, ...places];
}

/** Longer than any path, with what is behind it. */
const LONGEST_PLACE = 4200;
const MOST_PLACES = 16;

/** The paths that stand behind some words, each as far as `endOf` says; where it says -1, there is none. */
function pathsBehind(message: string, words: string, endOf: (rest: string) => number): string[] {
  const found: string[] = [];
  let from = 0;
  for (let count = 0; count < MOST_PLACES; count += 1) {
    const at = message.indexOf(`${words}/`, from);
    if (at === -1) break;
    const start = at + words.length;
    from = start;
    if (at > 0 && /\w/.test(message[at - 1] ?? "")) continue;
    const end = endOf(message.slice(start, start + LONGEST_PLACE));
    if (end === -1) continue;
    found.push(message.slice(start, start + end));
    from = start + end;
  }
  return found;
}

/** Whether a tunnel, by its name in the state directory, is the subject's. */
export function isTunnelOf(base: string, { fsIds, mountPoints }: Subject): boolean {
  const entry = classifyEntry(base);
  if (entry.kind !== "state") return false;
  if (mountPoints.size === 0) return fsIds.has(base.split(".")[0] ?? "");
  const rest = base.slice(base.indexOf(".") + 1, base.lastIndexOf("."));
  return [...mountPoints].some((place) => safeName(place) === rest);
}
