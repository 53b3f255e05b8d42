// SPDX-License-Identifier: GPL-2.0-only
/*
 * The largest pool: to be run where there is memory for it (vm/run -m 1536).
 */
#define _GNU_SOURCE
#include "../kselftest_harness.h"
#include "freq_test.h"

FIXTURE(limit) {
	int fd;
};

/* All but two of what a pool can have */
FIXTURE_SETUP(limit)
{
	char parameter[64];

	snprintf(parameter, sizeof(parameter), "frequencies=1-%d",
		 FREQ_POOL_MAX - 2);
	ASSERT_EQ(0, server_start("freq_v2", parameter));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(limit)
{
	EXPECT_EQ(0, test_clean());
}

static __u64 free_count(int fd)
{
	struct freq_info info;

	return try_info(fd, &info) ? 0 : info.free;
}

/* All of a list are added, or none; those that are allocated count. */
TEST_F_TIMEOUT(limit, inject, 300)
{
	const __u64 room = FREQ_POOL_MAX - 2;
	__u32 index = ~0U;

	EXPECT_EQ(room, free_count(self->fd));
	test_allocate(self->fd, 1);
	test_err_inject(E2BIG, self->fd, room + 1, room + 2, room + 3);
	EXPECT_EQ(room - 1, free_count(self->fd));
	/* E2BIG comes before EEXIST. */
	test_err_inject(E2BIG, self->fd, 1, 2, 3);
	EXPECT_EQ(-EEXIST, try_inject(self->fd, (__u64 []){ room + 1, 1 }, 2,
				      &index));
	EXPECT_EQ(1, index);
	EXPECT_EQ(room - 1, free_count(self->fd));
	test_inject(self->fd, room + 1);
	test_err_inject(E2BIG, self->fd, room + 2, room + 3);
	test_inject(self->fd, room + 2);
	test_err_inject(E2BIG, self->fd, room + 3);
	EXPECT_EQ(FREQ_POOL_MAX - 1, free_count(self->fd));
	test_deallocate(self->fd, 1);
	test_err_inject(E2BIG, self->fd, room + 3);
	EXPECT_EQ(FREQ_POOL_MAX, free_count(self->fd));
	test_stop(self->fd);

	ASSERT_EQ(0, module_unload("freq_v2"));
	EXPECT_EQ(-E2BIG, module_load("freq_v2", "frequencies=0-16777216"));
}

TEST_HARNESS_MAIN
