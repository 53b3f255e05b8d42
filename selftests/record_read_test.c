// SPDX-License-Identifier: GPL-2.0-only
/*
 * read() and poll() of records: sleeping, signals, faults, shared clients,
 * epoll, STOP, and readers that are too late.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "freq_test.h"
#include "sleeper.h"
#include "stream.h"

STREAM_FIXTURE(reader)

/* ---- read() */

/* As many whole records as fit */
TEST_F(reader, read_sizes)
{
	char room[4 * sizeof(struct freq_record)];
	struct freq_record *first = (void *)room;
	size_t size, count, i;

	for (size = 0; size < sizeof(struct freq_record); size++) {
		EXPECT_EQ(-1, read(self->all.fd, room, size));
		EXPECT_EQ(EINVAL, errno);
	}
	test_err_read_records(EAGAIN, self->all.fd);
	for (size = 0; size < sizeof(struct freq_record); size++) {
		test_allocate(self->fd, 10);
		test_deallocate(self->fd, 10);
		EXPECT_EQ(-1, read(self->all.fd, room, size));
		EXPECT_EQ(EINVAL, errno);
	}
	for (; size < sizeof(room); size++) {
		memset(room, 0xa5, sizeof(room));
		count = size / sizeof(*first);
		ASSERT_LE(0, stream_drain(&self->all));
		test_allocate_batch(self->fd, 10, 11, 12, 13);
		ASSERT_EQ(count * sizeof(*first),
			  read(self->all.fd, room, size));
		for (i = 0; i < count; i++)
			EXPECT_EQ(10 + i, first[i].frequency);
		for (i = count * sizeof(*first); i < sizeof(room); i++)
			ASSERT_EQ((char)0xa5, room[i]);
		self->all.last = first[count - 1].sequence;
		test_deallocate_batch(self->fd, 13, 12, 11, 10);
	}
	EXPECT_LT(0, stream_drain(&self->all));
}

TEST_F(reader, read_has_a_limit)
{
	static struct freq_record records[300];
	__u64 list[FREQ_BATCH_MAX];
	int count = 0, got, i;

	ASSERT_EQ(0, try_inject_range(self->fd, 300));
	for (i = 0; i < 200; i++) {
		ASSERT_EQ(0, i % 2 ? try_deallocate(self->fd, 10) :
				     try_allocate_exact(self->fd, 10));
	}
	ASSERT_EQ(0, try_allocate_batch(self->fd, 0, list, 66));
	while (count < 267) {
		got = try_read_records(self->all.fd, &records[count], 300);
		ASSERT_EQ(count < 256 ? READ_MAX : 11, got);
		count += got;
	}
	EXPECT_NO_MORE(&self->all);
	for (i = 0; i < count; i++)
		EXPECT_EQ(0, stream_check(&self->all, &records[i]));
	for (i = 0; i < 66; i++)
		EXPECT_EQ(list[i], records[201 + i].frequency);
}

/* Longer records are padded with zeros. */
TEST_F(reader, record_sizes)
{
	struct freq_subscribe subscribe = { .kinds = ALL_KINDS };
	static char room[5 * FREQ_RECORD_SIZE_MAX];
	struct freq_record want[4];
	__u32 size, i, j;

	for (size = FREQ_RECORD_SIZE_MIN; size <= FREQ_RECORD_SIZE_MAX;
	     size += 8) {
		int reader = open_reader(O_NONBLOCK);

		ASSERT_GE(reader, 0);
		subscribe.record_size = size;
		ASSERT_EQ(0, try_subscribe(reader, &subscribe));
		test_allocate_batch(self->fd, 10, 11, 12);
		test_deallocate_batch(self->fd, 12, 11, 10);
		memset(room, 0xa5, sizeof(room));
		EXPECT_EQ(-1, read(reader, room, size - 1));
		EXPECT_EQ(EINVAL, errno);
		ASSERT_EQ(4 * size, read(reader, room, 5 * size - 1));
		test_read_records(self->all.fd, want, 4);
		for (i = 0; i < 4; i++) {
			EXPECT_EQ(0, stream_check(&self->all, &want[i]));
			EXPECT_EQ(0, memcmp(&want[i], &room[i * size],
					    sizeof(*want)));
			for (j = sizeof(*want); j < size; j++)
				ASSERT_EQ(0, room[i * size + j]);
		}
		for (i = 4 * size; i < sizeof(room); i++)
			ASSERT_EQ((char)0xa5, room[i]);
		EXPECT_EQ(2, stream_drain(&self->all));
		close(reader);
	}
}

/* Sleeps until the next event. */
TEST_F(reader, read_blocks)
{
	int fd = open_subscriber(ALL_KINDS);
	struct sleeper *reader;

	ASSERT_GE(fd, 0);
	reader = READER(fd);
	test_allocate(self->fd, 10);
	EXPECT_READ(reader, ALLOCATED, .frequency = 10);
	reader = READER(fd);
	test_deallocate(self->fd, 10);
	EXPECT_READ(reader, DEALLOCATED, .frequency = 10);
	/* An unread record: no sleep */
	test_allocate(self->fd, 10);
	reader = sleeper_start(call_read, fd);
	ASSERT_NE(NULL, reader);
	EXPECT_READ(reader, ALLOCATED, .frequency = 10);
}

