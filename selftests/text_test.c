// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lists in sysfs as programs read them: in pieces of any size, with seeks
 * back, while the state changes, while others read, and across upgrades. A
 * text is right and complete, or the read fails with ESTALE.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "../kselftest_harness.h"
#include "freq_test.h"

/* Numbers without neighbours: each is an element of its own in the text. */
#define FIRST		100000
#define STEP		3
#define FEW		4000
#define FEW_PARAMETER	"frequencies=100000-111997/3"
#define MANY		100000
#define MANY_PARAMETER	"frequencies=100000-399997/3"
/* Those of FEW, behind some that are first in line. */
#define LOW		6
#define LOW_PARAMETER	"frequencies=10-15,100000-111997/3"

/* Most reads are shorter than what the kernel makes at once. */
#define PIECE		512

/* More readers than anybody needs. */
#define READERS		100

#define FREE		SYSFS "free"
#define WANTED_FILE	"/tmp/freq-wanted"

/* Behind the end of any text. */
#define FAR		0x10000000000LL

/* What LIST says is free, as sysfs has to show it; NULL if that cannot be. */
static char *wanted_text(int fd)
{
	struct listing list;
	char *text;

	if (differ(0, listing_take(&list, fd, FREQ_LIST_FREE, FREQ_LIST_MAX)))
		return NULL;
	text = listing_format(&list, false);
	listing_free(&list);
	return text;
}

static int open_text(void)
{
	int fd = open(FREE, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static ssize_t read_piece(int fd, char *to, size_t size)
{
	ssize_t got = read(fd, to, size);

	return got < 0 ? -errno : got;
}

static ssize_t read_at(int fd, size_t size, off_t at)
{
	char room[4096];
	ssize_t got = pread(fd, room, size, at);

	return got < 0 ? -errno : got;
}

/* ---- What does not change */

FIXTURE(text) {
	int fd;
	int reader;
	char *wanted;
	size_t length;
};

FIXTURE_VARIANT(text) {
	const char *parameter;
};

FIXTURE_VARIANT_ADD(text, few) {
	.parameter = FEW_PARAMETER,
};

FIXTURE_VARIANT_ADD(text, many) {
	.parameter = MANY_PARAMETER,
};

FIXTURE_SETUP(text)
{
	ASSERT_EQ(0, server_start("freq_v2", variant->parameter));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	self->reader = open_text();
	ASSERT_GE(self->reader, 0);
	self->wanted = wanted_text(self->fd);
	ASSERT_NE(NULL, self->wanted);
	self->length = strlen(self->wanted);
}

FIXTURE_TEARDOWN(text)
{
	unlink(WANTED_FILE);
	free(self->wanted);
	EXPECT_EQ(0, test_clean());
}

static int write_file(const char *path, const char *text, size_t length)
{
	FILE *file = fopen(path, "we");

	if (fails(file) || fails(fwrite(text, 1, length, file) == length))
		return -1;
	return fails(!fclose(file));
}

/* The output is that for a regular file with the same content. */
TEST_F_TIMEOUT(text, programs, 120)
{
	static const char * const commands[] = {
		"cat",
		"dd bs=7 2>/dev/null",
		"dd bs=1000 2>/dev/null",
		"dd bs=100k 2>/dev/null",
		"head -c 10000",
		"tail -n 1",
		"tail -c 10000",
		"less",
		"tr , '\\n'",
		"while read -r line; do printf '%s\\n' \"$line\"; done",
	};
	unsigned long long start;
	char line[256];
	int i;

	ASSERT_EQ(0, write_file(WANTED_FILE, self->wanted, self->length));
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		start = now_ms();
		snprintf(line, sizeof(line),
			 "(%s) <" FREE " >/tmp/freq-1 && (%s) <" WANTED_FILE
			 " >/tmp/freq-2 && cmp /tmp/freq-1 /tmp/freq-2",
			 commands[i], commands[i]);
		EXPECT_EQ(0, system(line)) {
			TH_LOG("%s", commands[i]);
		}
		TH_LOG("%s: %llu ms", commands[i], now_ms() - start);
	}
	unlink("/tmp/freq-1");
	unlink("/tmp/freq-2");
}

/* As bash reads a line, or an element: it seeks back to behind it. */
TEST_F(text, elements)
{
	static const size_t sizes[] = { 128, 1000, 4096 };
	char room[4096];
	size_t at, used;
	ssize_t got;
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0, lseek(self->reader, 0, SEEK_SET));
		for (at = 0; at < self->length; at += used) {
			got = read_piece(self->reader, room, sizes[i]);
			ASSERT_LT(0, got);
			ASSERT_EQ(0, memcmp(self->wanted + at, room, got)) {
				TH_LOG("at %zu", at);
			}
			for (used = got; used > 1; used--) {
				if (room[used - 1] == ',' ||
				    room[used - 1] == '\n')
					break;
			}
			ASSERT_EQ(at + used, lseek(self->reader,
						   (off_t)used - got,
						   SEEK_CUR));
		}
		EXPECT_EQ(0, read_piece(self->reader, room, sizes[i]));
	}
}

