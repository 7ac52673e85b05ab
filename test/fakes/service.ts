import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Test } from "../support/authority.ts";

export interface Call {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What a service does with a call: it replies, or treats the connection as it likes. */
export type Answer = Reply | ((response: ServerResponse) => void);

export interface Service {
  readonly url: string;
  /** All calls so far. */
  readonly calls: readonly Call[];
}

/** An HTTP service that ends with the test, on a port that the kernel chooses unless one is given. */
export async function service(
  test: Test,
  answer: (call: Call) => Answer,
  { host = "127.0.0.1", port = 0 } = {},
): Promise<Service> {
  const calls: Call[] = [];
  const server = createServer(async (request, response) => {
    request.setEncoding("utf8");
    let body = "";
    for await (const part of request) body += part;
    const call = { method: request.method ?? "", path: request.url ?? "", headers: request.headers, body };
    calls.push(call);
    const given = answer(call);
    if (typeof given === "function") given(response);
    else response.writeHead(given.status ?? 200, given.headers).end(given.body);
  });
  server.listen(port, host);
  await once(server, "listening");
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://${host}:${(server.address() as AddressInfo).port}`, calls };
}

export const JSON_TYPE = { "content-type": "application/json" };

/** Says nothing, and keeps the connection. */
export const SILENT: Answer = () => {};

/** Begins an answer that looks right, and never ends it. */
export const UNENDING: Answer = (response) => void response.writeHead(200).write('{"AccessKeyId": "');

/** Sends as much as is taken, without an end. */
export const ENDLESS: Answer = (response) => {
  response.writeHead(200);
  const more = () => {
    while (!response.destroyed && response.write("x".repeat(65_536)));
    response.once("drain", more);
  };
  more();
};

/** Ends the connection without an answer. */
export const HANGS_UP: Answer = (response) => void response.socket?.destroy();
