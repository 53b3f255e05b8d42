#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# freqctl: each subcommand with its exit status and what it prints, and the
# dialogue of its shell.
# shellcheck source=freq_test.sh
. "$(dirname "$0")/freq_test.sh"

# ---- What needs no server

server_clean
version=$(freqctl --version)
echo "$version" >"$tmp/version"
check 'version' grep -qx 'freqctl [0-9]*\.[0-9]*\.[0-9]*' "$tmp/version"
freqctl --help >"$tmp/help"
same 'help' 0 $?
for command in allocate deallocate inject list status run load rehearse \
	upgrade purge stop shell; do
	check "--help names $command" grep -q "^ *$command " "$tmp/help"
	freqctl $command --help >"$tmp/help.command"
	check "$command --help" grep -q "^Usage: freqctl $command" \
		"$tmp/help.command"
done
try 0 "$version" freqctl allocate --version

# Nothing is loaded: no device, and this is no wrong usage
try 1 '' freqctl allocate
try 1 '' freqctl list
try 1 '' freqctl watch
try 1 '' freqctl stop
try 1 '' freqctl run -- true
freqctl status >"$tmp/out" 2>&1
same 'status without a server' 1 $?
same 'the shell without a server' 'error no_server' "$(echo allocate | freqctl shell)"

# ---- Wrong usage: 2, nothing printed, nothing changed

try 0 'v1 started' freqctl load v1
while read -r arguments; do
	# shellcheck disable=SC2086 # words
	try 2 '' freqctl $arguments
done <<'END'
nonsense
--nonsense
allocate -n 2 10
allocate -n 0
allocate -n x
allocate -n -1
allocate -n
allocate --nonsense
allocate --in 10-15 12
allocate --in
allocate --row 1
allocate --row 0 -n 2
allocate --row 1 -n 2 --reserve --wait
allocate --reserve
allocate --in 10-15 -n 65
run --in 10-15 --exact 10 -- true
deallocate
deallocate ten
deallocate 10-
deallocate 15-10
inject
inject x
inject 1.5
inject 18446744073709551616
inject 30 --file
inject --file
inject --file /dev/null 30
watch --nonsense
watch --kind
watch --kind nonsense
watch --present --kind waiting
watch -n 0
watch 15-10
list 10
list --free --allocated
list --nonsense
status v1
run
run -n 0 -- true
run -n
load
load next
load v0
load v01
load v2 frequencies
upgrade
upgrade v1x
purge
purge --soft
purge v1 v2
purge --hard v1
stop now
shell now
END
list_is 'after wrong usage' 10-15 ''

# ---- status and list

try 0 'release    v1
loaded     v1 (runs)
free       6
allocated  0
clients    1
features   none
upgrades   0, and 0 refused
gate       0 ns, at the longest 0 ns' freqctl status
try 0 "$(freqctl status)" freqctl
freqctl status --json >"$tmp/json"
same 'status --json' 0 $?
json_balanced '... is balanced'
json_has '... has all' '"release":1' '"loaded":[1]' '"free":6' \
	'"allocated":0' '"clients":1' '"features":[]' '"rehearsed":null' \
	'"upgrades":{"count":0,"refused":0,"gate_last_ns":0,"gate_longest_ns":0}'

try 0 10 freqctl allocate
try 0 '11
12' freqctl allocate -n 2
try 1 '' freqctl allocate -n 4
says '*only 3 of 4*'
list_is 'after asking for too many' 13-15 10-12
try 0 '13
14
15' freqctl allocate --count=3
try 1 '' freqctl allocate
# In this order, since each goes to the head of the list
try 0 '' freqctl deallocate 15 14,13
try 1 '' freqctl deallocate 13
says '*13*'
try 1 '' freqctl deallocate 77
list_is 'after deallocate' 13-15 10-12
try 1 '' sh -c 'exec freqctl allocate >/dev/full'
list_is 'after an answer that did not get out' 13-15 10-12

