// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each request with good and with each kind of bad input: the errno that the
 * contract in <linux/freq.h> promises, and that nothing changed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "../kselftest_harness.h"
#include "freq_test.h"

/* The largest size that a request number can carry. */
#define SIZE_MAX_IOC	((1 << _IOC_SIZEBITS) - 1)

struct request {
	const char *name;
	unsigned long number;
	size_t size;
	size_t grown;	/* its size since release 3, if that is another */
};

static const struct request requests[] = {
	{ "INFO", FREQ_IOC_INFO, sizeof(struct freq_info),
	  sizeof(struct freq_info_v3) },
	{ "LIST", FREQ_IOC_LIST, sizeof(struct freq_list), 0 },
	{ "ALLOCATE", FREQ_IOC_ALLOCATE, sizeof(struct freq_allocate),
	  sizeof(struct freq_allocate_v3) },
	{ "DEALLOCATE", FREQ_IOC_DEALLOCATE, sizeof(struct freq_deallocate),
	  sizeof(struct freq_deallocate_v3) },
	{ "INJECT", FREQ_IOC_INJECT, sizeof(struct freq_inject), 0 },
	{ "ALLOCATE_BATCH", FREQ_IOC_ALLOCATE_BATCH,
	  sizeof(struct freq_batch), 0 },
	{ "DEALLOCATE_BATCH", FREQ_IOC_DEALLOCATE_BATCH,
	  sizeof(struct freq_batch), 0 },
};

static const struct request *request_end = requests + ARRAY_SIZE(requests);

/* How much of its argument a release knows. */
static size_t known_size(const struct request *request, __u32 release)
{
	return release >= 3 && request->grown ? request->grown : request->size;
}

/* What release 3 knows, and is tried elsewhere: grant_test.c, record_test.c. */
static bool is_of_v3(unsigned int direction, unsigned int number)
{
	static const unsigned long known[] = {
		FREQ_IOC_LIST_GRANTS, FREQ_IOC_LABEL, FREQ_IOC_SUBSCRIBE,
		FREQ_IOC_ALLOCATE_GROUP, FREQ_IOC_CANCEL,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (_IOC_DIR(known[i]) == direction &&
		    _IOC_NR(known[i]) == number)
			return true;
	return false;
}

FIXTURE(request) {
	struct snapshot before;
	bool injects;	/* and knows batches */
	__u64 held;
	__u64 kept;
	int log;
	int fd;
};

FIXTURE_VARIANT(request) {
	const char *release;
	__u32 number;
};

RELEASE_VARIANT(request, v1, .number = 1);
RELEASE_VARIANT(request, v2, .number = 2);
RELEASE_VARIANT(request, v3, .number = 3);

/* Some of each kind: 10 held, 11 kept, 12 to 15 free. */
FIXTURE_SETUP(request)
{
	ASSERT_EQ(0, server_start(variant->release, NULL));
	self->injects = variant->number >= 2;
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, try_allocate(self->fd, 0, &self->held));
	ASSERT_EQ(0, try_allocate(self->fd, FREQ_ALLOCATE_KEEP, &self->kept));
	self->log = log_open();
	ASSERT_GE(self->log, 0);
	ASSERT_EQ(0, snapshot_take(&self->before, self->fd));
}

FIXTURE_TEARDOWN(request)
{
	snapshot_free(&self->before);
	EXPECT_EQ(0, test_clean());
}

/*
 * A good argument for a request, in memory of the caller's choice: all zero
 * but where zero is not good.
 */
static void fill(void *argument, const struct request *request)
{
	static struct freq_entry entries[FREQ_LIST_MAX];
	static const __u64 fresh[] = { 1000, 1001 };
	struct freq_list list = {
		.entries = (uintptr_t)entries,
		.count = FREQ_LIST_MAX,
	};
	struct freq_deallocate deallocate = { .frequency = 10 };
	struct freq_inject inject = {
		.frequencies = (uintptr_t)fresh,
		.count = ARRAY_SIZE(fresh),
	};
	static __u64 numbers[2];
	struct freq_batch batch = {
		.frequencies = (uintptr_t)numbers,
		.count = ARRAY_SIZE(numbers),
	};

	switch (request->number) {
	case FREQ_IOC_LIST:
		memcpy(argument, &list, sizeof(list));
		break;
	case FREQ_IOC_DEALLOCATE:
		memcpy(argument, &deallocate, sizeof(deallocate));
		break;
	case FREQ_IOC_INJECT:
		memcpy(argument, &inject, sizeof(inject));
		break;
	case FREQ_IOC_ALLOCATE_BATCH:
	case FREQ_IOC_DEALLOCATE_BATCH:
		/* What is held and what is kept, whatever was there before. */
		numbers[0] = 10;
		numbers[1] = 11;
		memcpy(argument, &batch, sizeof(batch));
		break;
	default:
		memset(argument, 0, request->size);
	}
}

/* The errno of a request whose only fault is its argument. */
static int unless_unknown(const struct request *request, bool injects, int err)
{
	bool is_new = _IOC_NR(request->number) >= _IOC_NR(FREQ_IOC_INJECT);

	return is_new && !injects ? -ENOTTY : -err;
}

