import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect, type PeerCertificate, type TLSSocket } from "node:tls";
import { type Finding, type Look, note, ok, problem, skipped } from "../../core/doctor/checks.ts";
import { responderFinding, UNCHECKED } from "../../core/doctor/ocsp.ts";
import { EfsError } from "../../core/errors.ts";
import type { ResolvedTarget } from "../../core/location/target.ts";
import type { MountRequest, TlsRequest } from "../../core/request/request.ts";
import { NFS_PORT } from "../../core/tunnel/stunnel-config.ts";
import { reason } from "../../system/errno.ts";
import { isReachable } from "../../system/network.ts";
import { callNull } from "../../system/rpc.ts";
import { findCredentials } from "../aws/credentials.ts";
import { openTunnel, tunnelParts } from "../tunnel/open.ts";
import { ServerCheck } from "../tunnel/server-check.ts";
import type { Examination } from "./examination.ts";
import { addressesOf, NO_DEVICE } from "./place.ts";

const HANDSHAKE_LIMIT_MS = 10_000;
const ANSWER_LIMIT_MS = 10_000;
const RESPONDER_LIMIT_MS = 5000;

/** What a server shows to whoever connects. It is stunnel that judges it, as for a mount. */
interface Shown {
  readonly protocol: string;
  readonly cipher: string;
  /** The server's own first. */
  readonly chain: readonly X509Certificate[];
}

export async function tlsCheck(examination: Examination, signal: AbortSignal): Promise<Look> {
  const { request, isRoot } = examination.context;
  if (request === undefined) return NO_DEVICE;
  const { security } = request;
  if (security.kind !== "tls")
    return { looked: "", findings: [skipped("the mount is without tls: nothing encrypts it in transit")] };
  const target = await examination.target(request);
  const [address = target.dnsName] = await addressesOf(examination, request);
  const looked = `${address}:${NFS_PORT}, as ${target.certificateName}`;
  const findings = isElsewhere(request) ? [skipped(ELSEWHERE)] : described(await show(address, target));
  if (isRoot) findings.push(...(await throughTunnel(examination, request, security, target, signal)));
  else findings.push(skipped("whether stunnel accepts the server: only root can open a tunnel"));
  return { looked, findings };
}

/** Connects without judging, to see what there is. */
async function show(host: string, { dnsName }: ResolvedTarget): Promise<Shown | { problem: Finding }> {
  const socket = connect({
    host,
    port: NFS_PORT,
    servername: dnsName,
    maxVersion: "TLSv1.2",
    rejectUnauthorized: false,
  });
  const seen = new Promise<Shown>((resolve) => {
    socket.once("secureConnect", () => resolve(shownBy(socket)));
  });
  try {
    const limit = AbortSignal.timeout(HANDSHAKE_LIMIT_MS);
    const failed = once(socket, "error", { signal: limit }).then(([error]) => {
      throw error;
    });
    return await Promise.race([seen, failed]);
  } catch (error) {
    const said = error instanceof Error && error.name === "AbortError" ? "no answer in time" : reason(error);
    return {
      problem: problem(
        `no handshake (TLS 1.2): ${said}`,
        "see that the name leads to EFS, and that nothing between inspects or blocks TLS on port 2049",
      ),
    };
  } finally {
    socket.destroy();
  }
}

function shownBy(socket: TLSSocket): Shown {
  const chain: X509Certificate[] = [];
  let certificate: PeerCertificate | undefined = socket.getPeerCertificate(true);
  while (certificate?.raw !== undefined && chain.length < 10) {
    chain.push(new X509Certificate(certificate.raw));
    const issuer: PeerCertificate | undefined = (certificate as { issuerCertificate?: PeerCertificate })
      .issuerCertificate;
    certificate = issuer === certificate ? undefined : issuer;
  }
  return { protocol: socket.getProtocol() ?? "unknown", cipher: socket.getCipher().standardName, chain };
}

/** Another network can be connected to only with what mounts need: sockets, and not TLS. */
const ELSEWHERE = "what the server shows: it is in another network namespace (netns)";

const isElsewhere = ({ networkNamespace }: MountRequest) => networkNamespace !== undefined;

