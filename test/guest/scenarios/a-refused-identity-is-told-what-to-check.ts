import assert from "node:assert/strict";
import { profileText, userKeys } from "../../fakes/keys.ts";
import { identityFront } from "../endpoint/identity-front.ts";
import { tunnelByHand } from "../runner/by-hand.ts";
import { awsFiles, refusedIdentity } from "../runner/identity.ts";
import { MOUNT_POINT } from "../runner/product.ts";
import { scenario } from "../runner/scenario.ts";

const UNKNOWN = "fsap-0123456789abcdef0";
const PORT = 20500;
const DENIED = /access denied/;

export default scenario(
  async (guest) => {
    const { product, endpoint } = guest;
    await product.startWatchdog();
    const front = await identityFront(guest);
    front.giveRole();
    const known = userKeys("known");
    front.keys.push(known);

    /** The front's last word. */
    const said = (reason: RegExp) => {
      assert.deepEqual(front.admitted, []);
      assert.match(front.visits.at(-1)?.refused ?? "", reason);
      front.visits.length = 0;
    };

    // Who does not say who it is, where the policy asks for that.
    await refusedIdentity(guest, "no identity", {
      options: "tls",
      says: [DENIED, /without an IAM identity/, /policy.*\biam\b/],
    });
    said(/policy wants an IAM identity/);

    // Nor who has no certificate at all, as a tunnel made by hand.
    const byHand = await tunnelByHand(guest, endpoint.first, PORT);
    const denied = await guest.run("mount", [
      "-t",
      "nfs4",
      "-o",
      `nfsvers=4.1,port=${PORT}`,
      "127.0.0.1:/",
      MOUNT_POINT,
    ]);
    assert.match(denied.stderr, DENIED);
    said(/policy wants an IAM identity/);
    await byHand.stop();

    // A secret that is not the key's.
    awsFiles(guest, {
      credentials:
        profileText("wrong", { ...known, secretAccessKey: `${known.secretAccessKey}x` }) +
        profileText("revoked", userKeys("revoked")),
    });
    await refusedIdentity(guest, "wrong secret", {
      options: "tls,iam,awsprofile=wrong",
      says: [DENIED, /as profile wrong of ~\/\.aws\/credentials/, /keys are still good.*policy/],
    });
    said(/not that of AKIAKNOWN/);

    // Keys that nobody has any more.
    await refusedIdentity(guest, "revoked keys", {
      options: "tls,iam,awsprofile=revoked",
      says: [DENIED, /as profile revoked of ~\/\.aws\/credentials/, /keys are still good.*policy/],
    });
    said(/nobody has the key AKIAREVOKED/);

    // A clock that is four hours slow: to the server, everything that is signed by it is long over.
    front.aheadMs = 4 * 3_600_000;
    await refusedIdentity(guest, "slow clock", {
      options: "tls,iam",
      says: [DENIED, /as the role of this instance/, /this machine's clock/],
    });
    said(/expired/);
    front.aheadMs = 0;

    // An access point that is not there; it may be just being made, so that it is tried again.
    await refusedIdentity(guest, "unknown access point", {
      options: `tls,iam,accesspoint=${UNKNOWN}`,
      says: [DENIED, /as the role of this instance, through access point fsap-0123456789abcdef0/, /exists/],
    });
    said(/no access point/);

    // The name leads to another file system's server.
    endpoint.resolve({ [endpoint.second.name]: front.address });
    const other = await product.tryMount(`${endpoint.second.id}:/`, ["tls,iam"], MOUNT_POINT);
    assert.equal(other.status, 32);
    assert.match(other.stderr, DENIED);
    assert.deepEqual(product.traces(), []);
    said(/another file system/);
  },
  { limitMs: 120_000 },
);