/* Reads of any size, each second one from within the one before. */
TEST_F(text, back_and_forth)
{
	__u64 random = 1;
	char room[5000];
	off_t at = 0;
	ssize_t got;

	while (at < self->length) {
		size_t size = 1 + random_below(&random, sizeof(room));

		got = read_piece(self->reader, room, size);
		ASSERT_LT(0, got) {
			TH_LOG("at %lld", (long long)at);
		}
		ASSERT_EQ(0, memcmp(self->wanted + at, room, got)) {
			TH_LOG("at %lld", (long long)at);
		}
		if (random_below(&random, 2))
			at += got;
		else
			at += random_below(&random, got);
		ASSERT_EQ(at, lseek(self->reader, at, SEEK_SET));
	}
	EXPECT_EQ(0, read_piece(self->reader, room, sizeof(room)));
}

/* Two at once are not too many. */
TEST_F(text, two_readers)
{
	int readers[2] = { self->reader, open_text() };
	off_t at[2] = {};
	char room[4096];
	ssize_t got;
	int i;

	ASSERT_GE(readers[1], 0);
	while (at[0] < self->length || at[1] < self->length) {
		for (i = 0; i < 2; i++) {
			if (at[i] == self->length)
				continue;
			got = read_piece(readers[i], room, 700 + 2000 * i);
			ASSERT_LT(0, got);
			ASSERT_EQ(0, memcmp(self->wanted + at[i], room, got));
			at[i] += got;
		}
	}
}

/* A rehearsal is of a copy: the reader stays with the original. */
TEST_F(text, beside_a_rehearsal)
{
	static char room[4096];
	ssize_t got, more;
	int fd;

	got = read(self->reader, room, sizeof(room));
	ASSERT_LT(0, got);
	ASSERT_EQ(0, module_load("freq_v90", "rehearse=1"));
	/* It goes on behind the part that it was given. */
	more = read(self->reader, room, sizeof(room));
	ASSERT_LT(0, more);
	EXPECT_EQ(0, memcmp(self->wanted + got, room, more));
	fd = open_rehearsal();
	ASSERT_GE(fd, 0);
	close(fd);
	ASSERT_EQ(0, module_unload("freq_v90"));
}

/* Offsets at which a reader cannot go on. */
TEST_F(text, stale_offsets)
{
	char room[4096];
	int i, other;

	EXPECT_EQ(-ESTALE, read_at(self->reader, 1, FAR));
	EXPECT_EQ(-ESTALE, read_at(self->reader, 1, 1));
	EXPECT_EQ(-ESTALE, read_at(self->reader, sizeof(room), self->length));
	for (i = 0; i < 5; i++)
		ASSERT_LT(0, read_piece(self->reader, room, sizeof(room)));
	EXPECT_EQ(-ESTALE, read_at(self->reader, 1, 1));
	EXPECT_EQ(-ESTALE, read_at(self->reader, sizeof(room), FAR));
	/* Another descriptor has not read anything. */
	other = open_text();
	ASSERT_GE(other, 0);
	EXPECT_EQ(-ESTALE, read_at(other, 1, lseek(self->reader, 0,
						   SEEK_CUR)));
	close(other);

	/* From the beginning, there is always a way. */
	EXPECT_EQ(0, lseek(self->reader, 0, SEEK_SET));
	ASSERT_EQ(10, read_piece(self->reader, room, 10));
	EXPECT_EQ(0, memcmp(self->wanted, room, 10));
	test_allocate(self->fd, FIRST);
	EXPECT_EQ(0, lseek(self->reader, 0, SEEK_SET));
	ASSERT_EQ(6, read_piece(self->reader, room, 6));
	EXPECT_EQ(0, memcmp("100003", room, 6));
	test_deallocate(self->fd, FIRST);
	EXPECT_EQ(6, pread(self->reader, room, 6, 0));
	EXPECT_EQ(0, memcmp("100000", room, 6));
}

