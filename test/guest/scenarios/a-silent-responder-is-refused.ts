import { accepted, refused } from "../runner/refusal.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  await guest.product.startWatchdog();
  await guest.endpoint.ocsp.become("silent");
  await refused(guest, ["tls"], [/127\.0\.3\.1:8080/, /noocsp/, /stunnel_check_cert_validity/]);
  await accepted(guest, ["tls", "noocsp"]);
});
