// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ownership and its end: a client is an open file description,
 * and what it holds is given back with its last descriptor, however many
 * processes and threads had one and whatever ended them. KEEP is the
 * exception.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "../kselftest_harness.h"
#include "freq_test.h"

FIXTURE(owner) {
	int fd;		/* a client that only looks */
};

FIXTURE_VARIANT(owner) {
	const char *release;
};

RELEASE_VARIANT(owner, v1);
RELEASE_VARIANT(owner, v2);
RELEASE_VARIANT(owner, v3);

FIXTURE_SETUP(owner)
{
	ASSERT_EQ(0, server_start(variant->release, NULL));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(owner)
{
	EXPECT_EQ(0, test_clean());
}

static bool look(int fd, __u64 frequency, struct freq_entry *entry)
{
	const struct freq_entry *found;
	struct listing listing;

	if (listing_take(&listing, fd, 0, FREQ_LIST_MAX))
		return false;
	listing_sort(&listing);
	found = listing_find(&listing, frequency);
	if (found)
		*entry = *found;
	listing_free(&listing);
	return found;
}

static bool is_allocated(int fd, __u64 frequency)
{
	struct freq_entry entry;

	return look(fd, frequency, &entry) &&
	       entry.flags & FREQ_ENTRY_ALLOCATED;
}

#define EXPECT_ENTRY(fd, frequency_, flags_, uid_, pid_) ({		\
	struct freq_entry __entry = {};					\
									\
	EXPECT_TRUE(look(fd, frequency_, &__entry));			\
	EXPECT_EQ((__u32)(flags_), __entry.flags);			\
	EXPECT_EQ((__u32)(uid_), __entry.uid);				\
	EXPECT_EQ((__s32)(pid_), __entry.pid);				\
	EXPECT_EQ(0, __entry.pad);					\
})

#define EXPECT_FREE(frequency)						\
	EXPECT_ENTRY(self->fd, frequency, 0, 0, 0)

#define HELD	FREQ_ENTRY_ALLOCATED
#define KEPT	(FREQ_ENTRY_ALLOCATED | FREQ_ENTRY_KEEP)
#define MINE	FREQ_ENTRY_MINE

TEST_F(owner, each_open_is_a_client)
{
	struct freq_info info;
	int other = open_client();

	ASSERT_GE(other, 0);
	test_info(self->fd, &info);
	EXPECT_EQ(2, info.clients);
	test_allocate(self->fd, 10);
	test_err_deallocate(EPERM, other, 10);
	EXPECT_ENTRY(self->fd, 10, HELD | MINE, getuid(), getpid());
	EXPECT_ENTRY(other, 10, HELD, getuid(), getpid());
	close(other);
	EXPECT_TRUE(is_allocated(self->fd, 10));
	test_info(self->fd, &info);
	EXPECT_EQ(1, info.clients);
	test_deallocate(self->fd, 10);
}

TEST_F(owner, close_gives_back)
{
	int other = open_client();

	ASSERT_GE(other, 0);
	test_allocate(other, 10);
	test_allocate(other, 11);
	close(other);
	EXPECT_FREE(10);
	EXPECT_FREE(11);
	EXPECT_TRUE(sysfs_is("allocated", "\n"));
	EXPECT_TRUE(sysfs_is("free", "10-15\n"));
}

TEST_F(owner, dup_is_the_same_client)
{
	struct freq_info info;
	int other = open_client();
	int again;

	ASSERT_GE(other, 0);
	test_allocate(other, 10);
	again = dup(other);
	ASSERT_GE(again, 0);
	test_info(self->fd, &info);
	EXPECT_EQ(2, info.clients);
	EXPECT_ENTRY(again, 10, HELD | MINE, getuid(), getpid());

	close(other);
	EXPECT_TRUE(is_allocated(self->fd, 10));
	test_allocate(again, 11);
	test_deallocate(again, 10);
	close(again);
	EXPECT_FREE(10);
	EXPECT_FREE(11);
}

/* A mapping is refused, so nothing else can hold the description. */
TEST_F(owner, no_mapping)
{
	EXPECT_EQ(MAP_FAILED, mmap(NULL, page_size(), PROT_READ, MAP_SHARED,
				   self->fd, 0));
}