/* Further readers of a user evict that user's own. */
TEST_F(text, own_readers)
{
	char room[PIECE];
	int readers[READERS];
	int i;

	for (i = 0; i < READERS; i++) {
		readers[i] = open_text();
		ASSERT_GE(readers[i], 0);
		ASSERT_EQ(PIECE, read_piece(readers[i], room, PIECE));
	}
	EXPECT_EQ(-ESTALE, read_piece(readers[0], room, PIECE));
	ASSERT_EQ(PIECE, read_piece(readers[READERS - 1], room, PIECE));
	EXPECT_EQ(0, memcmp(self->wanted + PIECE, room, PIECE));
	EXPECT_EQ(0, lseek(readers[0], 0, SEEK_SET));
	EXPECT_EQ(PIECE, read_piece(readers[0], room, PIECE));
	ASSERT_EQ(PIECE, read_piece(readers[0], room, PIECE));
	EXPECT_EQ(0, memcmp(self->wanted + PIECE, room, PIECE));
}

/* ---- Other users' readers */

/* A user with many readers, each of which goes on when it is told to. */
static int read_much(int line, void *data)
{
	int readers[READERS];
	char room[16];
	int error = 0;
	int i;

	if (differ(0, become(USER_B)))
		return -1;
	for (i = 0; i < READERS; i++) {
		readers[i] = open_text();
		if (fails(readers[i] >= 0))
			return -1;
	}
	while (!error) {
		for (i = 0; i < READERS; i++) {
			ssize_t got = read_piece(readers[i], room,
						 sizeof(room));

			if (got == -ESTALE)
				got = lseek(readers[i], 0, SEEK_SET);
			if (fails(got >= 0))
				return -1;
		}
		error = line_say(line, 'd') ?: line_hear(line, 'r');
	}
	return 0;
}

static int readers_start(struct child *others)
{
	return differ(0, child_start(others, read_much, NULL)) ||
	       differ(0, line_hear(others->line, 'd'));
}

/* Each of them reads a piece. */
static int readers_turn(const struct child *others)
{
	return differ(0, line_say(others->line, 'r')) ||
	       differ(0, line_hear(others->line, 'd'));
}

struct quiet_reader {
	const char *wanted;
	struct child others;
};

/* Another user, who reads one text at leisure. */
static int read_quietly(int line, void *data)
{
	struct quiet_reader *quiet = data;
	size_t length = strlen(quiet->wanted);
	char room[PIECE];
	size_t at = 0;
	ssize_t got;
	int fd;

	if (differ(0, become(USER_A)))
		return -1;
	fd = open_text();
	if (fails(fd >= 0))
		return -1;
	do {
		got = read_piece(fd, room, PIECE);
		if (fails(got >= 0) || fails(at + got <= length) ||
		    fails(!memcmp(quiet->wanted + at, room, got)) ||
		    readers_turn(&quiet->others))
			return -1;
		at += got;
	} while (got);
	return differ(length, at);
}

TEST(readers_of_another_user)
{
	struct quiet_reader quiet;
	struct child reader;
	int fd;

	ASSERT_EQ(0, server_start("freq_v2", FEW_PARAMETER));
	fd = open_client();
	ASSERT_GE(fd, 0);
	quiet.wanted = wanted_text(fd);
	ASSERT_NE(NULL, quiet.wanted);
	ASSERT_EQ(0, readers_start(&quiet.others));
	ASSERT_EQ(0, child_start(&reader, read_quietly, &quiet));
	EXPECT_EQ(0, child_wait(&reader));
	EXPECT_EQ(0, test_clean());
}

/* As many readers as one user can have, and all users together */
#define USER_READERS	32
#define ALL_READERS	512
#define USERS		(ALL_READERS / USER_READERS)

struct users_reader {
	const char *wanted;
	uid_t uid;
	int readers[USER_READERS];
};

static int go_on(int reader, const char *wanted, off_t at)
{
	char room[PIECE];

	return differ(at, lseek(reader, 0, SEEK_CUR)) ||
	       differ(PIECE, read_piece(reader, room, PIECE)) ||
	       fails(!memcmp(wanted + at, room, PIECE));
}

