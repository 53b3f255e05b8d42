#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# freqctl: several frequencies of a range, and two upgrades at once.
# shellcheck source=freq_test.sh
. "$(dirname "$0")/freq_test.sh"

# shellcheck disable=SC2016 # expanded by the shell that is run
held='echo "$FREQ_FREQUENCIES"'

server_start v3
# ---- Release 3: of a range, in a row, several together

try 0 '' freqctl inject 868.1MHz-869.1MHz/200kHz
try 0 '868100000
868300000' freqctl allocate --in 868MHz-870MHz -n 2
try 0 868500000 freqctl allocate --in 868MHz-870MHz
try 0 '14
15
10' freqctl allocate --in 14-20 --in 10-13 -n 3
try 0 11 freqctl run --in 10-15 -- sh -c "$held"
try 1 '' freqctl allocate --in 14-20 -n 3
says '*fewer than 3 frequencies of the ranges are in the pool*'
try 1 '' freqctl allocate --in 14-20 -n 2
says '*fewer than 2 frequencies of the ranges are free*'
try 1 '' freqctl allocate --in 14-15,10 --wait=0.1
says '*no frequency of the ranges came free within 0.1 s*'
try 1 '' freqctl allocate -n 13 --wait
says '*fewer than 13 frequencies are in the pool*'
list_is 'all or none' 11-13,868700000,868900000,869100000 \
	10,14-15,868100000,868300000,868500000
try 0 '868700000
869100000' freqctl allocate -n 2 --row 400kHz --in 868MHz-870MHz
try 0 11,13 freqctl run -n 2 --row 2 -- sh -c "$held"
try 1 '' freqctl allocate -n 2 --row 200kHz --in 868MHz-870MHz
says '*no row of 2, 200000 apart, is free*'
try 1 '' freqctl allocate -n 7 --row 200kHz --in 868MHz-870MHz
says '*no row of 7, 200000 apart*'
try 0 '' freqctl deallocate 10 14 15 868.1MHz,868.3MHz,868.5MHz,868.7MHz,869.1MHz
try 0 '' freqctl inject 1000001-1004097
try 1 '' freqctl allocate -n 2 --row 1
says '*a row is searched among up to 4096 frequencies*'
try 0 '1000001
1000002' freqctl allocate -n 2 --row 1 --in 1000001-1004096
try 1 '' freqctl allocate -n 3 --row 9223372036854775808 --in 10-15
says '*does not end below 2^64*'
try 0 '' freqctl deallocate 1000001-1000002

# Who waits for several holds none of them meanwhile
try 0 11 freqctl allocate 11
freqctl run -n 3 --in 10-12 --wait --label 'three of a band' -- sleep 1000 &
runs=$!
check 'one waits for three' eventually waiters_are 1
try 0 10 freqctl allocate --in 10-12
try 0 '' freqctl deallocate 11
check '... and for the other one' waiters_are 1
try 0 '' freqctl deallocate 10
check 'who waited has all three' eventually sh -c \
	"freqctl list | grep -c 'three of a band' | grep -qx 3"
kill $runs
check 'it ends' ends $runs

# ... unless it reserves
try 0 '10
11
12' freqctl allocate -n 3 --in 10-12
freqctl run -n 2 --in 10-12 --reserve --wait=50 --label 'two of a band' -- sleep 1000 &
runs=$!
check 'one waits for two' eventually waiters_are 1
try 0 '' freqctl deallocate 10
try 1 '' freqctl allocate 10
says '*cannot allocate 10: it is allocated*'
check '... waits still' waiters_are 1
try 0 '' freqctl deallocate 12
check 'who reserved has both' eventually sh -c \
	"freqctl list | grep -c 'two of a band' | grep -qx 2"
kill $runs
check 'it ends' ends $runs
# What was reserved goes back if the wait ends
try 1 '' freqctl allocate -n 2 --in 11-12 --reserve --wait=0.5
says '*too few frequencies of the ranges came free within 0.5 s*'
try 0 12 freqctl allocate 12
try 0 '' freqctl deallocate 11 12
try 1 '' as_nobody 'freqctl allocate --in 10-15 --reserve --wait=61'
says '*for more than 60 s is for the administrator*'
try 0 10 as_nobody "freqctl run --in 10-15 --reserve --wait=59 -- cat $SYSFS/allocated"
try 0 'v3 -> v2, v3 removed' freqctl upgrade v2
try 1 '' freqctl allocate --in 10-15
says '*cannot allocate: release 3 is needed*'

# ---- Two upgrades at once

server_start v1
try 1 '' modprobe freq_v2 expect=0
try 1 '' modprobe freq_v2 expect=3
same 'neither takes over' 1 "$(cat $SYSFS/release)"
server_clean
try 1 '' modprobe freq_v2 expect=1
same 'nor where none runs' 0 "$(cat $SYSFS/release)"
try 0 '' modprobe freq_v1 expect=0
same 'that one does' 1 "$(cat $SYSFS/release)"
modprobe freq_v2 expect=1 2>"$tmp/modprobe.2" &
two=$!
modprobe freq_v3 expect=1 2>"$tmp/modprobe.3" &
three=$!
wait $two
two=$?
wait $three
three=$?
same 'one of two is refused' 1 $(((two != 0) + (three != 0)))
running=$(cat $SYSFS/release)
same '... and the other one runs' $((two ? 3 : 2)) "$running"
try 1 '' freqctl upgrade v1 expect=1
says "*another release has taken over meanwhile: release $running runs*"
same '... which runs on' "$running" "$(cat $SYSFS/release)"
try 0 "v$running -> v1, v$running removed" freqctl upgrade v1 expect="$running"
try 0 'v1 -> v2, v1 idle' freqctl load v2
same '... after the one that it saw' 1 "$(cat /sys/module/freq_v2/parameters/expect)"

# modprobe does not take the lock of freqctl, so either can come first. The
# message of freqctl has to agree with the modules that are loaded.
is_so()
{
	case $1 in
	'0 v1 -> v2, v1 removed') module_gone freq_v1 ;;
	'0 v3 -> v2, v3 removed') module_gone freq_v3 ;;
	'1 '*'meanwhile: release 3 runs'*)
		module_gone freq_v2 && module_loaded freq_v1 ;;
	'1 '*'freq_v2 was loaded, but v3 runs'* | \
	'1 '*'another change is under way'*) ;;
	*) false ;;
	esac
}
for round in 1 2 3 4 5 6 7 8; do
	server_start v1
	freqctl upgrade v2 >"$tmp/out" 2>&1 &
	upgrade=$!
	modprobe freq_v3 2>"$tmp/modprobe.3" &
	other=$!
	wait $upgrade
	said="$? $(cat "$tmp/out")"
	wait $other
	is_so "$said"
	result $? "round $round of an upgrade and a modprobe at once"
	is_so "$said" || echo "# $said"
done
server_clean
try 0 'v2 started' freqctl load v2
same 'where none runs, it expects none' 0 "$(cat /sys/module/freq_v2/parameters/expect)"

server_clean
same 'all modules are gone' '' "$(our_modules)"
done_testing
