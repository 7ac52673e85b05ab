import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { oneLine } from "../../../src/core/errors.ts";
import { clientIdentity } from "../../../src/core/identity/client.ts";
import type { ResolvedTarget } from "../../../src/core/location/target.ts";
import { refusal } from "../../../src/core/tunnel/refusal.ts";
import {
  complaints,
  lastVerdict,
  reloadVerdict,
  type TunnelVerdict,
} from "../../../src/core/tunnel/tunnel-log.ts";
import { anyText } from "../../support/any-text.ts";

/** A log as stunnel writes it, of lines with or without the number of their connection. */
function log(...messages: string[]): string {
  return messages
    .map((message) => (/^LOG/.test(message) ? message : `LOG5[0]: ${message}`))
    .map((message) => `2026.11.24 18:13:14 ${message}\n`)
    .join("");
}

const START = [
  "LOG5[ui]: stunnel 5.68 on x86_64-pc-linux-gnu platform",
  "LOG5[ui]: Configuration successful",
];
const CONNECTED = [
  "Service [efs] accepted connection from 127.0.0.1:5",
  "s_connect: connected 10.0.0.1:2049",
];
const CONNECTED_TO_SERVER = "Service [efs] connected remote server from 127.0.0.1:6";
const GOOD = "Certificate accepted at depth=0: CN=*.efs.us-east-1.amazonaws.com";
const ASKED = 'OCSP: Connecting the AIA responder "http://ocsp.example"';
const BAD_CHAIN = "CERT: Pre-verification error: self-signed certificate";
const BAD_HOST = "CERT: Subject checks failed";
const BY_CERT = "Rejected by CERT at depth=0: CN=x";
const BY_OCSP = "Rejected by OCSP at depth=0: CN=x";
const FAILED =
  "SSL_connect: ../ssl/statem/statem_clnt.c:1889: error:0A000086:SSL routines::certificate verify failed";

