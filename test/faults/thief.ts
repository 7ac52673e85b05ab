import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { LoadedMachine } from "./loaded-machine.ts";

const NOBODY = "65534";

/**
 * Tries to listen on ports, each by its own address, by all of IPv4 and by all of IPv6; writes which it has got,
 * and how often it has tried, until its input ends. What connects is sent away.
 */
const PROGRAM = `
  use IO::Socket::INET; use Socket qw(AF_INET6 SOCK_STREAM SOL_SOCKET SO_REUSEADDR inet_pton pack_sockaddr_in6);
  use IO::Select; $| = 1;
  my ($tries, %has) = (0); my $select = IO::Select->new(\\*STDIN);
  sub ipv6 { my $port = shift; socket(my $s, AF_INET6, SOCK_STREAM, 0) or return;
    setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
    bind($s, pack_sockaddr_in6($port, inet_pton(AF_INET6, "::"))) && listen($s, 5) ? $s : undef }
  sub ipv4 { IO::Socket::INET->new(LocalAddr => $_[1], LocalPort => $_[0], Listen => 5, ReuseAddr => 1) }
  print "ready\\n";
  for (;;) {
    for my $port (@ARGV) {
      next if $has{$port};
      $tries++;
      my $socket = ipv4($port, "127.0.0.1") || ipv4($port, "0.0.0.0") || ipv6($port) or next;
      $has{$port} = $socket; $select->add($socket); print "$port\\n";
    }
    for my $ready ($select->can_read(0.002)) {
      if ($ready == \\*STDIN) { print "tries $tries\\n"; exit }
      accept(my $client, $ready); close $client;
    }
  }`;

/** Another user, who wants the ports of all tunnels and tries to get them all the time. */
export class Thief {
  readonly #child: ChildProcess;
  readonly taken: number[] = [];
  #tries = 0;

  private constructor(ports: readonly number[]) {
    const identity = ["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"];
    const program = ["perl", "-e", PROGRAM, ...ports.map(String)];
    this.#child = spawn("setpriv", ["--pdeathsig", "KILL", ...identity, ...program], {
      stdio: ["pipe", "pipe", "inherit"],
    });
  }

  static async start({ loads, test }: LoadedMachine): Promise<Thief> {
    const thief = new Thief(loads.map(({ tunnel }) => tunnel.port));
    test.after(() => void thief.#child.kill("SIGKILL"));
    const lines = createInterface(thief.#child.stdout as NodeJS.ReadableStream);
    await once(lines, "line");
    lines.on("line", (line) => {
      if (line.startsWith("tries ")) thief.#tries = Number(line.slice("tries ".length));
      else thief.taken.push(Number(line));
    });
    return thief;
  }

  /** Whether the watchdog has named him as who has a port. */
  isNamed({ rig }: LoadedMachine, port: number): boolean {
    return rig.logged(new RegExp(`port ${port} .* is taken by a process of uid ${NOBODY}`)).length > 0;
  }

  /** Lets go of what he has, and tells how it went. */
  async giveUp(): Promise<{ readonly tries: number; readonly taken: readonly number[] }> {
    this.#child.stdin?.end();
    await once(this.#child, "close");
    return { tries: this.#tries, taken: this.taken };
  }
}
