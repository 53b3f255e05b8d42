// SPDX-License-Identifier: GPL-2.0-only
/*
 * The server: its device, and the processes that use it.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "failure.h"
#include "obstacle.h"
#include "process.h"
#include "rehearsal_device.h"
#include "server.h"

/* Limits of the report, to keep it readable */
#define MAX_HOLDERS 8
#define MAX_TEXT 200

/* The frequencies of a client, or those that a user keeps. */
struct holder {
	__s32 pid;
	__u32 uid;
	struct freq_array frequencies;
};

struct holders {
	struct holder known[MAX_HOLDERS];
	size_t count;
	unsigned long others;
};

/**
 * server_open() - become a client of the server
 * @access: O_RDWR or O_RDONLY
 *
 * Return: the client; NULL with errno as freq_client_open() has it, after a
 * message.
 */
struct freq_client *server_open(int access)
{
	struct freq_client *client = freq_client_open(NULL, access);

	if (!client) {
		if (errno == ENODEV)
			warnx("no server: there is no such device");
		else
			warn("cannot open the device");
	}
	return client;
}

/**
 * server_device() - the device that the holders of frequencies have open
 * @client: a client of the server
 *
 * A rehearsal lists the holders of the server, which have another device open.
 *
 * Return: the device number; 0 if it is not known.
 */
dev_t server_device(struct freq_client *client)
{
	struct stat status;

	if (fstat(freq_client_fd(client), &status) ||
	    status.st_rdev == rehearsal_device_rdev())
		return 0;
	return status.st_rdev;
}

static void report_openers(struct freq_client *client)
{
	struct stat status;
	size_t count;
	pid_t *pids;

	if (fstat(freq_client_fd(client), &status) ||
	    process_list_openers(status.st_rdev, &pids, &count))
		return;
	obstacle_report_processes(pids, count);
	free(pids);
}

static void add_holding(struct holders *holders, const struct freq_entry *entry)
{
	struct holder *holder = holders->known;
	size_t i;

	for (i = 0; i < holders->count; i++, holder++)
		if (holder->pid == entry->pid && holder->uid == entry->uid)
			break;
	if (i == MAX_HOLDERS) {
		holders->others++;
		return;
	}
	if (i == holders->count) {
		holder->pid = entry->pid;
		holder->uid = entry->uid;
		holders->count++;
	}
	if (freq_array_add(&holder->frequencies, entry->frequency))
		holders->others++;
}

static void report_holder(struct holder *holder, dev_t device)
{
	char process[PROCESS_NAME_SIZE], user[USER_NAME_SIZE], *text;
	const char *name, *more = "";

	freq_array_sort(&holder->frequencies);
	text = freq_array_format(&holder->frequencies);
	if (!text)
		return;
	if (strlen(text) > MAX_TEXT) {
		text[MAX_TEXT] = '\0';
		*strrchr(text, ',') = '\0';
		more = ",...";
	}
	name = process_holder_name(holder->pid, device, process);
	user_name(holder->uid, user);
	if (holder->pid)
		warnx("%s%s allocated by process %d (%s) of %s", text, more,
		      (int)holder->pid, name ? name : "gone", user);
	else
		warnx("%s%s kept for %s", text, more, user);
	free(text);
}

static void report_holders(struct freq_client *client)
{
	struct freq_listing *listing;
	struct holders holders = { 0 };
	struct freq_entry entry;
	size_t i;

	listing = freq_client_list(client, FREQ_LIST_ALLOCATED);
	if (!listing)
		return;
	while (freq_listing_next(listing, &entry) > 0)
		add_holding(&holders, &entry);
	freq_listing_free(listing);

	for (i = 0; i < holders.count; i++) {
		report_holder(&holders.known[i], server_device(client));
		freq_array_free(&holders.known[i].frequencies);
	}
	if (holders.others)
		warnx("%lu more are allocated", holders.others);
}

/**
 * server_report_users() - report on stderr why the server cannot be stopped
 * @client: a client of the server
 *
 * Only the administrator sees processes of other users, and nobody sees those
 * of other pid namespaces. They are left out.
 */
void server_report_users(struct freq_client *client)
{
	report_openers(client);
	report_holders(client);
	obstacle_report_changes();
}
