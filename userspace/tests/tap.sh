# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# TAP, as far as a test in shell needs it; and a folder $tmp for its files.

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

# No test can expect the report of a sanitizer: the exit status is 99, and
# done_testing() finds the report even if nothing looks at the status.
tap_options="exitcode=99:halt_on_error=1:log_path=$tmp/sanitizer"
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}$tap_options"
export LSAN_OPTIONS="${LSAN_OPTIONS:+$LSAN_OPTIONS:}$tap_options"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:+$UBSAN_OPTIONS:}$tap_options"

tap_count=0
tap_failed=0

# result STATUS NAME: report a test that passed if STATUS is 0.
result()
{
	tap_count=$((tap_count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap_count - $2"
	else
		echo "not ok $tap_count - $2"
		tap_failed=$((tap_failed + 1))
	fi
}

# check NAME COMMAND...: COMMAND must be true.
check()
{
	tap_name=$1
	shift
	"$@"
	result $? "$tap_name"
}

# same NAME EXPECTED SEEN: the files must be the same.
same()
{
	diff -u "$2" "$3" >"$tmp/diff"
	result $? "$1"
	sed 's/^/# /' "$tmp/diff"
}

# try STATUS COMMAND...: COMMAND must exit so; its output is then in $tmp/out
# and $tmp/err. The command is the name of the test.
try()
{
	tap_status=$1
	shift
	tap_seen=0
	"$@" >"$tmp/out" 2>"$tmp/err" || tap_seen=$?
	tap_words=$*
	[ "$tap_seen" -eq "$tap_status" ]
	result $? "$(printf 'exit status %s: %s' "$tap_status" "${tap_words##*/}" |
		tr '\n\t' '  ')"
	if [ "$tap_seen" -ne "$tap_status" ]; then
		echo "# exit status is $tap_seen"
		sed 's/^/# stdout: /' "$tmp/out"
		sed 's/^/# stderr: /' "$tmp/err"
	fi
}

# out TEXT, err TEXT: what the last try wrote must be this; a "*" in the
# TEXT for err stands for anything.
out()
{
	printf '%s' "$1" >"$tmp/expected"
	same "... stdout" "$tmp/expected" "$tmp/out"
}

err()
{
	tap_text=$(cat "$tmp/err")
	# shellcheck disable=SC2254
	case $tap_text in
	$1) result 0 "... stderr" ;;
	*)
		result 1 "... stderr"
		printf '%s\n' "$tap_text" | sed 's/^/# /'
		;;
	esac
}

done_testing()
{
	find "$tmp" -maxdepth 1 -name 'sanitizer.*' -exec cat {} + \
		>"$tmp/reports"
	if [ -s "$tmp/reports" ]; then
		result 1 'no sanitizer has reported anything'
		sed 's/^/# /' "$tmp/reports"
	fi
	echo "1..$tap_count"
	[ "$tap_failed" -eq 0 ]
	exit
}