const VERDICTS: [what: string, log: string, verdict: TunnelVerdict | undefined][] = [
  ["an empty log judges nobody", "", undefined],
  ["a start judges nobody", log(...START), undefined],
  ["a connection judges nobody", log(...START, ...CONNECTED), undefined],
  ["a certificate that is accepted proves nothing", log(...CONNECTED, GOOD), undefined],
  [
    "an authority on the way is not the server",
    log(...CONNECTED, "Certificate accepted at depth=1: CN=CA"),
    undefined,
  ],
  [
    "a chain that leads nowhere",
    log(...CONNECTED, BAD_CHAIN, BY_CERT, FAILED),
    { kind: "untrusted", detail: "self-signed certificate" },
  ],
  ["a rejection without a reason", log(...CONNECTED, BY_CERT), { kind: "untrusted", detail: BY_CERT }],
  ["another host", log(...CONNECTED, BAD_HOST, BY_CERT, FAILED), { kind: "wrong-host" }],
  [
    "a responder that is being asked",
    log(...CONNECTED, ASKED),
    { kind: "asking-responder", responder: "http://ocsp.example" },
  ],
  [
    "a responder that was asked and said yes",
    log(...CONNECTED, ASKED, "OCSP: Certificate accepted", GOOD),
    undefined,
  ],
  [
    "a responder without an answer",
    log(...CONNECTED, ASKED, "s_connect: s_poll_wait 1.2.3.4:80: TIMEOUTconnect exceeded", BY_OCSP, FAILED),
    {
      kind: "responder-failed",
      responder: "http://ocsp.example",
      detail: "s_connect: s_poll_wait 1.2.3.4:80: TIMEOUTconnect exceeded",
    },
  ],
  [
    "a revoked certificate with a reason",
    log(...CONNECTED, ASKED, "OCSP: Certificate revoked: 1: keyCompromise", BY_OCSP),
    { kind: "revoked", detail: "OCSP: Certificate revoked: 1: keyCompromise" },
  ],
  [
    "an alert of the server, after it was accepted",
    log(
      ...CONNECTED,
      GOOD,
      "LOG3[0]: SSL_connect: ssl/record/rec_layer_s3.c:1601: error:0A000418:SSL routines::tlsv1 alert unknown ca",
    ),
    { kind: "refused-by-server", detail: "error:0A000418:SSL routines::tlsv1 alert unknown ca" },
  ],
  [
    "an alert as older libraries word it",
    log(
      ...CONNECTED,
      "LOG3[0]: SSL_connect: 14094410: error:14094410:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure",
    ),
    {
      kind: "refused-by-server",
      detail: "error:14094410:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure",
    },
  ],
  [
    "a server that is down",
    log(
      CONNECTED[0] ?? "",
      "LOG3[0]: s_connect: connect 10.0.0.1:2049: Connection refused (111)",
      "LOG3[0]: No more addresses to connect",
    ),
    { kind: "unreachable", detail: "s_connect: connect 10.0.0.1:2049: Connection refused (111)" },
  ],
  [
    "the last verdict counts",
    log(...CONNECTED, BAD_HOST, BY_CERT, ...CONNECTED, BAD_CHAIN, BY_CERT),
    { kind: "untrusted", detail: "self-signed certificate" },
  ],
  [
    "the reason of an earlier connection is forgotten",
    log(...CONNECTED, BAD_HOST, FAILED, ...CONNECTED, BY_CERT),
    { kind: "untrusted", detail: BY_CERT },
  ],
  [
    "connections that are told of in turns are told apart",
    log(
      "LOG5[1]: Service [efs] accepted connection from 127.0.0.1:5",
      `LOG4[1]: ${BAD_HOST}`,
      "LOG5[2]: Service [efs] accepted connection from 127.0.0.1:6",
      "LOG5[2]: s_connect: connected 10.0.0.1:2049",
      `LOG4[1]: ${BY_CERT}`,
    ),
    { kind: "wrong-host" },
  ],
  [
    "a responder is named with the connection that asked it",
    log(
      'LOG5[1]: OCSP: Connecting the AIA responder "http://one.example"',
      'LOG5[2]: OCSP: Connecting the AIA responder "http://two.example"',
      "LOG3[1]: OCSP: Failed to resolve the OCSP responder address",
      `LOG4[1]: ${BY_OCSP}`,
    ),
    {
      kind: "responder-failed",
      responder: "http://one.example",
      detail: "OCSP: Failed to resolve the OCSP responder address",
    },
  ],
  [
    "lines of an older stunnel, with process and thread",
    log(...CONNECTED, BAD_HOST, BY_CERT).replaceAll("LOG5[0]", "LOG5[4711:140234]"),
    { kind: "wrong-host" },
  ],
  [
    "words of others in the log are nobody's verdict",
    `keeper: ${BY_CERT}\n${GOOD}\n[!] ${BY_OCSP}\n`,
    undefined,
  ],
  [
    "a line that is not written to its end counts as far as it is there",
    log(...CONNECTED, BAD_HOST, BY_CERT).trimEnd(),
    { kind: "wrong-host" },
  ],
];
VERDICTS.push(
  [
    "an RSA signature that is larger than the key allows",
    log(...CONNECTED, GOOD, "LOG3[0]: SSL_connect: error:02000084:rsa routines::data too large for modulus"),
    { kind: "impostor", detail: "error:02000084:rsa routines::data too large for modulus" },
  ],
  [
    "the key of another certificate, after words that accept the certificate",
    log(
      ...CONNECTED,
      GOOD,
      "LOG3[0]: SSL_connect: ../ssl/statem/statem_clnt.c:2400: error:0A00007B:SSL routines::bad signature",
    ),
    { kind: "impostor", detail: "error:0A00007B:SSL routines::bad signature" },
  ],
  [
    "the key of another RSA certificate, where its signature by chance begins as one does",
    log(
      ...CONNECTED,
      GOOD,
      "LOG3[0]: SSL_connect: ../crypto/rsa/rsa_pss.c:116: error:02000086:rsa routines::last octet invalid",
    ),
    { kind: "impostor", detail: "error:02000086:rsa routines::last octet invalid" },
  ],
  [
    "an alert when data is sent",
    log(
      ...CONNECTED,
      GOOD,
      "LOG3[0]: SSL_read: ../ssl/record/rec_layer_s3.c:1605: error:0A000419:SSL routines::tlsv1 alert access denied: SSL alert number 49",
    ),
    {
      kind: "refused-by-server",
      detail:
        "../ssl/record/rec_layer_s3.c:1605: error:0A000419:SSL routines::tlsv1 alert access denied: SSL alert number 49",
    },
  ],
  [
    "a connection that ends with an answer",
    log(
      ...CONNECTED,
      CONNECTED_TO_SERVER,
      GOOD,
      "Connection closed: 44 byte(s) sent to TLS, 28 byte(s) sent to socket",
    ),
    undefined,
  ],
  [
    "a connection that ends without one",
    log(
      ...CONNECTED,
      CONNECTED_TO_SERVER,
      GOOD,
      "Connection closed: 44 byte(s) sent to TLS, 0 byte(s) sent to socket",
    ),
    {
      kind: "closed-unanswered",
      detail: "Connection closed: 44 byte(s) sent to TLS, 0 byte(s) sent to socket",
    },
  ],
  [
    "words of the TLS library that nobody knows",
    log(...CONNECTED, "LOG3[0]: SSL_connect: error:0A0000FF:SSL routines::a reason of tomorrow"),
    { kind: "failed", detail: "error:0A0000FF:SSL routines::a reason of tomorrow" },
  ],
  [
    "words of the TLS library that name the client first",
    log(
      ...CONNECTED,
      "LOG3[0]: client 127.0.0.1:5: SSL_connect: error:0A00042E:SSL routines::tlsv1 alert protocol version",
    ),
    { kind: "no-tls-1.2", detail: "error:0A00042E:SSL routines::tlsv1 alert protocol version" },
  ],
);
for (const [what, text, verdict] of VERDICTS) {
  test(what, () => assert.deepEqual(lastVerdict(text), verdict));
}

