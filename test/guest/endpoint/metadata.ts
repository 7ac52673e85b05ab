/** The instance metadata service: IMDSv2, with a token. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { keysAsJson, type SessionKeys } from "../../fakes/keys.ts";
import { must } from "../runner/command.ts";

const ADDRESS = "169.254.169.254";
const TOKEN = "dGVzdC10b2tlbg==";

const REGION = "us-east-1";
const ZONE = "us-east-1a";
const DOCUMENTS: Record<string, string> = {
  "/latest/meta-data/instance-id": "i-0123456789abcdef0",
  "/latest/meta-data/placement/region": REGION,
  "/latest/meta-data/placement/availability-zone": ZONE,
  "/latest/meta-data/placement/availability-zone-id": "use1-az1",
  "/latest/meta-data/services/domain": "amazonaws.com",
  "/latest/dynamic/instance-identity/document": JSON.stringify({
    accountId: "123456789012",
    availabilityZone: ZONE,
    instanceId: "i-0123456789abcdef0",
    region: REGION,
  }),
};

const ROLES = "/latest/meta-data/iam/security-credentials";

export class MetadataService {
  /** The instance's role, where it has one. */
  role: { name: string; keys: SessionKeys } | undefined;
  /** `METHOD PATH` of each request since the last `requests.length = 0`. */
  readonly requests: string[] = [];

  async start(): Promise<void> {
    await must("ip", ["addr", "add", `${ADDRESS}/32`, "dev", "lo"]);
    const server = createServer((request, response) => this.#answer(request, response));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(80, ADDRESS, resolve);
    });
    server.unref();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? "").replace(/\/$/, "");
    this.requests.push(`${request.method} ${path}`);
    const [status, text] = path === "/latest/api/token" ? token(request) : this.#document(request, path);
    response.writeHead(status, { "content-type": "text/plain" }).end(text);
  }

  #document(request: IncomingMessage, path: string): [number, string] {
    if (request.headers["x-aws-ec2-metadata-token"] !== TOKEN) return [401, ""];
    const { name, keys } = this.role ?? {};
    const text =
      path === ROLES ? name : path === `${ROLES}/${name}` && keys ? keysAsJson(keys) : DOCUMENTS[path];
    return text === undefined ? [404, ""] : [200, text];
  }
}

function token(request: IncomingMessage): [number, string] {
  if (request.method !== "PUT") return [405, ""];
  const lifetime = Number(request.headers["x-aws-ec2-metadata-token-ttl-seconds"]);
  return lifetime >= 1 && lifetime <= 21_600 ? [200, TOKEN] : [400, ""];
}
