#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Upgrades between modules of an earlier commit and today's, in all mixtures of
# door and releases. The commit is named in selftests/earlier: one since which
# the contracts in kmod/contract/ have only grown. Its modules are in /earlier.
# shellcheck source=freq_test.sh
. "$(dirname "$0")/freq_test.sh"

TODAY=/lib/modules/$(uname -r)/extra
EARLIER=/earlier
UPGRADES=5

# insert AGE MODULE [PARAMETER]
insert()
{
	case $1 in
	today) insmod "$TODAY/$2.ko" ${3:+"$3"} ;;
	earlier) insmod "$EARLIER/$2.ko" ${3:+"$3"} ;;
	esac
}

# storm: requests without end, each of which has to succeed
storm()
{
	while ! test -e "$tmp/enough"; do
		freqctl run -n 3 -- true || echo "$?" >>"$tmp/failed"
		echo >>"$tmp/requests"
	done
}

# holders: the columns of the list that all releases have
holders()
{
	freqctl list | awk '{ print $1, $2, $3, $4 }'
}

# newest AGE: the number of its newest release
newest()
{
	case $1 in
	today) echo 3 ;;
	earlier) echo 2 ;;
	esac
}

# take_turns FROM TO: upgrade to the newest release of the age TO and back to
# release 1 of the age FROM, several times
take_turns()
{
	turn=0
	while [ "$turn" -lt "$UPGRADES" ]; do
		insert "$2" "freq_v$new" && rmmod freq_v1 &&
			insert "$1" freq_v1 && rmmod "freq_v$new" || return
		turn=$((turn + 1))
	done
}

# watch_begins NUMBER: have a client that subscribes, if release NUMBER can do that
watch_begins()
{
	watcher=
	test "$1" -ge 3 || return 0
	freqctl watch >"$tmp/watched" 2>"$tmp/why" &
	watcher=$!
	check "$name: it is watched" eventually grep -q TIME "$tmp/watched"
}

# watch_ends AGE: a release of another format has ended the subscription; one of
# the same has not
watch_ends()
{
	test "$watcher" || return 0
	if [ "$1" = today ]; then
		check "$name: and still is" eventually grep -q release=1 "$tmp/watched"
		kill "$watcher"
		return
	fi
	status=0
	wait "$watcher" || status=$?
	check "$name: that ends with a failure" test "$status" = 1
}

# mixture DOOR FROM TO
mixture()
{
	name="door of $1, releases of $2 and $3"
	new=$(newest "$3")
	check "$name: the door" insert "$1" freq
	check "$name: release 1" insert "$2" freq_v1 frequencies=100-119
	client_open a
	same "$name: allocate" 'ok 100' "$(ask a allocate)"
	same "$name: keep" 'ok 101' "$(ask a 'allocate --keep')"
	holders >"$tmp/list"

	check "$name: upgrade" insert "$3" "freq_v$new"
	check "$name: the old release is removed" rmmod freq_v1
	same "$name: it runs" "$new" "$(cat $SYSFS/release)"
	same "$name: nothing is lost" "$(cat "$tmp/list")" "$(holders)"
	same "$name: what only it can" 'ok' "$(ask a 'inject 50-52')"
	holders >"$tmp/list"
	watch_begins "$new"
	check "$name: back" insert "$2" freq_v1
	watch_ends "$2"
	check "$name: the new release is removed" rmmod "freq_v$new"
	same "$name: that runs" 1 "$(cat $SYSFS/release)"
	same "$name: nothing is lost then" "$(cat "$tmp/list")" "$(holders)"
	same "$name: the client goes on" 'ok 102' "$(ask a allocate)"

	rm -f "$tmp/enough" "$tmp/failed" "$tmp/requests"
	storm &
	process=$!
	eventually test -s "$tmp/requests"
	check "$name: $UPGRADES times to and fro, under load" take_turns "$2" "$3"
	touch "$tmp/enough"
	wait $process
	check "$name: no request failed" test ! -e "$tmp/failed"
	list_is "$name: after all that" 50-52,103-119 100-102
	check "$name: the client ends" client_close a
	list_is "$name: what is kept" 50-52,100,102-119 101
	check "$name: all ends" eventually server_end
}

mixture earlier earlier today
mixture earlier today earlier
mixture today earlier today
mixture today today earlier
mixture today earlier earlier
done_testing