/* Sleeps until there is a record of its kinds. */
TEST_F(reader, read_blocks_for_its_kinds)
{
	int fd = open_subscriber(KIND(INJECTED));
	struct sleeper *reader;
	int i;

	ASSERT_GE(fd, 0);
	reader = READER(fd);
	for (i = 0; i < 100; i++) {
		test_allocate(self->fd, 10);
		test_deallocate(self->fd, 10);
		EXPECT_FALSE(is_done(reader));
	}
	test_inject(self->fd, 77, 78);
	EXPECT_READ(reader, INJECTED, .frequency = 77, .value = 2);
	EXPECT_EQ(201, stream_drain(&self->all));
	EXPECT_EQ(self->all.last, reader->buffer->sequence);
}

/* O_NONBLOCK can be set and cleared later. */
TEST_F(reader, nonblocking)
{
	int fd = open_subscriber(ALL_KINDS);
	struct sleeper *reader;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, fcntl(fd, F_SETFL, O_NONBLOCK));
	test_err_read_records(EAGAIN, fd);
	ASSERT_EQ(0, fcntl(fd, F_SETFL, 0));
	reader = READER(fd);
	test_allocate(self->fd, 10);
	EXPECT_READ(reader, ALLOCATED, .frequency = 10);
}

TEST_F(reader, read_is_interrupted)
{
	int fd = open_subscriber(ALL_KINDS);
	struct sleeper *reader;

	ASSERT_GE(fd, 0);
	reader = READER(fd);
	ASSERT_EQ(0, pthread_kill(reader->thread, SIGUSR1));
	EXPECT_TRUE(ended(reader, -EINTR));
	EXPECT_EQ(1, nr_handled());
	EXPECT_EQ(2, subscriptions_of(self->fd));
	test_allocate(self->fd, 10);
	reader = sleeper_start(call_read, fd);
	ASSERT_NE(NULL, reader);
	EXPECT_READ(reader, ALLOCATED, .frequency = 10);
}

TEST_F(reader, read_is_restarted)
{
	int fd = open_subscriber(ALL_KINDS);
	struct sleeper *reader;

	ASSERT_GE(fd, 0);
	reader = READER(fd);
	ASSERT_EQ(0, pthread_kill(reader->thread, SIGUSR2));
	ASSERT_TRUE(wait_until(nr_handled() == 1 && is_asleep(reader)));
	EXPECT_FALSE(is_done(reader));
	test_allocate(self->fd, 10);
	EXPECT_READ(reader, ALLOCATED, .frequency = 10);
}

/*
 * A signal and a record at about the same time: no record is lost. The delay of
 * the signal is adapted so that either comes first about as often.
 */
TEST_F_TIMEOUT(reader, signal_races, 60)
{
	int fd = open_subscriber(ALL_KINDS);
	int interrupted = 0, turns = 0;
	unsigned long long end, aim = 0;
	struct sleeper *reader;
	struct freq_record next;

	ASSERT_GE(fd, 0);
	while (turns < rounds(200) || !interrupted || interrupted == turns) {
		ASSERT_LT(turns, 5000);
		reader = READER(fd);
		test_allocate(self->fd, 10);
		end = now_us() + aim;
		while (now_us() < end)
			;
		ASSERT_EQ(0, pthread_kill(reader->thread, SIGUSR1));
		ASSERT_TRUE(wait_until(is_done(reader)));
		if (reader->result == -EINTR) {
			ASSERT_TRUE(ended(reader, -EINTR));
			interrupted++;
			aim += 50;
			test_read_records(fd, &next, 1);
		} else {
			ASSERT_TRUE(ended(reader, 1));
			aim -= aim ? 50 : 0;
			next = *reader->buffer;
		}
		EXPECT_EQ(FREQ_RECORD_ALLOCATED, next.kind);
		test_deallocate(self->fd, 10);
		test_read_records(fd, &next, 1);
		EXPECT_EQ(FREQ_RECORD_DEALLOCATED, next.kind);
		turns++;
	}
	EXPECT_EQ(2 * turns, stream_drain(&self->all));
	EXPECT_EQ(self->all.last, next.sequence);
	TH_LOG("%d of %d were interrupted, at %llu us", interrupted, turns,
	       aim);
}

/* Each record is read once. */
TEST_F(reader, two_readers_of_a_client)
{
	int fd = open_subscriber(KIND(ALLOCATED));
	struct sleeper *one, *other;
	__u64 sum = 0;
	int i;

	ASSERT_GE(fd, 0);
	for (i = 0; i < 20; i++) {
		one = READER(fd);
		other = READER(fd);
		test_allocate(self->fd, 10);
		ASSERT_TRUE(wait_until(is_done(one) || is_done(other)));
		EXPECT_FALSE(is_done(one) && is_done(other));
		EXPECT_EQ(1, (is_done(one) ? one : other)->result);
		test_allocate(self->fd, 11);
		EXPECT_TRUE(ended(one, 1));
		EXPECT_TRUE(ended(other, 1));
		EXPECT_EQ(21, one->buffer->frequency +
			      other->buffer->frequency);
		sum += one->buffer->sequence + other->buffer->sequence;
		test_deallocate(self->fd, 11);
		test_deallocate(self->fd, 10);
	}
	for (i = 0; i < 20; i++) {
		sum -= EXPECT_NEXT(&self->all, ALLOCATED,
				   .frequency = 10).sequence;
		sum -= EXPECT_NEXT(&self->all, ALLOCATED,
				   .frequency = 11).sequence;
		EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 11);
		EXPECT_NEXT(&self->all, DEALLOCATED, .frequency = 10);
	}
	EXPECT_EQ(0, sum);
}

