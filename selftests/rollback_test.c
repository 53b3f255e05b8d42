// SPDX-License-Identifier: GPL-2.0-only
/*
 * Upgrades that fail, at each of their steps and between each two releases:
 * the one that ran goes on, nothing has changed, nothing is left behind, the
 * loader has the errno and the log a line with the step; and the next upgrade
 * works.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>

#include "../kselftest_harness.h"
#include "freq_test.h"

#define KNOB	"/sys/module/freq_v90/parameters/fail"

/* More than the test release takes for many, */
#define POOL	"frequencies=1-1000"
/* and so many that two are likely to meet while they are added. */
#define LONG	"frequencies=1-50000"

/**
 * struct known - what there was before, and has to be afterwards
 * @fd: the client that looks
 * @log: the kernel's log, read up to now
 * @refused: how many upgrades were refused
 * @door_references: those of the door's module
 * @folder: the names in sysfs
 * @before: what the server knows
 */
struct known {
	int fd;
	int log;
	__u64 refused;
	int door_references;
	char *folder;
	struct snapshot before;
};

FIXTURE(rollback) {
	struct known known;
};

FIXTURE_VARIANT(rollback) {
	const char *from;
	const char *to;
};

FIXTURE_VARIANT_ADD(rollback, v1_to_v2) {
	.from = "freq_v1",
	.to = "freq_v2",
};

FIXTURE_VARIANT_ADD(rollback, v2_to_v1) {
	.from = "freq_v2",
	.to = "freq_v1",
};

FIXTURE_VARIANT_ADD(rollback, v1_to_v90) {
	.from = "freq_v1",
	.to = "freq_v90",
};

FIXTURE_VARIANT_ADD(rollback, v90_to_v1) {
	.from = "freq_v90",
	.to = "freq_v1",
};

FIXTURE_VARIANT_ADD(rollback, v2_to_v90) {
	.from = "freq_v2",
	.to = "freq_v90",
};

FIXTURE_VARIANT_ADD(rollback, v90_to_v2) {
	.from = "freq_v90",
	.to = "freq_v2",
};

static int compare_names(const void *one, const void *other)
{
	return strcmp(*(char * const *)one, *(char * const *)other);
}

/* The names in a folder, in order, to be freed. */
static char *read_folder(const char *path)
{
	char *names[64];
	char *text = calloc(64, 256);
	struct dirent *entry;
	size_t count = 0;
	size_t i;
	DIR *dir = opendir(path);

	while (dir && text && count < 64 && (entry = readdir(dir)))
		names[count++] = strdup(entry->d_name);
	if (dir)
		closedir(dir);
	qsort(names, count, sizeof(*names), compare_names);
	for (i = 0; i < count; i++) {
		strcat(text, names[i]);
		strcat(text, "\n");
		free(names[i]);
	}
	return text;
}

/* Something of all kinds, in a server that may then fail to be upgraded. */
FIXTURE_SETUP(rollback)
{
	int closed;

	ASSERT_EQ(0, server_start(variant->from, POOL));
	self->known.fd = open_client();
	ASSERT_GE(self->known.fd, 0);
	closed = open_client();
	ASSERT_GE(closed, 0);
	test_allocate(self->known.fd, 1);
	test_keep(self->known.fd, 2);
	test_allocate(closed, 3);
	test_keep(closed, 4);
	close(closed);
	test_allocate(self->known.fd, 3);
	test_allocate(self->known.fd, 5);
	test_deallocate(self->known.fd, 3);
	ASSERT_EQ(0, snapshot_take(&self->known.before, self->known.fd));
	self->known.door_references = module_references("freq");
	self->known.folder = read_folder(SYSFS);
	self->known.log = log_open();
	ASSERT_GE(self->known.log, 0);
	self->known.refused = 0;
}

FIXTURE_TEARDOWN(rollback)
{
	EXPECT_EQ(0, test_clean());
}

/*
 * It is as if nobody had tried. One more was refused, for which the log has
 * one line, or no line if there is no step to name.
 */
