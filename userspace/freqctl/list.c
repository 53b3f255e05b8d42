// SPDX-License-Identifier: GPL-2.0-only
/*
 * freqctl list: the frequencies and their holders.
 *
 * There can be millions, so each is printed as it comes.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include <libfreq.h>

#include "command.h"
#include "failure.h"
#include "json.h"
#include "names.h"
#include "server.h"

static void print_heading(void)
{
	printf("%-20s  %-9s  %-4s  %7s  %-15s  %s\n", "FREQUENCY", "STATE",
	       "KEEP", "PID", "COMMAND", "USER");
}

static void print_row(const struct freq_entry *entry, struct names *names)
{
	const char *name = names_process(names, entry->pid);
	char pid[16] = "-";

	if (!(entry->flags & FREQ_ENTRY_ALLOCATED)) {
		printf("%-20llu  free\n", entry->frequency);
		return;
	}
	if (entry->pid)
		snprintf(pid, sizeof(pid), "%d", (int)entry->pid);
	printf("%-20llu  allocated  %-4s  %7s  %-15s  %s\n", entry->frequency,
	       entry->flags & FREQ_ENTRY_KEEP ? "yes" : "no", pid,
	       name ? name : "-", names_user(names, entry->uid));
}

static int print_json(const struct freq_entry *entry, struct names *names)
{
	static const char free_format[] = "{s:o,s:s}";
	static const char allocated_format[] = "{s:o,s:s,s:b,s:o,s:s?,s:I,s:s}";
	json_t *value;

	if (entry->flags & FREQ_ENTRY_ALLOCATED)
		value = json_pack(allocated_format,
				  "frequency", json_number(entry->frequency),
				  "state", "allocated",
				  "keep", !!(entry->flags & FREQ_ENTRY_KEEP),
				  "pid", entry->pid ? json_integer(entry->pid) :
						      json_null(),
				  "command", names_process(names, entry->pid),
				  "uid", (json_int_t)entry->uid,
				  "user", names_user(names, entry->uid));
	else
		value = json_pack(free_format,
				  "frequency", json_number(entry->frequency),
				  "state", "free");
	return json_print(value, "");
}

static int print_entries(struct freq_listing *listing, struct names *names,
			 bool json)
{
	struct freq_entry entry;
	bool first = true;
	int ret;

	if (json)
		fputs("[", stdout);
	while ((ret = freq_listing_next(listing, &entry)) > 0) {
		if (json) {
			fputs(first ? "\n " : ",\n ", stdout);
			if (print_json(&entry, names))
				return EXIT_FAILED;
		} else {
			if (first)
				print_heading();
			print_row(&entry, names);
		}
		first = false;
	}
	if (ret < 0) {
		warnx("cannot list: %s", failure_text(errno));
		return EXIT_FAILED;
	}
	if (json)
		fputs("\n]\n", stdout);
	return EXIT_DONE;
}

static int show(__u32 flags, bool json)
{
	struct freq_client *client = server_open(O_RDONLY);
	struct freq_listing *listing;
	int status = EXIT_FAILED;
	struct names *names;

	if (!client)
		return EXIT_FAILED;
	listing = freq_client_list(client, flags);
	names = names_new(server_device(client));
	if (listing && names)
		status = print_entries(listing, names, json);
	else
		warn("cannot list");
	names_free(names);
	freq_listing_free(listing);
	freq_client_close(client);
	return status;
}

enum {
	OPTION_JSON = 0x100,
};

static const struct command_option options[] = {
	{ 'f', "free", NULL, "free frequencies only" },
	{ 'a', "allocated", NULL, "allocated frequencies only" },
	{ OPTION_JSON, "json", NULL, "for programs: an array of objects" },
	{ 0 }
};

static int run(int argc, char **argv)
{
	const struct command *command = &list_command;
	bool json = false;
	__u32 flags = 0;
	int option;

	while ((option = command_option(command, argc, argv)) != -1) {
		switch (option) {
		case 'f':
			flags |= FREQ_LIST_FREE;
			break;
		case 'a':
			flags |= FREQ_LIST_ALLOCATED;
			break;
		case OPTION_JSON:
			json = true;
			break;
		}
	}
	if (optind < argc) {
		warnx("unexpected argument '%s'", argv[optind]);
		return command_usage(command);
	}
	if (flags == (FREQ_LIST_FREE | FREQ_LIST_ALLOCATED)) {
		warnx("--free and --allocated exclude each other");
		return command_usage(command);
	}
	return show(flags, json);
}

const struct command list_command = {
	.name = "list",
	.arguments = "[--free|--allocated] [--json]",
	.description = "List the frequencies and their holders",
	.options = options,
	.run = run,
};
