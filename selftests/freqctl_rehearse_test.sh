#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# freqctl rehearse and upgrade --rehearse: what passes, what is caught, that
# nothing is left and no client notices; and who is told to be in the way.
# shellcheck source=freq_test.sh
. "$(dirname "$0")/freq_test.sh"

REHEARSAL=/sys/class/misc/freq-rehearsal

# nothing_left NAME MODULE...: no rehearsal, and these modules only
nothing_left()
{
	name=$1
	shift
	check "$name: the device is gone" test ! -e /dev/freq-rehearsal
	same "... and the modules" "$*" "$(our_modules | sort | xargs)"
}

# verdict STATUS LAST-LINE COMMAND...
verdict()
{
	wanted=$1
	line=$2
	shift 2
	"$@" >"$tmp/out" 2>"$tmp/err"
	same "$*" "$wanted" $?
	same '... and its last line' "$line" "$(tail -n 1 "$tmp/out")"
}

rehearsed()
{
	test "$(cat $REHEARSAL/release 2>/dev/null)" = "$1"
}

# locked FILE: a process has a lock on it.
locked()
{
	grep -q "FLOCK .*:$(stat -c %i "$1") " /proc/locks
}

unlocked()
{
	! locked "$1"
}

# The counts of upgrades, without those of refusals and times
upgrades()
{
	cat $SYSFS/upgrades/count
}

# ---- What cannot be

server_clean
try 1 '' freqctl rehearse v1
says '*no server*'
try 1 '' freqctl upgrade --rehearse v1
modprobe freq
try 1 '' freqctl rehearse v1
says '*no release runs*'
try 1 '' freqctl upgrade --rehearse v1
says '*no release runs*'
nothing_left 'without a release' freq
try 2 '' freqctl rehearse v1 rehearse=0

server_start v1
try 1 '' freqctl rehearse v1
says '*v1 runs*'
try 1 '' freqctl rehearse v99
says '*no module freq_v99*'
try 1 '' as_nobody 'freqctl rehearse v2'
says '*not permitted*'
nothing_left 'after all that cannot be' freq freq_v1

# ---- What passes, while clients hold and use the server

client_open a
same 'a client holds' 'ok 10' "$(ask a allocate)"
same '... and keeps' 'ok 11' "$(ask a 'allocate --keep')"
freqctl list >"$tmp/before"
verdict 0 'v2 passes' freqctl rehearse v2
same '... in parts' 'lists copy allocate deallocate refusals clients features unknown server v2' \
	"$(awk '{ print $1 }' "$tmp/out" | xargs)"
check '... with the new requests' grep -qx 'features *ok: inject (new), batch (new)' \
	"$tmp/out"
verdict 0 'v90 passes' freqctl rehearse v90
nothing_left 'after what passes' freq freq_v1
freqctl list >"$tmp/after"
same 'the list is as before' "$(cat "$tmp/before")" "$(cat "$tmp/after")"
same '... the counts' 'ok release=v1 free=4 allocated=2 clients=1' "$(ask a status)"
same '... and the next in line' 'ok 12' "$(ask a allocate)"
same '... which goes back' ok "$(ask a 'deallocate 12')"
same '... with no upgrade' 0 "$(upgrades)"

# Others allocate and deallocate all the while
others()
{
	while [ ! -e "$tmp/enough" ]; do
		freqctl run -- true || echo failed >>"$tmp/failed"
	done
}
others &
others_1=$!
others &
others_2=$!
for release in v2 v90 v2 v90 v2; do
	verdict 0 "$release passes" freqctl rehearse $release
done
freqctl rehearse v90 broken=1 >"$tmp/out"
same 'what is broken' 1 $?
same '... is caught' 'v90 fails: allocate: 1x was allocated twice' \
	"$(tail -n 1 "$tmp/out" | sed 's/ 1[2-5] / 1x /')"
: >"$tmp/enough"
wait $others_1 $others_2
check 'none of the others failed' test ! -e "$tmp/failed"
list_is 'afterwards' 12-15 10-11
# In their former order
freqctl allocate -n 4 >"$tmp/out"
try 0 '' freqctl deallocate 15 14 13 12

# The process of a client ends between two looks at the copy: the rehearsal
# waits with the line of its first part, since the pipe is full.
waits_for_pipe()
{
	grep -q pipe_write "/proc/$1/wchan"
}

mkfifo "$tmp/pipe"
exec 7<>"$tmp/pipe"
head -c 65536 /dev/zero >&7
freqctl run -- sleep 1000 7>&- &
ending=$!
check 'a process holds' eventually sh -c 'freqctl list --allocated | grep -q ^12'
freqctl rehearse v2 >&7 7>&- &
rehearse=$!
check 'a rehearsal has begun' eventually waits_for_pipe $rehearse
kill $ending
check '... the process ends' ends $ending
cat "$tmp/pipe" >/dev/null 7>&- &
reader=$!
exec 7>&-
finish $rehearse
same '... and v2 passes' 0 $?
wait $reader

