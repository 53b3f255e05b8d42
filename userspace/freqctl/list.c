// SPDX-License-Identifier: GPL-2.0-only
/*
 * freqctl list: the frequencies and their holders.
 *
 * There can be millions, so each is printed as it comes. Whether the release
 * knows grants is found out by the first page: it can have been replaced since
 * any earlier question.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include <libfreq.h>

#include "boot_time.h"
#include "command.h"
#include "failure.h"
#include "json.h"
#include "label.h"
#include "names.h"
#include "server.h"

/**
 * struct list - how to print a list
 * @names: a cache of names
 * @json: for programs
 * @grants: the release knows grants and labels
 * @offset: from boot_time_offset()
 */
struct list {
	struct names *names;
	bool json;
	bool grants;
	__s64 offset;
};

static void print_heading(const struct list *list)
{
	printf("%-20s  %-9s  %-4s  %7s  %-15s  ", "FREQUENCY", "STATE", "KEEP",
	       "PID", "COMMAND");
	if (list->grants)
		printf("%-15s  %-20s  %-25s  %s\n", "USER", "GRANT", "SINCE",
		       "LABEL");
	else
		printf("USER\n");
}

static void print_row(const struct list *list,
		      const struct freq_grant_entry *entry)
{
	const char *name = names_process(list->names, entry->pid);
	char label[LABEL_TEXT_SIZE], since[BOOT_TIME_SIZE];
	char pid[16] = "-";
	const char *user;

	if (!(entry->flags & FREQ_ENTRY_ALLOCATED)) {
		printf("%-20llu  free\n", entry->frequency);
		return;
	}
	if (entry->pid)
		snprintf(pid, sizeof(pid), "%d", (int)entry->pid);
	printf("%-20llu  allocated  %-4s  %7s  %-15s  ", entry->frequency,
	       entry->flags & FREQ_ENTRY_KEEP ? "yes" : "no", pid,
	       name ? name : "-");
	user = names_user(list->names, entry->uid);
	if (!list->grants) {
		printf("%s\n", user);
		return;
	}
	boot_time_format(boot_time_seconds(entry->since, list->offset), since);
	label_escape(entry->label, label);
	printf("%-15s  %-20llu  %-25s  %s\n", user, entry->grant, since,
	       *label ? label : "-");
}

/* Adds what only some releases know. */
static json_t *add_grant(json_t *value, const struct list *list,
			 const struct freq_grant_entry *entry)
{
	json_t *more;

	more = json_pack("{s:o,s:I,s:o}",
			 "grant", json_number(entry->grant),
			 "since", (json_int_t)boot_time_seconds(entry->since,
								list->offset),
			 "label", json_label(entry->label));
	if (json_object_update_new(value, more)) {
		json_decref(value);
		return NULL;
	}
	return value;
}

static int print_json(const struct list *list,
		      const struct freq_grant_entry *entry)
{
	static const char free_format[] = "{s:o,s:s}";
	static const char allocated_format[] = "{s:o,s:s,s:b,s:o,s:s?,s:I,s:s}";
	json_t *value;

	if (entry->flags & FREQ_ENTRY_ALLOCATED) {
		value = json_pack(allocated_format,
				  "frequency", json_number(entry->frequency),
				  "state", "allocated",
				  "keep", !!(entry->flags & FREQ_ENTRY_KEEP),
				  "pid", entry->pid ? json_integer(entry->pid) :
						      json_null(),
				  "command", names_process(list->names,
							   entry->pid),
				  "uid", (json_int_t)entry->uid,
				  "user", names_user(list->names, entry->uid));
		if (list->grants)
			value = add_grant(value, list, entry);
	} else {
		value = json_pack(free_format,
				  "frequency", json_number(entry->frequency),
				  "state", "free");
	}
	return json_print(value, "");
}

static int next(const struct list *list, struct freq_listing *listing,
		struct freq_grant_entry *entry)
{
	struct freq_entry plain;
	int ret;

	if (list->grants)
		return freq_listing_next_grant(listing, entry);
	ret = freq_listing_next(listing, &plain);
	*entry = (struct freq_grant_entry){
		.frequency = plain.frequency,
		.flags = plain.flags,
		.uid = plain.uid,
		.pid = plain.pid,
	};
	return ret;
}

/* Returns EXIT_*; -1 if the release does not know grants, with no output. */
static int print_entries(const struct list *list, struct freq_listing *listing)
{
	struct freq_grant_entry entry = { 0 };
	bool first = true;
	int ret;

	while ((ret = next(list, listing, &entry)) > 0) {
		if (list->json) {
			fputs(first ? "[\n " : ",\n ", stdout);
			if (print_json(list, &entry))
				return EXIT_FAILED;
		} else {
			if (first)
				print_heading(list);
			print_row(list, &entry);
		}
		first = false;
	}
	if (ret < 0) {
		if (first && list->grants && errno == ENOTTY)
			return -1;
		warnx("cannot list: %s", failure_text(errno));
		return EXIT_FAILED;
	}
	if (list->json)
		fputs(first ? "[\n]\n" : "\n]\n", stdout);
	return EXIT_DONE;
}

static int print_list(struct freq_client *client, const struct list *list,
		      __u32 flags)
{
	struct freq_listing *listing;
	int status;

	if (list->grants)
		listing = freq_client_list_grants(client, flags,
						  sizeof(struct freq_grant_entry));
	else
		listing = freq_client_list(client, flags);
	if (!listing) {
		warn("cannot list");
		return EXIT_FAILED;
	}
	status = print_entries(list, listing);
	freq_listing_free(listing);
	return status;
}

static int show(__u32 flags, bool json)
{
	struct freq_client *client = server_open(O_RDONLY);
	struct list list = { .json = json, .grants = true };
	int status;

	if (!client)
		return EXIT_FAILED;
	list.offset = boot_time_offset();
	list.names = names_new(server_device(client));
	if (list.names) {
		status = print_list(client, &list, flags);
		if (status < 0) {
			list.grants = false;
			status = print_list(client, &list, flags);
		}
	} else {
		warn("cannot list");
		status = EXIT_FAILED;
	}
	names_free(list.names);
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
