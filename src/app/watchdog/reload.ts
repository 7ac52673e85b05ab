import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { EfsError } from "../../core/errors.ts";
import { printable } from "../../core/text.ts";
import { complaints, reloadVerdict } from "../../core/tunnel/tunnel-log.ts";
import { savedSetting } from "../../core/watchdog/saved-config.ts";
import { readIfThere } from "../../system/files.ts";
import { sendSignal } from "../../system/signals.ts";
import type { WatchedTunnel } from "./watched-tunnel.ts";

/** A loaded machine may take this long. */
const LIMIT_MS = 10_000;
const POLL_MS = 20;

/**
 * Lets a tunnel's stunnel read its configuration and certificate again (SIGHUP, which a keeper passes on), and
 * waits until it says that it has: from then on, new connections present the new certificate. Nothing is to be
 * done where no stunnel runs; one that writes no log is believed.
 *
 * @throws EfsError (system) with stunnel's words, where it goes on with what it had
 */
export async function reloadStunnel({ processes, paths }: WatchedTunnel): Promise<void> {
  const reader = processes.keeper ?? processes.stunnel;
  if (reader === undefined) return;
  const config = readIfThere(paths.stunnelConfig) ?? "";
  const log = processes.stunnel === undefined ? undefined : logOf(config, processes.keeper && paths.log);
  const start = log === undefined ? 0 : sizeOf(log);
  sendSignal(reader, "SIGHUP");
  if (log === undefined) return;
  const deadline = performance.now() + LIMIT_MS;
  for (;;) {
    const said = since(log, start);
    const verdict = reloadVerdict(said);
    if (verdict === "taken") return;
    if (verdict === "failed" || performance.now() > deadline) {
      const why = verdict === "failed" ? complaints(said) : `it has said nothing within ${LIMIT_MS / 1000} s`;
      throw new EfsError("system", `stunnel does not take the new certificate: ${printable(why)}`, {
        hint: `it goes on with the old one; check its certificate and key, which ${paths.stunnelConfig} names`,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/**
 * Where a stunnel with this configuration says what it reads; other levels than these leave it out.
 *
 * @param standardError the file that it writes to where there is one
 */
function logOf(config: string, standardError: string | undefined): string | undefined {
  const level = savedSetting(config, "debug") ?? "notice";
  if (!/^(notice|info|debug|[567])$/.test(level)) return undefined;
  return (
    savedSetting(config, "output") ??
    (savedSetting(config, "foreground") === "yes" ? standardError : undefined)
  );
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** What a log says from an offset on; all of it, where it was emptied meanwhile. */
function since(path: string, start: number): string {
  let log: number | undefined;
  try {
    log = openSync(path, "r");
    const { size } = fstatSync(log);
    const from = size < start ? 0 : start;
    const part = Buffer.alloc(size - from);
    return part.toString("utf8", 0, readSync(log, part, 0, part.length, from));
  } catch {
    return "";
  } finally {
    if (log !== undefined) closeSync(log);
  }
}
