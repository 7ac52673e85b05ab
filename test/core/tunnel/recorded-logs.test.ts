import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { isHarmless, lastVerdict, type TunnelVerdict } from "../../../src/core/tunnel/tunnel-log.ts";

/** What each stunnel logged of its first connection to a server of each kind: {version: {case: lines}}. */
const LOGS = JSON.parse(readFileSync(new URL("recorded-logs.json", import.meta.url), "utf8")) as Record<
  string,
  Record<string, string[]>
>;

type Expected = TunnelVerdict["kind"] | "accepted";

/** The verdict on each kind of server; the words after it are in its detail. */
const VERDICTS: readonly (readonly [cases: RegExp, kind: Expected, detail?: RegExp])[] = [
  [/^(?:good|.*-verify0$|.*-noocsp$(?<!wrong-(?:host|CA)-noocsp))/, "accepted"],
  [/^(?:no-AIA|responder-root-url$|CN-only|aes128)/, "accepted"],
  [/^wrong-host/, "wrong-host"],
  [/^wrong-CA/, "untrusted", /unable to get local issuer certificate/],
  [/^self-signed/, "untrusted", /self.signed certificate/],
  [/^expired/, "untrusted", /expired/],
  [/^not-yet-valid/, "untrusted", /not yet valid/],
  [/^(?:rsa1024|sha1-signed)/, "untrusted", /too weak/],
  [/^revoked/, "revoked", /evoked/],
  [/^responder-down/, "responder-failed", /Connection refused/],
  [/^responder-hangs/, "asking-responder"],
  [/^responder-tryLater/, "responder-failed", /trylater/],
  [/^responder-stale/, "responder-failed", /status expired/],
  [/^responder-unknown/, "responder-failed", /Unknown verification status/],
  [/^responder-/, "responder-failed"],
  [/^tls1\.[03]-only/, "no-tls-1.2", /protocol/],
  [/^client-cert-refused/, "refused-by-server", /unknown ca|eof|disconnected/],
  [/^not-tls/, "no-tls", /wrong version number/],
  [/^(?:closes-after-hello|closes-at-once)/, "closed-in-handshake", /eof|disconnected/],
  [/^rst-/, "closed-in-handshake", /reset|disconnected/],
  [/^clos/, "closed-unanswered"],
  [/^refused/, "unreachable", /Connection refused/],
  [/^silent/, "accepted"],
];

/** 5.56 was still waiting for the name server when it was ended; and 5.68 called an old answer good. */
const OTHERWISE: Record<string, Expected> = {
  "5.56 responder-unresolvable": "asking-responder",
  "5.68 responder-stale": "accepted",
};

/** Nothing wrong is said of the server. That no data came back is no fault of a server that was not called. */
function isAcceptable(verdict: TunnelVerdict | undefined): boolean {
  return (
    verdict === undefined || (verdict.kind === "closed-unanswered" && / 0 byte.* 0 byte/.test(verdict.detail))
  );
}

for (const [version, cases] of Object.entries(LOGS)) {
  describe(`the words of stunnel ${version} are understood`, () => {
    for (const [name, lines] of Object.entries(cases)) {
      const found = VERDICTS.find(([pattern]) => pattern.test(name));
      const kind = OTHERWISE[`${version} ${name}`] ?? found?.[1];
      test(`${name}: ${kind}`, () => {
        const verdict = lastVerdict(lines.join("\n"));
        if (kind === "accepted") {
          assert.ok(isAcceptable(verdict), JSON.stringify(verdict));
          return;
        }
        assert.equal(verdict?.kind, kind, JSON.stringify(verdict));
        if (found?.[2] !== undefined && verdict !== undefined && "detail" in verdict)
          assert.match(verdict.detail, found[2]);
      });
    }
  });
}

test("an error in the log of a healthy connection is known as harmless, on every version", () => {
  for (const [version, cases] of Object.entries(LOGS)) {
    const errors = Object.entries(cases)
      .filter(([name]) => name.startsWith("good"))
      .flatMap(([, lines]) => lines)
      .map((line) => /^LOG[0-4]\[[^\]]*\]: (.*)/.exec(line)?.[1])
      .filter((message) => message !== undefined && !isHarmless(message));
    assert.deepEqual(errors, [], version);
  }
});
