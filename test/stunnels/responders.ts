/** OCSP responders: those that answer have `openssl ocsp` make the answer. */
import { execFile } from "node:child_process";
import { createSign } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import type { Test } from "../support/authority.ts";
import type { Pki } from "./pki.ts";

const ADDRESS = "127.0.3.1";
const PORT = 8080;

/** What a responder does with a question. */
const RESPONDERS = {
  good: (question, pki) => answer(question, pki),
  unknown: (question, pki) => answer(question, pki, { index: "none.txt" }),
  "untrusted-signer": (question, pki) => answer(question, pki, { signer: "stranger" }),
  stale: async (question, pki) => aged(await answer(question, pki), pki),
  // OCSPResponseStatus 3 (RFC 6960 4.2.1)
  tryLater: () => Buffer.from([0x30, 3, 0x0a, 1, 3]),
  "500": (_, __, response) => void response.writeHead(500).end("no\n"),
  closes: (_, __, response) => void response.destroy(),
  hangs: () => {},
} satisfies Record<string, Answer>;

type Answer = (question: Buffer, pki: Pki, response: ServerResponse) => unknown;

/** Those that are no path of a responder. */
const URLS = {
  "root-url": `http://${ADDRESS}:${PORT}`,
  down: "http://127.0.3.9:8080/",
  unresolvable: "http://no-such-host.invalid/",
  https: `https://${ADDRESS}:8443/good`,
};

export type ResponderName = keyof typeof RESPONDERS | keyof typeof URLS;

export function responderUrl(name: ResponderName): string {
  return name in URLS ? URLS[name as keyof typeof URLS] : `http://${ADDRESS}:${PORT}/${name}`;
}

export async function startResponders(test: Test, pki: Pki): Promise<void> {
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    const question = await buffer(request);
    const name = request.url === "/" || request.url === "" ? "good" : (request.url ?? "").slice(1);
    const respond: Answer | undefined = RESPONDERS[name as keyof typeof RESPONDERS];
    const body = await respond?.(question, pki, response);
    if (body instanceof Buffer)
      response
        .writeHead(200, { "content-type": "application/ocsp-response", "content-length": body.length })
        .end(body);
  });
  await new Promise<void>((resolve) => server.listen(PORT, ADDRESS, resolve));
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
}

let questions = 0;

async function answer(
  question: Buffer,
  pki: Pki,
  { index = "index.txt", signer = "authority" } = {},
): Promise<Buffer> {
  questions += 1;
  const [asked, answered] = [pki.file(`${questions}.question`), pki.file(`${questions}.answer`)];
  writeFileSync(asked, question);
  const signing = ["-rsigner", `${signer}.pem`, "-rkey", `${signer}.key`, "-CA", "authority.pem"];
  const args = ["ocsp", "-index", index, ...signing, "-reqin", asked, "-respout", answered, "-nmin", "5"];
  await promisify(execFile)("openssl", args, { cwd: pki.folder });
  return readFileSync(answered);
}

/** The same answer, given some years ago. */
function aged(given: Buffer, pki: Pki): Buffer {
  const old = Buffer.from(given);
  const text = old.toString("latin1");
  for (const { index } of text.matchAll(/\x18\x0f\d{14}Z/g)) old.write("2020", index + 2, "latin1");
  // OCSPResponse, responseBytes, its octets, BasicOCSPResponse: the signed data is what comes first there
  const basic = text.indexOf("\x30\x82", text.indexOf("\x04\x82") + 4);
  const signed = old.subarray(basic + 4, elementEnd(old, basic + 4));
  const signature = createSign("sha256")
    .update(signed)
    .sign(readFileSync(pki.file("authority.key")));
  // a BIT STRING, behind the algorithm
  const start = text.indexOf("\x03\x82\x01\x01\x00", basic + 4 + signed.length) + 5;
  signature.copy(old, start);
  return old;
}

/** Where a DER element ends (X.690 8.1.3). */
function elementEnd(der: Buffer, start: number): number {
  const length = der[start + 1] ?? 0;
  if (length < 0x80) return start + 2 + length;
  const bytes = length & 0x7f;
  return start + 2 + bytes + der.readUIntBE(start + 2, bytes);
}
