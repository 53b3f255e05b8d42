// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: Who refers to whom
 *
 * The server has at most one running release. It holds the reference to the
 * module of that release: the module cannot be removed while it runs, and can
 * be at once when it does not. The state belongs to the server from commit to
 * commit; releases come and go around it. A client (an open file description)
 * pins freq.ko, never a release.
 *
 * A release changes places with the running one in two phases:
 *
 * 1. freq_door_prepare() checks what the incoming release offers, makes its
 *    sysfs files, and keeps everybody else from changing the release.
 * 2. The incoming release readies all that it needs, while the running one
 *    serves on.
 * 3. freq_door_commit() moves the state and the pointer to the running
 *    release, under the mutex. It cannot fail.
 *
 * If step 1 fails, nothing has happened. If step 2 fails, the release calls
 * freq_door_abort(), and nothing has happened.
 */
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/sched/clock.h>
#include <linux/stddef.h>
#include <linux/string.h>

#include <linux/freq.h>

#include "attribute.h"
#include "compat.h"
#include "server.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/*
 * Whether the bytes from @known to @size of a structure, which only a newer
 * door understands, ask for nothing.
 */
static bool tail_is_zero(const void *structure, size_t known, size_t size)
{
	return size <= known ||
	       !memchr_inv(structure + known, 0, size - known);
}

static bool request_is_sound(const struct freq_request *request, u32 nr)
{
	const struct freq_array *array = &request->array;
	u32 size = _IOC_SIZE(request->command);

	if (_IOC_TYPE(request->command) != FREQ_IOC_MAGIC ||
	    _IOC_NR(request->command) != nr)
		return false;
	if (size > FREQ_ARGUMENT_MAX || !request->size_min ||
	    request->size_min > size)
		return false;
	if (request->flags & ~(FREQ_REQUEST_WRITE | FREQ_REQUEST_ADMIN |
			       FREQ_REQUEST_ARRAY_IN | FREQ_REQUEST_TELL_ERROR |
			       FREQ_REQUEST_STEPS))
		return false;
	return !array->element ||
	       (array->pointer + sizeof(u64) <= request->size_min &&
		array->count + sizeof(u32) <= request->size_min &&
		array->max && array->max <= INT_MAX / array->element);
}

static int check_requests(const struct freq_release *release)
{
	const void *at = release->requests;
	const struct freq_request *request;
	u32 nr;

	if (release->request_size < offsetofend(struct freq_request, undo))
		return -EPROTO;
	for (nr = 0; nr < release->request_count; nr++) {
		request = at;
		if (!tail_is_zero(request, sizeof(*request),
				  release->request_size))
			return -E2BIG;
		if (request->handle || request->undo ?
		    !request_is_sound(request, nr) :
		    !!memchr_inv(request, 0, sizeof(*request)))
			return -EINVAL;
		at += release->request_size;
	}
	return 0;
}

static int check_attributes(const struct freq_release *release)
{
	const void *at = release->attributes;
	const struct freq_attribute *attribute;
	u32 i;

	if (release->attribute_size < offsetofend(struct freq_attribute, read))
		return -EPROTO;
	for (i = 0; i < release->attribute_count; i++) {
		attribute = at;
		if (!tail_is_zero(attribute, sizeof(*attribute),
				  release->attribute_size))
			return -E2BIG;
		if (!attribute->read || !attribute->name ||
		    strlen(attribute->name) > FREQ_ATTRIBUTE_NAME_MAX)
			return -EINVAL;
		at += release->attribute_size;
	}
	return 0;
}

static int check_release(const struct freq_release *release)
{
	int err;

	if (release->magic != FREQ_DOOR_MAGIC ||
	    release->abi != FREQ_DOOR_ABI ||
	    release->size < offsetofend(struct freq_release, destroy))
		return -EPROTO;
	if (!tail_is_zero(release, sizeof(*release), release->size))
		return -E2BIG;
	if (!release->version || !release->owner || !release->close ||
	    !release->busy || !release->destroy)
		return -EINVAL;
	err = check_requests(release);
	if (err)
		return err;
	return check_attributes(release);
}

