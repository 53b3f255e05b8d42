/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract between the door (freq.ko) and the releases (freq_vN.ko).
 *
 * Both sides are built at different times. A structure has its size in it, and
 * a field is only ever appended: never moved, resized or given another meaning.
 * A release that needs a field or a service that this door does not know is
 * refused when it is loaded; fields that a release does not know are zero for
 * the door. Any other change bumps FREQ_DOOR_ABI: doors and releases of
 * different words refuse each other.
 */
#ifndef FREQ_CONTRACT_DOOR_H
#define FREQ_CONTRACT_DOOR_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/list.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/uidgid.h>

struct file;
struct iov_iter;
struct module;
struct pid;
struct task_struct;

/**
 * DOC: The rules
 *
 * 1. Code of a release runs only under the server's mutex, called by the door.
 *    It never sleeps there and never touches user memory. The door takes the
 *    mutex first and looks up the release then. So whoever holds the mutex
 *    knows that no thread executes in any release: to take over is to move two
 *    pointers, and the release before can be removed at once. Preemption is
 *    off meanwhile, so a holder cannot be throttled.
 *
 * 2. For anything that can wait, a release asks the door: its operation returns
 *    a FREQ_WANT_*, the door drops the mutex, does it, and enters the operation
 *    anew, in whichever release runs by then.
 *
 * 3. A request is answered in the hold in which it is done: the release
 *    decides, has the reply written by freq_door_copy_out(), and commits only
 *    if that succeeded. If the page is not there, nothing has happened; the
 *    door faults it in and enters the operation anew. So a request has not
 *    begun or is complete.
 *
 * 4. Nothing that outlives a release's module holds a lock, wait queue, timer,
 *    work item, RCU callback, or a pointer to its text or static data.
 *
 * Two things of a release run without the mutex: the init of its module, which
 * comes to the state through freq_door_run() only; and in the init of an
 * incoming release, while the one before is pinned, the allocation and freeing
 * of a conversion's memory.
 */

#define FREQ_DOOR_MAGIC		0x66726571	/* "freq" */
#define FREQ_DOOR_ABI		2

/* The type byte of all requests: any other is ENOTTY, whatever runs. */
#define FREQ_DOOR_IOC_TYPE	0xF7

/* As much of an argument as the door copies in, in bytes. */
#define FREQ_ARGUMENT_MAX	128
#define FREQ_ARGUMENT_WORDS	(FREQ_ARGUMENT_MAX / 8)

/* The longest name of a file in sysfs or of a device, without the NUL. */
#define FREQ_NAME_MAX		31
#define FREQ_NAME_SIZE		(FREQ_NAME_MAX + 1)

/* The longest "KEY=VALUE" of a uevent, with the NUL. */
#define FREQ_UEVENT_SIZE	64

/* The most that one FREQ_WANT_* allocates, in bytes. */
#define FREQ_WANT_MAX		BIT(26)

/**
 * enum freq_op - the operations of a release
 * @FREQ_OP_OPEN: a client is opened; an error refuses it. With misc_mtx held,
 *	so it cannot want anything.
 * @FREQ_OP_CLOSE: the last descriptor of a client was closed
 * @FREQ_OP_FLUSH: a descriptor of a client was closed
 * @FREQ_OP_IOCTL: a request
 * @FREQ_OP_READ: read(); the data goes through freq_door_copy_out()
 * @FREQ_OP_WRITE: write(); FREQ_WANT_COPY_IN brings the data
 * @FREQ_OP_POLL: the result is the mask of events
 * @FREQ_OP_FDINFO: read of the client's fdinfo; the result is the length
 * @FREQ_OP_SHOW: read of a file in sysfs; the result is the length
 * @FREQ_OP_STORE: write to a file in sysfs; the result is the length
 * @FREQ_OP_TIMER: the time that was set by freq_door_set_timer() has come
 * @FREQ_OP_DESTROY: frees the state, which nothing refers to any more
 * @FREQ_OPS: number of operations
 * @FREQ_OP_STEP: no operation: the step of freq_door_run()
 *
 * An operation that is absent behaves as that of a device without it.
 */
