import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Script } from "node:vm";

/**
 * A built program's first line names its text by a hash, and the cache begins with the same line: V8 itself
 * takes any cache whose source is as long. The length keeps the cache behind it aligned for V8.
 */
export const STAMP_LENGTH = 40;

/**
 * Runs the built program `name` of this directory, with the functions that an earlier run compiled
 * (NAME.cache). Without a cache, or with one of another node or another build, V8 compiles as usual.
 */
export function launch(name: string): void {
  const filename = join(import.meta.dirname, `${name}.cjs`);
  const source = readFileSync(filename, "latin1");
  run(compile(source, filename, readCache(name, source)), filename);
}

/** The program's text as a script that `run` can run. */
export function compile(source: string, filename: string, cachedData?: Buffer): Script {
  const wrapped = `(function (exports, require, module, __filename, __dirname) { ${source}\n})`;
  return new Script(wrapped, { filename, ...(cachedData && { cachedData }) });
}

/** Runs a compiled program as a CommonJS module. */
export function run(script: Script, filename: string): void {
  const module = { exports: {} };
  const evaluate = script.runInThisContext() as (...args: unknown[]) => void;
  evaluate.call(
    module.exports,
    module.exports,
    createRequire(filename),
    module,
    filename,
    import.meta.dirname,
  );
}

function readCache(name: string, source: string): Buffer | undefined {
  try {
    const cache = readFileSync(join(import.meta.dirname, `${name}.cache`));
    const stamp = cache.toString("latin1", 0, STAMP_LENGTH);
    return source.startsWith(stamp) ? cache.subarray(STAMP_LENGTH) : undefined;
  } catch {
    return undefined;
  }
}