/* A batch wakes both. */
TEST_F(reader, two_readers_and_a_batch)
{
	int fd = open_subscriber(KIND(ALLOCATED));
	struct sleeper *one, *other;

	ASSERT_GE(fd, 0);
	one = READER(fd);
	other = READER(fd);
	test_allocate_batch(self->fd, 10, 11, 12);
	EXPECT_TRUE(ended(one, 1));
	EXPECT_TRUE(ended(other, 1));
	EXPECT_EQ(21, one->buffer->frequency + other->buffer->frequency);
	/* The third record is still unread. */
	one = sleeper_start(call_read, fd);
	ASSERT_NE(NULL, one);
	EXPECT_READ(one, ALLOCATED, .frequency = 12);
}

/* The sleeping read() keeps the client open. */
TEST_F(reader, closed_while_it_sleeps)
{
	int fd = open_subscriber(ALL_KINDS);
	struct sleeper *reader;

	ASSERT_GE(fd, 0);
	reader = READER(fd);
	close(fd);
	EXPECT_EQ(2, subscriptions_of(self->fd));
	test_allocate(self->fd, 10);
	EXPECT_READ(reader, ALLOCATED, .frequency = 10);
	EXPECT_TRUE(wait_until(subscriptions_of(self->fd) == 1));
}

/* The subscription ends or is replaced during the sleep. */
TEST_F(reader, changed_while_it_sleeps)
{
	int fd = open_subscriber(KIND(UPGRADED));
	struct sleeper *reader;

	ASSERT_GE(fd, 0);
	reader = READER(fd);
	test_subscribe(fd, 0, 0);
	EXPECT_TRUE(ended(reader, -EINVAL));

	test_subscribe(fd, KIND(UPGRADED), 0);
	reader = READER(fd);
	test_subscribe(fd, KIND(ALLOCATED), 0);
	test_allocate(self->fd, 10);
	EXPECT_READ(reader, ALLOCATED, .frequency = 10);

	/* The new subscription has a record at once. */
	test_subscribe(fd, KIND(UPGRADED), 0);
	reader = READER(fd);
	test_subscribe(fd, KIND(UPGRADED), FREQ_SUBSCRIBE_PRESENT);
	EXPECT_READ(reader, PRESENT_END, .flags = FREQ_RECORD_PRESENT);
}

/* Sleeps in read() until it is killed. */
static int read_in_child(int line, void *data)
{
	struct freq_record record;
	int fd;

	if (syscall(SYS_close_range, line + 1, ~0U, 0))
		return -1;
	fd = open_subscriber(KIND(ALLOCATED));
	if (fails(fd >= 0) || line_say(line, 'a'))
		return -1;
	while (try_read_records(fd, &record, 1) == 1)
		;
	return -1;
}

TEST_F_TIMEOUT(reader, readers_are_killed, 60)
{
	struct child child;
	int i, events = 0;

	for (i = 0; i < rounds(50); i++) {
		ASSERT_EQ(0, child_start(&child, read_in_child, NULL));
		ASSERT_EQ(0, line_hear(child.line, 'a'));
		/* Before, during, and after its sleep */
		if (i % 3)
			ASSERT_TRUE(wait_until(process_state(child.pid) ==
					       'S'));
		EXPECT_EQ(2, subscriptions_of(self->fd));
		if (i % 3 == 2)
			test_allocate(self->fd, 10);
		ASSERT_EQ(128 + SIGKILL, child_kill(&child));
		EXPECT_EQ(1, subscriptions_of(self->fd));
		if (i % 3 == 2) {
			test_deallocate(self->fd, 10);
			events += 2;
		}
	}
	EXPECT_EQ(events, stream_drain(&self->all));
	EXPECT_TRUE(log_silent(self->log));
}

/* EFAULT loses no record. */
TEST_F(reader, buffer_cannot_be_written)
{
	void *bad[] = {
		NULL, page_map(PROT_NONE), page_map(PROT_READ),
		page_straddle(8), page_straddle(sizeof(struct freq_record) - 1),
		page_straddle(3 * sizeof(struct freq_record) - 1),
	};
	struct freq_record records[4];
	size_t i;
	int j;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		/* No record: no fault */
		EXPECT_EQ(-EAGAIN, try_read_records(self->all.fd, bad[i], 3));
		test_allocate(self->fd, 10);
		test_deallocate(self->fd, 10);
		test_inject(self->fd, 50 + i);
		for (j = 0; j < 3; j++)
			EXPECT_EQ(-EFAULT, try_read_records(self->all.fd,
							    bad[i], 3));
		EXPECT_READABLE(self->all.fd);
		ASSERT_EQ(3, try_read_records(self->all.fd, records, 4));
		for (j = 0; j < 3; j++)
			EXPECT_EQ(0, stream_check(&self->all, &records[j]));
		EXPECT_EQ(FREQ_RECORD_ALLOCATED, records[0].kind);
		EXPECT_EQ(FREQ_RECORD_DEALLOCATED, records[1].kind);
		EXPECT_EQ(50 + i, records[2].frequency);
	}
}

/* A reader with a buffer whose page is missing */
static struct sleeper *stuck_reader_start(int fd, struct slow_page *slow)
{
	struct sleeper *reader = sleeper_make(call_read, fd);

	if (!reader || differ(0, slow_page_map(slow)))
		return NULL;
	reader->buffer = slow->page;
	reader->room = READ_MAX / 2;
	return sleeper_create(reader) && !slow_page_wait(slow) ? reader : NULL;
}