function described(shown: Shown | { problem: Finding }): Finding[] {
  if ("problem" in shown) return [shown.problem];
  const { protocol, cipher, chain } = shown;
  const [own] = chain;
  const line = (text: string) => text.replaceAll("\n", ", ");
  const names = chain.map((certificate) => line(certificate.subject || "(no subject)"));
  return [
    ok(`${protocol}, ${cipher}`),
    ...(own === undefined
      ? []
      : [
          ok(
            `certificate for ${own.subjectAltName ?? line(own.subject)}, until ${new Date(own.validTo).toISOString()}`,
          ),
          ok(`chain: ${names.join(" < ")}`),
        ]),
  ];
}

/** Opens a tunnel as a mount does, has stunnel judge the server, asks NFS for an answer, and undoes all of it. */
async function throughTunnel(
  examination: Examination,
  request: MountRequest,
  tls: TlsRequest,
  target: ResolvedTarget,
  signal: AbortSignal,
): Promise<Finding[]> {
  const context = examination.mountContext(signal);
  const settings = examination.settings(target.region);
  const { environment } = examination.context;
  const credentials = { environment, region: target.region, metadata: examination.metadata };
  const found = tls.iam && (await findCredentials(tls.iam, credentials));
  const parts = await tunnelParts(context);
  const { mountPoint } = request;
  await using tunnel = await openTunnel(
    { tls, mountPoint, network: examination.network, target, settings, parts, found },
    context,
  );
  using check = new ServerCheck(tunnel, target);
  try {
    const judging = AbortSignal.any([signal, check.signal]);
    if (tls.verify > 0) await check.prove(judging);
    const refused = check.refusal();
    if (refused !== undefined) throw refused;
    const judged = judgement(tls, check);
    if (isElsewhere(request)) return [judged];
    const { outcome, answeredMs } = await callNull("127.0.0.1", tunnel.port, ANSWER_LIMIT_MS);
    const refusedLater = check.refusal();
    if (refusedLater !== undefined) throw refusedLater;
    const [first] = answeredMs;
    if (outcome === "answered")
      return [
        judged,
        ok(`NFS answers through the tunnel, after ${first?.toFixed(0)} ms, ${tunnel.identity.who}`),
      ];
    return [
      judged,
      problem(
        `NFS does not answer through the tunnel (${outcome}), ${tunnel.identity.who}`,
        `check ${tunnel.identity.check}`,
      ),
    ];
  } catch (error) {
    if (!(error instanceof EfsError)) throw error;
    return [problem(error.message, error.hint ?? "see docs/runbook.md")];
  }
}

/** What stunnel makes of the server; one that it refuses ends the look before. */
function judgement({ verify }: TlsRequest, check: ServerCheck): Finding {
  if (verify === 0) return note("verify=0: nothing is verified");
  if (check.isProven) return ok(`stunnel accepts it: ${check.describe()}`);
  return problem(`stunnel has not accepted it: ${check.describe()}`, "see port 2049 first");
}

export async function ocspCheck(examination: Examination): Promise<Look> {
  const { request } = examination.context;
  if (request === undefined) return NO_DEVICE;
  const { security } = request;
  if (security.kind !== "tls") return { looked: "", findings: [skipped("the mount is without tls")] };
  const target = await examination.target(request);
  const isWanted = security.ocsp ?? examination.settings(target.region).stunnel_check_cert_validity;
  const [address = target.dnsName] = await addressesOf(examination, request);
  if (isElsewhere(request)) return { looked: address, findings: [skipped(ELSEWHERE)] };
  const shown = await show(address, target);
  if ("problem" in shown)
    return { looked: address, findings: [skipped("the server shows no certificate that names one")] };
  const urls = shown.chain.flatMap(({ infoAccess = "" }) => [
    ...(infoAccess ?? "").matchAll(/^OCSP - URI:"?([^\s"]+)/gm),
  ]);
  const responders = [...new Set(urls.map(([, url = ""]) => url))].filter((url) => URL.canParse(url));
  if (responders.length === 0) {
    const none = "the server's certificates name no responder";
    return {
      looked: address,
      findings: [isWanted ? problem(none, "mount with noocsp") : note(`${UNCHECKED}: ${none}`)],
    };
  }
  const findings = await Promise.all(
    responders.map(async (responder) => {
      const { hostname, port } = new URL(responder);
      const reachable = await isReachable(hostname, Number(port || 80), RESPONDER_LIMIT_MS);
      return responderFinding({ responder, reachable, isWanted });
    }),
  );
  return { looked: responders.join(", "), findings };
}
