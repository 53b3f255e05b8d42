#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The unit tests in the kernel, each of their cases a test of its own here. For
# a kernel with CONFIG_KUNIT and CONFIG_KUNIT_DEBUGFS.
# shellcheck source=freq_test.sh
. "$(dirname "$0")/freq_test.sh"

check 'the unit tests can be loaded' modprobe freq_kunit
for suite in /sys/kernel/debug/kunit/freq_*; do
	name=${suite##*/}
	# Further in than its results are those of a case's parameters.
	sed -En 's/^ {4}((not )?ok) [0-9]+ (- )?/\1 /p' "$suite/results" >"$tmp/cases"
	same "$name: all cases have run" \
		"$(sed -n 's/^    1\.\.//p' "$suite/results")" "$(wc -l <"$tmp/cases")"
	while read -r line; do
		case $line in
		ok\ *SKIP*|not\ *) result 1 "$name: $line" ;;
		*) result 0 "$name: ${line#ok }" ;;
		esac
	done <"$tmp/cases"
	[ "$tap_failed" -eq 0 ] || sed 's/^/# /' "$suite/results"
done
check 'and removed' rmmod freq_kunit
done_testing