static short ready_events(int fd)
{
	struct pollfd ready = { .fd = fd, .events = ~0 };

	return poll(&ready, 1, 0) < 0 ? -errno : ready.revents;
}

/* Without a subscription, read() does not wait. */
TEST_F(request, poll)
{
	char data[FREQ_RECORD_SIZE_MAX];

	EXPECT_EQ(POLLIN | POLLRDNORM, ready_events(self->fd));
	EXPECT_EQ(-1, read(self->fd, data, sizeof(data)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_UNCHANGED();
}

TEST_F(request, info)
{
	struct freq_info info;
	int other;

	test_info(self->fd, &info);
	EXPECT_EQ(variant->number, info.release);
	EXPECT_EQ(1, info.clients);
	EXPECT_EQ(4, info.free);
	EXPECT_EQ(2, info.allocated);
	EXPECT_EQ(release_features(variant->number), info.features);

	other = open_client();
	ASSERT_GE(other, 0);
	test_allocate(other, 12);
	test_info(self->fd, &info);
	EXPECT_EQ(2, info.clients);
	EXPECT_EQ(3, info.free);
	EXPECT_EQ(3, info.allocated);
	close(other);
	EXPECT_UNCHANGED();
}

TEST_F(request, good)
{
	const struct freq_entry *entry;
	struct listing listing;

	test_allocate(self->fd, 12);
	test_keep(self->fd, 13);
	ASSERT_EQ(0, listing_take(&listing, self->fd, 0, FREQ_LIST_MAX));
	listing_sort(&listing);
	ASSERT_EQ(6, listing.count);

	entry = listing_find(&listing, 12);
	ASSERT_NE(NULL, entry);
	EXPECT_EQ(FREQ_ENTRY_ALLOCATED | FREQ_ENTRY_MINE, entry->flags);
	EXPECT_EQ(getuid(), entry->uid);
	EXPECT_EQ(getpid(), entry->pid);
	EXPECT_EQ(0, entry->pad);

	entry = listing_find(&listing, 13);
	ASSERT_NE(NULL, entry);
	EXPECT_EQ(FREQ_ENTRY_ALLOCATED | FREQ_ENTRY_KEEP | FREQ_ENTRY_MINE,
		  entry->flags);

	entry = listing_find(&listing, 14);
	ASSERT_NE(NULL, entry);
	EXPECT_EQ(0, entry->flags);
	EXPECT_EQ(0, entry->uid);
	EXPECT_EQ(0, entry->pid);
	EXPECT_EQ(0, entry->pad);
	listing_free(&listing);

	test_deallocate(self->fd, 13);
	test_deallocate(self->fd, 12);
	EXPECT_UNCHANGED();
}

TEST_F(request, unknown)
{
	static const unsigned int directions[] = {
		_IOC_NONE, _IOC_READ, _IOC_WRITE, _IOC_READ | _IOC_WRITE,
	};
	char argument[64] = {};
	unsigned int number, i;

	/* Each number of ours in each direction that is not its own. */
	for (number = 0; number < 256; number++) {
		for (i = 0; i < ARRAY_SIZE(directions); i++) {
			unsigned int direction = directions[i];
			const struct request *request;

			if (!number && direction == _IOC_NONE)
				continue;
			for (request = requests; request < request_end;
			     request++) {
				if (_IOC_NR(request->number) == number &&
				    _IOC_DIR(request->number) == direction)
					break;
			}
			if (request < request_end ||
			    (variant->number >= 3 &&
			     is_of_v3(direction, number)))
				continue;
			EXPECT_EQ(-ENOTTY,
				  try_ioctl(self->fd,
					    _IOC(direction, FREQ_IOC_MAGIC,
						 number, 24), argument)) {
				TH_LOG("number %#x, direction %u", number,
				       direction);
			}
		}
	}
	EXPECT_EQ(-ENOTTY, try_ioctl(self->fd, _IO(FREQ_IOC_MAGIC, 0xff),
				     NULL));
	EXPECT_EQ(-ENOTTY,
		  try_ioctl(self->fd, _IOC(_IOC_NONE, FREQ_IOC_MAGIC, 0, 8),
			    argument));
	EXPECT_UNCHANGED();
}

TEST_F(request, other_magic)
{
	const struct request *request;
	unsigned int magic;
	char argument[64];

	for (magic = FREQ_IOC_MAGIC - 8; magic < 256; magic++) {
		if (magic == FREQ_IOC_MAGIC)
			continue;
		EXPECT_EQ(-ENOTTY, try_ioctl(self->fd, _IO(magic, 0), NULL));
		for (request = requests; request < request_end; request++) {
			fill(argument, request);
			EXPECT_EQ(-ENOTTY,
				  try_ioctl(self->fd,
					    _IOC(_IOC_DIR(request->number),
						 magic,
						 _IOC_NR(request->number),
						 request->size), argument));
		}
	}
	EXPECT_UNCHANGED();
}

TEST_F(request, some_are_of_v2)
{
	if (self->injects) {
		test_inject(self->fd, 30);
		test_allocate_batch(self->fd, 12, 13, 14, 15, 30);
		test_deallocate_batch(self->fd, 11, 30);
		return;
	}
	/* ENOTTY whatever the argument is: it is not read. */
	test_err_inject(ENOTTY, self->fd, 30);
	test_err_inject(ENOTTY, self->fd, 10, 10);
	EXPECT_EQ(-ENOTTY, try_ioctl(self->fd, FREQ_IOC_INJECT, NULL));
	EXPECT_EQ(-ENOTTY, try_inject(self->fd, NULL, 0, NULL));
	test_err_allocate_batch(ENOTTY, self->fd, 2);
	test_err_deallocate_batch(ENOTTY, 0, self->fd, 10, 11);
	EXPECT_EQ(-ENOTTY, try_allocate_batch(self->fd, ~0U, NULL, 0));
	EXPECT_EQ(-ENOTTY, try_deallocate_batch(self->fd, NULL, ~0U, NULL));
	EXPECT_EQ(-ENOTTY, try_ioctl(self->fd, FREQ_IOC_ALLOCATE_BATCH, NULL));
	EXPECT_EQ(-ENOTTY, try_ioctl(self->fd, FREQ_IOC_DEALLOCATE_BATCH,
				     NULL));
	EXPECT_UNCHANGED();
}

TEST_F(request, size_short)
{
	const struct request *request;
	char argument[64];
	size_t size;

	for (request = requests; request < request_end; request++) {
		fill(argument, request);
		for (size = 0; size < request->size; size++) {
			EXPECT_EQ(unless_unknown(request, self->injects,
						 EINVAL),
				  try_ioctl(self->fd,
					    sized(request->number, size),
					    argument)) {
				TH_LOG("%s of %zu bytes", request->name, size);
			}
		}
	}
	EXPECT_UNCHANGED();
}

/* An argument larger than the release knows, whose excess is not zero. */
TEST_F(request, size_long_nonzero)
{
	static const size_t more[] = { 1, 2, 8, 100, 200, 5000 };
	static char argument[SIZE_MAX_IOC];
	const struct request *request;
	size_t i;

	for (request = requests; request < request_end; request++) {
		/* INFO only writes its argument. */
		if (request->number == FREQ_IOC_INFO)
			continue;
		for (i = 0; i < ARRAY_SIZE(more); i++) {
			size_t known = known_size(request, variant->number);
			int want = unless_unknown(request, self->injects,
						  E2BIG);
			size_t size = known + more[i];

			memset(argument, 0, sizeof(argument));
			fill(argument, request);
			argument[size - 1] = 1;
			EXPECT_EQ(want,
				  try_ioctl(self->fd,
					    sized(request->number, size),
					    argument)) {
				TH_LOG("%s of %zu bytes, the last not 0",
				       request->name, size);
			}
			argument[size - 1] = 0;
			argument[known] = (char)0x80;
			EXPECT_EQ(want,
				  try_ioctl(self->fd,
					    sized(request->number, size),
					    argument)) {
				TH_LOG("%s of %zu bytes, the first not 0",
				       request->name, size);
			}
		}
	}
	EXPECT_UNCHANGED();
}

/* A larger argument of a newer program works; INFO zeroes the excess. */
TEST_F(request, size_long_zero)
{
	static const size_t more[] = { 1, 8, 100, 200, 5000 };
	static char argument[SIZE_MAX_IOC];
	const struct request *info = &requests[0];
	const struct request *list = &requests[1];
	const struct request *allocate = &requests[2];
	const struct request *deallocate = &requests[3];
	const struct request *inject = &requests[4];
	const struct request *batch = &requests[5];
	const struct request *batch_back = &requests[6];
	struct freq_info *seen = (void *)argument;
	struct freq_list *listed = (void *)argument;
	struct freq_allocate *allocated = (void *)argument;
	struct freq_deallocate *given = (void *)argument;
	struct freq_inject *injected = (void *)argument;
	struct freq_batch *several = (void *)argument;
	size_t known = known_size(info, variant->number);
	__u64 fresh = 5000, numbers[2];
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(more); i++) {
		memset(argument, 0xa5, sizeof(argument));
		ASSERT_EQ(0, try_ioctl(self->fd,
				       sized(info->number, known + more[i]),
				       argument));
		EXPECT_EQ(variant->number, seen->release);
		EXPECT_EQ(4, seen->free);
		for (j = 0; j < more[i]; j++)
			ASSERT_EQ(0, argument[known + j]);
		EXPECT_EQ((char)0xa5, argument[known + j]);

		memset(argument, 0, sizeof(argument));
		fill(argument, list);
		ASSERT_EQ(0, try_ioctl(self->fd,
				       sized(list->number,
					     list->size + more[i]), argument));
		EXPECT_EQ(6, listed->count);

		memset(argument, 0, sizeof(argument));
		ASSERT_EQ(0, try_ioctl(self->fd,
				       sized(allocate->number,
					     allocate->size + more[i]),
				       argument));
		EXPECT_EQ(12, allocated->frequency);

		memset(argument, 0, sizeof(argument));
		given->frequency = 12;
		ASSERT_EQ(0, try_ioctl(self->fd,
				       sized(deallocate->number,
					     deallocate->size + more[i]),
				       argument));
	}
	EXPECT_UNCHANGED();

	if (!self->injects)
		return;
	for (i = 0; i < ARRAY_SIZE(more); i++) {
		memset(argument, 0, sizeof(argument));
		several->frequencies = (uintptr_t)numbers;
		several->count = 2;
		ASSERT_EQ(0, try_ioctl(self->fd,
				       sized(batch->number,
					     batch->size + more[i]),
				       argument));
		EXPECT_EQ(12 + i % 2, numbers[0]);
		EXPECT_EQ(13 - i % 2, numbers[1]);
		ASSERT_EQ(0, try_ioctl(self->fd,
				       sized(batch_back->number,
					     batch->size + more[i]),
				       argument));
	}
	for (i = 0; i < ARRAY_SIZE(more); i++, fresh++) {
		memset(argument, 0, sizeof(argument));
		injected->frequencies = (uintptr_t)&fresh;
		injected->count = 1;
		ASSERT_EQ(0, try_ioctl(self->fd,
				       sized(inject->number,
					     inject->size + more[i]),
				       argument));
	}
	ASSERT_EQ(0, try_ioctl(self->fd, FREQ_IOC_INFO, seen));
	EXPECT_EQ(4 + ARRAY_SIZE(more), seen->free);
}

TEST_F(request, bad_pointer)
{
	const struct request *request;
	void *bad[] = {
		NULL,
		(void *)8,
		(void *)-1L,
		(void *)(~0UL << (8 * sizeof(long) - 1)),
		/* Neither user space nor kernel, on most machines. */
		(void *)(1UL << (8 * sizeof(long) - 2)),
		page_map(PROT_NONE),
	};
	size_t before;
	size_t i;
	char *at;

	ASSERT_NE(NULL, bad[ARRAY_SIZE(bad) - 1]);
	for (request = requests; request < request_end; request++) {
		int want = unless_unknown(request, self->injects, EFAULT);

		for (i = 0; i < ARRAY_SIZE(bad); i++) {
			EXPECT_EQ(want, try_ioctl(self->fd, request->number,
						  bad[i])) {
				TH_LOG("%s at %p", request->name, bad[i]);
			}
		}

		/* Begins where it may, and ends where it may not. */
		for (before = 1; before < request->size; before++) {
			char argument[64];

			at = page_straddle(before);
			ASSERT_NE(NULL, at);
			fill(argument, request);
			memcpy(at, argument, before);
			EXPECT_EQ(want, try_ioctl(self->fd, request->number,
						  at)) {
				TH_LOG("%s, %zu bytes of it there",
				       request->name, before);
			}
		}

		/* All that the release knows is there, the zeros are not. */
		at = page_straddle(request->size);
		ASSERT_NE(NULL, at);
		fill(at, request);
		EXPECT_EQ(want, try_ioctl(self->fd,
					  sized(request->number,
						request->size + 8), at)) {
			TH_LOG("%s, its tail not there", request->name);
		}

		/* Nor what the door only compares with zero. */
		at = page_straddle(ARGUMENT_MAX);
		ASSERT_NE(NULL, at);
		fill(at, request);
		EXPECT_EQ(want, try_ioctl(self->fd,
					  sized(request->number,
						ARGUMENT_MAX + 8), at)) {
			TH_LOG("%s, the end not there", request->name);
		}
	}
	EXPECT_UNCHANGED();
}

/* A reply that cannot be copied out: the request has no effect. */
TEST_F(request, bad_reply)
{
	static const unsigned long telling[] = {
		FREQ_IOC_INFO, FREQ_IOC_LIST, FREQ_IOC_ALLOCATE,
		FREQ_IOC_ALLOCATE_BATCH,
	};
	const struct request *request;
	char *page;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(telling); i++) {
		for (request = requests; request->number != telling[i];)
			request++;
		page = page_map(PROT_READ | PROT_WRITE);
		ASSERT_NE(NULL, page);
		fill(page, request);
		ASSERT_EQ(0, mprotect(page, page_size(), PROT_READ));
		EXPECT_EQ(unless_unknown(request, self->injects, EFAULT),
			  try_ioctl(self->fd, telling[i], page)) {
			TH_LOG("%s", request->name);
		}
		EXPECT_UNCHANGED();
	}
}

