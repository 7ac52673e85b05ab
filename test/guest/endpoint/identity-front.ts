/**
 * A TLS front that asks who connects, as EFS's does: it wants a client certificate, judges it, and leads the
 * client to the file system, to the root of its access point, or to where the NFS server refuses it.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { Transform } from "node:stream";
import { createServer, type TLSSocket } from "node:tls";
import { type SessionKeys, sessionKeys } from "../../fakes/keys.ts";
import type { Guest } from "../runner/guest.ts";
import { type Client, identify, type KnownKeys, Refused } from "./client-identity.ts";
import type { EfsFileSystem } from "./endpoint.ts";
import type { AccessPoint } from "./file-system.ts";

const NFS_PORT = 2049;
const REGION = "us-east-1";

/** What the file system's policy asks of clients. */
export interface Policy {
  /** Whether they need an IAM identity. */
  iam: boolean;
  /** Whether they need an access point. */
  accessPoint: boolean;
}

/** What came of a connection. */
export interface Visit {
  client: Client | undefined;
  /** Why it was refused. */
  refused: string | undefined;
}

export class IdentityFront {
  readonly address: string;
  readonly policy: Policy = { iam: true, accessPoint: false };
  /** How long everything takes on its way, either way. */
  delayMs = 0;
  /** How far its clock is ahead of this machine's. */
  aheadMs = 0;
  /** Keys that AWS has given out. */
  readonly keys: KnownKeys[] = [];
  readonly visits: Visit[] = [];
  readonly #guest: Guest;
  readonly #fileSystem: EfsFileSystem;
  /** From where clients of each access point are led on. */
  readonly #accessPoints = new Map<string, string>();
  readonly #sockets = new Set<Socket>();

  constructor(guest: Guest, fileSystem: EfsFileSystem, address: string) {
    this.#guest = guest;
    this.#fileSystem = fileSystem;
    this.address = address;
  }

  async addAccessPoint(id: string, accessPoint: AccessPoint): Promise<void> {
    const { source, remove } = await this.#fileSystem.server.addAccessPoint(accessPoint);
    this.#guest.onEnd(remove);
    this.#accessPoints.set(id, source);
  }

  /** Gives the instance a role, or its role other keys, which are known here. */
  giveRole(owner = "instance"): SessionKeys {
    const keys = sessionKeys(owner);
    this.keys.push(keys);
    this.#guest.endpoint.metadata.role = { name: "files", keys };
    return keys;
  }

  /** Clients that were let in, newest last. */
  get admitted(): Client[] {
    return this.visits.flatMap(({ client, refused }) => (client && refused === undefined ? [client] : []));
  }

  /** Ends all connections: whoever wants to go on has to show who it is. */
  disconnect(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async start(): Promise<void> {
    const { certificate, key } = this.#guest.endpoint.pki.server("good");
    const server = createServer({
      cert: readFileSync(certificate),
      key: readFileSync(key),
      requestCert: true,
      // no authority vouches for clients: what they say of themselves is judged here
      rejectUnauthorized: false,
    });
    server.on("tlsClientError", (error) => this.#guest.log(`front: ${error.message}`));
    server.on("secureConnection", (socket) => this.#lead(socket));
    await once(server.listen(NFS_PORT, this.address), "listening");
    this.#guest.onEnd(() => {
      server.close();
      this.disconnect();
    });
  }

  #lead(near: TLSSocket): void {
    const visit = this.#judge(near);
    this.visits.push(visit);
    const { client, refused } = visit;
    this.#guest.log(`front: ${refused ?? "admitted"}: ${JSON.stringify(client)}`);
    const { address, stranger } = this.#fileSystem.server;
    const source = refused === undefined ? this.#accessPoints.get(client?.accessPoint ?? "") : stranger;
    const localAddress = source === undefined ? {} : { localAddress: source };
    const far = connect({ host: address, port: NFS_PORT, ...localAddress });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    near.pipe(this.#later()).pipe(far).pipe(this.#later()).pipe(near);
  }

  /** Hands everything on, after a while. */
  #later(): Transform {
    return new Transform({
      transform: (part, _encoding, done) => {
        if (this.delayMs === 0) done(null, part);
        else setTimeout(done, this.delayMs, null, part);
      },
    });
  }

  #judge(socket: TLSSocket): Visit {
    const certificate = socket.getPeerX509Certificate();
    const known = { fsId: this.#fileSystem.id, region: REGION, keys: this.keys };
    let client: Client | undefined;
    try {
      // who has none is nobody in particular
      client = certificate && identify(certificate, known, new Date(Date.now() + this.aheadMs));
      this.#authorize(client);
      return { client, refused: undefined };
    } catch (error) {
      return { client, refused: error instanceof Refused ? error.message : `malformed: ${error}` };
    }
  }

  #authorize({ accessKeyId, accessPoint }: Partial<Client> = {}): void {
    const { policy } = this;
    if (accessPoint !== undefined && !this.#accessPoints.has(accessPoint))
      throw new Refused(`there is no access point ${accessPoint}`);
    if (policy.accessPoint && accessPoint === undefined)
      throw new Refused("the policy wants an access point");
    if (policy.iam && accessKeyId === undefined) throw new Refused("the policy wants an IAM identity");
  }
}

/** The front of the endpoint's first file system for one scenario: its name leads there. */
export async function identityFront(guest: Guest): Promise<IdentityFront> {
  const { endpoint } = guest;
  const front = new IdentityFront(guest, endpoint.first, "127.0.2.101");
  await front.start();
  endpoint.resolve({
    [endpoint.first.name]: front.address,
    [endpoint.second.name]: endpoint.second.front.address,
  });
  return front;
}