same 'list' '10 allocated yes
11 allocated yes
12 allocated yes
13 free
14 free
15 free' "$(freqctl list | sed 1d | awk '{ print $1, $2, $3 }' | sed 's/ *$//')"
same 'list --free' '13 14 15' \
	"$(freqctl list --free | sed 1d | awk '{ print $1 }' | xargs)"
same 'list --allocated' '10 11 12' \
	"$(freqctl list --allocated | sed 1d | awk '{ print $1 }' | xargs)"
freqctl list --json >"$tmp/json"
same 'list --json' 0 $?
json_balanced '... is balanced'
json_has '... has all' '"frequency":10' '"state":"allocated"' '"keep":true' \
	'"pid":null' '"uid":0' '"frequency":15' '"state":"free"'
freqctl list --free --json >"$tmp/json"
json_balanced 'list --free --json is balanced'
same '... has three' 3 "$(grep -o frequency "$tmp/json" | wc -l)"

client_open a
same 'a client' 'ok 15' "$(ask a 'allocate' >/dev/null
	ask a allocate >/dev/null
	ask a allocate)"
freqctl list --json >"$tmp/json"
json_has 'list --json tells who' "\"pid\":$client_a" '"keep":false' \
	'"command":"freqctl"'
freqctl list | grep -q "^15 *allocated *no *$client_a *freqctl *root"
result $? 'list tells who'
try 1 '' freqctl deallocate 15
says '*another client*'
client_close a
list_is 'after the end of the client' 13-15 10-12
try 0 '' freqctl deallocate 12 11 10
list_is 'after deallocate of several' 10-15 ''

# ---- No privilege

# The device as the kernel makes it, and then as an administrator may
same 'the device is for root' '660 0:0' "$(stat -c '%a %u:%g' /dev/freq)"
try 1 '' su -s /bin/sh nobody -c 'freqctl allocate'
# The exit status of su is that of the command
try 0 10 as_nobody 'freqctl allocate'
try 1 '' as_nobody 'freqctl stop'
says '*not permitted*'
try 1 '' as_nobody 'freqctl load v2'
try 1 '' as_nobody 'freqctl purge --soft v1'
try 0 11 freqctl allocate
try 1 '' as_nobody 'freqctl deallocate 11'
try 0 '' as_nobody 'freqctl deallocate 10'
try 0 11 sh -c 'freqctl deallocate 11; freqctl allocate'
try 0 '' freqctl deallocate 11
try 0 'ok 11' as_nobody 'echo allocate --keep | freqctl shell'
try 0 '' freqctl deallocate 11
try 0 '12' as_nobody 'freqctl allocate -n 3 | tail -n 1'
same 'the shell of nobody' 'error not_supported
error not_permitted
error not_permitted' "$(as_nobody 'printf "inject 30\nstop\nload v2\n" |
	freqctl shell' 2>/dev/null)"
try 0 '' freqctl deallocate 12 11 10
freqctl list >"$tmp/list"

# A setuid program ignores FREQ_DEVICE, which its caller has set.
cp "$(command -v freqctl)" "$tmp/setuid"
chmod 4755 "$tmp/setuid"
chmod 711 "$tmp"
same 'a program with the same privileges uses FREQ_DEVICE' 'error not_supported' \
	"$(as_nobody 'echo allocate | FREQ_DEVICE=/dev/null freqctl shell' 2>/dev/null)"
same 'a program with more privileges ignores FREQ_DEVICE' 'ok 10' \
	"$(as_nobody "echo allocate | FREQ_DEVICE=/dev/null $tmp/setuid shell")"
list_is 'after all that' 10-15 ''

# ---- Releases

try 1 '' freqctl inject 30
says '*not supported*'
try 1 '' freqctl purge --soft v1
says '*v1 runs*'
check 'v1 is still there' module_loaded freq_v1
try 0 'v1 runs already' freqctl load v1
try 0 'v1 runs already' freqctl upgrade v1
try 1 '' freqctl load v99
try 1 '' freqctl upgrade v99
same 'v1 runs still' 1 "$(cat $SYSFS/release)"

