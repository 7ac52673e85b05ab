import type { ResolvedTarget } from "../core/location/target.ts";
import type { Environment, SystemPaths } from "../paths.ts";
import type { Log } from "../system/log.ts";

/** What a mount is made with: the system's places and the world outside, as the program found them. */
export interface MountContext {
  readonly paths: SystemPaths;
  readonly environment: Environment;
  readonly hostName: string;
  readonly version: string;
  readonly log: Log;
  /** Aborted, with an EfsError as its reason that says why, when the helper is to undo everything and end. */
  readonly signal: AbortSignal;
  /** Tells whoever watches, with -v, what was done or found. */
  step(what: string): void;
  /** Tells where the file system is, as soon as that is known. */
  located(target: ResolvedTarget): void;
  now(): Date;
  /** Milliseconds since the helper began. */
  elapsedMs(): number;
  /** From 0 up to, not including, 1. */
  random(): number;
}

/** The context of a mount that tells what it sees. */
export interface WatchedContext extends MountContext {
  /** Takes what can be told of the server from now on, for who reads why the mount was given up. */
  sees(describe: () => string): void;
}
