/** AWS regions whose DNS suffix is not amazonaws.com, and those whose services use public authorities. */
interface Partition {
  readonly suffix: string;
  readonly systemAuthorities: boolean;
}

const china: Partition = { suffix: "amazonaws.com.cn", systemAuthorities: false };
const iso: Partition = { suffix: "c2s.ic.gov", systemAuthorities: true };
const isob: Partition = { suffix: "sc2s.sgov.gov", systemAuthorities: true };
const isof: Partition = { suffix: "csp.hci.ic.gov", systemAuthorities: true };

export const SPECIAL_PARTITIONS: Readonly<Record<string, Partition>> = {
  "cn-north-1": china,
  "cn-northwest-1": china,
  "us-iso-east-1": iso,
  "us-iso-west-1": iso,
  "us-isob-east-1": isob,
  "us-isob-west-1": isob,
  "us-isof-east-1": isof,
  "us-isof-south-1": isof,
  "eu-isoe-west-1": { suffix: "cloud.adc-e.uk", systemAuthorities: true },
  "eusc-de-east-1": { suffix: "amazonaws.eu", systemAuthorities: true },
};

/** What AWS's own names end with in a region. */
export function awsSuffix(region: string): string {
  return SPECIAL_PARTITIONS[region]?.suffix ?? "amazonaws.com";
}

/** Where distributions keep the system's authorities, most common first. */
export const SYSTEM_CA_BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];