try 0 'v1 -> v2, v1 idle' freqctl load v2
try 0 'release    v2
loaded     v1 (idle), v2 (runs)
free       6
allocated  0
clients    1
features   inject, batch
upgrades   1, and 0 refused
gate       N ns, at the longest N ns' sh -c 'freqctl status | sed "s/[0-9]* ns/N ns/g"'
freqctl status --json >"$tmp/json"
json_has 'status --json' '"release":2' '"loaded":[1,2]' '"features":["inject","batch"]'
try 1 '' freqctl purge --soft v2
try 0 'v1 removed' freqctl purge --soft v1
check 'v1 is gone' module_gone freq_v1
try 0 'v1 is not loaded' freqctl purge --soft v1
try 0 'v1 is not loaded' freqctl purge v1
try 0 'v2 -> v1, v2 removed' freqctl upgrade v1
check 'v2 is gone' module_gone freq_v2
try 0 'v1 -> v2, v1 idle' freqctl load freq_v2
try 0 'v2 -> v1, v2 idle' freqctl load 1
try 0 'v1 -> v2, v1 idle' freqctl load v2

# Without --soft it waits, and tells what for
freqctl purge v2 >"$tmp/out" 2>"$tmp/err" &
purge=$!
check 'purge of the running release waits' \
	eventually grep -q 'freq_v2 runs' "$tmp/err"
check '... still' kill -0 $purge
try 0 'v2 -> v1, v2 idle' freqctl load v1
check '... ends' ends $purge
wait $purge
same '... until another runs' 0 $?
same '... and says so' 'v2 removed' "$(cat "$tmp/out")"
check '... and it is gone' module_gone freq_v2
try 0 'v1 -> v2, v1 removed' freqctl upgrade v2

# Two at once: each removes its own predecessor
for round in 1 2 3; do
	try 0 '' sh -c 'freqctl upgrade v90 >/dev/null'
	freqctl upgrade v1 >"$tmp/out.1" 2>"$tmp/err.1" &
	first=$!
	freqctl upgrade v2 >"$tmp/out.2" 2>"$tmp/err.2" &
	second=$!
	check "two upgrades at once, round $round: one ends" ends $first
	check '... and the other' ends $second
	wait $first
	same '... the one succeeds' 0 $?
	wait $second
	same '... and so does the other' 0 $?
	last=$(cat $SYSFS/release)
	same '... and one release is left' "freq freq_v$last" \
		"$(our_modules | sort | xargs)"
done

# A parameter that would make a rehearsal of it
# shellcheck disable=SC2016 # for the command's shell
try 2 '' sh -c 'freqctl load v90 "$(printf "frequencies=1\\013rehearse=1")"'
mkdir -p /etc/modprobe.d
echo 'options freq_v90 rehearse=1' >/etc/modprobe.d/freqctl_test.conf
try 1 '' freqctl load v90
says '*freq_v90 was loaded, but v* runs*'
rm /etc/modprobe.d/freqctl_test.conf
check '... is removed' module_gone freq_v90

server_start v2

# ---- inject

try 0 '' freqctl inject 30-32
try 1 '' freqctl inject 33,34,31
says '*31*'
try 1 '' freqctl inject 33 33
says '*33*'
list_is 'nothing of a bad list' 10-15,30-32 ''
try 0 '' freqctl inject 868.1MHz 40,41 2.5k-4.5kHz/1kHz
list_is 'SPECs' 10-15,30-32,40-41,2500,3500,4500,868100000 ''
printf '# a plan\n50, 51 # two\n\n52-53\n' >"$tmp/plan"
try 0 '' freqctl inject --file "$tmp/plan"
printf '60\n61 oops\n' >"$tmp/plan"
try 1 '' freqctl inject --file "$tmp/plan"
says '*line 2*'
try 1 '' freqctl inject --file "$tmp/none"
try 0 '' sh -c 'echo 70 | freqctl inject --file -'
try 1 '' freqctl inject --file /dev/null
list_is 'files' 10-15,30-32,40-41,50-53,70,2500,3500,4500,868100000 ''
try 1 '' as_nobody 'freqctl inject 80'
says '*not permitted*'
same 'not_permitted' 'error not_permitted' \
	"$(as_nobody 'echo inject 80 | freqctl shell')"

