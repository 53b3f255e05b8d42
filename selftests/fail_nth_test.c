// SPDX-License-Identifier: GPL-2.0-only
/*
 * Upgrades, rehearsals and requests in which the first, the second, the n-th
 * allocation fails, until they succeed: whatever fails, nothing has changed.
 * For a kernel with CONFIG_FAILSLAB and CONFIG_FAULT_INJECTION_USERCOPY, booted
 * with slub_debug=A;-,vmap_area,kmalloc-64; it needs /proc/self/fail-nth.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "../kselftest_harness.h"
#include "freq_test.h"

#define FAILSLAB	"/sys/kernel/debug/failslab/"
#define FAIL_PAGE_ALLOC	"/sys/kernel/debug/fail_page_alloc/"
#define FAIL_USERCOPY	"/sys/kernel/debug/fail_usercopy/"
#define SLABS		"/sys/kernel/slab"

/* No system call here has more that could fail. */
#define NTH_MAX		5000

/* Whether the command line lets allocations from this slab fail. */
static bool slab_is_marked(const char *slab)
{
	char path[PATH_MAX];
	char *text;
	bool marked;

	snprintf(path, sizeof(path), SLABS "/%s/failslab", slab);
	text = read_text(path);
	marked = text && !strcmp(text, "1\n");
	free(text);
	return marked;
}

/*
 * A request meets failures of all slabs, a load those of the marked ones. From
 * others the kernel itself allocates for a module's image, and would report a
 * failure at length as if something were wrong.
 */
static int prepare_failures(bool loading)
{
	if (access(FAILSLAB, F_OK) &&
	    mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL))
		return -errno;
	if (write_text(FAILSLAB "verbose", "0") ||
	    write_text(FAILSLAB "ignore-gfp-wait", "N") ||
	    write_text(FAILSLAB "cache-filter", loading ? "Y" : "N") ||
	    write_text(FAIL_PAGE_ALLOC "verbose", "0") ||
	    write_text(FAIL_PAGE_ALLOC "ignore-gfp-wait", "N") ||
	    write_text(FAIL_PAGE_ALLOC "min-order", "1") ||
	    write_text(FAIL_USERCOPY "verbose", "0"))
		return -EIO;
	if (!slab_is_marked("kmalloc-128") || slab_is_marked("kmalloc-64") ||
	    slab_is_marked("vmap_area"))
		return -EINVAL;
	return 0;
}

static int nth_file = -1;

/*
 * The n-th that this thread asks for fails from here on; 0: none. What it asks
 * for to say this counts, too, as long as there is something to count.
 */
static int fail_nth(int n)
{
	char text[16];
	int i, length;

	if (nth_file < 0)
		nth_file = open("/proc/thread-self/fail-nth",
				O_RDWR | O_CLOEXEC);
	length = snprintf(text, sizeof(text), "%d", n);
	for (i = 0; i < NTH_MAX; i++) {
		if (pwrite(nth_file, text, length, 0) == length)
			return 0;
	}
	return -errno;
}

/* Whether it has failed; to be asked once, before anything else. */
static bool nth_has_failed(void)
{
	char text[16] = "";

	return pread(nth_file, text, sizeof(text) - 1, 0) > 0 &&
	       !atoi(text);
}

