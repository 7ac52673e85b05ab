import { readFileSync } from "node:fs";
import { type ConfigFile, emptyConfig, parseConfig, settings } from "../../core/config/config.ts";
import type { Settings } from "../../core/config/keys.ts";
import { asEfsError, type EfsError } from "../../core/errors.ts";
import type { Region } from "../../core/ids.ts";
import type { NamedRegion, ResolvedTarget } from "../../core/location/target.ts";
import type { EfsHostName } from "../../core/request/device.ts";
import { parseEfsHostName } from "../../core/request/device.ts";
import type { MountRequest } from "../../core/request/request.ts";
import type { SystemPaths } from "../../paths.ts";
import type { Kernel } from "../../system/kernel.ts";
import type { Log } from "../../system/log.ts";
import { Metadata } from "../../system/metadata.ts";
import type { MountContext } from "../context.ts";
import { findRegion, resolveTarget, type TargetContext } from "../mount/resolve-target.ts";
import { type TunnelNetwork, tunnelNetwork } from "../tunnel/network.ts";
import { findStunnel, type Stunnel } from "../tunnel/stunnel.ts";

/** What the doctor works with. */
export interface DoctorContext {
  readonly paths: SystemPaths;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly kernel: Kernel;
  readonly hostName: string;
  readonly version: string;
  readonly fstab: string;
  /** The mount that is asked about; undefined looks at the machine alone. */
  readonly request: MountRequest | undefined;
  /** The launcher that mount(8) runs. */
  readonly helper: string;
  readonly isRoot: boolean;
}

const SILENT: Log = { debug() {}, info() {}, warning() {}, error() {}, critical() {} };

/** What several checks need, found out once, by the code that mounts. */
export class Examination {
  readonly context: DoctorContext;
  readonly metadata: Metadata;
  /** That of the mount; to be left at the end. */
  readonly network: TunnelNetwork;
  readonly #config: { file: ConfigFile; problem: EfsError | undefined; isThere: boolean };
  #stunnel: Promise<Stunnel> | undefined;
  #region: Promise<NamedRegion> | undefined;
  #target: Promise<ResolvedTarget> | undefined;
  /** Steps of the look-up, in the words of mount -v. */
  readonly steps: string[] = [];

  constructor(context: DoctorContext) {
    this.context = context;
    this.#config = readConfig(context.paths.config);
    this.network = tunnelNetwork(context.request?.networkNamespace, context.paths.socketMaker);
    this.metadata = new Metadata({
      disableToken: this.settings().disable_fetch_ec2_metadata_token,
      environment: context.environment,
    });
  }

  /** The configuration file; one that cannot be read counts as empty. */
  get config() {
    return this.#config;
  }

  /** The settings in force; those of a file with a wrong value are the defaults. */
  settings(region?: Region): Settings {
    try {
      return settings(this.#config.file, region);
    } catch {
      return settings(emptyConfig(this.context.paths.config));
    }
  }

  /** @throws EfsError (system) */
  stunnel(): Promise<Stunnel> {
    this.#stunnel ??= findStunnel();
    return this.#stunnel;
  }

  /** @throws EfsError (config) */
  region(): Promise<NamedRegion> {
    const { request, environment } = this.context;
    this.#region ??= findRegion(
      { region: request?.region },
      { settings: this.settings(), environment, metadata: this.metadata },
      namedBy(request),
    );
    return this.#region;
  }

  /** @throws EfsError where the device cannot be found */
  target(request: MountRequest): Promise<ResolvedTarget> {
    const { signal } = new AbortController();
    this.#target ??= resolveTarget(request, this.#targetContext(), { network: this.network, signal });
    return this.#target;
  }

  #targetContext(): TargetContext {
    return {
      environment: this.context.environment,
      settings: this.settings(),
      settingsFor: (region) => this.settings(region),
      metadata: this.metadata,
      step: (what) => this.steps.push(what),
    };
  }

  /** What a tunnel is opened with, that is ended when the signal is aborted. */
  mountContext(signal: AbortSignal): MountContext {
    const { paths, environment, hostName, version } = this.context;
    const began = performance.now();
    return {
      paths,
      environment,
      hostName,
      version,
      log: SILENT,
      signal,
      step: (what) => this.steps.push(what),
      located: () => {},
      now: () => new Date(),
      elapsedMs: () => performance.now() - began,
      random: Math.random,
    };
  }
}

function namedBy(request: MountRequest | undefined): EfsHostName | undefined {
  return request?.device.kind === "name" ? parseEfsHostName(request.device.host) : undefined;
}

function readConfig(path: string): { file: ConfigFile; problem: EfsError | undefined; isThere: boolean } {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code !== "ENOENT";
    return { file: emptyConfig(path), problem: isThere ? asEfsError(error) : undefined, isThere };
  }
  try {
    return { file: parseConfig(text, path), problem: undefined, isThere: true };
  } catch (error) {
    return { file: emptyConfig(path), problem: asEfsError(error), isThere: true };
  }
}
