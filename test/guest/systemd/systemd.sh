#!/bin/sh
# Makes the guest a machine whose process 1 is Debian's systemd, with the product installed, $GUEST_OUT/fstab as
# its fstab and the units of $GUEST_OUT/units. Only units that every Debian has take part, so that it does not
# matter what else this machine has.

# Nothing that this machine enables: no services, no init scripts, no generators but fstab's.
rm -rf /etc/systemd/system /etc/systemd/*.d /etc/rc?.d/* /etc/rc.local
mkdir -p /etc/systemd/system/multi-user.target.wants /etc/systemd/system-generators
for generator in /lib/systemd/system-generators/* /usr/local/lib/systemd/system-generators/*; do
  case $generator in *fstab-generator) ;; *) ln -s /dev/null "/etc/systemd/system-generators/${generator##*/}" ;; esac
done
# What a machine without consoles, disks and users has no use for.
for unit in getty.target systemd-logind.service dbus.service dbus.socket \
  systemd-udevd.service systemd-udev-trigger.service systemd-journal-flush.service systemd-firstboot.service \
  systemd-repart.service systemd-random-seed.service systemd-machine-id-commit.service \
  systemd-update-utmp.service systemd-update-utmp-runlevel.service systemd-tmpfiles-clean.timer \
  systemd-sysusers.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount systemd-pstore.service \
  systemd-ask-password-wall.path systemd-ask-password-console.path cryptsetup.target veritysetup.target \
  integritysetup.target sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
  sys-fs-fuse-connections.mount dev-hugepages.mount kmod-static-nodes.service; do
  ln -s /dev/null "/etc/systemd/system/$unit"
done
ln -s /lib/systemd/system/multi-user.target /etc/systemd/system/default.target
ln -s /lib/systemd/system/remote-fs.target /etc/systemd/system/multi-user.target.wants/
# /tmp may hold this checkout: nothing clears it, or is mounted over it.
ln -s /dev/null /etc/systemd/system/tmp.mount
ln -s /dev/null /etc/tmpfiles.d/tmp.conf
printf 'guest\n' > /etc/hostname
: > /etc/machine-id
modprobe autofs4

sh "$GUEST_OUT/job.sh" install || { echo "guest: the product cannot be installed"; busybox poweroff -n -f; }
cp "$GUEST_OUT/fstab" /etc/fstab
cp "$GUEST_OUT"/units/* /etc/systemd/system/
mkdir -p /etc/systemd/system/network-online.target.wants
ln -s ../guest-network.service /etc/systemd/system/network-online.target.wants/
for unit in guest-network guest-witness efs-endpoint guest-job; do
  ln -s "../$unit.service" /etc/systemd/system/multi-user.target.wants/
done
read -r uptime _ < /proc/uptime
echo "guest: systemd starts after $uptime s"
umount /proc/sys/fs/binfmt_misc 2>/dev/null
exec env SYSTEMD_LOG_COLOR=0 /lib/systemd/systemd --log-target=console --log-level=notice --show-status=no