/* The file of a module, to be loaded by one system call alone. */
static int module_open(const char *name)
{
	char path[PATH_MAX];
	struct utsname uts;

	uname(&uts);
	snprintf(path, sizeof(path), "/lib/modules/%s/extra/%s.ko",
		 uts.release, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

FIXTURE(load) {
	int fd;
	struct snapshot before;
};

FIXTURE_VARIANT(load) {
	const char *from;
	const char *to;
	const char *parameters;
};

UPGRADE_VARIANTS(load, .parameters = "");

FIXTURE_VARIANT_ADD(load, v2_beside_v1) {
	.from = "freq_v1",
	.to = "freq_v2",
	.parameters = "rehearse=1",
};

FIXTURE_VARIANT_ADD(load, v90_beside_v2) {
	.from = "freq_v2",
	.to = "freq_v90",
	.parameters = "rehearse=1",
};

FIXTURE_VARIANT_ADD(load, v2_beside_v90) {
	.from = "freq_v90",
	.to = "freq_v2",
	.parameters = "rehearse=1",
};

SHORT_VARIANTS(load, "v1_to_v90 v90_to_v2 v90_beside_v2")

FIXTURE_SETUP(load)
{
	int closed;

	ASSERT_EQ(0, prepare_failures(true));
	ASSERT_EQ(0, server_start(variant->from, "frequencies=1-1000"));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	closed = open_client();
	ASSERT_GE(closed, 0);
	test_allocate(self->fd, 1);
	test_keep(self->fd, 2);
	test_keep(closed, 3);
	test_allocate(closed, 4);
	close(closed);
	ASSERT_EQ(0, snapshot_take(&self->before, self->fd));
}

FIXTURE_TEARDOWN(load)
{
	fail_nth(0);
	EXPECT_EQ(0, test_clean());
}

static int check_same(const struct snapshot *before, int fd, const char *from,
		      const char *to)
{
	struct snapshot after;
	int error;

	if (fails(!module_loaded(to)) || fails(release_runs(from)) ||
	    fails(rehearsal_gone()) ||
	    differ(1, module_references(from)) ||
	    differ(0, snapshot_take(&after, fd)))
		return -1;
	error = fails(snapshot_same(before, &after)) ||
		fails(sysfs_agrees(fd));
	snapshot_free(&after);
	return error;
}

/* It succeeded all the same: back to where it began. */
static int take_back(const struct snapshot *before, int fd, const char *from,
		     const char *to, bool rehearse)
{
	struct snapshot after;
	int rehearsal, error;

	if (rehearse) {
		rehearsal = open_rehearsal();
		if (fails(rehearsal >= 0))
			return -1;
		close(rehearsal);
		return differ(0, module_unload(to));
	}
	if (fails(release_runs(to)) ||
	    differ(0, module_unload(from)) ||
	    differ(0, snapshot_take(&after, fd)))
		return -1;
	error = fails(state_same(before, &after)) ||
		differ(0, server_upgrade(to, from));
	snapshot_free(&after);
	return error;
}

TEST_F_TIMEOUT(load, until_it_succeeds, 1500)
{
	int module, error, n, failures = 0;
	bool failed = true;

	module = module_open(variant->to);
	ASSERT_GE(module, 0);
	for (n = 1; failed && n < NTH_MAX; n++) {
		ASSERT_EQ(0, fail_nth(n));
		error = syscall(SYS_finit_module, module, variant->parameters,
				0) ? -errno : 0;
		failed = nth_has_failed();
		ASSERT_EQ(0, fail_nth(0));
		failures += !!error;
		ASSERT_TRUE(failed || !error);
		if (!error)
			ASSERT_EQ(0, take_back(&self->before, self->fd,
					       variant->from, variant->to,
					       *variant->parameters));
		ASSERT_EQ(0, check_same(&self->before, self->fd, variant->from,
					variant->to)) {
			TH_LOG("the failure of %d, which made it %d", n, error);
		}
	}
	ASSERT_FALSE(failed);
	EXPECT_LT(0, failures);
	TH_LOG("%d of %d failures made it fail", failures, n - 2);
}

static int do_open(int fd)
{
	int other = open_client();

	if (other < 0)
		return other;
	return close(other);
}

static int do_info(int fd)
{
	struct freq_info info;

	return try_info(fd, &info);
}

static int do_list(int fd)
{
	struct freq_entry entries[8];
	struct freq_list list = {
		.entries = (uintptr_t)entries,
		.count = 8,
	};

	return try_list(fd, &list);
}

/* By a client that had nothing, so it needs a place of its own. */
static int do_allocate(int fd)
{
	struct freq_allocate argument = {};

	return try_ioctl(fd, FREQ_IOC_ALLOCATE, &argument);
}

static int do_deallocate(int fd)
{
	return try_deallocate(fd, 10);
}

static int do_inject(int fd)
{
	static __u64 many[2000];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = 1000 + i;
	return try_inject(fd, many, ARRAY_SIZE(many), NULL);
}

/* Of what it holds itself: it waits, but not for long. */
static int do_wait(int fd)
{
	struct freq_allocate_v3 argument = {
		.frequency = 10,
		.flags = FREQ_ALLOCATE_EXACT,
		.deadline = 1,
	};
	int error = try_ioctl(fd, FREQ_IOC_ALLOCATE_V3, &argument);

	return error == -ETIMEDOUT ? 0 : error;
}

static int do_list_grants(int fd)
{
	struct freq_grant_entry entries[8];
	struct freq_list_grants list = {
		.entries = (uintptr_t)entries,
		.count = 8,
		.entry_size = sizeof(*entries),
	};

	return try_ioctl(fd, FREQ_IOC_LIST_GRANTS, &list);
}

static int do_label(int fd)
{
	struct freq_label label = { .label = "label" };

	return try_ioctl(fd, FREQ_IOC_LABEL, &label);
}

/* Makes the log, which is large, and a subscription of some spans. */
static int do_subscribe(int fd)
{
	struct freq_span spans[] = { { 10, 12 }, { 14, 20 } };
	struct freq_subscribe wanted = {
		.spans = (uintptr_t)spans,
		.span_count = ARRAY_SIZE(spans),
		.kinds = 1 << FREQ_RECORD_ALLOCATED | 1 << FREQ_RECORD_OUTCOME,
		.flags = FREQ_SUBSCRIBE_PRESENT,
		.record_size = sizeof(struct freq_record),
	};

	return try_ioctl(fd, FREQ_IOC_SUBSCRIBE, &wanted);
}

/* FREQ_SUBSCRIBE_PRESENT makes a record at least, so read() does not wait. */
static int do_read(int fd)
{
	struct freq_record records[64];
	int error = do_subscribe(fd);

	if (error)
		return error;
	return read(fd, records, sizeof(records)) < 0 ? -errno : 0;
}

static int do_group(int fd)
{
	struct freq_span spans[] = { { 11, 12 }, { 14, 20 } };
	struct freq_granted granted[2];
	struct freq_group group = {
		.spans = (uintptr_t)spans,
		.granted = (uintptr_t)granted,
		.span_count = ARRAY_SIZE(spans),
		.count = 2,
	};

	return try_ioctl(fd, FREQ_IOC_ALLOCATE_GROUP, &group);
}

/* Of what it holds itself. The request is cancelled when the client is closed. */
static int do_queue(int fd)
{
	struct freq_allocate_v3 argument = {
		.frequency = 10,
		.flags = FREQ_ALLOCATE_EXACT | FREQ_ALLOCATE_QUEUE,
		.deadline = FREQ_FOR_EVER,
	};
	int error = do_subscribe(fd);

	return error ? error : try_ioctl(fd, FREQ_IOC_ALLOCATE_V3, &argument);
}

FIXTURE(request) {
	int fd;
	int looker;
	struct snapshot before;
};

FIXTURE_VARIANT(request) {
	const char *release;
	int (*make)(int fd);
	bool can_fail;
};

FIXTURE_VARIANT_ADD(request, v2_open) {
	.release = "freq_v2",
	.make = do_open,
	.can_fail = true,
};

FIXTURE_VARIANT_ADD(request, v2_info) {
	.release = "freq_v2",
	.make = do_info,
};

FIXTURE_VARIANT_ADD(request, v2_list) {
	.release = "freq_v2",
	.make = do_list,
	.can_fail = true,
};

FIXTURE_VARIANT_ADD(request, v2_allocate) {
	.release = "freq_v2",
	.make = do_allocate,
};

FIXTURE_VARIANT_ADD(request, v2_deallocate) {
	.release = "freq_v2",
	.make = do_deallocate,
};

FIXTURE_VARIANT_ADD(request, v2_inject) {
	.release = "freq_v2",
	.make = do_inject,
	.can_fail = true,
};

FIXTURE_VARIANT_ADD(request, v3_wait) {
	.release = "freq_v3",
	.make = do_wait,
	.can_fail = true,
};

FIXTURE_VARIANT_ADD(request, v3_list_grants) {
	.release = "freq_v3",
	.make = do_list_grants,
	.can_fail = true,
};

FIXTURE_VARIANT_ADD(request, v3_label) {
	.release = "freq_v3",
	.make = do_label,
};

FIXTURE_VARIANT_ADD(request, v3_subscribe) {
	.release = "freq_v3",
	.make = do_subscribe,
	.can_fail = true,
};

FIXTURE_VARIANT_ADD(request, v3_read) {
	.release = "freq_v3",
	.make = do_read,
	.can_fail = true,
};

FIXTURE_VARIANT_ADD(request, v3_group) {
	.release = "freq_v3",
	.make = do_group,
	.can_fail = true,
};

FIXTURE_VARIANT_ADD(request, v3_queue) {
	.release = "freq_v3",
	.make = do_queue,
	.can_fail = true,
};

FIXTURE_VARIANT_ADD(request, v90_open) {
	.release = "freq_v90",
	.make = do_open,
	.can_fail = true,
};

FIXTURE_VARIANT_ADD(request, v90_info) {
	.release = "freq_v90",
	.make = do_info,
};

FIXTURE_VARIANT_ADD(request, v90_list) {
	.release = "freq_v90",
	.make = do_list,
	.can_fail = true,
};

FIXTURE_VARIANT_ADD(request, v90_allocate) {
	.release = "freq_v90",
	.make = do_allocate,
};

FIXTURE_VARIANT_ADD(request, v90_deallocate) {
	.release = "freq_v90",
	.make = do_deallocate,
};

FIXTURE_VARIANT_ADD(request, v90_inject) {
	.release = "freq_v90",
	.make = do_inject,
	.can_fail = true,
};

FIXTURE_SETUP(request)
{
	ASSERT_EQ(0, prepare_failures(false));
}

FIXTURE_TEARDOWN(request)
{
	fail_nth(0);
	EXPECT_EQ(0, test_clean());
}

TEST_F_TIMEOUT(request, until_it_succeeds, 1500)
{
	struct snapshot after;
	int error, n, failures = 0;
	bool failed = true;

	for (n = 1; failed && n < NTH_MAX; n++) {
		/* A fresh server, in which 10 can be given back. */
		ASSERT_EQ(0, server_start(variant->release, NULL));
		self->fd = open_client();
		ASSERT_GE(self->fd, 0);
		if (variant->make == do_deallocate ||
		    variant->make == do_wait || variant->make == do_queue)
			test_allocate(self->fd, 10);
		self->looker = open_client();
		ASSERT_GE(self->looker, 0);
		ASSERT_EQ(0, snapshot_take(&self->before, self->looker));

		ASSERT_EQ(0, fail_nth(n));
		error = variant->make(self->fd);
		failed = nth_has_failed();
		ASSERT_EQ(0, fail_nth(0));
		ASSERT_TRUE(failed || !error);
		if (error) {
			failures++;
			EXPECT_TRUE(error == -ENOMEM || error == -EFAULT);
			ASSERT_EQ(0, snapshot_take(&after, self->looker));
			ASSERT_TRUE(snapshot_same(&self->before, &after)) {
				TH_LOG("failure %d, which made it %d", n,
				       error);
			}
			snapshot_free(&after);
		}
		EXPECT_TRUE(sysfs_agrees(self->looker));
		snapshot_free(&self->before);
		close(self->looker);
		close(self->fd);
	}
	ASSERT_FALSE(failed);
	/* The others allocate nothing, and a page that fails is faulted in. */
	EXPECT_EQ(variant->can_fail, failures > 0);
	TH_LOG("%d of %d failures made it fail", failures, n - 2);
}

TEST_HARNESS_MAIN
