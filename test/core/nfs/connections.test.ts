import assert from "node:assert/strict";
import { isIP } from "node:net";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parseConnections } from "../../../src/core/nfs/connections.ts";

/** A line of /proc/net/tcp or tcp6. */
const line = (remote: string, state = "01", inode = "4711") =>
  `   0: 0100007F:4E21 ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0 20`;

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
