/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the door (freq.ko) and the releases (freq_vN.ko) know of each other.
 *
 * This is a contract between modules that are built at different times.
 * Every structure here tells its size, or is handed over with it (but for
 * struct freq_array and struct freq_cursor, which stay as they are). A field
 * is only ever appended, never moved, resized or given another meaning. What
 * a release offers and the door does not know is refused when it is loaded,
 * if it is not zero; what a release does not offer is zero for the door. A
 * change that cannot be made so bumps FREQ_DOOR_ABI, and then door and
 * releases of different words refuse each other.
 */
#ifndef FREQ_DOOR_H
#define FREQ_DOOR_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/types.h>
#include <linux/uidgid.h>

struct module;
struct pid;

/**
 * DOC: The rule
 *
 * Code of a release runs only when the door calls it, and the door calls it
 * only under the server's mutex. It never touches user memory, never starts a
 * timer, a work item or a thread, never registers anything elsewhere in the
 * kernel, and leaves no pointer to its text or data in the state.
 *
 * So whoever holds the mutex knows that nothing executes in any release. That
 * is what makes taking over a matter of moving two pointers, and the release
 * before removable at once.
 *
 * What runs otherwise touches nothing that others can see: a release's module
 * init and exit, which come to the state only through the functions below;
 * and in the init of an incoming release, while the one before is pinned, the
 * freeing of what a conversion leaves behind.
 */

#define FREQ_DOOR_MAGIC		0x66726571	/* "freq" */
#define FREQ_DOOR_ABI		1

/* The largest argument of a request, in bytes, without its array. */
#define FREQ_ARGUMENT_MAX	128

/* The longest name of an attribute, in bytes, without the NUL. */
#define FREQ_ATTRIBUTE_NAME_MAX	31

/**
 * struct freq_client - what a release sees of an open file description
 * @size: sizeof(struct freq_client) as the door knows it
 * @uid: user that opened it
 * @pid: thread group that opened it; the door holds the reference
 * @id: unlike that of any other client of this server, ever
 */
struct freq_client {
	u32 size;
	kuid_t uid;
	struct pid *pid;
	u64 id;
};

/**
 * struct freq_call - one delivery of a request to the running release
 * @size: sizeof(struct freq_call) as the door knows it
 * @clients: number of clients of the server, the caller among them
 * @client: the caller
 * @data: where the state keeps what it has of the caller; NULL there at first,
 *	and the state's to allocate and, by close() at the latest, to free
 * @argument: the argument in kernel memory, of the size that the request's
 *	number in the release's table says
 * @array: the array in kernel memory. This field and the next two are for
 *	requests that have an array, or FREQ_REQUEST_STEPS.
 * @count: in: elements of @array; out, for an array that is copied to the
 *	caller: how many of them to copy
 * @progress: all 0 in the first delivery, then as handle() left it. It must
 *	mean the same to every release that knows the request.
 */
struct freq_call {
	u32 size;
	u32 clients;
	const struct freq_client *client;
	void **data;
	void *argument;
	void *array;
	u32 count;
	u32 progress[3];
};

/*
 * What handle() and read() return to be called again. Only a request that has
 * an array or FREQ_REQUEST_STEPS does.
 */
#define FREQ_AGAIN 1

/**
 * struct freq_array - an array that hangs off the argument of a request
 * @pointer: offset in the argument of its address, a __u64
 * @count: offset in the argument of its number of elements, a __u32
 * @element: size of an element, in bytes; 0: the request has no array
 * @max: the most elements; more are refused with E2BIG, none with EINVAL
 *
 * The array is copied in for a request that has FREQ_REQUEST_ARRAY_IN, else
 * it is handed over zeroed and copied out.
 */
struct freq_array {
	u16 pointer;
	u16 count;
	u32 element;
	u32 max;
};

/* Refused with EPERM on a descriptor that is not open for writing. */
#define FREQ_REQUEST_WRITE	BIT(0)
/* Refused with EPERM without CAP_SYS_ADMIN in the initial user namespace. */
#define FREQ_REQUEST_ADMIN	BIT(1)
/* The array goes from the caller to the release. */
#define FREQ_REQUEST_ARRAY_IN	BIT(2)
/* The argument is copied back on an error of handle(), and only then. */
#define FREQ_REQUEST_TELL_ERROR	BIT(3)
/* It is done in steps that change the state: one at a time, no upgrade amid. */
#define FREQ_REQUEST_STEPS	BIT(4)

