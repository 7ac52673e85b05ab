/** A mount as an existing mount helper makes it: its tunnel runs by itself, and its state file has no key of ours. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EfsFileSystem } from "../endpoint/endpoint.ts";
import { mountByHand } from "./by-hand.ts";
import type { Guest } from "./guest.ts";
import { CONFIGURATION, STATE } from "./product.ts";

const KEY = join(CONFIGURATION, "privateKey.pem");

export interface ForeignMount {
  target: EfsFileSystem;
  path: string;
  port: number;
  /** Keys of the state file that this helper's version does not write. */
  without?: string[];
  /** When its certificate was made, as the state file has it. */
  certified?: Date;
}

/** Starts the tunnel and writes its files. Answers stunnel's pid. */
export async function foreignTunnel(guest: Guest, mount: ForeignMount): Promise<number> {
  const { target, path, port, without = [], certified = new Date() } = mount;
  const base = `${target.id}.${path.slice(1).replaceAll("/", ".")}.${port}`;
  const [directory, configuration] = [`/var${STATE}/${base}+`, `/var${STATE}/stunnel-config.${base}`];
  mkdirSync(join(directory, "database"), { recursive: true, mode: 0o750 });
  for (const name of ["config.conf", "request.csr", "database/index.txt", "database/serial"])
    writeFileSync(join(directory, name), "");
  const certificate = join(directory, "certificate.pem");
  await makeCertificate(guest, certificate);
  writeFileSync(configuration, stunnelConfiguration(target, port, directory), { mode: 0o600 });
  const cmd = ["/usr/bin/stunnel", configuration];
  const service = guest.service("/usr/bin/stunnel", [configuration]);
  await guest.eventually(`port ${port} listens`, () => guest.listeningPorts().includes(port));
  const state = {
    pid: service.pid,
    cmd,
    files: [configuration],
    mount_time: Date.now() / 1000,
    mountpoint: path,
    service_type: "elasticfilesystem",
    privateKey: KEY,
    mountStateDir: `${base}+`,
    commonName: "guest",
    region: "us-east-1",
    fsId: target.id,
    certificateCreationTime: utcTime(certified),
    certificate,
    useIam: false,
  };
  const known = Object.entries(state).filter(([key]) => !without.includes(key));
  writeFileSync(join(STATE, base), JSON.stringify(Object.fromEntries(known)));
  return service.pid;
}

/** The tunnel, and the mount through it. */
export async function foreignMount(guest: Guest, mount: ForeignMount): Promise<number> {
  const pid = await foreignTunnel(guest, mount);
  await mountByHand(guest, mount.port, mount.path);
  return pid;
}

async function makeCertificate(guest: Guest, path: string): Promise<void> {
  if (!existsSync(KEY)) await guest.ok("openssl", ["genrsa", "-out", KEY, "3072"]);
  const args = ["-x509", "-new", "-key", KEY, "-subj", "/CN=guest", "-days", "1", "-out", path];
  await guest.ok("openssl", ["req", ...args]);
}

/** UTC, `yymmddHHMMSSZ`. */
function utcTime(date: Date): string {
  return `${date.toISOString().replace(/\D/g, "").slice(2, 14)}Z`;
}

function stunnelConfiguration({ name }: EfsFileSystem, port: number, directory: string): string {
  return `fips = no
foreground = yes
syslog = no
socket = l:SO_REUSEADDR=yes
socket = a:SO_BINDTODEVICE=lo
pid = ${directory}/stunnel.pid
[efs]
client = yes
accept = 127.0.0.1:${port}
connect = ${name}:2049
sslVersion = TLSv1.2
renegotiation = no
TIMEOUTbusy = 20
TIMEOUTclose = 0
TIMEOUTidle = 70
delay = yes
verify = 2
CAfile = ${CONFIGURATION}/efs-utils.crt
cert = ${directory}/certificate.pem
key = ${KEY}
checkHost = ${name}
libwrap = no
`;
}
