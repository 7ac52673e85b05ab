import type { Settings } from "../config/keys.ts";
import { EfsError } from "../errors.ts";
import type { FileSystemId, Region } from "../ids.ts";
import { configuredRegion, legacyRegion, type ResolvedTarget } from "../location/target.ts";
import { parseEfsHostName } from "../request/device.ts";
import type { MountRequest } from "../request/request.ts";

/**
 * What CloudWatch Logs is told of one mount. It travels in the arguments of the program that publishes it,
 * which everybody can read: nothing in it is secret.
 */
export interface MountEvent {
  readonly fsId: FileSystemId;
  /** Where it is published; undefined where only the instance knows. */
  readonly region: Region | undefined;
  /** Where it is published if the instance does not know. */
  readonly otherRegion: Region | undefined;
  readonly group: string;
  readonly retentionDays: number;
  /** The profile whose credentials publish it, where the mount names one. */
  readonly profile: string | undefined;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly message: string;
}

/** A mount that came to its end, one way or the other. */
export interface EndedMount {
  readonly request: MountRequest;
  /** What was found, where it came that far. */
  readonly target: ResolvedTarget | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly settings: Settings;
  readonly time: number;
  readonly message: string;
}

/** The event of a mount, or undefined where it is not known of which file system. */
export function mountEvent(mount: EndedMount): MountEvent | undefined {
  const { request, target, settings, time, message } = mount;
  const { device, security } = request;
  const named = device.kind === "name" ? parseEfsHostName(device.host) : undefined;
  const fsId = target?.fsId ?? (device.kind === "id" ? device.fsId : named?.fsId);
  if (fsId === undefined) return undefined;
  return {
    fsId,
    region: target?.region ?? knownRegion(mount),
    otherRegion: legacyRegion(settings.dns_name_format) ?? named?.region,
    group: settings.log_group_name.replaceAll("{fs_id}", fsId),
    retentionDays: settings.retention_in_days,
    profile: security.kind === "tls" ? security.iam?.profile : undefined,
    time,
    message,
  };
}

/** The name of the stream that a machine's events of a file system go to. */
export function streamName(fsId: FileSystemId, machine: string): string {
  return `${fsId} - ${machine}`;
}

function knownRegion({ request, environment, settings }: EndedMount): Region | undefined {
  try {
    return configuredRegion(request.region, environment, settings.region)?.region;
  } catch (error) {
    // that very error may be why the mount failed
    if (error instanceof EfsError) return undefined;
    throw error;
  }
}
