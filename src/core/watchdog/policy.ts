import type { AccessMode } from "../access/mode.ts";
import { type ConfigFile, isSet, settings } from "../config/config.ts";
import { type LogSettings, logSettings } from "../config/log-settings.ts";

/** What the configuration file asks of the watchdog. Times are in milliseconds. */
export interface Policy {
  readonly enabled: boolean;
  /** How long a tunnel is kept after its unmount. */
  readonly graceMs: number;
  /** How often everything is looked at, in case an event was lost. */
  readonly roundMs: number;
  readonly certificateLifeMs: number;
  /** Undefined where it is switched off. */
  readonly health: { readonly everyMs: number; readonly limitMs: number } | undefined;
  readonly stateDirectoryMode: number;
  readonly log: LogSettings;
  /** What [client-info] says for certificates. */
  readonly source: string | undefined;
  /** Whether the instance metadata service is asked without a token. */
  readonly disableMetadataToken: boolean;
  readonly optimizeReadAhead: boolean;
  readonly tunnelAccess: AccessMode;
}

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
/** A certificate is valid for 180 minutes: it has to be renewed before, and that may take a few attempts. */
const LONGEST_LIFE_MS = 170 * MINUTE_MS;

/**
 * The settings in force. What exists to make up for polling (poll interval, grace period, number of polls
 * that must agree) counts only where the file itself sets it.
 *
 * @throws EfsError (config) for a value of the wrong type
 */
export function policyOf(file: ConfigFile): Policy {
  const values = settings(file);
  const pollMs = (isSet(file, "poll_interval_sec") ? values.poll_interval_sec : 1) * SECOND_MS;
  return {
    enabled: values.enabled,
    graceMs: Math.max(
      values.unmount_grace_period_sec * SECOND_MS,
      values.unmount_count_for_consistency * pollMs,
    ),
    roundMs: values.poll_interval_sec * SECOND_MS,
    certificateLifeMs: Math.min(values.tls_cert_renewal_interval_min * MINUTE_MS, LONGEST_LIFE_MS),
    health: values.stunnel_health_check_enabled
      ? {
          everyMs: values.stunnel_health_check_interval_min * MINUTE_MS,
          limitMs: values.stunnel_health_check_command_timeout_sec * SECOND_MS,
        }
      : undefined,
    stateDirectoryMode: values.state_file_dir_mode,
    log: logSettings(values),
    source: values.source,
    optimizeReadAhead: values.optimize_readahead,
    tunnelAccess: values.tunnel_access,
    disableMetadataToken: values.disable_fetch_ec2_metadata_token,
  };
}