/* Shares the description with its parent, and works on it. */
static int use_inherited(int line, void *data)
{
	int fd = *(int *)data;
	struct freq_entry entry;
	__u64 frequency;

	if (differ(0, try_deallocate(fd, 10)) ||
	    differ(0, try_allocate(fd, 0, &frequency)) ||
	    differ(10, frequency) ||
	    differ(0, try_allocate(fd, 0, &frequency)) ||
	    differ(11, frequency) ||
	    fails(look(fd, 11, &entry)) ||
	    differ(HELD | MINE, entry.flags) ||
	    /* That of the process that opened it, not of this one. */
	    differ(getppid(), entry.pid))
		return -1;
	return line_say(line, 'a') || line_hear(line, 'b');
}

TEST_F(owner, fork_shares_the_client)
{
	int other = open_client();
	struct child child;

	ASSERT_GE(other, 0);
	test_allocate(other, 10);
	ASSERT_EQ(0, child_start(&child, use_inherited, &other));
	ASSERT_EQ(0, line_hear(child.line, 'a'));
	test_deallocate(other, 11);
	test_allocate(other, 11);

	/* The child has it still. */
	close(other);
	EXPECT_TRUE(is_allocated(self->fd, 10));
	EXPECT_TRUE(is_allocated(self->fd, 11));
	ASSERT_EQ(0, line_say(child.line, 'b'));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_FREE(10);
	EXPECT_FREE(11);
}

static int open_and_pass(int line, void *data)
{
	__u64 frequency;
	int fd = open_client();

	if (fails(fd >= 0) || differ(0, try_allocate(fd, 0, &frequency)))
		return -1;
	return line_send_fd(line, fd) || line_hear(line, 'b');
}

/* Its number may be another process's by and by. */
TEST_F(owner, pid_of_an_ended_process)
{
	struct child child;
	int fd;

	ASSERT_EQ(0, child_start(&child, open_and_pass, NULL));
	fd = line_receive_fd(child.line);
	ASSERT_GE(fd, 0);
	EXPECT_ENTRY(fd, 10, HELD | MINE, getuid(), child.pid);
	ASSERT_EQ(0, line_say(child.line, 'b'));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_ENTRY(fd, 10, HELD | MINE, getuid(), 0);
	close(fd);
	EXPECT_FREE(10);
}

/* The child's end does not take anything from the parent. */
TEST_F(owner, fork_outlived_by_the_parent)
{
	int other = open_client();
	struct child child;

	ASSERT_GE(other, 0);
	test_allocate(other, 10);
	ASSERT_EQ(0, child_start(&child, use_inherited, &other));
	ASSERT_EQ(0, line_hear(child.line, 'a'));
	EXPECT_EQ(128 + SIGKILL, child_kill(&child));
	EXPECT_ENTRY(other, 10, HELD | MINE, getuid(), getpid());
	EXPECT_ENTRY(other, 11, HELD | MINE, getuid(), getpid());
	close(other);
	EXPECT_FREE(10);
}

/* A client of its own: one held, one kept; then it waits to be killed. */
static int hold(int line, void *data)
{
	__u64 frequency;
	int fd;

	if (data && differ(0, become(*(uid_t *)data)))
		return -1;
	fd = open_client();
	if (fails(fd >= 0) ||
	    differ(0, try_allocate(fd, 0, &frequency)) ||
	    differ(10, frequency) ||
	    differ(0, try_allocate(fd, FREQ_ALLOCATE_KEEP, &frequency)) ||
	    differ(11, frequency))
		return -1;
	return line_say(line, 'a') || line_hear(line, 'b');
}

TEST_F(owner, kill_gives_back)
{
	struct child child;

	ASSERT_EQ(0, child_start(&child, hold, NULL));
	ASSERT_EQ(0, line_hear(child.line, 'a'));
	EXPECT_ENTRY(self->fd, 10, HELD, getuid(), child.pid);
	EXPECT_ENTRY(self->fd, 11, KEPT, getuid(), child.pid);
	EXPECT_EQ(128 + SIGKILL, child_kill(&child));
	EXPECT_FREE(10);
	EXPECT_ENTRY(self->fd, 11, KEPT, getuid(), 0);
	test_deallocate(self->fd, 11);
	EXPECT_FREE(11);
}