TEST_F(request, bad_reply_allocate)
{
	struct freq_allocate *allocate = page_map(PROT_READ | PROT_WRITE);
	struct freq_allocate *across;
	__u64 frequency;
	int i;

	ASSERT_NE(NULL, allocate);
	allocate->flags = FREQ_ALLOCATE_KEEP;
	ASSERT_EQ(0, mprotect(allocate, page_size(), PROT_READ));
	EXPECT_EQ(-EFAULT,
		  try_ioctl(self->fd, FREQ_IOC_ALLOCATE, allocate));
	EXPECT_UNCHANGED();

	/* Its first word can be written, and the second cannot. */
	across = page_straddle(sizeof(*across) / 2);
	ASSERT_NE(NULL, across);
	memset(across, 0, sizeof(*across) / 2);
	ASSERT_EQ(0, mprotect((char *)across + sizeof(*across) / 2,
			      page_size(), PROT_READ));
	EXPECT_EQ(-EFAULT, try_ioctl(self->fd, FREQ_IOC_ALLOCATE, across));
	EXPECT_UNCHANGED();

	/* The last one, and more often than there are frequencies. */
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, try_allocate(self->fd, 0, &frequency));
	for (i = 0; i < 20; i++)
		EXPECT_EQ(-EFAULT,
			  try_ioctl(self->fd, FREQ_IOC_ALLOCATE, allocate));
	test_allocate(self->fd, 15);
	for (i = 15; i >= 12; i--)
		test_deallocate(self->fd, i);
	EXPECT_UNCHANGED();
}

