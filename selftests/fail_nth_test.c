// SPDX-License-Identifier: GPL-2.0-only
/*
 * Upgrades, rehearsals and requests in which the first, the second, the n-th
 * allocation fails, until they succeed: whatever fails, nothing has changed.
 * For a kernel with CONFIG_FAILSLAB; it needs /proc/self/fail-nth.
 */
#define _GNU_SOURCE
#include <dirent.h>
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

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		error = -errno;
	close(fd);
	return error;
}

/*
 * What the kernel itself allocates for a module's image, it allocates from
 * these, and reports a failure at length as if something were wrong.
 */
static bool is_for_vmalloc(const char *slab)
{
	return !strcmp(slab, "vmap_area") || !strcmp(slab, "kmalloc-64");
}

/* Lets allocations from all slabs fail, but for those. */
static int select_slabs(bool loading)
{
	struct dirent *entry;
	DIR *dir = opendir(SLABS);
	char path[PATH_MAX];
	int error = 0;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		bool spare = loading && is_for_vmalloc(entry->d_name);

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), SLABS "/%s/failslab",
			 entry->d_name);
		/* Some are those of others under another name. */
		if (write_text(path, spare ? "0" : "1") == -EACCES)
			error = -EACCES;
	}
	closedir(dir);
	return error;
}

static int prepare_failures(bool loading)
{
	if (access(FAILSLAB, F_OK) &&
	    mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL))
		return -errno;
	if (write_text(FAILSLAB "verbose", "0") ||
	    write_text(FAILSLAB "ignore-gfp-wait", "N") ||
	    write_text(FAILSLAB "cache-filter", "Y") ||
	    write_text(FAIL_PAGE_ALLOC "verbose", "0") ||
	    write_text(FAIL_PAGE_ALLOC "ignore-gfp-wait", "N") ||
	    write_text(FAIL_PAGE_ALLOC "min-order", "1") ||
	    write_text(FAIL_USERCOPY "verbose", "0"))
		return -EIO;
	return select_slabs(loading);
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

FIXTURE_VARIANT_ADD(load, v1_to_v2) {
	.from = "freq_v1",
	.to = "freq_v2",
	.parameters = "",
};

FIXTURE_VARIANT_ADD(load, v2_to_v1) {
	.from = "freq_v2",
	.to = "freq_v1",
	.parameters = "",
};

FIXTURE_VARIANT_ADD(load, v1_to_v90) {
	.from = "freq_v1",
	.to = "freq_v90",
	.parameters = "",
};

FIXTURE_VARIANT_ADD(load, v90_to_v1) {
	.from = "freq_v90",
	.to = "freq_v1",
	.parameters = "",
};

FIXTURE_VARIANT_ADD(load, v2_to_v90) {
	.from = "freq_v2",
	.to = "freq_v90",
	.parameters = "",
};

FIXTURE_VARIANT_ADD(load, v90_to_v2) {
	.from = "freq_v90",
	.to = "freq_v2",
	.parameters = "",
};

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

FIXTURE(request) {
	int fd;
};

FIXTURE_VARIANT(request) {
	const char *release;
};

FIXTURE_VARIANT_ADD(request, v2) {
	.release = "freq_v2",
};

FIXTURE_VARIANT_ADD(request, v90) {
	.release = "freq_v90",
};

FIXTURE_SETUP(request)
{
	ASSERT_EQ(0, prepare_failures(false));
	self->fd = -1;
}

FIXTURE_TEARDOWN(request)
{
	fail_nth(0);
	EXPECT_EQ(0, test_clean());
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

static const struct {
	const char *name;
	int (*make)(int fd);
} requests[] = {
	{ "open", do_open },
	{ "INFO", do_info },
	{ "LIST", do_list },
	{ "ALLOCATE", do_allocate },
	{ "DEALLOCATE", do_deallocate },
	{ "INJECT", do_inject },
};

/* A fresh server, in which 10 can be given back. */
static int start(const char *release, bool allocated)
{
	__u64 frequency;
	int fd;

	if (server_start(release, NULL))
		return -1;
	fd = open_client();
	if (fd >= 0 && allocated && try_allocate(fd, 0, &frequency))
		return -1;
	return fd;
}

TEST_F_TIMEOUT(request, until_it_succeeds, 1500)
{
	struct snapshot before, after;
	int looker, error, n, failures;
	bool failed;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		bool allocated = requests[i].make == do_deallocate;

		failures = 0;
		failed = true;
		for (n = 1; failed && n < NTH_MAX; n++) {
			self->fd = start(variant->release, allocated);
			ASSERT_GE(self->fd, 0);
			looker = open_client();
			ASSERT_GE(looker, 0);
			ASSERT_EQ(0, snapshot_take(&before, looker));

			ASSERT_EQ(0, fail_nth(n));
			error = requests[i].make(self->fd);
			failed = nth_has_failed();
			ASSERT_EQ(0, fail_nth(0));
			ASSERT_TRUE(failed || !error);
			failures += !!error;
			if (error) {
				EXPECT_TRUE(error == -ENOMEM ||
					    error == -EFAULT);
				ASSERT_EQ(0, snapshot_take(&after, looker));
				ASSERT_TRUE(snapshot_same(&before, &after)) {
					TH_LOG("%s, failure %d",
					       requests[i].name, n);
				}
				snapshot_free(&after);
			}
			EXPECT_TRUE(sysfs_agrees(looker));
			snapshot_free(&before);
			close(looker);
			close(self->fd);
		}
		ASSERT_FALSE(failed);
		TH_LOG("%s: %d of %d failures made it fail", requests[i].name,
		       failures, n - 2);
	}
}

TEST_HARNESS_MAIN