TEST_F(owner, exit_gives_back)
{
	struct child child;

	ASSERT_EQ(0, child_start(&child, hold, NULL));
	ASSERT_EQ(0, line_hear(child.line, 'a'));
	ASSERT_EQ(0, line_say(child.line, 'b'));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_FREE(10);
	EXPECT_ENTRY(self->fd, 11, KEPT, getuid(), 0);
}

/* A descriptor that was opened here, handed to another process. */
static int receive(int line, void *data)
{
	int fd = line_receive_fd(line);
	__u64 frequency;

	if (fails(fd >= 0) ||
	    differ(0, try_allocate(fd, 0, &frequency)) ||
	    differ(11, frequency) ||
	    differ(0, try_deallocate(fd, 10)) ||
	    differ(0, try_allocate(fd, 0, &frequency)) ||
	    differ(10, frequency))
		return -1;
	return line_say(line, 'a') || line_hear(line, 'b');
}

TEST_F(owner, passed_descriptor)
{
	struct child child;
	int other;

	ASSERT_EQ(0, child_start(&child, receive, NULL));
	other = open_client();
	ASSERT_GE(other, 0);
	test_allocate(other, 10);
	ASSERT_EQ(0, line_send_fd(child.line, other));
	close(other);
	ASSERT_EQ(0, line_hear(child.line, 'a'));
	EXPECT_ENTRY(self->fd, 10, HELD, getuid(), getpid());
	EXPECT_ENTRY(self->fd, 11, HELD, getuid(), getpid());
	ASSERT_EQ(0, line_say(child.line, 'b'));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_FREE(10);
	EXPECT_FREE(11);
}

/* No process has it, the socket's queue does. */
TEST_F(owner, descriptor_in_flight)
{
	int ends[2];
	int other = open_client();

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	test_allocate(other, 10);
	ASSERT_EQ(0, line_send_fd(ends[0], other));
	close(other);
	EXPECT_ENTRY(self->fd, 10, HELD, getuid(), getpid());
	other = line_receive_fd(ends[1]);
	ASSERT_GE(other, 0);
	EXPECT_ENTRY(other, 10, HELD | MINE, getuid(), getpid());

	/* Sent again, and never received. */
	ASSERT_EQ(0, line_send_fd(ends[0], other));
	close(other);
	EXPECT_TRUE(is_allocated(self->fd, 10));
	close(ends[0]);
	close(ends[1]);
	EXPECT_TRUE(wait_until(!is_allocated(self->fd, 10)));
	EXPECT_FREE(10);
}

/* The one opened without O_CLOEXEC stays open in the program executed. */
static int execute(int line, void *data)
{
	int gone = open_client();
	int stays = open(DEVICE, O_RDWR);
	__u64 frequency;

	if (fails(gone >= 0) || fails(stays >= 0) ||
	    differ(0, try_allocate(gone, 0, &frequency)) ||
	    differ(10, frequency) ||
	    differ(0, try_allocate(stays, 0, &frequency)) ||
	    differ(11, frequency))
		return -1;
	dup2(line, STDIN_FILENO);
	dup2(line, STDOUT_FILENO);
	/* Says what it hears, so that we know that it runs. */
	execlp("cat", "cat", NULL);
	return -1;
}

TEST_F(owner, exec)
{
	struct child child;

	ASSERT_EQ(0, child_start(&child, execute, NULL));
	ASSERT_EQ(0, line_say(child.line, 'x'));
	ASSERT_EQ(0, line_hear(child.line, 'x'));
	EXPECT_FREE(10);
	EXPECT_ENTRY(self->fd, 11, HELD, getuid(), child.pid);
	EXPECT_EQ(128 + SIGKILL, child_kill(&child));
	EXPECT_FREE(11);
}

TEST_F(owner, keep_outlives_the_client)
{
	int other = open_client();

	ASSERT_GE(other, 0);
	test_keep(other, 10);
	EXPECT_ENTRY(other, 10, KEPT | MINE, getuid(), getpid());
	EXPECT_ENTRY(self->fd, 10, KEPT, getuid(), getpid());
	close(other);
	EXPECT_ENTRY(self->fd, 10, KEPT, getuid(), 0);
	EXPECT_TRUE(sysfs_is("allocated", "10\n"));
	test_deallocate(self->fd, 10);
	EXPECT_FREE(10);
	test_err_deallocate(ENOENT, self->fd, 10);
}