/* The argument is only read, so it may be in read-only memory. */
TEST_F(request, deallocate_read_only_argument)
{
	struct freq_deallocate *deallocate = page_map(PROT_READ | PROT_WRITE);

	ASSERT_NE(NULL, deallocate);
	test_allocate(self->fd, 12);
	deallocate->frequency = 12;
	ASSERT_EQ(0, mprotect(deallocate, page_size(), PROT_READ));
	EXPECT_EQ(0, try_ioctl(self->fd, FREQ_IOC_DEALLOCATE, deallocate));
	EXPECT_UNCHANGED();
}

static int list_with(int fd, void *entries, __u32 count, __u32 flags)
{
	struct freq_list list = {
		.entries = (uintptr_t)entries,
		.count = count,
		.flags = flags,
	};

	return try_list(fd, &list);
}

TEST_F(request, list_bad)
{
	static const __u32 absurd[] = {
		FREQ_LIST_MAX + 1, 0x80000000, 0xffffffff,
	};
	struct freq_entry entries[6];
	unsigned int bit;
	size_t i;

	EXPECT_EQ(-EINVAL, list_with(self->fd, entries, 0, 0));
	for (i = 0; i < ARRAY_SIZE(absurd); i++)
		EXPECT_EQ(-E2BIG, list_with(self->fd, entries, absurd[i], 0));
	for (bit = 2; bit < 32; bit++) {
		EXPECT_EQ(-EINVAL, list_with(self->fd, entries, 6, 1U << bit));
		EXPECT_EQ(-EINVAL,
			  list_with(self->fd, entries, 6,
				    1U << bit | FREQ_LIST_FREE));
	}

	EXPECT_EQ(-EFAULT, list_with(self->fd, NULL, 6, 0));
	EXPECT_EQ(-EFAULT, list_with(self->fd, (void *)-1L, 6, 0));
	EXPECT_EQ(-EFAULT, list_with(self->fd, page_map(PROT_NONE), 6, 0));
	EXPECT_EQ(-EFAULT, list_with(self->fd, page_map(PROT_READ), 6, 0));
	for (i = 1; i < sizeof(entries); i += 7)
		EXPECT_EQ(-EFAULT, list_with(self->fd, page_straddle(i), 6, 0));
	EXPECT_UNCHANGED();
}

