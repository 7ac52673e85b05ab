import { accepted, refused } from "../runner/refusal.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  await guest.product.startWatchdog();
  await guest.endpoint.ocsp.become("absent");
  // The error names the responder and both ways out.
  await refused(guest, ["tls"], [/127\.0\.3\.1:8080/, /noocsp/, /stunnel_check_cert_validity/]);
  await accepted(guest, ["tls", "noocsp"]);

  guest.product.configure({ stunnel_check_cert_validity: "false" });
  await accepted(guest, ["tls"]);
  await refused(guest, ["tls", "ocsp"], [/127\.0\.3\.1:8080/]);
});
