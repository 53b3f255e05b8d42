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

#define V90	"freq_v90"

/* More than the test release takes for many, */
#define POOL	"frequencies=1-1000"
/* and so many that two are likely to meet while they are added. */
#define LONG	"frequencies=1-50000"

/* The steps of an incoming release, by the names that the log has for them. */
#define PREPARING	"preparing at the door"
#define FINDING		"finding the handoff symbol"
#define CHECKING	"checking the handoff symbol"
#define CHOOSING	"choosing a state format"
#define CONVERTING	"converting the state"
#define MAKING		"making a fresh state"

/* What the test release does in an upgrade: it comes, or it runs before. */
enum role {
	COMES = 1,
	RUNS = 2,
	EITHER = COMES | RUNS,
};

/**
 * struct failure - what the test release can make go wrong
 * @knob: the value of its parameter
 * @role: in which role it can
 * @step: the step of the incoming release that fails then
 * @error: the errno
 */
static const struct failure {
	const char *knob;
	enum role role;
	const char *step;
	int error;
} failures[] = {
	/* Built for another door, */
	{ "magic", COMES, PREPARING, EPROTO },
	{ "abi", COMES, PREPARING, EPROTO },
	{ "size", COMES, PREPARING, EPROTO },
	/* in need of a later one, */
	{ "later", COMES, PREPARING, E2BIG },
	{ "features", COMES, PREPARING, E2BIG },
	{ "file-flags", COMES, PREPARING, E2BIG },
	/* in contradiction to itself or to the door, */
	{ "version-0", COMES, PREPARING, EINVAL },
	{ "owner", COMES, PREPARING, EINVAL },
	{ "file-name", COMES, PREPARING, EINVAL },
	{ "file-long", COMES, PREPARING, EINVAL },
	{ "file-taken", COMES, PREPARING, EINVAL },
	/* or it says that it is the one that runs. */
	{ "version-1", COMES, PREPARING, EBUSY },
	{ "version-2", COMES, PREPARING, EBUSY },
	/* Built for another kind of upgrade. */
	{ "handoff-magic", RUNS, CHECKING, EPROTO },
	{ "handoff-abi", RUNS, CHECKING, EPROTO },
	{ "handoff-size", RUNS, CHECKING, EPROTO },
	{ "handoff-format-size", RUNS, CHECKING, EPROTO },
	/* Neither knows a format of the other. */
	{ "format", EITHER, CHOOSING, EPROTO },
	/* A layout was changed under its name. */
	{ "layout", RUNS, CHOOSING, EPROTO },
	{ "begin", EITHER, CONVERTING, ENOMEM },
	{ "room", EITHER, CONVERTING, ENOMEM },
	{ "room-late", EITHER, CONVERTING, ENOMEM },
	/* Only what would lose something is refused. */
	{ "check", RUNS, CONVERTING, EOPNOTSUPP },
};

/**
 * struct known - what there was before, and has to be afterwards
 * @fd: the client that looks
 * @log: the kernel's log, read up to now
 * @refused: how many upgrades were refused
 * @upgrades: how many were not
 * @release: the release that runs
 * @references: those of its module
 * @door_references: those of the door's module
 * @folder: the names in sysfs
 * @before: what the server knows
 */