const piece = fc.oneof(
  fc.constantFrom(...START, ...CONNECTED, GOOD, ASKED, BAD_CHAIN, BAD_HOST, BY_CERT, BY_OCSP, FAILED),
  anyText(),
);

test("whatever a log holds, a refusal that it leads to is one line with a remedy", () => {
  const target = {
    dnsName: "fs-1.example",
    certificateName: "fs-1.example",
    address: undefined,
  } as ResolvedTarget;
  fc.assert(
    fc.property(fc.array(piece), (messages) => {
      const refused = refusal(
        lastVerdict(log(...messages)),
        target,
        "/ca.pem",
        clientIdentity(undefined, undefined),
      );
      if (refused === undefined) return;
      assert.equal(refused.kind, "mount");
      assert.doesNotMatch(oneLine(refused), /\p{Cc}/u);
      assert.ok(refused.hint !== undefined && refused.hint !== "");
    }),
  );
});

test("a refusal names the address where that was connected to", () => {
  const target = {
    dnsName: "fs-1.example",
    certificateName: "fs-1.example",
    address: "10.0.0.1",
  } as ResolvedTarget;
  for (const verdict of [
    { kind: "wrong-host" },
    { kind: "untrusted", detail: "x" },
    { kind: "no-tls", detail: "x" },
  ] as const) {
    assert.match(
      refusal(verdict, target, "/ca.pem", clientIdentity(undefined, undefined))?.message ?? "",
      /the server fs-1\.example \(10\.0\.0\.1\) /,
    );
  }
});

const READ = "LOG5[ui]: Reading configuration from file /run/efs/c";
const TAKEN = "LOG5[ui]: Configuration successful";
const BROKEN = [
  "LOG3[ui]: Service [efs]: Failed to initialize TLS context",
  "LOG3[ui]: Configuration failed",
  "LOG3[ui]: Failed to reload the configuration file",
];
const RELOADS: [what: string, log: string, verdict: "taken" | "failed" | undefined][] = [
  ["nothing yet", "", undefined],
  ["that it reads", log(READ), undefined],
  ["that it goes on with what it read", log(READ, TAKEN), "taken"],
  ["that it could not read it", log(READ, ...BROKEN), "failed"],
  ["that it could not read it and then could", log(READ, ...BROKEN, READ, TAKEN), "taken"],
  ["that the first start failed", log(READ, ...BROKEN.slice(0, 2)), undefined],
];
for (const [what, text, verdict] of RELOADS)
  test(`a stunnel that is told to read its configuration again says ${what}`, () =>
    assert.equal(reloadVerdict(text), verdict));

test("what stunnel complains of is told once, without where in its source", () => {
  assert.equal(
    complaints(log(READ, ...BROKEN, ...BROKEN)),
    "Service [efs]: Failed to initialize TLS context, Configuration failed, Failed to reload the configuration file",
  );
});