/* Another client of the same user may, also while the holder is open. */
TEST_F(owner, keep_deallocated_by_another_client)
{
	int other = open_client();

	ASSERT_GE(other, 0);
	test_keep(other, 10);
	test_deallocate(self->fd, 10);
	test_err_deallocate(ENOENT, other, 10);
	test_allocate(self->fd, 10);
	close(other);
	EXPECT_ENTRY(self->fd, 10, HELD | MINE, getuid(), getpid());
}

/* All of them kept, and the holder away: the server is full for good. */
TEST_F(owner, keep_all)
{
	int other = open_client();
	__u64 i;

	ASSERT_GE(other, 0);
	for (i = 10; i <= 15; i++)
		test_keep(other, i);
	close(other);
	test_err_allocate(ENOSPC, self->fd);
	test_err_stop(EBUSY, self->fd);
	for (i = 10; i <= 15; i++)
		test_deallocate(self->fd, i);
	EXPECT_TRUE(sysfs_is("free", "10-15\n"));
}

static const uid_t user_a = USER_A;

/* What a user other than the holder may not, and the same user may. */
static int be_other_user(int line, void *data)
{
	int fd;

	if (differ(0, become(USER_B)))
		return -1;
	fd = open_client();
	return fails(fd >= 0) ||
	       differ(-EPERM, try_deallocate(fd, 10)) ||
	       differ(-EPERM, try_deallocate(fd, 11));
}

static int be_same_user(int line, void *data)
{
	int fd;

	if (differ(0, become(USER_A)))
		return -1;
	fd = open_client();
	return fails(fd >= 0) ||
	       differ(-EPERM, try_deallocate(fd, 10)) ||
	       differ(0, try_deallocate(fd, 11));
}

TEST_F(owner, other_user_is_refused)
{
	struct child holder, child;

	ASSERT_EQ(0, child_start(&holder, hold, (void *)&user_a));
	ASSERT_EQ(0, line_hear(holder.line, 'a'));
	EXPECT_ENTRY(self->fd, 10, HELD, USER_A, holder.pid);
	EXPECT_ENTRY(self->fd, 11, KEPT, USER_A, holder.pid);
	ASSERT_EQ(0, child_start(&child, be_other_user, NULL));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_TRUE(is_allocated(self->fd, 10));
	EXPECT_TRUE(is_allocated(self->fd, 11));

	ASSERT_EQ(0, child_start(&child, be_same_user, NULL));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_TRUE(is_allocated(self->fd, 10));
	EXPECT_FREE(11);
	EXPECT_EQ(128 + SIGKILL, child_kill(&holder));
}

/* It makes no difference whether the holder is still there. */
TEST_F(owner, other_user_is_refused_later)
{
	struct child holder, child;

	ASSERT_EQ(0, child_start(&holder, hold, (void *)&user_a));
	ASSERT_EQ(0, line_hear(holder.line, 'a'));
	EXPECT_EQ(128 + SIGKILL, child_kill(&holder));
	EXPECT_ENTRY(self->fd, 11, KEPT, USER_A, 0);
	test_allocate(self->fd, 10);
	ASSERT_EQ(0, child_start(&child, be_other_user, NULL));
	EXPECT_EQ(0, child_wait(&child));
	ASSERT_EQ(0, child_start(&child, be_same_user, NULL));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_FREE(11);
}

/* CAP_SYS_ADMIN ends what is kept, and nothing else. */
TEST_F(owner, administrator)
{
	struct child holder;

	ASSERT_EQ(0, child_start(&holder, hold, (void *)&user_a));
	ASSERT_EQ(0, line_hear(holder.line, 'a'));
	test_err_deallocate(EPERM, self->fd, 10);
	test_deallocate(self->fd, 11);
	EXPECT_TRUE(is_allocated(self->fd, 10));
	EXPECT_FREE(11);
	EXPECT_EQ(128 + SIGKILL, child_kill(&holder));
	EXPECT_TRUE(sysfs_is("free", "10-15\n"));
}

