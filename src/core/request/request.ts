import { isIP } from "node:net";
import { EfsError } from "../errors.ts";
import {
  type AccessPointId,
  type Port,
  parseAccessPointId,
  parsePort,
  parseRegion,
  type Region,
} from "../ids.ts";
import { hasControlCharacter, quoted } from "../text.ts";
import { type Device, parseDevice } from "./device.ts";
import { parseMountPoint } from "./mount-point.ts";
import { isForOthers, isOwn, lastOfEach, type MountOption, OwnOptions, splitOptions } from "./options.ts";

/** Who the client says it is, where it does not connect anonymously. */
export interface IamRequest {
  readonly profile: string | undefined;
  readonly credentialsUri: string | undefined;
  readonly webIdentity: { readonly roleArn: string; readonly tokenFile: string } | undefined;
}

/** stunnel's levels: 0 verifies nothing, 2 the chain, 4 the peer's certificate alone. */
export type VerifyLevel = 0 | 1 | 2 | 3 | 4;

export interface TlsRequest {
  readonly kind: "tls";
  readonly port: Port | undefined;
  readonly verify: VerifyLevel;
  /** Whether revocation is to be checked; undefined leaves it to the configuration. */
  readonly ocsp: boolean | undefined;
  readonly caFile: string | undefined;
  readonly accessPoint: AccessPointId | undefined;
  readonly iam: IamRequest | undefined;
}

/** What one call of mount.efs asks for, checked. */
export interface MountRequest {
  readonly device: Device;
  readonly remotePath: string;
  readonly mountPoint: string;
  readonly security: { readonly kind: "plain" } | TlsRequest;
  readonly region: Region | undefined;
  readonly zone: string | undefined;
  readonly crossAccount: { readonly zoneId: string | undefined } | undefined;
  readonly mountTargetIp: string | undefined;
  readonly networkNamespace: string | undefined;
  readonly mountNamespace: string | undefined;
  /** What mount.nfs4 gets, as the user wrote it. */
  readonly nfsOptions: readonly MountOption[];
  readonly waitsForNetwork: boolean;
  readonly remount: boolean;
  readonly fake: boolean;
  readonly verbose: boolean;
}

export type Invocation =
  | { readonly kind: "help" }
  | { readonly kind: "version" }
  | { readonly kind: "mount"; readonly request: MountRequest };

export const USAGE =
  "usage: mount.efs [--version] [-h | --help] DEVICE MOUNTPOINT [-sfnvrw] [-N NAMESPACE] [-t TYPE] [-o OPTIONS]";

/**
 * Reads the arguments as mount(8) passes them: device and mount point first, then flags.
 *
 * @param workingDirectory undefined where it was removed
 * @throws EfsError (usage) naming the argument or the rule that is broken.
 */
export function parseInvocation(argv: readonly string[], workingDirectory: string | undefined): Invocation {
  if (argv.some((arg) => arg === "-h" || arg === "--help")) return { kind: "help" };
  if (argv.some((arg) => arg === "--version" || arg === "-V")) return { kind: "version" };
  const [deviceText, mountPointText, ...rest] = argv;
  if (deviceText === undefined || deviceText.startsWith("-")) throw usage("the device is missing");
  if (mountPointText === undefined || mountPointText.startsWith("-"))
    throw usage("the mount point is missing");
  const flags = parseFlags(rest);
  return { kind: "mount", request: buildRequest(deviceText, mountPointText, flags, workingDirectory) };
}

function usage(message: string): EfsError {
  return new EfsError("usage", message, { hint: USAGE });
}

interface Flags {
  readonly letters: ReadonlySet<string>;
  readonly options: readonly MountOption[];
  readonly namespace: string | undefined;
}

/** -s -f -n -v -r -w alone or together, -N, -t and -o with a value behind them or attached. */
function parseFlags(args: readonly string[]): Flags {
  const letters = new Set<string>();
  const options: MountOption[] = [];
  let namespace: string | undefined;
  const queue = args.values();
  for (const arg of queue) {
    const withValue = /^-([Not])(.*)$/s.exec(arg);
    if (withValue !== null) {
      const [, letter, attached = ""] = withValue;
      const value = attached === "" ? queue.next().value : attached;
      if (value === undefined) throw usage(`-${letter} needs a value`);
      // not as arguments of push: there may be more than the stack holds
      if (letter === "o") for (const option of splitOptions(value)) options.push(option);
      if (letter === "N") {
        if (hasControlCharacter(value)) throw usage(`-N ${quoted(value)} holds a control character`);
        namespace = value;
      }
    } else if (/^-[sfnvrw]+$/.test(arg)) {
      for (const letter of arg.slice(1)) letters.add(letter);
    } else {
      throw usage(`argument ${quoted(arg)} is not understood`);
    }
  }
  return { letters, options, namespace };
}

