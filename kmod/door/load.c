// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: How the running release is exchanged
 *
 * 1. freq_door_begin() checks the incoming release, makes its files in sysfs,
 *    and keeps all others from exchanging the release.
 * 2. By freq_door_run(), the incoming release comes to the state, in as many
 *    holds as it wants, while the running one serves.
 * 3. In one of these holds it calls freq_door_take_over(), which moves the
 *    pointers to the running release and to the state. That cannot fail.
 * 4. freq_door_end() cleans up: after step 3, behind the release before; else
 *    behind the incoming one, and then nothing has happened.
 *
 * The server holds a reference to the module of the release that runs, and to
 * no other: a release can be removed whenever it does not run.
 */
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "compat.h"
#include "door/hold.h"

/**
 * struct loading - a release on its way in
 * @server: the server that it takes over, or is rehearsed on
 * @target: the server that it will run: @server, or the rehearsal
 * @release: the incoming release
 * @old: the release before; NULL if none ran
 * @old_state: its state
 * @state: the state of @release, once it has taken over
 * @taken: it has
 * @gate: when it has: for how long the mutex was held, in ns
 */
struct loading {
	struct freq_server *server;
	struct freq_server *target;
	const struct freq_release *release;
	const struct freq_release *old;
	void *old_state;
	void *state;
	bool taken;
	u64 gate;
};

static int check_release(const struct freq_release *release)
{
	u32 i;

	if (release->magic != FREQ_DOOR_MAGIC ||
	    release->abi != FREQ_DOOR_ABI ||
	    release->size < offsetofend(struct freq_release, files))
		return -EPROTO;
	if (release->features & ~FREQ_DOOR_FEATURES ||
	    (release->size > sizeof(*release) &&
	     memchr_inv(release + 1, 0, release->size - sizeof(*release))))
		return -E2BIG;
	if (!release->version || !release->owner)
		return -EINVAL;
	for (i = 0; i < release->file_count; i++) {
		if (release->files[i].flags)
			return -E2BIG;
		if (!release->files[i].name ||
		    strlen(release->files[i].name) > FREQ_NAME_MAX)
			return -EINVAL;
	}
	return 0;
}

static int change_begin(struct freq_server *server)
{
	int err = 0;

	freq_server_lock(server);
	if (server->changing)
		err = -EBUSY;
	server->changing = true;
	freq_server_unlock(server);
	return err;
}

static void change_end(struct freq_server *server)
{
	freq_server_lock(server);
	server->changing = false;
	freq_server_unlock(server);
}

static void count_refusal(struct freq_server *server)
{
	freq_server_lock(server);
	server->figures[FREQ_FIGURE_REFUSED]++;
	freq_server_unlock(server);
}

/* Under the mutex: @release runs on @state from now on; NULL: none does. */
static void set_running(struct freq_server *server,
			const struct freq_release *release, void *state)
{
	lockdep_assert_held(&server->lock);

	server->running = release;
	server->ops = release ? release->ops : freq_server_no_ops;
	server->state = state;
	server->figures[FREQ_FIGURE_RELEASE] = release ? release->version : 0;
}

/**
 * freq_load_retire() - let go of a release that does not run any more
 * @server: the server that it ran
 * @release: the release, which is freed
 * @state: the state to be destroyed with it, in slices; NULL: none
 *
 * Context: process context; may sleep; takes the mutex.
 */
void freq_load_retire(struct freq_server *server,
		      const struct freq_release *release, void *state)
{
	struct freq_call destroy = {
		.size = sizeof(destroy),
		.op = FREQ_OP_DESTROY,
		.server = &server->info,
	};
	int ret = 0;

	do {
		freq_server_lock(server);
		if (state)
			ret = release->ops[FREQ_OP_DESTROY](state, &destroy);
		freq_server_unlock(server);
		freq_server_free_garbage(&destroy);
		cond_resched();
	} while (ret == FREQ_WANT_AGAIN);
	module_put(release->owner);
	kfree(release);
}

/* A server has one rehearsal at most; the caller has claimed the change. */
static struct freq_server *create_rehearsal(struct freq_server *server,
					    const char *name)
{
	struct freq_server *rehearsal;

	if (!server->running)
		return ERR_PTR(-ENODEV);
	rehearsal = kzalloc(sizeof(*rehearsal), GFP_KERNEL);
	if (!rehearsal)
		return ERR_PTR(-ENOMEM);
	freq_server_lock(server);
	if (server->rehearsal) {
		freq_server_unlock(server);
		kfree(rehearsal);
		return ERR_PTR(-EBUSY);
	}
	server->rehearsal = true;
	freq_server_unlock(server);
	freq_server_init(rehearsal, name, 0600);
	rehearsal->info.flags = FREQ_SERVER_REHEARSAL;
	return rehearsal;
}

static void destroy_rehearsal(struct freq_server *rehearsal)
{
	freq_server_exit(rehearsal);
	kfree(rehearsal);
	freq_server_lock(&freq_server);
	freq_server.rehearsal = false;
	freq_server_unlock(&freq_server);
}

