import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { ROOT } from "./about.ts";
import type { Runtime } from "./runtime.ts";

/** The parts of a CycloneDX document (version 1.6) that are looked at here. */
interface Bom {
  metadata: { timestamp?: string; component: { "bom-ref": string } };
  components: object[];
  dependencies: { ref: string; dependsOn?: string[] }[];
}

/**
 * What the packages hold that was made by others, in CycloneDX's JSON: the packages that are in the built programs, by
 * esbuild's own account, and node.
 *
 * @param date the document's time, in seconds since 1970
 */
export async function billOfMaterials(runtime: Runtime, date: number): Promise<string> {
  const bom: Bom = JSON.parse(await bundledPackages());
  const node = nodeComponent(runtime);
  const own = bom.metadata.component["bom-ref"];
  bom.metadata.timestamp = new Date(date * 1000).toISOString();
  bom.components.push(node);
  bom.dependencies.find(({ ref }) => ref === own)?.dependsOn?.push(node["bom-ref"]);
  bom.dependencies.push({ ref: node["bom-ref"] });
  return `${JSON.stringify(bom, null, 2)}\n`;
}

async function bundledPackages(): Promise<string> {
  const scratch = mkdtempSync(join(tmpdir(), "efs-sbom-"));
  try {
    const metafile = join(scratch, "metafile.json");
    writeFileSync(metafile, (await execa(process.execPath, [join(ROOT, "scripts/bundled.mjs")])).stdout);
    const program = join(ROOT, "node_modules/.bin/cyclonedx-esbuild");
    const options = ["--spec-version", "1.6", "--output-reproducible", "--validate"];
    return (await execa(program, [...options, metafile], { cwd: ROOT })).stdout;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function nodeComponent({ name, version, integrity }: Runtime) {
  const [algorithm, digest = ""] = integrity.split("-");
  if (algorithm !== "sha512") throw new Error(`${name} is locked by ${algorithm}, not by sha512`);
  return {
    type: "application",
    name: "node",
    version,
    "bom-ref": `${name}@${version}`,
    description: "The Node.js runtime that runs the programs",
    hashes: [{ alg: "SHA-512", content: Buffer.from(digest, "base64").toString("hex") }],
    licenses: [{ license: { id: "MIT", acknowledgement: "declared" } }],
    purl: `pkg:npm/${name}@${version}`,
  };
}
