import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const CHECKOUT = new URL("../..", import.meta.url).pathname;
export const FILE_SYSTEM = "fs-12345678";
export const SERVER_ADDRESS = "127.0.0.5";
export const SERVER_NAME = `${FILE_SYSTEM}.efs.us-east-1.amazonaws.com`;
/** The configuration of that machine; further keys of [mount] may follow. */
export const CONFIG = "[mount]\nregion = us-east-1\nstunnel_check_cert_validity = false\n";

const run = (file: string, ...args: string[]) =>
  execFileSync(file, args, { stdio: ["ignore", "pipe", "pipe"] });

/** A TLS server that sends back what it gets; apart from this process, which waits for its children. */
const RESPONDER = `
  const [address, key, cert] = process.argv.slice(1);
  const server = require("node:tls").createServer({ key, cert }, (socket) => {
    socket.on("error", () => {}).pipe(socket);
  });
  server.on("tlsClientError", () => {}).listen(2049, address, () => console.log("ready"));`;

/** Milliseconds on a clock that only goes forward. */
export function clock(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/**
 * Makes these namespaces a machine with the product's places empty, a TLS server that answers what it is
 * sent, and a mount.nfs4 that writes down when it began.
 */
export async function setUpMachine(): Promise<{ folder: string; began(): number }> {
  run("mount", "--make-rprivate", "/");
  run("ip", "link", "set", "lo", "up");
  const folder = mkdtempSync(join(tmpdir(), "efs-bench-"));
  run("mount", "-t", "tmpfs", "tmpfs", folder);
  for (const place of ["/run", "/var/log", "/etc/amazon/efs"]) {
    if (!existsSync(place)) mkdirSync(place, { recursive: true });
    run("mount", "-t", "tmpfs", "tmpfs", place);
  }
  const hosts = join(folder, "hosts");
  cpSync("/etc/hosts", hosts);
  appendFileSync(hosts, `${SERVER_ADDRESS} ${SERVER_NAME}\n`);
  run("mount", "--bind", hosts, "/etc/hosts");
  const stamp = join(folder, "stamp");
  const mountNfs = join(folder, "mount.nfs4");
  writeFileSync(mountNfs, `#!/bin/sh\nexec date +%s%N >${stamp}\n`, { mode: 0o755 });
  run("mount", "--bind", mountNfs, "/sbin/mount.nfs4");
  const { key, cert } = makeServerCertificate(folder);
  writeFileSync("/etc/amazon/efs/efs-utils.crt", cert);
  writeFileSync("/etc/amazon/efs/efs-utils.conf", CONFIG);
  const responder = spawn(process.execPath, ["-e", RESPONDER, SERVER_ADDRESS, key, cert], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise((resolve) => responder.stdout.once("data", resolve));
  return { folder, began: () => Number(readFileSync(stamp, "utf8")) / 1e6 };
}

function makeServerCertificate(folder: string): { key: string; cert: string } {
  const [key, cert] = [join(folder, "server.key"), join(folder, "server.crt")];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  const names = ["-subj", "/CN=server", "-addext", `subjectAltName=DNS:${SERVER_NAME}`];
  run("openssl", "req", "-x509", ...kind, ...names, "-keyout", key, "-out", cert);
  return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
}

/** Wall and processor time of a command and the children it waits for, in milliseconds. */
export function timeCommand(file: string, args: readonly string[]): { wallMs: number; cpuMs: number } {
  const script = 'TIMEFORMAT="%U %S"; time "$@" >/dev/null';
  const began = clock();
  const { status, stderr } = spawnSync("/bin/bash", ["-c", script, "bench", file, ...args], {
    encoding: "utf8",
  });
  const wallMs = clock() - began;
  if (status !== 0) throw new Error(`${file} ${args.join(" ")} ended with ${status}: ${stderr}`);
  const [user = 0, system = 0] = stderr.trim().split(" ").map(Number);
  return { wallMs, cpuMs: (user + system) * 1000 };
}

/** A port that is free at the moment. */
export async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** How long a stunnel with this configuration takes from its start until its pid file is there. */
export async function timeStunnel(config: string, pidFile: string): Promise<number> {
  const began = clock();
  const child = spawn("/usr/bin/stunnel", [config], { stdio: "ignore" });
  while (!existsSync(pidFile)) await new Promise((resolve) => setImmediate(resolve));
  const took = clock() - began;
  await new Promise((resolve) => {
    child.once("exit", resolve);
    child.kill("SIGKILL");
  });
  return took;
}
