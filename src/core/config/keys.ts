import { ACCESS_MODES } from "../access/mode.ts";

/**
 * Every key of efs-utils.conf: its section, its type and what a missing key means. The file's parser, the
 * shipped file's test and the manual page all read this one table.
 */
interface KeyType<T> {
  /** What a value must be, for messages. */
  readonly expected: string;
  /** The value, or undefined where the text is none. */
  read(text: string): T | undefined;
}

interface Key<T> {
  readonly section: Section;
  readonly type: KeyType<NonNullable<T>>;
  readonly fallback: T;
}

export const SECTIONS = ["DEFAULT", "mount", "mount-watchdog", "client-info", "cloudwatch-log"] as const;
export type Section = (typeof SECTIONS)[number];

const TRUE = ["true", "yes", "on", "1"];
const FALSE = ["false", "no", "off", "0"];

const boolean: KeyType<boolean> = {
  expected: "true or false",
  read: (text) =>
    TRUE.includes(text.toLowerCase()) ? true : FALSE.includes(text.toLowerCase()) ? false : undefined,
};

const text: KeyType<string> = {
  expected: "a text that is not empty",
  read: (value) => (value === "" ? undefined : value),
};

const absolutePath: KeyType<string> = {
  expected: "an absolute path",
  read: (value) => (value.startsWith("/") ? value : undefined),
};

const octalMode: KeyType<number> = {
  expected: "an octal mode from 0 to 777",
  read: (value) => (/^0?[0-7]{1,3}$/.test(value) ? Number.parseInt(value, 8) : undefined),
};

function integer(least: number, most: number): KeyType<number> {
  return {
    expected: `a whole number from ${least} to ${most}`,
    read: (value) => {
      const number = /^[0-9]{1,10}$/.test(value) ? Number(value) : Number.NaN;
      return number >= least && number <= most ? number : undefined;
    },
  };
}

function oneOf<const T extends string>(...values: readonly T[]): KeyType<T> {
  return {
    expected: `one of ${values.join(", ")}`,
    read: (value) => values.find((candidate) => candidate.toLowerCase() === value.toLowerCase()),
  };
}

const SECONDS_A_DAY = 86_400;

function key<T>(section: Section, type: KeyType<T>, fallback: NoInfer<T>): Key<T> {
  return { section, type: type as KeyType<NonNullable<T>>, fallback };
}

function optional<T extends {}>(section: Section, type: KeyType<T>): Key<T | undefined> {
  return { section, type: type as KeyType<NonNullable<T>>, fallback: undefined };
}

export const KEYS = {
  logging_level: key("DEFAULT", oneOf("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), "INFO"),
  logging_format: key("DEFAULT", oneOf("text", "json"), "text"),
  logging_max_bytes: key("DEFAULT", integer(0, 2 ** 31 - 1), 1_048_576),
  logging_file_count: key("DEFAULT", integer(0, 1000), 10),
  state_file_dir_mode: key("DEFAULT", octalMode, 0o750),

  dns_name_format: key("mount", text, "{az}.{fs_id}.efs.{region}.{dns_name_suffix}"),
  dns_name_suffix: optional("mount", text),
  region: optional("mount", text),
  az_id: optional("mount", text),
  stunnel_debug_enabled: key("mount", boolean, false),
  stunnel_logs_file: optional("mount", absolutePath),
  stunnel_cafile: optional("mount", absolutePath),
  stunnel_check_cert_hostname: key("mount", boolean, true),
  stunnel_check_cert_validity: key("mount", boolean, true),
  fips_mode_enabled: key("mount", boolean, false),
  require_tls: key("mount", boolean, false),
  require_encryption_at_rest: key("mount", boolean, false),
  tunnel_access: key("mount", oneOf(...ACCESS_MODES), "auto"),
  port_range_lower_bound: key("mount", integer(1, 65_535), 20_049),
  port_range_upper_bound: key("mount", integer(1, 65_536), 20_449),
  optimize_readahead: key("mount", boolean, true),
  fall_back_to_mount_target_ip_address_enabled: key("mount", boolean, true),
  disable_fetch_ec2_metadata_token: key("mount", boolean, false),
  retry_nfs_mount_command: key("mount", boolean, true),
  retry_nfs_mount_command_count: key("mount", integer(1, 1000), 3),
  retry_nfs_mount_command_timeout_sec: key("mount", integer(1, SECONDS_A_DAY), 15),
  mount_deadline_sec: key("mount", integer(0, SECONDS_A_DAY), 180),

  enabled: key("mount-watchdog", boolean, true),
  poll_interval_sec: key("mount-watchdog", integer(1, SECONDS_A_DAY), 30),
  unmount_count_for_consistency: key("mount-watchdog", integer(0, 1_000_000), 0),
  unmount_grace_period_sec: key("mount-watchdog", integer(0, SECONDS_A_DAY), 0),
  tls_cert_renewal_interval_min: key("mount-watchdog", integer(1, 1_000_000), 60),
  stunnel_health_check_enabled: key("mount-watchdog", boolean, true),
  stunnel_health_check_interval_min: key("mount-watchdog", integer(1, 1440), 5),
  stunnel_health_check_command_timeout_sec: key("mount-watchdog", integer(1, 3600), 30),

  source: optional("client-info", text),

  "cloudwatch-log.enabled": key("cloudwatch-log", boolean, false),
  log_group_name: key("cloudwatch-log", text, "/aws/efs/utils"),
  retention_in_days: key("cloudwatch-log", integer(1, 3653), 14),
} as const satisfies Record<string, Key<unknown>>;

/** Keys that the EFS CSI driver writes, and that have no effect: nobody needs to be warned of them. */
export const IGNORED_KEYS: Readonly<Partial<Record<Section, readonly string[]>>> = {
  mount: ["csi_driver_version"],
  "mount-watchdog": ["enable_version_check"],
};

export type KeyId = keyof typeof KEYS;
/** The values of all keys; a key that stands in two sections has its section in front. */
export type Settings = { readonly [Id in KeyId]: (typeof KEYS)[Id] extends Key<infer T> ? T : never };

/** A key as it is written in the file. */
export function keyName(id: KeyId): string {
  return id.slice(id.lastIndexOf(".") + 1);
}
