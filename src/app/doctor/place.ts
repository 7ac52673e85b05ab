import { isIP } from "node:net";
import { type Finding, type Look, note, ok, problem, skipped, warning } from "../../core/doctor/checks.ts";
import { clockFindings } from "../../core/doctor/clock.ts";
import { metadataFindings } from "../../core/doctor/metadata.ts";
import { awsSuffix } from "../../core/location/partitions.ts";
import { configuredRegion } from "../../core/location/target.ts";
import type { MountRequest } from "../../core/request/request.ts";
import { NFS_PORT } from "../../core/tunnel/stunnel-config.ts";
import { askHttp } from "../../system/http.ts";
import type { Examination } from "./examination.ts";

const REACH_LIMIT_MS = 5000;
const CLOCK_LIMIT_MS = 5000;

export async function metadataCheck(examination: Examination): Promise<Look> {
  const { environment, request } = examination.context;
  const facts = await examination.metadata.diagnose();
  const isNamed = configuredRegion(request?.region, environment, examination.settings().region) !== undefined;
  const endpoint = environment.AWS_EC2_METADATA_SERVICE_ENDPOINT || "http://169.254.169.254";
  return { looked: endpoint, findings: metadataFindings(facts, !isNamed && request?.device.kind !== "name") };
}

export const REGION_PLACES =
  "option, AWS_REGION, AWS_DEFAULT_REGION, configuration, metadata, dns_name_format, name";

export async function regionCheck(examination: Examination): Promise<Look> {
  const { region, source } = await examination.region();
  return { looked: REGION_PLACES, findings: [ok(`${region}, by ${source}`)] };
}

/** This machine's clock against one of AWS's: signatures and certificates depend on it. */
export async function clockCheck(examination: Examination): Promise<Look> {
  const metadata = await examination.metadata.diagnose();
  if (metadata.date !== undefined) {
    return {
      looked: "instance metadata",
      findings: clockFindings(aheadOf(metadata.date), "the metadata service"),
    };
  }
  const region = (await examination.region().catch(() => undefined))?.region;
  const endpoint =
    examination.context.environment.AWS_ENDPOINT_URL_EFS ||
    (region && `https://elasticfilesystem.${region}.${awsSuffix(region)}`);
  if (endpoint === undefined || !URL.canParse(endpoint))
    return {
      looked: "instance metadata",
      findings: [skipped("nobody who tells the time is known without a region")],
    };
  const answer = await askHttp(new URL(endpoint), { limitMs: CLOCK_LIMIT_MS });
  return {
    looked: endpoint,
    findings: clockFindings(answer?.date === undefined ? undefined : aheadOf(answer.date), endpoint),
  };
}

function aheadOf(date: string): number | undefined {
  const theirs = Date.parse(date);
  return Number.isNaN(theirs) ? undefined : Date.now() - theirs;
}

export const NO_DEVICE: Look = {
  looked: "",
  findings: [skipped("no file system was named: efs-utils doctor fs-12345678")],
};

export async function nameCheck(examination: Examination): Promise<Look> {
  const { request } = examination.context;
  if (request === undefined) return NO_DEVICE;
  const { dnsName, address, addresses = [] } = await examination.target(request);
  const findings: Finding[] = [];
  if (addresses.length > 0)
    findings.push(ok(`resolves to ${addresses.join(", ")}`), ...publicOnes(addresses));
  if (address !== undefined && !addresses.includes(address)) {
    findings.push(
      request.mountTargetIp === undefined
        ? warning(
            `does not resolve: the address of a mount target, ${address}, is used instead`,
            "let the VPC resolve DNS names (enableDnsSupport, enableDnsHostnames), or mount in a zone with a mount target",
          )
        : note(`the address ${address} was given; it accepts connections`),
    );
  } else if (address !== undefined)
    findings.push(note(`connections go to ${address}, the first that answers`));
  return { looked: dnsName, findings };
}

/** Mount targets have private addresses; a public one is somebody else, or a resolver that makes things up. */
function publicOnes(addresses: readonly string[]): Finding[] {
  const strange = addresses.filter((address) => isIP(address) === 4 && !PRIVATE.test(address));
  return strange.length === 0
    ? []
    : [
        warning(
          `${strange.join(", ")} is no private address, as mount targets have`,
          "see who answers for the name: /etc/hosts, the resolver, a search domain",
        ),
      ];
}

const PRIVATE =
  /^(10\.|127\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|198\.1[89]\.)/;

export async function portCheck(examination: Examination): Promise<Look> {
  const { request } = examination.context;
  if (request === undefined) return NO_DEVICE;
  const addresses = await addressesOf(examination, request);
  const findings: Finding[] = [];
  // one thing at a time can be asked of another network
  for (const address of addresses) findings.push(await reach(examination, address));
  return { looked: addresses.map((address) => `${address}, TCP ${NFS_PORT}`).join("; "), findings };
}

async function reach({ network }: Examination, address: string): Promise<Finding> {
  const began = performance.now();
  const isOpen = await network.reaches(address, NFS_PORT, REACH_LIMIT_MS);
  const ms = performance.now() - began;
  if (isOpen) return ok(`${address} accepts connections, after ${ms.toFixed(1)} ms`);
  return problem(
    `${address} ${ms < REACH_LIMIT_MS ? "refuses connections" : "does not answer"}`,
    "let this machine in with the mount target's security group (TCP 2049), and see routes and network ACLs",
  );
}

/** Where connections would go; at most so many are tried. */
const MOST_ADDRESSES = 4;

export async function addressesOf(examination: Examination, request: MountRequest): Promise<string[]> {
  const { address, addresses = [], dnsName } = await examination.target(request);
  const known = address === undefined ? addresses : [address];
  return known.length === 0 ? [dnsName] : known.slice(0, MOST_ADDRESSES);
}
