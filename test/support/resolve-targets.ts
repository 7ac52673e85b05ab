/** Resolves the targets of the cases on standard input, a line of JSON each; an answer is a line too. */
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { resolveTarget } from "../../src/app/mount/resolve-target.ts";
import { OWN_NETWORK } from "../../src/app/tunnel/network.ts";
import { parseConfig, settings } from "../../src/core/config/config.ts";
import { asEfsError, oneLine } from "../../src/core/errors.ts";
import type { Region } from "../../src/core/ids.ts";
import { parseInvocation } from "../../src/core/request/request.ts";
import { Metadata } from "../../src/system/metadata.ts";

export interface Case {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly config: string;
  /** Addresses where something listens on NFS's port. */
  readonly listening: readonly string[];
}

export type Answer =
  | {
      readonly name: string;
      readonly certificate: string;
      readonly region: string;
      readonly address?: string;
    }
  | { readonly kind: string; readonly says: string };

async function resolve({ argv, environment, config }: Case): Promise<Answer> {
  const invocation = parseInvocation(argv, "/");
  if (invocation.kind !== "mount") throw new Error("that is no mount");
  const file = parseConfig(config, "efs-utils.conf");
  const context = {
    environment,
    settings: settings(file),
    settingsFor: (region: Region) => settings(file, region),
    metadata: new Metadata({ disableToken: true, environment }),
    step: () => {},
  };
  const place = { network: OWN_NETWORK, signal: new AbortController().signal };
  const target = await resolveTarget(invocation.request, context, place);
  const { dnsName: name, certificateName: certificate, region, address } = target;
  return { name, certificate, region, ...(address === undefined ? {} : { address }) };
}

for await (const line of createInterface(process.stdin)) {
  const wanted = JSON.parse(line) as Case;
  const servers = wanted.listening.map((address) =>
    createServer((socket) => socket.destroy()).listen(2049, address),
  );
  const answer = await resolve(wanted).catch((error: unknown): Answer => {
    const problem = asEfsError(error);
    return { kind: problem.kind, says: oneLine(problem) };
  });
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
