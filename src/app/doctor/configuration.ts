import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { settings } from "../../core/config/config.ts";
import { authorityFindings } from "../../core/doctor/certificates.ts";
import { type Finding, type Look, note, ok, problem, warning } from "../../core/doctor/checks.ts";
import { unknownNames } from "../../core/doctor/config.ts";
import { asEfsError } from "../../core/errors.ts";
import { parseRegion } from "../../core/ids.ts";
import { reason } from "../../system/errno.ts";
import { isKernelInFipsMode } from "../../system/fips.ts";
import { run } from "../../system/process.ts";
import { usesFips } from "../aws/fips.ts";
import { CONFIG } from "../install/layout.ts";
import { authoritiesRemedy, restoreRemedy } from "../install/remedy.ts";
import { authoritiesFile } from "../tunnel/authorities.ts";
import type { Examination } from "./examination.ts";

const TRIAL_LIMIT_MS = 10_000;

export async function configurationCheck(examination: Examination): Promise<Look> {
  const { file, problem: broken, isThere } = examination.config;
  const looked = file.path;
  if (broken !== undefined) {
    const remedy = broken.hint ?? "check the file's permissions";
    return { looked, findings: [problem(`every mount is refused: ${broken.message}`, remedy)] };
  }
  if (!isThere) {
    return {
      looked,
      findings: [note("it is not there: every key has its default", restoreRemedy(CONFIG))],
    };
  }
  const findings = [...wrongValues(examination), ...unknownNames(file), ...writable(looked)];
  const count = [...file.sections.values()].reduce((sum, keys) => sum + keys.size, 0);
  return {
    looked,
    findings: findings.length > 0 ? findings : [ok(`${count} keys are set, all of them known`)],
  };
}

/** In [mount] and the section of each region. */
function wrongValues({ config: { file } }: Examination): Finding[] {
  const regions = [...file.sections.keys()].flatMap(
    (section) => parseRegion(/^mount\.(.*)$/.exec(section)?.[1] ?? "") ?? [],
  );
  const messages = new Map<string, Finding>();
  for (const region of [undefined, ...regions]) {
    try {
      settings(file, region);
    } catch (error) {
      const { message, hint } = asEfsError(error);
      messages.set(message, problem(`mounts are refused: ${message}`, hint ?? "correct it"));
    }
  }
  return [...messages.values()];
}

/** Who can write it decides what root runs and trusts. */
function writable(path: string): Finding[] {
  const { mode, uid } = statSync(path);
  if ((mode & 0o022) === 0 && uid === 0) return [];
  return [warning("others than root can write it", `chown root ${path}; chmod 644 ${path}`)];
}

export async function fipsCheck(examination: Examination): Promise<Look> {
  const { environment } = examination.context;
  const values = examination.settings();
  const kernel = isKernelInFipsMode();
  const looked = "fips_mode_enabled, AWS_USE_FIPS_ENDPOINT, /proc/sys/crypto/fips_enabled";
  if (!usesFips(values, environment)) return { looked, findings: [ok("off everywhere")] };
  const { path } = await examination.stunnel();
  const who = kernel
    ? "the kernel is in it"
    : values.fips_mode_enabled
      ? "the configuration asks for it"
      : "the environment asks for it";
  const refusal = await fipsRefusal(path);
  const findings: Finding[] = [
    refusal === undefined
      ? ok(`on: ${who}, and ${path} can be in it`)
      : problem(
          `${who}, and ${path} cannot be: ${refusal}`,
          "install OpenSSL's FIPS provider and a stunnel that uses it; mounts with tls fail until then",
        ),
  ];
  if (kernel && !values.fips_mode_enabled)
    findings.push(note("fips_mode_enabled is not set, and need not be: the kernel decides"));
  if (!kernel && values.fips_mode_enabled)
    findings.push(
      warning(
        "the configuration asks for it, and the kernel is not in it",
        "boot with fips=1, or set fips_mode_enabled = false",
      ),
    );
  return { looked, findings };
}

/** Why a stunnel does not start in FIPS mode; undefined where it does. It is tried, since its help does not say. */
async function fipsRefusal(stunnel: string): Promise<string | undefined> {
  const directory = mkdtempSync(join(tmpdir(), "efs-doctor-"));
  try {
    const config = join(directory, "fips.conf");
    writeFileSync(config, "fips = yes\nforeground = yes\nsyslog = no\npid =\n");
    const { stderr } = await run(stunnel, [config], { timeoutMs: TRIAL_LIMIT_MS });
    if (/FIPS mode enabled/.test(stderr)) return undefined;
    const said = /^\[!\] (?!Configuration failed|error queue)(.*)$/m.exec(stderr)?.[1];
    return said ?? "it does not say why";
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export async function authoritiesCheck(examination: Examination): Promise<Look> {
  const { request, paths } = examination.context;
  const region = await examination.region().catch(() => undefined);
  const values = examination.settings(region?.region);
  const tls = request?.security.kind === "tls" ? request.security : { caFile: undefined };
  const path =
    region === undefined
      ? (tls.caFile ?? values.stunnel_cafile ?? paths.caBundle)
      : authoritiesFile(tls, region.region, values, paths);
  try {
    const certificates =
      readFileSync(path, "utf8").match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
    const times = certificates.map((pem) => {
      const certificate = new X509Certificate(pem);
      const name =
        /^(?:CN|OU|O)=(.*)$/m.exec(certificate.subject.split("\n").reverse().join("\n"))?.[1] ??
        "one without a name";
      return { name, from: new Date(certificate.validFrom), until: new Date(certificate.validTo) };
    });
    return { looked: path, findings: authorityFindings(times, Date.now(), authoritiesRemedy()) };
  } catch (error) {
    return { looked: path, findings: [problem(`it cannot be read: ${reason(error)}`, authoritiesRemedy())] };
  }
}
