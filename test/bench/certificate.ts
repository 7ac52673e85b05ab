import { generateKeyPairSync, sign } from "node:crypto";
import { type CertificateSubject, makeCertificate } from "../../src/app/tunnel/certificate.ts";
import { clock } from "./machine.ts";
import { median, type Row } from "./table.ts";

const RUNS = 50;
const BUDGET_MS = 10;
const KEY = generateKeyPairSync("rsa", { modulusLength: 3072 }).privateKey;

const PLAIN: CertificateSubject = {
  hostName: "ip-10-0-0-1.ec2.internal",
  fsId: "fs-0123456789abcdef0",
  accessPoint: undefined,
  identity: undefined,
  source: undefined,
  version: "1.2.3",
};
/** As much as a certificate ever holds: an access point, and a role's identity with a token of 4 KiB. */
const FULL: CertificateSubject = {
  ...PLAIN,
  accessPoint: "fsap-0123456789abcdef0",
  identity: {
    credentials: { accessKeyId: "ASIAEXAMPLE", secretAccessKey: "secret", sessionToken: "T/+=".repeat(1024) },
    region: "us-east-1",
  },
};

/** What a certificate costs beside its key, which is there. */
export async function measureCertificate(): Promise<Row[]> {
  const signing: number[] = [];
  const plain: number[] = [];
  const full: number[] = [];
  const time = async (values: number[], work: () => unknown) => {
    const began = clock();
    await work();
    values.push(clock() - began);
  };
  const text = Buffer.alloc(1000);
  for (let run = 0; run < RUNS; run += 1) {
    await time(signing, () => sign("RSA-SHA256", text, KEY));
    await time(plain, () => makeCertificate(PLAIN, KEY, new Date()));
    await time(full, () => makeCertificate(FULL, KEY, new Date()));
  }
  const yardstick = { name: "RSA signature", value: median(signing) };
  return [
    { what: "RSA signature, 3072 bits", values: signing, unit: "ms" },
    { what: "certificate", values: plain, unit: "ms", yardstick, budget: BUDGET_MS },
    {
      what: "certificate, IAM, token of 4 KiB",
      values: full,
      unit: "ms",
      yardstick,
      budget: BUDGET_MS,
    },
  ];
}
