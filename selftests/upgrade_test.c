// SPDX-License-Identifier: GPL-2.0-only
/*
 * One release takes over from another while clients have their files open: up
 * and down, with the same layout of the state and with another, once and many
 * times; and the start before all of them, and the stop at the end.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>

#include "../kselftest_harness.h"
#include "freq_test.h"

#define UPGRADES	50

FIXTURE(upgrade) {
	int fd;
};

FIXTURE_VARIANT(upgrade) {
	const char *from;
	const char *to;
};

UPGRADE_VARIANTS(upgrade);

SHORT_VARIANTS(upgrade, "v2_to_v1 v1_to_v90 v90_to_v2")

FIXTURE_SETUP(upgrade)
{
	ASSERT_EQ(0, server_start(variant->from, NULL));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(upgrade)
{
	EXPECT_EQ(0, test_clean());
}

static bool runs(int fd, const char *release)
{
	__u32 number = release_number(release);
	struct freq_info info;

	return !try_info(fd, &info) && info.release == number &&
	       info.features == release_features(number) &&
	       release_runs(release);
}

/* Another user's process, with one of each kind. */
static int hold_as_user(int line, void *data)
{
	__u64 plain, kept;
	int fd;

	if (become(USER_A))
		return -1;
	fd = open_client();
	if (fails(fd >= 0) ||
	    differ(0, try_allocate(fd, 0, &plain)) ||
	    differ(0, try_allocate(fd, FREQ_ALLOCATE_KEEP, &kept)) ||
	    line_say(line, 'a') || line_hear(line, 'b'))
		return -1;
	/* Both are its own, by whatever release. */
	if (differ(0, try_deallocate(fd, kept)) ||
	    differ(0, try_deallocate(fd, plain)) ||
	    differ(0, try_allocate(fd, 0, &plain)) ||
	    differ(0, try_allocate(fd, FREQ_ALLOCATE_KEEP, &kept)))
		return -1;
	return line_say(line, 'c') || line_hear(line, 'd');
}

/* Holders of all kinds, and nothing of it changes. */
TEST_F(upgrade, state_stays)
{
	struct snapshot before, after;
	struct listing mine, now;
	struct child child;
	int closed, early;

	test_keep(self->fd, 10);
	test_allocate(self->fd, 11);
	closed = open_client();
	ASSERT_GE(closed, 0);
	test_keep(closed, 12);
	close(closed);
	ASSERT_EQ(0, child_start(&child, hold_as_user, NULL));
	ASSERT_EQ(0, line_hear(child.line, 'a'));
	early = open_client();
	ASSERT_GE(early, 0);
	test_allocate(self->fd, 15);
	test_deallocate(self->fd, 11);
	ASSERT_EQ(0, snapshot_take(&before, self->fd));
	test_allocate(self->fd, 11);
	test_deallocate(self->fd, 11);
	ASSERT_EQ(0, listing_take(&mine, self->fd, 0, FREQ_LIST_MAX));

	ASSERT_EQ(0, module_load(variant->to, NULL));
	EXPECT_TRUE(runs(self->fd, variant->to));
	EXPECT_EQ(0, module_references(variant->from));
	EXPECT_EQ(0, module_unload(variant->from));
	EXPECT_FALSE(module_loaded(variant->from));
	/* MINE is of the one that asks. */
	ASSERT_EQ(0, listing_take(&now, self->fd, 0, FREQ_LIST_MAX));
	EXPECT_TRUE(listing_same(&mine, &now));
	listing_free(&mine);
	listing_free(&now);
	ASSERT_EQ(0, snapshot_take(&after, self->fd));
	EXPECT_TRUE(state_same(&before, &after));
	EXPECT_TRUE(sysfs_agrees(self->fd));
	snapshot_free(&after);

	/* Open since before, and used for the first time. */
	test_allocate(early, 11);
	test_err_deallocate(EPERM, self->fd, 11);
	close(early);
	ASSERT_EQ(0, line_say(child.line, 'b'));
	ASSERT_EQ(0, line_hear(child.line, 'c'));
	ASSERT_EQ(0, snapshot_take(&after, self->fd));
	before.info.clients--;
	EXPECT_TRUE(state_same(&before, &after));
	snapshot_free(&after);
	snapshot_free(&before);

	ASSERT_EQ(0, line_say(child.line, 'd'));
	EXPECT_EQ(0, child_wait(&child));
	/* What it kept stays, of the user that it was. */
	EXPECT_TRUE(sysfs_is("allocated", "10,12,14-15\n"));
	test_deallocate(self->fd, 15);
	test_deallocate(self->fd, 14);
	test_deallocate(self->fd, 12);
	test_deallocate(self->fd, 10);
	EXPECT_TRUE(sysfs_is("free", "10-15\n"));
}