/* A reader stuck in a fault blocks nobody, and has consumed nothing. */
TEST_F(reader, reader_is_stuck)
{
	int fd = open_subscriber(KIND(ALLOCATED) | KIND(DEALLOCATED));
	struct freq_record records[3];
	struct sleeper *reader;
	struct slow_page slow;

	ASSERT_GE(fd, 0);
	test_allocate(self->fd, 10);
	test_deallocate(self->fd, 10);
	reader = STILL_ASLEEP(stuck_reader_start(fd, &slow));
	/* Another thread reads the records. */
	test_allocate(self->fd, 10);
	ASSERT_EQ(3, try_read_records(fd, records, 3));
	EXPECT_EQ(0, records[0].lost);
	ASSERT_EQ(0, server_upgrade("freq_v3", "freq_v90"));
	ASSERT_EQ(0, slow_page_deliver(&slow, "", 1));
	ASSERT_TRUE(wait_until(is_asleep(reader)));
	EXPECT_FALSE(is_done(reader));
	test_deallocate(self->fd, 10);
	EXPECT_READ(reader, DEALLOCATED, .frequency = 10);
	EXPECT_EQ(0, reader->buffer->lost);
	EXPECT_EQ(records[2].sequence + 2, reader->buffer->sequence);
}

TEST_F(reader, reader_is_stuck_in_vain)
{
	int fd = open_subscriber(ALL_KINDS);
	struct freq_record records[3];
	struct sleeper *reader;
	struct slow_page slow;

	ASSERT_GE(fd, 0);
	test_allocate(self->fd, 10);
	test_deallocate(self->fd, 10);
	reader = STILL_ASLEEP(stuck_reader_start(fd, &slow));
	test_allocate(self->fd, 10);
	ASSERT_EQ(0, slow_page_refuse(&slow));
	EXPECT_TRUE(ended(reader, -EFAULT));
	ASSERT_EQ(3, try_read_records(fd, records, 3));
	EXPECT_EQ(FREQ_RECORD_ALLOCATED, records[0].kind);
	EXPECT_EQ(records[0].sequence + 2, records[2].sequence);
}

/* The record size changes during the fault: padding is zero all the same. */
TEST_F(reader, reader_is_stuck_with_other_records)
{
	struct freq_subscribe subscribe = {
		.kinds = ALL_KINDS,
		.record_size = 2 * sizeof(struct freq_record),
	};
	static const struct freq_record zero;
	int fd = open_subscriber(ALL_KINDS);
	struct sleeper *reader;
	struct slow_page slow;

	ASSERT_GE(fd, 0);
	test_client_label(self->fd, "label of thirty-two bytes, full.");
	test_allocate_batch(self->fd, 10, 11, 12);
	reader = STILL_ASLEEP(stuck_reader_start(fd, &slow));
	ASSERT_EQ(0, try_subscribe(fd, &subscribe));
	test_allocate(self->fd, 13);
	ASSERT_EQ(0, slow_page_deliver(&slow, "", 1));
	EXPECT_TRUE(ended(reader, 2));
	EXPECT_EQ(13, reader->buffer[0].frequency);
	EXPECT_EQ(0, memcmp(&zero, &reader->buffer[1], sizeof(zero)));
}

/* Events during the fault are among the records. */
TEST_F(reader, reader_is_late_with_its_page)
{
	int fd = open_subscriber(ALL_KINDS);
	struct sleeper *reader;
	struct slow_page slow;

	ASSERT_GE(fd, 0);
	test_allocate(self->fd, 10);
	reader = STILL_ASLEEP(stuck_reader_start(fd, &slow));
	test_allocate(self->fd, 11);
	ASSERT_EQ(0, slow_page_deliver(&slow, "", 1));
	EXPECT_TRUE(ended(reader, 2));
	EXPECT_EQ(10, reader->buffer[0].frequency);
	EXPECT_EQ(11, reader->buffer[1].frequency);
}

/* ---- One client, several processes */

static int read_shared(int line, void *data)
{
	int fd = *(int *)data;
	struct freq_record record;

	return differ(1, try_read_records(fd, &record, 1)) ||
	       differ(11, record.frequency) || line_say(line, 'a') ||
	       line_hear(line, 'b');
}

TEST_F(reader, forked)
{
	struct child child;

	test_allocate_batch(self->fd, 10, 11, 12);
	EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 10);
	ASSERT_EQ(0, child_start(&child, read_shared, &self->all.fd));
	ASSERT_EQ(0, line_hear(child.line, 'a'));
	self->all.last++;
	EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 12);
	EXPECT_EQ(1, subscriptions_of(self->fd));
	/* The child keeps the client open. */
	close(self->all.fd);
	EXPECT_EQ(1, subscriptions_of(self->fd));
	ASSERT_EQ(0, line_say(child.line, 'b'));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(0, subscriptions_of(self->fd));
}

/* Subscribes, and sends its client. */
static int send_client(int line, void *data)
{
	struct freq_record record;
	int fd = open_subscriber(ALL_KINDS);

	return fails(fd >= 0) || line_send_fd(line, fd) ||
	       line_hear(line, 'r') ||
	       differ(1, try_read_records(fd, &record, 1)) ||
	       differ(11, record.frequency) || line_say(line, 'a');
}

TEST_F(reader, descriptor_is_passed)
{
	struct freq_record record;
	struct child child;
	int fd;

	ASSERT_EQ(0, child_start(&child, send_client, NULL));
	fd = line_receive_fd(child.line);
	ASSERT_GE(fd, 0);
	test_allocate_batch(self->fd, 10, 11, 12);
	test_read_records(fd, &record, 1);
	EXPECT_EQ(10, record.frequency);
	ASSERT_EQ(0, line_say(child.line, 'r'));
	ASSERT_EQ(0, line_hear(child.line, 'a'));
	EXPECT_EQ(0, child_wait(&child));
	test_read_records(fd, &record, 1);
	EXPECT_EQ(12, record.frequency);
}