# ---- Several at once: what release 1 does one by one

server_start v2
try 0 '10
11
12' freqctl allocate -n 3
try 1 '' freqctl allocate -n 4
says '*only 3 of 4*'
list_is 'none of too many' 13-15 10-12
try 1 '' freqctl deallocate 10 11 13
says '*cannot deallocate 13: it is not allocated*'
try 1 '' freqctl deallocate 10 11 10
says '*cannot deallocate 10: it is repeated*'
list_is 'none of what cannot be given back' 13-15 10-12
client_open a
same 'a client' 'ok 13' "$(ask a allocate)"
try 1 '' freqctl deallocate 12 13
says '*cannot deallocate 13: another client holds it*'
list_is 'none of what another holds' 14-15 10-13
try 1 '' as_nobody 'freqctl deallocate 10-12'
says '*cannot deallocate 10: another client holds it*'
same 'the shell takes several' 'ok 14,15' "$(ask a 'allocate -n 2')"
same '... or none' 'error no_frequency' "$(ask a 'allocate -n 2')"
same '... and gives back none' 'error not_allocated' "$(ask a 'deallocate 15,14,99')"
list_is 'after what could not be' '' 10-15
same '... or all' ok "$(ask a 'deallocate 15,14')"
try 1 '' sh -c 'exec freqctl allocate -n 2 >/dev/full'
list_is 'after an answer that did not get out' 14-15 10-13
same 'an upgrade' ok "$(ask a 'upgrade v1')"
try 1 '' freqctl deallocate 12 13 11
says '*cannot deallocate 13: another client holds it*'
list_is 'release 1 goes as far as it can' 12,14-15 10-11,13
same '... the shell too' 'error not_allocated' "$(ask a 'deallocate 10,14,11')"
list_is '... as far as it can' 10,12,14-15 11,13
same '... takes several' 'ok 10,12' "$(ask a 'allocate -n 2')"
same '... or none' 'error no_frequency' "$(ask a 'allocate -n 3')"
list_is '... which it gives back' 14-15 10-13
try 0 '' freqctl deallocate 11
client_close a
list_is 'after all that' 10-15 ''

# More than one request can have
server_start v2
try 0 '' freqctl inject 1001-1600
freqctl allocate -n 600 >"$tmp/out"
same 'many' 0 $?
same '... are allocated' 600 "$(wc -l <"$tmp/out")"
same '... in turn' "$(seq 10 15; seq 1001 1594)" "$(cat "$tmp/out")"
try 1 '' freqctl allocate -n 7
says '*only 6 of 7*'
try 0 '' freqctl deallocate 1001-1594
try 1 '' freqctl allocate -n 601
says '*only 600 of 601*'
list_is 'after too many' 1001-1600 10-15
try 1 '' freqctl deallocate 10-266
says '*cannot deallocate 16:*'
list_is 'one by one' 10-15,1001-1600 ''

# ---- stop

server_start v2
client_open a
same 'a client' 'ok 10' "$(ask a allocate)"
try 1 '' freqctl stop
says "*$client_a*"
same '... of the shell' 'error busy' "$(ask a stop)"
same '... gives back' ok "$(ask a 'deallocate 10')"
try 1 '' freqctl stop
says "*$client_a*"
client_close a
same 'the end of the input' 0 $?
try 0 10 freqctl allocate
try 1 '' freqctl stop
says '*10*kept*'
try 0 '' freqctl deallocate 10
try 0 'v2 stopped' freqctl stop
same 'no release' 0 "$(cat $SYSFS/release)"
try 1 '' freqctl stop
try 1 '' freqctl allocate
try 1 '' freqctl list
try 1 '' freqctl inject 1
try 1 '' freqctl run -- true
try 1 'release    none
loaded     v2 (idle)' freqctl status
freqctl status --json >"$tmp/json" 2>/dev/null
json_has 'status --json' '"release":null' '"loaded":[2]'
try 0 '' modprobe -r freq_v2 freq
same 'all modules are gone' '' "$(our_modules)"

