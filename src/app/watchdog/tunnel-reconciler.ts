import { lstatSync } from "node:fs";
import { posix } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { asEfsError, oneLine } from "../../core/errors.ts";
import { formatState, type TunnelState } from "../../core/state/state.ts";
import { FILE_MODES } from "../../core/tunnel/names.ts";
import {
  type Action,
  afterFailure,
  afterSuccess,
  decide,
  type Observation,
} from "../../core/watchdog/decide.ts";
import type { Policy } from "../../core/watchdog/policy.ts";
import { savedProgram } from "../../core/watchdog/processes.ts";
import type { Reports } from "../../core/watchdog/reports.ts";
import type { Use } from "../../core/watchdog/use.ts";
import type { SystemPaths } from "../../paths.ts";
import { writeAtomically } from "../../system/files.ts";
import type { Kernel } from "../../system/kernel.ts";
import type { Log } from "../../system/log.ts";
import { lifeOf, ownNamespaces } from "../../system/namespaces.ts";
import { sendSignal } from "../../system/signals.ts";
import { InstalledStunnel } from "../tunnel/stunnel.ts";
import { Certificates } from "./certificates.ts";
import { runsElsewhere } from "./elsewhere.ts";
import { deleteFile, deleteTunnelFiles, endTunnelProcesses } from "./end.ts";
import { HealthChecks } from "./health-checks.ts";
import { isAsSeen, isVersion } from "./inventory.ts";
import { Limiter } from "./limiter.ts";
import type { Pass } from "./pass.ts";
import { allProcessesOf, processesOf, tunnelProcesses } from "./processes.ts";
import { checkReadAhead } from "./read-ahead.ts";
import { changeState, finishState, withProcesses, withUnmountMark } from "./record.ts";
import { startAgain } from "./start.ts";
import type { WatchedTunnel } from "./watched-tunnel.ts";

/** What a watchdog works with. */
export interface WatchdogContext {
  readonly paths: Pick<SystemPaths, "stateDirectory" | "keeper" | "socketMaker">;
  readonly kernel: Kernel;
  readonly log: Log;
  readonly hostName: string;
  readonly version: string;
}

/** Starts and ends at the same time: more would only wait for the processors. */
const MOST_ACTIONS = 8;
/** A tunnel whose stunnel is being restarted is looked at this often. */
const DOWN_MS = 1000;
/** A state file that cannot be read is reported after this long: it may be that it is just being written. */
const WRITING_MS = 2000;

/** Looks at one tunnel at a time and does what is to be done about it. */
export class TunnelReconciler {
  readonly #context: WatchdogContext;
  readonly #reports: Reports;
  readonly #closePort: (tunnel: WatchedTunnel) => Promise<void>;
  readonly #wake: (namesChanged: boolean) => void;
  readonly #isUnused: (tunnel: WatchedTunnel) => boolean;
  readonly #actions = new Limiter(MOST_ACTIONS);
  readonly #stunnel = new InstalledStunnel();
  readonly #health: HealthChecks;
  readonly #certificates: Certificates;
  readonly #underWay = new Set<Promise<void>>();

