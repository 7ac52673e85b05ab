import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { TLSSocket, TlsOptions } from "node:tls";
import { OWN_NETWORK } from "../../../src/app/tunnel/network.ts";
import { type CheckedTunnel, ServerCheck } from "../../../src/app/tunnel/server-check.ts";
import { EfsError, oneLine } from "../../../src/core/errors.ts";
import { clientIdentity } from "../../../src/core/identity/client.ts";
import type { Port } from "../../../src/core/ids.ts";
import type { ResolvedTarget } from "../../../src/core/location/target.ts";
import { impersonate } from "../../fakes/impostor.ts";
import { answerNull } from "../../fakes/nfs-null.ts";
import {
  Authority,
  opensslServer,
  type ServerCertificate,
  type Test,
  tcpServer,
  temporaryDirectory,
  tlsServer,
} from "../../support/authority.ts";
import { type OwnTunnel, ownTunnel } from "../../support/own-tunnel.ts";
import { freePort } from "../../support/watchdog-rig.ts";

const HOST = "fs-1.efs.us-east-1.amazonaws.com";
const TARGET = { fsId: "fs-1", region: "us-east-1", dnsName: HOST, certificateName: HOST } as ResolvedTarget;

/** Made once: authorities, a responder that answers, and some that do not. */
class World {
  readonly #test: Test;
  readonly directory: string;
  readonly authority: Authority;
  readonly other: Authority;
  readonly responders = new Map<string, string>();
  readonly #certificates = new Map<string, ServerCertificate>();

  constructor(test: Test) {
    this.#test = test;
    this.directory = temporaryDirectory(test, "verdicts");
    this.authority = new Authority(this.directory, "authority");
    this.other = new Authority(this.directory, "other");
  }

