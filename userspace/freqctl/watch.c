// SPDX-License-Identifier: GPL-2.0-only
/*
 * freqctl watch: what happens to the frequencies, as it happens.
 *
 * All that one read returns is written before the next one, so that a pipe gets
 * each record when it is there. Names are looked up anew each time: processes
 * and users come and go while this runs.
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
#include "names.h"
#include "records.h"
#include "server.h"
#include "spans.h"

/* As many as a read of the device can return */
#define RECORDS_MAX 64

#define ALL_KINDS ((1U << FREQ_RECORD_PRESENT_END) - 1)

/**
 * struct watch - what to print
 * @spans: of these frequencies; empty: of all
 * @kinds: as of struct freq_subscribe
 * @flags: FREQ_SUBSCRIBE_*
 * @is_limited: end after @left records
 * @left: how many records are still to be printed
 * @json: for programs
 */
struct watch {
	struct spans spans;
	__u32 kinds;
	__u32 flags;
	bool is_limited;
	__u32 left;
	bool json;
};

static int subscribe(struct freq_client *client, const struct watch *watch)
{
	if (!freq_client_subscribe(client, watch->kinds, watch->flags,
				   watch->spans.values, watch->spans.count,
				   sizeof(struct freq_record)))
		return 0;
	warnx("cannot watch: %s",
	      errno == EDQUOT ? "the user has too many subscriptions" :
				failure_v3_text(errno));
	return -1;
}

static void report_end(int err)
{
	if (err == ENODEV)
		warnx("the server was stopped");
	else if (err == EINVAL)
		warnx("the subscription has ended: the server was stopped, or downgraded");
	else
		warnx("cannot read records: %s", failure_text(err));
}

/* In the place where they are missing, also on a terminal */
static void report_lost(__u64 lost)
{
	fflush(stdout);
	warnx("records lost: %llu", lost);
}

/* Returns 0; -1 after a message. */
static int print_records(struct watch *watch, const struct records *how,
			 const struct freq_record *records, int count)
{
	int i;

	for (i = 0; i < count; i++) {
		if (records[i].lost)
			report_lost(records[i].lost);
		if (records_print(how, &records[i]))
			return -1;
		if (watch->is_limited &&
		    records[i].kind != FREQ_RECORD_PRESENT_END)
			watch->left--;
	}
	return 0;
}

/* Returns 0; -1 after a message, or with an error of stdout. */
static int print_all(struct freq_client *client, struct watch *watch,
		     const struct freq_record *records, int count)
{
	struct records how = { .json = watch->json };
	int ret;

	how.names = names_new(server_device(client));
	if (!how.names) {
		warn("cannot print records");
		return -1;
	}
	how.offset = boot_time_offset();
	ret = print_records(watch, &how, records, count);
	names_free(how.names);
	return fflush(stdout) || ferror(stdout) ? -1 : ret;
}

/* Until the last record that is wanted, or a failure */
static int print_what_happens(struct freq_client *client, struct watch *watch)
{
	static struct freq_record records[RECORDS_MAX];
	size_t room = RECORDS_MAX;
	int count;

	while (!watch->is_limited || watch->left) {
		if (watch->is_limited && watch->left < room)
			room = watch->left;
		count = freq_client_read_records(client, records, room,
						 sizeof(*records));
		if (count < 0) {
			report_end(errno);
			return EXIT_FAILED;
		}
		if (print_all(client, watch, records, count))
			return EXIT_FAILED;
	}
	return EXIT_DONE;
}

static int show(struct watch *watch)
{
	struct freq_client *client = server_open(O_RDONLY);
	int status = EXIT_FAILED;

	if (!client)
		return EXIT_FAILED;
	if (!subscribe(client, watch)) {
		if (!watch->json)
			records_print_heading();
		/* From here on, nothing that happens is missed. */
		if (!fflush(stdout))
			status = print_what_happens(client, watch);
	}
	freq_client_close(client);
	return status;
}

enum {
	OPTION_JSON = 0x100,
};

static const struct command_option options[] = {
	{ 'k', "kind", "KIND", "records of this kind; can be repeated" },
	{ 'p', "present", NULL, "first, what is allocated already" },
	{ 'n', "count", "N", "end after N records" },
	{ OPTION_JSON, "json", NULL, "for programs: an object a line" },
	{ 0 }
};

static void print_details(void)
{
	puts("\nKinds: " RECORDS_KINDS);
}

static int add_kind(const char *name, __u32 *kinds)
{
	unsigned int kind;

	if (records_find_kind(name, &kind)) {
		warnx("'%s' is not a kind of record: " RECORDS_KINDS, name);
		return -1;
	}
	*kinds |= 1U << kind;
	return 0;
}

/* Returns 0; -1 after a message. */
static int parse_option(int option, struct watch *watch)
{
	switch (option) {
	case 'k':
		return add_kind(optarg, &watch->kinds);
	case 'p':
		watch->flags |= FREQ_SUBSCRIBE_PRESENT;
		return 0;
	case 'n':
		watch->is_limited = true;
		return command_count(optarg, &watch->left);
	default:
		watch->json = true;
		return 0;
	}
}

/* Returns EXIT_DONE; or the exit status, after a message. */
static int parse(int argc, char **argv, struct watch *watch)
{
	const struct command *command = &watch_command;
	int option;

	while ((option = command_option(command, argc, argv)) != -1)
		if (parse_option(option, watch))
			return command_usage(command);
	if (!watch->kinds)
		watch->kinds = ALL_KINDS;
	if (watch->flags && !(watch->kinds & 1U << FREQ_RECORD_ALLOCATED)) {
		warnx("--present takes records of the kind allocated");
		return command_usage(command);
	}
	return spans_from_arguments(command, &watch->spans, argc - optind,
				    argv + optind);
}

static int run(int argc, char **argv)
{
	struct watch watch = { 0 };
	int status;

	status = parse(argc, argv, &watch);
	if (status == EXIT_DONE)
		status = show(&watch);
	spans_free(&watch.spans);
	return status;
}

const struct command watch_command = {
	.name = "watch",
	.arguments = "[--kind KIND]... [--present] [-n N] [--json] [SPEC...]",
	.description = "Print what happens to frequencies, as it happens",
	.options = options,
	.details = print_details,
	.run = run,
};
