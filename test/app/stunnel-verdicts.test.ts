import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { TlsOptions } from "node:tls";
import { oneLine } from "../../src/core/errors.ts";
import { clientIdentity } from "../../src/core/identity/client.ts";
import type { ResolvedTarget } from "../../src/core/target/target.ts";
import { refusal } from "../../src/core/tunnel/refusal.ts";
import { lastVerdict, type TunnelVerdict } from "../../src/core/tunnel/tunnel-log.ts";
import {
  Authority,
  opensslServer,
  type Test,
  tcpServer,
  temporaryDirectory,
  tlsServer,
} from "./authority.ts";
import { ownTunnel } from "./own-tunnel.ts";
import { eventually, freePort } from "./watchdog-rig.ts";

const HOST = "fs-1.efs.us-east-1.amazonaws.com";
const TARGET = { fsId: "fs-1", region: "us-east-1", dnsName: HOST, certificateName: HOST } as ResolvedTarget;

/** Made once: authorities, a responder that answers, and some that do not. */
class World {
  readonly #test: Test;
  readonly directory: string;
  readonly authority: Authority;
  readonly other: Authority;
  readonly responders = new Map<string, string>();

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
    this.responders.set("absent", `http://127.0.0.1:${await freePort()}`);
  }

  /** A server's certificate, good but for what is asked for. */
  certificate({ by = this.authority, responder = "", ...wanted }: Partial<Certificate> = {}) {
    const url = this.responders.get(responder);
    return by.server({ host: HOST, ...wanted, ...(url === undefined ? {} : { responder: url }) });
  }

  tls(options: TlsOptions): Promise<number> {
    return tlsServer(this.#test, options);
  }
}

interface Certificate {
  readonly by: Authority;
  readonly host: string;
  readonly serial: number;
  readonly responder: string;
  readonly expired: boolean;
}

type Verdict = TunnelVerdict | { kind: TunnelVerdict["kind"]; detail: RegExp } | undefined;

interface Case {
  readonly what: string;
  /** Starts the server. */
  readonly server: (world: World, test: Test) => Promise<number>;
  readonly ocsp?: boolean;
  /** What the log says when all is said. */
  readonly until?: RegExp;
  readonly verdict: Verdict | ((world: World) => Verdict);
  /** What the user reads, or undefined where the mount goes on. */
  readonly says?: RegExp;
}

const ENDED = /Connection (closed|reset)/;
const ACCEPTED = /Certificate accepted at depth=0/;

