// SPDX-License-Identifier: GPL-2.0-only
/*
 * freqctl status: which release runs, and how much it has.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <libfreq.h>

#include "command.h"
#include "failure.h"
#include "json.h"
#include "release.h"
#include "server.h"

/**
 * struct status - all that is shown
 * @running: number of the running release; 0 if none runs
 * @loaded: numbers of the releases that are loaded
 * @loaded_count: how many they are
 * @info: what the server says; only if @running
 */
struct status {
	unsigned int running;
	unsigned int *loaded;
	size_t loaded_count;
	struct freq_info info;
};

static const char *feature_name(unsigned int bit)
{
	static char name[16];

	if (FREQ_FEATURE_INJECT == 1ULL << bit)
		return "inject";
	/* The release is newer than this program. */
	snprintf(name, sizeof(name), "feature%u", bit);
	return name;
}

static void print_loaded(const struct status *status)
{
	size_t i;

	for (i = 0; i < status->loaded_count; i++)
		printf("%sv%u (%s)", i ? ", " : "", status->loaded[i],
		       status->loaded[i] == status->running ? "runs" : "idle");
	puts(i ? "" : "none");
}

static void print_features(__u64 features)
{
	const char *separator = "";
	unsigned int bit;

	for (bit = 0; bit < 64; bit++) {
		if (!(features >> bit & 1))
			continue;
		printf("%s%s", separator, feature_name(bit));
		separator = ", ";
	}
	puts(features ? "" : "none");
}

static void print_text(const struct status *status)
{
	if (status->running)
		printf("release    v%u\n", status->running);
	else
		printf("release    none\n");
	printf("loaded     ");
	print_loaded(status);
	if (!status->running)
		return;
	printf("free       %llu\n", status->info.free);
	printf("allocated  %llu\n", status->info.allocated);
	printf("clients    %u\n", status->info.clients);
	printf("features   ");
	print_features(status->info.features);
}

static json_t *json_loaded(const struct status *status)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < status->loaded_count; i++)
		json_array_append_new(array, json_integer(status->loaded[i]));
	return array;
}

static json_t *json_features(__u64 features)
{
	json_t *array = json_array();
	unsigned int bit;

	for (bit = 0; bit < 64; bit++)
		if (features >> bit & 1)
			json_array_append_new(array,
					      json_string(feature_name(bit)));
	return array;
}

static int print_json(const struct status *status)
{
	json_t *value;

	if (!status->running)
		return json_print(json_pack("{s:n,s:o}", "release", "loaded",
					    json_loaded(status)), "\n");
	value = json_pack("{s:I,s:o,s:o,s:o,s:I,s:o}",
			  "release", (json_int_t)status->running,
			  "loaded", json_loaded(status),
			  "free", json_number(status->info.free),
			  "allocated", json_number(status->info.allocated),
			  "clients", (json_int_t)status->info.clients,
			  "features", json_features(status->info.features));
	return json_print(value, "\n");
}

/* Asks the server; that none is there is an answer, too. */
static int read_status(struct status *status)
{
	struct freq_client *client = freq_client_open(NULL, O_RDONLY);
	int err = 0;

	if (!client || freq_client_info(client, &status->info,
					sizeof(status->info)))
		err = errno;
	else
		status->running = status->info.release;
	freq_client_close(client);

	if (!err || err == ENODEV)
		return 0;
	warnx("cannot ask the server: %s", failure_text(err));
	return -1;
}

static int show(bool json)
{
	struct status status = { 0 };
	int ret = EXIT_FAILED;

	if (read_status(&status) ||
	    release_list_loaded(&status.loaded, &status.loaded_count))
		return EXIT_FAILED;

	if (json) {
		if (print_json(&status))
			goto free;
	} else {
		print_text(&status);
	}
	if (status.running)
		ret = EXIT_DONE;
	else
		warnx("no release runs");
free:
	free(status.loaded);
	return ret;
}

enum {
	OPTION_JSON = 0x100,
};

static const struct command_option options[] = {
	{ OPTION_JSON, "json", NULL, "for programs: an object" },
	{ 0 }
};

static int run(int argc, char **argv)
{
	const struct command *command = &status_command;
	bool json = false;

	while (command_option(command, argc, argv) == OPTION_JSON)
		json = true;
	if (optind < argc) {
		warnx("unexpected argument '%s'", argv[optind]);
		return command_usage(command);
	}
	return show(json);
}

const struct command status_command = {
	.name = "status",
	.arguments = "[--json]",
	.description = "Show which release runs, and how much it has",
	.options = options,
	.run = run,
};
