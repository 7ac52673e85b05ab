import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import type { TestContext } from "node:test";
import { type RunningTunnel, startTunnel, stopTunnel } from "../../src/app/tunnel/start.ts";
import { findStunnel } from "../../src/app/tunnel/stunnel.ts";
import { type TunnelPaths, tunnelPaths } from "../../src/core/tunnel/names.ts";
import { stunnelConfig, type TunnelSettings } from "../../src/core/tunnel/stunnel-config.ts";
import { type BoundPort, bindPort } from "../../src/system/network.ts";
import { temporaryDirectory } from "./authority.ts";
import { certificate, KEY_PEM } from "./tls-responder.ts";
import { freePort, KEEPER } from "./watchdog-rig.ts";

/** The installed stunnel, found once. */
let installed: ReturnType<typeof findStunnel> | undefined;

/** A port that is bound, wherever. */
export async function boundPort(): Promise<BoundPort> {
  for (;;) {
    const bound = await bindPort(await freePort());
    if (bound !== undefined) return bound;
  }
}

export interface OwnTunnel {
  readonly paths: TunnelPaths;
  readonly running: RunningTunnel;
  readonly port: number;
  /** What stunnel has said so far. */
  log(): string;
  /** Has it connect to its server. */
  connect(): void;
}

export interface OwnTunnelOptions {
  /** The local port that its server has. */
  readonly server: number;
  readonly settings: Partial<TunnelSettings> & Pick<TunnelSettings, "target" | "caFile">;
  /** Key and certificate in PEM, where it has others. */
  readonly identity?: { readonly key: string; readonly pem: string };
  /** Whether stunnel is handed its socket. */
  readonly inherits?: boolean;
  /** Whether stunnel writes a debug log. */
  readonly debugging?: boolean;
}

/** A tunnel with the product's configuration and keeper, to a server of the test. */
export async function ownTunnel(test: TestContext, options: OwnTunnelOptions): Promise<OwnTunnel> {
  const { server, settings, inherits = true, debugging = false } = options;
  const { key, pem } = options.identity ?? { key: KEY_PEM, pem: await certificate() };
  const socket = await boundPort();
  const directory = temporaryDirectory(test, "tunnel");
  const paths = tunnelPaths(directory, `fs-1.mnt.efs.${socket.port}`);
  const privateKey = `${directory}/privateKey.pem`;
  mkdirSync(paths.directory);
  writeFileSync(privateKey, key, { mode: 0o400 });
  writeFileSync(paths.certificate, pem);
  installed ??= findStunnel();
  const stunnel = await installed;
  const tunnel: TunnelSettings = {
    port: socket.port,
    verify: 2,
    checkHostName: true,
    checkRevocation: false,
    privateKey,
    fips: false,
    debugLog: debugging ? `${directory}/debug.log` : undefined,
    ...settings,
  };
  const config = stunnelConfig(tunnel, paths, stunnel.capabilities);
  writeFileSync(paths.stunnelConfig, config.replace(/^connect = .*$/m, `connect = 127.0.0.1:${server}`));
  if (!inherits) socket.close();
  const running = await startTunnel({
    keeperProgram: KEEPER,
    stunnel: stunnel.path,
    paths,
    port: socket.port,
    socket: inherits ? socket : undefined,
    networkNamespace: undefined,
  });
  socket.close();
  test.after(() => stopTunnel({ keeper: running.keeper, stunnelConfig: paths.stunnelConfig }));
  return {
    paths,
    running,
    port: socket.port,
    log: () => readFileSync(tunnel.debugLog ?? paths.log, "utf8"),
    connect: () => {
      const connection = connect(socket.port, "127.0.0.1")
        .on("error", () => {})
        .resume();
      test.after(() => connection.destroy());
    },
  };
}
