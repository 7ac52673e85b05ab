import assert from "node:assert/strict";
import { identityFront } from "../endpoint/identity-front.ts";
import { awsFiles, refusedIdentity } from "../runner/identity.ts";
import { scenario } from "../runner/scenario.ts";

export default scenario(async (guest) => {
  await guest.product.startWatchdog();
  const front = await identityFront(guest);
  const NONE = /iam needs AWS credentials, and there are none/;
  await refusedIdentity(guest, "no role, no profile", {
    options: "tls,iam",
    status: 1,
    says: [
      NONE,
      /the role of this instance: the metadata service names no role/,
      /give the instance or task a role/,
    ],
  });
  awsFiles(guest, { credentials: "[default]\nregion = us-east-1\n" });
  await refusedIdentity(guest, "no such profile", {
    options: "tls,iam,awsprofile=team",
    status: 1,
    says: [NONE, /profile team is not in ~\/\.aws/],
  });
  await refusedIdentity(guest, "no agent", {
    options: "tls,iam,awscredsuri=/v2/credentials/task",
    status: 1,
    says: [NONE, /the ECS agent \(\/v2\/credentials\/task\): 169\.254\.170\.2 does not answer/],
  });
  // Nobody connected: what has no identity does not say that it has one.
  assert.deepEqual(front.visits, []);
});
