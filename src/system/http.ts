import type { ClientRequest, IncomingMessage } from "node:http";
import { lookupWithin } from "./resolver.ts";

/** Longer answers than this are no answers. */
const LONGEST_ANSWER = 256 * 1024;

export interface HttpRequest {
  readonly method?: "GET" | "PUT" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The authorities that a server may have its certificate from, instead of node's own list. */
  readonly ca?: string;
  /** For everything together, in milliseconds. */
  readonly limitMs: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  /** The server's clock, where it tells (RFC 9110 6.6.1). */
  readonly date: string | undefined;
}

/** The answer of an HTTP server, or undefined where none came within the limit. Redirects are not followed. */
export async function askHttp(url: URL, request: HttpRequest): Promise<HttpAnswer | undefined> {
  const { request: open } =
    url.protocol === "https:" ? await import("node:https") : await import("node:http");
  const { method = "GET", headers = {}, body, limitMs, ca } = request;
  return new Promise((resolve) => {
    const call: ClientRequest = open(url, {
      method,
      headers,
      signal: AbortSignal.timeout(limitMs),
      agent: false,
      lookup: lookupWithin(limitMs),
      ...(ca === undefined ? {} : { ca }),
    });
    call.once("response", (response: IncomingMessage) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
        if (text.length <= LONGEST_ANSWER) return;
        // its end may be here already, and would be told of in spite of that
        resolve(undefined);
        call.destroy();
      });
      response.once("end", () =>
        resolve({ status: response.statusCode ?? 0, body: text, date: response.headers.date }),
      );
      response.on("error", () => resolve(undefined));
      response.once("close", () => resolve(undefined));
    });
    call.on("error", () => resolve(undefined));
    call.end(body);
  });
}
