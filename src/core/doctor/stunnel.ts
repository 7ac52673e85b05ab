import type { StunnelCapabilities } from "../tunnel/capabilities.ts";
import { type Finding, note, ok, problem, warning } from "./checks.ts";

/** The oldest stunnel that has what a mount with tls needs by default. */
const OLDEST = "5.15";

interface Defect {
  /** The first version without it. */
  readonly mendedIn: string;
  readonly verdict: "note" | "warning" | "problem";
  readonly what: string;
}

/** What concerns tunnels of defects that stunnel's own change log tells of (NEWS, 5.00 to 5.75). */
const DEFECTS: readonly Defect[] = [
  {
    mendedIn: "5.22",
    verdict: "problem",
    what: "takes OCSP answers for good whose signature is wrong, so that revocation is not really checked",
  },
  { mendedIn: "5.33", verdict: "warning", what: "loses memory with the TLS sessions that it keeps" },
  { mendedIn: "5.42", verdict: "warning", what: "may hang when it starts" },
  { mendedIn: "5.49", verdict: "warning", what: "may crash where a server has several addresses" },
  {
    mendedIn: "5.58",
    verdict: "note",
    what: "loses a little memory each time a renewed certificate is read",
  },
  {
    mendedIn: "5.75",
    verdict: "note",
    what: "loops for ever where a server's certificate names its OCSP responder by a broken URL",
  },
];

/** What the version of a stunnel means. */
export function stunnelFindings({ version }: StunnelCapabilities): Finding[] {
  const remedy = "upgrade the package stunnel4 (Debian, Ubuntu) or stunnel";
  if (version === undefined) return [warning("it does not tell its version", remedy)];
  if (isOlder(version, OLDEST)) {
    return [problem(`version ${version} is older than ${OLDEST}, which a mount with tls needs`, remedy)];
  }
  const defects = DEFECTS.filter(({ mendedIn }) => isOlder(version, mendedIn));
  if (defects.length === 0) return [ok(`version ${version}, without a known defect that concerns tunnels`)];
  return [
    ok(`version ${version}`),
    ...defects.map(({ mendedIn, verdict, what }) => ({
      verdict,
      finding: `it ${what} (mended in ${mendedIn})`,
      ...(verdict === "note" ? {} : { remedy }),
    })),
  ];
}

/** What a stunnel's build can do of what tunnels want. */
export function featureFindings(
  { options, inheritsSockets }: StunnelCapabilities,
  wanted: { readonly checkHost: boolean; readonly ocsp: boolean },
): Finding[] {
  const install = `install stunnel ${OLDEST} or later`;
  const option = (name: string, isWanted: boolean, purpose: string, relaxed: string): Finding => {
    if (options.has(name)) return ok(`it ${purpose} (${name})`);
    const cannot = `it cannot ${purpose.replace(/^(\w+)s\b/, "$1")} (${name})`;
    return isWanted
      ? problem(cannot, `${install}, or set ${relaxed}`)
      : note(`${cannot}, which is not wanted`);
  };
  return [
    option(
      "checkHost",
      wanted.checkHost,
      "checks host names",
      "stunnel_check_cert_hostname = false in [mount]",
    ),
    option("OCSPaia", wanted.ocsp, "asks OCSP responders", "stunnel_check_cert_validity = false in [mount]"),
    inheritsSockets
      ? ok("it takes over a socket that stays open while it is replaced")
      : warning(
          "it cannot take over a socket: a writer waits some seconds when stunnel is replaced",
          "install a build with systemd support, as distributions have it",
        ),
  ];
}

/** Compares versions of the form MAJOR.MINOR. */
function isOlder(version: string, other: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [otherMajor = 0, otherMinor = 0] = other.split(".").map(Number);
  return major < otherMajor || (major === otherMajor && minor < otherMinor);
}
