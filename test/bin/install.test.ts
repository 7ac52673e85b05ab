import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { VERSION } from "../support/built.ts";
import { Machine, NO_MACHINE } from "./machine.ts";

/** Stands in for systemd: notes what systemctl is told, and does it where it is not told to fail. */
const FAKE_SYSTEMD = `
mkdir -p /run/systemd/system
cat >/usr/bin/systemctl <<'END'
#!/bin/sh
echo "$*" >>/systemctl.log
[ ! -e /systemctl.fails ] || { echo "Failed to connect to bus" >&2; exit 1; }
END
chmod 755 /usr/bin/systemctl
`;

describe("efs-utils on a machine", { skip: NO_MACHINE }, () => {
  let machine: Machine;
  before(() => {
    machine = new Machine();
  });
  after(() => machine.remove());

  /** What a script prints, where it succeeds. */
  const output = (script: string) => {
    const { status, stdout, stderr } = machine.run(script);
    assert.equal(status, 0, `status ${status}\n${stdout}\n${stderr}`);
    assert.equal(stderr, "");
    return stdout;
  };

  test("what is installed runs without the checkout, for everybody, with an empty PATH", () => {
    const stdout = output(`
      umask 077
      $efs_utils install >/dev/null && umount /mnt/checkout && ! ls /mnt/checkout/bin 2>/dev/null || exit 1
      export PATH=/nowhere
      /sbin/mount.efs --version
      /usr/bin/amazon-efs-mount-watchdog --version
      /usr/bin/setpriv --reuid nobody --clear-groups /usr/bin/efs-utils --version`);
    assert.deepEqual(stdout.trim().split("\n"), [
      `mount.efs ${VERSION}`,
      `amazon-efs-mount-watchdog ${VERSION}`,
      VERSION,
    ]);
  });

  test("what is installed runs below a package.json that makes everything an ES module", () => {
    const stdout = output(`
      $efs_utils install >/dev/null
      echo '{"type": "module"}' >/package.json
      /sbin/mount.efs --version`);
    assert.equal(stdout, `mount.efs ${VERSION}\n`);
  });

  test("what is installed can install itself again for another node", () => {
    const stdout = output(`
      $efs_utils install >/dev/null && umount /mnt/checkout
      ln -s $node /opt/another-node
      efs-utils install --node /opt/another-node >/dev/null
      head -n 1 /sbin/mount.efs
      /sbin/mount.efs --version`);
    assert.equal(stdout, `#!/opt/another-node\nmount.efs ${VERSION}\n`);
  });

  test("the installed uninstalls itself, down to the last file", () => {
    const stdout = output(`
      find /etc /usr /var /opt /sbin/ | sort >/before
      $efs_utils install >/dev/null && umount /mnt/checkout
      efs-utils uninstall >/dev/null
      find /etc /usr /var /opt /sbin/ | sort >/after
      diff /before /after`);
    assert.equal(stdout, "");
  });

  test("systemd hears of a new unit, and a running watchdog is replaced without waiting for it", () => {
    const stdout = output(`${FAKE_SYSTEMD}
      $efs_utils install >/dev/null && cat /systemctl.log`);
    assert.equal(stdout, "daemon-reload\n--no-block try-restart amazon-efs-mount-watchdog\n");
  });

  test("systemd is told to end the watchdog before its unit goes", () => {
    const stdout = output(`${FAKE_SYSTEMD}
      $efs_utils install >/dev/null && rm /systemctl.log
      $efs_utils uninstall >/dev/null && cat /systemctl.log`);
    assert.equal(
      stdout,
      "--quiet disable amazon-efs-mount-watchdog\nstop amazon-efs-mount-watchdog\ndaemon-reload\n",
    );
  });

  test("tunnels in use keep all that they need, even with --purge; new mounts are made impossible", () => {
    const stdout = output(`${FAKE_SYSTEMD}
      mkfifo /up /down
      $efs_utils install >/dev/null && rm /systemctl.log
      touch /etc/amazon/efs/privateKey.pem
      sh -c 'echo >/up; read -r _ </down' tunnel /var/run/efs/stunnel-config.fs-1.mnt.20049 &
      read -r _ </up
      find /etc/amazon /etc/systemd /usr/lib/amazon* /usr/bin/efs-utils /sbin/mount.efs | sort >/before
      $efs_utils uninstall --purge
      find /etc/amazon /etc/systemd /usr/lib/amazon* /usr/bin/efs-utils | sort >/after
      diff /before /after
      ls /systemctl.log 2>/dev/null
      echo >/down && wait
      efs-utils uninstall --purge | grep -c removed`);
    const [removed, kept, ...rest] = stdout.split("\n");
    assert.equal(removed, "removed /sbin/mount.efs");
    assert.match(kept ?? "", /^kept the rest .* uninstall again$/);
    assert.deepEqual(rest, [rest[0], "< /sbin/mount.efs", "15", ""]);
  });

  test("nothing is told to systemd for another root, or where it does not run", () => {
    const stdout = output(`${FAKE_SYSTEMD}
      $efs_utils install --root /image >/dev/null && $efs_utils uninstall --root /image >/dev/null
      rmdir /run/systemd/system
      $efs_utils install >/dev/null && $efs_utils uninstall >/dev/null
      ls /systemctl.log 2>/dev/null || echo nothing`);
    assert.equal(stdout, "nothing\n");
  });

  test("a systemd that does not answer is an error in one line, with everything installed", () => {
    const { status, stderr } = machine.run(`${FAKE_SYSTEMD} touch /systemctl.fails
      $efs_utils install >/dev/null; status=$?
      /sbin/mount.efs --version >/dev/null && exit $status`);
    assert.match(stderr, /^efs-utils: systemctl daemon-reload failed: Failed to connect to bus; .*\n$/);
    assert.equal(status, 2);
  });

  for (const verb of ["install", "uninstall"]) {
    test(`${verb} on the machine itself is refused for others than root`, () => {
      const { status, stdout, stderr } = machine.run(
        `chmod 755 /mnt/checkout; setpriv --reuid nobody --clear-groups $efs_utils ${verb}`,
      );
      assert.match(stderr, new RegExp(`^efs-utils: only root can ${verb} on this machine; .*--root.*\n$`));
      assert.deepEqual({ status, stdout }, { status: 1, stdout: "" });
    });
  }

  test("others than root can install below a directory of theirs", () => {
    const stdout = output(`chmod 755 /mnt/checkout; install -d -o nobody /image
      setpriv --reuid nobody --clear-groups $efs_utils install --root /image >/dev/null
      ls /image/sbin`);
    assert.equal(stdout, "mount.efs\n");
  });
});
