/** The manual way: a stunnel and a mount made by hand, without the mount helper. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { EfsFileSystem } from "../endpoint/endpoint.ts";
import type { Guest } from "./guest.ts";

export interface HandMade {
  port: number;
  pid: number;
  stop: () => Promise<void>;
}

/** Starts `stunnel CONFIG` as a person would, with the checks that the guide asks for. */
export async function tunnelByHand(guest: Guest, target: EfsFileSystem, port: number): Promise<HandMade> {
  const file = `/run/by-hand/${target.id}.${port}.conf`;
  mkdirSync(dirname(file), { recursive: true });
  const configuration = `
foreground = yes
syslog = no
pid =
output = ${file.replace(".conf", ".log")}
socket = l:SO_REUSEADDR=yes
[nfs]
client = yes
accept = 127.0.0.1:${port}
connect = ${target.name}:2049
sslVersion = TLSv1.2
renegotiation = no
TIMEOUTidle = 70
TIMEOUTclose = 0
delay = yes
verifyChain = yes
CAfile = ${guest.endpoint.pki.authority}
checkHost = ${target.name}
OCSPaia = yes
`;
  writeFileSync(file, configuration);
  const service = guest.service("/usr/bin/stunnel4", [file]);
  await guest.eventually(`port ${port} listens`, () => guest.listeningPorts().includes(port));
  return { port, pid: service.pid, stop: () => service.stop() };
}

/** The guide's own options. */
export async function mountByHand(guest: Guest, port: number, path: string): Promise<void> {
  mkdirSync(path, { recursive: true });
  const nfs = "nfsvers=4.1,rsize=1048576,wsize=1048576,hard,timeo=600,retrans=2,noresvport";
  await guest.ok("mount", ["-t", "nfs4", "-o", `${nfs},port=${port}`, "127.0.0.1:/", path]);
}
