import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, before, type TestContext, test } from "node:test";
import { findFirewall } from "../../../src/app/access/find-firewall.ts";
import { firewall } from "../../../src/app/access/firewall.ts";
import { type AccessParts, openPort, reserveClosedPort } from "../../../src/app/tunnel/access.ts";
import { OWN_NETWORK } from "../../../src/app/tunnel/network.ts";
import type { AccessMode } from "../../../src/core/access/mode.ts";
import { EfsError } from "../../../src/core/errors.ts";
import type { Port } from "../../../src/core/ids.ts";
import type { BoundPort } from "../../../src/system/network.ts";
import { bindPort } from "../../../src/system/network.ts";
import { inNamespaces, run } from "../../fakes/namespaces.ts";
import { temporaryDirectory } from "../../support/authority.ts";
import { NOBODY, ROOT, User } from "../../support/user.ts";
import { freePort } from "../../support/watchdog-rig.ts";

const NFT = firewall("/usr/sbin/nft", undefined);
const LEGACY = "/usr/sbin/iptables-legacy";

await inNamespaces(["--mount"], () => {
  before(() => {
    run("mount", "-t", "tmpfs", "run", "/run");
  });
  const broken: string[] = [];
  /** Has a program fail until the test is over. */
  function spoil(name: string): void {
    const program = `/usr/sbin/${name}`;
    run("mount", "--bind", "/bin/false", program);
    broken.push(program);
  }
  afterEach(async () => {
    for (const program of broken.splice(0)) run("umount", program);
    await NFT.clear();
    await firewall(LEGACY, undefined).clear();
  });

  function parts(t: TestContext, mode: AccessMode = "auto") {
    const warnings: string[] = [];
    const cache = join(temporaryDirectory(t, "access"), "firewall.json");
    const access: AccessParts = {
      mode,
      network: OWN_NETWORK,
      cache,
      hasOthers: () => false,
      log: { warning: (message) => void warnings.push(message) },
    };
    return { access, cache, warnings };
  }

  async function bind(port: Port): Promise<BoundPort> {
    const bound = await bindPort(port);
    if (bound === undefined) throw new EfsError("system", `port ${port} is in use`);
    return bound;
  }

  /** Reserves a port, and closes its socket at the end of the test. */
  async function reserve(
    t: TestContext,
    access: AccessParts,
    claim: (port: Port) => () => void = () => () => {},
  ): Promise<BoundPort> {
    const port = await freePort();
    const bound = await reserveClosedPort(() => bind(port), claim, access);
    t.after(() => bound.close());
    return bound;
  }

  test("a mount's port is closed before anything can be accepted on its socket", async (t) => {
    const { access, warnings } = parts(t);
    const bound = await reserve(t, access);
    assert.deepEqual(await NFT.closedPorts(), new Set([bound.port]));
    assert.equal(await new User(t, NOBODY).connect(bound.port), "ECONNREFUSED");
    assert.equal(await new User(t, ROOT).connect(bound.port), "connected");
    assert.deepEqual(warnings, []);
    await openPort(bound.port, access);
    bound.close();
    await openPort(bound.port, access);
    assert.deepEqual(await NFT.closedPorts(), new Set());
  });

  test("no connection that was made before the port was closed outlives that", async (t) => {
    const { access } = parts(t);
    const script = `const socket = require("net").connect(Number(process.argv[1]), "127.0.0.1", () => {
      socket.write("stolen", () => console.log(socket.localPort) || process.exit()); });`;
    let early = 0;
    const bound = await reserve(t, access, (port) => {
      const args = ["--reuid", `${NOBODY}`, "--clear-groups", process.execPath, "-e", script, `${port}`];
      early = Number(execFileSync("setpriv", args, { encoding: "utf8", cwd: "/" }));
      return () => {};
    });
    assert.ok(early > 0);
    const sockets = execFileSync("ss", ["-Htan", `( sport = :${bound.port} or dport = :${bound.port} )`], {
      encoding: "utf8",
    });
    const states = sockets
      .trim()
      .split("\n")
      .map((line) => line.split(/\s+/)[0]);
    assert.ok(!states.includes("ESTAB") && !states.includes("CLOSE-WAIT"), sockets);
    assert.equal(states.filter((state) => state === "LISTEN").length, 1);
  });

  test("a mount's claim is written before its port is closed, and taken back where it cannot be", async (t) => {
    const { access } = parts(t);
    const events: string[] = [];
    const port = await freePort();
    const failing = {
      ...OWN_NETWORK,
      bindFirst: () => Promise.reject(new EfsError("system", "no more sockets")),
    };
    const opening = reserveClosedPort(
      () => bind(port),
      () => {
        events.push("claimed");
        return () => void events.push("unclaimed");
      },
      { ...access, network: failing },
    );
    await assert.rejects(opening, /no more sockets/);
    assert.deepEqual(events, ["claimed", "unclaimed"]);
    assert.deepEqual(await NFT.closedPorts(), new Set());
  });

  test("a mount takes another port where somebody wins its own between two sockets", async (t) => {
    const { access } = parts(t);
    const ports = [await freePort(), await freePort()];
    const thief = new User(t, NOBODY);
    const [lost, kept] = ports as [Port, Port];
    const contested = {
      ...OWN_NETWORK,
      bindFirst: async (wanted: Iterable<Port>) => {
        const [port] = wanted;
        if (port === lost) await thief.listen(lost);
        return OWN_NETWORK.bindFirst([port as Port]);
      },
    };
    const bound = await reserveClosedPort(
      () => bind(ports.shift() as Port),
      () => () => {},
      {
        ...access,
        network: contested,
      },
    );
    t.after(() => bound.close());
    assert.equal(bound.port, kept);
    assert.deepEqual(await NFT.closedPorts(), new Set([kept]));
  });

  test("a port that is another tunnel's by now stays closed", async (t) => {
    const { access } = parts(t);
    const bound = await reserve(t, access);
    await openPort(bound.port, access);
    assert.deepEqual(await NFT.closedPorts(), new Set([bound.port]));
  });

  test("with tunnel_access = any nothing is closed", async (t) => {
    const { access, cache } = parts(t, "any");
    const bound = await reserve(t, access);
    assert.equal(await new User(t, NOBODY).connect(bound.port), "connected");
    assert.equal(existsSync(cache), false);
  });

  test("which program works is tried once, and again when it does not any more", async (t) => {
    const { access, cache } = parts(t);
    spoil("xtables-legacy-multi");
    assert.equal((await findFirewall(undefined, { cache, remembers: true })).isNew, true);
    const found = await findFirewall(undefined, { cache, remembers: true });
    assert.deepEqual([found.isNew, found.firewall?.program], [false, "/usr/sbin/nft"]);
    writeFileSync(cache, readFileSync(cache, "utf8").replace(/"program":"[^"]*"/, `"program":"${LEGACY}"`));
    assert.equal((await findFirewall(undefined, { cache })).firewall?.program, LEGACY);
    const bound = await reserve(t, access);
    assert.deepEqual(await NFT.closedPorts(), new Set([bound.port]));
  });

  test("a cache names no program but those that are looked for", async (t) => {
    const { cache } = parts(t);
    await findFirewall(undefined, { cache, remembers: true });
    const saved = JSON.parse(readFileSync(cache, "utf8"));
    for (const program of ["/tmp/nft", 7, null]) {
      writeFileSync(cache, JSON.stringify({ ...saved, program }));
      assert.equal((await findFirewall(undefined, { cache })).firewall?.program, "/usr/sbin/nft");
    }
    writeFileSync(cache, "{");
    assert.equal((await findFirewall(undefined, { cache })).firewall?.program, "/usr/sbin/nft");
  });

  test("where nft cannot do it iptables does", async (t) => {
    const { access } = parts(t);
    spoil("nft");
    spoil("xtables-nft-multi");
    const bound = await reserve(t, access);
    assert.equal(await new User(t, NOBODY).connect(bound.port), "ECONNREFUSED");
    assert.deepEqual(await firewall(LEGACY, undefined).closedPorts(), new Set([bound.port]));
    bound.close();
    await openPort(bound.port, access);
    assert.deepEqual(await firewall(LEGACY, undefined).closedPorts(), new Set());
  });

  function spoilAll(): void {
    for (const name of ["nft", "xtables-nft-multi", "xtables-legacy-multi"]) spoil(name);
  }

  test("where nothing works a mount warns once, and goes on", async (t) => {
    const { access, warnings } = parts(t);
    spoilAll();
    for (let mounts = 0; mounts < 3; mounts++) {
      const bound = await reserve(t, access);
      bound.close();
      await openPort(bound.port, access);
    }
    assert.equal(warnings.length, 1, warnings.join("\n"));
    assert.match(warnings[0] ?? "", /Every local user can use the tunnel .*\/usr\/sbin\/nft: .*nftables/);
  });

  test("where nothing works tunnel_access = root refuses, says what to do, and leaves nothing", async (t) => {
    const { access } = parts(t, "root");
    spoilAll();
    const port = await freePort();
    let claims = 0;
    const claim = () => {
      claims += 1;
      return () => {
        claims -= 1;
      };
    };
    for (let mounts = 0; mounts < 2; mounts++)
      await assert.rejects(
        reserveClosedPort(() => bind(port), claim, access),
        {
          message: /^tunnel_access = root, but other users cannot be kept out of the tunnel: .*nft/,
          hint: /nftables.*CAP_NET_ADMIN/,
        },
      );
    assert.equal(claims, 0);
    const free = await bindPort(port);
    assert.notEqual(free, undefined);
    free?.close();
  });
});