try 1 '' freqctl load v2 frequencies=oops
check 'nothing is left of it' module_gone freq_v2
try 1 '' freqctl load v2 frequencies=10,10
check 'nothing is left of it' module_gone freq_v2
try 0 'v2 started' freqctl load v2 frequencies=100-103,7
list_is 'parameter' 7,100-103 ''

# ---- run

# shellcheck disable=SC2016 # for the command's shell
held='echo "$FREQ_FREQUENCIES"'
try 0 100 freqctl run -- sh -c "$held"
try 0 100,101,102 freqctl run -n 3 -- sh -c "$held"
try 0 100,101 freqctl run --count=2 sh -c "$held"
try 0 100-101 freqctl run -n 2 -- cat $SYSFS/allocated
list_is 'after run' 7,100-103 ''
try 7 '' freqctl run -- sh -c 'exit 7'
try 143 '' freqctl run -- sh -c 'kill -TERM $$'
try 137 '' freqctl run -- sh -c 'kill -KILL $$'
try 127 '' freqctl run -- "$tmp/no such command"
try 126 '' freqctl run -- "$tmp"
try 0 '-n --help' freqctl run -- printf '%s %s' -n --help
try 1 '' freqctl run -n 6 -- touch "$tmp/ran"
says '*only 5 of 6*'
check '... the command did not run' test ! -e "$tmp/ran"
list_is 'after all of these' 7,100-103 ''

# What it left running has the descriptor, and does not hold anything
try 0 100 freqctl run -- sh -c "$held; sleep 1000 >/dev/null 2>&1 &
	echo \$! >$tmp/lingering"
list_is 'with a grandchild' 7,100-103 ''
check '... that lives' kill -0 "$(cat "$tmp/lingering")"
kill -9 "$(cat "$tmp/lingering")"

# A signal that it gets is the command's
freqctl run -- sh -c "trap 'exit 9' TERM; echo \$\$ >$tmp/command
	while :; do sleep 0.1; done" &
run=$!
check 'the command runs' eventually test -s "$tmp/command"
same '... holding' 100 "$(cat $SYSFS/allocated)"
kill -TERM $run
check '... ends' ends $run
wait $run
same '... gets SIGTERM' 9 $?
list_is 'after SIGTERM' 7,100-103 ''
rm "$tmp/command"

# Killed itself, it leaves the frequency with the command
freqctl run -- sh -c "echo \$\$ >$tmp/command; exec sleep 1000" &
run=$!
check 'the command runs' eventually test -s "$tmp/command"
kill -9 $run
wait $run 2>/dev/null
same 'freqctl is killed' 137 $?
check '... the command lives' kill -0 "$(cat "$tmp/command")"
list_is '... and holds' 7,101-103 100
try 0 101 freqctl allocate
try 0 '' freqctl deallocate 101
kill -9 "$(cat "$tmp/command")"
check '... until it ends' eventually grep -q '^$' $SYSFS/allocated
list_is 'after that' 7,100-103 ''

# ---- shell

server_start v1
same 'the exercise through a pipe' 'ok 10
ok 11
ok 12
ok 13
ok 14
ok 15
error no_frequency
error not_supported
error busy
ok
ok
ok
ok 30
ok 31
ok 32
error no_frequency
ok free= allocated=10-15,30-32
ok release=v2 free=0 allocated=9 clients=1' "$(freqctl shell 2>"$tmp/err" <<'END'
allocate
allocate
allocate
allocate
allocate
allocate
allocate
inject 30,31,32
purge --soft v1
load v2
purge --soft v1
inject 30,31,32
allocate
allocate
allocate
allocate
list
status
END
)"
check 'v1 is gone' module_gone freq_v1
list_is 'the end of the input gave all back' 10-15,30-32 ''

