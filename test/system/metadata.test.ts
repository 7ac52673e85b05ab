import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { describe, type TestContext, test } from "node:test";
import { Metadata } from "../../src/system/metadata.ts";
import { tcpServer } from "../support/authority.ts";
import { freePort } from "../support/watchdog-rig.ts";

const TOKEN = "AQAEAtoken==";
const DOCUMENT = JSON.stringify({ region: "us-east-1", availabilityZone: "us-east-1a", accountId: "1" });
const PATHS: Record<string, string> = {
  "/latest/dynamic/instance-identity/document": DOCUMENT,
  "/latest/meta-data/placement/availability-zone-id": "use1-az1\n",
};

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

/** A service that gives tokens, and answers whoever has one. */
const serveV2: Serve = (request, response) => {
  if (request.url === "/latest/api/token" && request.method === "PUT") {
    const ttl = Number(request.headers["x-aws-ec2-metadata-token-ttl-seconds"]);
    return void response.writeHead(ttl > 0 && ttl <= 21_600 ? 200 : 400).end(TOKEN);
  }
  const allowed = request.headers["x-aws-ec2-metadata-token"] === TOKEN;
  const body = PATHS[request.url ?? ""];
  response.writeHead(!allowed ? 401 : body === undefined ? 404 : 200).end(body);
};

/** A service of before tokens. */
const serveV1: Serve = (request, response) => {
  const body = request.method === "GET" ? PATHS[request.url ?? ""] : undefined;
  response.writeHead(body === undefined ? 405 : 200).end(body);
};

/** A service with one answer for everything but tokens. */
const always =
  (body: string, status = 200): Serve =>
  (request, response) =>
    void response.writeHead(request.method === "PUT" ? 404 : status).end(body);

async function service(test: TestContext, serve: Serve) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    serve(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as { port: number }).port, asked };
}

function metadata(port: number, environment: Record<string, string> = {}, disableToken = false): Metadata {
  const endpoint = { AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${port}` };
  return new Metadata({ disableToken, environment: { ...endpoint, ...environment } });
}

describe("instance metadata", { concurrency: true }, () => {
  test("are read with a token, which is asked for once", async (t) => {
    // asked again where a busy machine has not answered in time: but only one is used
    let given = 0;
    const used = new Set<unknown>();
    const { port } = await service(t, ({ method, url = "", headers }, response) => {
      if (method === "PUT") return void response.end(`${TOKEN}${++given}`);
      used.add(headers["x-aws-ec2-metadata-token"]);
      response.end(PATHS[url]);
    });
    const instance = metadata(port);
    assert.deepEqual(await Promise.all([instance.region(), instance.zone(), instance.zoneId()]), [
      "us-east-1",
      "us-east-1a",
      "use1-az1",
    ]);
    assert.equal(used.size, 1);
  });

  test("are read without a token where the service gives none", async (t) => {
    const { port, asked } = await service(t, serveV1);
    assert.equal(await metadata(port).region(), "us-east-1");
    assert.equal(asked.filter((call) => call.startsWith("PUT")).length, 3);
  });

  test("are read without a token where the configuration says so", async (t) => {
    const { port, asked } = await service(t, serveV1);
    assert.equal(await metadata(port, {}, true).region(), "us-east-1");
    assert.ok(asked.every((call) => call.startsWith("GET")));
  });

  test("are not there where the service wants a token and the configuration forbids it", async (t) => {
    const { port } = await service(t, serveV2);
    assert.equal(await metadata(port, {}, true).region(), undefined);
  });

  test("are not asked for where they are disabled", async (t) => {
    const { port, asked } = await service(t, serveV2);
    for (const disabled of ["true", "TRUE"]) {
      const instance = metadata(port, { AWS_EC2_METADATA_DISABLED: disabled });
      assert.deepEqual([await instance.region(), await instance.zoneId()], [undefined, undefined]);
    }
    assert.deepEqual(asked, []);
    assert.equal(await metadata(port, { AWS_EC2_METADATA_DISABLED: "false" }).region(), "us-east-1");
  });

  test("are not there where nobody listens", async () => {
    assert.equal(await metadata(await freePort()).region(), undefined);
  });

  test("are not there where the service says nothing, after a bounded time", async (t) => {
    const port = await tcpServer(t, () => {});
    assert.equal(await metadata(port, {}, true).region(), undefined);
  });

  test("are read without a token where the token never arrives, as in a container a hop away", async (t) => {
    const { port } = await service(t, (request, response) => {
      if (request.method !== "PUT") serveV1(request, response);
    });
    assert.equal(await metadata(port).region(), "us-east-1");
  });

  test("are read from a service that wants a token and is slow with it", async (t) => {
    const { port, asked } = await service(t, (request, response) => {
      const isTooLate =
        request.method === "PUT" && asked.filter((call) => call.startsWith("PUT")).length <= 3;
      if (!isTooLate) serveV2(request, response);
    });
    assert.equal(await metadata(port).region(), "us-east-1");
  });

  test("are not there where the service begins an answer and never ends it", async (t) => {
    const { port } = await service(t, (request, response) => {
      response.writeHead(request.method === "PUT" ? 404 : 200);
      response.write("{");
    });
    assert.equal(await metadata(port, {}, true).region(), undefined);
  });

  test("are not there where the answer has no end", async (t) => {
    const { port } = await service(t, (_, response) => {
      response.writeHead(200);
      const more = () => {
        while (response.write("x".repeat(65_536)));
        response.once("drain", more);
      };
      more();
    });
    assert.equal(await metadata(port, {}, true).region(), undefined);
  });

  const GARBAGE: [what: string, serve: Serve][] = [
    ["no JSON", always("<html>")],
    ["no object", always("null")],
    ["a list", always('["us-east-1"]')],
    ["nothing", always("")],
    ["a region that is a number", always('{"region":7}')],
    ["an error", always(DOCUMENT, 500)],
    [
      "a redirection",
      (_, response) => void response.writeHead(302, { location: "http://127.0.0.1:1/" }).end(DOCUMENT),
    ],
  ];
  for (const [what, serve] of GARBAGE) {
    test(`are not there where the answer is ${what}`, async (t) => {
      const { port } = await service(t, serve);
      assert.equal(await metadata(port, {}, true).region(), undefined);
    });
  }

  test("are not there where what answers is no web server", async (t) => {
    const port = await tcpServer(t, (socket) => socket.end("220 mail.example ESMTP\r\n"));
    assert.equal(await metadata(port).region(), undefined);
  });

  test("are read without a token where the token cannot be sent back", async (t) => {
    for (const token of ["a\nb", "", "x".repeat(5000), "größe"]) {
      const { port } = await service(t, (request, response) => {
        if (request.method === "PUT") return void response.writeHead(200).end(token);
        assert.equal(request.headers["x-aws-ec2-metadata-token"], undefined);
        serveV1(request, response);
      });
      assert.equal(await metadata(port).region(), "us-east-1");
    }
  });

  test("cannot be anywhere but on the web: another endpoint is an error of the configuration", async () => {
    for (const endpoint of ["ftp://127.0.0.1/", "not a URL", "file:///etc/passwd"]) {
      await assert.rejects(metadata(1, { AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint }).region(), {
        name: "EfsError",
        kind: "config",
        message: /AWS_EC2_METADATA_SERVICE_ENDPOINT/,
      });
    }
  });
});