/* Free frequencies that still name a client which is closed by now. */
TEST_F(upgrade, stale_holders)
{
	struct freq_info info;
	int one = open_client();
	int other = open_client();

	test_allocate(one, 10);
	test_allocate(other, 11);
	test_allocate(one, 12);
	test_keep(other, 13);
	close(one);
	close(other);
	ASSERT_EQ(0, server_upgrade(variant->from, variant->to));
	EXPECT_TRUE(sysfs_is("free", "10-12,14-15\n"));
	test_err_deallocate(ENOENT, self->fd, 10);

	/* Each forgets the one, and the one can be another's then. */
	test_allocate(self->fd, 11);
	test_allocate(self->fd, 10);
	ASSERT_EQ(0, server_upgrade(variant->to, variant->from));
	test_allocate(self->fd, 12);
	one = open_client();
	ASSERT_GE(one, 0);
	test_allocate(one, 14);
	test_deallocate(self->fd, 13);
	other = open_client();
	ASSERT_GE(other, 0);
	test_allocate(other, 13);
	ASSERT_EQ(0, server_upgrade(variant->from, variant->to));
	test_err_deallocate(EPERM, self->fd, 14);
	test_err_deallocate(EPERM, one, 13);
	test_deallocate(one, 14);
	close(other);
	test_info(self->fd, &info);
	EXPECT_EQ(3, info.allocated);
	EXPECT_TRUE(sysfs_is("allocated", "10-12\n"));
	EXPECT_TRUE(sysfs_agrees(self->fd));
}

/* Soft purge: no while it runs, yes at once when it does not. */
TEST_F(upgrade, running_release_stays)
{
	EXPECT_EQ(-EAGAIN, module_unload(variant->from));
	EXPECT_TRUE(runs(self->fd, variant->from));
	ASSERT_EQ(0, module_load(variant->to, NULL));
	EXPECT_EQ(-EAGAIN, module_unload(variant->to));
	EXPECT_EQ(0, module_unload(variant->from));
	EXPECT_EQ(-EAGAIN, module_unload(variant->to));
	EXPECT_EQ(-EWOULDBLOCK, module_unload("freq"));
	EXPECT_TRUE(runs(self->fd, variant->to));
	close(self->fd);
	/* Nobody has it open: it runs all the same. */
	EXPECT_EQ(-EAGAIN, module_unload(variant->to));
}

/* Both stay loaded: the idle one is no obstacle to anything. */
TEST_F(upgrade, release_before_stays_loaded)
{
	test_allocate(self->fd, 10);
	ASSERT_EQ(0, module_load(variant->to, NULL));
	EXPECT_TRUE(module_loaded(variant->from));
	EXPECT_EQ(0, module_references(variant->from));
	test_allocate(self->fd, 11);
	EXPECT_EQ(-EEXIST, module_load(variant->from, NULL));
	EXPECT_TRUE(runs(self->fd, variant->to));
	EXPECT_EQ(0, module_references(variant->from));

	ASSERT_EQ(0, module_unload(variant->from));
	ASSERT_EQ(0, module_load(variant->from, NULL));
	EXPECT_TRUE(runs(self->fd, variant->from));
	EXPECT_EQ(0, module_unload(variant->to));
	test_deallocate(self->fd, 11);
	test_deallocate(self->fd, 10);
}

