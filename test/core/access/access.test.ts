import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { complaint } from "../../../src/core/access/complaint.ts";
import {
  type IptablesState,
  iptablesChange,
  iptablesPorts,
  iptablesRemoval,
  iptablesState,
} from "../../../src/core/access/iptables.ts";
import { parseListeners } from "../../../src/core/access/listeners.ts";
import { nftChange, nftPorts } from "../../../src/core/access/nft.ts";
import { planAccess } from "../../../src/core/access/plan.ts";

const port = fc.integer({ min: 1, max: 65_535 });
const ports = fc.uniqueArray(port, { maxLength: 30 });
const textOf = (words: readonly string[]) =>
  fc
    .array(fc.oneof(fc.constantFrom(...words), fc.string()), { maxLength: 50 })
    .map((parts) => parts.join(""));

describe("the ports that nft lists", () => {
  test("are those of its set, on however many lines", () => {
    const listing = `table ip amazon_efs_mount_helper {
	set ports {
		type inet_service
		elements = { 20049, 20050,
			     20051 }
	}
}`;
    assert.deepEqual([...nftPorts(listing)], [20_049, 20_050, 20_051]);
    assert.deepEqual(nftPorts(listing.replace(/elements.*}\n/s, "}\n")), new Set());
  });

  test("are ports, whatever it prints", () => {
    fc.assert(
      fc.property(textOf(["elements = {", "}", ",", "20049", "\n", " "]), (text) => {
        for (const each of nftPorts(text)) assert.ok(Number.isInteger(each) && each > 0 && each < 65_536);
      }),
    );
  });
});

test("of what a packet filter's program says, the first complaint is told", () => {
  const said = [
    [
      "/dev/stdin:1:1-37: Error: Could not process rule: Operation not supported\nadd table\n^^^\n",
      "Could not process rule: Operation not supported",
    ],
    [
      "modprobe: FATAL: x\niptables-restore v1.8.9 (legacy): iptables-restore: unable to initialize table 'filter'\n\nError occurred at line: 1\n",
      "iptables-restore: unable to initialize table 'filter'",
    ],
    [
      "iptables-restore v1.8.9 (nf_tables): \nline 2: TABLE_ADD failed (Operation not supported)\n",
      "line 2: TABLE_ADD failed (Operation not supported)",
    ],
    ["", ""],
  ];
  for (const [stderr = "", told] of said) assert.equal(complaint(stderr), told);
});

test("nft closes ports by their numbers alone, and asks of no kernel to compare users where there is none", () => {
  const text = nftChange({ close: [20_049, 20_050], open: [20_051] });
  assert.match(text, /^add element ip \w+ ports \{ 20049, 20050 \}$/m);
  assert.match(text, /^add element ip \w+ ports \{ 20051 \}\ndelete element ip \w+ ports \{ 20051 \}$/m);
  assert.equal(text.match(/meta skuid != 0/g)?.length, 2);
});

/** What iptables makes of a batch, as far as batches of ours go; throws where iptables-restore would. */
function restore(before: Kernel, batch: string): Kernel {
  const kernel = { output: [...before.output], chain: before.chain && [...before.chain] };
  const list = (name: string) => {
    const found = name === "OUTPUT" ? kernel.output : kernel.chain;
    if (found === undefined) throw new Error(`no chain ${name}`);
    return found;
  };
  for (const line of batch.split("\n").slice(1, -2)) {
    const [, command, name = "", rest = ""] = /^-([A-Z]) (\S+) ?(.*)$/.exec(line) ?? [];
    if (command === "N" && kernel.chain !== undefined) throw new Error("chain exists");
    if (command === "N") kernel.chain = [];
    if (command === "A") list(name).push(rest);
    if (command === "I") list(name).unshift(rest.replace(/^1 /, ""));
    if (command === "F") list(name).length = 0;
    if (command === "X") kernel.chain = undefined;
    if (command === "D") {
      const index = list(name).indexOf(rest);
      if (index < 0) throw new Error(`no rule ${rest}`);
      list(name).splice(index, 1);
    }
  }
  return kernel;
}

interface Kernel {
  readonly output: readonly string[];
  chain: string[] | undefined;
}

function stateOf({ output, chain }: Kernel): IptablesState {
  const list = (name: string, rules: readonly string[]) =>
    rules.map((rule) => `-A ${name} ${rule}`).join("\n");
  return iptablesState(
    chain && `-N EFS-TUNNELS\n${list("EFS-TUNNELS", chain)}\n`,
    `-P OUTPUT ACCEPT\n${list("OUTPUT", output)}\n`,
  );
}

const EMPTY: Kernel = { output: ["-o lo -j ACCEPT"], chain: undefined };
const closing = (kernel: Kernel, close: readonly number[], open: readonly number[] = []) =>
  restore(kernel, iptablesChange(stateOf(kernel), { close, open }) ?? "*filter\nCOMMIT\n");