enum freq_op {
	FREQ_OP_OPEN,
	FREQ_OP_CLOSE,
	FREQ_OP_FLUSH,
	FREQ_OP_IOCTL,
	FREQ_OP_READ,
	FREQ_OP_WRITE,
	FREQ_OP_POLL,
	FREQ_OP_FDINFO,
	FREQ_OP_SHOW,
	FREQ_OP_STORE,
	FREQ_OP_TIMER,
	FREQ_OP_DESTROY,
	FREQ_OPS,
	FREQ_OP_STEP = 0xffff,
};

/**
 * enum freq_want - return values of an operation that is to be entered anew
 * @FREQ_WANT_AGAIN: after others had their turn. &freq_call.status is -EINTR
 *	then if a fatal signal is pending.
 * @FREQ_WANT_MEMORY: with &freq_call.want zeroed bytes at &freq_call.memory;
 *	status -ENOMEM: without
 * @FREQ_WANT_BUFFER: the same at &freq_call.buffer
 * @FREQ_WANT_COPY_IN: with &freq_call.want bytes from user memory at
 *	&freq_call.from, or for FREQ_OP_WRITE from the data, at
 *	&freq_call.buffer; status -ENOMEM or -EFAULT: without
 * @FREQ_WANT_FAULT: once the page is there on which freq_door_copy_out()
 *	failed; the door ends the call with EFAULT if it cannot be had
 * @FREQ_WANT_SLEEP: when woken by freq_door_wake(), status 0; at the deadline,
 *	-ETIME; by a signal, -ERESTARTSYS. See freq_door_sleep().
 *
 * The door allocates with GFP_KERNEL_ACCOUNT: a client is charged for its
 * calls. It frees the memory and the buffer that are left after the call.
 */
enum freq_want {
	FREQ_WANT_AGAIN = 1,
	FREQ_WANT_MEMORY,
	FREQ_WANT_BUFFER,
	FREQ_WANT_COPY_IN,
	FREQ_WANT_FAULT,
	FREQ_WANT_SLEEP,
};

/**
 * struct freq_client - an open file description, as releases see it
 * @size: sizeof(struct freq_client) as the door knows it
 * @writable: FMODE_WRITE if it is open for writing, else 0
 * @uid: user that opened it
 * @pid: thread group that opened it; the door holds the reference
 * @id: unique among all clients of the server, ever
 * @data: the state's; 0 at first, and again before a stop
 */
struct freq_client {
	u16 size;
	u16 writable;
	kuid_t uid;
	struct pid *pid;
	u64 id;
	u64 data;
};

/* The server is a rehearsal. */
#define FREQ_SERVER_REHEARSAL	BIT(0)

/* How many words of the door outlive a stop. */
#define FREQ_DOOR_WORDS		16

/**
 * struct freq_server_info - the server, as releases see it
 * @size: sizeof(struct freq_server_info) as the door knows it
 * @flags: FREQ_SERVER_*
 * @clients: number of clients
 * @stops: how often it was stopped. References of a call to elements of the
 *	state are void when this has changed.
 * @words: FREQ_DOOR_WORDS words for the releases; they outlive a downgrade and
 *	a stop. A rehearsal has its own.
 */
struct freq_server_info {
	u32 size;
	u32 flags;
	u32 clients;
	u32 stops;
	u64 *words;
};

/* Work that is left to be done after the hold */
#define FREQ_LEFT_GARBAGE	BIT(0)	/* freq_door_free() */
#define FREQ_LEFT_DELIVERY	BIT(1)	/* freq_door_deliver() */
#define FREQ_LEFT_NOTICE	BIT(2)	/* freq_door_notify() */
#define FREQ_LEFT_STOP		BIT(3)	/* freq_door_stop() */