TEST_F(upgrade, loaded_already)
{
	test_allocate(self->fd, 10);
	EXPECT_EQ(-EEXIST, module_load(variant->from, NULL));
	EXPECT_TRUE(runs(self->fd, variant->from));
	test_deallocate(self->fd, 10);
	ASSERT_EQ(0, server_upgrade(variant->from, variant->to));
}

/* The pool is there already: the parameter is for a fresh server. */
TEST_F(upgrade, parameter_is_ignored)
{
	test_allocate(self->fd, 10);
	ASSERT_EQ(0, module_load(variant->to, "frequencies=100-200"));
	EXPECT_EQ(0, module_unload(variant->from));
	EXPECT_TRUE(sysfs_is("free", "11-15\n"));
	EXPECT_TRUE(sysfs_is("allocated", "10\n"));
	test_allocate(self->fd, 11);
}

/* There is no client, and nothing was ever allocated. */
TEST_F(upgrade, nobody_has_it_open)
{
	close(self->fd);
	ASSERT_EQ(0, server_upgrade(variant->from, variant->to));
	EXPECT_TRUE(sysfs_is("free", "10-15\n"));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	EXPECT_TRUE(runs(self->fd, variant->to));
	test_allocate(self->fd, 10);
	test_deallocate(self->fd, 10);
	test_stop(self->fd);
}