/*
 * Root of a user namespace has the capability there only, and is another user
 * than the one outside unless it is mapped to it.
 */
static int be_root_elsewhere(int line, void *data)
{
	int fd;

	if (differ(0, become(USER_B)) || differ(0, unshare(CLONE_NEWUSER)))
		return -1;
	fd = open_client();
	return fails(fd >= 0) ||
	       differ(-EPERM, try_deallocate(fd, 10)) ||
	       differ(-EPERM, try_deallocate(fd, 11));
}

TEST_F(owner, root_of_user_namespace)
{
	struct child holder, child;

	ASSERT_EQ(0, child_start(&holder, hold, (void *)&user_a));
	ASSERT_EQ(0, line_hear(holder.line, 'a'));
	ASSERT_EQ(0, child_start(&child, be_root_elsewhere, NULL));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_TRUE(is_allocated(self->fd, 11));
	EXPECT_EQ(128 + SIGKILL, child_kill(&holder));
	test_deallocate(self->fd, 11);
}

/* The uid of an entry is that of the caller's user namespace. */
static int see_uid(int line, void *data)
{
	struct freq_entry entry;
	int fd = *(int *)data;

	if (differ(0, unshare(CLONE_NEWUSER)) ||
	    fails(look(fd, 10, &entry)) ||
	    differ(65534, entry.uid) ||
	    differ(0, line_say(line, 'm')) ||
	    differ(0, line_hear(line, 'm')) ||
	    fails(look(fd, 10, &entry)) ||
	    differ(77, entry.uid))
		return -1;
	return 0;
}

TEST_F(owner, uid_in_user_namespace)
{
	struct child holder, child;
	char path[64];

	ASSERT_EQ(0, child_start(&holder, hold, (void *)&user_a));
	ASSERT_EQ(0, line_hear(holder.line, 'a'));
	ASSERT_EQ(0, child_start(&child, see_uid, &self->fd));
	ASSERT_EQ(0, line_hear(child.line, 'm'));
	snprintf(path, sizeof(path), "/proc/%d/uid_map", child.pid);
	ASSERT_EQ(0, write_text(path, "77 1000 1\n"));
	ASSERT_EQ(0, line_say(child.line, 'm'));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(128 + SIGKILL, child_kill(&holder));
}

/* In a pid namespace of its own: those outside cannot be seen. */
static int see_pid(int line, void *data)
{
	struct freq_entry entry;
	__u64 frequency;
	int fd = open_client();

	if (fails(fd >= 0) ||
	    differ(1, getpid()) ||
	    fails(look(fd, 10, &entry)) ||
	    differ(HELD, entry.flags) ||
	    differ(0, entry.pid) ||
	    differ(0, try_allocate(fd, 0, &frequency)) ||
	    differ(11, frequency) ||
	    fails(look(fd, 11, &entry)) ||
	    differ(1, entry.pid))
		return -1;
	return line_say(line, 'a') || line_hear(line, 'b');
}

static int enter_pid_namespace(int line, void *data)
{
	return child_in_pid_namespace(line, see_pid, data);
}

TEST_F(owner, pid_in_pid_namespace)
{
	struct child child;
	pid_t inside;

	test_allocate(self->fd, 10);
	ASSERT_EQ(0, child_start(&child, enter_pid_namespace, NULL));
	ASSERT_EQ(sizeof(inside), read(child.line, &inside, sizeof(inside)));
	EXPECT_ENTRY(self->fd, 11, HELD, getuid(), inside);
	ASSERT_EQ(0, line_say(child.line, 'b'));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_FREE(11);
}

/* The pid is that of the process, whichever of its threads opened. */
static void *open_in_thread(void *data)
{
	*(int *)data = open_client();
	return NULL;
}

TEST_F(owner, opened_by_a_thread)
{
	pthread_t thread;
	int fd = -1;

	ASSERT_EQ(0, pthread_create(&thread, NULL, open_in_thread, &fd));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_GE(fd, 0);
	test_allocate(fd, 10);
	EXPECT_ENTRY(fd, 10, HELD | MINE, getuid(), getpid());
	close(fd);
	EXPECT_FREE(10);
}

/* Threads on one description: what one gets, no other gets. */
#define THREADS	4
#define ROUNDS	2000