/* A sleeper in another process, by the same client */
static int sleep_shared(int line, void *data)
{
	struct freq_record record;
	int fd = *(int *)data;

	return line_say(line, 'a') ||
	       differ(1, try_read_records(fd, &record, 1)) ||
	       differ(10, record.frequency) ||
	       differ(getppid(), record.pid);
}

TEST_F(reader, forked_sleeper)
{
	int fd = open_subscriber(ALL_KINDS);
	struct child child;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, child_start(&child, sleep_shared, &fd));
	ASSERT_EQ(0, line_hear(child.line, 'a'));
	ASSERT_TRUE(wait_until(process_state(child.pid) == 'S'));
	test_allocate(self->fd, 10);
	EXPECT_EQ(0, child_wait(&child));
	ASSERT_EQ(0, fcntl(fd, F_SETFL, O_NONBLOCK));
	test_err_read_records(EAGAIN, fd);
}

/* uid and pid as seen in the namespaces of the reader */
static int read_in_user_namespace(int line, void *data)
{
	int fd = *(int *)data;
	struct freq_record record;

	return differ(0, unshare(CLONE_NEWUSER)) ||
	       differ(1, try_read_records(fd, &record, 1)) ||
	       differ(10, record.frequency) || differ(65534, record.uid) ||
	       differ(0, line_say(line, 'm')) ||
	       differ(0, line_hear(line, 'm')) ||
	       differ(1, try_read_records(fd, &record, 1)) ||
	       differ(11, record.frequency) || differ(77, record.uid);
}

TEST_F(reader, uid_in_user_namespace)
{
	int other = open_client_as(USER_A);
	struct child child;
	char path[64];

	ASSERT_GE(other, 0);
	test_allocate_batch(other, 10, 11, 12);
	ASSERT_EQ(0, child_start(&child, read_in_user_namespace,
				 &self->all.fd));
	ASSERT_EQ(0, line_hear(child.line, 'm'));
	snprintf(path, sizeof(path), "/proc/%d/uid_map", child.pid);
	ASSERT_EQ(0, write_text(path, "77 1000 1\n"));
	ASSERT_EQ(0, line_say(child.line, 'm'));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 12, .uid = USER_A);
}

static int read_in_pid_namespace(int line, void *data)
{
	struct freq_record records[2];
	int *fds = data;
	int own = open_client();

	return differ(1, getpid()) || fails(own >= 0) ||
	       differ(0, try_allocate_exact(own, 15)) ||
	       differ(2, try_read_records(fds[0], records, 2)) ||
	       differ(10, records[0].frequency) || differ(0, records[0].pid) ||
	       differ(15, records[1].frequency) || differ(1, records[1].pid) ||
	       line_say(line, 'a') || line_hear(line, 'b');
}

static int enter_pid_namespace(int line, void *data)
{
	return child_in_pid_namespace(line, read_in_pid_namespace, data);
}

TEST_F(reader, pid_in_pid_namespace)
{
	struct stream other;
	struct child child;
	pid_t inside;

	START_STREAM(&other, ALL_KINDS, 0);
	test_allocate(self->fd, 10);
	ASSERT_EQ(0, child_start(&child, enter_pid_namespace,
				 &self->all.fd));
	ASSERT_EQ(sizeof(inside), read(child.line, &inside, sizeof(inside)));
	EXPECT_NEXT(&other, ALLOCATED, .frequency = 10);
	EXPECT_NEXT(&other, ALLOCATED, .frequency = 15, .pid = inside);
	ASSERT_EQ(0, line_say(child.line, 'b'));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_NEXT(&other, DEALLOCATED, .frequency = 15, .pid = inside,
		    .flags = FREQ_RECORD_CLOSED);
	EXPECT_NO_MORE(&other);
}

/* ---- poll() */

TEST_F(reader, poll)
{
	int other = open_client();
	struct freq_record record;

	ASSERT_GE(other, 0);
	EXPECT_QUIET(self->all.fd);
	test_allocate(self->fd, 10);
	EXPECT_READABLE(self->all.fd);
	EXPECT_READABLE(self->all.fd);
	test_deallocate(self->fd, 10);
	test_read_records(self->all.fd, &record, 1);
	EXPECT_READABLE(self->all.fd);
	test_read_records(self->all.fd, &record, 1);
	EXPECT_QUIET(self->all.fd);
	/* Without a subscription, read() fails at once. */
	EXPECT_READABLE(other);
	EXPECT_READABLE(self->fd);
	test_subscribe(other, KIND(INJECTED), 0);
	test_allocate(self->fd, 10);
	EXPECT_QUIET(other);
	test_inject(self->fd, 60);
	EXPECT_READABLE(other);
	EXPECT_TRUE(log_silent(self->log));
}

TEST_F(reader, poll_is_woken)
{
	int fd = open_subscriber(KIND(DEALLOCATED));
	struct sleeper *one, *other;
	int i;

	ASSERT_GE(fd, 0);
	for (i = 0; i < 20; i++) {
		one = POLLER(fd);
		other = POLLER(fd);
		test_allocate(self->fd, 10);
		EXPECT_FALSE(is_done(one));
		test_deallocate(self->fd, 10);
		EXPECT_TRUE(ended(one, POLLIN));
		EXPECT_TRUE(ended(other, POLLIN));
		EXPECT_EQ(1, try_read_records(fd, one->buffer, 4));
	}
}

