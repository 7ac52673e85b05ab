/** node-forge's ASN.1 part alone: the whole library would triple the time it takes to load. */
declare module "node-forge/lib/asn1.js" {
  import type { asn1 } from "node-forge";

  const part: typeof asn1;
  export default part;
}
