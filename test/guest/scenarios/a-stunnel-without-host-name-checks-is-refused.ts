import assert from "node:assert/strict";
import { accepted, refused } from "../runner/refusal.ts";
import { scenario } from "../runner/scenario.ts";

const OLD_STUNNEL = `#!/bin/bash
case "$1" in
  -help | -version | -sockets | -options)
    /usr/bin/stunnel4 "$@" 2>&1 | grep -v '^checkHost' >&2
    exit 0 ;;
esac
exec -a "$0" /usr/bin/stunnel4 "$@"
`;

export default scenario(async (guest) => {
  await guest.product.startWatchdog();
  guest.replaceProgram("/sbin/stunnel", OLD_STUNNEL);
  await refused(
    guest,
    ["tls"],
    [/checkHost|host name/, /install stunnel 5\.15/, /stunnel_check_cert_hostname/],
    2,
  );
  assert.equal(guest.endpoint.first.front.connections, 0);
  guest.product.configure({ stunnel_check_cert_hostname: "false" });
  await accepted(guest, ["tls"]);
});