/* read() and poll() at the same time, of the same client */
TEST_F(reader, poll_and_read)
{
	int fd = open_subscriber(ALL_KINDS);
	struct sleeper *reader, *poller;

	ASSERT_GE(fd, 0);
	reader = READER(fd);
	poller = POLLER(fd);
	test_allocate_batch(self->fd, 10, 11);
	EXPECT_READ(reader, ALLOCATED, .frequency = 10);
	EXPECT_TRUE(ended(poller, POLLIN));
	EXPECT_READABLE(fd);
	test_read_records(fd, poller->buffer, 1);
	EXPECT_QUIET(fd);
	/* The same without a reader */
	poller = POLLER(fd);
	test_allocate(self->fd, 12);
	EXPECT_TRUE(ended(poller, POLLIN));
	test_read_records(fd, poller->buffer, 1);
	EXPECT_EQ(12, poller->buffer->frequency);
}

/* The subscription is replaced or ends while poll() sleeps. */
TEST_F(reader, poll_and_subscribe)
{
	int fd = open_subscriber(KIND(UPGRADED));
	struct sleeper *poller;

	ASSERT_GE(fd, 0);
	poller = POLLER(fd);
	test_subscribe(fd, KIND(ALLOCATED), 0);
	EXPECT_FALSE(is_done(poller));
	test_allocate(self->fd, 10);
	EXPECT_TRUE(ended(poller, POLLIN));

	test_subscribe(fd, KIND(INJECTED), 0);
	poller = POLLER(fd);
	test_subscribe(fd, KIND(INJECTED), FREQ_SUBSCRIBE_PRESENT);
	EXPECT_TRUE(ended(poller, POLLIN));

	test_subscribe(fd, KIND(INJECTED), 0);
	poller = POLLER(fd);
	test_subscribe(fd, 0, 0);
	EXPECT_TRUE(ended(poller, POLLIN));
	test_err_read_records(EINVAL, fd);
}

static int epoll_add(int epoll, int fd, __u32 events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int epoll_next(int epoll, int timeout)
{
	struct epoll_event event;
	int count = epoll_wait(epoll, &event, 1, timeout);

	return count < 0 ? -errno : count ? event.data.fd : 0;
}

/* An edge for each event after EAGAIN */
TEST_F(reader, epoll_edge)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int i;

	ASSERT_GE(epoll, 0);
	ASSERT_EQ(0, epoll_add(epoll, self->all.fd, EPOLLIN | EPOLLET));
	EXPECT_EQ(0, epoll_next(epoll, 0));
	for (i = 0; i < 20; i++) {
		test_allocate_batch(self->fd, 10, 11, 12);
		ASSERT_EQ(self->all.fd, epoll_next(epoll, DEADLINE_MS)) {
			TH_LOG("turn %d", i);
		}
		EXPECT_EQ(3, stream_drain(&self->all));
		test_deallocate_batch(self->fd, 12, 11, 10);
		ASSERT_EQ(self->all.fd, epoll_next(epoll, DEADLINE_MS));
		EXPECT_EQ(3, stream_drain(&self->all));
	}
}

/* And after a short read(), see epoll(7) */
TEST_F(reader, epoll_edge_after_a_short_read)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct freq_record records[8];
	int i;

	ASSERT_GE(epoll, 0);
	ASSERT_EQ(0, epoll_add(epoll, self->all.fd, EPOLLIN | EPOLLET));
	EXPECT_EQ(0, epoll_next(epoll, 0));
	for (i = 0; i < 20; i++) {
		test_allocate_batch(self->fd, 10, 11, 12);
		ASSERT_EQ(self->all.fd, epoll_next(epoll, DEADLINE_MS)) {
			TH_LOG("turn %d", i);
		}
		ASSERT_EQ(3, try_read_records(self->all.fd, records, 8));
		test_deallocate_batch(self->fd, 12, 11, 10);
		ASSERT_EQ(self->all.fd, epoll_next(epoll, DEADLINE_MS)) {
			TH_LOG("turn %d", i);
		}
		ASSERT_EQ(3, try_read_records(self->all.fd, records, 8));
	}
}

/* And for the first record after SUBSCRIBE */
TEST_F(reader, epoll_edge_after_subscribing)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int fd = open_client();

	ASSERT_GE(epoll, 0);
	ASSERT_GE(fd, 0);
	/* Without a subscription: readable */
	ASSERT_EQ(0, epoll_add(epoll, fd, EPOLLIN | EPOLLET));
	EXPECT_EQ(fd, epoll_next(epoll, DEADLINE_MS));
	test_subscribe(fd, KIND(ALLOCATED), 0);
	test_allocate(self->fd, 10);
	ASSERT_EQ(fd, epoll_next(epoll, DEADLINE_MS));
	/* Replaced, with an unread record */
	test_subscribe(fd, KIND(ALLOCATED), 0);
	test_allocate(self->fd, 11);
	ASSERT_EQ(fd, epoll_next(epoll, DEADLINE_MS));
	test_subscribe(fd, KIND(ALLOCATED), FREQ_SUBSCRIBE_PRESENT);
	ASSERT_EQ(fd, epoll_next(epoll, DEADLINE_MS));
}