/*
 * Claims the right to change the release that runs. No request is amid its
 * steps then, and none begins any until the change has ended.
 */
static int change_begin(struct freq_server *server)
{
	int err = 0;

	freq_server_lock(server);
	if (server->changing)
		err = -EBUSY;
	else
		server->changing = true;
	freq_server_unlock(server);
	if (!err)
		mutex_lock(&server->steps_lock);
	return err;
}

static void change_end(struct freq_server *server)
{
	mutex_unlock(&server->steps_lock);
	freq_server_lock(server);
	server->changing = false;
	freq_server_unlock(server);
}

const struct freq_plain freq_no_plain[FREQ_PLAIN];

/* The place among the server's releases that the running one does not use. */
static struct freq_copied *spare_release(struct freq_server *server)
{
	return &server->releases[server->running ==
				 &server->releases[0].release];
}

static bool is_plain(const struct freq_request *request)
{
	return request->handle &&
	       _IOC_SIZE(request->command) == sizeof(struct freq_two_words) &&
	       _IOC_DIR(request->command) & _IOC_WRITE &&
	       !(request->flags & ~FREQ_REQUEST_WRITE) &&
	       !request->array.element;
}

/* Fills the spare place. */
static void copy_release(struct freq_copied *copied,
			 const struct freq_release *release)
{
	const void *at = release->requests;
	const struct freq_request *request;
	u32 nr;

	memset(copied, 0, sizeof(*copied));
	memcpy(&copied->release, release,
	       min_t(size_t, release->size, sizeof(copied->release)));
	for (nr = 0; nr < release->request_count; nr++) {
		request = at;
		if (is_plain(request))
			copied->plain[nr % FREQ_PLAIN] = (struct freq_plain) {
				.command = request->command,
				.mode = request->flags & FREQ_REQUEST_WRITE ?
					FMODE_WRITE : 0,
				.handle = request->handle,
			};
		at += release->request_size;
	}
}

/* Lets the release in the spare place run. */
static void set_running(struct freq_server *server, void *state)
{
	struct freq_copied *spare = spare_release(server);

	lockdep_assert_held(&server->lock);

	server->state = state;
	server->running = &spare->release;
	server->plain = spare->plain;
}

static void set_stopped(struct freq_server *server)
{
	lockdep_assert_held(&server->lock);

	server->state = NULL;
	server->running = NULL;
	server->plain = freq_no_plain;
}

static void count_refusal(struct freq_server *server)
{
	freq_server_lock(server);
	server->refused++;
	freq_server_unlock(server);
}

/* Gives the incoming release its server: the one there is, or another. */
static int begin_rehearsal(struct freq_server *rehearsal)
{
	int err;

	err = change_begin(rehearsal);
	if (err)
		return err;
	if (rehearsal->running) {
		err = -EBUSY;
		goto end_change;
	}
	rehearsal->misc.minor = MISC_DYNAMIC_MINOR;
	err = misc_register(&rehearsal->misc);
	if (err)
		goto end_change;
	return 0;

end_change:
	change_end(rehearsal);
	return err;
}

static void abort_rehearsal(struct freq_server *rehearsal)
{
	misc_deregister(&rehearsal->misc);
	change_end(rehearsal);
}

static int prepare(struct freq_server *server,
		   const struct freq_release *release, u32 flags)
{
	u32 version = server->running ? server->running->version : 0;
	int err;

	if (flags & ~FREQ_DOOR_REHEARSE)
		return -EPROTO;
	if (version == release->version)
		return -EBUSY;
	server->target = server;
	if (flags & FREQ_DOOR_REHEARSE) {
		if (!version)
			return -ENODEV;
		err = begin_rehearsal(&freq_rehearsal);
		if (err)
			return err;
		server->target = &freq_rehearsal;
	}
	if (!try_module_get(release->owner)) {
		err = -ENODEV;
		goto abort_rehearsal;
	}
	err = freq_attributes_add(server->target, release);
	if (err)
		goto put_module;

	copy_release(spare_release(server->target), release);
	return 0;

put_module:
	module_put(release->owner);
abort_rehearsal:
	if (server->target != server)
		abort_rehearsal(server->target);
	return err;
}

