import type { MountStatus, Status } from "../core/status/status.ts";
import { isHealthy } from "../core/status/status.ts";

interface Metric {
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  /** Undefined where it is not known, and left out. */
  value(mount: MountStatus): number | undefined;
}

const seconds = (milliseconds: number | undefined) =>
  milliseconds === undefined ? undefined : milliseconds / 1000;

/** What is told of each mount; names and units are those that Prometheus recommends. */
const METRICS: readonly Metric[] = [
  {
    name: "efs_mount_problems",
    type: "gauge",
    help: "Problems that efs-utils status tells of this mount.",
    value: ({ problems }) => problems.length,
  },
  {
    name: "efs_mount_age_seconds",
    type: "gauge",
    help: "Time since it was mounted.",
    value: ({ ageSeconds }) => ageSeconds,
  },
  {
    name: "efs_mount_answers",
    type: "gauge",
    help: "Whether the file system answered just now.",
    value: ({ answer }) => (answer === undefined ? undefined : Number(answer.outcome === "answered")),
  },
  {
    name: "efs_mount_round_trip_seconds",
    type: "gauge",
    help: "Between an NFS call that does nothing and its answer.",
    value: ({ answer }) => seconds(answer?.roundTripMs),
  },
  {
    name: "efs_mount_connect_seconds",
    type: "gauge",
    help: "Until the first answer on a new connection, its TLS handshake included.",
    value: ({ answer }) => seconds(answer?.connectMs),
  },
  {
    name: "efs_mount_read_bytes_total",
    type: "counter",
    help: "Bytes read from the file system.",
    value: ({ traffic }) => traffic?.bytesRead,
  },
  {
    name: "efs_mount_written_bytes_total",
    type: "counter",
    help: "Bytes written to the file system.",
    value: ({ traffic }) => traffic?.bytesWritten,
  },
  {
    name: "efs_mount_operations_total",
    type: "counter",
    help: "NFS operations that were answered.",
    value: ({ traffic }) => traffic?.operations,
  },
  {
    name: "efs_mount_retransmissions_total",
    type: "counter",
    help: "NFS operations that were sent again.",
    value: ({ traffic }) => traffic?.retransmissions,
  },
  {
    name: "efs_mount_timeouts_total",
    type: "counter",
    help: "NFS operations that were not answered within timeo.",
    value: ({ traffic }) => traffic?.timeouts,
  },
  {
    name: "efs_tunnel_up",
    type: "gauge",
    help: "Whether stunnel runs.",
    value: ({ tunnel }) => (tunnel === undefined ? undefined : Number(tunnel.pid !== undefined)),
  },
  {
    name: "efs_tunnel_root_only",
    type: "gauge",
    help: "Whether only root and the kernel can connect to the tunnel.",
    value: ({ tunnel }) => (tunnel?.access === undefined ? undefined : Number(tunnel.access === "root")),
  },
  {
    name: "efs_tunnel_age_seconds",
    type: "gauge",
    help: "Time since stunnel was started.",
    value: ({ tunnel }) => tunnel?.ageSeconds,
  },
  {
    name: "efs_tunnel_restarts_total",
    type: "counter",
    help: "Replacements of stunnel since the mount.",
    value: ({ tunnel }) => tunnel?.restarts,
  },
  {
    name: "efs_tunnel_certificate_expiry_timestamp_seconds",
    type: "gauge",
    help: "When the client certificate ends.",
    value: ({ tunnel }) => seconds(tunnel?.certificate?.expiresAt.getTime()),
  },
];

/** The state of all mounts in Prometheus's text format 0.0.4. */
export function prometheusText(status: Status): string[] {
  const mounts = status.mounts.filter(({ kind }) => kind === "mount");
  const orphans = status.mounts.length - mounts.length;
  return [
    ...alone("efs_healthy", "Whether efs-utils status finds no problem.", Number(isHealthy(status))),
    ...alone("efs_orphans", "Tunnels that no mount uses.", orphans),
    ...METRICS.flatMap(({ name, type, help, value }) => {
      const samples = mounts.flatMap((mount) => {
        const known = value(mount);
        return known === undefined ? [] : `${name}{${labels(mount)}} ${known}`;
      });
      return samples.length === 0 ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples];
    }),
  ];
}

function alone(name: string, help: string, value: number): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, `${name} ${value}`];
}

function labels({ mountPoint = "", fileSystem = "", protection }: MountStatus): string {
  return Object.entries({ mountpoint: mountPoint, filesystem: fileSystem, protection })
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(",");
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