TEST_F(reader, epoll_level)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct freq_record record;
	struct stream other;
	int i;

	ASSERT_GE(epoll, 0);
	START_STREAM(&other, KIND(DEALLOCATED), 0);
	ASSERT_EQ(0, epoll_add(epoll, other.fd, EPOLLIN));
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(0, epoll_next(epoll, 0));
		test_allocate_batch(self->fd, 10, 11);
		EXPECT_EQ(0, epoll_next(epoll, 0));
		test_deallocate_batch(self->fd, 11, 10);
		ASSERT_EQ(other.fd, epoll_next(epoll, DEADLINE_MS));
		ASSERT_EQ(other.fd, epoll_next(epoll, 0));
		test_read_records(other.fd, &record, 1);
		ASSERT_EQ(other.fd, epoll_next(epoll, 0));
		test_read_records(other.fd, &record, 1);
	}
	ASSERT_EQ(0, epoll_add(epoll, self->all.fd, EPOLLIN | EPOLLONESHOT));
	ASSERT_EQ(self->all.fd, epoll_next(epoll, DEADLINE_MS));
	EXPECT_EQ(0, epoll_next(epoll, 0));
}

/* ---- STOP */

/* Subscriptions do not veto STOP, which ends them. */
TEST_F(reader, stop)
{
	int fd = open_subscriber(KIND(UPGRADED));
	struct sleeper *reader, *poller;
	int other = open_client();
	__u64 last;

	ASSERT_GE(fd, 0);
	ASSERT_GE(other, 0);
	test_inject(self->fd, 90);
	EXPECT_NEXT(&self->all, INJECTED, .frequency = 90, .value = 1);
	/* STOP drops unread records. */
	test_inject(self->fd, 91);
	reader = READER(fd);
	poller = POLLER(fd);
	test_stop(self->fd);
	EXPECT_TRUE(ended(reader, -ENODEV));
	EXPECT_TRUE(ended(poller, POLLIN));
	test_err_read_records(ENODEV, fd);
	test_err_read_records(ENODEV, self->all.fd);
	test_err_read_records(ENODEV, other);
	EXPECT_READABLE(fd);
	EXPECT_READABLE(self->all.fd);
	EXPECT_READABLE(other);
	test_err_subscribe(ENODEV, fd, ALL_KINDS, 0);
	test_err_subscribe(ENODEV, fd, 1 << 9, 1 << 9);

	/* The next server has no subscriptions. */
	ASSERT_EQ(0, module_unload("freq_v3"));
	ASSERT_EQ(0, module_load("freq_v3", NULL));
	test_err_read_records(EINVAL, fd);
	test_err_read_records(EINVAL, self->all.fd);
	EXPECT_EQ(0, subscriptions_of(self->fd));
	test_subscribe(self->all.fd, ALL_KINDS, 0);
	last = self->all.last;
	self->all.last = 0;
	test_allocate(self->fd, 10);
	EXPECT_LT(last, EXPECT_NEXT(&self->all, ALLOCATED,
				    .frequency = 10).sequence);
	EXPECT_TRUE(log_silent(self->log));
}

/* The door alone */
TEST(no_release_yet)
{
	struct freq_record record;
	int fd;

	ASSERT_EQ(0, server_clean());
	ASSERT_EQ(0, module_load("freq", NULL));
	fd = open_client();
	ASSERT_GE(fd, 0);
	test_err_read_records(ENODEV, fd);
	EXPECT_EQ(-1, read(fd, &record, 0));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_READABLE(fd);
	test_err_subscribe(ENODEV, fd, ALL_KINDS, 0);
	ASSERT_EQ(0, module_load("freq_v3", NULL));
	test_err_read_records(EINVAL, fd);
	test_subscribe(fd, ALL_KINDS, 0);
	EXPECT_EQ(0, test_clean());
}

/* STOP by a subscriber, in other releases */
TEST_F(reader, stop_by_a_subscriber)
{
	static const char * const releases[] = { "freq_v1", "freq_v90" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(releases); i++) {
		struct sleeper *reader, *poller;
		int fd = open_client();

		ASSERT_GE(fd, 0);
		test_subscribe(fd, KIND(ALLOCATED), 0);
		reader = READER(fd);
		poller = POLLER(fd);
		ASSERT_EQ(0, server_upgrade("freq_v3", releases[i]));
		test_stop(fd);
		EXPECT_TRUE(ended(reader, -ENODEV));
		EXPECT_TRUE(ended(poller, POLLIN));
		EXPECT_READABLE(fd);
		close(fd);
		ASSERT_EQ(0, module_unload(releases[i]));
		ASSERT_EQ(0, module_load("freq_v3", NULL));
		EXPECT_EQ(0, subscriptions_of(self->fd));
	}
}

/* An edge for STOP */
TEST_F(reader, stop_and_epoll)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_GE(epoll, 0);
	ASSERT_EQ(0, epoll_add(epoll, self->all.fd, EPOLLIN | EPOLLET));
	EXPECT_EQ(0, epoll_next(epoll, 0));
	test_stop(self->fd);
	EXPECT_EQ(self->all.fd, epoll_next(epoll, DEADLINE_MS));
}

/* ---- Readers that are too late */

/* Capacity of the log, in records of single frequencies */
#define LOG_RECORDS	43000
#define LOG_SLACK	1500

static int change(int fd, int times)
{
	__u64 frequency;

	while (times--) {
		if (differ(0, try_allocate(fd, 0, &frequency)) ||
		    differ(0, try_deallocate(fd, frequency)))
			return -1;
	}
	return 0;
}