/* A user who reads as many texts at once as can be, by turns. */
static int read_by_turns(int line, void *data)
{
	struct users_reader *user = data;
	off_t at;
	int i;

	if (differ(0, become(user->uid)))
		return -1;
	for (at = 0; at < 3 * PIECE; at += PIECE) {
		for (i = 0; i < USER_READERS; i++) {
			if (!at)
				user->readers[i] = open_text();
			if (fails(user->readers[i] >= 0) ||
			    go_on(user->readers[i], user->wanted, at))
				return -1;
		}
	}
	if (line_say(line, 'd') || line_hear(line, 'r'))
		return -1;
	/* One of another user's has come: it is at the expense of the first. */
	for (i = 1; i < USER_READERS; i++) {
		if (go_on(user->readers[i], user->wanted, at))
			return -1;
	}
	return differ(-ESTALE, read_at(user->readers[0], PIECE, at)) ||
	       differ(0, lseek(user->readers[0], 0, SEEK_SET)) ||
	       go_on(user->readers[0], user->wanted, 0);
}

static int read_once(int line, void *data)
{
	struct users_reader *user = data;

	return differ(0, become(user->uid)) ||
	       go_on(open_text(), user->wanted, 0);
}

TEST(readers_of_all_users)
{
	struct users_reader user = { .uid = USER_B + 1 };
	struct child users[USERS], one_more;
	char *wanted;
	int fd, i;

	ASSERT_EQ(0, server_start("freq_v2", FEW_PARAMETER));
	fd = open_client();
	ASSERT_GE(fd, 0);
	wanted = wanted_text(fd);
	ASSERT_NE(NULL, wanted);
	user.wanted = wanted;
	for (i = 0; i < USERS; i++, user.uid++) {
		ASSERT_EQ(0, child_start(&users[i], read_by_turns, &user));
		ASSERT_EQ(0, line_hear(users[i].line, 'd'));
	}
	ASSERT_EQ(0, child_start(&one_more, read_once, &user));
	ASSERT_EQ(0, child_wait(&one_more));
	ASSERT_EQ(0, line_say(users[0].line, 'r'));
	EXPECT_EQ(0, child_wait(&users[0]));
	free(wanted);
	EXPECT_EQ(0, test_clean());
}

/* ---- While all changes */

FIXTURE(changes) {
	int fd;
	int reader;
	char *text;
	size_t length;
	__u64 random;
	__u64 held[50];
	int nr_held;
	bool touched[FEW];
};

/* Between two pieces, others read, clients allocate, releases change. */
FIXTURE_VARIANT(changes) {
	const char *release;
	const char *other;
	bool own_readers;
};

FIXTURE_VARIANT_ADD(changes, v2) {
	.release = "freq_v2",
};

FIXTURE_VARIANT_ADD(changes, v2_with_own_readers) {
	.release = "freq_v2",
	.own_readers = true,
};

FIXTURE_VARIANT_ADD(changes, v1_and_v2) {
	.release = "freq_v1",
	.other = "freq_v2",
};

FIXTURE_VARIANT_ADD(changes, v2_and_v90) {
	.release = "freq_v2",
	.other = "freq_v90",
};

FIXTURE_SETUP(changes)
{
	ASSERT_EQ(0, server_start(variant->release, LOW_PARAMETER));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	self->reader = open_text();
	ASSERT_GE(self->reader, 0);
	self->text = malloc((FEW + LOW) * 8 + PIECE + 1);
	ASSERT_NE(NULL, self->text);
}

FIXTURE_TEARDOWN(changes)
{
	free(self->text);
	EXPECT_EQ(0, test_clean());
}

/* Of those from FIRST on; -1 if it is none of the pool. */
static long index_of(__u64 frequency)
{
	__u64 index = (frequency - FIRST) / STEP;

	return frequency >= FIRST && index < FEW &&
	       FIRST + index * STEP == frequency ? (long)index : -1;
}