/* A cursor that no page returned leads somewhere, or is refused. */
TEST_F(request, list_any_cursor)
{
	struct freq_entry entries[6];
	__u64 seed = 1;
	int i;

	for (i = 0; i < 2000; i++) {
		struct freq_list list = {
			.entries = (uintptr_t)entries,
			.cursor = random_next(&seed) >> (i % 64),
			.count = 6,
		};
		int error = try_list(self->fd, &list);
		__u32 j;

		if (error) {
			ASSERT_EQ(-EINVAL, error);
			continue;
		}
		ASSERT_LE(list.count, 6);
		for (j = 0; j < list.count; j++) {
			ASSERT_GE(entries[j].frequency, 10);
			ASSERT_LE(entries[j].frequency, 15);
		}
	}
	EXPECT_UNCHANGED();
}

TEST_F(request, allocate_bad)
{
	struct freq_allocate allocate;
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		allocate = (struct freq_allocate) { .pad = 1U << bit };
		EXPECT_EQ(-EINVAL, try_ioctl(self->fd, FREQ_IOC_ALLOCATE,
					     &allocate));
		allocate.flags = FREQ_ALLOCATE_KEEP;
		EXPECT_EQ(-EINVAL, try_ioctl(self->fd, FREQ_IOC_ALLOCATE,
					     &allocate));
		if (1U << bit == FREQ_ALLOCATE_KEEP)
			continue;
		allocate = (struct freq_allocate) { .flags = 1U << bit };
		EXPECT_EQ(-EINVAL, try_ioctl(self->fd, FREQ_IOC_ALLOCATE,
					     &allocate));
		allocate.flags |= FREQ_ALLOCATE_KEEP;
		EXPECT_EQ(-EINVAL, try_ioctl(self->fd, FREQ_IOC_ALLOCATE,
					     &allocate));
	}
	EXPECT_UNCHANGED();
}

/* The field for the reply is not read. */
TEST_F(request, allocate_ignores_frequency)
{
	struct freq_allocate allocate = { .frequency = 15 };

	ASSERT_EQ(0, try_ioctl(self->fd, FREQ_IOC_ALLOCATE, &allocate));
	EXPECT_EQ(12, allocate.frequency);
	test_deallocate(self->fd, 12);
	EXPECT_UNCHANGED();
}

TEST_F(request, allocate_when_none_is_free)
{
	__u64 frequency;
	int i;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, try_allocate(self->fd, 0, &frequency));
	test_err_allocate(ENOSPC, self->fd);
	EXPECT_EQ(-ENOSPC, try_allocate(self->fd, FREQ_ALLOCATE_KEEP,
					&frequency));
}