  /**
   * @param closePort closes the port of a tunnel to other users, as far as that is asked for
   * @param wake called when a tunnel is to be looked at again, and whether files were made or deleted
   * @param isUnused tells from a fresh look at the kernel that nobody uses a tunnel
   */
  constructor(
    context: WatchdogContext,
    reports: Reports,
    closePort: (tunnel: WatchedTunnel) => Promise<void>,
    wake: (namesChanged: boolean) => void,
    isUnused: (tunnel: WatchedTunnel) => boolean,
  ) {
    this.#context = context;
    this.#reports = reports;
    this.#closePort = closePort;
    this.#wake = wake;
    this.#isUnused = isUnused;
    this.#certificates = new Certificates(
      context,
      (tunnel, text, level) => this.#report(tunnel, "certificate", text, level),
      () => wake(true),
    );
    this.#health = new HealthChecks(
      (tunnel, text, level) => this.#report(tunnel, "health", text, level),
      () => wake(false),
    );
  }

  /** Resolves when no action is under way any more. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  /**
   * Looks at a tunnel, and begins what is to be done.
   *
   * @throws EfsError (system) where it cannot be looked at
   */
  look(tunnel: WatchedTunnel, pass: Pass): void {
    tunnel.changed = false;
    const use = pass.useOf(tunnel);
    tunnel.processes = processesOf(tunnel.traces, pass.tunnelProcesses);
    const seen = this.#observe(tunnel, use, pass);
    const { action, memory, lookInMs } = decide(seen, tunnel.memory, {
      now: pass.now,
      random: Math.random(),
      graceMs: pass.policy.graceMs,
    });
    tunnel.memory = memory;
    const { stunnel, keeper } = tunnel.processes;
    tunnel.follow(tunnel.processes, () => {
      tunnel.changed = true;
      this.#wake(false);
    });
    const looks = [
      lookInMs,
      tunnel.isFollowed ? undefined : pass.watchMs,
      keeper !== undefined && stunnel === undefined ? DOWN_MS : undefined,
    ].filter((ms) => ms !== undefined);
    tunnel.lookAt = pass.now + Math.min(Number.POSITIVE_INFINITY, ...looks);
    // one that was stopped cannot restart stunnel
    if (keeper !== undefined && stunnel === undefined) sendSignal(keeper, "SIGCONT");
    if (seen.elsewhere) {
      const remedy = `remove ${tunnel.paths.stateFile} if that is gone`;
      this.#report(tunnel, "elsewhere", `another container has it: it is left alone; ${remedy}`, "info");
      return;
    }
    if (seen.files === "unreadable") this.#setAside(tunnel, pass.now);
    if (seen.files === "finished") this.#record(tunnel, use, pass);
    if (seen.files === "finished" && use !== "unused") this.#keepFiles(tunnel, action, pass);
    if (seen.files === "finished" && use !== "unused" && action === "leave") this.#health.check(tunnel, pass);
    if (use === "mounted") checkReadAhead(tunnel, pass, () => this.#context.kernel.mounts("self"));
    this.#act(tunnel, action, pass.policy);
  }

  /**
   * Writes the files of a tunnel again that somebody has deleted although it is needed. Returns whether it did.
   *
   * @throws EfsError (system) where they cannot be written
   */
  restore(tunnel: WatchedTunnel): boolean {
    const { known } = tunnel;
    if (known === undefined || this.#isUnused(tunnel)) return false;
    tunnel.config.keep();
    writeAtomically(tunnel.paths.stateFile, formatState(known), FILE_MODES.state);
    this.#report(tunnel, "files", "its files were deleted; they are back", "warning");
    this.#wake(true);
    return true;
  }

  #observe(tunnel: WatchedTunnel, use: Use, pass: Pass): Observation {
    const { finished, unfinished } = tunnel.files;
    const { helper, namespaces } = unfinished?.state ?? {};
    const life = helper === undefined ? "unknown" : lifeOf(helper, namespaces);
    const isBeingMade = life === "alive";
    if (finished !== undefined && unfinished?.state !== undefined && life === "dead") {
      const path = tunnel.paths.unfinishedStateFile;
      if (isVersion(path, unfinished.version)) deleteFile(path);
    }
    // a mount that is being made with the names of an old one has the old one's processes too
    const file = isBeingMade ? unfinished : tunnel.file;
    return {
      files:
        file === undefined
          ? "orphaned"
          : file.state === undefined
            ? "unreadable"
            : file === finished
              ? "finished"
              : "unfinished",
      use,
      stunnel: tunnel.processes.stunnel !== undefined,
      keeper: tunnel.processes.keeper !== undefined,
      helper: life,
      elsewhere: runsElsewhere(tunnel),
      mounting: helper !== undefined && !isBeingMade && pass.mountingPorts().has(tunnel.port),
      ageMs: file === undefined ? this.#orphanAge(tunnel, pass.now) : Date.now() - file.modifiedMs,
      recordedUnusedMs:
        file?.state?.unmount_time === undefined ? undefined : Date.now() - 1000 * file.state.unmount_time,
    };
  }

  /** How long files without a state file have not changed; processes without files, since they were seen. */
  #orphanAge(tunnel: WatchedTunnel, now: number): number {
    const times = [tunnel.paths.stunnelConfig, tunnel.paths.directory].flatMap(
      (path) => lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? [],
    );
    return times.length === 0 ? now - tunnel.firstSeenAt : Date.now() - Math.max(...times);
  }

  /** Reports a state file that cannot be trusted; where it is known what it was to say, it says that again. */
  #setAside(tunnel: WatchedTunnel, now: number): void {
    const { file, known } = tunnel;
    if (file?.problem === undefined) return;
    const age = now - tunnel.firstSeenAt;
    if (age < WRITING_MS && Date.now() - file.modifiedMs < WRITING_MS) {
      tunnel.lookAt = now + WRITING_MS;
      return;
    }
    if (tunnel.reportedVersion !== file.version) this.#context.log.error(oneLine(file.problem));
    tunnel.reportedVersion = file.version;
    if (known === undefined || file !== tunnel.files.finished) return;
    writeAtomically(tunnel.paths.stateFile, formatState(known), FILE_MODES.state);
    this.#report(tunnel, "files", "its state file was damaged; it is as before", "warning");
    this.#wake(true);
  }

  /** Brings the state file up to date, and reports who took over from whom. */
  #record(tunnel: WatchedTunnel, use: Use, { policy }: Pass): void {
    const { state } = tunnel;
    const { stunnel, keeper } = tunnel.processes;
    if (state === undefined) return;
    const unmountedAt = use === "unused" && policy.graceMs > 0 ? Date.now() / 1000 : undefined;
    const seen = tunnel.seenStunnel;
    tunnel.seenStunnel = stunnel?.pid ?? seen;
    const change = (before: TunnelState) =>
      withUnmountMark(
        stunnel === undefined ? before : withProcesses(before, { stunnel, keeper }),
        unmountedAt,
      );
    if (isDeepStrictEqual(change(state), state)) return;
    const before = changeState(this.#context.paths.stateDirectory, tunnel.base, change);
    if (before === undefined || stunnel === undefined || before.pid < 0) return;
    // the keeper may have named the new one already: then its start time is that of the last one
    const isNamed = before.pid === stunnel.pid;
    if (isNamed && (seen === stunnel.pid || (before.pidStartTime ?? stunnel.startTime) === stunnel.startTime))
      return;
    const last = isNamed ? seen : before.pid;
    this.#report(
      tunnel,
      "replaced",
      `stunnel ${last === undefined ? "" : `${last} `}ended, ${stunnel.pid} has taken over`,
      "info",
    );
  }

  /** What a tunnel that is needed cannot do without when it is started again. */
  #keepFiles(tunnel: WatchedTunnel, action: Action, { policy, now }: Pass): void {
    const kept = tunnel.config.keep();
    if (kept === "noted") this.#context.log.debug(`${tunnel.name}: its configuration is noted`);
    if (kept === "restored") {
      this.#report(tunnel, "config", "its configuration was deleted; it is back", "warning");
      // a keeper that waits tries at once
      const { keeper, stunnel } = tunnel.processes;
      if (keeper !== undefined && stunnel === undefined) sendSignal(keeper, "SIGHUP");
    }
    if (action === "leave") this.#certificates.check(tunnel, { now, policy });
  }

  #act(tunnel: WatchedTunnel, action: Action, policy: Policy): void {
    switch (action) {
      case "leave":
        return;
      case "finish":
        if (finishState(this.#context.paths.stateDirectory, tunnel.base))
          this.#context.log.info(`${tunnel.name}: its mount was made, its helper died before it said so`);
        return;
      case "start":
        this.#begin(tunnel, () => this.#start(tunnel, policy));
        return;
      case "end":
        this.#begin(tunnel, () => this.#end(tunnel));
        return;
    }
  }

  /** Carries out what takes time, while other tunnels go on. */
  #begin(tunnel: WatchedTunnel, action: () => Promise<void>): void {
    tunnel.busy = true;
    const done = this.#actions
      .run(action)
      .then(
        () => {
          tunnel.memory = afterSuccess(tunnel.memory);
        },
        (error: unknown) => {
          const moment = { now: performance.now(), random: Math.random() };
          tunnel.memory = afterFailure(tunnel.memory, moment);
          this.failed(tunnel, error);
        },
      )
      .finally(() => {
        tunnel.busy = false;
        tunnel.changed = true;
        this.#underWay.delete(done);
        this.#wake(true);
      });
    this.#underWay.add(done);
  }

  async #start(tunnel: WatchedTunnel, policy: Policy): Promise<void> {
    if (this.#isUnused(tunnel)) return;
    const { paths, log } = this.#context;
    await Promise.all([this.#closePort(tunnel), this.#certificates.prepare(tunnel, policy)]);
    const started = await startAgain(tunnel, paths, this.#stunnel, log);
    const { stunnel, stunnelProgram, inheritsSocket } = started;
    const namespaces = ownNamespaces();
    const before = changeState(paths.stateDirectory, tunnel.base, (state) => ({
      ...withProcesses(state, started),
      cmd: withProgram(state.cmd, stunnelProgram, tunnel.paths.stunnelConfig),
      inheritsSocket,
      ...(namespaces === undefined ? {} : { namespaces }),
    }));
    const was = before === undefined || before.pid < 0 ? "no stunnel ran" : `stunnel ${before.pid} had ended`;
    this.#report(tunnel, "started", `${was}, ${stunnel.pid} was started`, "info");
    this.#reports.forget(`${tunnel.base} failed`);
  }

  async #end(tunnel: WatchedTunnel): Promise<void> {
    const { base, name, paths, mark, state, files } = tunnel;
    // it may have waited for its turn: what is there now is what counts
    if (!this.#isUnused(tunnel) || !isAsSeen(files, paths)) return;
    const processes = allProcessesOf(tunnel.traces, () => tunnelProcesses(posix.dirname(paths.stateFile)));
    deleteTunnelFiles(base, paths, state?.files ?? []);
    await endTunnelProcesses(processes, mark);
    // its port was free a moment ago: a mount that has it now has its own
    if (isVersion(paths.stateFile, files.finished?.version)) deleteFile(paths.stateFile);
    tunnel.unfollow();
    tunnel.processes = { stunnel: undefined, keeper: undefined };
    // what was deleted on purpose is not restored, also where a network namespace still seems to need it
    tunnel.update({ ...tunnel.files, finished: undefined, unfinished: undefined });
    tunnel.known = undefined;
    this.#context.log.info(`${name}: ended, nothing uses it any more`);
  }

  /** Reports what went wrong with a tunnel, now and then where it goes on. */
  failed(tunnel: WatchedTunnel, cause: unknown): void {
    const error = asEfsError(cause);
    const stack = error.kind === "bug" && cause instanceof Error ? ` ${cause.stack}` : "";
    this.#report(tunnel, "failed", `${oneLine(error)}${stack}`, "error");
  }

  #report(tunnel: WatchedTunnel, subject: string, text: string, level: "info" | "warning" | "error"): void {
    const due = this.#reports.due(`${tunnel.base} ${subject}`, `${tunnel.name}: ${text}`, performance.now());
    if (due !== undefined) this.#context.log[level](due);
  }
}

/** A saved argument vector with the program that is used now. */
function withProgram(cmd: readonly string[], program: string, config: string): readonly string[] {
  const saved = savedProgram(cmd);
  return saved === undefined
    ? [program, config]
    : cmd.map((argument) => (argument === saved ? program : argument));
}