  async startResponders(): Promise<void> {
    const states = { 1: "good", 2: "240101000000Z", 4: "240101000000Z,keyCompromise" };
    const refuse = await tcpServer(this.#test, (socket) => socket.end("HTTP/1.0 500 no\r\n\r\n"));
    const silent = await tcpServer(this.#test, () => {});
    this.responders.set("real", await this.authority.responder(this.#test, states));
    this.responders.set("failing", `http://127.0.0.1:${refuse}`);
    this.responders.set("silent", `http://127.0.0.1:${silent}`);
    this.responders.set("unknown", "http://no-such-host.invalid/");
    this.responders.set("absent", `http://127.0.0.1:${await freePort()}`);
  }

  /**
   * A server's certificate, good but for what is asked for. Each is made once: this process, which is the server too,
   * stands still meanwhile.
   */
  certificate({ by = this.authority, responder = "", ...wanted }: Partial<Certificate> = {}) {
    const name = JSON.stringify([by === this.authority, responder, wanted]);
    const url = this.responders.get(responder);
    const made =
      this.#certificates.get(name) ??
      by.server({ host: HOST, ...wanted, ...(url === undefined ? {} : { responder: url }) });
    this.#certificates.set(name, made);
    return made;
  }

  tls(options: TlsOptions, serve: (socket: TLSSocket) => void = answerNull): Promise<number> {
    return tlsServer(this.#test, options, serve);
  }
}

interface Certificate {
  readonly by: Authority;
  readonly host: string;
  readonly serial: number;
  readonly responder: string;
  readonly expired: boolean;
}

interface Case {
  readonly what: string;
  /** Starts the server. */
  readonly server: (world: World, test: Test) => Promise<number>;
  readonly ocsp?: boolean;
  /** What comes of it: an answer, or the words of the error, or nothing, which is left to mount.nfs4. */
  readonly outcome: "proven" | "left" | RegExp;
}

const CASES: Case[] = [
  {
    what: "a good server that answers is proven",
    server: (world) => world.tls(world.certificate()),
    outcome: "proven",
  },
  {
    what: "a good server is proven by whatever it answers",
    server: (world) =>
      world.tls(world.certificate(), (socket) => socket.on("data", () => socket.write("pong\n"))),
    outcome: "proven",
  },
  {
    what: "another authority's certificate is untrusted",
    server: (world) => world.tls(world.certificate({ by: world.other })),
    outcome:
      /the server fs-1\.efs\.us-east-1\.amazonaws\.com has a certificate that \S+authority\.pem does not vouch for: .*issuer/,
  },
  {
    what: "an expired certificate is untrusted",
    server: (world) => world.tls(world.certificate({ expired: true })),
    outcome: /certificate has expired/,
  },
  {
    what: "another host's certificate is told from an untrusted one",
    server: (world) => world.tls(world.certificate({ host: "fs-2.efs.us-east-1.amazonaws.com" })),
    outcome:
      /for another host, not for fs-1\.efs\.us-east-1\.amazonaws\.com; .*stunnel_check_cert_hostname = false/,
  },
  {
    what: "a certificate that its responder calls good is accepted",
    server: (world) => world.tls(world.certificate({ serial: 1, responder: "real" })),
    ocsp: true,
    outcome: "proven",
  },
  {
    what: "a certificate without a responder is accepted",
    server: (world) => world.tls(world.certificate()),
    ocsp: true,
    outcome: "proven",
  },
  {
    what: "a revoked certificate is called revoked",
    server: (world) => world.tls(world.certificate({ serial: 2, responder: "real" })),
    ocsp: true,
    outcome: /the certificate of server fs-1\S+ is revoked: .*Revoked at: .*2024.*noocsp/,
  },
  {
    what: "a certificate that was revoked for a reason is called revoked",
    server: (world) => world.tls(world.certificate({ serial: 4, responder: "real" })),
    ocsp: true,
    outcome: /is revoked/,
  },
  {
    what: "a certificate that its responder does not know is not accepted",
    server: (world) => world.tls(world.certificate({ serial: 3, responder: "real" })),
    ocsp: true,
    outcome: /the OCSP responder http:\/\/127\.0\.0\.1:\d+ gave no answer: .*Unknown.*noocsp/,
  },
  {
    what: "a responder that refuses connections has failed",
    server: (world) => world.tls(world.certificate({ responder: "absent" })),
    ocsp: true,
    outcome: /the OCSP responder http:\/\/127\.0\.0\.1:\d+ gave no answer: .*Connection refused.*noocsp/,
  },
  {
    what: "a responder that answers with an error has failed",
    server: (world) => world.tls(world.certificate({ responder: "failing" })),
    ocsp: true,
    outcome: /the OCSP responder http:\/\/127\.0\.0\.1:\d+ gave no answer/,
  },
  {
    what: "a responder that says nothing has failed when its time is over",
    server: (world) => world.tls(world.certificate({ responder: "silent" })),
    ocsp: true,
    outcome: /the OCSP responder http:\/\/127\.0\.0\.1:\d+ gave no answer: nothing within \S+ s/,
  },
  {
    what: "a responder whose name does not resolve is named with that",
    server: (world) => world.tls(world.certificate({ responder: "unknown" })),
    ocsp: true,
    outcome: /the OCSP responder http:\/\/no-such-host\.invalid\/ gave no answer: .*resolve/,
  },
  {
    what: "a server that wants another client's certificate refuses ours",
    server: (world, test) => {
      const { files } = world.certificate();
      const own = ["-cert", files.cert, "-key", files.key];
      const client = ["-Verify", "1", "-verify_return_error", "-CAfile", world.other.certificate];
      return opensslServer(test, ["s_server", "-accept", "127.0.0.1:0", "-tls1_2", ...own, ...client]);
    },
    outcome: /access denied: .*refuses this client.*without an IAM identity.*alert.*policy/,
  },
  {
    what: "a server that has the certificate and not its key is an impostor",
    server: async (world, test) => {
      const { cert } = world.certificate();
      const own = await world.tls(world.other.server({ host: HOST }));
      return tcpServer(test, (client) => impersonate(client, cert, own));
    },
    outcome: /does not have the key of the certificate that it shows: .*signature/,
  },
  {
    what: "a server without TLS 1.2 refuses",
    server: (world) => world.tls({ ...world.certificate(), minVersion: "TLSv1.3" }),
    outcome: /does not speak TLS 1\.2: .*alert protocol version/,
  },
  {
    what: "a server with TLS 1.1 alone is told",
    server: (world, test) => {
      const { files } = world.certificate();
      const own = ["-cert", files.cert, "-key", files.key, "-cipher", "ALL:@SECLEVEL=0"];
      return opensslServer(test, ["s_server", "-accept", "127.0.0.1:0", "-tls1_1", ...own]);
    },
    outcome: /does not speak TLS 1\.2: .*protocol/,
  },
  {
    what: "a server without TLS is told",
    server: (_, test) => tcpServer(test, (socket) => socket.end("hello, I am no TLS\n")),
    outcome: /answers, but not with TLS: .*wrong version number/,
  },
  {
    what: "a server that closes the connection is told",
    server: (_, test) => tcpServer(test, (socket) => socket.once("data", () => socket.end())),
    outcome: /closed the connection during the TLS handshake: .*(eof|disconnected)/,
  },
  {
    what: "a server that resets the connection is told",
    server: (_, test) => tcpServer(test, (socket) => socket.once("data", () => socket.resetAndDestroy())),
    outcome: /closed the connection during the TLS handshake/,
  },
  {
    what: "a server that closes the connection after the handshake is told",
    server: (world) => world.tls(world.certificate(), (socket) => socket.end()),
    outcome: /closed the connection without an answer to NFS/,
  },
  {
    what: "a server that closes the connection when it is called is told",
    server: (world) =>
      world.tls(world.certificate(), (socket) => socket.once("data", () => socket.destroy())),
    outcome: /closed the connection without an answer to NFS/,
  },
  {
    what: "a server that is down is unreachable, which mount.nfs4 may see otherwise later",
    server: () => freePort(),
    outcome: "left",
  },
];

describe("the installed stunnel's server is proven by an answer, or named", { concurrency: 4 }, () => {
  const cleanUps: (() => unknown)[] = [];
  const group: Test = { after: (cleanUp) => void cleanUps.push(cleanUp) };
  let world: World;

  before(async () => {
    world = new World(group);
    await world.startResponders();
  });
  after(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  });

  for (const { what, server, ocsp = false, outcome } of CASES) {
    for (const debugging of [false, true]) {
      test(debugging ? `${what}, with a debug log too` : what, async (t) => {
        const tunnel = await ownTunnel(t, {
          server: await server(world, t),
          settings: { target: TARGET, caFile: world.authority.certificate, checkRevocation: ocsp },
          debugging,
        });
        const check = new ServerCheck(openTunnel(tunnel, world.authority.certificate), TARGET);
        t.after(() => check[Symbol.dispose]());
        const proving = check.prove(check.signal);
        if (outcome instanceof RegExp) {
          await assert.rejects(proving, (error) => {
            assert.ok(error instanceof EfsError, String(error));
            assert.equal(error.kind, "mount");
            assert.match(oneLine(error), outcome, tunnel.log());
            return true;
          });
        } else await proving;
        assert.equal(check.isProven, outcome === "proven");
      });
    }
  }
});

/** What a server check wants of a tunnel. */
function openTunnel({ paths, running, port }: OwnTunnel, caFile: string): CheckedTunnel {
  return {
    paths,
    running,
    caFile,
    stunnel: "/usr/bin/stunnel",
    identity: clientIdentity(undefined, undefined),
    callNull: (limitMs, signal) => OWN_NETWORK.callNull(port as Port, limitMs, signal),
  };
}
