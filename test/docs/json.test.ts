import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Command } from "commander";
import type { HistoryEntry } from "../../src/app/logs/history.ts";
import { efsUtils } from "../../src/bin/commands/program.ts";
import type { CheckReport } from "../../src/core/doctor/checks.ts";
import type { Status } from "../../src/core/status/status.ts";
import { CHECKOUT } from "../support/built.ts";
import { ENCRYPTION } from "./encryption-results.ts";
import type { Whole } from "./whole.ts";

const document = readFileSync(join(CHECKOUT, "docs/json.md"), "utf8");

/** A section of docs/json.md, by its command. */
function section(command: string): string {
  const found = document.split(/^## /m).find((part) => part.startsWith(`${command}\n`));
  assert.ok(found !== undefined, `docs/json.md has no section ${command}`);
  return found;
}

/** Keys that a section's table describes. */
function described(command: string): string[] {
  return [...section(command).matchAll(/^\| (.*?) \|/gm)].flatMap(([, keys = ""]) =>
    [...keys.matchAll(/`([^`]+)`/g)].map(([, key = ""]) => key),
  );
}

/** Paths of everything in a value, lists as `key[]`. */
function paths(value: unknown, path = ""): string[] {
  if (Array.isArray(value)) return [...new Set(value.flatMap((item) => paths(item, `${path}[]`)))];
  if (typeof value !== "object" || value === null || value instanceof Date) return [path];
  return Object.entries(value).flatMap(([key, item]) => paths(item, path === "" ? key : `${path}.${key}`));
}

/** The commands that do something, with the words that call them. */
function leaves(
  command: Command,
  path: readonly string[] = [],
): { command: Command; path: readonly string[] }[] {
  if (command.commands.length === 0) return [{ command, path }];
  return command.commands.flatMap((each) => leaves(each, [...path, each.name()]));
}

const PROBLEM = { what: "", remedy: "" };
const STATUS: Whole<Status> = {
  mounts: [
    {
      kind: "mount",
      mountPoint: "",
      fileSystem: "",
      dnsName: "",
      path: "",
      protection: "tls",
      tunnel: {
        port: 1,
        pid: 1,
        ageSeconds: 1,
        kept: true,
        restarts: 1,
        certificate: { createdAt: new Date(0), expiresAt: new Date(0) },
        identity: "",
        accessPoint: "",
        access: "root",
        networkNamespace: "",
      },
      address: "",
      answer: { outcome: "answered", connectMs: 1, roundTripMs: 1 },
      traffic: { bytesRead: 1, bytesWritten: 1, operations: 1, retransmissions: 1, timeouts: 1 },
      ageSeconds: 1,
      problems: [PROBLEM],
    },
  ],
  problems: [PROBLEM],
  unread: [""],
};

const ENTRY: Whole<HistoryEntry> = { time: 0, source: "tunnel", tunnel: "", level: "INFO", message: "" };

const CHECK: Whole<CheckReport> = {
  id: "boot",
  title: "",
  looked: "",
  findings: [{ verdict: "ok", finding: "", remedy: "" }],
};

const WHOLE: Readonly<Record<string, object>> = {
  status: STATUS,
  logs: { entries: [ENTRY] },
  doctor: { checks: [CHECK], runbook: "" },
  ...ENCRYPTION,
};

describe("docs/json.md", () => {
  test("has a section for every command with --json, which names its schema", () => {
    const commands = leaves(efsUtils("/none")).filter(({ command: { options } }) =>
      options.some(({ long }) => long === "--json"),
    );
    assert.ok(commands.length > 0);
    for (const { path } of commands)
      assert.match(
        section(path.join(" ")),
        new RegExp(`\`efs-utils\\.${path.join("[.-]")}/\\d+\``),
        path.join(" "),
      );
  });

  for (const [command, whole] of Object.entries(WHOLE)) {
    test(`describes every key of ${command}, and no other`, () => {
      assert.deepEqual(described(command).sort(), paths(whole).sort());
    });
  }
});
