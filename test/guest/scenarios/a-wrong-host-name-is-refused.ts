import { refused } from "../runner/refusal.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  await guest.product.startWatchdog();
  await guest.endpoint.first.front.present("wrong-host");
  await refused(guest, ["tls"], [/certificate/i, /fs-12345678\.efs\.us-east-1\.amazonaws\.com/]);
  // Whether the certificate is revoked is another question.
  await refused(guest, ["tls", "noocsp"], [/certificate/i, /fs-12345678\.efs\.us-east-1\.amazonaws\.com/]);
});
