import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { resolveHost } from "../../src/system/resolver.ts";
import { inNamespaces, run } from "../fakes/namespaces.ts";
import { temporaryDirectory } from "../support/authority.ts";

/** Longer than anything here takes; nothing waits for it. */
const limitMs = 30_000;
/** How long the resolver of these namespaces waits for an answer, several times over. */
const SILENCE = "options timeout:20 attempts:3\n";

await inNamespaces(["--mount", "--pid", "--mount-proc"], () => {
  const directory = temporaryDirectory({ after }, "names");
  const [hosts, resolvConf] = [join(directory, "hosts"), join(directory, "resolv.conf")];
  before(() => {
    writeFileSync(hosts, "127.0.0.1 localhost\nfd00::5 both.example other.example\n127.0.0.5 both.example\n");
    writeFileSync(resolvConf, "nameserver 127.0.0.1\n");
    run("mount", "--bind", hosts, "/etc/hosts");
    run("mount", "--bind", resolvConf, "/etc/resolv.conf");
  });

  const addresses = async (name: string) => (await resolveHost(name, { limitMs })).addresses;

  test("a name has the addresses that the system's resolver knows, of both families", async () => {
    assert.deepEqual([...(await addresses("both.example"))].sort(), ["127.0.0.5", "fd00::5"]);
    assert.deepEqual(await addresses("127.0.0.9"), ["127.0.0.9"]);
  });

  test("an alias has a canonical name", async () => {
    assert.equal((await resolveHost("other.example", { limitMs })).canonicalName, "both.example");
  });

  test("a name that nobody knows has none, and that is no late answer", async () => {
    for (const name of ["a..b", "none.example", "-A", "--help"]) {
      const answer = await resolveHost(name, { limitMs });
      assert.deepEqual(answer, { addresses: [], canonicalName: undefined, isLate: false }, name);
    }
  });

  test("name servers that say nothing end with the limit or the signal, and leave no process", async (t) => {
    const silent = createSocket("udp4", () => asked.abort()).bind(53, "127.0.0.1");
    t.after(() => silent.close());
    const asked = new AbortController();
    await once(silent, "listening");
    writeFileSync(resolvConf, `nameserver 127.0.0.1\n${SILENCE}`);
    assert.deepEqual(await resolveHost("late.example", { limitMs: 300 }), {
      addresses: [],
      canonicalName: undefined,
      isLate: true,
    });
    const over = new AbortController();
    asked.signal.addEventListener("abort", () => over.abort());
    if (asked.signal.aborted) over.abort();
    const given = await resolveHost("late.example", { limitMs, signal: over.signal });
    assert.deepEqual(given, { addresses: [], canonicalName: undefined, isLate: false });
    run("sh", "-c", "! pgrep -x getent");
  });
});