const CASES: Case[] = [
  {
    what: "a good server is accepted",
    server: (world) => world.tls(world.certificate()),
    until: ACCEPTED,
    verdict: { kind: "accepted" },
  },
  {
    what: "another authority's certificate is untrusted",
    server: (world) => world.tls(world.certificate({ by: world.other })),
    verdict: { kind: "untrusted", detail: /issuer/ },
    says: /the server fs-1\.efs\.us-east-1\.amazonaws\.com has a certificate that \S+authority\.pem does not vouch for/,
  },
  {
    what: "an expired certificate is untrusted",
    server: (world) => world.tls(world.certificate({ expired: true })),
    verdict: { kind: "untrusted", detail: /expired/ },
    says: /certificate has expired/,
  },
  {
    what: "another host's certificate is told from an untrusted one",
    server: (world) => world.tls(world.certificate({ host: "fs-2.efs.us-east-1.amazonaws.com" })),
    verdict: { kind: "wrong-host" },
    says: /for another host, not for fs-1\.efs\.us-east-1\.amazonaws\.com; .*stunnel_check_cert_hostname = false/,
  },
  {
    what: "a certificate that its responder calls good is accepted",
    server: (world) => world.tls(world.certificate({ serial: 1, responder: "real" })),
    ocsp: true,
    until: ACCEPTED,
    verdict: { kind: "accepted" },
  },
  {
    what: "a certificate without a responder is accepted",
    server: (world) => world.tls(world.certificate()),
    ocsp: true,
    until: ACCEPTED,
    verdict: { kind: "accepted" },
  },
  {
    what: "a revoked certificate is called revoked",
    server: (world) => world.tls(world.certificate({ serial: 2, responder: "real" })),
    ocsp: true,
    verdict: { kind: "revoked", detail: /Revoked at: Jan +1 00:00:00 2024/ },
    says: /the certificate of server fs-1\S+ is revoked: .*noocsp/,
  },
  {
    what: "a certificate that was revoked for a reason is called revoked",
    server: (world) => world.tls(world.certificate({ serial: 4, responder: "real" })),
    ocsp: true,
    verdict: { kind: "revoked", detail: /evoked/ },
    says: /is revoked/,
  },
  {
    what: "a certificate that its responder does not know is not accepted",
    server: (world) => world.tls(world.certificate({ serial: 3, responder: "real" })),
    ocsp: true,
    verdict: { kind: "responder-failed", detail: /Unknown/ },
    says: /the OCSP responder http:\/\/127\.0\.0\.1:\d+ gave no answer: .*noocsp/,
  },
  {
    what: "a responder that refuses connections has failed",
    server: (world) => world.tls(world.certificate({ responder: "absent" })),
    ocsp: true,
    verdict: { kind: "responder-failed", detail: /refused/ },
    says: /the OCSP responder http:\/\/127\.0\.0\.1:\d+ gave no answer: .*Connection refused.*noocsp/,
  },
  {
    what: "a responder that answers with an error has failed",
    server: (world) => world.tls(world.certificate({ responder: "failing" })),
    ocsp: true,
    verdict: { kind: "responder-failed", detail: /OCSP/ },
    says: /the OCSP responder http:\/\/127\.0\.0\.1:\d+ gave no answer/,
  },
  {
    what: "a responder that says nothing is being asked",
    server: (world) => world.tls(world.certificate({ responder: "silent" })),
    ocsp: true,
    until: /Connecting the AIA responder/,
    verdict: (world) => ({ kind: "asking-responder", responder: world.responders.get("silent") ?? "" }),
  },
  {
    what: "a server that wants another client's certificate refuses ours",
    server: (world, test) => {
      const { files } = world.certificate();
      const own = ["-cert", files.cert, "-key", files.key];
      const client = ["-Verify", "1", "-verify_return_error", "-CAfile", world.other.certificate];
      return opensslServer(test, ["s_server", "-accept", "127.0.0.1:0", "-tls1_2", ...own, ...client]);
    },
    verdict: { kind: "refused-by-server", detail: /alert/ },
    says: /access denied: .*refuses this client.*without an IAM identity.*alert.*policy/,
  },
  {
    what: "a server without TLS 1.2 refuses",
    server: (world) => world.tls({ ...world.certificate(), minVersion: "TLSv1.3" }),
    verdict: { kind: "refused-by-server", detail: /alert protocol version/ },
    says: /does not speak TLS 1\.2: .*alert protocol version/,
  },
  {
    what: "a server without TLS is told",
    server: (_, test) => tcpServer(test, (socket) => socket.end("hello, I am no TLS\n")),
    verdict: { kind: "no-tls", detail: /wrong version number/ },
    says: /answers, but not with TLS/,
  },
  {
    what: "a server that closes the connection is not judged",
    server: (_, test) => tcpServer(test, (socket) => socket.end()),
    verdict: undefined,
  },
  {
    what: "a server that resets the connection is not judged",
    server: (_, test) => tcpServer(test, (socket) => socket.once("data", () => socket.resetAndDestroy())),
    verdict: undefined,
  },
  {
    what: "a server that is down is unreachable, which mount.nfs4 may see otherwise later",
    server: () => freePort(),
    verdict: { kind: "unreachable", detail: /Connection refused/ },
  },
  {
    what: "a server that says nothing is not judged",
    server: (_, test) => tcpServer(test, () => {}),
    until: /connected remote server/,
    verdict: undefined,
  },
];

describe("what the installed stunnel says of its server is understood", { concurrency: true }, () => {
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

  for (const { what, server, ocsp = false, until = ENDED, verdict, says } of CASES) {
    for (const debugging of [false, true]) {
      test(debugging ? `${what}, in a debug log too` : what, async (t) => {
        const tunnel = await ownTunnel(t, {
          server: await server(world, t),
          settings: { target: TARGET, caFile: world.authority.certificate, checkRevocation: ocsp },
          debugging,
        });
        tunnel.connect();
        await eventually(`${until} is logged`, () => until.test(tunnel.log()), 15_000);
        const found = lastVerdict(tunnel.log());
        const expected = typeof verdict === "function" ? verdict(world) : verdict;
        assert.equal(found?.kind, expected?.kind, tunnel.log());
        if (expected !== undefined && "detail" in expected && expected.detail instanceof RegExp) {
          assert.match(found !== undefined && "detail" in found ? found.detail : "", expected.detail);
        } else {
          assert.deepEqual(found, expected);
        }
        const refused = refusal(
          found,
          TARGET,
          world.authority.certificate,
          clientIdentity(undefined, undefined),
        );
        assert.equal(refused?.kind, says === undefined ? undefined : "mount");
        if (says !== undefined && refused !== undefined) assert.match(oneLine(refused), says);
      });
    }
  }
});