TEST_F(request, deallocate_bad)
{
	static const __u64 unknown[] = {
		0, 1, 9, 16, 1ULL << 32 | 10, 1ULL << 63, ~0ULL,
	};
	struct freq_deallocate deallocate;
	unsigned int bit;
	size_t i;
	int other;

	for (bit = 0; bit < 32; bit++) {
		deallocate = (struct freq_deallocate) {
			.frequency = self->held,
			.flags = 1U << bit,
		};
		EXPECT_EQ(-EINVAL, try_ioctl(self->fd, FREQ_IOC_DEALLOCATE,
					     &deallocate));
		deallocate = (struct freq_deallocate) {
			.frequency = self->held,
			.pad = 1U << bit,
		};
		EXPECT_EQ(-EINVAL, try_ioctl(self->fd, FREQ_IOC_DEALLOCATE,
					     &deallocate));
	}
	for (i = 0; i < ARRAY_SIZE(unknown); i++)
		test_err_deallocate(ENOENT, self->fd, unknown[i]);
	for (i = 12; i <= 15; i++)
		test_err_deallocate(ENOENT, self->fd, i);

	/* Root or not: what a client holds is that client's. */
	other = open_client();
	ASSERT_GE(other, 0);
	test_err_deallocate(EPERM, other, self->held);
	close(other);
	EXPECT_UNCHANGED();
}

/* The words of an argument of INJECT that must be zero. */
struct inject_words {
	__u32 flags;
	__u32 index;
	__u32 pad;
};

static int inject_with(int fd, const void *frequencies, __u32 count,
		       struct inject_words words)
{
	struct freq_inject inject = {
		.frequencies = (uintptr_t)frequencies,
		.count = count,
		.flags = words.flags,
		.index = words.index,
		.pad = words.pad,
	};

	return try_ioctl(fd, FREQ_IOC_INJECT, &inject);
}

TEST_F(request, inject_bad)
{
	static const __u32 absurd[] = {
		FREQ_INJECT_MAX + 1, 0x80000000, 0xffffffff,
	};
	const struct inject_words zero = {};
	__u64 fresh[] = { 30, 31, 32 };
	int fd = self->fd;
	__u32 bit;
	size_t i;
	char *at;

	if (!self->injects)
		return;
	for (bit = 1; bit; bit <<= 1) {
		struct inject_words words[] = {
			{ .flags = bit }, { .index = bit }, { .pad = bit },
		};

		for (i = 0; i < ARRAY_SIZE(words); i++)
			EXPECT_EQ(-EINVAL, inject_with(fd, fresh, 3, words[i]));
	}
	EXPECT_EQ(-EINVAL, inject_with(fd, fresh, 0, zero));
	EXPECT_EQ(-EINVAL, inject_with(fd, NULL, 0, zero));
	for (i = 0; i < ARRAY_SIZE(absurd); i++)
		EXPECT_EQ(-E2BIG, inject_with(fd, fresh, absurd[i], zero));

	EXPECT_EQ(-EFAULT, inject_with(fd, NULL, 3, zero));
	EXPECT_EQ(-EFAULT, inject_with(fd, (void *)-8L, 3, zero));
	EXPECT_EQ(-EFAULT, inject_with(fd, page_map(PROT_NONE), 3, zero));
	for (i = 1; i < sizeof(fresh); i++) {
		at = page_straddle(i);
		ASSERT_NE(NULL, at);
		memcpy(at, fresh, i);
		EXPECT_EQ(-EFAULT, inject_with(fd, at, 3, zero));
	}
	/* As many as may be, of which few are there. */
	EXPECT_EQ(-EFAULT, inject_with(fd, page_straddle(8), FREQ_INJECT_MAX,
				       zero));
	EXPECT_UNCHANGED();
}

TEST_F(request, inject_duplicate)
{
	static const struct {
		__u64 list[6];
		__u32 count;
		__u32 index;
	} cases[] = {
		{ { 12 }, 1, 0 },			/* free */
		{ { 10 }, 1, 0 },			/* held */
		{ { 11 }, 1, 0 },			/* kept */
		{ { 30, 31, 15 }, 3, 2 },
		{ { 30, 30 }, 2, 1 },
		{ { 30, 31, 32, 31, 30 }, 5, 3 },
		{ { 30, 31, 30, 12 }, 4, 2 },
		{ { 30, 12, 31, 30 }, 4, 1 },
		{ { 12, 12 }, 2, 0 },
		{ { 10, 11, 12, 13, 14, 15 }, 6, 0 },
		{ { 0, ~0ULL, 1ULL << 63, 0 }, 4, 3 },
		{ { 5, 4, 3, 2, 1, 5 }, 6, 5 },
	};
	__u32 index;
	size_t i;

	if (!self->injects)
		return;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(-EEXIST, try_inject(self->fd, cases[i].list,
					      cases[i].count, &index));
		EXPECT_EQ(cases[i].index, index) {
			TH_LOG("case %zu", i);
		}
	}
	EXPECT_UNCHANGED();
}

/* Where the first duplicate of a long list is, wherever it is. */
TEST_F(request, inject_duplicate_far)
{
	const __u32 count = 20000;
	__u64 *list = calloc(count, sizeof(*list));
	__u64 seed = 3;
	__u32 index, i;
	int turn;

	ASSERT_NE(NULL, list);
	for (turn = 0; self->injects && turn < 10; turn++) {
		/* All different: an odd factor permutes the numbers. */
		for (i = 0; i < count; i++)
			list[i] = 1000 + (i + 1) * 0x9e3779b97f4a7c15;
		i = 1 + random_below(&seed, count - 1);
		list[i] = list[random_below(&seed, i)];
		EXPECT_EQ(-EEXIST, try_inject(self->fd, list, count, &index));
		EXPECT_EQ(i, index);
	}
	free(list);
	EXPECT_UNCHANGED();
}