/**
 * freq_load_leave() - count a client out
 * @server: its server; a rehearsal ends with its last client, and is freed
 *
 * Context: process context; may sleep; takes the mutex.
 */
void freq_load_leave(struct freq_server *server)
{
	const struct freq_release *ended = NULL;

	freq_server_lock(server);
	if (!--server->info.clients &&
	    server->info.flags & FREQ_SERVER_REHEARSAL) {
		/* From here on nobody opens it, so nobody else ends it. */
		ended = server->running;
		set_running(server, NULL, server->state);
	}
	freq_server_unlock(server);
	if (!ended)
		return;
	freq_sysfs_prune(server, NULL);
	misc_deregister(&server->misc);
	freq_load_retire(server, ended, server->state);
	destroy_rehearsal(server);
}

static int prepare(struct loading *loading, const char *rehearsal)
{
	struct freq_server *server = loading->server;
	const struct freq_release *release = loading->release;
	int err;
	u32 i;

	/* sysfs warns of -EEXIST, and modprobe takes it for success. */
	for (i = 0; i < release->file_count; i++)
		if (freq_sysfs_has_own(server, release->files[i].name))
			return -EINVAL;
	loading->old = server->running;
	if (loading->old && loading->old->version == release->version)
		return -EBUSY;
	if (!try_module_get(release->owner))
		return -ENODEV;
	if (rehearsal) {
		loading->target = create_rehearsal(server, rehearsal);
		err = PTR_ERR_OR_ZERO(loading->target);
	} else {
		loading->target = server;
		err = freq_sysfs_add(server, release);
	}
	if (err)
		module_put(release->owner);
	return err;
}

static struct loading *create_loading(const struct freq_release *release)
{
	struct freq_release *copy;
	struct loading *loading;
	int err;

	err = check_release(release);
	if (err)
		return ERR_PTR(err);
	loading = kzalloc(sizeof(*loading), GFP_KERNEL);
	copy = kzalloc(sizeof(*copy), GFP_KERNEL);
	if (!loading || !copy) {
		kfree(copy);
		kfree(loading);
		return ERR_PTR(-ENOMEM);
	}
	memcpy(copy, release, min_t(size_t, release->size, sizeof(*copy)));
	freq_server_set_ops(copy);
	loading->release = copy;
	loading->server = &freq_server;
	return loading;
}

static void free_loading(struct loading *loading)
{
	kfree(loading->release);
	kfree(loading);
}

/**
 * freq_door_begin() - begin to become the running release
 * @address: the struct freq_release that describes the caller; the door makes
 *	a copy of it
 * @rehearsal: NULL; or the name of a device, behind which the caller is to run
 *	on a copy of the state, with the running release left alone
 * @running: out: the struct freq_release of the running release, NULL if none
 *	runs. It stays so until freq_door_end().
 *
 * Context: init of a release's module; may sleep; takes the mutex.
 * Return: a handle for freq_door_run() and freq_door_end(), the latter of which
 * must follow; or an ERR_PTR: -EBUSY if another change is under way, if another
 * module runs as this version, or if there is a rehearsal; -ENODEV if there is
 * nothing to rehearse on; -EPROTO if the two were built for different versions
 * of the contract; -E2BIG if the release needs a newer door; -EINVAL if it
 * contradicts itself, or has a file with a name that is taken; -ENOMEM.
 */