function buildRequest(
  deviceText: string,
  mountPointText: string,
  { letters, options, namespace }: Flags,
  workingDirectory: string | undefined,
): MountRequest {
  const own = new OwnOptions(options);
  for (const [broken, message, hint] of RULES) {
    if (broken(own, options)) throw new EfsError("usage", message, { hint });
  }
  const tlsPort = checked(own, "tlsport", parsePort, "a whole number from 1 to 65535");
  const accessFlags = [letters.has("r") ? "ro" : [], letters.has("w") ? "rw" : []].flat();
  const nfsOptions = lastOfEach([
    ...options.filter((option) => !isOwn(option.name) && !isForOthers(option)),
    ...accessFlags.map((name) => ({ name, value: undefined })),
  ]);
  return {
    ...parseDevice(deviceText),
    mountPoint: parseMountPoint(mountPointText, workingDirectory),
    security: own.has("tls") ? tlsRequest(own, tlsPort) : { kind: "plain" },
    region: checked(own, "region", parseRegion, "a region's name, as us-east-1"),
    zone: checked(own, "az", zoneName, "a zone's name, as us-east-1a"),
    crossAccount: own.has("crossaccount")
      ? { zoneId: checked(own, "azid", zoneName, "a zone's id, as use1-az1") }
      : undefined,
    mountTargetIp: checked(own, "mounttargetip", ipAddress, "an IPv4 or IPv6 address"),
    networkNamespace: checked(own, "netns", absolutePath, "an absolute path"),
    mountNamespace: namespace,
    nfsOptions,
    waitsForNetwork: options.some(({ name }) => name === "_netdev"),
    remount: nfsOptions.some(({ name }) => name === "remount"),
    fake: letters.has("f"),
    verbose: letters.has("v"),
  };
}

function tlsRequest(own: OwnOptions, port: Port | undefined): TlsRequest {
  return {
    kind: "tls",
    port,
    verify: checked(own, "verify", verifyLevel, "a whole number from 0 to 4") ?? 2,
    ocsp: own.has("ocsp") ? true : own.has("noocsp") ? false : undefined,
    caFile: checked(own, "cafile", absolutePath, "an absolute path"),
    accessPoint: checked(own, "accesspoint", parseAccessPointId, "fsap- and 17 hexadecimal digits"),
    iam: own.has("iam") ? iamRequest(own) : undefined,
  };
}

function iamRequest(own: OwnOptions): IamRequest {
  const roleArn = own.value("rolearn");
  const tokenFile = checked(own, "jwtpath", absolutePath, "an absolute path");
  return {
    profile: own.value("awsprofile"),
    credentialsUri: checked(own, "awscredsuri", absolutePath, "a path that begins with /"),
    webIdentity: roleArn !== undefined && tokenFile !== undefined ? { roleArn, tokenFile } : undefined,
  };
}

type Rule = [
  broken: (own: OwnOptions, options: readonly MountOption[]) => boolean,
  message: string,
  hint: string,
];

/** What must not be combined, each with what to do instead. */
const RULES: readonly Rule[] = [
  [
    (own) => own.has("capath"),
    "option capath is not supported",
    "name one file of authorities with cafile=PATH",
  ],
  [
    (own) => own.has("tls") && own.has("notls"),
    "options tls and notls exclude each other",
    "keep one of them",
  ],
  [
    (own, options) => own.has("tls") && options.some(({ name }) => name === "port"),
    "options tls and port exclude each other",
    "with tls the NFS client uses the tunnel's port: choose that with tlsport=N, or leave out port",
  ],
  [
    (own) => own.has("ocsp") && own.has("noocsp"),
    "options ocsp and noocsp exclude each other",
    "keep one of them",
  ],
  [(own) => own.has("accesspoint") && !own.has("tls"), "option accesspoint needs tls", "add tls"],
  [(own) => own.has("iam") && !own.has("tls"), "option iam needs tls", "add tls"],
  [(own) => own.has("awsprofile") && !own.has("iam"), "option awsprofile needs iam", "add iam"],
  [(own) => own.has("awscredsuri") && !own.has("iam"), "option awscredsuri needs iam", "add iam"],
  [
    (own) => own.has("awsprofile") && own.has("awscredsuri"),
    "options awsprofile and awscredsuri exclude each other",
    "keep one of them",
  ],
  [
    (own) => own.has("rolearn") !== own.has("jwtpath"),
    "options rolearn and jwtpath belong together",
    "give both",
  ],
  [
    (own) => own.has("azid") && !own.has("crossaccount"),
    "option azid needs crossaccount",
    "use az=NAME instead",
  ],
  [
    (own) => own.has("mounttargetip") && own.has("crossaccount"),
    "options mounttargetip and crossaccount exclude each other",
    "keep one of them",
  ],
];

function checked<T>(
  own: OwnOptions,
  name: Parameters<OwnOptions["value"]>[0],
  read: (text: string) => T | undefined,
  expected: string,
): T | undefined {
  const text = own.value(name);
  if (text === undefined) return undefined;
  const value = read(text);
  if (value === undefined) {
    throw new EfsError("usage", `option ${name}=${quoted(text)} is not valid`, {
      hint: `it must be ${expected}`,
    });
  }
  return value;
}

const zoneName = (text: string) => (/^[a-z0-9-]{1,63}$/.test(text) ? text : undefined);
const ipAddress = (text: string) => (isIP(text) === 0 ? undefined : text);
const absolutePath = (text: string) => (text.startsWith("/") ? text : undefined);
const verifyLevel = (text: string) => (/^[0-4]$/.test(text) ? (Number(text) as VerifyLevel) : undefined);