struct sharer {
	pthread_t thread;
	int fd;
	unsigned int *owners;	/* by frequency - 10 */
	int error;
};

static int share(struct sharer *sharer)
{
	__u64 frequency;
	int i, error;

	for (i = 0; i < ROUNDS; i++) {
		error = try_allocate(sharer->fd, 0, &frequency);
		if (error == -ENOSPC)
			continue;
		if (differ(0, error) ||
		    fails(frequency >= 10 && frequency <= 15) ||
		    differ(0, __atomic_fetch_add(&sharer->owners[frequency - 10],
						 1, __ATOMIC_SEQ_CST)) ||
		    differ(1, __atomic_fetch_sub(&sharer->owners[frequency - 10],
						 1, __ATOMIC_SEQ_CST)) ||
		    differ(0, try_deallocate(sharer->fd, frequency)))
			return -1;
	}
	return 0;
}

static void *share_in_thread(void *data)
{
	struct sharer *sharer = data;

	sharer->error = share(sharer);
	return NULL;
}

TEST_F(owner, threads_share_the_client)
{
	struct sharer sharers[THREADS];
	unsigned int owners[6] = {};
	int i;

	for (i = 0; i < THREADS; i++) {
		sharers[i] = (struct sharer) {
			.fd = self->fd,
			.owners = owners,
		};
		ASSERT_EQ(0, pthread_create(&sharers[i].thread, NULL,
					    share_in_thread, &sharers[i]));
	}
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_join(sharers[i].thread, NULL));
		EXPECT_EQ(0, sharers[i].error);
	}
	EXPECT_TRUE(sysfs_is("free", "10-15\n"));
	EXPECT_TRUE(sysfs_is("allocated", "\n"));
}

/* A descriptor that is closed while another thread uses it. */
static void *allocate_until_closed(void *data)
{
	int fd = *(int *)data;
	__u64 frequency;
	int error;

	do {
		error = try_allocate(fd, 0, &frequency);
		if (!error)
			error = try_deallocate(fd, frequency);
	} while (!error);
	return (void *)(long)error;
}

TEST_F(owner, closed_under_a_thread)
{
	struct freq_info info;
	pthread_t thread;
	void *result;
	int turn, fd;

	for (turn = 0; turn < 50; turn++) {
		fd = open_client();
		ASSERT_GE(fd, 0);
		ASSERT_EQ(0, pthread_create(&thread, NULL,
					    allocate_until_closed, &fd));
		if (turn % 2)
			sched_yield();
		close(fd);
		ASSERT_EQ(0, pthread_join(thread, &result));
		ASSERT_EQ(-EBADF, (long)result);
	}
	test_info(self->fd, &info);
	EXPECT_EQ(1, info.clients);
	EXPECT_TRUE(sysfs_is("allocated", "\n"));
}

/* Many clients, each with its own, all gone at once. */
#define HOLDERS	40

static int hold_one(int line, void *data)
{
	int fd = open_client();
	__u64 frequency;

	if (fails(fd >= 0) || differ(0, try_allocate(fd, 0, &frequency)))
		return -1;
	return line_say(line, 'a') || line_hear(line, 'b');
}

TEST(many_killed)
{
	struct child children[HOLDERS];
	struct freq_info info;
	int fd, i;

	ASSERT_EQ(0, server_start("freq_v2", "frequencies=1-40"));
	for (i = 0; i < HOLDERS; i++) {
		ASSERT_EQ(0, child_start(&children[i], hold_one, NULL));
		ASSERT_EQ(0, line_hear(children[i].line, 'a'));
	}
	fd = open_client();
	ASSERT_GE(fd, 0);
	test_info(fd, &info);
	EXPECT_EQ(HOLDERS + 1, info.clients);
	EXPECT_EQ(HOLDERS, info.allocated);
	test_err_allocate(ENOSPC, fd);
	for (i = 0; i < HOLDERS; i++)
		kill(children[i].pid, SIGKILL);
	for (i = 0; i < HOLDERS; i++)
		EXPECT_EQ(128 + SIGKILL, child_wait(&children[i]));
	test_info(fd, &info);
	EXPECT_EQ(1, info.clients);
	EXPECT_EQ(0, info.allocated);
	EXPECT_EQ(HOLDERS, info.free);
	EXPECT_TRUE(sysfs_is("free", "1-40\n"));
	EXPECT_EQ(0, test_clean());
}

