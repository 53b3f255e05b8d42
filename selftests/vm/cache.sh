# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# The cache of downloads and builds: kernels, their headers, parts of their
# source. To be sourced. Needs sh, apt and util-linux only.

cache=${FREQ_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/freq}

# cached NAME COMMAND...: ensure that $cache/NAME exists.
#
# COMMAND fills an empty folder, its working directory, which is then renamed
# to NAME: an entry with its final name is complete. One process does it while
# others wait. A folder left by a killed process is removed by the next one.
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

# apt_get ARGUMENT...: without the user _apt, who may not write here
apt_get()
{
	apt-get -q -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0 "$@"
}

# sources SUITE...: print an apt source list of these suites, on the mirror that
# the machine uses. The machine's own lists need not have the suites.
#
# Asks apt for the mirror: source lists have two formats and many places.
sources()
{
	code=$(. /etc/os-release && echo "$VERSION_CODENAME")
	mirror=$(apt_get update --print-uris | sed -n "s,^'\(.*\)/dists/$code/InRelease'.*,\1,p" | head -n 1)
	if [ -z "$mirror" ]; then
		echo "apt knows no mirror of Debian $code" >&2
		return 1
	fi
	for wanted; do
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $wanted main"
	done
}

# fetch PACKAGES [SUITE]: download the packages that the function PACKAGES
# prints, from SUITE, or else from the suites that the machine has.
#
# The machine's package lists may be missing, or so old that their packages are
# gone. Then new lists from the same sources are read into this folder, which
# takes no privilege. The lists of a SUITE are always read that way.
fetch()
{
	if [ -z "$2" ]; then
		fetch_named "$1" && return
		echo "the package lists are missing or out of date: reading new ones" >&2
	fi
	mkdir -p apt/lists/partial apt/cache/archives/partial || return 1
	{
		echo "Dir::State::Lists \"$PWD/apt/lists\";"
		echo "Dir::Cache \"$PWD/apt/cache\";"
		if [ "$2" ]; then
			sources "$2" > apt/sources.list || return 1
			echo "Dir::Etc::SourceList \"$PWD/apt/sources.list\";"
			echo "Dir::Etc::SourceParts \"/dev/null\";"
		fi
	} > apt/conf
	APT_CONFIG=$PWD/apt/conf && export APT_CONFIG
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

# source_archive: ensure that linux-source-6.1.tar.xz and its version are in the
# cache, and print their folder.
source_archive()
{
	cached archive-6.1 fetch_source && echo "$cache/archive-6.1"
}

fetch_source()
{
	fetch source_packages || return 1
	dpkg-deb -f linux-source-*.deb Version > version &&
	dpkg-deb --fsys-tarfile linux-source-*.deb |
		tar -x --strip-components=3 --wildcards '*.tar.xz' &&
	rm linux-source-*.deb
}

source_packages()
{
	echo linux-source-6.1
}
