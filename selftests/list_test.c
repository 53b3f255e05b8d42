// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the pool has: LIST, page by page, and the lists in sysfs, at
 * any length, read in any way, and while others change them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "../kselftest_harness.h"
#include "freq_test.h"

#define SCATTERED	20000

FIXTURE(list) {
	int fd;
};

/* 1 to 500 free, then some of them taken. */
FIXTURE_SETUP(list)
{
	ASSERT_EQ(0, server_start("freq_v2", "frequencies=1-500"));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(list)
{
	EXPECT_EQ(0, test_clean());
}

/* Holds the first so many of the free list. */
static int take(int fd, int count)
{
	__u64 frequency;
	int error = 0;

	while (count-- && !error)
		error = try_allocate(fd, 0, &frequency);
	return error;
}

/* So many numbers, all different, all over the range, none below 2^32. */
static int inject_scattered(int fd, __u32 count)
{
	__u64 *list = calloc(count, sizeof(*list));
	int error;
	__u32 i;

	if (!list)
		return -ENOMEM;
	for (i = 0; i < count; i++)
		list[i] = (i + 1) * 0x9e3779b97f4a7c15 | 1ULL << 63;
	/* Some with neighbours. */
	for (i = 100; i < count; i += 100)
		list[i] = (1ULL << 32) + i / 200 * 10 + i / 100 % 2;
	error = try_inject(fd, list, count, NULL);
	free(list);
	return error;
}

static bool ascending(const struct listing *sorted)
{
	size_t i;

	for (i = 1; i < sorted->count; i++) {
		if (sorted->entries[i - 1].frequency >=
		    sorted->entries[i].frequency)
			return false;
	}
	return true;
}

TEST_F(list, pages_of_any_size)
{
	static const __u32 pages[] = {
		1, 2, 3, 7, 249, 250, 251, 499, 500, 501, 4095, FREQ_LIST_MAX,
	};
	struct listing listing;
	size_t i;
	__u64 j;

	ASSERT_EQ(0, take(self->fd, 123));
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		ASSERT_EQ(0, listing_take(&listing, self->fd, 0, pages[i]));
		ASSERT_EQ(500, listing.count);
		listing_sort(&listing);
		for (j = 0; j < 500; j++) {
			const struct freq_entry *entry = &listing.entries[j];

			ASSERT_EQ(j + 1, entry->frequency);
			ASSERT_EQ(j < 123, entry->flags & FREQ_ENTRY_ALLOCATED);
		}
		listing_free(&listing);
	}
}

/* As it comes, of whatever page size, whatever the order of the free list. */
TEST_F(list, in_ascending_order)
{
	static const __u32 pages[] = { 1, 7, 250, 1000 };
	struct listing listing;
	size_t i;

	ASSERT_EQ(0, inject_scattered(self->fd, 400));
	ASSERT_EQ(0, take(self->fd, 300));
	for (i = 300; i > 200; i -= 3)
		test_deallocate(self->fd, i);
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		ASSERT_EQ(0, listing_take(&listing, self->fd, 0, pages[i]));
		EXPECT_EQ(900, listing.count);
		EXPECT_TRUE(ascending(&listing));
		listing_free(&listing);
		ASSERT_EQ(0, listing_take(&listing, self->fd, FREQ_LIST_FREE,
					  pages[i]));
		EXPECT_TRUE(ascending(&listing));
		listing_free(&listing);
	}
}

/* Another release, and another layout of the state, before each page. */
TEST_F(list, cursor_across_an_upgrade)
{
	static const char * const releases[] = {
		"freq_v2", "freq_v1", "freq_v90",
	};
	struct freq_entry entries[40];
	struct freq_list list = { .entries = (uintptr_t)entries };
	__u64 next = 1;
	int turn = 0;
	__u32 i;

	do {
		list.count = ARRAY_SIZE(entries);
		test_list(self->fd, &list);
		for (i = 0; i < list.count; i++, next++)
			ASSERT_EQ(next, entries[i].frequency);
		ASSERT_EQ(0, server_upgrade(releases[turn % 3],
					    releases[(turn + 1) % 3]));
		turn++;
	} while (list.cursor);
	EXPECT_EQ(501, next);
	EXPECT_LT(3, turn);
}

/* Entries beyond the count that is returned are not written. */
TEST_F(list, writes_what_it_tells)
{
	struct freq_entry entries[16];
	struct freq_list list = {
		.entries = (uintptr_t)entries,
		.count = 10,
	};
	const char *untouched = (const char *)&entries[10];
	size_t i;

	memset(entries, 0xa5, sizeof(entries));
	test_list(self->fd, &list);
	EXPECT_EQ((uintptr_t)entries, list.entries);
	EXPECT_EQ(0, list.flags);
	EXPECT_LE(list.count, 10);
	EXPECT_NE(0, list.cursor);
	for (i = 0; i < 6 * sizeof(*entries); i++)
		ASSERT_EQ((char)0xa5, untouched[i]);
}