struct known {
	int fd;
	int log;
	__u64 refused;
	__u64 upgrades;
	const char *release;
	int references;
	int door_references;
	char *folder;
	struct snapshot before;
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

/* Looks at what there is from now on. */
static int known_look(struct known *known, const char *release)
{
	snapshot_free(&known->before);
	free(known->folder);
	known->release = release;
	known->refused = upgrade_figure("refused");
	known->upgrades = upgrade_figure("count");
	known->references = module_references(release);
	known->door_references = module_references("freq");
	known->folder = read_folder(SYSFS);
	return fails(release_runs(release)) ||
	       fails(known->references > 0) ||
	       fails(known->door_references > 0) ||
	       fails(known->folder) ||
	       differ(0, snapshot_take(&known->before, known->fd));
}

static int take(int fd, __u32 flags, __u64 want)
{
	__u64 frequency;

	return differ(0, try_allocate(fd, flags, &frequency)) ||
	       differ(want, frequency);
}

/* Something of all kinds, in a server that may then fail to be upgraded. */
static int known_start(struct known *known, const char *release)
{
	int closed;

	memset(known, 0, sizeof(*known));
	if (differ(0, server_start(release, POOL)))
		return -1;
	known->fd = open_client();
	closed = open_client();
	if (fails(known->fd >= 0) || fails(closed >= 0) ||
	    take(known->fd, 0, 1) ||
	    take(known->fd, FREQ_ALLOCATE_KEEP, 2) ||
	    take(closed, 0, 3) || take(closed, FREQ_ALLOCATE_KEEP, 4))
		return -1;
	close(closed);
	if (take(known->fd, 0, 3) || take(known->fd, 0, 5) ||
	    differ(0, try_deallocate(known->fd, 3)))
		return -1;
	known->log = log_open();
	return fails(known->log >= 0) || known_look(known, release);
}

/* The incoming release has left nothing behind, and changed nothing. */
static int check_unchanged(const struct known *known, const char *to)
{
	struct snapshot after;
	char *folder, path[64];
	int error = 0;

	if (differ(known->refused, upgrade_figure("refused")) ||
	    differ(known->upgrades, upgrade_figure("count")) ||
	    fails(release_runs(known->release)) ||
	    differ(known->references, module_references(known->release)) ||
	    differ(known->door_references, module_references("freq")) ||
	    fails(!module_loaded(to)) || fails(rehearsal_gone()))
		return -1;
	snprintf(path, sizeof(path), "/sys/module/%s", to);
	if (fails(access(path, F_OK)))
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

/* Nothing has changed, and nothing was logged or counted. */
static int check_nothing_happened(const struct known *known, const char *to)
{
	return fails(log_silent(known->log)) || check_unchanged(known, to);
}

/* The one line that the log has for a refusal. */
static int check_line(int log, const char *name, const char *step, int error)
{
	char line[96];

	snprintf(line, sizeof(line), "%s: %s: error %d;", name, step, error);
	return differ(1, log_count(log, line));
}

/* One more was refused; that is all. */
static int check_refused(struct known *known, const char *to,
			 const char *step, int error)
{
	known->refused++;
	return check_line(known->log, to, step, error) ||
	       check_unchanged(known, to);
}

/* A good one works as if none had failed. */
static int check_upgrade(struct known *known, const char *to)
{
	struct snapshot after;
	int error;

	if (differ(0, server_upgrade(known->release, to)) ||
	    fails(release_runs(to)) ||
	    differ(0, snapshot_take(&after, known->fd)))
		return -1;
	known->release = to;
	known->upgrades++;
	error = fails(state_same(&known->before, &after)) ||
		fails(sysfs_agrees(known->fd)) ||
		differ(known->refused, upgrade_figure("refused")) ||
		differ(known->upgrades, upgrade_figure("count")) ||
		fails(log_silent(known->log));
	snapshot_free(&after);
	return error;
}

static int role_in(const char *from, const char *to)
{
	return (strcmp(to, V90) ? 0 : COMES) | (strcmp(from, V90) ? 0 : RUNS);
}

/* What the log calls the release: by the version that it says it has. */
static const char *name_in_log(const struct failure *failure, const char *to)
{
	static char name[32];

	if (strncmp(failure->knob, "version-", strlen("version-")))
		return to;
	snprintf(name, sizeof(name), "freq_v%s",
		 failure->knob + strlen("version-"));
	return name;
}

static bool can_fail(const struct failure *failure, const char *from,
		     const char *to)
{
	/* It is busy if that one runs which it says it is. */
	if (failure->error == EBUSY && strcmp(name_in_log(failure, to), from))
		return false;
	return failure->role & role_in(from, to);
}

/*
 * Loads a release so that this goes wrong. The knob is a parameter of the test
 * release, which comes, or which runs.
 */
static int load_failing(const struct failure *failure, const char *from,
			const char *to, const char *more)
{
	char parameters[64];
	int error;

	if (role_in(from, to) == COMES) {
		snprintf(parameters, sizeof(parameters), "fail=%s %s",
			 failure->knob, more);
		return module_load(to, parameters);
	}
	if (differ(0, set_knob(failure->knob)))
		return -1;
	error = module_load(to, more);
	if (differ(0, set_knob("none")))
		return -1;
	return error;
}

/* Fails as an upgrade, as a rehearsal, and again. */
static int check_failure(struct known *known, const struct failure *failure,
			 const char *from, const char *to)
{
	static const char * const ways[] = { "", "rehearse=1", "" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		known->refused++;
		if (differ(-failure->error, load_failing(failure, from, to,
							 ways[i])) ||
		    check_line(known->log, name_in_log(failure, to),
			       failure->step, failure->error) ||
		    check_unchanged(known, to))
			return -1;
	}
	return 0;
}

/* Good ones, there and back */
static int check_upgrades(struct known *known, const char *from,
			  const char *to)
{
	return check_upgrade(known, to) || check_upgrade(known, from);
}

FIXTURE(step) {
	struct known known;
};

/* Where the test release takes part, any step can fail. */
FIXTURE_VARIANT(step) {
	const char *from;
	const char *to;
};

UPGRADE_VARIANT(step, v1, v90);
UPGRADE_VARIANT(step, v90, v1);
UPGRADE_VARIANT(step, v2, v90);
UPGRADE_VARIANT(step, v90, v2);

SHORT_VARIANTS(step, "v1_to_v90 v90_to_v2")

FIXTURE_SETUP(step)
{
	ASSERT_EQ(0, known_start(&self->known, variant->from));
}

FIXTURE_TEARDOWN(step)
{
	EXPECT_EQ(0, test_clean());
}

TEST_F_TIMEOUT(step, fails, 180)
{
	int tried = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(failures); i++) {
		const struct failure *failure = &failures[i];

		if (!can_fail(failure, variant->from, variant->to))
			continue;
		tried++;
		ASSERT_EQ(0, check_failure(&self->known, failure,
					   variant->from, variant->to)) {
			TH_LOG("%s", failure->knob);
		}
		/* In a short run, after some of them only */
		if (short_run() && tried % 5)
			continue;
		ASSERT_EQ(0, check_upgrades(&self->known, variant->from,
					    variant->to)) {
			TH_LOG("after %s", failure->knob);
		}
	}
	EXPECT_LT(0, tried);
	EXPECT_EQ(0, check_upgrades(&self->known, variant->from,
				    variant->to));
	TH_LOG("%d failures", tried);
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

	if (loader->start)
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

/* One that comes while another is not done, as an upgrade or a rehearsal. */
static int check_third(struct known *known, const char *third,
		       const char *step)
{
	return differ(-EBUSY, module_load(third, NULL)) ||
	       check_refused(known, third, step, EBUSY) ||
	       differ(-EBUSY, module_load(third, "rehearse=1")) ||
	       check_refused(known, third, step, EBUSY);
}

FIXTURE(preparing) {
	struct known known;
	struct loader loader;
};

/* A third comes while the second converts the state of the first. */
FIXTURE_VARIANT(preparing) {
	const char *from;
	const char *to;
	const char *third;
};

FIXTURE_VARIANT_ADD(preparing, v2_while_v1_to_v90) {
	.from = "freq_v1",
	.to = "freq_v90",
	.third = "freq_v2",
};

FIXTURE_VARIANT_ADD(preparing, v1_while_v2_to_v90) {
	.from = "freq_v2",
	.to = "freq_v90",
	.third = "freq_v1",
};

FIXTURE_VARIANT_ADD(preparing, v2_while_v90_to_v1) {
	.from = "freq_v90",
	.to = "freq_v1",
	.third = "freq_v2",
};

FIXTURE_VARIANT_ADD(preparing, v1_while_v90_to_v2) {
	.from = "freq_v90",
	.to = "freq_v2",
	.third = "freq_v1",
};

SHORT_VARIANTS(preparing, "v2_while_v1_to_v90 v1_while_v90_to_v2")

/* It has found the handoff symbol, and so has prepared. */
FIXTURE_SETUP(preparing)
{
	int references;

	ASSERT_EQ(0, known_start(&self->known, variant->from));
	references = self->known.references;
	self->loader.module = variant->to;
	if (role_in(variant->from, variant->to) == COMES)
		self->loader.parameters = "fail=step-waits";
	else
		ASSERT_EQ(0, set_knob("step-waits"));
	ASSERT_EQ(0, pthread_create(&self->loader.thread, NULL,
				    load_in_thread, &self->loader));
	ASSERT_TRUE(wait_until(module_references(variant->from) > references));
	ASSERT_EQ(0, known_look(&self->known, variant->from));
}

FIXTURE_TEARDOWN(preparing)
{
	/* After a test that failed, it may still wait. */
	set_knob("none");
	EXPECT_EQ(0, test_clean());
}

TEST_F(preparing, third_is_refused)
{
	struct known *known = &self->known;

	EXPECT_EQ(0, check_third(known, variant->third, PREPARING));
	EXPECT_EQ(-EEXIST, module_load(variant->from, NULL));
	EXPECT_EQ(0, check_third(known, variant->third, PREPARING));
	ASSERT_EQ(0, set_knob("none"));
	ASSERT_EQ(0, pthread_join(self->loader.thread, NULL));
	ASSERT_EQ(0, self->loader.error);
	ASSERT_EQ(0, module_unload(variant->from));
	EXPECT_EQ(1, upgrade_figure("count"));
	EXPECT_EQ(known->refused, upgrade_figure("refused"));
	known->release = variant->to;
	known->upgrades++;
	EXPECT_EQ(0, check_upgrade(known, variant->third));
}

FIXTURE(unfinished) {
	struct known known;
	struct loader loader;
};

/* A third comes when the second runs, but its loading has not ended. */
FIXTURE_VARIANT(unfinished) {
	const char *from;
	const char *third;
};

FIXTURE_VARIANT_ADD(unfinished, v90_to_v2) {
	.from = "freq_v1",
	.third = "freq_v2",
};

FIXTURE_VARIANT_ADD(unfinished, v90_to_v1) {
	.from = "freq_v2",
	.third = "freq_v1",
};

FIXTURE_SETUP(unfinished)
{
	ASSERT_EQ(0, known_start(&self->known, variant->from));
	self->loader.module = V90;
	self->loader.parameters = "fail=free-waits";
	ASSERT_EQ(0, pthread_create(&self->loader.thread, NULL,
				    load_in_thread, &self->loader));
	ASSERT_TRUE(wait_until(knob_waits()));
	ASSERT_EQ(0, known_look(&self->known, V90));
}

FIXTURE_TEARDOWN(unfinished)
{
	set_knob("none");
	EXPECT_EQ(0, test_clean());
}

TEST_F(unfinished, third_is_refused)
{
	struct known *known = &self->known;

	EXPECT_EQ(0, check_third(known, variant->third, FINDING));
	EXPECT_EQ(-EEXIST, module_load(variant->from, NULL));
	EXPECT_EQ(0, check_third(known, variant->third, FINDING));
	ASSERT_EQ(0, set_knob("none"));
	ASSERT_EQ(0, pthread_join(self->loader.thread, NULL));
	ASSERT_EQ(0, self->loader.error);
	ASSERT_EQ(0, module_unload(variant->from));
	EXPECT_EQ(0, check_upgrade(known, variant->third));
}

FIXTURE(stop) {
	int fd;
	struct loader loader;
};

/* STOP while another release takes over */
FIXTURE_SETUP(stop)
{
	ASSERT_EQ(0, server_start("freq_v1", NULL));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	self->loader.module = V90;
	self->loader.parameters = "fail=step-waits";
	ASSERT_EQ(0, pthread_create(&self->loader.thread, NULL,
				    load_in_thread, &self->loader));
	ASSERT_TRUE(wait_until(knob_waits()));
}

FIXTURE_TEARDOWN(stop)
{
	set_knob("none");
	EXPECT_EQ(0, test_clean());
}

/* Nothing is or was allocated, so the takeover is the only obstacle. */
TEST_F(stop, is_refused_meanwhile)
{
	EXPECT_TRUE(release_runs("freq_v1"));
	test_err_stop(EBUSY, self->fd);
	test_err_stop(EBUSY, self->fd);
	EXPECT_TRUE(release_runs("freq_v1"));
	ASSERT_EQ(0, set_knob("none"));
	ASSERT_EQ(0, pthread_join(self->loader.thread, NULL));
	ASSERT_EQ(0, self->loader.error);
	EXPECT_TRUE(release_runs(V90));
	EXPECT_TRUE(sysfs_is("free", "10-15\n"));
	test_stop(self->fd);
	EXPECT_TRUE(sysfs_is("release", "0\n"));
	EXPECT_EQ(0, module_unload(V90));
	EXPECT_EQ(0, module_unload("freq_v1"));
}

FIXTURE(rollback) {
	struct known known;
};

FIXTURE_VARIANT(rollback) {
	const char *from;
	const char *to;
};

UPGRADE_VARIANTS(rollback);

SHORT_VARIANTS(rollback, "v2_to_v1 v1_to_v90 v90_to_v2")

FIXTURE_SETUP(rollback)
{
	ASSERT_EQ(0, known_start(&self->known, variant->from));
}

FIXTURE_TEARDOWN(rollback)
{
	EXPECT_EQ(0, test_clean());
}

#define EXPECT_NOTHING_HAPPENED()					\
	EXPECT_EQ(0, check_nothing_happened(&self->known, variant->to))

#define EXPECT_UPGRADE()						\
	EXPECT_EQ(0, check_upgrade(&self->known, variant->to))

/* A rehearsal that can be made leaves nothing either. */
TEST_F(rollback, rehearsal)
{
	int turn;
	int fd;

	for (turn = 0; turn < 2; turn++) {
		ASSERT_EQ(0, module_load(variant->to, "rehearse=1"));
		fd = open_rehearsal();
		ASSERT_GE(fd, 0);
		close(fd);
		ASSERT_EQ(0, module_unload(variant->to));
		EXPECT_NOTHING_HAPPENED();
	}
	EXPECT_UPGRADE();
}

/* The kernel refuses it before it has begun. */
TEST_F(rollback, loaded_already)
{
	EXPECT_EQ(-EEXIST, module_load(variant->from, NULL));
	EXPECT_NOTHING_HAPPENED();
	EXPECT_EQ(-EEXIST, module_load(variant->from, "rehearse=1"));
	EXPECT_NOTHING_HAPPENED();
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
	snprintf(line, sizeof(line), "%s: " PREPARING ": error %d;", third,
		 EBUSY);
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
	EXPECT_NOTHING_HAPPENED();
	EXPECT_UPGRADE();
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

RELEASE_VARIANT(fresh, v1);
RELEASE_VARIANT(fresh, v2);
RELEASE_VARIANT(fresh, v3);
RELEASE_VARIANT(fresh, v90);

SHORT_VARIANTS(fresh, "v90")

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
static int check_fresh(int fd, const char *release, const char *parameters,
		       int error)
{
	__u64 refused = upgrade_figure("refused");
	char *before = read_folder(SYSFS);
	struct freq_info info;
	char *after;

	if (differ(-error, module_load(release, parameters)) ||
	    differ(refused + 1, upgrade_figure("refused")) ||
	    differ(0, upgrade_figure("count")) ||
	    fails(!module_loaded(release)) ||
	    differ(1, module_references("freq")) ||
	    fails(rehearsal_gone()) || fails(sysfs_is("release", "0\n")) ||
	    differ(-ENODEV, try_info(fd, &info))) {
		error = -1;
	} else {
		after = read_folder(SYSFS);
		error = fails(before && after && !strcmp(before, after));
		free(after);
	}
	free(before);
	return error;
}

TEST_F_TIMEOUT(fresh, fails, 60)
{
	static const struct {
		const char *parameters;
		const char *step;
		int error;
	} bad[] = {
		{ "frequencies=oops", MAKING, EINVAL },
		{ "frequencies=1-1000,7", MAKING, EINVAL },
		{ "frequencies=0-99999999999", MAKING, E2BIG },
		{ "frequencies=18446744073709551616", MAKING, ERANGE },
		{ "rehearse=1", PREPARING, ENODEV },
	};
	char parameters[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(0, check_fresh(self->fd, variant->release,
					 bad[i].parameters, bad[i].error)) {
			TH_LOG("%s", bad[i].parameters);
		}
		EXPECT_EQ(0, check_line(self->log, variant->release,
					bad[i].step, bad[i].error));
	}
	for (i = 0; i < ARRAY_SIZE(failures); i++) {
		if (strcmp(failures[i].step, PREPARING) ||
		    !can_fail(&failures[i], "none", variant->release))
			continue;
		snprintf(parameters, sizeof(parameters), "fail=%s",
			 failures[i].knob);
		EXPECT_EQ(0, check_fresh(self->fd, variant->release,
					 parameters, failures[i].error)) {
			TH_LOG("%s", parameters);
		}
		EXPECT_EQ(0, check_line(self->log,
					name_in_log(&failures[i],
						    variant->release),
					PREPARING, failures[i].error));
	}
	ASSERT_EQ(0, module_load(variant->release, "frequencies=1-3"));
	test_allocate(self->fd, 1);
	test_deallocate(self->fd, 1);
	EXPECT_TRUE(log_silent(self->log));
	/* The first one took over from nobody. */
	EXPECT_EQ(0, upgrade_figure("count"));
}

/*
 * Two that want to be first, until they have met: at least one is first, and who
 * is refused is gone.
 */
TEST_F_TIMEOUT(fresh, two_at_once, 60)
{
	const char *other = strcmp(variant->release, "freq_v2") ? "freq_v2" :
								  "freq_v1";
	unsigned long long end = now_ms() + DEADLINE_MS;
	int refused = 0;
	int turn, i;

	for (turn = 0; turn < rounds(10) || (!refused && now_ms() < end);
	     turn++) {
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
	EXPECT_LT(0, refused);
	TH_LOG("%d of %d were refused", refused, 2 * turn);
}

/*
 * A release that gives another's version for its own: the handoff symbol that
 * goes by that version may be there, but is not about the state there is.
 */
TEST(another_handoff_symbol)
{
	struct snapshot before, after;
	int fd, log;

	ASSERT_EQ(0, test_clean());
	ASSERT_EQ(0, server_start("freq_v1", ""));
	fd = open_client();
	log = log_open();
	ASSERT_GE(fd, 0);
	ASSERT_GE(log, 0);
	ASSERT_EQ(0, module_load("freq_v2", ""));
	ASSERT_EQ(0, module_load(V90, "fail=version-1"));
	ASSERT_EQ(0, module_unload("freq_v2"));

	ASSERT_EQ(0, snapshot_take(&before, fd));
	ASSERT_EQ(-EPROTO, module_load("freq_v2", ""));
	EXPECT_EQ(0, check_line(log, "freq_v2", CHECKING, EPROTO));
	ASSERT_EQ(0, snapshot_take(&after, fd));
	EXPECT_TRUE(snapshot_same(&before, &after));
	EXPECT_EQ(1, module_references(V90));
	EXPECT_EQ(0, module_references("freq_v1"));
	snapshot_free(&after);
	snapshot_free(&before);

	test_stop(fd);
	close(fd);
	close(log);
	EXPECT_EQ(0, test_clean());
}

/* What is just not refused: the same as above, but for a bit or a byte. */
TEST(limits)
{
	static const struct {
		const char *knob;
		const char *file;
	} limits[] = {
		{ "file-long-fits", "0123456789abcdef0123456789abcde" },
	};
	char parameters[64];
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		snprintf(parameters, sizeof(parameters), "fail=%s",
			 limits[i].knob);
		ASSERT_EQ(0, server_start(V90, parameters)) {
			TH_LOG("%s", parameters);
		}
		EXPECT_TRUE(sysfs_is(limits[i].file, "0\n"));
		fd = open_client();
		ASSERT_GE(fd, 0);
		test_allocate(fd, 10);
		test_deallocate(fd, 10);
		test_stop(fd);
		close(fd);
	}
	EXPECT_EQ(0, test_clean());
}

TEST_HARNESS_MAIN