/**
 * freq_door_prepare() - begin to become the running release
 * @address: the struct freq_release that describes the caller; the door makes
 *	a copy of it, but not of the tables that it points to
 * @flags: FREQ_DOOR_REHEARSE: not to become the running release, but to run
 *	beside it on a copy of its state, behind a device of its own; else 0
 * @running: out: version of the running release, 0 if none runs. It stays so
 *	until the caller calls freq_door_commit() or freq_door_abort().
 * @owner: out: module of the running release, which stays as long; NULL if
 *	none runs
 *
 * Context: init of a release's module; may sleep; takes the server's mutex.
 * Return: 0, and then one of freq_door_commit() and freq_door_abort() must
 * follow; -EBUSY if another change is under way, if another module runs as
 * this version, or if another release is rehearsed; -ENODEV if there is
 * nothing to rehearse on; -EPROTO if the two were built for different versions
 * of this interface; -E2BIG if the release needs something that only a newer
 * door has; -EINVAL if its tables contradict themselves; -ENOMEM; or what
 * kept the device or the files in sysfs from being made.
 */
int freq_door_prepare(const void *address, u32 flags, u32 *running,
		      struct module **owner)
{
	const struct freq_release *release = address;
	struct freq_server *server = &freq_server;
	int err;

	err = check_release(release);
	if (err)
		goto refuse;
	err = change_begin(server);
	if (err)
		goto refuse;

	*running = server->running ? server->running->version : 0;
	*owner = server->running ? server->running->owner : NULL;
	err = prepare(server, release, flags);
	if (err) {
		change_end(server);
		goto refuse;
	}
	trace_freq_prepare(release->version, *running, 0);
	return 0;

refuse:
	count_refusal(server);
	trace_freq_prepare(release->version, 0, err);
	return err;
}
EXPORT_SYMBOL_FREQ(freq_door_prepare);

/* Lets the release that is ready take the state. Under the mutex. */
static void *take_state(struct freq_server *server,
			void *(*take)(void *state))
{
	void *state;

	lockdep_assert_held(&server->lock);

	state = take(server->state);
	if (server->target == server)
		set_running(server, state);
	return state;
}

/* The release has a copy of the state: lets it run on that. */
static void run_rehearsal(struct freq_server *rehearsal, void *state)
{
	freq_server_lock(rehearsal);
	set_running(rehearsal, state);
	freq_server_unlock(rehearsal);
	change_end(rehearsal);
}

static void count_upgrade(struct freq_server *server, u64 gate)
{
	freq_server_lock(server);
	server->upgrades++;
	server->gate_last = gate;
	server->gate_longest = max(gate, server->gate_longest);
	freq_server_unlock(server);
}

/**
 * freq_door_commit() - become the running release
 * @address: what freq_door_prepare() was given
 * @step: called under the mutex with the state of the running release, until
 *	it returns 0; between two calls, others get their turn. Returns
 *	FREQ_AGAIN to be called again, or an errno to give up; NULL if there is
 *	nothing to do.
 * @take: called under the mutex with the same state, NULL if none runs, in the
 *	hold in which @step has returned 0; returns the state that the caller
 *	will work on. It must not fail or sleep: the gate is closed.
 *
 * When this returns 0, the release before is idle, its module has one
 * reference fewer, and its state was destroyed if it is not the one that
 * @take returned. The caller must not fail after that.
 *
 * Context: as freq_door_prepare().
 * Return: 0; or the errno of @step, and then nothing has happened, and
 * freq_door_abort() must follow.
 */