describe("iptables' rules", () => {
  test("close the ports they are to close and no others, whatever was there of ours before", () => {
    const damage = fc.constantFrom<(kernel: Kernel) => Kernel>(
      (kernel) => kernel,
      ({ chain }) => ({ output: ["-o lo -j ACCEPT"], chain }),
      ({ output, chain }) => ({ output: [...output, "-j EFS-TUNNELS"], chain }),
      ({ output, chain }) => ({ output: ["-o lo -j ACCEPT", ...output], chain }),
      ({ output, chain }) => ({ output, chain: [...(chain ?? []), ...(chain ?? [])] }),
      ({ output, chain }) => ({ output, chain: chain?.slice(1) }),
    );
    fc.assert(
      fc.property(ports, ports, damage, (first, second, harm) => {
        const harmed = harm(closing(EMPTY, first));
        const kernel = closing(harmed, second, first);
        const kept = second.filter((each) => !first.includes(each));
        const closed = iptablesPorts(stateOf(closing(kernel, kept)));
        assert.deepEqual([...closed].sort(), [...kept].sort());
        if (second.length === 0 && first.length === 0) return;
        assert.equal(kernel.output.filter((rule) => rule === "-j EFS-TUNNELS").length, 1);
        assert.equal(iptablesChange(stateOf(closing(kernel, kept)), { close: kept, open: [] }), undefined);
      }),
    );
  });

  test("are all gone after their removal, and nothing of others", () => {
    fc.assert(
      fc.property(ports, (closed) => {
        const kernel = closing(EMPTY, closed);
        const batch = iptablesRemoval(stateOf(kernel));
        assert.deepEqual(batch === undefined ? kernel : restore(kernel, batch), EMPTY);
      }),
    );
  });

  test("name the other users by a range, which no socket of the kernel's is in", () => {
    const batch = iptablesChange(stateOf(EMPTY), { close: [20_049], open: [] }) ?? "";
    assert.equal(batch.match(/ --uid-owner 1-4294967294 /g)?.length, 2);
    assert.doesNotMatch(batch, /!/);
  });

  test("do not count where they are not reached first", () => {
    const { chain } = closing(EMPTY, [20_049]);
    assert.deepEqual(
      iptablesPorts(stateOf({ output: ["-o lo -j ACCEPT", "-j EFS-TUNNELS"], chain })),
      new Set(),
    );
  });

  test("are read from whatever iptables prints", () => {
    const text = textOf(["-A EFS-TUNNELS ", "-A OUTPUT ", "--dport ", "20049", "\n", "-j EFS-TUNNELS"]);
    fc.assert(
      fc.property(text, text, (chain, output) => {
        const closed = iptablesPorts(iptablesState(chain, output));
        assert.ok([...closed].every((each) => each > 0 && each < 65_536));
      }),
    );
  });
});

describe("root's listeners", () => {
  const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:4E51 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:4E52 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 2 1 0 100 0 0 10 0
   2: 0100007F:4E53 0100007F:4E51 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0`;

  test("are those that root has, and that listen", () => {
    assert.deepEqual(parseListeners(TABLE, 0), [20_049]);
  });

  test("are ports, whatever the table holds", () => {
    fc.assert(
      fc.property(textOf([TABLE, "0A", ":", " 0 ", "\n"]), (text) => {
        for (const each of parseListeners(text, 0)) assert.ok(each > 0 && each < 65_536, `${each}`);
      }),
    );
  });
});

describe("the plan for ports", () => {
  const set = (...numbers: number[]) => new Set(numbers);

  const cases: [
    what: string,
    facts: [tunnels: Set<number>, closed: Set<number>, listening: Set<number>],
    plan: object | string | undefined,
  ][] = [
    ["closes what a tunnel uses", [set(1), set(), set(1)], { close: [1], open: [] }],
    ["leaves what is as it should be", [set(1), set(1), set()], undefined],
    ["opens what no tunnel uses any more", [set(1), set(1, 2), set()], { close: [1], open: [2] }],
    [
      "leaves closed what root listens on, which may be another watchdog's",
      [set(), set(2), set(2)],
      undefined,
    ],
    ["removes everything with the last port", [set(), set(2), set()], "clear"],
    ["leaves alone what has no rules and needs none", [set(), set(), set()], undefined],
  ];
  for (const [what, [tunnels, closed, listening], plan] of cases) {
    test(what, () => {
      assert.deepEqual(planAccess({ tunnels, closed, listening }, "auto", false), plan);
    });
  }

  test("closes nothing more with tunnel_access = any, and keeps what was closed until its tunnel ends", () => {
    const facts = { tunnels: set(1, 2), closed: set(1), listening: set() };
    assert.equal(planAccess(facts, "any", false), undefined);
    assert.deepEqual(planAccess({ ...facts, closed: set(1, 3) }, "any", false), { close: [1], open: [3] });
  });

  test("writes the rules again in full, though nothing seems to be missing", () => {
    const facts = { tunnels: set(1), closed: set(1), listening: set() };
    assert.deepEqual(planAccess(facts, "root", true), { close: [1], open: [] });
  });
});
