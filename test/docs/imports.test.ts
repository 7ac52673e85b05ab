import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, test } from "node:test";
import { CHECKOUT } from "../support/built.ts";

interface Import {
  /** A package, a `node:` module, or a file from the checkout's root. */
  readonly from: string;
  /** What stands between `import` and `from`. */
  readonly names: string;
  /** Only types: nothing is left of it in the programs. */
  readonly typeOnly: boolean;
  /** `import()`: loaded when it is reached. */
  readonly lazy: boolean;
}

interface Source {
  readonly path: string;
  /** Without comments. */
  readonly code: string;
  readonly imports: readonly Import[];
}

/** The path of what a source imports, by the name that it is found by. */
function target(importer: string, specifier: string): string {
  return specifier.startsWith(".") ? normalize(join(dirname(importer), specifier)) : specifier;
}

function imports(path: string, code: string): Import[] {
  const declared = [...code.matchAll(/^(?:import|export)\s+(?:([^"';]*?)\s+from\s+)?"([^"]+)"/gm)].map(
    ([, names = "", specifier = ""]) => ({
      from: target(path, specifier),
      names,
      typeOnly: names.startsWith("type "),
      lazy: false,
    }),
  );
  const called = [...code.matchAll(/\b(?:import|require)\(\s*"([^"]+)"\s*\)/g)].map(([, specifier = ""]) => ({
    from: target(path, specifier),
    names: "*",
    typeOnly: false,
    lazy: true,
  }));
  return [...declared, ...called];
}

function readSource(path: string): Source {
  const text = readFileSync(join(CHECKOUT, path), "utf8");
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(^|\s)\/\/ .*$/gm, "");
  return { path, code, imports: imports(path, code) };
}

const sources = readdirSync(join(CHECKOUT, "src"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => readSource(`src/${name}`));

/** Whether a name is of this package or node module: itself or something inside of it. */
const isOf = (name: string, wanted: string) => name === wanted || name.startsWith(`${wanted}/`);

const isOfAws = (name: string) => name.startsWith("@aws-sdk/") || name.startsWith("@smithy/");

/** Every `PATH imports NAME` that the predicate picks. */
function offences(picks: (source: Source, imported: Import) => boolean): string[] {
  return sources.flatMap((source) =>
    source.imports
      .filter((imported) => picks(source, imported))
      .map(({ from }) => `${source.path} imports ${from}`),
  );
}

/** Files and packages that are loaded before the program's first line runs. */
function staticGraph(entry: string): Set<string> {
  const seen = new Set<string>();
  const queue = [entry];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    const source = sources.find((candidate) => candidate.path === path);
    const loaded = source?.imports.filter(({ typeOnly, lazy }) => !typeOnly && !lazy) ?? [];
    queue.push(...loaded.map(({ from }) => from));
  }
  return seen;
}

describe("imports", () => {
  test("are found: the rules below would hold for a checkout that is not read", () => {
    assert.ok(sources.length > 30);
    for (const { path, imports: found } of sources) {
      for (const { from } of found) {
        if (from.startsWith("src/")) assert.ok(existsSync(join(CHECKOUT, from)), `${path} imports ${from}`);
      }
    }
    assert.ok(staticGraph("src/bin/mount.efs.ts").has("src/system/process.ts"));
  });

  const ONLY_IMPORTERS: [name: string, importer: string, reason: string][] = [
    [
      "node:child_process",
      "src/system/process.ts",
      "every child has the same environment, limits and errors",
    ],
    ["execa", "src/system/tool.ts", "only the companion command has time for it"],
    ["pino", "src/lazy/", "only logs in JSON need it"],
    ["ini", "src/core/config/", "the file's dialect is that of one place, and not of the library"],
    ["node-forge", "src/core/certificate/", "it has no types worth the name: they end there"],
    ["commander", "src/bin/", "a command line is a program's own: mount(8)'s helpers have one that is given"],
    ["string-width", "src/render/table.ts", "how wide a text is on a terminal is asked in one place"],
    ["wrap-ansi", "src/render/table.ts", "and how it is wrapped"],
    ["leven", "src/core/doctor/", "only the doctor guesses what was meant"],
    ["tar-stream", "src/app/doctor/bundle.ts", "only support bundles are archives"],
    ["esbuild", "scripts/", "it is not there at run time"],
  ];
  for (const [name, importer, reason] of ONLY_IMPORTERS) {
    test(`of ${name} are in ${importer} only: ${reason}`, () => {
      assert.deepEqual(
        offences(({ path }, { from }) => isOf(from, name) && !path.startsWith(importer)),
        [],
      );
    });
  }

  test("of the AWS SDK are in src/lazy only: a mount that does not need it does not wait for it", () => {
    assert.deepEqual(
      offences(({ path }, { from, typeOnly }) => isOfAws(from) && !typeOnly && !path.startsWith("src/lazy/")),
      [],
    );
  });

  test("of src/lazy are import() or types, so that it is loaded when it is needed", () => {
    assert.deepEqual(
      offences((_, { from, typeOnly, lazy }) => from.startsWith("src/lazy/") && !typeOnly && !lazy),
      [],
    );
  });

  // only a package of its own can be a file of its own: what both files hold would be there twice
  test("of what is in src/lazy are of packages only, which it hands on", () => {
    assert.deepEqual(
      offences(({ path }, { from }) => path.startsWith("src/lazy/") && from.startsWith("src/")),
      [],
    );
  });

  for (const program of ["mount.efs", "amazon-efs-mount-watchdog"]) {
    test(`that ${program} is loaded with are none of what only some runs need`, () => {
      const rare = (name: string) =>
        isOfAws(name) ||
        ["execa", "pino", "commander", "string-width", "wrap-ansi", "leven", "tar-stream"].some((wanted) =>
          isOf(name, wanted),
        );
      assert.deepEqual([...staticGraph(`src/bin/${program}.ts`)].filter(rare), []);
    });
  }

  test("of core are core's own and what computes: it is tested without a world", () => {
    const computing = ["node:path", "node:crypto"];
    const packages = ["ini", "node-forge", "leven"];
    const addresses = /^\{( (isIP|isIPv4|isIPv6),?)+ \}$/;
    assert.deepEqual(
      offences(({ path }, { from, names }) => {
        if (!path.startsWith("src/core/") || from.startsWith("src/core/")) return false;
        if (from.startsWith("config/templates/")) return false;
        if (from === "node:net") return !addresses.test(names);
        return ![...computing, ...packages].some((allowed) => isOf(from, allowed));
      }),
      [],
    );
  });

  const LAYERS = [
    ["src/core/", ["src/system/", "src/app/", "src/render/", "src/bin/"], "rules know nothing of effects"],
    ["src/system/", ["src/app/", "src/render/", "src/bin/"], "an adapter does one thing, for whoever asks"],
    ["src/app/", ["src/bin/"], "a use case can be called by any program, and by a test"],
    [
      "src/render/",
      ["src/app/", "src/system/", "src/bin/"],
      "a result is made into text without doing anything",
    ],
  ] as const;
  for (const [layer, above, reason] of LAYERS) {
    test(`of ${layer} are never of ${above.join(", ")}: ${reason}`, () => {
      assert.deepEqual(
        offences(
          ({ path }, { from }) => path.startsWith(layer) && above.some((prefix) => from.startsWith(prefix)),
        ),
        [],
      );
    });
  }

  test("go round in no circle, of types neither: a file can be read after those that it needs", () => {
    const open = new Map(sources.map(({ path, imports: found }) => [path, found.map(({ from }) => from)]));
    for (let before = -1; before !== open.size; ) {
      before = open.size;
      for (const [path, found] of open) if (!found.some((from) => open.has(from))) open.delete(path);
    }
    assert.deepEqual([...open.keys()], []);
  });

  test("of the rooms of src/app go one way: no two of them need each other", () => {
    const room = (path: string) => /^src\/app\/([\w-]+)\//.exec(path)?.[1];
    const pairs = sources.flatMap(({ path, imports: found }) =>
      found.map(({ from }) => [room(path), room(from)] as const),
    );
    const needs = new Set(pairs.map(([one, other]) => `${one} needs ${other}`));
    const mutual = pairs
      .filter(([one, other]) => one !== undefined && other !== undefined && one !== other)
      .filter(([one, other]) => needs.has(`${other} needs ${one}`));
    assert.deepEqual(mutual, []);
  });

  test("of src/bin are by nothing but tests, and commands by efs-utils: a program is nobody's library", () => {
    const shared = "src/bin/launch.ts";
    const commands = "src/bin/commands/";
    const companion = (path: string) => path === "src/bin/efs-utils.ts" || path.startsWith(commands);
    assert.deepEqual(
      offences(
        ({ path }, { from }) =>
          from.startsWith("src/bin/") && from !== shared && !(from.startsWith(commands) && companion(path)),
      ),
      [],
    );
  });
});

test("only src/bin prints, ends the process or sets its status: the rest returns results and throws errors", () => {
  const printing = /\bprocess\.(exit|exitCode|abort|stdout|stderr)\b|\bconsole\./;
  assert.deepEqual(
    sources
      .filter(({ path, code }) => !path.startsWith("src/bin/") && printing.test(code))
      .map(({ path }) => path),
    [],
  );
});

test("core has no clock and no randomness: the same input has the same result", () => {
  const varying = /\brandom(Bytes|UUID|Int)\b|Math\.random|Date\.now|new Date\(\)|performance\.now/;
  assert.deepEqual(
    sources
      .filter(({ path, code }) => path.startsWith("src/core/") && varying.test(code))
      .map(({ path }) => path),
    [],
  );
});