int freq_door_commit(const void *address, int (*step)(void *state),
		     void *(*take)(void *state))
{
	struct freq_server *server = &freq_server;
	struct freq_server *target = server->target;
	const struct freq_release *old = server->running;
	void *old_state = server->state, *state = NULL;
	u64 gate;
	int ret;

	do {
		freq_server_lock(server);
		gate = local_clock();
		ret = step ? step(server->state) : 0;
		if (!ret)
			state = take_state(server, take);
		gate = local_clock() - gate;
		freq_server_unlock(server);
		cond_resched();
	} while (ret == FREQ_AGAIN);
	if (ret)
		return ret;

	if (target != server) {
		run_rehearsal(target, state);
		change_end(server);
		return 0;
	}

	freq_attributes_prune(server, server->running);
	if (old) {
		count_upgrade(server, gate);
		if (state != old_state)
			old->destroy(old_state);
	}
	trace_freq_commit(server->running->version, old ? old->version : 0,
			  gate);
	freq_attributes_notify(server, server->running->version);
	if (old)
		module_put(old->owner);
	change_end(server);
	return 0;
}
EXPORT_SYMBOL_FREQ(freq_door_commit);

/**
 * freq_door_abort() - give up becoming the running release
 * @address: what freq_door_prepare() was given
 * @err: why, a negative errno
 *
 * Undoes all that freq_door_prepare() did; the running release goes on.
 *
 * Context: as freq_door_prepare().
 */
void freq_door_abort(const void *address, int err)
{
	const struct freq_release *release = address;
	struct freq_server *server = &freq_server;
	struct freq_server *target = server->target;

	freq_attributes_prune(target, target->running);
	if (target != server)
		abort_rehearsal(target);
	module_put(release->owner);
	change_end(server);
	count_refusal(server);
	trace_freq_abort(release->version, err);
}
EXPORT_SYMBOL_FREQ(freq_door_abort);

/**
 * freq_server_stop() - detach the running release and free its state
 * @server: the server
 * @allowed: whether the caller may do this
 * @data: what the state has of the caller, who must be the only client
 *
 * Context: process context; may sleep; takes the mutex.
 * Return: 0; -ENOTTY if this is a rehearsal; -ENODEV if no release runs;
 * -EPERM if not @allowed; -EBUSY if there is another client, anything is
 * allocated, or the release is just being changed. On an error nothing has
 * changed.
 */
int freq_server_stop(struct freq_server *server, bool allowed, void **data)
{
	const struct freq_release *running;
	void *state = NULL;
	int err;

	/* A rehearsal is stopped by closing it. */
	if (server != &freq_server)
		return -ENOTTY;
	if (!freq_server_version(server))
		return -ENODEV;
	if (!allowed)
		return -EPERM;
	err = change_begin(server);
	if (err)
		return err;

	freq_server_lock(server);
	running = server->running;
	if (!running) {
		err = -ENODEV;
	} else if (server->clients > 1 || running->busy(server->state)) {
		err = -EBUSY;
	} else {
		if (*data)
			running->close(server->state, data);
		state = server->state;
		set_stopped(server);
	}
	freq_server_unlock(server);

	if (!err) {
		running->destroy(state);
		freq_attributes_prune(server, NULL);
		freq_attributes_notify(server, 0);
		module_put(running->owner);
	}
	change_end(server);
	return err;
}

/**
 * freq_server_end_rehearsal() - throw a rehearsal away that nobody has open
 * @server: a server that a client has just left
 *
 * Does nothing to the server that is no rehearsal.
 *
 * Context: process context; may sleep; takes the mutex.
 */
void freq_server_end_rehearsal(struct freq_server *server)
{
	const struct freq_release *running;
	void *state;

	if (server != &freq_rehearsal || change_begin(server))
		return;

	freq_server_lock(server);
	running = server->clients ? NULL : server->running;
	state = server->state;
	if (running)
		set_stopped(server);
	freq_server_unlock(server);

	if (running) {
		running->destroy(state);
		freq_attributes_prune(server, NULL);
		misc_deregister(&server->misc);
		module_put(running->owner);
	}
	change_end(server);
}

/**
 * freq_server_version() - which release runs
 * @server: the server
 *
 * Context: process context; may sleep; takes the mutex.
 * Return: its version, 0 if none runs.
 */
u32 freq_server_version(struct freq_server *server)
{
	u32 version;

	freq_server_lock(server);
	version = server->running ? server->running->version : 0;
	freq_server_unlock(server);
	return version;
}
