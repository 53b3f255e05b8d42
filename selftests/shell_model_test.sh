#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The exercise's server as a model in awk makes up random commands for freqctl
# shell, upgrades among them, with the answers that they must get.
#
# FREQ_TEST_SEEDS, numbers, chooses other sequences than usual.
# shellcheck source=freq_test.sh
. "$(dirname "$0")/freq_test.sh"

COMMANDS=500

# model SEED: writes $tmp/commands and $tmp/wanted
model()
{
	awk -v seed="$1" -v commands=$COMMANDS -v to="$tmp/commands" \
		-v wanted="$tmp/wanted" '
	# Small enough to be exact where numbers are floating-point
	function random(limit) {
		seed = seed * 16807 % 2147483647
		return int(seed / 8) % limit
	}
	function say(command, answer) {
		print command >to
		print answer >wanted
	}

	# free_list[head] to free_list[tail - 1]; state: "free" or "held"
	function push_head(f) { free_list[--head] = f; state[f] = "free" }
	function push_tail(f) { free_list[tail++] = f; state[f] = "free" }

	function allocate(keep,   f) {
		if (head == tail) {
			say("allocate" keep, "error no_frequency")
			return
		}
		f = free_list[head++]
		state[f] = "held"
		held[held_count++] = f
		say("allocate" keep, "ok " f)
	}
	# All or none, whichever release runs
	function allocate_several(keep,   count, i, f, text) {
		count = 1 + random(5)
		keep = " -n " count keep
		if (tail - head < count) {
			say("allocate" keep, "error no_frequency")
			return
		}
		for (i = 0; i < count; i++) {
			f = free_list[head++]
			state[f] = "held"
			held[held_count++] = f
			text = text (i ? "," : "") f
		}
		say("allocate" keep, "ok " text)
	}
	# To look at a state would make it exist
	function is_held(f) {
		return f in state && state[f] == "held"
	}
	function give_back(f,   i) {
		for (i = 0; held[i] != f; i++)
			;
		held[i] = held[--held_count]
		push_head(f)
	}
	function any_number() {
		return held_count && random(8) ? held[random(held_count)] :
						 random(200)
	}
	# Release 2 looks at all of them first
	function deallocate(   count, i, list, text, answer, seen) {
		count = random(3) ? 1 : 1 + random(4)
		answer = "ok"
		for (i = 0; i < count; i++) {
			list[i] = any_number()
			text = text (i ? "," : "") list[i]
			if (!is_held(list[i]) || list[i] in seen)
				answer = "error not_allocated"
			seen[list[i]]
		}
		if (answer == "ok" || running == 1)
			for (i = 0; i < count && is_held(list[i]); i++)
				give_back(list[i])
		say("deallocate " text, answer)
	}
	function inject(   count, i, list, text, answer, twice) {
		count = 1 + random(4)
		for (i = 0; i < count; i++) {
			list[i] = random(400)
			text = text (i ? "," : "") list[i]
			if (list[i] in state || list[i] in twice)
				answer = "error duplicate"
			twice[list[i]]
		}
		if (running == 1)
			answer = "error not_supported"
		say("inject " text, answer == "" ? "ok" : answer)
		if (answer != "")
			return
		for (i = 0; i < count; i++)
			push_tail(list[i])
	}
	# The numbers in a state, ascending, neighbours as a range
	function ranges(which,   f, text, first) {
		first = -1
		for (f = 0; f <= 401; f++) {
			if (f in state && state[f] == which) {
				if (first < 0)
					first = f
				continue
			}
			if (first < 0)
				continue
			text = text (text == "" ? "" : ",") first
			if (first < f - 1)
				text = text "-" f - 1
			first = -1
		}
		return text
	}
	function change_release(   release) {
		release = 1 + random(2)
		if (random(2)) {
			say("upgrade v" release, "ok")
			running = release
		} else if (random(2)) {
			say("load v" release, "ok")
			running = release
		} else {
			say("purge --soft v" release,
			    release == running ? "error busy" : "ok")
		}
	}

	BEGIN {
		running = 1
		head = tail = 100000
		held_count = 0
		for (f = 10; f <= 15; f++)
			push_tail(f)
		# How eager this sequence is to allocate
		eager = 30 + random(30)
		for (i = 0; i < commands; i++) {
			dice = random(100)
			keep = random(5) ? "" : " --keep"
			if (dice < eager - 8)
				allocate(keep)
			else if (dice < eager)
				allocate_several(keep)
			else if (dice < 85)
				deallocate()
			else if (dice < 93)
				inject()
			else if (dice < 96)
				say("list", "ok free=" ranges("free") \
				    " allocated=" ranges("held"))
			else if (dice < 98)
				say("status", "ok release=v" running \
				    " free=" tail - head \
				    " allocated=" held_count " clients=1")
			else
				change_release()
		}
	}'
}

seeds='1 2 3 4 5 6'
test -z "$FREQ_TEST_SHORT" || seeds='1 2'
for seed in ${FREQ_TEST_SEEDS:-$seeds}; do
	# The generator must not be given 0, and begins alike for small ones.
	model $((seed * 7919 + 104729))
	server_start v1
	freqctl shell <"$tmp/commands" >"$tmp/seen" 2>"$tmp/err"
	same "the shell exits, seed $seed" 0 $?
	paste "$tmp/commands" "$tmp/wanted" >"$tmp/wanted.both"
	paste "$tmp/commands" "$tmp/seen" >"$tmp/seen.both"
	diff "$tmp/wanted.both" "$tmp/seen.both" >"$tmp/diff"
	result $? "$(wc -l <"$tmp/wanted") answers as the model's, seed $seed"
	head -n 20 "$tmp/diff" | sed 's/^/# /'
done
done_testing
