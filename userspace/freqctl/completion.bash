# SPDX-License-Identifier: GPL-2.0-only
# bash completion for freqctl: commands and options from --help.
# shellcheck shell=bash

_freqctl()
{
	local current=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]}

	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "--help --version
			$(freqctl --help |
				sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')" \
			-- "$current")
	elif [ "$command" = run ] && [[ $current != -* ]]; then
		mapfile -t COMPREPLY < <(compgen -c -- "$current")
	elif [[ $command == deallocate &&
		${COMP_WORDS[COMP_CWORD - 1]} == @(-u|--user) ]]; then
		mapfile -t COMPREPLY < <(compgen -u -- "$current")
	elif [[ $command == watch &&
		${COMP_WORDS[COMP_CWORD - 1]} == @(-k|--kind) ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(freqctl watch --help |
			sed -n '/^Kinds: /{ s/[^ ]*://; s/,//g; p }')" -- "$current")
	elif [[ $current == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(freqctl "$command" --help |
			sed -n 's/^  .*\(--[a-z]*\)[[ =].*/\1/p')" -- "$current")
	elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == @(-f|--file) ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
	elif [[ $command == @(load|rehearse|upgrade|purge) ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(
			find "/lib/modules/$(uname -r)" -name 'freq_v*.ko*' |
			sed 's/.*freq_\(v[0-9]*\)\.ko.*/\1/')" -- "$current")
	fi
}
complete -F _freqctl freqctl