TEST_F(list, filters)
{
	struct listing all, available, allocated;
	int other = open_client();
	__u32 page;
	size_t i;

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, take(self->fd, 50));
	ASSERT_EQ(0, take(other, 50));
	for (i = 2; i <= 50; i += 2)
		test_deallocate(self->fd, i);
	for (page = 1; page < 100; page += 32) {
		ASSERT_EQ(0, listing_take(&all, self->fd, 0, page));
		ASSERT_EQ(0, listing_take(&available, self->fd, FREQ_LIST_FREE,
					  page));
		ASSERT_EQ(0, listing_take(&allocated, self->fd,
					  FREQ_LIST_ALLOCATED, page));
		EXPECT_EQ(500, all.count);
		EXPECT_EQ(425, available.count);
		EXPECT_EQ(75, allocated.count);
		listing_sort(&available);
		listing_sort(&allocated);
		for (i = 0; i < all.count; i++) {
			const struct freq_entry *entry = &all.entries[i];
			const struct freq_entry *same;
			bool held = entry->flags & FREQ_ENTRY_ALLOCATED;

			same = listing_find(held ? &allocated : &available,
					    entry->frequency);
			ASSERT_NE(NULL, same);
			ASSERT_EQ(0, memcmp(same, entry, sizeof(*entry)));
		}
		listing_free(&all);
		listing_free(&available);
		listing_free(&allocated);
	}
	ASSERT_EQ(0, listing_take(&all, self->fd,
				  FREQ_LIST_FREE | FREQ_LIST_ALLOCATED, 100));
	EXPECT_EQ(500, all.count);
	listing_free(&all);
}

TEST_F(list, none_match)
{
	struct listing listing;

	ASSERT_EQ(0, listing_take(&listing, self->fd, FREQ_LIST_ALLOCATED, 1));
	EXPECT_EQ(0, listing.count);
	ASSERT_EQ(0, take(self->fd, 500));
	ASSERT_EQ(0, listing_take(&listing, self->fd, FREQ_LIST_FREE, 1));
	EXPECT_EQ(0, listing.count);
	EXPECT_TRUE(sysfs_is("free", "\n"));
	EXPECT_TRUE(sysfs_is("allocated", "1-500\n"));
}

/* A server of nothing at all. */
TEST_F(list, empty_pool)
{
	struct listing listing;
	struct freq_info info;

	ASSERT_EQ(0, test_clean());
	ASSERT_EQ(0, server_start("freq_v2", "frequencies="));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	test_info(self->fd, &info);
	EXPECT_EQ(0, info.free);
	EXPECT_EQ(0, info.allocated);
	ASSERT_EQ(0, listing_take(&listing, self->fd, 0, 100));
	EXPECT_EQ(0, listing.count);
	EXPECT_TRUE(sysfs_is("free", "\n"));
	EXPECT_TRUE(sysfs_is("allocated", "\n"));
	test_err_allocate(ENOSPC, self->fd);
	test_inject(self->fd, 7);
	EXPECT_TRUE(sysfs_is("free", "7\n"));
	test_allocate(self->fd, 7);
}

static const char extremes[] =
	"0,9223372036854775807-9223372036854775808,18446744073709551614-18446744073709551615\n";

/* The ends of what a __u64 can be, also as the cursor of a page. */
TEST_F(list, extreme_numbers)
{
	struct listing listing;
	__u32 page;

	ASSERT_EQ(0, take(self->fd, 500));
	test_inject(self->fd, ~0ULL, 0, 1ULL << 63, (1ULL << 63) - 1,
		    ~0ULL - 1);
	for (page = 1; page < 600; page += page) {
		ASSERT_EQ(0, listing_take(&listing, self->fd, FREQ_LIST_FREE,
					  page));
		ASSERT_EQ(5, listing.count);
		listing_sort(&listing);
		EXPECT_TRUE(ascending(&listing));
		EXPECT_EQ(0, listing.entries[0].frequency);
		EXPECT_EQ(~0ULL, listing.entries[4].frequency);
		listing_free(&listing);
		ASSERT_EQ(0, listing_take(&listing, self->fd, 0, page));
		ASSERT_EQ(505, listing.count);
		listing_sort(&listing);
		EXPECT_TRUE(ascending(&listing));
		listing_free(&listing);
	}
	EXPECT_TRUE(sysfs_is("free", extremes));
	test_allocate(self->fd, ~0ULL);
	test_allocate(self->fd, 0);
	EXPECT_TRUE(sysfs_is("allocated", "0-500,18446744073709551615\n"));
	test_deallocate(self->fd, ~0ULL);
	test_deallocate(self->fd, 0);
	EXPECT_TRUE(sysfs_agrees(self->fd));
}

