import { refused } from "../runner/refusal.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  await guest.product.startWatchdog();
  await guest.endpoint.first.front.present("other-ca");
  await refused(guest, ["tls"], [/certificate/i, /efs-utils\.crt|cafile/]);
  await refused(guest, ["tls", "noocsp"], [/certificate/i, /efs-utils\.crt|cafile/]);
});