/* A list that is half read shows its other half after the upgrade. */
TEST_F(upgrade, reader_of_sysfs)
{
	char text[64] = "";
	ssize_t got;
	int fd;

	test_allocate(self->fd, 10);
	test_allocate(self->fd, 11);
	test_deallocate(self->fd, 10);
	fd = open(SYSFS "free", O_RDONLY | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(4, read(fd, text, 4));
	ASSERT_EQ(0, server_upgrade(variant->from, variant->to));
	got = read(fd, text + 4, sizeof(text) - 5);
	EXPECT_EQ(5, got);
	EXPECT_STREQ("10,12-15\n", text);
	EXPECT_EQ(0, lseek(fd, 0, SEEK_SET));
	EXPECT_EQ(9, read(fd, text, sizeof(text)));
}

/* Frequencies that only the newer release can inject stay after a downgrade. */
TEST(inject_stays_after_downgrade)
{
	struct snapshot before, after;
	int fd;

	ASSERT_EQ(0, server_start("freq_v2", NULL));
	fd = open_client();
	ASSERT_GE(fd, 0);
	test_inject(fd, 30, 31, 32);
	test_allocate(fd, 10);
	ASSERT_EQ(0, snapshot_take(&before, fd));
	ASSERT_EQ(0, server_upgrade("freq_v2", "freq_v1"));
	ASSERT_EQ(0, snapshot_take(&after, fd));
	EXPECT_TRUE(state_same(&before, &after));
	snapshot_free(&after);
	test_err_inject(ENOTTY, fd, 33);
	ASSERT_EQ(0, server_upgrade("freq_v1", "freq_v2"));
	ASSERT_EQ(0, snapshot_take(&after, fd));
	EXPECT_TRUE(snapshot_same(&before, &after));
	test_err_inject(EEXIST, fd, 31);
	test_inject(fd, 33);
	EXPECT_EQ(0, test_clean());
}

/* One client on its one descriptor, and what it holds while all changes. */
struct user {
	pthread_t thread;
	int fd;
	bool stop;
	unsigned long requests;
	int error;
};

static int use(struct user *user)
{
	struct freq_info info;
	__u64 held, frequency;
	int error;

	/* This one is never given back, whatever runs. */
	if (differ(0, try_allocate(user->fd, 0, &held)))
		return -1;
	while (!__atomic_load_n(&user->stop, __ATOMIC_RELAXED)) {
		error = try_allocate(user->fd, 0, &frequency);
		/* The others can have them all for a moment. */
		if (error != -ENOSPC) {
			if (differ(0, error) ||
			    fails(frequency != held) ||
			    differ(0, try_deallocate(user->fd, frequency)))
				return -1;
		}
		if (differ(0, try_info(user->fd, &info)) ||
		    differ(6, info.free + info.allocated) ||
		    differ(-ENOENT, try_deallocate(user->fd, 9)))
			return -1;
		user->requests += 4;
	}
	return differ(0, try_deallocate(user->fd, held));
}

static void *use_in_thread(void *data)
{
	struct user *user = data;

	user->error = use(user);
	return NULL;
}

static int come_and_go(struct user *user)
{
	__u64 frequency;
	int error;
	int fd;

	while (!__atomic_load_n(&user->stop, __ATOMIC_RELAXED)) {
		fd = open_client();
		if (fails(fd >= 0))
			return -1;
		error = try_allocate(fd, 0, &frequency);
		if (error != -ENOSPC && differ(0, error))
			return -1;
		if (fails(!close(fd)))
			return -1;
		user->requests += 3;
	}
	return 0;
}

static void *come_and_go_in_thread(void *data)
{
	struct user *user = data;

	user->error = come_and_go(user);
	return NULL;
}

FIXTURE(many) {
	int fd;
};

FIXTURE_SETUP(many)
{
	ASSERT_EQ(0, server_start("freq_v1", NULL));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(many)
{
	EXPECT_EQ(0, test_clean());
}

/* No request fails, no open fails, and no rmmod has to be tried twice. */
TEST_F_TIMEOUT(many, upgrades_under_load, 120)
{
	struct user users[4];
	int i;

	for (i = 0; i < 4; i++) {
		users[i] = (struct user) { .fd = i < 2 ? open_client() : -1 };
		if (i < 2)
			ASSERT_GE(users[i].fd, 0);
		ASSERT_EQ(0, pthread_create(&users[i].thread, NULL,
					    i < 2 ? use_in_thread :
						    come_and_go_in_thread,
					    &users[i]));
	}
	for (i = 0; i < rounds(UPGRADES); i++) {
		ASSERT_EQ(0, server_upgrade("freq_v1", "freq_v2"));
		ASSERT_EQ(0, server_upgrade("freq_v2", "freq_v1"));
	}
	for (i = 0; i < 4; i++)
		__atomic_store_n(&users[i].stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, pthread_join(users[i].thread, NULL));
		EXPECT_EQ(0, users[i].error);
		EXPECT_LT(0, users[i].requests);
		TH_LOG("%lu requests of thread %d", users[i].requests, i);
	}
	EXPECT_TRUE(sysfs_is("free", "10-15\n"));
	EXPECT_TRUE(sysfs_is("allocated", "\n"));
	EXPECT_TRUE(runs(self->fd, "freq_v1"));
}

/* Alone, so that nothing but the upgrade itself can go wrong. */
TEST_F_TIMEOUT(many, upgrades_alone, 120)
{
	struct snapshot before, after;
	int i;

	test_keep(self->fd, 10);
	test_allocate(self->fd, 11);
	test_allocate(self->fd, 12);
	test_deallocate(self->fd, 11);
	ASSERT_EQ(0, snapshot_take(&before, self->fd));
	for (i = 0; i < rounds(UPGRADES); i++) {
		ASSERT_EQ(0, server_upgrade("freq_v1", "freq_v2"));
		ASSERT_EQ(0, server_upgrade("freq_v2", "freq_v1"));
	}
	ASSERT_EQ(0, snapshot_take(&after, self->fd));
	EXPECT_TRUE(snapshot_same(&before, &after));
}

/* The door is there, with no release behind it, and one fails to load. */
static const char * const bad_parameters[] = {
	"frequencies=oops",
	"frequencies=10,10",
	"frequencies=10-15,12",
	"frequencies=15-10",
	"frequencies=10-",
	"frequencies=10-20/0",
	"frequencies=1.5",
	"frequencies=18446744073709551616",
	"frequencies=0-18446744073709551615",
};

FIXTURE(fresh) {
	int fd;
};

FIXTURE_VARIANT(fresh) {
	const char *release;
};

RELEASE_VARIANT(fresh, v1);
RELEASE_VARIANT(fresh, v2);
RELEASE_VARIANT(fresh, v3);
RELEASE_VARIANT(fresh, v90);

SHORT_VARIANTS(fresh, "v2")

FIXTURE_SETUP(fresh)
{
	ASSERT_EQ(0, server_clean());
	ASSERT_EQ(0, module_load("freq", NULL));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(fresh)
{
	EXPECT_EQ(0, test_clean());
}

TEST_F(fresh, door_alone)
{
	EXPECT_TRUE(sysfs_is("release", "0\n"));
	test_err_info(ENODEV, self->fd);
	test_err_allocate(ENODEV, self->fd);
	test_err_stop(ENODEV, self->fd);
	EXPECT_EQ(-EAGAIN, module_unload("freq"));
	close(self->fd);
	EXPECT_EQ(0, module_unload("freq"));
	EXPECT_EQ(-1, access(DEVICE, F_OK));
}

TEST_F(fresh, bad_parameter)
{
	struct freq_info info;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad_parameters); i++) {
		int error = module_load(variant->release, bad_parameters[i]);

		EXPECT_GT(0, error) {
			TH_LOG("%s was accepted", bad_parameters[i]);
		}
		EXPECT_NE(-ENOENT, error);
		EXPECT_FALSE(module_loaded(variant->release));
		EXPECT_TRUE(sysfs_is("release", "0\n"));
		EXPECT_EQ(-1, access(SYSFS "free", F_OK));
		EXPECT_EQ(-1, access(SYSFS "allocated", F_OK));
		test_err_info(ENODEV, self->fd);
		/* The one reference is ours. */
		EXPECT_EQ(1, module_references("freq"));
	}
	ASSERT_EQ(0, module_load(variant->release, "frequencies=1-3"));
	test_info(self->fd, &info);
	EXPECT_EQ(release_number(variant->release), info.release);
	EXPECT_EQ(3, info.free);
	EXPECT_EQ(1, info.clients);
}

