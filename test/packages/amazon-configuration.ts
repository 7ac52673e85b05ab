/** The configuration that amazon-efs-utils ships, by its keys and values. */

/** Versions whose configuration is known, the last with stunnel as its only proxy and the newest. */
export const AMAZON_VERSIONS = ["1.36.0", "3.2.0"] as const;
export type AmazonVersion = (typeof AMAZON_VERSIONS)[number];

type Section = readonly string[];

const SYSTEM_AUTHORITIES = "stunnel_cafile = /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem";
const region = (name: string, suffix: string, ...more: string[]): [string, Section] => [
  `mount.${name}`,
  [`dns_name_suffix = ${suffix}`, ...more],
];
const isolated = (name: string, suffix: string) => region(name, suffix, SYSTEM_AUTHORITIES);

const CHINA = [
  region("cn-north-1", "amazonaws.com.cn"),
  region("cn-northwest-1", "amazonaws.com.cn"),
] as const;

const REGIONS: Readonly<Record<AmazonVersion, readonly (readonly [string, Section])[]>> = {
  "1.36.0": [
    ...CHINA,
    isolated("us-iso-east-1", "c2s.ic.gov"),
    isolated("us-iso-west-1", "c2s.ic.gov"),
    isolated("us-isob-east-1", "sc2s.sgov.gov"),
  ],
  "3.2.0": [
    ...CHINA,
    isolated("eu-isoe-west-1", "cloud.adc-e.uk"),
    isolated("eusc-de-east-1", "amazonaws.eu"),
    isolated("us-iso-east-1", "c2s.ic.gov"),
    isolated("us-iso-west-1", "c2s.ic.gov"),
    isolated("us-isob-east-1", "sc2s.sgov.gov"),
    isolated("us-isob-west-1", "sc2s.sgov.gov"),
    isolated("us-isof-east-1", "csp.hci.ic.gov"),
    isolated("us-isof-south-1", "csp.hci.ic.gov"),
  ],
};

/** What /etc/amazon/efs/efs-utils.conf says as that version ships it. */
export function amazonConfiguration(version: AmazonVersion): string {
  const sections: [string, Section][] = [
    [
      "DEFAULT",
      [
        "logging_level = INFO",
        "logging_max_bytes = 1048576",
        "logging_file_count = 10",
        "state_file_dir_mode = 750",
      ],
    ],
    [
      "mount",
      [
        "dns_name_format = {az}.{fs_id}.efs.{region}.{dns_name_suffix}",
        "dns_name_suffix = amazonaws.com",
        "#region = us-east-1",
        "stunnel_debug_enabled = false",
        "#stunnel_logs_file = /var/log/amazon/efs/{fs_id}.stunnel.log",
        "stunnel_cafile = /etc/amazon/efs/efs-utils.crt",
        "stunnel_check_cert_hostname = true",
        "stunnel_check_cert_validity = false",
        "fips_mode_enabled = false",
        "port_range_lower_bound = 20049",
        "port_range_upper_bound = 21049",
        "optimize_readahead = true",
        "fall_back_to_mount_target_ip_address_enabled = true",
        "disable_fetch_ec2_metadata_token = false",
        "retry_nfs_mount_command = true",
        "retry_nfs_mount_command_count = 3",
        "retry_nfs_mount_command_timeout_sec = 15",
      ],
    ],
    ...REGIONS[version].map(([name, keys]): [string, Section] => [name, keys]),
    [
      "mount-watchdog",
      [
        "enabled = true",
        "poll_interval_sec = 1",
        "unmount_count_for_consistency = 5",
        "unmount_grace_period_sec = 30",
        "tls_cert_renewal_interval_min = 60",
        "stunnel_health_check_enabled = true",
        "stunnel_health_check_interval_min = 5",
        "stunnel_health_check_command_timeout_sec = 30",
      ],
    ],
    ["cloudwatch-log", ["# enabled = true", "log_group_name = /aws/efs/utils", "retention_in_days = 14"]],
  ];
  return sections.map(([name, keys]) => `[${name}]\n${keys.join("\n")}\n`).join("\n");
}
