# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# What is fetched once and kept: kernels, their headers, pieces of their source.
# To be sourced: needs sh, apt and util-linux only.

cache=${FREQ_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/freq}

# cached NAME COMMAND...: make sure that $cache/NAME is there.
#
# COMMAND fills an empty folder, its working directory, which is then renamed
# to NAME: what has its name is whole. One process does it while others wait;
# a folder left by one that was killed is swept by the next.
cached()
{
	test -e "$cache/$1" && return
	mkdir -p "$cache" && (
		name=$1 && shift
		exec 9>"$cache/.$name.lock" && flock 9 || exit 1
		test -e "$cache/$name" && exit
		new=$cache/.$name.new
		rm -rf "$new"
		mkdir "$new" && cd "$new" || exit 1
		trap 'rm -rf "$new"' EXIT
		trap 'exit 1' HUP INT TERM
		"$@" >&2 && mv -T "$new" "$cache/$name"
	)
}

# apt_get ARGUMENT...: _apt may not write here, and need not read here
apt_get()
{
	apt-get -q -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0 "$@"
}

# fetch PACKAGES: download the packages that the function PACKAGES names.
#
# The machine's lists may be absent, or so old that what they name is gone: then
# fresh ones, from the same sources, are put here, which takes no privilege.
fetch()
{
	fetch_named "$1" && return
	echo "the package lists are missing or out of date: reading new ones" >&2
	mkdir -p apt/lists/partial apt/cache/archives/partial || return 1
	APT_CONFIG=$PWD/apt/conf && export APT_CONFIG
	{
		echo "Dir::State::Lists \"$PWD/apt/lists\";"
		echo "Dir::Cache \"$PWD/apt/cache\";"
	} > "$APT_CONFIG"
	apt_get update && fetch_named "$1"
	set -- $?
	unset APT_CONFIG
	rm -rf apt
	return "$1"
}

fetch_named()
{
	named=$("$1") && test -n "$named" || return 1
	# shellcheck disable=SC2086
	set -- $named
	echo "fetching: $*" >&2
	apt_get download "$@"
}