# ---- What is caught

verdict 1 'v90 fails: allocate: 12 was allocated twice' freqctl rehearse v90 broken=1
nothing_left 'after what is caught' freq freq_v1
list_is '... the server' 12-15 10-11
same '... and its client' ok "$(ask a 'deallocate 10')"
same '... which can go on' 'ok 10' "$(ask a allocate)"

# ---- A command

# shellcheck disable=SC2016 # for the command's shell
verdict 0 'v2 passes' freqctl rehearse v2 -- sh -c 'echo $FREQ_DEVICE; exit 0'
same '... in whose environment is the copy' /dev/freq-rehearsal "$(head -n 1 "$tmp/out")"
verdict 1 'v2 fails: the command exited with status 7' freqctl rehearse v2 -- sh -c 'exit 7'
# shellcheck disable=SC2016
verdict 1 'v2 fails: the command was killed by signal 9' freqctl rehearse v2 -- sh -c 'kill -9 $$'
verdict 1 'v2 fails: the command exited with status 127' freqctl rehearse v2 -- "$tmp/none"
try 0 '12
10-12
v2 passes' freqctl rehearse v2 -- sh -c "freqctl inject 50 && freqctl allocate &&
	cat $REHEARSAL/allocated"
list_is 'after a command' 12-15 10-11
try 0 'loaded     v1 (runs), v2 (rehearsed)
v2 passes' freqctl rehearse v2 -- sh -c 'env -u FREQ_DEVICE freqctl status | grep loaded'
try 0 '"rehearsed":2
v2 passes' freqctl rehearse v2 -- sh -c \
	'env -u FREQ_DEVICE freqctl status --json | grep -o "\"rehearsed\":[^,]*"'
try 0 'v2 passes' freqctl rehearse v2 frequencies=1-5 -- sh -c 'freqctl list >/dev/null'
nothing_left 'after commands' freq freq_v1

# ---- Signals

# shellcheck disable=SC2016
verdict 1 'v2 fails: the command was killed by signal 15' \
	freqctl rehearse v2 -- sh -c 'kill -TERM $PPID; exec sleep 1000'
nothing_left 'after SIGTERM' freq freq_v1
# The built-in check, which a signal ends after the part that it is in. It can be
# too late for that: one of some tries has to hit it.
interrupted()
{
	freqctl rehearse v2 >"$tmp/out" 2>"$tmp/err" &
	rehearse=$!
	until rehearsed 2 || ended $rehearse 2>/dev/null; do
		:
	done
	kill -TERM $rehearse
	ends $rehearse
	wait $rehearse
	seen="$? $(tail -n 1 "$tmp/out")"
	test "$seen" = '143 v2 fails: interrupted'
}
hit=
for _ in 1 2 3 4 5 6 7 8 9 10; do
	interrupted && hit=$seen && break
done
same 'SIGTERM ends the built-in check' '143 v2 fails: interrupted' "$hit"
nothing_left 'after SIGTERM' freq freq_v1

# A process that the command has left behind has the copy open
# shellcheck disable=SC2016
verdict 1 'v2 fails: the copy is still open' freqctl rehearse v2 -- \
	sh -c "exec 3<\$FREQ_DEVICE; sleep 1000 >/dev/null 2>&1 & echo \$! >$tmp/lingering"
says "*open in process $(cat "$tmp/lingering") (sleep)*"
kill -9 "$(cat "$tmp/lingering")"
check '... and then goes' eventually sh -c '! test -e /dev/freq-rehearsal'
try 0 'v2 removed' freqctl purge --soft v2
nothing_left 'after that' freq freq_v1

# Killed, while the command has the device open: it goes on for so long
freqctl rehearse v2 -- sh -c "echo \$\$ >$tmp/command; exec sleep 1000 <\$FREQ_DEVICE" &
rehearse=$!
check 'the command runs' eventually test -s "$tmp/command"
command=$(cat "$tmp/command")
same 'v2 is rehearsed' 2 "$(cat $REHEARSAL/release)"
check 'the command has the device' eventually test -c "/proc/$command/fd/0"
kill -9 $rehearse
wait $rehearse 2>/dev/null
check '... still' rehearsed 2
try 1 '' freqctl rehearse v90
says "*v2 is being rehearsed*open in process $command (sleep)*"
kill -9 "$command"
verdict 0 'v90 passes' freqctl rehearse v90
nothing_left 'after SIGKILL of both' freq freq_v1

# Killed, while the command has not
# shellcheck disable=SC2016
freqctl rehearse v2 -- sh -c 'kill -9 $PPID' >/dev/null 2>&1
check 'the module is left' module_loaded freq_v2
verdict 0 'v90 passes' freqctl rehearse v90
nothing_left 'after SIGKILL' freq freq_v1