/* ---- Permissions are those of the calling thread; the owner is the opener */

FIXTURE(right) {
	int of_root;
	int of_user;
};

FIXTURE_SETUP(right)
{
	ASSERT_EQ(0, server_start("freq_v2", NULL));
	self->of_root = open_client();
	self->of_user = open_client_as(USER_A);
	ASSERT_GE(self->of_root, 0);
	ASSERT_GE(self->of_user, 0);
}

FIXTURE_TEARDOWN(right)
{
	EXPECT_EQ(0, test_clean());
}

static int inject_one(int fd, __u64 frequency)
{
	return try_inject(fd, &frequency, 1, NULL);
}

/* No request for which it takes the capability */
static int has_no_right(int fd)
{
	return differ(-EPERM, inject_one(fd, 100)) ||
	       differ(-EPERM, try_stop(fd));
}

/*
 * With a descriptor of root's, but without the capability: 10 is kept by root,
 * 11 by another user.
 */
static int has_right_of_user(int fd, int line)
{
	__u64 frequency;

	return has_no_right(fd) ||
	       differ(-EPERM, try_deallocate(fd, 11)) ||
	       differ(0, try_deallocate(fd, 10)) ||
	       differ(0, try_allocate(fd, FREQ_ALLOCATE_KEEP, &frequency)) ||
	       differ(10, frequency) || line_say(line, 'a') ||
	       line_hear(line, 'b');
}

static int use_descriptor(int line, void *data)
{
	int fd;

	if (become(USER_B))
		return -1;
	fd = line_receive_fd(line);
	return fails(fd >= 0) || has_right_of_user(fd, line);
}

TEST_F(right, passed_descriptor)
{
	struct child child;
	int fd;

	test_keep(self->of_root, 10);
	test_keep(self->of_user, 11);
	ASSERT_EQ(0, child_start(&child, use_descriptor, NULL));
	/* It inherited what there was; this one it is given. */
	fd = open_client();
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, line_send_fd(child.line, fd));
	close(fd);
	ASSERT_EQ(0, line_hear(child.line, 'a'));
	EXPECT_ENTRY(self->of_root, 10, KEPT, 0, getpid());
	EXPECT_ENTRY(self->of_root, 11, KEPT, USER_A, getpid());
	ASSERT_EQ(0, line_say(child.line, 'b'));
	EXPECT_EQ(0, child_wait(&child));

	/* The other way round: with the capability, on a user's descriptor. */
	EXPECT_EQ(0, inject_one(self->of_user, 100));
	test_deallocate(self->of_user, 10);
	test_keep(self->of_user, 10);
	EXPECT_ENTRY(self->of_root, 10, KEPT, USER_A, getpid());
}

static int change_user(int line, void *data)
{
	int fd = open_client();

	if (fails(fd >= 0) || differ(0, inject_one(fd, 200)) || become(USER_B))
		return -1;
	return has_right_of_user(fd, line);
}

/* The user was root when it opened, and stays that for this client. */
TEST_F(right, setuid)
{
	struct child child;

	test_keep(self->of_root, 10);
	test_keep(self->of_user, 11);
	ASSERT_EQ(0, child_start(&child, change_user, NULL));
	ASSERT_EQ(0, line_hear(child.line, 'a'));
	EXPECT_ENTRY(self->of_root, 10, KEPT, 0, child.pid);
	ASSERT_EQ(0, line_say(child.line, 'b'));
	EXPECT_EQ(0, child_wait(&child));
}

/* The kernel's setresuid() is for one thread, the C library's for all. */
static void *lose_right(void *data)
{
	int *fd = data;

	if (syscall(SYS_setresuid, USER_B, USER_B, USER_B))
		*fd = -errno;
	else if (has_no_right(*fd))
		*fd = -EINVAL;
	return NULL;
}

TEST_F(right, of_one_thread)
{
	int fd = self->of_root;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, lose_right, &fd));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(self->of_root, fd);
	EXPECT_EQ(0, inject_one(self->of_root, 100));
	close(self->of_user);
	test_stop(self->of_root);
}

TEST_HARNESS_MAIN
