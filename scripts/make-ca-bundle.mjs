#!/usr/bin/env node
// Makes config/efs-utils.crt: the roots that the certificates of EFS's endpoints lead to (Amazon Trust
// Services), as Debian's package ca-certificates carries them. `--print` writes it to standard output instead.

import { X509Certificate } from "node:crypto";
import fs from "node:fs";
import path from "node:path";

const SOURCE = "/usr/share/ca-certificates/mozilla";
const TARGET = path.join(import.meta.dirname, "../config/efs-utils.crt");

const ROOTS = [
  "Amazon_Root_CA_1.crt",
  "Amazon_Root_CA_2.crt",
  "Amazon_Root_CA_3.crt",
  "Amazon_Root_CA_4.crt",
  "Starfield_Services_Root_Certificate_Authority_-_G2.crt",
];

/** One certificate with a line above it that says which one it is. */
function entry(file) {
  const certificate = new X509Certificate(fs.readFileSync(path.join(SOURCE, file)));
  const name = /^CN=(.*)$/m.exec(certificate.subject)?.[1];
  return `# ${name}\n# SHA-256 ${certificate.fingerprint256}\n${certificate.toString()}`;
}

const bundle = ROOTS.map(entry).join("\n");
if (process.argv.includes("--print")) process.stdout.write(bundle);
else fs.writeFileSync(TARGET, bundle);