# Killed before the device was open
modprobe freq_v2 rehearse=1
check 'a rehearsal that nobody has' rehearsed 2
verdict 0 'v90 passes' freqctl rehearse v90
modprobe freq_v2 rehearse=1
verdict 0 'v2 passes' freqctl rehearse v2
modprobe freq_v2 rehearse=1
try 0 'v2 removed' freqctl purge --soft v2
nothing_left 'after those that nobody had' freq freq_v1

# An idle one is rehearsed as the disk has it
modprobe freq_v2
freqctl load v1 >/dev/null
verdict 0 'v2 passes' freqctl rehearse v2
nothing_left 'after that of an idle one' freq freq_v1

# ---- Upgrades that begin with it

count=$(upgrades)
try 1 '' freqctl upgrade --rehearse v90 broken=1
says '*v90 fails its rehearsal: allocate: 12 was allocated twice*'
same '... v1 runs on' 1 "$(cat $SYSFS/release)"
same '... with no upgrade' "$count" "$(upgrades)"
nothing_left 'after what was refused' freq freq_v1
try 0 'v1 -> v90, v1 removed' freqctl upgrade --rehearse v90
same '... one upgrade' $((count + 1)) "$(upgrades)"
try 0 'v90 runs already' freqctl upgrade --rehearse v90
same '... and the client goes on' 'ok 12' "$(ask a allocate)"
same '... the shell' 'error busy' "$(ask a 'rehearse v90')"
same '... rehearses' ok "$(ask a 'rehearse v2')"
same '... upgrades' ok "$(ask a 'upgrade --rehearse v2')"
same '... not to what is broken' 'error failed' "$(ask a 'upgrade --rehearse v90 broken=1')"
same '... which it tells' 'error failed' "$(ask a 'rehearse v90 broken=1')"
check '... on the standard error' grep -q 'v90 fails its rehearsal' "$tmp/a.err"
same '... and holds what it held' 'ok free=13-15 allocated=10-12' "$(ask a list)"
nothing_left 'after upgrades' freq freq_v2

# ---- Who is in the way

try 1 '' freqctl load v90 fail=begin
says '*out of memory*the kernel says: freq_v90: converting the state:*'
try 0 'v2 -> v90, v2 removed' freqctl upgrade v90 fail=check
verdict 1 'v2 fails: it cannot adopt the state' freqctl rehearse v2
says '*cannot represent*the kernel says: freq_v2: converting the state:*'
try 1 '' freqctl load v2
says '*cannot represent*the kernel says: freq_v2: converting the state:*'
try 1 '' freqctl upgrade --rehearse v2
echo none >/sys/module/freq_v90/parameters/fail
try 0 'v90 -> v2, v90 removed' freqctl upgrade --rehearse v2
try 1 '' freqctl stop
says "*open in process $client_a (freqctl)*10-12 allocated by process $client_a (freqctl) of root*"
try 1 '' freqctl purge --soft v2
says '*freq_v2 runs*'

: >"$tmp/command"
freqctl rehearse v90 -- sh -c "echo \$\$ >$tmp/command; exec sleep 1000" >"$tmp/verdict" &
rehearse=$!
check 'a rehearsal' eventually test -s "$tmp/command"
check '... with its lock' locked /run/freqctl-rehearsal.lock
says_rehearsed()
{
	says "*v90 is being rehearsed*open in process $rehearse (freqctl)*"
}
try 1 '' freqctl purge --soft v90
says_rehearsed
try 1 '' freqctl load v90
says_rehearsed
try 1 '' freqctl upgrade v90
says_rehearsed
try 1 '' freqctl rehearse v1
says_rehearsed
try 1 '' freqctl upgrade --rehearse v1
says_rehearsed
freqctl purge v90 >"$tmp/out" 2>"$tmp/err.purge" &
purge=$!
check 'purge waits' eventually grep -q 'v90 is being rehearsed' "$tmp/err.purge"
kill "$(cat "$tmp/command")"
check '... for the end of it' ends $rehearse
wait $rehearse
same '... until the end of it' 'v90 fails: the command was killed by signal 15' \
	"$(cat "$tmp/verdict")"
check '... and then ends' ends $purge
wait $purge
same '... with' 0 $?
nothing_left 'in the end' freq freq_v2
check '... nor the lock of a rehearsal' unlocked /run/freqctl-rehearsal.lock

freqctl load v90 fail=step-waits >"$tmp/out" 2>"$tmp/err.load" &
load=$!
check 'a load' eventually grep -qx Y /sys/module/freq_v90/parameters/waits
check '... with its lock' locked /run/freqctl.lock
try 1 '' freqctl stop
says '*10-12 allocated by process*freq_v90 is being loaded*'
echo none >/sys/module/freq_v90/parameters/fail
check '... ends' ends $load
wait $load
same '... with' 0 $?
check '... and without its lock' unlocked /run/freqctl.lock
try 0 'v90 -> v2, v90 removed' freqctl upgrade v2

client_close a
done_testing
