/** What amazon-efs-utils leaves of a tunnel, in the formats of its versions. */
import { ADDRESS, FILE_SYSTEM } from "./clean-machine.ts";

/** A pid that no process has. */
const ENDED = 4_194_303;

/** State files by version: the first has no type of service, the second was written for efs-proxy. */
export const AMAZON_STATES: Readonly<Record<string, (config: string) => object>> = {
  "1.36.0": (config) => ({
    pid: ENDED,
    cmd: ["/usr/bin/stunnel", config],
    files: [config],
    mount_time: 1_700_000_000.5,
    mountpoint: "/mnt",
    fsId: FILE_SYSTEM,
  }),
  "3.2.0": (config) => ({
    pid: ENDED,
    cmd: ["/usr/bin/efs-proxy", config, "--tls"],
    files: [config],
    mount_time: 1_700_000_000.5,
    mountpoint: "/mnt",
    fsId: FILE_SYSTEM,
    service_type: "elasticfilesystem",
  }),
};

/** The configuration of that tunnel, on a local port and with its files in a directory. */
export function tunnelConfiguration(port: number, directory: string): string {
  return `fips = no
foreground = quiet
socket = l:SO_REUSEADDR=yes
socket = a:SO_BINDTODEVICE=lo
pid = ${directory}/stunnel.pid
[efs]
client = yes
accept = 127.0.0.1:${port}
connect = ${ADDRESS}:2049
sslVersion = TLSv1.2
renegotiation = no
TIMEOUTbusy = 20
TIMEOUTclose = 0
TIMEOUTidle = 70
delay = yes
verify = 2
CAfile = /authority.pem
libwrap = no
`;
}
