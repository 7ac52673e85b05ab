import { createHash, randomBytes } from "node:crypto";
import { connect, type Server as NetServer, type Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { certificate, KEY_PEM } from "../support/tls-responder.ts";

/** Records have the framing of RPC, so that the watchdog's NULL calls can be told from them by a word. */
const WRITE = 0x5752_4954;
const LAST_FRAGMENT = 0x8000_0000;
/** A writer has so many records under way. */
const WINDOW = 4;
/** From an acknowledgement to the next record. */
const PACE_MS = 10;
/** From a connection that led nowhere to the next one. */
const RETRY_MS = 20;

interface WrittenRecord {
  readonly number: number;
  readonly message: Buffer;
}

interface Place {
  readonly port?: number;
  readonly address?: string;
  /** What makes its socket, where it is not in this network namespace. */
  readonly listen?: (port: number) => Promise<NetServer>;
}

/** A server that applies each record once and acknowledges it; what it has applied outlives its restarts. */
export class WritingServer {
  /** In every record of its writers: one that has another came through a tunnel that is not its writer's. */
  readonly mark = randomBytes(4).readUInt32BE();
  readonly address: string;
  readonly #sums = new Map<number, { applied: number; readonly hash: ReturnType<typeof createHash> }>();
  readonly #sockets = new Set<TLSSocket>();
  readonly #pem: string;
  readonly #listen: Place["listen"];
  #server: Server | undefined;
  port: number;
  /** Records that came without the one before them. */
  lost = 0;
  /** Connections of writers of other servers. */
  strangers = 0;

  private constructor(pem: string, { port = 0, address = "127.0.0.1", listen }: Place) {
    this.#pem = pem;
    this.#listen = listen;
    this.port = port;
    this.address = address;
  }

  /** @param place where it listens; on a port that the kernel chooses, unless told */
  static async start(place: Place = {}): Promise<WritingServer> {
    const server = new WritingServer(await certificate(), place);
    await server.listen();
    return server;
  }

  /** Somebody who writes to it through a local port. */
  writer(id: number, port: number): Writer {
    return new Writer(id, port, this.mark);
  }

  /** Listens, on the same port as before. */
  async listen(): Promise<void> {
    const options = { key: KEY_PEM, cert: this.#pem, requestCert: true, rejectUnauthorized: false };
    const server = createServer(options, (socket) => this.#serve(socket));
    server.on("tlsClientError", () => {});
    const place = (await this.#listen?.(this.port)) ?? { port: this.port, host: this.address };
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(place, resolve);
    });
    this.port = (server.address() as { port: number }).port;
    this.#server = server;
  }

  /** Breaks all connections and accepts no others. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server?.close(() => resolve()) ?? resolve());
    for (const socket of this.#sockets) socket.destroy();
    this.#server = undefined;
    await closed;
  }

  /** The sum of what one writer's records held. */
  sumOf(writer: number): string {
    return (this.#sums.get(writer)?.hash ?? createHash("sha256")).copy().digest("hex");
  }

  #serve(socket: TLSSocket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    onMessages(socket, (message) => {
      if (isRecord(message) && message.readUInt32BE(12) !== this.mark) {
        this.strangers += 1;
        socket.destroy();
      }
      if (!socket.destroyed) socket.write(framed(this.#answer(message)));
    });
  }

  #answer(message: Buffer): Buffer {
    if (isRecord(message)) return words(this.#apply(message));
    // an empty success
    return words(message.readUInt32BE(0), 1, 0, 0, 0, 0);
  }

  #apply(message: Buffer): number {
    const [number, writer] = [message.readUInt32BE(0), message.readUInt32BE(8)];
    const sum = this.#sums.get(writer) ?? { applied: 0, hash: createHash("sha256") };
    this.#sums.set(writer, sum);
    if (number > sum.applied + 1) this.lost += 1;
    if (number === sum.applied + 1) {
      sum.hash.update(message.subarray(16));
      sum.applied = number;
    }
    return sum.applied;
  }
}

/**
 * Writes through a tunnel's port as the kernel's NFS client does: without end, with a new connection for one
 * that broke, and once more whatever was not acknowledged.
 */
export class Writer {
  readonly #id: number;
  readonly #port: number;
  readonly #mark: number;
  readonly #hash = createHash("sha256");
  #pending: WrittenRecord[] = [];
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #state: "writes" | "finishes" | "stopped" = "writes";
  #lastAnswer = performance.now();
  #longestGap = 0;
  /** So many records were made, and so many of them acknowledged. */
  made = 0;
  acknowledged = 0;
  connections = 0;

  constructor(id: number, port: number, mark: number) {
    this.#id = id;
    this.#port = port;
    this.#mark = mark;
    this.#connect();
  }

  /** The longest time without an answer since the last call. */
  takeLongestGap(): number {
    const longest = Math.max(this.#longestGap, performance.now() - this.#lastAnswer);
    this.#longestGap = 0;
    this.#lastAnswer = performance.now();
    return longest;
  }

  /** For how long there was no answer. */
  get silentMs(): number {
    return performance.now() - this.#lastAnswer;
  }

  get sum(): string {
    return this.#hash.copy().digest("hex");
  }

  /** Makes no new records. */
  finish(): void {
    this.#state = "finishes";
  }

  get isFinished(): boolean {
    return this.#state !== "writes" && this.#pending.length === 0;
  }

  stop(): void {
    this.#state = "stopped";
    clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  #connect(): void {
    if (this.#state === "stopped") return;
    let isAnswered = false;
    const socket = connect(this.#port, "127.0.0.1", () => {
      this.connections += 1;
      for (const { message } of this.#pending) socket.write(message);
      this.#write();
    });
    this.#socket = socket;
    onMessages(socket, (message) => {
      isAnswered = true;
      this.#accept(message.readUInt32BE(0));
    });
    socket.on("error", () => {});
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      this.#socket = undefined;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#connect(), isAnswered ? 0 : RETRY_MS);
    });
  }

  #accept(number: number): void {
    const now = performance.now();
    this.#longestGap = Math.max(this.#longestGap, now - this.#lastAnswer);
    this.#lastAnswer = now;
    this.acknowledged = Math.max(this.acknowledged, number);
    this.#pending = this.#pending.filter((record) => record.number > number);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#write(), PACE_MS);
  }

  #write(): void {
    while (this.#state === "writes" && this.#pending.length < WINDOW) {
      this.made += 1;
      const content = randomBytes(100 + (this.made % 900));
      this.#hash.update(content);
      const message = framed(Buffer.concat([words(this.made, WRITE, this.#id, this.#mark), content]));
      this.#pending.push({ number: this.made, message });
      this.#socket?.write(message);
    }
  }
}

function isRecord(message: Buffer): boolean {
  return message.readUInt32BE(4) === WRITE;
}

/** Calls back with each message of a stream of messages of one fragment each. */
function onMessages(socket: Socket, received: (message: Buffer) => void): void {
  let waiting: Buffer = Buffer.alloc(0);
  socket.on("data", (part: Buffer) => {
    waiting = Buffer.concat([waiting, part]);
    while (waiting.length >= 4) {
      const end = 4 + (waiting.readUInt32BE(0) & ~LAST_FRAGMENT);
      if (waiting.length < end) return;
      received(waiting.subarray(4, end));
      waiting = waiting.subarray(end);
    }
  });
}

function framed(message: Buffer): Buffer {
  return Buffer.concat([words((LAST_FRAGMENT | message.length) >>> 0), message]);
}

function words(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) buffer.writeUInt32BE(value, 4 * index);
  return buffer;
}
