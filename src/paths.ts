/** Where things are on the system. Programs get this whole; tests of parts give their own. */
export interface SystemPaths {
  readonly config: string;
  readonly caBundle: string;
  readonly privateKey: string;
  readonly stateDirectory: string;
  readonly logDirectory: string;
  readonly mountNfs: string;
  /** Where it is remembered what the installed stunnel can do; it may be lost at any time. */
  readonly stunnelMemory: string;
  /** Cache of the program that changes the packet filter; safe to delete. */
  readonly firewallCache: string;
  /** Where it is remembered which file systems are encrypted at rest; it may be lost at any time. */
  readonly atRestMemory: string;
  /** Where helpers have a lock each on the mount point they work on. */
  readonly turns: string;
  /** The program that holds a tunnel's socket; it is installed beside the others. */
  readonly keeper: string;
  /** The program that reports a mount to CloudWatch Logs. */
  readonly publisher: string;
  /** The program that makes sockets in another network namespace. */
  readonly socketMaker: string;
}

/** The programs that others run, by their names beside them. */
type InstalledProgram = "keeper" | "publisher" | "socketMaker";

export const SYSTEM_PATHS: Omit<SystemPaths, InstalledProgram> = {
  config: "/etc/amazon/efs/efs-utils.conf",
  caBundle: "/etc/amazon/efs/efs-utils.crt",
  privateKey: "/etc/amazon/efs/privateKey.pem",
  stateDirectory: "/var/run/efs",
  logDirectory: "/var/log/amazon/efs",
  mountNfs: "/sbin/mount.nfs4",
  stunnelMemory: "/run/amazon-efs-mount-helper/stunnel.json",
  firewallCache: "/run/amazon-efs-mount-helper/firewall.json",
  atRestMemory: "/run/amazon-efs-mount-helper/at-rest",
  turns: "/run/amazon-efs-mount-helper/turns",
};

/** All paths, for a program that lies in this directory beside the others. */
export function systemPaths(directory: string): SystemPaths {
  return {
    ...SYSTEM_PATHS,
    keeper: `${directory}/efs-tunnel-keeper`,
    publisher: `${directory}/efs-publish.cjs`,
    socketMaker: `${directory}/efs-namespace-socket.cjs`,
  };
}

/** The systemd unit of the watchdog. */
export const WATCHDOG_UNIT = "amazon-efs-mount-watchdog";

/** The environment that a program was started with. */
export type Environment = Readonly<Record<string, string | undefined>>;
