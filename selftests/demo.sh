#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The exercise, step by step, each with what is expected and what is seen. Its
# argument is the folder of the channel plans, /files if there is none. Fails
# if anything differs.
# shellcheck source=freq_test.sh
. "$(dirname "$0")/freq_test.sh"

plans=${1:-/files}
number=0
differ=0

# step TITLE EXPECTED SEEN
step()
{
	number=$((number + 1))
	verdict=ok
	[ "$2" = "$3" ] || { verdict=DIFFERS; differ=$((differ + 1)); }
	printf '\n%2d. %s\n' $number "$1"
	printf '%s\n' "$2" | sed '1s/^/    expected  /; 1!s/^/              /'
	printf '%s\n' "$3" | sed '1s/^/    seen      /; 1!s/^/              /'
	printf '    %s\n' $verdict
}

# told COMMAND...: its exit status, and what it prints
told()
{
	output=$("$@" 2>&1)
	echo "exit $?${output:+: $output}"
}

# several COUNT COMMAND: the client's answers in one line
several()
{
	count=$1
	while [ "$count" -gt 0 ]; do
		printf '%s; ' "$(ask a "$2")"
		count=$((count - 1))
	done
}

# The descriptor of the device that the client has
descriptor()
{
	for fd in "/proc/$client_a/fd/"*; do
		[ "$(readlink "$fd")" != /dev/freq ] || echo "$fd"
	done
}

modules()
{
	our_modules | sort | xargs
}

lists()
{
	for list in free allocated; do
		echo "$list: $(sed 's/^$/none/' $SYSFS/$list)"
	done
}

free_count()
{
	ask a status | sed 's/.* free=\([0-9]*\).*/\1/'
}

waiters()
{
	freqctl status | sed -n 's/^[Ww]aiters[^0-9]*//p'
}

waiters_are()
{
	[ "$(waiters)" = "$1" ]
}

labelled()
{
	freqctl list | grep -q "^$1 .*$2"
}

echo 'A client is one freqctl shell, with one descriptor of /dev/freq from'
echo 'beginning to end. Its answers are shown as they come.'
server_clean

step 'Release v1 starts' 'exit 0: v1 started' "$(told freqctl load v1)"

client_open a
step 'A client asks what runs' \
	'ok release=v1 free=6 allocated=0 clients=1' "$(ask a status)"
before=$(descriptor)

step 'It allocates until none is left' \
	'ok 10; ok 11; ok 12; ok 13; ok 14; ok 15; error no_frequency; ' \
	"$(several 7 allocate)"

step 'It injects more: v1 does not know how' \
	'error not_supported' "$(ask a 'inject 30,31,32')"

step 'Soft purge of v1: no, since it runs' \
	'exit 1: freqctl: freq_v1 runs; it can go when another release takes over' \
	"$(told freqctl purge --soft v1)"

step 'v2 is loaded, and takes over, while the client has its descriptor' \
	'exit 0: v1 -> v2, v1 idle' "$(told freqctl load v2)"

step 'Both are loaded; nothing runs in v1 any more' \
	'freq freq_v1 freq_v2, v1 has 0 references' \
	"$(modules), v1 has $(awk '$1 == "freq_v1" { print $3 }' /proc/modules) references"

step 'Soft purge of v1: yes, and at once' \
	'exit 0: v1 removed' "$(told freqctl purge --soft v1)"

step 'v1 is gone from /proc/modules' 'freq freq_v2' "$(modules)"

step 'The client has the descriptor that it had' "$before" "$(descriptor)"

step 'The same client, on that descriptor, injects' \
	'ok' "$(ask a 'inject 30,31,32')"

step 'And allocates what it injected, in order' \
	'ok 30; ok 31; ok 32; error no_frequency; ' "$(several 4 allocate)"

step 'The lists in sysfs: nothing was lost' 'free: none
allocated: 10-15,30-32' "$(lists)"

step 'A channel plan: the 16 channels of PMR446' \
	'exit 0, 16 free' \
	"$(told freqctl inject --file "$plans/pmr446.plan"), $(free_count) free"

step 'Another: the 10 channels of a LoRaWAN gateway in Europe' \
	'exit 0, 26 free' \
	"$(told freqctl inject --file "$plans/lorawan-eu868.plan"), $(free_count) free"

step 'And the 25 channels of WLAN at 5 GHz' \
	'exit 0, 51 free' \
	"$(told freqctl inject --file "$plans/wlan-5ghz.plan"), $(free_count) free"

# shellcheck disable=SC2016 # for the command's shell
step 'A program runs, and holds the first channel of PMR446 meanwhile' \
	'exit 0: on 446006250, allocated 10-15,30-32,446006250' \
	"$(told freqctl run -- sh -c \
	'echo "on $FREQ_FREQUENCIES, allocated $(cat /sys/class/misc/freq/allocated)"')"

step 'When it has ended, the channel is free again' \
	'allocated 10-15,30-32, 51 free' \
	"allocated $(cat $SYSFS/allocated), $(free_count) free"

step 'v3 takes over; with it, programs can wait for what they need' \
	'exit 0: v2 -> v3, v2 removed' "$(told freqctl upgrade v3)"

freqctl run --exact 10 --wait --label gateway -- sleep 1000 &
waiting=$!
eventually waiters_are 1
step 'A program wants 10, which the client holds, and waits' \
	'1 waits' "$(waiters) waits"

step 'Nobody takes over who could not go on with that' \
	'requests wait for a frequency, and v3 runs' \
	"$(freqctl upgrade v2 2>&1 | grep -o 'requests wait for a frequency'), and v$(cat $SYSFS/release) runs"

step 'The client gives 10 back, and wants it again: it comes too late' \
	'ok; error allocated' "$(ask a 'deallocate 10'); $(ask a 'allocate 10')"

eventually labelled 10 gateway
step 'The program has it, and the list says who that is' \
	'10 allocated gateway' "$(freqctl list | awk '$1 == 10 { print $1, $2, $NF }')"

kill $waiting
finish $waiting >/dev/null 2>&1
step 'The program ends, and the client has 10 again' \
	'ok 10' "$(ask a 'allocate 10')"

step 'Back to v2' 'exit 0: v3 -> v2, v3 removed' "$(told freqctl upgrade v2)"

before_lists=$(lists)
step 'Back to v1' 'exit 0: v2 -> v1, v2 removed' "$(told freqctl upgrade v1)"

step 'Everything is still held, and everything still free' \
	"$before_lists" "$(lists)"

step 'The client works on with v1, on the same descriptor' \
	"ok; ok 32; error not_supported; $before" \
	"$(ask a 'deallocate 32'); $(ask a allocate); $(ask a 'inject 33'); $(descriptor)"

client_close a
step 'The client ends: what it held is free' '' "$(cat $SYSFS/allocated)"

step 'The server stops' 'exit 0: v1 stopped' "$(told freqctl stop)"

step 'And all of it is removed' 'exit 0; modules: ' \
	"$(told modprobe -r freq_v1 freq); modules: $(modules)"

echo
if [ $differ -eq 0 ]; then
	echo "All $number steps as expected."
else
	echo "$differ of $number steps differ."
fi
[ $differ -eq 0 ]
exit
