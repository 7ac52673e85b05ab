import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import type { Test } from "./authority.ts";

interface Request {
  readonly logGroupName: string;
  readonly logStreamName: string;
  readonly retentionInDays: number;
  readonly logEvents: readonly { readonly timestamp: number; readonly message: string }[];
}

interface Group {
  retention: number | undefined;
  readonly streams: Map<string, { timestamp: number; message: string }[]>;
}

/** CloudWatch Logs, as far as publishing needs it. */
export class LogsService {
  readonly groups = new Map<string, Group>();
  /** The actions that were called, in their order. */
  readonly calls: string[] = [];
  /** Actions that are refused to everybody. */
  readonly denied = new Set<string>();
  /** The access keys and user agents of the callers. */
  readonly callers: string[] = [];
  /** It takes calls and says nothing. */
  isSilent = false;
  endpoint = "";

  async start(test: Test): Promise<void> {
    const server = createServer(async (request, response) => {
      const action = String(request.headers["x-amz-target"]).replace(/^Logs_20140328\./, "");
      this.calls.push(action);
      this.callers.push(/Credential=([^/]+)/.exec(request.headers.authorization ?? "")?.[1] ?? "nobody");
      const body = JSON.parse((await buffer(request)).toString()) as Request;
      if (!this.isSilent) this.#answer(response, action, body);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    test.after(() => {
      server.closeAllConnections();
      server.close();
    });
    this.endpoint = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  }

  /** All that was published, with where. */
  get events() {
    return [...this.groups].flatMap(([group, { streams }]) =>
      [...streams].flatMap(([stream, events]) => events.map((event) => ({ group, stream, ...event }))),
    );
  }

  makeGroup(name: string): Group {
    const group = { retention: undefined, streams: new Map() };
    this.groups.set(name, group);
    return group;
  }

  #answer(response: ServerResponse, action: string, body: Request): void {
    const error = this.denied.has(action) ? "AccessDeniedException" : this.#act(action, body);
    const text =
      error === undefined ? "{}" : JSON.stringify({ __type: error, message: `${action} says ${error}` });
    response
      .writeHead(error === undefined ? 200 : 400, { "content-type": "application/x-amz-json-1.1" })
      .end(text);
  }

  /** The name of the error that comes of it. */
  #act(action: string, body: Request): string | undefined {
    const group = this.groups.get(body.logGroupName);
    const stream = group?.streams.get(body.logStreamName);
    switch (action) {
      case "CreateLogGroup":
        if (group !== undefined) return "ResourceAlreadyExistsException";
        this.makeGroup(body.logGroupName);
        return undefined;
      case "PutRetentionPolicy":
        if (group === undefined) return "ResourceNotFoundException";
        group.retention = body.retentionInDays;
        return undefined;
      case "CreateLogStream":
        if (group === undefined) return "ResourceNotFoundException";
        if (stream !== undefined) return "ResourceAlreadyExistsException";
        group.streams.set(body.logStreamName, []);
        return undefined;
      case "PutLogEvents":
        if (stream === undefined) return "ResourceNotFoundException";
        stream.push(...body.logEvents);
        return undefined;
      default:
        return "UnknownOperationException";
    }
  }
}