static int check_nothing_happened(struct known *known,
				  const char *from, const char *to,
				  const char *step)
{
	struct snapshot after;
	char *folder, path[64];
	int error = 0;

	known->refused += !!step;
	if (differ(known->refused, upgrade_figure("refused")) ||
	    differ(0, upgrade_figure("count")) ||
	    fails(release_runs(from)) ||
	    differ(1, module_references(from)) ||
	    differ(known->door_references, module_references("freq")) ||
	    fails(!module_loaded(to)) || fails(rehearsal_gone()))
		return -1;
	snprintf(path, sizeof(path), "/sys/module/%s", to);
	if (fails(access(path, F_OK)) ||
	    differ(!!step, log_count(known->log, step)))
		return -1;
	folder = read_folder(SYSFS);
	if (fails(folder && !strcmp(folder, known->folder)))
		error = -1;
	free(folder);
	if (differ(0, snapshot_take(&after, known->fd)) ||
	    fails(snapshot_same(&known->before, &after)) ||
	    fails(sysfs_agrees(known->fd)))
		error = -1;
	snapshot_free(&after);
	return error;
}

#define EXPECT_NOTHING_HAPPENED(step)					\
	EXPECT_EQ(0, check_nothing_happened(&self->known, variant->from,	\
					    variant->to, step))

/* A good one works as if none had failed. */
static int check_upgrade(struct known *known, const char *from,
			 const char *to)
{
	struct snapshot after;
	int error;

	if (differ(0, server_upgrade(from, to)) ||
	    fails(release_runs(to)) ||
	    differ(0, snapshot_take(&after, known->fd)))
		return -1;
	error = !state_same(&known->before, &after) ||
		differ(known->refused, upgrade_figure("refused")) ||
		differ(1, upgrade_figure("count")) ||
		fails(log_silent(known->log));
	snapshot_free(&after);
	return error;
}

#define EXPECT_UPGRADE()						\
	EXPECT_EQ(0, check_upgrade(&self->known, variant->from, variant->to))

static int set_knob(const char *value)
{
	int fd = open(KNOB, O_WRONLY | O_CLOEXEC);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) != (ssize_t)strlen(value))
		error = -errno;
	close(fd);
	return error;
}

/*
 * Loads the release so that its conversion, if it takes one, fails at this
 * step. The knob is a parameter of the test release, which comes or which goes.
 */
static int load_failing(const char *from, const char *to, const char *step,
			const char *more)
{
	char parameters[64];
	int error;

	snprintf(parameters, sizeof(parameters), "fail=%s %s", step, more);
	if (!strcmp(to, "freq_v90"))
		return module_load(to, parameters);
	error = set_knob(step);
	if (error)
		return error;
	error = module_load(to, more);
	if (set_knob("none"))
		return -EIO;
	return error;
}

static const struct {
	const char *name;
	int error;
} steps[] = {
	{ "begin", ENOMEM },
	{ "room", ENOMEM },
	{ "room-late", ENOMEM },
	{ "check", EOPNOTSUPP },
};

static bool converts(const char *from, const char *to)
{
	return !strcmp(from, "freq_v90") || !strcmp(to, "freq_v90");
}

/* Each step, twice in a row: the first time leaves nothing for the second. */
TEST_F(rollback, conversion)
{
	char line[64];
	size_t i;
	int turn;

	snprintf(line, sizeof(line), "%s: converting the state: error",
		 variant->to);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		if (!converts(variant->from, variant->to))
			break;
		/* Only what would lose something is refused. */
		if (steps[i].error == EOPNOTSUPP &&
		    strcmp(variant->from, "freq_v90"))
			continue;
		for (turn = 0; turn < 2; turn++) {
			EXPECT_EQ(-steps[i].error,
				  load_failing(variant->from, variant->to,
					       steps[i].name, ""));
			EXPECT_NOTHING_HAPPENED(line);
		}
	}
	EXPECT_UPGRADE();
}

/* A rehearsal that cannot be made takes the same ways. */
TEST_F(rollback, rehearsal)
{
	char line[64];
	size_t i;
	int fd;

	snprintf(line, sizeof(line), "%s: converting the state: error",
		 variant->to);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		if (!converts(variant->from, variant->to))
			break;
		if (steps[i].error == EOPNOTSUPP &&
		    strcmp(variant->from, "freq_v90"))
			continue;
		EXPECT_EQ(-steps[i].error,
			  load_failing(variant->from, variant->to,
				       steps[i].name, "rehearse=1"));
		EXPECT_NOTHING_HAPPENED(line);
	}
	/* One that can be made leaves nothing either. */
	ASSERT_EQ(0, module_load(variant->to, "rehearse=1"));
	fd = open_rehearsal();
	ASSERT_GE(fd, 0);
	close(fd);
	ASSERT_EQ(0, module_unload(variant->to));
	EXPECT_NOTHING_HAPPENED(NULL);
	EXPECT_UPGRADE();
}

