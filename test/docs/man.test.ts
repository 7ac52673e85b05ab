import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Command } from "commander";
import { LOCAL_LAYOUT, PACKAGE_LAYOUT } from "../../src/app/install/layout.ts";
import { INQUIRY_STATUS } from "../../src/bin/commands/inquiry.ts";
import { efsUtils } from "../../src/bin/commands/program.ts";
import { IGNORED_KEYS, KEYS, type KeyId, keyName, SECTIONS } from "../../src/core/config/keys.ts";
import { EfsError, type ErrorKind } from "../../src/core/errors.ts";
import { nfsOptions } from "../../src/core/nfs/command.ts";
import { isForOthers, joinOptions, OWN_OPTIONS } from "../../src/core/request/options.ts";
import { parseInvocation } from "../../src/core/request/request.ts";
import { CHECKOUT } from "../support/built.ts";

const DIRECTORY = join(CHECKOUT, "man");
const pages = readdirSync(DIRECTORY);
const source = (page: string) => readFileSync(join(DIRECTORY, page), "utf8").replaceAll("\\%", "");

/** The lines of a page from one that matches to the next that does. */
function part(page: string, from: RegExp, to: RegExp): string[] {
  const lines = source(page).split("\n");
  const start = lines.findIndex((line) => from.test(line));
  assert.notEqual(start, -1, `${page} has no ${from}`);
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => to.test(line));
  return end === -1 ? rest : rest.slice(0, end);
}

/** What a roff program says of a page, and the page as text. */
function render(page: string) {
  const options = ["-mandoc", "-ww", "-K", "utf8", "-T", "utf8", "-P-cbou"];
  return spawnSync("groff", [...options, join(DIRECTORY, page)], { encoding: "utf8" });
}

describe("manual pages", () => {
  test("are those that are installed", () => {
    assert.deepEqual([...pages].sort(), LOCAL_LAYOUT.manPages.map(({ name }) => name).sort());
  });

  for (const page of pages) {
    test(`${page} is laid out without a warning, and says what it is`, () => {
      const { status, stdout, stderr, error } = render(page);
      if (error !== undefined) throw error;
      assert.equal(stderr, "");
      assert.equal(status, 0);
      const [, name = "", section = ""] = /^(.*)\.(\d)$/.exec(page) ?? [];
      assert.ok(stdout.includes(`${name} — `), stdout.slice(0, 500));
      assert.match(source(page), new RegExp(`^\\.Dt ${name.toUpperCase()} ${section}$`, "m"));
      assert.doesNotMatch(stdout, /\\[a-z(%]/, "an escape is not understood");
    });

    test(`${page} refers to each of the other pages`, () => {
      const referred = [...source(page).matchAll(/^\.Xr (\S+) (\d)/gm)].map(
        ([, name, number]) => `${name}.${number}`,
      );
      for (const other of pages) if (other !== page) assert.ok(referred.includes(other), other);
    });
  }
});

/** How an option's title says whether it takes a value. */
const KINDS: [title: RegExp, kind: (typeof OWN_OPTIONS)[keyof typeof OWN_OPTIONS]][] = [
  [/^\.It Cm (\S+)$/, "flag"],
  [/^\.It Cm (\S+) Ns = Ns Ar \S+$/, "value"],
  [/^\.It Cm (\S+) Ns Op = Ns Ar \S+$/, "any"],
];

describe("mount.efs(8)", () => {
  const PAGE = "mount.efs.8";
  const words = (line: string) =>
    line.split(/[ ,]+/).filter((word) => word !== "" && !/^\.?(Cm|Ns)$/.test(word));

  test("has every option of our own once, as a flag or with its value, and no other", () => {
    const described = part(PAGE, /^\.Sh OPTIONS/, /^\.Ss Options for others/)
      .filter((line) => line.startsWith(".It "))
      .map((line) => {
        const [title, kind] = KINDS.find(([pattern]) => pattern.test(line)) ?? [];
        return [title?.exec(line)?.[1] ?? line, kind];
      });
    assert.deepEqual(Object.fromEntries(described), OWN_OPTIONS);
    assert.equal(described.length, Object.keys(OWN_OPTIONS).length);
  });

  test("names as options for others only what is not passed on", () => {
    const lines = part(PAGE, /^\.Ss Options for others/, /^and all that begins/);
    const names = words(lines.find((line) => line.startsWith(".Cm ")) ?? "");
    assert.ok(names.length > 5);
    assert.deepEqual(
      names.filter((name) => !isForOthers({ name, value: undefined })),
      [],
    );
  });

  test("has the options that are added by default", () => {
    const lines = part(PAGE, /^These are added where/, /^With$/);
    const text = lines
      .join(" , ")
      .replaceAll(/ Ns = Ns /g, "=")
      .replaceAll(/\.(?= |$)/g, "");
    assert.equal(words(text).join(), joinOptions(nfsOptions([])));
  });

  test("has every flag that is understood, and no other", () => {
    const lines = part(PAGE, /^The arguments are those/, /^\.Sh /).filter((line) =>
      line.startsWith(".It Fl"),
    );
    const described = lines.flatMap((line) =>
      [...line.matchAll(/(?:Fl|,) (\w)\b/g)].map(([, letter]) => letter),
    );
    const understood = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"].filter(
      (letter) => {
        try {
          return parseInvocation(["fs-1", "/mnt", `-${letter}`, "x"], "/").kind === "mount";
        } catch {
          return isFlag(letter);
        }
      },
    );
    assert.deepEqual(described.sort(), understood.sort());
  });

  /** Whether a letter alone is a flag. */
  function isFlag(letter: string): boolean {
    try {
      return parseInvocation(["fs-1", "/mnt", `-${letter}`], "/").kind === "mount";
    } catch {
      return false;
    }
  }

  test("has the status of every kind of error", () => {
    const kinds: ErrorKind[] = ["usage", "config", "permission", "system", "mount", "interrupted", "bug"];
    const statuses = new Set([0, ...kinds.map((kind) => new EfsError(kind, "").status)]);
    const described = part(PAGE, /^\.Sh EXIT STATUS/, /^\.Sh /).flatMap((line) => {
      const number = /^\.It (\d+)$/.exec(line)?.[1];
      return number === undefined ? [] : [Number(number)];
    });
    assert.deepEqual(
      described,
      [...statuses].sort((one, other) => one - other),
    );
  });
});

