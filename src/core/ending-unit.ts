/**
 * The systemd unit that a process is in, where systemd ends what is left in it: with the unit, at a logout or at
 * the beginning of a shutdown.
 *
 * @param groups the process's /proc/PID/cgroup
 */
export function endingUnit(groups: string): string | undefined {
  // container engines name their scopes otherwise: what they run is theirs to end
  const ending =
    /\/([^/\n]*\.(?:mount|automount|service|socket)|(?:session|run)-[^/\n]*\.scope)$|\/user@\d+\.service\/(?:[^\n]*\/)?([^/\n]*\.scope)$/m;
  const [, unit, usersScope] = ending.exec(groups) ?? [];
  return unit ?? usersScope;
}
