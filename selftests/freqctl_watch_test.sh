#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# freqctl watch: what happens, as it happens.
# shellcheck source=freq_test.sh
. "$(dirname "$0")/freq_test.sh"

server_clean
try 0 'v2 started' freqctl load v2
try 1 '' freqctl watch
says '*cannot watch: release 3 is needed*'
try 0 'v2 -> v3, v2 removed' freqctl upgrade v3

subscribed_are()
{
	freqctl status | grep -qx "subscribed $1"
}

# watch_begin ARGUMENT...: subscribes, in the background, as the only one; the
# output goes to $tmp/watch
watch_begin()
{
	rm -f "$tmp/watch"
	freqctl watch "$@" >"$tmp/watch" 2>"$tmp/watch.err" &
	watch=$!
	check "watch $*: subscribes" eventually subscribed_are 1
}

# watch_ends NAME STATUS: it ends by itself
watch_ends()
{
	check "$1: it ends" ends "$watch"
	wait "$watch"
	same '... its status' "$2" $?
}

# watched: kind and frequency of each row
watched()
{
	awk '$2 != "KIND" { print $2, $3 }' "$tmp/watch"
}

rows_are()
{
	[ "$(watched)" = "$1" ]
}

# watch_has NAME ROWS: it prints these in time, and no others
watch_has()
{
	eventually rows_are "$2"
	same "$1" "$2" "$(watched)"
}

# row_has NAME PATTERN: a row that was printed
row_has()
{
	check "$1" grep -q "$2" "$tmp/watch"
}

watch_begin
try 0 10 freqctl allocate
watch_has 'watch: allocated' 'allocated 10'
row_has '... kept' '^20.*  allocated  *10 .* keep  *-$'
try 0 '' freqctl deallocate 10
watch_has 'watch: deallocated' 'allocated 10
deallocated 10'
client_open a
same 'a client' 'ok' "$(ask a 'label roof, north')"
same '... allocates' 'ok 10' "$(ask a allocate)"
try 1 '' freqctl allocate --wait=0.1 10
client_close a
watch_has 'watch: waiting, closed' 'allocated 10
deallocated 10
allocated 10
waiting 10
deallocated 10'
row_has '... who holds it' "  allocated  *10  *$client_a .* root .*  -  *roof, north\$"
row_has '... until when' '  waiting  *10 .* keep,until=20'
row_has '... by a close' '  deallocated  *10 .* root .*  closed  *roof, north$'
try 0 '' freqctl inject 30-32
try 0 'v3 -> v2, v3 removed' freqctl upgrade v2
try 0 'v2 -> v3, v2 removed' freqctl upgrade v3
try 0 10 freqctl allocate
watch_has 'watch: injected, upgraded' 'allocated 10
deallocated 10
allocated 10
waiting 10
deallocated 10
injected 30
upgraded -
upgraded -
allocated 10'
row_has '... how many' '  injected  *30 .* count=3 '
row_has '... to release 2' '  upgraded  *- .* release=2 '
row_has '... to release 3' '  upgraded  *- .* release=3 '
try 0 '' freqctl deallocate 10
try 0 'v3 stopped' freqctl stop
watch_ends 'watch: the server is stopped' 1
same '... says so' 'freqctl: the server was stopped' "$(cat "$tmp/watch.err")"

# What is allocated already, as many as are wanted
server_start v3
try 0 '10
11' freqctl allocate -n 2
same 'watch --present --count' 'allocated 10
allocated 11' "$(freqctl watch --present --count 2 |
	awk '$2 != "KIND" { print $2, $3 }' | sort)"
same '... of SPECs' 'allocated 11' "$(freqctl watch --present --count 1 11-20 |
	awk '$2 != "KIND" { print $2, $3 }')"
try 0 '' as_nobody 'freqctl watch --present --count 1 >/dev/null'
freqctl watch --present --json --count 1 10 >"$tmp/json"
same 'watch --json' 0 $?
json_balanced '... is balanced'
json_has '... has all' '"lost":0' '"kind":"allocated"' '"frequency":10' \
	'"keep":true' '"present":true' '"pid":null' '"uid":0' '"user":"root"' \
	'"label":null'
watch_begin --present --count 3
check '... waits behind what is there' eventually grep -q present_end "$tmp/watch"
try 0 12 freqctl allocate
watch_ends '... until there are three' 0
same '... in this order' 'present_end -
allocated 12' "$(watched | tail -n 2)"

# Kinds and SPECs
watch_begin --kind allocated --kind injected --count 2 13-14,40
try 0 '' freqctl deallocate 10-12
try 0 '13
15' freqctl allocate 13 15
try 0 '' freqctl deallocate 13
try 0 '14' freqctl allocate 14
watch_ends 'watch --kind, with SPECs' 0
same '... has only these' 'allocated 13
allocated 14' "$(watched)"
try 0 '' freqctl deallocate 14 15

# What ends it
watch_begin --json
kill -TERM $watch
watch_ends 'watch: SIGTERM' 143
check '... ends the subscription' eventually subscribed_are 0
freqctl watch --kind allocated | head -n 2 >"$tmp/watch" &
head=$!
check 'watch before a pipe: subscribes' eventually subscribed_are 1
try 0 10 freqctl allocate 10
check '... the record is there at once' ends $head
same '... is this' 'allocated 10' "$(watched)"
try 0 11 freqctl allocate 11
check '... ends when nobody reads' eventually subscribed_are 0
try 0 '' freqctl deallocate 10 11

server_clean
same 'all modules are gone' '' "$(our_modules)"
done_testing
