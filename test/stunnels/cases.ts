/** What servers and responders may be like, and what a mount from each must come to. */
import type { CertificateName } from "./pki.ts";
import type { ServerName } from "./servers.ts";

export type Verdict =
  /** It is mounted. */
  | { readonly kind: "mounted" }
  /** mount.nfs4 is never run, and the error says this. */
  | { readonly kind: "refused"; readonly says: RegExp }
  /** The server was proven, mount.nfs4 ran and failed, and the error says this. */
  | { readonly kind: "failed"; readonly says: RegExp }
  /** It may come up yet: mount.nfs4 is run and waits for it, and the error says this. */
  | { readonly kind: "unreachable"; readonly says: RegExp };

export interface Case {
  readonly name: string;
  /** What the server does; it answers unless told. */
  readonly server?: ServerName;
  /** What it shows; a certificate that names no responder unless told. */
  readonly certificate?: CertificateName;
  /** Options of the mount beside `tls`. */
  readonly options?: string;
  readonly verdict: Verdict;
}

const MOUNTED: Verdict = { kind: "mounted" };
const refused = (says: RegExp): Verdict => ({ kind: "refused", says });
const failed = (says: RegExp): Verdict => ({ kind: "failed", says });
const unreachable = (says: RegExp): Verdict => ({ kind: "unreachable", says });

const UNTRUSTED = (why: string) => refused(new RegExp(`does not vouch for: .*${why}`));
const CLOSED = refused(/closed the connection during the TLS handshake|reset by peer/);
/** Nobody is behind the port yet: mount.nfs4 waits for that, and tells what was seen. */
const NOT_UP = failed(/closed in handshake|closed the connection|Connection reset by peer/);
/** Some end it where stunnel cannot tell a server that goes from one that refuses its client. */
const LEFT = refused(/refuses this client|closed the connection/);
const RESPONDER = (why: string) =>
  refused(new RegExp(`OCSP responder \\S+ gave no answer: .*${why}.*noocsp`));

export const CASES: readonly Case[] = [
  // accepted; the first two are named in their certificates, by their numbers here
  { name: "good", certificate: "good", verdict: MOUNTED },
  { name: "CN-only-no-SAN", certificate: "CN-only", verdict: MOUNTED },
  { name: "good-wildcard-EC", certificate: "wildcard-EC", verdict: MOUNTED },
  { name: "good-noocsp", certificate: "wildcard-EC", options: "noocsp", verdict: MOUNTED },
  { name: "good-verify0", certificate: "wildcard-EC", options: "verify=0", verdict: MOUNTED },
  { name: "good-verify1", certificate: "wildcard-EC", options: "verify=1", verdict: MOUNTED },
  { name: "no-AIA", verdict: MOUNTED },
  { name: "responder-root-url", certificate: "responder-root-url", verdict: MOUNTED },
  { name: "aes128-sha-only", server: "aes128-sha-only", verdict: MOUNTED },
  // who asks for no check gets none
  { name: "wrong-host-verify0", certificate: "wrong-host", options: "verify=0", verdict: MOUNTED },
  { name: "revoked-noocsp", certificate: "revoked", options: "noocsp", verdict: MOUNTED },
  { name: "responder-down-noocsp", certificate: "responder-down", options: "noocsp", verdict: MOUNTED },
  // the certificate
  {
    name: "wrong-host",
    certificate: "wrong-host",
    verdict: refused(/certificate for another host, not for fs-/),
  },
  {
    name: "wrong-host-noocsp",
    certificate: "wrong-host",
    options: "noocsp",
    verdict: refused(/for another host/),
  },
  { name: "wrong-CA", certificate: "wrong-CA", verdict: UNTRUSTED("issuer") },
  { name: "self-signed", certificate: "self-signed", verdict: UNTRUSTED("self.signed") },
  { name: "expired", certificate: "expired", verdict: UNTRUSTED("has expired") },
  { name: "not-yet-valid", certificate: "not-yet-valid", verdict: UNTRUSTED("not yet valid") },
  { name: "rsa1024", certificate: "rsa1024", verdict: UNTRUSTED("key too weak") },
  { name: "sha1-signed", certificate: "sha1-signed", verdict: UNTRUSTED("digest algorithm too weak") },
  {
    name: "replayed-certificate",
    server: "replays-certificate",
    verdict: refused(/does not have the key of the certificate/),
  },
  // revocation
  { name: "revoked", certificate: "revoked", verdict: refused(/is revoked: .*noocsp/) },
  { name: "responder-down", certificate: "responder-down", verdict: RESPONDER("refused") },
  { name: "responder-hangs", certificate: "responder-hangs", verdict: RESPONDER("nothing within") },
  { name: "responder-500", certificate: "responder-500", verdict: RESPONDER("") },
  {
    name: "responder-untrusted-signer",
    certificate: "responder-untrusted-signer",
    verdict: RESPONDER("verify error"),
  },
  { name: "responder-unknown", certificate: "responder-unknown", verdict: RESPONDER("Unknown") },
  { name: "responder-stale", certificate: "responder-stale", verdict: RESPONDER("expired") },
  { name: "responder-unresolvable", certificate: "responder-unresolvable", verdict: RESPONDER("resolv") },
  { name: "responder-closes", certificate: "responder-closes", verdict: RESPONDER("") },
  { name: "responder-tryLater", certificate: "responder-tryLater", verdict: RESPONDER("trylater") },
  { name: "responder-https", certificate: "responder-https", verdict: RESPONDER("TLS not supported") },
  // the handshake
  { name: "tls1.3-only", server: "tls1.3-only", verdict: refused(/does not speak TLS 1\.2/) },
  { name: "tls1.1-only", server: "tls1.1-only", verdict: refused(/does not speak TLS 1\.2/) },
  { name: "tls1.0-only", server: "tls1.0-only", verdict: refused(/does not speak TLS 1\.2/) },
  { name: "not-tls-speaks-first", server: "speaks-first", verdict: refused(/not with TLS/) },
  { name: "not-tls-http", server: "http", verdict: refused(/not with TLS/) },
  {
    name: "closes-at-once",
    server: "closes-at-once",
    verdict: NOT_UP,
  },
  {
    name: "rst-at-once",
    server: "rst-at-once",
    verdict: NOT_UP,
  },
  { name: "closes-after-hello", server: "closes-after-hello", verdict: CLOSED },
  { name: "rst-after-hello", server: "rst-after-hello", verdict: CLOSED },
  // the client, and what comes after the handshake
  { name: "client-cert-refused", server: "refuses-clients", verdict: LEFT },
  {
    name: "client-cert-refused-tls12",
    server: "refuses-clients-by-alert",
    verdict: refused(/access denied: .*alert/),
  },
  { name: "alert-at-NULL-call", server: "alert-at-NULL-call", verdict: refused(/alert/) },
  { name: "alert-at-first-real-call", server: "alert-at-first-real-call", verdict: failed(/alert/) },
  { name: "closes-after-handshake", server: "closes-after-handshake", verdict: LEFT },
  { name: "close-notify-after-handshake", server: "close-notify-after-handshake", verdict: LEFT },
  { name: "closes-after-data", server: "closes-after-data", verdict: LEFT },
  { name: "closes-at-first-real-call", server: "closes-at-first-real-call", verdict: failed(/clos/) },
  // what may come up yet
  { name: "refused", server: "absent", verdict: unreachable(/cannot be reached|refused/) },
  { name: "silent", server: "silent", verdict: unreachable(/has not answered|did not answer/) },
];
