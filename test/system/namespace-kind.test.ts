import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { isNetworkNamespace } from "../../src/system/namespace-kind.ts";
import { inNamespaces, run } from "../fakes/namespaces.ts";
import { temporaryDirectory } from "../support/authority.ts";

await inNamespaces(["--mount"], () => {
  before(() => {
    run("mount", "-t", "tmpfs", "tmpfs", "/run");
    run("ip", "netns", "add", "blue");
  });

  test("a network namespace is one by its name, by a link to that, and by its process", (t) => {
    const link = join(temporaryDirectory(t, "link"), "blue");
    symlinkSync("/run/netns", link);
    for (const path of ["/run/netns/blue", `${link}/blue`, "/proc/self/ns/net"])
      assert.equal(isNetworkNamespace(path), true, path);
  });

  test("other namespaces, other files and what is not there are none", () => {
    for (const path of ["/proc/self/ns/mnt", "/run/netns", "/etc/hosts", "/nowhere", ""])
      assert.equal(isNetworkNamespace(path), false, path);
  });
});
