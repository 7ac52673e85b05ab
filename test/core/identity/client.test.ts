import assert from "node:assert/strict";
import { test } from "node:test";
import { clientIdentity, WITHOUT_TLS } from "../../../src/core/identity/client.ts";

const ROLE = { kind: "metadata" } as const;
const POINT = "fsap-0123456789abcdef0";
const CLIENTS: [what: string, client: ReturnType<typeof clientIdentity>, who: string, ...checks: RegExp[]][] =
  [
    [
      "without TLS",
      WITHOUT_TLS,
      "without TLS, and so without an identity",
      /require tls, iam or an access point$/,
    ],
    [
      "with nothing but a certificate",
      clientIdentity(undefined, undefined),
      "without an IAM identity",
      /^this machine's clock, and what the file system's policy allows \(it may require iam or an access point\)$/,
    ],
    [
      "with an IAM identity",
      clientIdentity(ROLE, undefined),
      "as the role of this instance",
      /that these keys are still good and may mount, and what .* \(it may require an access point\)$/,
    ],
    [
      "with an access point",
      clientIdentity(undefined, POINT),
      `without an IAM identity, through access point ${POINT}`,
      /clock, that the access point exists and belongs to this file system, and what .* \(it may require iam\)$/,
    ],
    [
      "with both",
      clientIdentity(ROLE, POINT),
      `as the role of this instance, through access point ${POINT}`,
      /clock, that these keys .*, that the access point .*, and what the file system's policy allows$/,
    ],
  ];
for (const [what, client, who, ...checks] of CLIENTS) {
  test(`a client ${what} is told whom it said it was, and what that leaves to check`, () => {
    assert.equal(client.who, who);
    for (const check of checks) assert.match(client.check, check);
  });
}