/* Only EEXIST writes to the argument; EFAULT if it cannot. */
TEST_F(request, inject_read_only_argument)
{
	struct freq_inject *inject = page_map(PROT_READ | PROT_WRITE);
	static const __u64 duplicate[] = { 30, 12 };

	ASSERT_NE(NULL, inject);
	if (!self->injects)
		return;
	inject->frequencies = (uintptr_t)duplicate;
	inject->count = 2;
	ASSERT_EQ(0, mprotect(inject, page_size(), PROT_READ));
	EXPECT_EQ(-EFAULT, try_ioctl(self->fd, FREQ_IOC_INJECT, inject));
	EXPECT_UNCHANGED();

	ASSERT_EQ(0, mprotect(inject, page_size(), PROT_READ | PROT_WRITE));
	inject->count = 1;
	ASSERT_EQ(0, mprotect(inject, page_size(), PROT_READ));
	EXPECT_EQ(0, try_ioctl(self->fd, FREQ_IOC_INJECT, inject));
	test_err_inject(EEXIST, self->fd, 30);
}

TEST_F(request, stop_is_busy)
{
	/* It holds 10 and 11. */
	test_err_stop(EBUSY, self->fd);
	EXPECT_EQ(-EBUSY, try_ioctl(self->fd, FREQ_IOC_STOP, (void *)-1L));
	EXPECT_UNCHANGED();
}