TEST_F(list, sysfs_form)
{
	struct stat status;

	ASSERT_EQ(0, stat(SYSFS "free", &status));
	EXPECT_EQ(0444, status.st_mode & 07777);
	ASSERT_EQ(0, stat(SYSFS "allocated", &status));
	EXPECT_EQ(0444, status.st_mode & 07777);
	ASSERT_EQ(0, stat(SYSFS "release", &status));
	EXPECT_EQ(0444, status.st_mode & 07777);
	EXPECT_TRUE(sysfs_is("release", "2\n"));
	EXPECT_TRUE(sysfs_is("free", "1-500\n"));
	ASSERT_EQ(0, take(self->fd, 4));
	test_deallocate(self->fd, 3);
	EXPECT_TRUE(sysfs_is("allocated", "1-2,4\n"));
	EXPECT_TRUE(sysfs_is("free", "3,5-500\n"));
}

/* Far beyond one page of memory: nothing cut off, all as in LIST. */
TEST_F(list, long_lists)
{
	struct listing listing;
	char *text;

	ASSERT_EQ(0, inject_scattered(self->fd, SCATTERED));
	ASSERT_EQ(0, listing_take(&listing, self->fd, 0, FREQ_LIST_MAX));
	EXPECT_EQ(SCATTERED + 500, listing.count);
	listing_sort(&listing);
	EXPECT_TRUE(ascending(&listing));
	listing_free(&listing);
	text = read_text(SYSFS "free");
	ASSERT_NE(NULL, text);
	EXPECT_GT(strlen(text), 300000);
	free(text);
	EXPECT_TRUE(sysfs_agrees(self->fd));

	ASSERT_EQ(0, take(self->fd, SCATTERED / 2));
	EXPECT_TRUE(sysfs_agrees(self->fd));
	ASSERT_EQ(0, take(self->fd, SCATTERED / 2 + 500));
	EXPECT_TRUE(sysfs_is("free", "\n"));
	EXPECT_TRUE(sysfs_agrees(self->fd));
}

static bool same_piece(const char *text, size_t length, size_t offset,
		       const char *piece, ssize_t got, size_t wanted)
{
	size_t rest = offset < length ? length - offset : 0;

	/* A read may be short, but 0 only at the end. */
	if (got < 0 || (size_t)got > wanted || (size_t)got > rest ||
	    (!got && rest)) {
		fprintf(stderr, "# %zd of %zu read at %zu of %zu\n", got,
			wanted, offset, length);
		return false;
	}
	if (!memcmp(text + offset, piece, got))
		return true;
	fprintf(stderr, "# other text at %zu: '%.*s', not '%.*s'\n", offset,
		(int)got, piece, (int)got, text + offset);
	return false;
}

TEST_F(list, byte_by_byte)
{
	size_t length, offset;
	char *text;
	char byte;
	int fd;

	ASSERT_EQ(0, inject_scattered(self->fd, rounds(2000)));
	text = read_text(SYSFS "free");
	ASSERT_NE(NULL, text);
	length = strlen(text);
	EXPECT_GT(length, 5 * rounds(2000));
	fd = open(SYSFS "free", O_RDONLY | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	for (offset = 0; offset < length; offset++) {
		ASSERT_EQ(1, read(fd, &byte, 1));
		ASSERT_EQ(text[offset], byte);
	}
	EXPECT_EQ(0, read(fd, &byte, 1));
	free(text);
}

TEST_F(list, readers_in_turn)
{
	char piece[1000];
	size_t offsets[8] = {};
	size_t length;
	int fds[8];
	__u64 seed = 7;
	ssize_t got;
	char *text;
	int ended = 0;
	size_t i;

	ASSERT_EQ(0, inject_scattered(self->fd, 3000));
	text = read_text(SYSFS "free");
	ASSERT_NE(NULL, text);
	length = strlen(text);
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = open(SYSFS "free", O_RDONLY | O_CLOEXEC);
		ASSERT_GE(fds[i], 0);
	}
	while (ended < 8) {
		size_t size = 1 + random_below(&seed, sizeof(piece));

		i = random_below(&seed, ARRAY_SIZE(fds));
		if (fds[i] < 0)
			continue;
		got = read(fds[i], piece, size);
		ASSERT_TRUE(same_piece(text, length, offsets[i], piece, got,
				       size));
		offsets[i] += got;
		if (!got) {
			close(fds[i]);
			fds[i] = -1;
			ended++;
		}
	}
	free(text);
}

