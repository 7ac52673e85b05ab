/** Reads endless lines with everything that reads what others write: see linear.test.ts. */
import { parseConfig } from "../../src/core/config/config.ts";
import { readSections } from "../../src/core/config/ini-text.ts";
import { failureOf } from "../../src/core/doctor/explain.ts";
import { harmlessConfig, harmlessLog, harmlessStunnelConfig } from "../../src/core/doctor/harmless.ts";
import { redacted } from "../../src/core/doctor/redact.ts";
import { matchesWildcard } from "../../src/core/encryption/conditions.ts";
import { asEfsError, oneLine } from "../../src/core/errors.ts";
import { efsLines, linesWithoutNetwork } from "../../src/core/fstab.ts";
import { Profiles } from "../../src/core/identity/profiles.ts";
import { parseSource } from "../../src/core/identity/source.ts";
import { parseRegion } from "../../src/core/ids.ts";
import { dnsName } from "../../src/core/location/target.ts";
import { logLine } from "../../src/core/log-line.ts";
import { isRoutine, parseLog } from "../../src/core/logs/entry.ts";
import { countRestarts, lastMounts } from "../../src/core/logs/mounted.ts";
import { concerns } from "../../src/core/logs/subject.ts";
import { parseSocket } from "../../src/core/nfs/connections.ts";
import { mountingPort } from "../../src/core/nfs/mount-process.ts";
import { parseMountStats } from "../../src/core/nfs/mount-stats.ts";
import { parseMountInfo, parseNfsServers, tunnelPort } from "../../src/core/nfs/mount-table.ts";
import { parseDevice, parseEfsHostName } from "../../src/core/request/device.ts";
import { splitOptions } from "../../src/core/request/options.ts";
import { parseState } from "../../src/core/state/state.ts";
import { parseCapabilities } from "../../src/core/tunnel/capabilities.ts";
import { classifyEntry, safeName } from "../../src/core/tunnel/names.ts";
import { complaints, lastVerdict } from "../../src/core/tunnel/tunnel-log.ts";
import { fitConfig, savedPort, savedSetting, savedTarget } from "../../src/core/watchdog/saved-config.ts";

const capabilities = {
  version: "5",
  options: new Set(["accept"]),
  quietForeground: true,
  promptOutput: true,
  inheritsSockets: true,
};
const entry = (message: string) => ({ time: 0, level: "INFO" as const, message });

/** One function for each. */
const READERS: Record<string, (text: string) => unknown> = {
  parseConfig: (text) => parseConfig(text, "f"),
  readSections: (text) => readSections(text, () => {}),
  profiles: (text) => new Profiles({ credentials: text, config: `[profile${text}]\na = b` }).facts("x"),
  profile: (text) => new Profiles({ credentials: "", config: `[${text}]\na = b` }).facts("x"),
  failureOf,
  harmlessConfig,
  harmlessLog: (text) => harmlessLog(text, "mount"),
  harmlessStunnelConfig,
  redacted,
  matchesWildcard: (text) => matchesWildcard(`${"*a".repeat(50)}x`, text.slice(0, 4096)),
  oneLine: (text) => oneLine(asEfsError(new Error(text))),
  efsLines,
  linesWithoutNetwork,
  parseLog: (text) => parseLog(`2026-01-01 00:00:00 UTC - INFO - ${text}\n${text}`, "mount"),
  parseTunnelLog: (text) =>
    parseLog(`2026.01.01 00:00:00 LOG3[0]: ${text}\n${text}`, "tunnel").map(isRoutine),
  lastMounts: (text) => lastMounts([entry(text), entry(`Successfully mounted ${text}`)]),
  countRestarts: (text) => countRestarts([entry(text)], 20_049, 0),
  concerns: (text) => concerns(text, { fsIds: new Set(), mountPoints: new Set(["/mnt"]) }),
  parseSource,
  parseRegion,
  logLine: (text) => logLine(new Date(), "INFO", text),
  parseSocket,
  mountingPort: (text) => mountingPort(["mount.nfs4", "127.0.0.1:/", "/mnt", "-o", text]),
  mountingProgram: (text) => mountingPort([text]),
  parseMountStats,
  parseMountInfo: (text) =>
    parseMountInfo(`${text}\n1 2 0:1 / /mnt rw - nfs4 x addr=127.0.0.1,${text}`).map(tunnelPort),
  parseNfsServers,
  parseDevice,
  parseEfsHostName,
  splitOptions,
  parseState: (text) => parseState(text, "f", "/run/efs"),
  fitConfig: (text) => fitConfig(text, "/p", capabilities),
  savedSetting: (text) => savedSetting(text, "connect"),
  savedTarget: (text) => savedTarget(`connect = ${text}`),
  savedPort: (text) => savedPort(`accept = ${text}`),
  dnsName: (text) =>
    dnsName(text, {
      fsId: "fs-01234567" as never,
      region: "us-east-1" as never,
      zone: undefined,
      suffix: "x",
    }),
  parseCapabilities,
  classifyEntry,
  safeName,
  complaints,
  lastVerdict,
};

/** What makes a bad pattern begin again and again. */
const PIECES = [
  " ",
  "\n ",
  "\t",
  "\r",
  "[ ",
  "[",
  "[]",
  "]",
  "=",
  "a=",
  " =",
  "a ",
  "a:",
  ":",
  "a",
  "A1b",
  "1",
  "/",
  "//",
  "://",
  "x://",
  "x://@",
  '"',
  "'",
  "{",
  "{a",
  "}",
  ",",
  ";",
  "#",
  " #",
  "\\040",
  "at /",
  " at /",
  "tunnel of /",
  "tunnel of /a (port ",
  "LOG3[",
  "LOG3[0]: ",
  "LOG3[]: \r",
  "profile ",
  "mount point ",
  "port 1 on ",
  "-----BEGIN ",
  "-----BEGIN CERTIFICATE-----",
  "eyJaaaaaaaaa.",
  "token",
  "secret=",
  "AKIA",
  "arn:aws:iam::",
  "fs-0",
  "fs-0.efs.",
  "a.",
  "a-",
  "mount.",
  "/v2/credentials/",
  "stunnel ",
  "Sockets:",
  "port=",
  "addr=",
  ",port=1",
  " mounted on ",
  "device ",
  "\n",
  "\uFFFD",
  "\u0000",
  "\u2028",
  "é",
  " | ",
  "(1",
  "more of the kind",
];
const LENGTH = 64 * 1024;

const name = process.argv[2] ?? "";
const read = READERS[name];
if (read === undefined) console.log(Object.keys(READERS).join(" "));
else {
  for (const piece of PIECES) {
    const long = piece.repeat(Math.ceil(LENGTH / piece.length));
    for (const text of [long, `${long}\u0001`, `[${long}`, `x${long}x`, `key = ${long}!`]) {
      try {
        read(text);
      } catch {
        // what it says of it is another test's
      }
    }
  }
  console.log("read");
}