/* EPERM takes precedence over errors of the argument. */
TEST_F(request, read_only_descriptor)
{
	const struct request *request;
	struct listing listing;
	struct freq_info info;
	size_t i;
	int fd;

	fd = open(DEVICE, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	test_info(fd, &info);
	EXPECT_EQ(2, info.clients);
	ASSERT_EQ(0, listing_take(&listing, fd, 0, FREQ_LIST_MAX));
	EXPECT_EQ(6, listing.count);
	listing_free(&listing);

	for (request = requests + 2; request < request_end; request++) {
		int want = unless_unknown(request, self->injects, EPERM);
		char argument[128] = {};

		fill(argument, request);
		EXPECT_EQ(want, try_ioctl(fd, request->number, argument));
		for (i = 0; i < request->size; i++)
			EXPECT_EQ(want,
				  try_ioctl(fd, sized(request->number, i),
					    argument));
		argument[request->size] = 1;
		EXPECT_EQ(want, try_ioctl(fd, sized(request->number, 128),
					  argument));
		memset(argument, 0xff, sizeof(argument));
		EXPECT_EQ(want, try_ioctl(fd, request->number, argument));
		EXPECT_EQ(want, try_ioctl(fd, request->number, NULL));
	}
	test_err_stop(EPERM, fd);
	EXPECT_EQ(-ENOTTY, try_ioctl(fd, _IO(FREQ_IOC_MAGIC, 0xff), NULL));
	close(fd);
	EXPECT_UNCHANGED();
}

TEST_F(request, write_only_descriptor)
{
	struct freq_info info;
	int fd;

	fd = open(DEVICE, O_WRONLY | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	test_info(fd, &info);
	test_allocate(fd, 12);
	test_deallocate(fd, 12);
	close(fd);
	EXPECT_UNCHANGED();
}

/* Any user may allocate; EPERM takes precedence over other errors. */
static int use_unprivileged(bool injects)
{
	const int refused = injects ? -EPERM : -ENOTTY;
	const __u64 fresh = 30;
	struct listing listing;
	struct freq_info info;
	__u64 frequency;
	int fd = open_client();

	if (fails(fd >= 0) ||
	    differ(0, try_info(fd, &info)) ||
	    differ(0, listing_take(&listing, fd, 0, FREQ_LIST_MAX)) ||
	    differ(6, listing.count) ||
	    differ(0, try_allocate(fd, 0, &frequency)) ||
	    differ(12, frequency) ||
	    differ(0, try_deallocate(fd, 12)) ||
	    differ(-EPERM, try_deallocate(fd, 10)) ||
	    differ(refused, try_inject(fd, &fresh, 1, NULL)) ||
	    differ(refused, try_inject(fd, NULL, 1, NULL)) ||
	    differ(refused, try_inject(fd, &fresh, 0, NULL)) ||
	    differ(refused, try_ioctl(fd, FREQ_IOC_INJECT, NULL)) ||
	    differ(refused, try_ioctl(fd, sized(FREQ_IOC_INJECT, 3), NULL)) ||
	    differ(-EPERM, try_stop(fd)))
		return -1;
	close(fd);
	return 0;
}

static int be_user(int line, void *data)
{
	return differ(0, become(USER_A)) || use_unprivileged(*(bool *)data);
}

TEST_F(request, unprivileged)
{
	struct child child;

	ASSERT_EQ(0, child_start(&child, be_user, &self->injects));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_UNCHANGED();
}

/* Root of a user namespace has no privilege here. */
static int be_root_elsewhere(int line, void *data)
{
	return differ(0, unshare(CLONE_NEWUSER)) ||
	       use_unprivileged(*(bool *)data);
}

TEST_F(request, root_of_user_namespace)
{
	struct child child;

	ASSERT_EQ(0, child_start(&child, be_root_elsewhere, &self->injects));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_UNCHANGED();
}

/* No release runs: open() works, ENODEV takes precedence over all errors. */
TEST_F(request, no_server)
{
	const struct request *request;
	char argument[64];
	int other;

	test_deallocate(self->fd, self->kept);
	test_deallocate(self->fd, self->held);
	test_stop(self->fd);

	other = open(DEVICE, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(other, 0);
	for (request = requests; request < request_end; request++) {
		fill(argument, request);
		EXPECT_EQ(-ENODEV, try_ioctl(self->fd, request->number,
					     argument));
		EXPECT_EQ(-ENODEV, try_ioctl(self->fd, request->number, NULL));
		EXPECT_EQ(-ENODEV, try_ioctl(self->fd,
					     sized(request->number, 1), NULL));
		EXPECT_EQ(-ENODEV, try_ioctl(other, request->number, NULL));
	}
	EXPECT_EQ(-ENODEV, try_ioctl(self->fd, _IO(FREQ_IOC_MAGIC, 0xff),
				     NULL));
	test_err_stop(ENODEV, self->fd);
	test_err_stop(ENODEV, other);
	close(other);
	EXPECT_TRUE(sysfs_is("release", "0\n"));
	EXPECT_EQ(-1, access(SYSFS "free", F_OK));
	EXPECT_EQ(-1, access(SYSFS "allocated", F_OK));
	/* read() would not wait. */
	EXPECT_EQ(POLLIN | POLLRDNORM, ready_events(self->fd));
	EXPECT_EQ(-1, read(self->fd, argument, sizeof(argument)));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_TRUE(log_silent(self->log));
}

#ifdef __x86_64__
TEST_F(request, from_32_bit)
{
	char *page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	struct freq_info *info = (void *)page;
	struct freq_allocate *allocate = (void *)(page + 64);
	struct freq_deallocate *deallocate = (void *)(page + 128);
	struct freq_list *list = (void *)(page + 192);
	struct freq_inject *inject = (void *)(page + 256);
	__u64 *fresh = (void *)(page + 320);
	struct freq_batch *batch = (void *)(page + 384);

	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, compat_ioctl(self->fd, FREQ_IOC_INFO, info));
	EXPECT_EQ(variant->number, info->release);
	EXPECT_EQ(2, info->allocated);
	ASSERT_EQ(0, compat_ioctl(self->fd, FREQ_IOC_ALLOCATE, allocate));
	EXPECT_EQ(12, allocate->frequency);
	deallocate->frequency = 12;
	ASSERT_EQ(0, compat_ioctl(self->fd, FREQ_IOC_DEALLOCATE, deallocate));
	list->entries = (uintptr_t)(page + 1024);
	list->count = 6;
	ASSERT_EQ(0, compat_ioctl(self->fd, FREQ_IOC_LIST, list));
	EXPECT_EQ(6, list->count);
	EXPECT_EQ(-EFAULT, compat_ioctl(self->fd, FREQ_IOC_INFO, NULL));
	EXPECT_EQ(-ENOTTY, compat_ioctl(self->fd,
					_IO(FREQ_IOC_MAGIC, 0xff), NULL));
	EXPECT_EQ(-EBUSY, compat_ioctl(self->fd, FREQ_IOC_STOP, NULL));
	EXPECT_UNCHANGED();

	*fresh = 30;
	inject->frequencies = (uintptr_t)fresh;
	inject->count = 1;
	EXPECT_EQ(self->injects ? 0 : -ENOTTY,
		  compat_ioctl(self->fd, FREQ_IOC_INJECT, inject));

	batch->frequencies = (uintptr_t)fresh;
	batch->count = 2;
	EXPECT_EQ(self->injects ? 0 : -ENOTTY,
		  compat_ioctl(self->fd, FREQ_IOC_ALLOCATE_BATCH, batch));
	EXPECT_EQ(self->injects ? 12 : 30, fresh[0]);
	EXPECT_EQ(self->injects ? 13 : 0, fresh[1]);
	EXPECT_EQ(self->injects ? 0 : -ENOTTY,
		  compat_ioctl(self->fd, FREQ_IOC_DEALLOCATE_BATCH, batch));
}
#endif

static int open_in_vain(int line, void *data)
{
	return differ(0, become(USER_A)) || differ(-EACCES, open_client());
}

/* As the kernel makes it, not as module_load() leaves it for the tests. */
TEST(mode_of_the_device)
{
	struct child child;
	struct stat status;

	ASSERT_EQ(0, server_clean());
	ASSERT_EQ(0, system("modprobe freq"));
	EXPECT_EQ(0, stat(DEVICE, &status));
	EXPECT_EQ(S_IFCHR | 0660, status.st_mode);
	EXPECT_EQ(0, status.st_uid);
	EXPECT_EQ(0, status.st_gid);
	ASSERT_EQ(0, child_start(&child, open_in_vain, NULL));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(0, test_clean());
}

TEST_HARNESS_MAIN
