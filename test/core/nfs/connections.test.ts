import assert from "node:assert/strict";
import { isIP } from "node:net";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  connectionOf,
  parseSocket,
  rootsConnections,
  type TcpSocket,
} from "../../../src/core/nfs/connections.ts";

/** A line of /proc/net/tcp or tcp6. */
const line = (remote: string, state = "01", inode = "4711", local = "0100007F:4E21", uid = 0) =>
  `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 ${inode} 1 0 20`;

const parseConnections = (text: string) =>
  text.split("\n").flatMap((each) => {
    const socket = parseSocket(each);
    return (socket && connectionOf(socket)) ?? [];
  });

describe("connections", () => {
  test("have the other end's address, IPv4 and IPv6", () => {
    const text = ["  sl  local_address rem_address   st", line("0202630A:0801"), ""].join("\n");
    assert.deepEqual(parseConnections(text), [{ address: "10.99.2.2", port: 2049, inode: "4711" }]);
    const six: [hex: string, address: string][] = [
      ["B80D0120000000000000000001000000", "2001:db8::1"],
      ["00000000000000000000000001000000", "::1"],
      ["0000000000000000FFFF00000202630A", "10.99.2.2"],
    ];
    for (const [hex, address] of six)
      assert.equal(parseConnections(line(`${hex}:0801`))[0]?.address, address);
  });

  test("that only listen or are closing are none", () => {
    assert.deepEqual(
      parseConnections([line("00000000:0000", "0A"), line("0202630A:0801", "06")].join("\n")),
      [],
    );
  });

  test("have an address whatever the words are, and nothing else is one", () => {
    const hex = fc.stringMatching(/^([0-9A-F]{8}|[0-9A-F]{32})$/);
    fc.assert(
      fc.property(hex, (words) => {
        const [found] = parseConnections(line(`${words}:0801`));
        assert.notEqual(isIP(found?.address ?? ""), 0, found?.address);
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => parseConnections(text).every(({ address }) => isIP(address) !== 0)),
    );
  });
});

const LOOPBACK = "0100007F";
const PORT = "4E51";

/** Sockets of the two tables, as `uid state local remote`. */
function sockets(lines: readonly string[]): TcpSocket[] {
  return lines.map((text) => {
    const [uid, state, local = "", remote = ""] = text.split(" ");
    const socket = parseSocket(line(remote, state, "1", local, Number(uid)));
    assert.ok(socket !== undefined, text);
    return socket;
  });
}

describe("root's connections to a port", () => {
  const CLIENT = `0 01 ${LOOPBACK}:03E7 ${LOOPBACK}:${PORT}`;
  const cases: [what: string, is: boolean, tcp: string[], tcp6?: string[]][] = [
    [
      "the kernel's, which stunnel has accepted",
      true,
      [`0 0A ${LOOPBACK}:${PORT} 00000000:0000`, CLIENT, `0 01 ${LOOPBACK}:${PORT} ${LOOPBACK}:03E7`],
    ],
    ["one that is being made", true, [`0 02 ${LOOPBACK}:03E7 ${LOOPBACK}:${PORT}`]],
    ["one of a user", false, [`1000 01 ${LOOPBACK}:03E7 ${LOOPBACK}:${PORT}`]],
    [
      "one that root's sshd accepted from that port",
      false,
      [`0 0A 00000000:0016 00000000:0000`, `0 01 ${LOOPBACK}:0016 ${LOOPBACK}:${PORT}`],
    ],
    [
      "one that root accepted on a socket that listens no more, from a user",
      false,
      [`0 01 ${LOOPBACK}:9999 ${LOOPBACK}:${PORT}`, `1000 01 ${LOOPBACK}:${PORT} ${LOOPBACK}:9999`],
    ],
    [
      "one that root accepted from a user's socket of IPv6",
      false,
      [`0 01 ${LOOPBACK}:9999 ${LOOPBACK}:${PORT}`],
      [`1000 01 0000000000000000FFFF0000${LOOPBACK}:${PORT} 0000000000000000FFFF0000${LOOPBACK}:9999`],
    ],
    [
      "the kernel's, beside a user's listener with its number at another address",
      true,
      [CLIENT, `1000 0A 0200007F:03E7 00000000:0000`],
    ],
    [
      "the kernel's, beside other users' connections",
      true,
      [CLIENT, `1000 01 0200007F:${PORT} ${LOOPBACK}:03E7`, `1000 01 ${LOOPBACK}:${PORT} ${LOOPBACK}:03E8`],
    ],
  ];
  for (const [what, is, tcp, tcp6 = []] of cases) {
    test(`${is ? "are" : "are not"}: ${what}`, () => {
      const tables = { tcp: sockets(tcp), tcp6: sockets(tcp6) };
      assert.deepEqual([...rootsConnections((table) => tables[table])], is ? [0x4e51] : []);
    });
  }
});