/* The kernel refuses it before it has begun. */
TEST_F(rollback, loaded_already)
{
	EXPECT_EQ(-EEXIST, module_load(variant->from, NULL));
	EXPECT_NOTHING_HAPPENED(NULL);
	EXPECT_EQ(-EEXIST, module_load(variant->from, "rehearse=1"));
	EXPECT_NOTHING_HAPPENED(NULL);
	EXPECT_UPGRADE();
}

/* What comes second finds the first, and goes away again. */
TEST_F(rollback, second_rehearsal)
{
	static const char * const all[] = { "freq_v1", "freq_v2", "freq_v90" };
	const char *third = all[0];
	char line[64];
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		if (strcmp(all[i], variant->from) &&
		    strcmp(all[i], variant->to))
			third = all[i];
	}
	snprintf(line, sizeof(line), "%s: preparing at the door: error", third);
	ASSERT_EQ(0, module_load(variant->to, "rehearse=1"));
	fd = open_rehearsal();
	ASSERT_GE(fd, 0);
	EXPECT_EQ(-EBUSY, module_load(third, "rehearse=1"));
	EXPECT_FALSE(module_loaded(third));
	EXPECT_EQ(1, log_count(self->known.log, line));
	EXPECT_EQ(++self->known.refused, upgrade_figure("refused"));
	/* The first goes on. */
	EXPECT_EQ(1, module_references(variant->to));
	EXPECT_EQ(0, try_deallocate(fd, 2));
	close(fd);
	ASSERT_EQ(0, module_unload(variant->to));
	EXPECT_NOTHING_HAPPENED(NULL);
	EXPECT_UPGRADE();
}

struct loader {
	pthread_t thread;
	pthread_barrier_t *start;
	const char *module;
	const char *parameters;
	int error;
};

static void *load_in_thread(void *data)
{
	struct loader *loader = data;

	pthread_barrier_wait(loader->start);
	loader->error = module_load(loader->module, loader->parameters);
	return NULL;
}

static int load_both(struct loader *loaders)
{
	pthread_barrier_t start;
	int i;

	pthread_barrier_init(&start, NULL, 2);
	for (i = 0; i < 2; i++) {
		loaders[i].start = &start;
		if (pthread_create(&loaders[i].thread, NULL, load_in_thread,
				   &loaders[i]))
			return -1;
	}
	for (i = 0; i < 2; i++)
		pthread_join(loaders[i].thread, NULL);
	return pthread_barrier_destroy(&start);
}

/*
 * The same release, by two at once: one of them loads it. The kernel tells the
 * other that it is loaded, or, since 6.5, what it told the first.
 */
TEST_F(rollback, loaded_twice_at_once)
{
	struct loader loaders[2] = {
		{ .module = variant->to },
		{ .module = variant->to },
	};
	struct snapshot after;

	ASSERT_EQ(0, load_both(loaders));
	EXPECT_TRUE(!loaders[0].error || !loaders[1].error);
	EXPECT_TRUE(!loaders[0].error || loaders[0].error == -EEXIST);
	EXPECT_TRUE(!loaders[1].error || loaders[1].error == -EEXIST);
	EXPECT_TRUE(release_runs(variant->to));
	EXPECT_EQ(1, upgrade_figure("count"));
	EXPECT_EQ(0, upgrade_figure("refused"));
	EXPECT_TRUE(log_silent(self->known.log));
	EXPECT_EQ(1, module_references(variant->to));
	EXPECT_EQ(0, module_unload(variant->from));
	ASSERT_EQ(0, snapshot_take(&after, self->known.fd));
	EXPECT_TRUE(state_same(&self->known.before, &after));
	EXPECT_EQ(0, server_upgrade(variant->to, variant->from));
}