/* Lost and read records add up to all records. */
TEST_F_TIMEOUT(reader, too_late, 60)
{
	static struct freq_record records[READ_MAX];
	const int changes = rounds(60000) < 30000 ? 30000 : rounds(60000);
	__u64 lost = 0, seen = 0;
	struct stream filtered;
	int count, i;

	START_STREAM(&filtered, KIND(DEALLOCATED), 0);
	/* The cursor has moved before. */
	ASSERT_EQ(0, change(self->fd, 1));
	EXPECT_NEXT(&self->all, ALLOCATED, .frequency = 10);
	ASSERT_EQ(0, change(self->fd, changes));
	EXPECT_READABLE(self->all.fd);
	while ((count = try_read_records(self->all.fd, records,
					 READ_MAX)) > 0) {
		for (i = 0; i < count; i++) {
			ASSERT_EQ(0, stream_check(&self->all, &records[i]));
			/* Only the first record reports a loss. */
			if (seen + i)
				ASSERT_EQ(0, records[i].lost);
			lost += records[i].lost;
		}
		seen += count;
	}
	EXPECT_EQ(-EAGAIN, count);
	EXPECT_EQ(2 * changes + 1, lost + seen);
	EXPECT_LT(LOG_RECORDS - LOG_SLACK, seen);
	EXPECT_GT(LOG_RECORDS + LOG_SLACK, seen);

	/*
	 * Lost records count whether they pass the filter or not. The kernel may
	 * have skipped the first one in time.
	 */
	test_read_records(filtered.fd, records, 1);
	EXPECT_LE(lost, records[0].lost);
	EXPECT_GE(lost + 1, records[0].lost);
	EXPECT_EQ(FREQ_RECORD_DEALLOCATED, records[0].kind);
	EXPECT_GE(self->all.last - seen + 2, records[0].sequence);
	EXPECT_LE(seen / 2 - 1, stream_drain(&filtered));
	EXPECT_EQ(self->all.last, filtered.last);

	/* No further loss */
	ASSERT_EQ(0, change(self->fd, 100));
	EXPECT_EQ(0, EXPECT_NEXT(&self->all, ALLOCATED,
				 .frequency = 10).lost);
	EXPECT_EQ(199, stream_drain(&self->all));
	EXPECT_EQ(100, stream_drain(&filtered));
	EXPECT_TRUE(log_silent(self->log));
}

/* Including batches that were read in part */
TEST_F_TIMEOUT(reader, too_late_for_batches, 60)
{
	static struct freq_record records[READ_MAX];
	__u64 list[FREQ_BATCH_MAX], seed = 7, all = 0, lost = 0, seen = 0;
	int count, turn, i;

	ASSERT_EQ(0, try_inject_range(self->fd, 300));
	EXPECT_EQ(1, stream_drain(&self->all));
	for (turn = 0; turn < 2200; turn++) {
		count = 1 + random_below(&seed, FREQ_BATCH_MAX);
		ASSERT_EQ(0, try_allocate_batch(self->fd, 0, list, count));
		ASSERT_EQ(0, try_deallocate_batch(self->fd, list, count,
						  NULL));
		all += 2 * count;
		if (turn % 700)
			continue;
		/* Usually ends within a batch. */
		count = try_read_records(self->all.fd, records,
					 1 + turn / 100);
		ASSERT_LT(0, count);
		for (i = 0; i < count; i++) {
			ASSERT_EQ(0, stream_check(&self->all, &records[i]));
			lost += records[i].lost;
		}
		seen += count;
	}
	while ((count = try_read_records(self->all.fd, records,
					 READ_MAX)) > 0) {
		for (i = 0; i < count; i++) {
			ASSERT_EQ(0, stream_check(&self->all, &records[i]));
			lost += records[i].lost;
		}
		seen += count;
	}
	EXPECT_LT(0, lost);
	EXPECT_EQ(all, lost + seen);
}

/* A sleeper whose filter skips all records but the last */
TEST_F_TIMEOUT(reader, too_late_in_sleep, 60)
{
	int fd = open_subscriber(KIND(INJECTED));
	struct sleeper *reader;

	ASSERT_GE(fd, 0);
	reader = READER(fd);
	ASSERT_EQ(0, change(self->fd, 30000));
	EXPECT_FALSE(is_done(reader));
	test_inject(self->fd, 80);
	EXPECT_TRUE(ended(reader, 1));
	EXPECT_EQ(80, reader->buffer->frequency);
	EXPECT_GE(60000, reader->buffer->lost);
	/* Skipped records are not lost. */
	ASSERT_EQ(0, change(self->fd, 10));
	test_inject(self->fd, 81);
	EXPECT_EQ(1, try_read_records(fd, reader->buffer, 1));
	EXPECT_EQ(81, reader->buffer->frequency);
	EXPECT_EQ(0, reader->buffer->lost);
}

/* The present is complete; the first record after it reports the loss. */
TEST_F_TIMEOUT(reader, too_late_for_present, 60)
{
	struct freq_record record;
	struct stream stream;
	__u64 first;
	int count;

	test_allocate(self->fd, 10);
	test_allocate(self->fd, 11);
	EXPECT_EQ(2, stream_drain(&self->all));
	first = self->all.last;
	START_STREAM(&stream, ALL_KINDS, FREQ_SUBSCRIBE_PRESENT);
	EXPECT_LISTED(&stream, .frequency = 10, .flags = FREQ_RECORD_PRESENT);
	ASSERT_EQ(0, change(self->fd, 30000));
	EXPECT_EQ(first + 60000,
		  EXPECT_LISTED(&stream, .frequency = 11,
				.flags = FREQ_RECORD_PRESENT).sequence);
	EXPECT_EQ(first + 60000, EXPECT_END(&stream).sequence);
	stream.last = first;
	test_read_records(stream.fd, &record, 1);
	EXPECT_LT(0, record.lost);
	EXPECT_EQ(0, stream_check(&stream, &record));
	count = stream_drain(&stream);
	EXPECT_EQ(60000, record.lost + 1 + count);
}

TEST_HARNESS_MAIN
