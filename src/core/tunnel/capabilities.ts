/** What an installed stunnel can do, as far as it matters here. */
export interface StunnelCapabilities {
  readonly version: string | undefined;
  /** Option names that the build knows. */
  readonly options: ReadonlySet<string>;
  readonly quietForeground: boolean;
  /** Whether the file named by `output` gets each line at once; from 5.69 on, about once a second. */
  readonly promptOutput: boolean;
  /** Takes listening sockets by the socket activation protocol. */
  readonly inheritsSockets: boolean;
}

/** Names of the program, newest first (Amazon Linux 2 has an old one as stunnel), and where it is looked for. */
export const STUNNEL_NAMES = ["stunnel5", "stunnel"];
export const STUNNEL_DIRECTORIES = [
  "/sbin",
  "/usr/sbin",
  "/usr/local/sbin",
  "/root/bin",
  "/usr/local/bin",
  "/usr/bin",
  "/bin",
];

/**
 * Reads what `stunnel -help` prints: the build's description (version, `Sockets:` with SYSTEMD) and one
 * `name = description` line an option.
 */
export function parseCapabilities(help: string): StunnelCapabilities {
  const options = new Set([...help.matchAll(/^([A-Za-z]\w*)\s*= /gm)].map(([, name = ""]) => name));
  const version = /^(?:.*\s)?stunnel (\d+\.\d+)/m.exec(help)?.[1];
  return {
    version,
    options,
    promptOutput: version !== undefined && isBefore(version, 5, 69),
    quietForeground: /^foreground\s*=.*\bquiet\b/m.test(help),
    inheritsSockets: /\bSockets:\S*\bSYSTEMD\b/.test(help),
  };
}

function isBefore(version: string, major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split(".").map(Number);
  return ownMajor < major || (ownMajor === major && ownMinor < minor);
}