interface DescribedKey {
  readonly section: string;
  readonly key: string;
  /** The line that says what it takes and what its default is. */
  readonly facts: string;
  readonly text: string;
}

/** The keys of efs-utils.conf(5), in their order. */
function describedKeys(): DescribedKey[] {
  const lines = part("efs-utils.conf.5", /^\.Sh SECTIONS/, /^\.Sh /);
  let section = "";
  return lines.flatMap((line, index) => {
    section = /^\.Ss \[(\S+)\]$/.exec(line)?.[1] ?? (line.startsWith(".Ss") ? "" : section);
    const key = /^\.It Ic (\S+)$/.exec(line)?.[1];
    const [facts = "", text = ""] = lines.slice(index + 1);
    return key === undefined ? [] : [{ section, key, facts, text }];
  });
}

describe("efs-utils.conf(5)", () => {
  const described = describedKeys();

  test("has every key in its section once, in the order of the sections, and no other", () => {
    const known = (Object.keys(KEYS) as KeyId[]).map((id) => `${KEYS[id].section} ${keyName(id)}`);
    assert.deepEqual(described.map(({ section, key }) => `${section} ${key}`).sort(), known.sort());
    assert.deepEqual([...new Set(described.map(({ section }) => section))], [...SECTIONS]);
  });

  test("names the keys that have no effect, with their sections", () => {
    const text = part("efs-utils.conf.5", /^An unknown key is a warning/, /^\.Sh /).join("\n");
    for (const [section, keys] of Object.entries(IGNORED_KEYS))
      for (const key of keys) assert.ok(text.includes(`.Li ${key}\nin\n.Ic [${section}]`), key);
  });

  for (const id of Object.keys(KEYS) as KeyId[]) {
    const { section, type, fallback } = KEYS[id];
    test(`says what ${keyName(id)} in [${section}] takes, what its default is, and what it does`, () => {
      const found = described.find((one) => one.section === section && one.key === keyName(id));
      const [, expected, value] =
        /^Takes (.*); (?:there is no default|the default is (.*))\.$/.exec(found?.facts ?? "") ?? [];
      assert.equal(expected, type.expected);
      assert.equal(value === undefined ? undefined : type.read(value), fallback);
      assert.match(found?.text ?? "", /^([A-Z]|\.Ql)/);
    });
  }
});

test("amazon-efs-mount-watchdog(8) names its unit where an installation has it, and where a package has", () => {
  const files = part("amazon-efs-mount-watchdog.8", /^\.Sh FILES/, /^\.Sh /);
  for (const { unit } of [LOCAL_LAYOUT, PACKAGE_LAYOUT])
    assert.ok(files.includes(`.It Pa ${unit.path}`), unit.path);
});

describe("efs-utils(8)", () => {
  const PAGE = "efs-utils.8";

  /** The commands that do something, with the words that call them. */
  function leaves(command: Command, path: readonly string[] = []): { path: string; command: Command }[] {
    if (command.commands.length === 0) return [{ path: path.join(" "), command }];
    return command.commands.flatMap((each) => leaves(each, [...path, each.name()]));
  }
  const commands = leaves(efsUtils("/none"));

  test("has a section for every command, and no other", () => {
    const sections = part(PAGE, /^\.Sh COMMANDS/, /^\.Sh /).flatMap(
      (line) => /^\.Ss (.*)$/.exec(line)?.[1] ?? [],
    );
    assert.deepEqual(sections.sort(), commands.map(({ path }) => path).sort());
  });

  for (const { path, command } of commands) {
    test(`says how ${path} is called, and each of its options once, and no other`, () => {
      const lines = part(PAGE, new RegExp(`^\\.Ss ${path}$`), /^\.S[sh] /);
      assert.equal(lines[0], `.Dl efs-utils ${path} ${command.usage()}`);
      assert.match(lines.slice(1).join(" "), /[A-Z].*\./);
      const described = lines.filter((line) => line.startsWith(".It "));
      const known = command.options.map(({ short, long, flags }) => {
        const value = /[<[](.*)[>\]]/.exec(flags)?.[1];
        const names = [short?.replace("-", "Fl "), long?.replace("--", "Fl Fl ")].filter((name) => name);
        return `.It ${names.join(" , ")}${value === undefined ? "" : ` Ar ${value}`}`;
      });
      assert.deepEqual(described, known);
    });
  }

  test("has the statuses of commands that look at something", () => {
    const described = part(PAGE, /^\.Sh EXIT STATUS/, /^\.Sh /).flatMap(
      (line) => /^\.It (\d)$/.exec(line)?.[1] ?? [],
    );
    assert.deepEqual(described.map(Number), Object.values(INQUIRY_STATUS));
  });
});