same 'errors' 'error not_allocated
error not_allocated
error duplicate
error duplicate
error bad_request
error bad_request
error bad_request
error bad_request
error bad_request
error bad_request
error too_many
ok free=10-15,30-32 allocated=' "$(freqctl shell 2>/dev/null <<'END'
deallocate 10
deallocate 99
inject 40,40
inject 40,10
nonsense
allocate -n 2 10
deallocate
inject

# no command, no answer
inject x
load nonsense
inject 0-1048576
list
END
)"
same 'not_owner' 'error not_owner' "$(client_open a
	ask a allocate >/dev/null
	echo deallocate 10 | freqctl shell
	client_close a)"

# Two clients that stay, over an upgrade and back
server_start v1
client_open a
client_open b
same 'a allocates' 'ok 10' "$(ask a allocate)"
same 'b allocates' 'ok 11' "$(ask b allocate)"
same 'a keeps' 'ok 12' "$(ask a 'allocate --keep')"
same 'a cannot inject' 'error not_supported' "$(ask a 'inject 30')"
same 'soft purge' 'error busy' "$(ask b 'purge --soft v1')"
same 'b upgrades' 'ok' "$(ask b 'upgrade v2')"
check 'v1 is gone' module_gone freq_v1
same 'a injects' 'ok' "$(ask a 'inject 30')"
same 'b cannot deallocate' 'error not_owner' "$(ask b 'deallocate 10')"
same 'b may deallocate' 'ok' "$(ask b 'deallocate 12')"
same 'a sees it' 'ok free=12-15,30 allocated=10-11' "$(ask a list)"
same 'two clients' 'ok release=v2 free=5 allocated=2 clients=2' \
	"$(ask a status)"
same 'upgrade to what runs' 'ok' "$(ask a 'upgrade v2')"
same 'a goes back' 'ok' "$(ask a 'upgrade v1')"
same 'all is held still' 'ok free=12-15,30 allocated=10-11' "$(ask b list)"
same 'a gives back' 'ok' "$(ask a 'deallocate 10')"
same 'stop is refused' 'error busy' "$(ask a stop)"
client_close b
same 'b is gone' 'ok free=10-15,30 allocated=' "$(ask a list)"
same 'stop' 'ok' "$(ask a stop)"
same 'no server' 'error no_server' "$(ask a allocate)"
same 'a fresh server' 'ok' "$(ask a 'load v2 frequencies=1')"
same 'on the same descriptor' 'ok 1' "$(ask a allocate)"
same 'the shell that quits' 'ok' "$(ask a quit)"
client_close a
same '... exits with' 0 $?

# ---- Release 3: a certain one, waiting, grants, labels

server_clean
try 0 'v2 started' freqctl load v2
try 1 '' freqctl allocate 12
says '*release 3*'
try 0 'v2 -> v3, v2 removed' freqctl upgrade v3
try 0 '14
12' freqctl allocate 14 12
try 1 '' freqctl allocate 13 12
says '*cannot allocate 12: it is allocated*'
list_is 'all or none' 10-11,13,15 12,14
try 1 '' freqctl allocate 99
says '*cannot allocate 99: it is not in the pool*'
try 1 '' freqctl allocate --wait=0.1 12
says '*nobody gave it back within 0.1 s*'

freqctl run --exact 12 --wait --label 'channel one' -- sleep 1000 &
runs=$!
check 'one waits' eventually waiters_are 1
try 1 '' freqctl load v2
says '*requests wait for a frequency*'
try 0 '' freqctl deallocate 12
check 'who waited is served' eventually sh -c \
	"freqctl list | grep -q '^12 .*channel one'"
check '... nobody waits' waiters_are 0
grant=$(freqctl list --json | tr '{' '\n' | sed -n 's/.*"frequency":14,.*"grant":"*\([0-9]*\).*/\1/p')
try 1 '' freqctl deallocate --grant $((grant + 1)) 14
says '*another grant*'
try 0 '' freqctl deallocate --grant "$grant" 14
kill $runs
check 'it ends' ends $runs
list_is 'all came back' 10-15 ''

server_clean
same 'all modules are gone' '' "$(our_modules)"
done_testing
