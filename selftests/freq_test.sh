# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What the tests in shell share: the server, clients that stay, and TAP. To be
# sourced; leaves a folder $tmp for files, and the modules unloaded at the end.

SYSFS=/sys/class/misc/freq
# How many tries, a tenth of a second apart, a condition gets to come true.
TRIES=$((200 * ${FREQ_TIME_FACTOR:-1}))

tap_count=0
tap_failed=0
tmp=$(mktemp -d) || exit 1

# result STATUS NAME: a test, passed if STATUS is 0
result()
{
	tap_count=$((tap_count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap_count $2"
	else
		echo "not ok $tap_count $2"
		tap_failed=$((tap_failed + 1))
	fi
}

# check NAME COMMAND...: COMMAND has to succeed
check()
{
	tap_name=$1
	shift
	"$@"
	result $? "$tap_name"
}

# same NAME WANTED SEEN: two texts
same()
{
	[ "$2" = "$3" ]
	result $? "$1"
	[ "$2" = "$3" ] || printf 'wanted:\n%s\nsaw:\n%s\n' "$2" "$3" |
		sed 's/^/# /'
}

# try STATUS OUTPUT COMMAND...: COMMAND has to exit so and print just that;
# what it says beside is in $tmp/err
try()
{
	tap_want="exit status $1
$2"
	shift 2
	tap_seen=$("$@" 2>"$tmp/err")
	tap_seen="exit status $?
$tap_seen"
	# A name is one line, and not that of a folder of the moment
	tap_name=
	for word; do
		tap_name="$tap_name${tap_name:+ }${word#"$tmp"/}"
	done
	same "${tap_name%%
*}" "$tap_want" "$tap_seen"
}

# says PATTERN: about what the last try said beside
says()
{
	tap_seen=$(cat "$tmp/err")
	# shellcheck disable=SC2254 # it is a pattern
	case $tap_seen in
	$1) result 0 "... says $1" ;;
	*) same "... says $1" "$1" "$tap_seen" ;;
	esac
}

# eventually COMMAND...: until it succeeds, or for too long
eventually()
{
	tap_tries=$TRIES
	until "$@" >"$tmp/eventually" 2>&1; do
		tap_tries=$((tap_tries - 1))
		[ $tap_tries -gt 0 ] || return 1
		sleep 0.1
	done
}

# ends PID: a child ends in time; if not, it is killed. The shell may have
# waited for it already.
ended()
{
	! grep -q '^State:[[:space:]]*[^Z[:space:]]' "/proc/$1/status"
}
ends()
{
	eventually ended "$1" && return
	kill -9 "$1"
	return 1
}

done_testing()
{
	echo "1..$tap_count"
	[ $tap_failed -eq 0 ]
	exit
}

# ---- The server

our_modules()
{
	sed -n 's/^\(freq\|freq_[^ ]*\) .*/\1/p' /proc/modules
}

module_loaded()
{
	grep -q "^$1 " /proc/modules
}

module_gone()
{
	! module_loaded "$1"
}

# One try at ending all that there is
server_end()
{
	freqctl list --allocated 2>/dev/null | sed 1d |
	while read -r frequency _; do
		freqctl deallocate "$frequency"
	done 2>/dev/null
	freqctl stop >/dev/null 2>&1
	for module in $(our_modules); do
		rmmod "$module" 2>/dev/null
	done
	[ -z "$(our_modules)" ]
}

server_clean()
{
	[ -z "$(our_modules)" ] || eventually server_end
}

# server_start RELEASE [PARAMETER]: a fresh one
server_start()
{
	server_clean && modprobe "freq_$1" ${2:+"$2"}
}

# as_nobody COMMAND: by a user who has access to the device, and no privilege
as_nobody()
{
	test ! -e /dev/freq || chmod 0666 /dev/freq
	su -s /bin/sh nobody -c "$1"
}

# json_has NAME WORD...: the file $tmp/json, without blanks, has all of them
json_has()
{
	name=$1
	shift
	tr -d ' \n' <"$tmp/json" >"$tmp/compact"
	for word; do
		grep -qF "$word" "$tmp/compact" && continue
		same "$name" "$word" "$(cat "$tmp/compact")"
		return
	done
	result 0 "$name"
}

# json_balanced NAME: brackets close in order, strings end, and it is one value
json_balanced()
{
	awk '
	{ text = text $0 "\n" }
	END {
		for (i = 1; i <= length(text); i++) {
			c = substr(text, i, 1)
			if (quoted) {
				if (c == "\\")
					i++
				else if (c == "\"")
					quoted = 0
			} else if (c == "\"") {
				quoted = 1
			} else if (c == "{" || c == "[") {
				if (!depth && values++)
					exit 1
				open[++depth] = c
			} else if (c == "}" || c == "]") {
				if (open[depth--] != (c == "}" ? "{" : "["))
					exit 1
			}
		}
		exit depth || quoted || values != 1
	}' "$tmp/json"
	result $? "$1"
}

# waiters_are NUMBER: so many requests wait
waiters_are()
{
	freqctl status | grep -qi "^waiters.*[^0-9]$1\$"
}

# list_is NAME FREE ALLOCATED: what sysfs shows
list_is()
{
	read -r seen_free <$SYSFS/free
	read -r seen_allocated <$SYSFS/allocated
	same "$1: free" "$2" "$seen_free"
	same "$1: allocated" "$3" "$seen_allocated"
}

# ---- Clients that stay: freqctl shell with a pipe each way. There are two,
# a and b, since a portable shell has few descriptors.

client_open()
{
	mkfifo "$tmp/$1.to" "$tmp/$1.from" || exit 1
	freqctl shell <"$tmp/$1.to" >"$tmp/$1.from" 2>"$tmp/$1.err" \
		3>&- 4>&- 5>&- 6>&- &
	case $1 in
	a) client_a=$!; exec 3>"$tmp/a.to" 4<"$tmp/a.from" ;;
	b) client_b=$!; exec 5>"$tmp/b.to" 6<"$tmp/b.from" ;;
	esac
	rm "$tmp/$1.to" "$tmp/$1.from"
}

# ask CLIENT COMMAND: prints the answer, a line, unless there is none for too long
ask()
{
	case $1 in
	a) echo "$2" >&3 && timeout $((TRIES / 10)) head -n 1 <&4 ;;
	b) echo "$2" >&5 && timeout $((TRIES / 10)) head -n 1 <&6 ;;
	esac
}

process_ended()
{
	case $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) in
	''|Z*) ;;
	*) return 1 ;;
	esac
}

# finish PROCESS: its exit status; of one that does not end, that of a kill
finish()
{
	eventually process_ended "$1" || kill -9 "$1"
	wait "$1"
}

# The end of its input ends it; its exit status is returned
client_close()
{
	case $1 in
	a) exec 3>&- 4<&-; finish "$client_a" ;;
	b) exec 5>&- 6<&-; finish "$client_b" ;;
	esac
}

leave()
{
	exec 3>&- 4<&- 5>&- 6<&-
	# Also those that a test that failed left behind.
	for process in $(jobs -p); do
		kill -9 "$process" 2>/dev/null
	done
	server_clean
	rm -rf "$tmp"
}

trap leave EXIT
trap 'exit 1' HUP INT TERM