/* Open before there was a server, used since there is one. */
TEST_F(fresh, descriptor_waits_for_a_server)
{
	ASSERT_EQ(0, module_load(variant->release, NULL));
	test_allocate(self->fd, 10);
	EXPECT_TRUE(sysfs_is("free", "11-15\n"));
	test_deallocate(self->fd, 10);
}

/* Refused while anything is allocated, and nothing is lost. */
TEST_F(fresh, stop_is_refused)
{
	int other;

	ASSERT_EQ(0, module_load(variant->release, NULL));
	test_allocate(self->fd, 10);
	test_err_stop(EBUSY, self->fd);
	test_deallocate(self->fd, 10);

	other = open_client();
	ASSERT_GE(other, 0);
	test_keep(other, 10);
	close(other);
	test_err_stop(EBUSY, self->fd);
	EXPECT_TRUE(sysfs_is("allocated", "10\n"));
	EXPECT_TRUE(sysfs_is("free", "11-15\n"));
	test_deallocate(self->fd, 10);
	test_stop(self->fd);
}

/* Also while another client is open that has ever allocated anything. */
TEST_F(fresh, stop_is_refused_for_a_client)
{
	const char *other_release = strcmp(variant->release, "freq_v2") ?
					    "freq_v2" : "freq_v1";
	int other;

	ASSERT_EQ(0, module_load(variant->release, NULL));
	other = open_client();
	ASSERT_GE(other, 0);
	test_allocate(other, 10);
	test_err_stop(EBUSY, self->fd);
	test_deallocate(other, 10);
	test_err_stop(EBUSY, self->fd);
	/* Whatever has taken over since. */
	ASSERT_EQ(0, server_upgrade(variant->release, other_release));
	test_err_stop(EBUSY, self->fd);
	EXPECT_TRUE(release_runs(other_release));
	test_allocate(other, 10);
	test_deallocate(other, 10);
	close(other);
	test_stop(self->fd);
}