FIXTURE(fresh) {
	int fd;
	int log;
};

FIXTURE_VARIANT(fresh) {
	const char *release;
};

FIXTURE_VARIANT_ADD(fresh, v1) {
	.release = "freq_v1",
};

FIXTURE_VARIANT_ADD(fresh, v2) {
	.release = "freq_v2",
};

FIXTURE_VARIANT_ADD(fresh, v90) {
	.release = "freq_v90",
};

FIXTURE_SETUP(fresh)
{
	ASSERT_EQ(0, server_clean());
	ASSERT_EQ(0, module_load("freq", NULL));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	self->log = log_open();
	ASSERT_GE(self->log, 0);
}

FIXTURE_TEARDOWN(fresh)
{
	EXPECT_EQ(0, test_clean());
}

/* Where nothing runs, nothing runs afterwards either. */
TEST_F(fresh, fails)
{
	static const struct {
		const char *parameters;
		const char *step;
		int error;
	} bad[] = {
		{ "frequencies=oops", "making a fresh state", EINVAL },
		{ "frequencies=1-1000,7", "making a fresh state", EINVAL },
		{ "frequencies=0-99999999999", "making a fresh state", E2BIG },
		{ "frequencies=18446744073709551616", "making a fresh state",
		  ERANGE },
		{ "rehearse=1", "preparing at the door", ENODEV },
	};
	char *folder = read_folder(SYSFS);
	char line[80];
	char *now;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-bad[i].error, module_load(variant->release,
						     bad[i].parameters)) {
			TH_LOG("%s", bad[i].parameters);
		}
		snprintf(line, sizeof(line), "%s: %s: error %d;",
			 variant->release, bad[i].step, bad[i].error);
		EXPECT_EQ(1, log_count(self->log, line));
		EXPECT_EQ(i + 1, upgrade_figure("refused"));
		EXPECT_EQ(0, upgrade_figure("count"));
		EXPECT_FALSE(module_loaded(variant->release));
		EXPECT_EQ(1, module_references("freq"));
		EXPECT_TRUE(rehearsal_gone());
		EXPECT_TRUE(sysfs_is("release", "0\n"));
		test_err_info(ENODEV, self->fd);
		now = read_folder(SYSFS);
		EXPECT_STREQ(folder, now);
		free(now);
	}
	ASSERT_EQ(0, module_load(variant->release, "frequencies=1-3"));
	test_allocate(self->fd, 1);
	test_deallocate(self->fd, 1);
	EXPECT_TRUE(log_silent(self->log));
	/* The first one took over from nobody. */
	EXPECT_EQ(0, upgrade_figure("count"));
}

/* Two that want to be first: at least one is, and who is refused is gone. */
TEST_F(fresh, two_at_once)
{
	const char *other = strcmp(variant->release, "freq_v2") ? "freq_v2" :
								  "freq_v1";
	int refused = 0;
	int turn, i;

	for (turn = 0; turn < 10; turn++) {
		struct loader loaders[2] = {
			{ .module = variant->release, .parameters = LONG },
			{ .module = other, .parameters = LONG },
		};
		const char *running = NULL;

		ASSERT_EQ(0, load_both(loaders));
		for (i = 0; i < 2; i++) {
			if (loaders[i].error) {
				refused++;
				EXPECT_EQ(-EBUSY, loaders[i].error);
				EXPECT_FALSE(module_loaded(loaders[i].module));
				EXPECT_EQ(1, log_count(self->log,
						       loaders[i].module));
			} else if (module_references(loaders[i].module)) {
				EXPECT_EQ(NULL, running);
				running = loaders[i].module;
			}
		}
		ASSERT_NE(NULL, running);
		EXPECT_TRUE(release_runs(running));
		EXPECT_EQ(refused, upgrade_figure("refused"));
		test_allocate(self->fd, 1);
		test_deallocate(self->fd, 1);
		test_stop(self->fd);
		for (i = 0; i < 2; i++) {
			if (!loaders[i].error)
				ASSERT_EQ(0, module_unload(loaders[i].module));
		}
	}
	EXPECT_TRUE(log_silent(self->log));
	TH_LOG("%d of %d were refused", refused, 2 * turn);
}

TEST_HARNESS_MAIN