void *freq_door_begin(const void *address, const char *rehearsal,
		      const void **running)
{
	struct freq_server *server = &freq_server;
	const struct freq_release *release = address;
	struct loading *loading = create_loading(release);
	int err = PTR_ERR_OR_ZERO(loading);

	if (err)
		goto refuse;
	err = change_begin(server);
	if (err)
		goto free_loading;
	err = prepare(loading, rehearsal);
	if (err)
		goto end_change;
	*running = loading->old;
	trace_freq_prepare(release->version,
			   loading->old ? loading->old->version : 0, 0);
	return loading;

end_change:
	change_end(server);
free_loading:
	free_loading(loading);
refuse:
	count_refusal(server);
	trace_freq_prepare(release->version, 0, err);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_FREQ(freq_door_begin);

/**
 * freq_door_run() - enter a function of the incoming release
 * @data: the handle from freq_door_begin()
 * @step: called under the mutex, as an operation is, with the state of the
 *	running release, NULL if none runs, and a struct freq_call
 *
 * Context: init of a release's module; may sleep; takes the mutex.
 * Return: the last return value of @step.
 */
int freq_door_run(void *data, int (*step)(void *state, void *call))
{
	struct loading *loading = data;
	struct freq_call call = {
		.size = sizeof(call),
		.op = FREQ_OP_STEP,
		.server = &loading->server->info,
		.step = step,
	};

	return freq_server_call(loading->server, &call);
}
EXPORT_SYMBOL_FREQ(freq_door_run);

/**
 * freq_door_take_over() - become the running release
 * @data: the handle from freq_door_begin()
 * @state: the state that the caller works on from now on
 *
 * A rehearsal begins with freq_door_end().
 *
 * Context: in the last entry of the step of freq_door_run(), which returns 0
 * then.
 */
void freq_door_take_over(void *data, void *state)
{
	struct loading *loading = data;
	struct freq_server *server = loading->server;

	lockdep_assert_held(&server->lock);

	loading->taken = true;
	loading->state = state;
	loading->old_state = server->state;
	if (loading->target == server)
		set_running(server, loading->release, state);
	loading->gate = ktime_get_ns() - server->held_since;
}
EXPORT_SYMBOL_FREQ(freq_door_take_over);

static void abort_load(struct loading *loading, int err)
{
	const struct freq_release *release = loading->release;

	if (loading->target == loading->server)
		freq_sysfs_prune(loading->server, loading->server->running);
	else
		destroy_rehearsal(loading->target);
	module_put(release->owner);
	trace_freq_abort(release->version, err);
	kfree(release);
	count_refusal(loading->server);
}

static void count_upgrade(struct loading *loading)
{
	struct freq_server *server = loading->server;
	u64 *figures = server->figures;

	freq_server_lock(server);
	figures[FREQ_FIGURE_UPGRADES]++;
	figures[FREQ_FIGURE_GATE_LAST] = loading->gate;
	figures[FREQ_FIGURE_GATE_LONGEST] =
		max(loading->gate, figures[FREQ_FIGURE_GATE_LONGEST]);
	freq_server_unlock(server);
}

static void notify(struct freq_server *server, u32 version)
{
	char text[] = "RELEASE=4294967295";

	snprintf(text, sizeof(text), "RELEASE=%u", version);
	freq_sysfs_notify(server, "release", text);
}

static void complete_load(struct loading *loading)
{
	struct freq_server *server = loading->server;
	const struct freq_release *old = loading->old;
	u32 version = loading->release->version;

	freq_sysfs_prune(server, loading->release);
	if (old)
		count_upgrade(loading);
	trace_freq_commit(version, old ? old->version : 0, loading->gate);
	notify(server, version);
	if (old)
		freq_load_retire(server, old,
				 loading->old_state == loading->state ?
				 NULL : loading->old_state);
}

static int begin_rehearsal(struct loading *loading)
{
	struct freq_server *rehearsal = loading->target;
	int err;

	err = misc_register(&rehearsal->misc);
	if (err)
		goto retire;
	err = freq_sysfs_add(rehearsal, loading->release);
	if (err)
		goto deregister;
	/* Nobody could open it before. */
	freq_server_lock(rehearsal);
	set_running(rehearsal, loading->release, loading->state);
	freq_server_unlock(rehearsal);
	return 0;

deregister:
	misc_deregister(&rehearsal->misc);
retire:
	freq_load_retire(rehearsal, loading->release, loading->state);
	destroy_rehearsal(rehearsal);
	return err;
}

/**
 * freq_door_end() - end a change of the running release
 * @data: the handle from freq_door_begin(); is freed
 * @err: 0 if freq_door_take_over() was called, else why not
 *
 * When this returns 0, the caller runs, and must not fail any more: the release
 * before is idle, its module has one reference fewer, and its state was
 * destroyed if the caller works on another. Otherwise nothing has happened.
 *
 * Context: init of a release's module; may sleep; takes the mutex.
 * Return: @err; or the errno of making the device of a rehearsal.
 */
int freq_door_end(void *data, int err)
{
	struct loading *loading = data;
	struct freq_server *server = loading->server;

	if (!loading->taken)
		abort_load(loading, err);
	else if (loading->target == server)
		complete_load(loading);
	else
		err = begin_rehearsal(loading);
	if (loading->taken && err)
		count_refusal(server);
	change_end(server);
	kfree(loading);
	return err;
}
EXPORT_SYMBOL_FREQ(freq_door_end);

/**
 * freq_door_stop() - stop the server
 * @data: the struct freq_call
 *
 * The state is destroyed after the hold. No client but the caller may have
 * data in it.
 *
 * Context: under the mutex, as the last act of an operation.
 * Return: 0; -ENOTTY if it is a rehearsal; -EBUSY if the running release is
 * just being exchanged.
 */
int freq_door_stop(void *data)
{
	struct freq_call *call = data;
	struct freq_server *server = freq_server_of(call->server);

	if (server->info.flags & FREQ_SERVER_REHEARSAL)
		return -ENOTTY;
	if (server->changing)
		return -EBUSY;
	server->changing = true;
	server->info.stops++;
	call->stopped = server->running;
	call->left |= FREQ_LEFT_STOP;
	set_running(server, NULL, server->state);
	return 0;
}
EXPORT_SYMBOL_FREQ(freq_door_stop);

/**
 * freq_load_stopped() - clean up after freq_door_stop()
 * @server: the server
 * @stopped: the release that ran
 *
 * Context: process context; may sleep; takes the mutex.
 */
void freq_load_stopped(struct freq_server *server,
		       const struct freq_release *stopped)
{
	freq_server_exit(server);
	freq_sysfs_prune(server, NULL);
	notify(server, 0);
	freq_load_retire(server, stopped, server->state);
	freq_server_lock(server);
	server->state = NULL;
	freq_server_unlock(server);
	change_end(server);
}
