#!/bin/sh
# Process 1 of the guest, in two stages. The root file system is the host's own, which is only read: stage 1 lays a
# tmpfs over it, or over $GUEST_ROOT, another system's root on the host, which also gets $GUEST_READS, directories of the
# host that are only read. So nothing that the guest does is written back except in $GUEST_OUT.
# Stage 2 makes a minimal system of it and does the job, or leaves that to systemd, where $GUEST_OUT has a
# systemd.sh; a unit of systemd's runs this with `job` then. The job: run $GUEST_OUT/job.sh and leave its exit
# status, the logs and the kernel's messages in $GUEST_OUT. Variables whose names begin with GUEST_ come from the
# kernel's command line.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8

job() {
  sh "$GUEST_OUT/job.sh" "$@" < /dev/null 2>&1
  status=$?
  mkdir -p "$GUEST_OUT/logs"
  cp -r /var/log/amazon/efs/. "$GUEST_OUT/logs/" 2>/dev/null
  ls -laR /run/efs > "$GUEST_OUT/run-efs.txt" 2>&1
  dmesg > "$GUEST_OUT/dmesg.txt"
  echo $status > "$GUEST_OUT/status"
  sync -f "$GUEST_OUT/status"
}

# The tunnels with their control groups, and then, until everything is unmounted, the ports of those that run and
# of the mounts. The mounts are read later, and none is added, so that one without a tunnel has lost it before.
if [ "$1" = tunnels ]; then
  exec > "$GUEST_OUT/witness-tunnels.txt"
  for file in /run/efs/*+/stunnel.pid; do
    [ -e "$file" ] || continue
    port=${file%+/stunnel.pid}
    read -r pid < "$file"
    tunnels="$tunnels ${port##*.}:$pid"
    echo "${port##*.} $(tail -n 1 "/proc/$pid/cgroup")"
  done
  while :; do
    running='' mounted=''
    for tunnel in $tunnels; do [ ! -e "/proc/${tunnel#*:}" ] || running="$running ${tunnel%:*}"; done
    while read -r _ _ type options _; do
      [ "$type" = nfs4 ] || continue
      port=${options##*,port=}
      mounted="$mounted ${port%%,*}"
    done < /proc/self/mounts
    echo "running:$running mounted:$mounted"
    [ -n "$told" ] || systemd-notify --ready
    told=yes
    [ -n "$mounted" ] || exit 0
    sleep 0.1
  done
fi

if [ "$1" = witness ]; then
  cp -r /var/log/amazon/efs/. "$GUEST_OUT/logs/"
  grep " nfs4 " /proc/self/mounts > "$GUEST_OUT/witness-mounts.txt"
  systemctl show --all -p Id -p Result -p ActiveExitTimestampMonotonic -p InactiveEnterTimestampMonotonic \
    'mnt-*.mount' amazon-efs-mount-watchdog.service > "$GUEST_OUT/witness-units.txt"
  while systemctl is-active --quiet guest-tunnels.service; do sleep 0.1; done
  sync -f "$GUEST_OUT/witness-units.txt"
  exit
fi

if [ "$1" = job ]; then
  shift
  job "$@"
  echo '{"type":"poweroff"}' >> "$GUEST_OUT/records.jsonl"
  sync -f "$GUEST_OUT/records.jsonl"
  systemctl start guest-tunnels.service
  exec systemctl poweroff
fi

if [ "$1" != stage2 ]; then
  mount -n -t proc proc /proc
  kernel=$(uname -r)
  modules=$GUEST_MODULES/$kernel
  busybox insmod "$modules/kernel/fs/overlayfs/overlay.ko" || { echo "guest: no overlayfs"; busybox poweroff -f; }
  # Any directory that exists on the host serves as the place to build the new root.
  mount -n -t tmpfs -o size=80% tmpfs /mnt
  mkdir /mnt/upper /mnt/work /mnt/root
  mount -n -t overlay -o "lowerdir=${GUEST_ROOT:-/},upperdir=/mnt/upper,workdir=/mnt/work" overlay /mnt/root
  IFS=:
  for directory in $GUEST_READS; do
    mkdir -p "/mnt/root$directory"
    mount -n -t hostfs -o "ro,$directory" none "/mnt/root$directory"
  done
  unset IFS
  for directory in "$GUEST_OUT" $GUEST_SHARED; do
    mkdir -p "/mnt/root$directory"
    mount -n -t hostfs -o "$directory" none "/mnt/root$directory"
  done
  mount -n --move /proc /mnt/root/proc
  mount -n --move /dev /mnt/root/dev
  mount -n -t sysfs sys /mnt/root/sys
  mkdir -p /mnt/root/lib/modules
  ln -s "$modules" "/mnt/root/lib/modules/$kernel"
  cd /mnt/root || exit 1
  exec chroot . /bin/sh "$GUEST_OUT/init.sh" stage2
fi

# The host may die while the guest runs: the guest never outlives its own limit.
(sleep "${GUEST_LIMIT:-600}" && echo "guest: time limit reached" && busybox poweroff -n -f) &

mkdir -p /dev/pts /dev/shm /var/lock
mount -n -t devpts devpts /dev/pts
mount -n -t tmpfs tmpfs /dev/shm
mount -n -t tmpfs tmpfs /run
mkdir -p /run/lock
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
ln -sf /proc/self/mounts /etc/mtab
[ -L /var/run ] || { rm -rf /var/run && ln -s /run /var/run; }
# A machine of its own: no name servers, no fstab, no mount helper, whatever the host has.
: > /etc/fstab
: > /etc/resolv.conf
printf '127.0.0.1 localhost\n' > /etc/hosts
rm -rf /etc/amazon /var/log/amazon /usr/sbin/mount.efs /sbin/mount.efs
# kmod may be absent: busybox serves modprobe, also for the kernel's own requests.
for tool in modprobe insmod lsmod; do
  command -v $tool >/dev/null || ln -s /usr/bin/busybox /usr/sbin/$tool
done
# Node would use it, and this kernel takes its memory for a bad page.
[ ! -e /proc/sys/kernel/io_uring_disabled ] || echo 2 > /proc/sys/kernel/io_uring_disabled
ip link set lo up
hostname guest
read -r uptime _ < /proc/uptime
echo "guest: kernel $(uname -r) is up after $uptime s"
cd /
[ ! -e "$GUEST_OUT/systemd.sh" ] || exec sh "$GUEST_OUT/systemd.sh"
job
# -n: a sync would wait for ever for an NFS mount whose server is gone.
busybox poweroff -n -f
sleep 60
