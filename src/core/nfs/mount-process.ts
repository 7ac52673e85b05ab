/** What a tunnel's mounts have as their server's address. */
const THROUGH_TUNNEL = "127.0.0.1:";

/**
 * The local port through which a process with this argument vector mounts; undefined where it is no mount.nfs4, or
 * its mount goes through no tunnel. A wrapper that is a script has its interpreter in front.
 */
export function mountingPort(argv: readonly string[]): number | undefined {
  const program = argv.findIndex((argument) => /(^|\/)mount\.nfs4?$/.test(argument));
  if (program < 0) return undefined;
  const args = argv.slice(program + 1);
  if (!args.some((argument) => argument.startsWith(THROUGH_TUNNEL))) return undefined;
  const options = args[args.indexOf("-o") + 1] ?? "";
  const port = /(?:^|,)port=(\d{1,5})(?:,|$)/.exec(options)?.[1];
  return port === undefined ? undefined : Number(port);
}