/**
 * struct freq_call - one call of an operation, however often it is entered
 * @size: sizeof(struct freq_call) as the door knows it
 * @op: enum freq_op
 * @pad: 0
 * @command: FREQ_OP_IOCTL: number of the request, as the caller knows it
 * @status: outcome of the last FREQ_WANT_*: 0 or a negative errno. In the first
 *	entry of FREQ_OP_IOCTL -EFAULT if the argument could not be copied in.
 * @server: the server
 * @client: the client; NULL if there is none
 * @address: FREQ_OP_IOCTL: user address of the argument
 * @progress: all 0 in the first entry, then as the operation left it. It must
 *	mean the same to every release that knows the request.
 * @garbage: blocks to be freed after the hold, linked by their first words; see
 *	freq_door_free()
 * @buffer_size: size of @buffer, in bytes; 0: there is none
 * @memory_size: size of @memory, in bytes; 0: there is none
 * @left: FREQ_LEFT_*
 * @turns: the door's: how often a page was faulted in
 * @buffer: belongs to the call
 * @memory: belongs to the call, until a release takes it and clears
 *	@memory_size
 * @from: for FREQ_WANT_COPY_IN
 * @want: for FREQ_WANT_*: how many bytes
 * @out_size: see freq_door_deliver()
 * @out: see freq_door_deliver()
 * @result: FREQ_OP_READ, WRITE, POLL, FDINFO, SHOW, STORE: the result
 * @link: for lists of the state; on none before the first entry and on none
 *	when the operation ends
 * @deadline: FREQ_WANT_SLEEP: absolute time in ns, KTIME_MAX: none
 * @clock: FREQ_WANT_SLEEP: CLOCK_MONOTONIC or CLOCK_BOOTTIME
 * @woken: the door's
 * @task: the door's
 * @stopped: the door's: the release that ran
 * @name: FREQ_OP_SHOW, STORE: name of the file
 * @file: FREQ_OP_SHOW, STORE: the open file, an address to compare only
 * @uid: FREQ_OP_SHOW, STORE: user that opened it
 * @events: FREQ_OP_POLL: events that the caller waits for
 * @offset: FREQ_OP_SHOW, STORE: offset in the file, in bytes
 * @text: FREQ_OP_FDINFO, SHOW, STORE: the text
 * @text_size: FREQ_OP_FDINFO, SHOW: room for it; FREQ_OP_STORE: its length, in
 *	bytes. FREQ_OP_READ, WRITE: how much the caller asks for
 * @iter: the door's: the data of FREQ_OP_READ and FREQ_OP_WRITE
 * @step: the door's: the step of freq_door_run()
 * @pad_2: unused
 * @notify: see freq_door_notify()
 * @uevent: see freq_door_notify()
 * @argument: FREQ_OP_IOCTL: the argument, copied in once, before the first
 *	entry: its first _IOC_SIZE() bytes, at most FREQ_ARGUMENT_MAX, if its
 *	direction is _IOC_WRITE. There is room for FREQ_ARGUMENT_MAX bytes. A
 *	release changes out-fields only, which no release reads.
 * @may_wait: FREQ_OP_READ, WRITE: 1; 0 with O_NONBLOCK; see
 *	freq_call_may_wait()
 * @pad_3: unused
 */
struct freq_call {
	u32 size;
	u16 op;
	u16 pad;
	u32 command;
	s32 status;
	const struct freq_server_info *server;
	struct freq_client *client;
	u64 address;
	u32 progress[4];
	void *garbage;
	u32 buffer_size;
	u32 memory_size;
	u32 left;
	u32 turns;
	/* The fields above are 0 or set in each call, those below if needed. */
	void *buffer;
	void *memory;
	u64 from;
	u32 want;
	u32 out_size;
	u64 out;
	s64 result;
	struct list_head link;
	s64 deadline;
	u32 clock;
	u32 woken;
	struct task_struct *task;
	const void *stopped;
	const char *name;
	const struct file *file;
	kuid_t uid;
	u32 events;
	s64 offset;
	char *text;
	struct iov_iter *iter;
	int (*step)(void *state, void *call);
	u32 text_size;
	u32 pad_2;
	char notify[FREQ_NAME_SIZE];
	char uevent[FREQ_UEVENT_SIZE];
	u64 argument[FREQ_ARGUMENT_WORDS];
	u32 may_wait;
	u32 pad_3;
};

/**
 * struct freq_file - a file in the sysfs directory of the device
 * @name: its name, at most FREQ_NAME_MAX bytes; not one of the door's own
 * @mode: permissions, such as 0444
 * @flags: 0
 *
 * Stays as it is.
 */