/**
 * struct freq_request - a request that a release knows
 * @command: its FREQ_IOC_* number, with direction and size of the argument as
 *	the release knows it
 * @size_min: size of the first version of its argument
 * @flags: FREQ_REQUEST_*
 * @array: the array that hangs off the argument, if any
 * @handle: does what the request asks; under the mutex, may sleep. Returns 0,
 *	or a negative errno and has then changed nothing; or FREQ_AGAIN, so
 *	that others get their turn before it goes on with the same call.
 * @undo: takes back what handle() did, given the same call; under the mutex.
 *	Called when the reply could not be copied to the caller, so it must
 *	cope with all that other calls can have done in between. NULL if
 *	there is nothing to take back. It may be another release's than the
 *	handle() that it undoes, also one's that has no handle() for it: that
 *	is how a release takes back what a later one has brought.
 */
struct freq_request {
	u32 command;
	u16 size_min;
	u16 flags;
	struct freq_array array;
	int (*handle)(void *state, struct freq_call *call);
	void (*undo)(void *state, struct freq_call *call);
};

/* The least that an attribute's read() is given, in bytes. */
#define FREQ_PIECE_MIN 128

/**
 * struct freq_cursor - how far the reader of an attribute has come
 * @word: all 0 before the first piece; otherwise as read() left it. It must
 *	mean the same to every release that has an attribute of that name.
 */
struct freq_cursor {
	u64 word[4];
};

/**
 * struct freq_attribute - a text in the sysfs directory of the device
 * @name: name of the file, at most FREQ_ATTRIBUTE_NAME_MAX bytes
 * @read: writes the next piece of the text; under the mutex. @size is at
 *	least FREQ_PIECE_MIN. Returns 0 and in @length the length of the piece,
 *	0 if the text has ended; or FREQ_AGAIN if it has not come to one yet.
 *
 * The text is delivered in pieces so that it can have any length. Each piece
 * shows the state of one moment, and the file is what the pieces add up to.
 */
struct freq_attribute {
	const char *name;
	int (*read)(void *state, struct freq_cursor *cursor, char *text,
		    size_t size, size_t *length);
};

/**
 * struct freq_release - what the door knows of a release
 * @magic: FREQ_DOOR_MAGIC
 * @abi: FREQ_DOOR_ABI
 * @size: sizeof(struct freq_release) as the release knows it
 * @version: number of the release, not 0
 * @request_count: elements of @requests
 * @request_size: sizeof(struct freq_request) as the release knows it
 * @attribute_size: sizeof(struct freq_attribute) as the release knows it
 * @attribute_count: elements of @attributes
 * @owner: its module
 * @requests: what it can do, by _IOC_NR; elements without handle() are
 *	requests that it does not know, and without undo() all 0
 * @attributes: what it shows in sysfs
 * @close: ends all that the state has of a client, and sets its data to NULL;
 *	called if that is not NULL when the client's last descriptor is closed
 * @busy: whether anything is allocated, so that stopping would lose it
 * @destroy: frees the state, which nobody can reach any more
 *
 * The operations run under the mutex, but for @destroy, and may sleep.
 */
struct freq_release {
	u32 magic;
	u16 abi;
	u16 size;
	u32 version;
	u32 request_count;
	u16 request_size;
	u16 attribute_size;
	u32 attribute_count;
	struct module *owner;
	const struct freq_request *requests;
	const struct freq_attribute *attributes;
	void (*close)(void *state, void **data);
	bool (*busy)(void *state);
	void (*destroy)(void *state);
};

#ifdef CONFIG_64BIT
static_assert(sizeof(struct freq_client) == 24);
static_assert(sizeof(struct freq_call) == 56);
static_assert(sizeof(struct freq_array) == 12);
static_assert(sizeof(struct freq_request) == 40);
static_assert(sizeof(struct freq_cursor) == 32);
static_assert(sizeof(struct freq_attribute) == 16);
static_assert(sizeof(struct freq_release) == 72);
#endif

/* The release is to run beside the running one, on a copy of its state. */
#define FREQ_DOOR_REHEARSE	BIT(0)

/*
 * The releases are described by address, so that the checksums that symbol
 * versioning takes over the types of a function do not change when a
 * structure grows: size and ABI word are what is checked instead.
 */
int freq_door_prepare(const void *release, u32 flags, u32 *running,
		      struct module **owner);
int freq_door_commit(const void *release, int (*step)(void *state),
		     void *(*take)(void *state));
void freq_door_abort(const void *release, int err);

#endif /* FREQ_DOOR_H */
