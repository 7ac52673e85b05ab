/** Where things are on the system. Programs get this whole; tests of parts give their own. */
export interface SystemPaths {
  readonly config: string;
  readonly caBundle: string;
  readonly privateKey: string;
  readonly stateDirectory: string;
  readonly logDirectory: string;
  readonly mountNfs: string;
}

export const SYSTEM_PATHS: SystemPaths = {
  config: "/etc/amazon/efs/efs-utils.conf",
  caBundle: "/etc/amazon/efs/efs-utils.crt",
  privateKey: "/etc/amazon/efs/privateKey.pem",
  stateDirectory: "/var/run/efs",
  logDirectory: "/var/log/amazon/efs",
  mountNfs: "/sbin/mount.nfs4",
};

/** The systemd unit of the watchdog. */
export const WATCHDOG_UNIT = "amazon-efs-mount-watchdog";
