import { accepted, refused } from "../runner/refusal.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  await guest.product.startWatchdog();
  await guest.endpoint.ocsp.become("revoked");
  await refused(guest, ["tls"], [/revoked/i]);
  await accepted(guest, ["tls", "noocsp"]);
});
