// SPDX-License-Identifier: GPL-2.0-only
/*
 * A cache of the names of holders: a listing can have a million rows of a few
 * holders, in any order. It ends with the listing, since names and pids change.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "names.h"
#include "process.h"

#define SLOTS 256

struct process_slot {
	pid_t pid;
	bool is_known;
	char name[PROCESS_NAME_SIZE];
};

struct user_slot {
	bool is_used;
	__u32 uid;
	char name[USER_NAME_SIZE];
};

/**
 * struct names - a cache of names, direct-mapped
 * @device: the device of the client that lists, or 0
 * @processes: at the index of their pid modulo SLOTS
 * @users: at the index of their uid modulo SLOTS
 */
struct names {
	dev_t device;
	struct process_slot processes[SLOTS];
	struct user_slot users[SLOTS];
};

/**
 * names_new() - allocate a cache
 * @device: the device of the client that lists; 0 if it is not known
 *
 * Return: the cache, for names_free(); NULL with errno ENOMEM.
 */
struct names *names_new(dev_t device)
{
	struct names *names = calloc(1, sizeof(*names));

	if (names)
		names->device = device;
	return names;
}

/**
 * names_process() - the command name of a holder
 * @names: from names_new()
 * @pid: the process, or 0
 *
 * Return: as process_holder_name() does, valid until the next call.
 */
const char *names_process(struct names *names, pid_t pid)
{
	struct process_slot *slot = &names->processes[(__u32)pid % SLOTS];

	if (!pid)
		return NULL;
	if (slot->pid != pid) {
		slot->pid = pid;
		slot->is_known = process_holder_name(pid, names->device,
						     slot->name);
	}
	return slot->is_known ? slot->name : NULL;
}

/**
 * names_user() - the name of a user
 * @names: from names_new()
 * @uid: the user
 *
 * Return: as user_name() does, valid until the next call.
 */
const char *names_user(struct names *names, __u32 uid)
{
	struct user_slot *slot = &names->users[uid % SLOTS];

	if (!slot->is_used || slot->uid != uid) {
		user_name(uid, slot->name);
		slot->uid = uid;
		slot->is_used = true;
	}
	return slot->name;
}

/**
 * names_free() - free a cache
 * @names: from names_new(), freed by this; or NULL
 */
void names_free(struct names *names)
{
	free(names);
}