struct freq_file {
	const char *name;
	u32 mode;
	u32 flags;
};

/* An operation: see &freq_release.ops. */
typedef int (*freq_operation)(void *state, struct freq_call *call);

/* Services of this door, for &freq_release.features */
#define FREQ_DOOR_FEATURES	0ULL

/**
 * struct freq_release - a release, as the door sees it
 * @magic: FREQ_DOOR_MAGIC
 * @abi: FREQ_DOOR_ABI
 * @size: sizeof(struct freq_release) as the release knows it
 * @version: number of the release, not 0
 * @file_count: elements of @files
 * @features: which features of the door it needs
 * @owner: its module
 * @files: its files in sysfs
 * @ops: its operations, by enum freq_op. Called under the mutex with preemption
 *	off; must not sleep. Return 0, a negative errno, or a FREQ_WANT_*. The
 *	array grows at its end with @size.
 */
struct freq_release {
	u32 magic;
	u16 abi;
	u16 size;
	u32 version;
	u32 file_count;
	u64 features;
	struct module *owner;
	const struct freq_file *files;
	freq_operation ops[FREQ_OPS];
};

#ifdef CONFIG_64BIT
static_assert(sizeof(struct freq_client) == 32);
static_assert(sizeof(struct freq_server_info) == 24);
static_assert(sizeof(struct freq_call) == 240 + 32 + 64 + 128 + 8);
static_assert(sizeof(struct freq_file) == 16);
static_assert(sizeof(struct freq_release) == 40 + 8 * 12);
#endif

/*
 * Exported functions take addresses and integers only: so the checksums that
 * symbol versioning makes of their types stay the same when a structure grows.
 * Sizes and ABI words are checked instead.
 */

/* From init of a release's module. */
void *freq_door_begin(const void *release, const char *rehearsal,
		      const void **running);
int freq_door_run(void *loading, int (*step)(void *state, void *call));
void freq_door_take_over(void *loading, void *state);
int freq_door_end(void *loading, int err);

/* From an operation of the running release. */
int freq_door_copy_out(void *call, u64 to, const void *from, u32 size);
int freq_door_sleep(void *call, s64 deadline, u32 clock);
void freq_door_wake(void *call);
void freq_door_wake_poll(void *client, u32 events);
void freq_door_set_timer(void *call, s64 at);
int freq_door_stop(void *call);

/**
 * freq_call_may_wait() - test whether FREQ_OP_READ or FREQ_OP_WRITE may sleep
 * @call: the call
 *
 * Return: true if it may; false behind a door that does not say it.
 */
static inline bool freq_call_may_wait(const struct freq_call *call)
{
	return call->size >= offsetofend(struct freq_call, may_wait) &&
	       call->may_wait;
}

/**
 * freq_door_free() - have a block freed after the hold
 * @call: the call
 * @block: the block, of at least a word, from FREQ_WANT_MEMORY; NULL: nothing
 */
static inline void freq_door_free(struct freq_call *call, void *block)
{
	if (!block)
		return;
	*(void **)block = call->garbage;
	call->garbage = block;
	call->left |= FREQ_LEFT_GARBAGE;
}

/**
 * freq_door_deliver() - have the buffer copied to the caller after the hold
 * @call: the call, of an operation that has changed nothing and returns 0
 * @to: user address
 * @size: how many of the first bytes of the buffer
 */
static inline void freq_door_deliver(struct freq_call *call, u64 to, u32 size)
{
	call->out = to;
	call->out_size = size;
	call->left |= FREQ_LEFT_DELIVERY;
}

/**
 * freq_door_notify() - have user space notified after the hold
 * @call: the call, of an operation that returns 0
 * @file: name of a file in sysfs whose pollers are woken, or ""
 * @uevent: "KEY=VALUE" for a uevent "change" of the device, or ""
 */
static inline void freq_door_notify(struct freq_call *call, const char *file,
				    const char *uevent)
{
	strscpy(call->notify, file, sizeof(call->notify));
	strscpy(call->uevent, uevent, sizeof(call->uevent));
	call->left |= FREQ_LEFT_NOTICE;
}

#endif /* FREQ_CONTRACT_DOOR_H */