/* One allocates some, gives some back, and so changes the free list. */
static int change_some(int fd, __u64 *held, int *nr_held, int room,
		       bool *touched, __u64 *random)
{
	int count, which;

	for (count = 0; count < 8; count++) {
		if (*nr_held < room && random_below(random, 2)) {
			if (differ(0, try_allocate(fd, 0, &held[*nr_held])))
				return -1;
			if (index_of(held[*nr_held]) >= 0)
				touched[index_of(held[*nr_held])] = true;
			++*nr_held;
		} else if (*nr_held) {
			which = random_below(random, *nr_held);
			if (differ(0, try_deallocate(fd, held[which])))
				return -1;
			held[which] = held[--*nr_held];
		}
	}
	return 0;
}

/* Ascending, of the pool, and with all that nobody has touched. */
static int check_text(const char *text, const bool *touched)
{
	bool *seen = calloc(FEW, sizeof(*seen));
	long long last = -1, number;
	const char *at = text;
	int error = 0;
	char *end;
	int i;

	if (fails(seen))
		return -1;
	for (;;) {
		number = strtoll(at, &end, 10);
		if (fails(end != at) || fails(number > last) ||
		    fails(index_of(number) >= 0 ||
			  (number >= 10 && number < 10 + LOW))) {
			fprintf(stderr, "# at %zu: %.30s\n", at - text, at);
			error = -1;
			break;
		}
		if (index_of(number) >= 0)
			seen[index_of(number)] = true;
		last = number;
		if (*end != ',' && *end != '-')
			break;
		at = end + 1;
	}
	if (!error && fails(!strcmp(end, "\n")))
		error = -1;
	for (i = 0; !error && i < FEW; i++) {
		if (!touched[i] && fails(seen[i])) {
			fprintf(stderr, "# without %d\n", FIRST + STEP * i);
			error = -1;
		}
	}
	free(seen);
	return error;
}

TEST_F_TIMEOUT(changes, text_is_right, 60)
{
	const char *from = variant->release, *to = variant->other;
	bool quiet = false;
	int readers[READERS];
	struct child others;
	int turn = 0;
	ssize_t got;
	int i;

	ASSERT_EQ(0, readers_start(&others));
	for (i = 0; i < READERS; i++)
		readers[i] = open_text();
	do {
		got = read_piece(self->reader, self->text + self->length,
				 PIECE);
		if (got == -ESTALE && variant->own_readers && !quiet) {
			/* There were too many: it begins again, alone. */
			quiet = true;
			self->length = 0;
			got = lseek(self->reader, 0, SEEK_SET);
			ASSERT_EQ(0, got);
			got = 1;
			continue;
		}
		ASSERT_LE(0, got) {
			TH_LOG("at %zu", self->length);
		}
		self->length += got;
		ASSERT_GE((FEW + LOW) * 8, self->length);

		ASSERT_EQ(0, readers_turn(&others));
		for (i = 0; variant->own_readers && !quiet && i < READERS; i++)
			ASSERT_EQ(1, read_at(readers[i], 1, 0));
		ASSERT_EQ(0, change_some(self->fd, self->held, &self->nr_held,
					 ARRAY_SIZE(self->held), self->touched,
					 &self->random));
		if (to && ++turn % 5 == 0) {
			const char *before = from;

			ASSERT_EQ(0, server_upgrade(from, to));
			from = to;
			to = before;
		}
	} while (got);
	self->text[self->length] = '\0';
	EXPECT_EQ(0, check_text(self->text, self->touched));
	TH_LOG("%d upgrades%s", turn / 5, quiet ? ", began again" : "");
}

/* The same text, whichever release goes on with it. */
TEST_F(changes, text_stays)
{
	const char *from = variant->release, *to = variant->other;
	char *wanted = wanted_text(self->fd);
	char room[PIECE];
	off_t at = 0;
	ssize_t got;
	int turn = 0;

	ASSERT_NE(NULL, wanted);
	while ((got = read_piece(self->reader, room, PIECE)) > 0) {
		ASSERT_EQ(0, memcmp(wanted + at, room, got));
		at += got;
		/* And from within the piece, by the next release. */
		if (turn % 2) {
			at -= got / 2;
			ASSERT_EQ(at, lseek(self->reader, at, SEEK_SET));
		}
		if (to && ++turn % 5 == 0) {
			const char *before = from;

			ASSERT_EQ(0, server_upgrade(from, to));
			from = to;
			to = before;
		}
	}
	EXPECT_EQ(0, got);
	EXPECT_EQ(strlen(wanted), at);
	free(wanted);
}

TEST_HARNESS_MAIN
