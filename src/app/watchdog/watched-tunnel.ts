import type { ProcessIdentity, TunnelState } from "../../core/state/state.ts";
import { type TunnelPaths, tunnelPaths } from "../../core/tunnel/names.ts";
import { type Memory, NO_MEMORY } from "../../core/watchdog/decide.ts";
import type { Health } from "../../core/watchdog/health.ts";
import { savedNetworkNamespace, type TunnelMark } from "../../core/watchdog/processes.ts";
import type { RecordedMount } from "../../core/watchdog/use.ts";
import { watchLifeline } from "../../system/lifeline.ts";
import { watchPath } from "../../system/watch.ts";
import type { StateFile, TunnelFiles } from "./inventory.ts";
import { KeptConfig } from "./kept-config.ts";
import type { Traces, TunnelProcesses } from "./processes.ts";

/** What a watchdog keeps in mind of one tunnel. */
export class WatchedTunnel {
  readonly base: string;
  readonly paths: TunnelPaths;
  firstSeenAt: number;
  files: TunnelFiles;
  memory: Memory = NO_MEMORY;
  processes: TunnelProcesses = { stunnel: undefined, keeper: undefined };
  /** The stunnel that ran at the last look at which one did. */
  seenStunnel: number | undefined;
  /** Something happened to it: it is looked at in the next pass. */
  changed = true;
  /** An action is under way: it is left alone meanwhile. */
  busy = false;
  /** When it is looked at again in any case. */
  lookAt = Number.NEGATIVE_INFINITY;
  /** Its certificate is being made anew. */
  isRenewing = false;
  /** Before this, it is not made anew. */
  nextRenewal = Number.NEGATIVE_INFINITY;
  /** How long it was waited after the last renewal that failed. */
  renewalPauseMs = 0;
  /** Whether the read-ahead of its mount needs no look any more. */
  readAheadChecked = false;
  /** How it answered, once it is asked at all. */
  health: Health | undefined;
  /** It did not answer the last time. */
  wasUnwell = false;
  /** It is being asked. */
  asked = false;
  /** The version of its state file that was reported as unreadable. */
  reportedVersion: string | undefined;
  /** What its finished state file said when it could be read last. */
  known: TunnelState | undefined;
  readonly config: KeptConfig;
  /** Nothing can happen to its processes unnoticed. */
  isFollowed = false;
  #lifeline: { of: ProcessIdentity; stop: () => void } | undefined;
  #directory: (() => void) | undefined;

  constructor(files: TunnelFiles, stateDirectory: string, now: number) {
    this.base = files.base;
    this.files = files;
    this.known = files.finished?.state;
    this.paths = tunnelPaths(stateDirectory, files.base);
    this.firstSeenAt = now;
    this.config = new KeptConfig(this.paths.stunnelConfig);
  }

  /** What the state directory has of it now. */
  update(files: TunnelFiles): void {
    const before = this.files;
    this.files = files;
    this.known = files.finished?.state ?? this.known;
    const isSame =
      before.finished?.version === files.finished?.version &&
      before.unfinished?.version === files.unfinished?.version &&
      before.hasConfig === files.hasConfig &&
      before.hasDirectory === files.hasDirectory;
    if (!isSame) this.changed = true;
  }

  get port() {
    return this.files.port;
  }

  /** The state file that counts: a mount that is being made on the place of an old one has its own. */
  get file(): StateFile | undefined {
    return this.files.finished ?? this.files.unfinished;
  }

  /** What that file says; where it says nothing any more, what it said. */
  get state(): TunnelState | undefined {
    return this.file?.state ?? this.known;
  }

  /** How it is called in the log. */
  get name(): string {
    const place = this.state?.mountpoint;
    return place === undefined ? `tunnel ${this.base}` : `tunnel of ${place} (port ${this.port})`;
  }

  get networkNamespace(): string | undefined {
    return this.state?.networkNamespace ?? savedNetworkNamespace(this.state?.cmd ?? []);
  }

  get recordedMount(): RecordedMount {
    return { base: this.base, port: this.port, mountPoint: this.state?.mountpoint };
  }

  get mark(): TunnelMark {
    return { config: this.paths.stunnelConfig, cmd: this.state?.cmd ?? [] };
  }

  get traces(): Traces {
    const { pid = -1, keeper } = this.state ?? {};
    const pids = keeper === undefined ? [pid] : [pid, keeper.pid];
    const { port, processes } = this;
    return { ...this.mark, pids, pidFile: this.paths.pidFile, port, known: processes.stunnel };
  }

  /** Follows the tunnel's processes by events: the death of what holds its socket, and stunnel's pid file. */
  follow({ keeper, stunnel }: TunnelProcesses, event: () => void): void {
    // a keeper that lives replaces a stunnel that died, which shows in the pid file
    const holder = keeper ?? stunnel;
    const { of: followed } = this.#lifeline ?? {};
    if (followed?.pid !== holder?.pid || followed?.startTime !== holder?.startTime) {
      this.#lifeline?.stop();
      const stop = holder === undefined ? undefined : watchLifeline(holder, event);
      this.#lifeline = holder === undefined || stop === undefined ? undefined : { of: holder, stop };
    }
    if (this.files.hasDirectory) this.#directory ??= watchPath(this.paths.directory, event);
    this.isFollowed = holder === undefined || (this.#lifeline !== undefined && this.#directory !== undefined);
  }

  unfollow(): void {
    this.#lifeline?.stop();
    this.#directory?.();
    this.#lifeline = undefined;
    this.#directory = undefined;
  }
}
