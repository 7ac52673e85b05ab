import { type Port, parsePort } from "../ids.ts";
import type { StunnelCapabilities } from "../tunnel/capabilities.ts";

/** A stunnel configuration that may have been written by another helper, for another stunnel. */
export interface SavedConfig {
  /** The text that the installed stunnel reads. */
  readonly text: string;
  /** What was taken out or changed, for the log; empty where nothing was. */
  readonly changes: readonly string[];
}

/** A stunnel with fewer options than this does not exist: then its help was not understood. */
const FEWEST_OPTIONS = 20;

/**
 * Options that may go where the installed stunnel does not know them. What decides whom a tunnel trusts is
 * not among them: without it stunnel has to refuse to start. (The help does not list everything either:
 * `fips` is missing there and yet known.)
 */
const HARMLESS = new Set([
  "delay",
  "libwrap",
  "log",
  // one that does not know it requires an answer
  "ocsprequire",
  "renegotiation",
  "retry",
  "syslog",
  "timeoutbusy",
  "timeoutclose",
  "timeoutconnect",
  "timeoutidle",
  "timeoutocsp",
]);

/**
 * Fits a saved configuration to the installed stunnel: harmless options that its help does not list go, so
 * does the "quiet" of foreground, and the pid file is where the tunnel's keeper expects it.
 */
export function fitConfig(text: string, pidFile: string, capabilities: StunnelCapabilities): SavedConfig {
  const { options, quietForeground } = capabilities;
  const understood = options.size >= FEWEST_OPTIONS && options.has("accept");
  const known = new Set([...options].map((option) => option.toLowerCase()));
  const changes: string[] = [];
  let hasPid = false;
  const lines = text.split(/\r?\n/).flatMap((line) => {
    const setting = readSetting(line);
    if (setting === undefined) return line;
    const { name, value } = setting;
    if (name === "pid") {
      hasPid = true;
      if (value === pidFile) return line;
      changes.push("pid changed");
      return `pid = ${pidFile}`;
    }
    if (understood && HARMLESS.has(name) && !known.has(name)) {
      changes.push(`${setting.written} dropped`);
      return [];
    }
    if (understood && name === "foreground" && value === "quiet" && !quietForeground) {
      changes.push("foreground changed");
      return "foreground = yes";
    }
    return line;
  });
  if (!hasPid) {
    changes.push("pid added");
    lines.unshift(`pid = ${pidFile}`);
  }
  return { text: lines.join("\n"), changes };
}

/** The value of a setting, the last one where it stands several times. */
export function savedSetting(text: string, name: string): string | undefined {
  return text
    .split(/\r?\n/)
    .map(readSetting)
    .findLast((setting) => setting?.name === name.toLowerCase())?.value;
}

/** The server that the tunnel leads to. */
export function savedTarget(text: string): { host: string; port: Port } | undefined {
  const match = /^\[?(.+?)\]?:(\d{1,5})$/.exec(savedSetting(text, "connect") ?? "");
  const [, host, portText = ""] = match ?? [];
  const port = parsePort(portText);
  return host === undefined || port === undefined ? undefined : { host, port };
}

/** The local port that the tunnel listens on. */
export function savedPort(text: string): Port | undefined {
  const port = /(?:^|:)(\d{1,5})$/.exec(savedSetting(text, "accept") ?? "")?.[1];
  return port === undefined ? undefined : parsePort(port);
}

function readSetting(line: string): { name: string; written: string; value: string } | undefined {
  const [, written, value] = /^\s*([A-Za-z]\w*)\s*=(.*)$/s.exec(line) ?? [];
  if (written === undefined || value === undefined) return undefined;
  return { name: written.toLowerCase(), written, value: value.trim() };
}