/* Others change the pool: takes, gives back, and adds to it. */
struct changer {
	pthread_t thread;
	int fd;
	bool injects;
	bool stop;
	int error;
};

static int change(struct changer *changer)
{
	__u64 seed = changer->fd;
	__u64 fresh = 1000000;
	__u64 held[60];
	int count = 0;
	int error;

	while (!__atomic_load_n(&changer->stop, __ATOMIC_RELAXED)) {
		if (changer->injects && fresh < 1004000 &&
		    !random_below(&seed, 10)) {
			if (differ(0, try_inject(changer->fd, &fresh, 1,
						 NULL)))
				return -1;
			fresh += 2;
		} else if (count < 60 && random_below(&seed, 2)) {
			error = try_allocate(changer->fd, 0, &held[count]);
			if (differ(0, error))
				return -1;
			count++;
		} else if (count) {
			int i = random_below(&seed, count);

			if (differ(0, try_deallocate(changer->fd, held[i])))
				return -1;
			held[i] = held[--count];
		}
	}
	return 0;
}

static void *change_in_thread(void *data)
{
	struct changer *changer = data;

	changer->error = change(changer);
	return NULL;
}

/*
 * The frequencies of a list in sysfs, ascending, or a negative errno.
 */
static ssize_t parse_list(const char *text, __u64 *list, size_t room)
{
	__u64 first, last, previous = 0;
	size_t count = 0;
	char *end;

	while (*text != '\n') {
		first = strtoull(text, &end, 10);
		last = first;
		if (end == text)
			return -EINVAL;
		if (*end == '-') {
			text = end + 1;
			last = strtoull(text, &end, 10);
			if (end == text || last <= first)
				return -EINVAL;
		}
		if (count && first <= previous)
			return -EDOM;
		previous = last;
		for (;; first++) {
			if (count == room)
				return -EOVERFLOW;
			list[count++] = first;
			if (first == last)
				break;
		}
		if (*end == ',')
			end++;
		else if (*end != '\n')
			return -EINVAL;
		text = end;
	}
	return text[1] ? -EINVAL : (ssize_t)count;
}

static bool stable_once(const struct listing *sorted, __u64 first, __u64 last)
{
	for (; first <= last; first++) {
		if (!listing_find(sorted, first)) {
			fprintf(stderr, "# %llu is missing\n", first);
			return false;
		}
	}
	return ascending(sorted);
}

/*
 * 1 to 200 are held all the while, the others up to 500 come and go, and new
 * ones appear: each at most once in a list, those that stay just once.
 */
TEST_F_TIMEOUT(list, while_others_change_it, 60)
{
	static __u64 numbers[10000];
	struct changer changers[2];
	struct listing listing;
	ssize_t count;
	char *text;
	int i, turn;

	ASSERT_EQ(0, take(self->fd, 200));
	for (i = 0; i < 2; i++) {
		changers[i] = (struct changer) {
			.fd = open_client(),
			.injects = !i,
		};
		ASSERT_GE(changers[i].fd, 0);
		ASSERT_EQ(0, pthread_create(&changers[i].thread, NULL,
					    change_in_thread, &changers[i]));
	}
	for (turn = 0; turn < rounds(60); turn++) {
		static const __u32 pages[] = { 1, 3, 64, 1000 };

		ASSERT_EQ(0, listing_take(&listing, self->fd, 0,
					  pages[turn % ARRAY_SIZE(pages)]));
		listing_sort(&listing);
		ASSERT_TRUE(stable_once(&listing, 1, 500));
		listing_free(&listing);

		ASSERT_EQ(0, listing_take(&listing, self->fd,
					  FREQ_LIST_ALLOCATED, 7));
		listing_sort(&listing);
		ASSERT_TRUE(stable_once(&listing, 1, 200));
		listing_free(&listing);

		text = read_text(SYSFS "allocated");
		ASSERT_NE(NULL, text);
		count = parse_list(text, numbers, ARRAY_SIZE(numbers));
		ASSERT_GE(count, 200);
		for (i = 0; i < 200; i++)
			ASSERT_EQ(i + 1, numbers[i]);
		free(text);

		text = read_text(SYSFS "free");
		ASSERT_NE(NULL, text);
		count = parse_list(text, numbers, ARRAY_SIZE(numbers));
		ASSERT_GE(count, 1);
		ASSERT_GT(numbers[0], 200);
		free(text);
	}
	for (i = 0; i < 2; i++) {
		__atomic_store_n(&changers[i].stop, true, __ATOMIC_RELAXED);
		ASSERT_EQ(0, pthread_join(changers[i].thread, NULL));
		EXPECT_EQ(0, changers[i].error);
	}
	EXPECT_TRUE(sysfs_agrees(self->fd));
}

TEST_HARNESS_MAIN
