// SPDX-License-Identifier: GPL-2.0-only
/*
 * freqctl status: the running release and its counts.
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
#include "module.h"
#include "rehearsal_device.h"
#include "running.h"
#include "server.h"

/* The files of this folder. */
#define UPGRADES_PATH "/sys/class/misc/freq/upgrades"

enum {
	UPGRADES_COUNT,
	UPGRADES_REFUSED,
	UPGRADES_GATE_LAST,
	UPGRADES_GATE_LONGEST,
	UPGRADES,
};

static const char *const upgrade_names[UPGRADES] = {
	[UPGRADES_COUNT] = "count",
	[UPGRADES_REFUSED] = "refused",
	[UPGRADES_GATE_LAST] = "gate_last_ns",
	[UPGRADES_GATE_LONGEST] = "gate_longest_ns",
};

/**
 * struct status - the contents of the output
 * @running: number of the running release; 0 if none runs
 * @rehearsed: number of the release that is rehearsed; 0 if none is
 * @loaded: numbers of the releases that are loaded
 * @loaded_count: the length of @loaded
 * @info: the reply of the server; only if @running
 * @upgrades: the counters of upgrades in sysfs
 */
struct status {
	unsigned int running;
	unsigned int rehearsed;
	unsigned int *loaded;
	size_t loaded_count;
	struct freq_info_v3 info;
	unsigned long long upgrades[UPGRADES];
};

static const char *feature_name(unsigned int bit)
{
	static char name[16];

	switch (1ULL << bit) {
	case FREQ_FEATURE_INJECT:
		return "inject";
	case FREQ_FEATURE_BATCH:
		return "batch";
	case FREQ_FEATURE_GRANTS:
		return "grants";
	}
	/* The release is newer than this program. */
	snprintf(name, sizeof(name), "feature%u", bit);
	return name;
}

/* The server that was asked can be the rehearsed one itself. */
static const char *loaded_as(const struct status *status, unsigned int number)
{
	if (number == status->rehearsed)
		return "rehearsed";
	return number == running_number() ? "runs" : "idle";
}

static void print_loaded(const struct status *status)
{
	size_t i;

	for (i = 0; i < status->loaded_count; i++)
		printf("%sv%u (%s)", i ? ", " : "", status->loaded[i],
		       loaded_as(status, status->loaded[i]));
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

/* And subscriptions */
static bool knows_waiters(const struct status *status)
{
	return status->info.features & FREQ_FEATURE_GRANTS;
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
	if (knows_waiters(status)) {
		printf("waiters    %u\n", status->info.waiters);
		printf("subscribed %u\n", status->info.subscriptions);
	}
	printf("features   ");
	print_features(status->info.features);
	printf("upgrades   %llu, and %llu refused\n",
	       status->upgrades[UPGRADES_COUNT],
	       status->upgrades[UPGRADES_REFUSED]);
	printf("gate       %llu ns, at the longest %llu ns\n",
	       status->upgrades[UPGRADES_GATE_LAST],
	       status->upgrades[UPGRADES_GATE_LONGEST]);
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

static json_t *json_release(unsigned int number)
{
	return number ? json_integer(number) : json_null();
}

static json_t *json_upgrades(const struct status *status)
{
	json_t *object = json_object();
	size_t i;

	for (i = 0; i < UPGRADES; i++)
		json_object_set_new(object, upgrade_names[i],
				    json_number(status->upgrades[i]));
	return object;
}

static int print_json(const struct status *status)
{
	json_t *value, *more;

	value = json_pack("{s:o,s:o,s:o,s:o}",
			  "release", json_release(status->running),
			  "loaded", json_loaded(status),
			  "rehearsed", json_release(status->rehearsed),
			  "upgrades", json_upgrades(status));
	if (!status->running)
		return json_print(value, "\n");
	more = json_pack("{s:o,s:o,s:I,s:o}",
			 "free", json_number(status->info.free),
			 "allocated", json_number(status->info.allocated),
			 "clients", (json_int_t)status->info.clients,
			 "features", json_features(status->info.features));
	if (knows_waiters(status)) {
		json_object_set_new(more, "waiters",
				    json_integer(status->info.waiters));
		json_object_set_new(more, "subscriptions",
				    json_integer(status->info.subscriptions));
	}
	if (json_object_update_new(value, more)) {
		json_decref(value);
		value = NULL;
	}
	return json_print(value, "\n");
}

/* No server is an answer, too. */
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
	warnx("cannot query the server: %s", failure_text(err));
	return -1;
}

/* Without these files, the counters are 0. */
static void read_upgrades(struct status *status)
{
	char path[64];
	FILE *file;
	size_t i;

	for (i = 0; i < UPGRADES; i++) {
		snprintf(path, sizeof(path), UPGRADES_PATH "/%s",
			 upgrade_names[i]);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fscanf(file, "%llu", &status->upgrades[i]) != 1)
			status->upgrades[i] = 0;
		fclose(file);
	}
}

static int show(bool json)
{
	struct status status = { 0 };
	int ret = EXIT_FAILED;

	if (read_status(&status) ||
	    module_list_loaded(&status.loaded, &status.loaded_count))
		return EXIT_FAILED;
	status.rehearsed = rehearsal_device_release();
	read_upgrades(&status);

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
	.description = "Show the running release and its counts",
	.options = options,
	.run = run,
};
