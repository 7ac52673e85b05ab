import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { accepted, refused } from "../runner/refusal.ts";
import { scenario } from "../runner/scenario.ts";

/** The real stunnel, whose help does not know of OCSP; it notes it where it is really run. */
const OLD_STUNNEL = `#!/bin/bash
case "$1" in
  -help | -version | -sockets | -options)
    /usr/bin/stunnel4 "$@" 2>&1 | grep -v '^OCSP' | sed 's/,OCSP//' >&2
    exit 0 ;;
esac
touch /run/stunnel-was-run
exec -a "$0" /usr/bin/stunnel4 "$@"
`;

export default scenario(async (guest) => {
  await guest.product.startWatchdog();
  guest.replaceProgram("/sbin/stunnel", OLD_STUNNEL);
  guest.onEnd(() => rmSync("/run/stunnel-was-run", { force: true }));
  await refused(guest, ["tls"], [/OCSP/, /install stunnel 5\.\d+/, /noocsp|stunnel_check_cert_validity/], 2);
  assert.equal(existsSync("/run/stunnel-was-run"), false, "stunnel was started");
  assert.equal(guest.endpoint.first.front.connections, 0);
  await accepted(guest, ["tls", "noocsp"]);
});