/* Others are no obstacle. They work on with the next server. */
TEST_F(fresh, stop_with_idle_clients)
{
	struct freq_info info;
	int idle, reader;

	ASSERT_EQ(0, module_load(variant->release, NULL));
	idle = open_client();
	ASSERT_GE(idle, 0);
	reader = open(DEVICE, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(reader, 0);
	test_info(idle, &info);
	EXPECT_EQ(3, info.clients);
	test_err_deallocate(ENOENT, idle, 10);
	test_info(reader, &info);

	test_stop(self->fd);
	test_err_info(ENODEV, idle);
	test_err_allocate(ENODEV, idle);
	test_err_stop(ENODEV, idle);
	test_err_info(ENODEV, reader);
	EXPECT_EQ(0, module_unload(variant->release));

	ASSERT_EQ(0, module_load(variant->release, "frequencies=7"));
	test_info(reader, &info);
	EXPECT_EQ(release_number(variant->release), info.release);
	EXPECT_EQ(1, info.free);
	test_allocate(idle, 7);
	test_err_stop(EBUSY, self->fd);
	close(idle);
	test_stop(self->fd);
	test_err_info(ENODEV, reader);
}

/* Another descriptor of the same description is not another client. */
TEST_F(fresh, stop_by_the_only_client)
{
	int again;

	ASSERT_EQ(0, module_load(variant->release, NULL));
	again = dup(self->fd);
	ASSERT_GE(again, 0);
	test_stop(again);
	close(again);
}

TEST_F(fresh, stop_and_start)
{
	int turn;

	for (turn = 0; turn < 3; turn++) {
		ASSERT_EQ(0, module_load(variant->release, "frequencies=1-3"));
		test_allocate(self->fd, 1);
		test_deallocate(self->fd, 1);
		test_stop(self->fd);
		test_err_stop(ENODEV, self->fd);
		test_err_allocate(ENODEV, self->fd);
		test_err_deallocate(ENODEV, self->fd, 1);
		EXPECT_TRUE(sysfs_is("release", "0\n"));
		EXPECT_EQ(-1, access(SYSFS "free", F_OK));
		EXPECT_EQ(0, module_references(variant->release));
		EXPECT_EQ(0, module_unload(variant->release));
	}
	/* The one descriptor that saw it all, and a server of its own. */
	ASSERT_EQ(0, module_load(variant->release, "frequencies=7"));
	test_allocate(self->fd, 7);
	test_deallocate(self->fd, 7);
	test_stop(self->fd);
	close(self->fd);
	EXPECT_EQ(0, module_unload(variant->release));
	EXPECT_EQ(0, module_unload("freq"));
}

/* The idle release does not hear of the stop, and can be removed after it. */
TEST_F(fresh, stop_with_both_loaded)
{
	const char *other = strcmp(variant->release, "freq_v2") ? "freq_v2" :
								  "freq_v1";

	ASSERT_EQ(0, module_load(variant->release, NULL));
	ASSERT_EQ(0, module_load(other, NULL));
	test_stop(self->fd);
	EXPECT_EQ(0, module_references(variant->release));
	EXPECT_EQ(0, module_references(other));
	EXPECT_EQ(0, module_unload(other));
	ASSERT_EQ(0, module_load(other, "frequencies=1"));
	test_allocate(self->fd, 1);
	EXPECT_EQ(0, module_unload(variant->release));
}

TEST_HARNESS_MAIN
