import assert from "node:assert/strict";
import { test } from "node:test";
import { relinked } from "../../packaging/documentation.ts";

test("a page in a package leads to what the package has, and names what it does not have", () => {
  const text = "[a](docs/json.md#status) [b](LICENSE) [c](#below) [d](https://x/y) [e](ARCHITECTURE.md)";
  assert.equal(
    relinked(text, "README.md"),
    "[a](json.md.gz#status) [b](copyright) [c](#below) [d](https://x/y) e (in the sources)",
  );
  assert.equal(
    relinked("[a](../README.md) [b](runbook.md)", "docs/json.md"),
    "[a](README.md.gz) [b](runbook.md)",
  );
});
