/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of /dev/freq share: modules, requests, lists, snapshots and
 * children. Nothing here knows the harness, so that children and threads can
 * use all of it: results are 0 or a negative errno unless said otherwise.
 *
 * For each request there is a triple: try_*() makes the raw call, test_*()
 * asserts that it succeeds, test_err_*() expects it to fail with an errno.
 */
#ifndef FREQ_TEST_H
#define FREQ_TEST_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/types.h>

#include <linux/freq.h>

#define DEVICE		"/dev/freq"
#define SYSFS		"/sys/class/misc/freq/"
#define REHEARSAL	"/dev/freq-rehearsal"
#define REHEARSAL_SYSFS	"/sys/class/misc/freq-rehearsal/"

/* As much of an argument as the door copies in, in bytes */
#define ARGUMENT_MAX	128

/* What release 2 can do beyond release 1. */
#define FEATURES_V2	(FREQ_FEATURE_INJECT | FREQ_FEATURE_BATCH)
/* And release 3. */
#define FEATURES_V3	(FEATURES_V2 | FREQ_FEATURE_GRANTS)

/* An unprivileged user, and another one. Neither needs an account. */
#define USER_A		1000
#define USER_B		1001

/* How long a condition that must come true may take on a slow machine. */
#define DEADLINE_MS	(20000ULL * time_factor())

/* Until the condition holds; false if it never did. */
#define wait_until(cond) ({						\
	unsigned long long __end = now_ms() + DEADLINE_MS;		\
	bool __ok;							\
									\
	while (!(__ok = !!(cond)) && now_ms() < __end)			\
		nap();							\
	__ok;								\
})

/*
 * For children and threads, which cannot use the harness's ASSERT_*(): true
 * if it is not so, after saying so.
 */
#define fails(cond)							\
	(!(cond) && complain(__FILE__, __LINE__, #cond, 1, 0))
#define differ(want, seen) ({						\
	long long __want = (long long)(want);				\
	long long __seen = (long long)(seen);				\
									\
	__want != __seen &&						\
		complain(__FILE__, __LINE__, #seen, __want, __seen);	\
})

bool complain(const char *file, int line, const char *what, long long want,
	      long long seen);
bool has_word(const char *text, const char *word);
bool short_run(void);
unsigned int rounds(unsigned int whole);
unsigned int time_factor(void);
unsigned int __real_alarm(unsigned int seconds);
unsigned int __wrap_alarm(unsigned int seconds);
unsigned long long now_ms(void);
unsigned long long now_us(void);
__s64 boottime_ns(void);
__s64 boottime_coarse_ns(void);
__s64 tick_ns(void);
void nap(void);
__u64 random_next(__u64 *state);
static inline __u64 random_below(__u64 *state, __u64 limit)
{
	return random_next(state) % limit;
}

void shuffle(__u64 *list, __u32 count, __u64 *seed);

int module_load(const char *name, const char *parameters);
int module_load_earlier(const char *name);
int module_unload(const char *name);
bool module_loaded(const char *name);
int module_references(const char *name);

int server_start(const char *release, const char *parameters);
int server_clean(void);
int server_upgrade(const char *from, const char *to);
__u32 release_number(const char *module);
__u64 release_features(__u32 number);
bool release_runs(const char *module);
__u64 upgrade_figure(const char *counter);

/* Release 90 can be made to fail, or to wait: see release/knobs.c. */
#define KNOBS		"/sys/module/freq_v90/parameters/"
int set_knob(const char *value);
bool knob_waits(void);

int open_client(void);
int open_client_as(uid_t uid);
int open_rehearsal(void);
bool rehearsal_gone(void);
int try_stop(int fd);
int try_info(int fd, struct freq_info *info);
int try_list(int fd, struct freq_list *list);
int try_allocate(int fd, __u32 flags, __u64 *frequency);
int try_deallocate(int fd, __u64 frequency);
int try_inject(int fd, const __u64 *frequencies, __u32 count,
	       __u32 *index);
int try_inject_range(int fd, __u32 count);
int try_allocate_batch(int fd, __u32 flags, __u64 *frequencies, __u32 count);
int try_deallocate_batch(int fd, const __u64 *frequencies, __u32 count,
			 __u32 *index);
int try_ioctl(int fd, unsigned long request, void *argument);
unsigned long sized(unsigned long request, size_t size);

/* Numbers of system calls, of a 32-bit program */
#define COMPAT_READ	3
#define COMPAT_IOCTL	54
int compat_call(int number, int fd, unsigned int second, void *third);
int compat_ioctl(int fd, unsigned int request, void *argument);
int try_info_v3(int fd, struct freq_info_v3 *info);
int try_allocate_v3(int fd, struct freq_allocate_v3 *allocate);
int try_allocate_exact(int fd, __u64 frequency);
int try_deallocate_grant(int fd, __u64 frequency, __u64 grant);
int try_list_grants(int fd, struct freq_list_grants *list);
int try_allocate_group(int fd, struct freq_group *group);
int try_client_label(int fd, const char *text);
int try_subscribe(int fd, struct freq_subscribe *subscribe);
int try_subscribe_to(int fd, __u32 kinds, __u32 flags);
int try_read_records(int fd, struct freq_record *records, int room);
int try_cancel(int fd, __u64 cookie);

#define test_stop(fd)							\
	ASSERT_EQ(0, try_stop(fd))
#define test_err_stop(err, fd)						\
	EXPECT_EQ(-(err), try_stop(fd))

#define test_info(fd, info)						\
	ASSERT_EQ(0, try_info(fd, info))
#define test_err_info(err, fd) ({					\
	struct freq_info __info;					\
									\
	EXPECT_EQ(-(err), try_info(fd, &__info));			\
})

#define test_list(fd, list)						\
	ASSERT_EQ(0, try_list(fd, list))
#define test_err_list(err, fd, list)					\
	EXPECT_EQ(-(err), try_list(fd, list))

#define test_allocate_flags(fd, flags, want) ({				\
	__u64 __frequency;						\
									\
	ASSERT_EQ(0, try_allocate(fd, flags, &__frequency));		\
	ASSERT_EQ((__u64)(want), __frequency);			\
})
#define test_allocate(fd, want)						\
	test_allocate_flags(fd, 0, want)
#define test_keep(fd, want)						\
	test_allocate_flags(fd, FREQ_ALLOCATE_KEEP, want)
#define test_err_allocate(err, fd) ({					\
	__u64 __frequency;						\
									\
	EXPECT_EQ(-(err), try_allocate(fd, 0, &__frequency));		\
})

#define test_deallocate(fd, frequency)					\
	ASSERT_EQ(0, try_deallocate(fd, frequency))
#define test_err_deallocate(err, fd, frequency)				\
	EXPECT_EQ(-(err), try_deallocate(fd, frequency))

#define test_inject(fd, ...) ({						\
	const __u64 __list[] = { __VA_ARGS__ };			\
									\
	ASSERT_EQ(0, try_inject(fd, __list,				\
				sizeof(__list) / sizeof(*__list), NULL)); \
})
#define test_err_inject(err, fd, ...) ({				\
	const __u64 __list[] = { __VA_ARGS__ };			\
									\
	EXPECT_EQ(-(err), try_inject(fd, __list,			\
				     sizeof(__list) / sizeof(*__list),	\
				     NULL));				\
})

/* What is allocated has to be just this, in this order. */
#define test_allocate_batch_flags(fd, flags, ...) ({			\
	const __u64 __want[] = { __VA_ARGS__ };				\
	const __u32 __count = sizeof(__want) / sizeof(*__want);		\
	__u64 __room[FREQ_BATCH_MAX];					\
	__u32 __i;							\
									\
	ASSERT_EQ(0, try_allocate_batch(fd, flags, __room, __count));	\
	for (__i = 0; __i < __count; __i++)				\
		ASSERT_EQ(__want[__i], __room[__i]);			\
})
#define test_allocate_batch(fd, ...)					\
	test_allocate_batch_flags(fd, 0, __VA_ARGS__)
#define test_keep_batch(fd, ...)					\
	test_allocate_batch_flags(fd, FREQ_ALLOCATE_KEEP, __VA_ARGS__)
#define test_err_allocate_batch(err, fd, count) ({			\
	__u64 __room[FREQ_BATCH_MAX];					\
									\
	EXPECT_EQ(-(err), try_allocate_batch(fd, 0, __room, count));	\
})

#define test_deallocate_batch(fd, ...) ({				\
	const __u64 __list[] = { __VA_ARGS__ };				\
									\
	ASSERT_EQ(0, try_deallocate_batch(fd, __list,			\
				sizeof(__list) / sizeof(*__list), NULL)); \
})
#define test_err_deallocate_batch(err, index, fd, ...) ({		\
	const __u64 __list[] = { __VA_ARGS__ };				\
	__u32 __index = ~0U;						\
									\
	EXPECT_EQ(-(err), try_deallocate_batch(fd, __list,		\
				sizeof(__list) / sizeof(*__list),	\
				&__index));				\
	EXPECT_EQ((__u32)(index), __index);				\
})

#define test_allocate_exact(fd, frequency)				\
	ASSERT_EQ(0, try_allocate_exact(fd, frequency))
#define test_err_allocate_exact(err, fd, frequency)			\
	EXPECT_EQ(-(err), try_allocate_exact(fd, frequency))

#define test_deallocate_grant(fd, frequency, grant)			\
	ASSERT_EQ(0, try_deallocate_grant(fd, frequency, grant))
#define test_err_deallocate_grant(err, fd, frequency, grant)		\
	EXPECT_EQ(-(err), try_deallocate_grant(fd, frequency, grant))

#define test_allocate_group(fd, group)					\
	ASSERT_EQ(0, try_allocate_group(fd, group))
#define test_err_allocate_group(err, fd, group)				\
	EXPECT_EQ(-(err), try_allocate_group(fd, group))

#define test_client_label(fd, text)					\
	ASSERT_EQ(0, try_client_label(fd, text))
#define test_err_client_label(err, fd, text)				\
	EXPECT_EQ(-(err), try_client_label(fd, text))

#define test_subscribe(fd, kinds, flags)				\
	ASSERT_EQ(0, try_subscribe_to(fd, kinds, flags))
#define test_err_subscribe(err, fd, kinds, flags)			\
	EXPECT_EQ(-(err), try_subscribe_to(fd, kinds, flags))

#define test_read_records(fd, records, count)				\
	ASSERT_EQ(count, try_read_records(fd, records, count))
#define test_err_read_records(err, fd) ({				\
	struct freq_record __record;					\
									\
	EXPECT_EQ(-(err), try_read_records(fd, &__record, 1));		\
})

#define test_cancel(fd, cookie)						\
	ASSERT_EQ(0, try_cancel(fd, cookie))
#define test_err_cancel(err, fd, cookie)				\
	EXPECT_EQ(-(err), try_cancel(fd, cookie))

/* The free list as a client of its own finds it, which then goes away. */
#define EXPECT_ORDER(...) ({						\
	const __u64 __want[] = { __VA_ARGS__ };				\
	size_t __i;							\
	int __fd = open_client();					\
									\
	ASSERT_GE(__fd, 0);						\
	for (__i = 0; __i < sizeof(__want) / sizeof(*__want); __i++) {	\
		__u64 __got;						\
									\
		ASSERT_EQ(0, try_allocate(__fd, 0, &__got));		\
		EXPECT_EQ(__want[__i], __got);				\
	}								\
	test_err_allocate(ENOSPC, __fd);				\
	close(__fd);							\
})

/**
 * struct listing - entries of LIST
 * @entries: in the order in which they were reported, or sorted
 * @count: how many
 */
struct listing {
	struct freq_entry *entries;
	size_t count;
};

int listing_take(struct listing *listing, int fd, __u32 flags,
		 __u32 page);
void listing_sort(struct listing *listing);
const struct freq_entry *listing_find(const struct listing *listing,
				      __u64 frequency);
void listing_free(struct listing *listing);
char *listing_format(const struct listing *sorted, bool allocated);

int grant_find(int fd, __u64 frequency, struct freq_grant_entry *entry);
__u64 grant_of(int fd, __u64 frequency);
__u32 waiters_of(int fd);
__u32 subscriptions_of(int fd);

/**
 * struct snapshot - all that a client can see of the server
 * @info: INFO
 * @list: all of LIST, ascending
 * @order: the free frequencies in the order in which they would be allocated
 * @nr_order: how many
 */
struct snapshot {
	struct freq_info info;
	struct listing list;
	__u64 *order;
	size_t nr_order;
};

int snapshot_take(struct snapshot *snapshot, int fd);
bool snapshot_same(const struct snapshot *one, const struct snapshot *other);
bool state_same(const struct snapshot *one, const struct snapshot *other);
bool listing_same(const struct listing *one, const struct listing *other);
void snapshot_free(struct snapshot *snapshot);

/*
 * No frequency lost, doubled, moved or added, and no line in the log: of a
 * fixture that has a client fd, a snapshot before, and a log.
 */
#define EXPECT_UNCHANGED() ({						\
	struct snapshot __now;						\
									\
	ASSERT_EQ(0, snapshot_take(&__now, self->fd));			\
	EXPECT_TRUE(snapshot_same(&self->before, &__now));		\
	snapshot_free(&__now);						\
	EXPECT_TRUE(log_silent(self->log));				\
})

char *read_text(const char *path);
int write_text(const char *path, const char *text);
bool sysfs_is(const char *name, const char *text);
bool sysfs_agrees(int fd);
bool sysfs_agrees_in(const char *folder, int fd);

int log_open(void);
bool log_silent(int log);
int log_count(int log, const char *text);

int become(uid_t uid);

/**
 * struct child - a process that a test started, and a line to it
 * @pid: the process
 * @line: a stream socket, the child has the other end
 */
struct child {
	pid_t pid;
	int line;
};

int child_start(struct child *child, int (*body)(int line, void *data),
		void *data);
int child_wait(struct child *child);
int child_in_pid_namespace(int line, int (*inside)(int line, void *data),
			   void *data);
int child_kill(struct child *child);
int child_kill_timed(struct child *child, unsigned long long *us);
void children_kill(void);
char process_state(pid_t pid);

int line_say(int line, char word);
int line_hear(int line, char word);
int line_send_fd(int line, int fd);
int line_receive_fd(int line);

void *page_map(int protection);
size_t page_size(void);
void *page_straddle(size_t before);

/**
 * struct slow_page - a page that faults until the test delivers it
 * @page: the page
 * @fault: the userfaultfd, readable when a thread is stuck in the fault
 * @written: only a write faults: the page is there, but write-protected
 */
struct slow_page {
	void *page;
	int fault;
	bool written;
};

int slow_page_map(struct slow_page *slow);
int slow_page_map_protected(struct slow_page *slow, const void *content,
			    size_t size);
int slow_page_wait(const struct slow_page *slow);
int slow_page_deliver(struct slow_page *slow, const void *content,
		      size_t size);
int slow_page_refuse(struct slow_page *slow);

/*
 * The variants of a fixture with the fields from and to: one upgrade, or those
 * between each two releases, in both directions.
 */
#define UPGRADE_VARIANT(fixture, old, new, ...)				\
	FIXTURE_VARIANT_ADD(fixture, old ## _to_ ## new) {		\
		.from = "freq_" #old,					\
		.to = "freq_" #new,					\
		__VA_ARGS__						\
	}
#define UPGRADE_VARIANTS(fixture, ...)					\
	UPGRADE_VARIANT(fixture, v1, v2, __VA_ARGS__);			\
	UPGRADE_VARIANT(fixture, v2, v1, __VA_ARGS__);			\
	UPGRADE_VARIANT(fixture, v1, v90, __VA_ARGS__);			\
	UPGRADE_VARIANT(fixture, v90, v1, __VA_ARGS__);			\
	UPGRADE_VARIANT(fixture, v2, v90, __VA_ARGS__);			\
	UPGRADE_VARIANT(fixture, v90, v2, __VA_ARGS__);			\
	UPGRADE_VARIANT(fixture, v2, v3, __VA_ARGS__);			\
	UPGRADE_VARIANT(fixture, v3, v2, __VA_ARGS__);			\
	UPGRADE_VARIANT(fixture, v3, v90, __VA_ARGS__);			\
	UPGRADE_VARIANT(fixture, v90, v3, __VA_ARGS__)

/* A variant of a fixture with the field release */
#define RELEASE_VARIANT(fixture, name, ...)				\
	FIXTURE_VARIANT_ADD(fixture, name) {				\
		.release = "freq_" #name,				\
		__VA_ARGS__						\
	}

/*
 * Which variants a fixture keeps in a short run: as few as take every path
 * through the code. Stands behind all of them.
 */
#define SHORT_VARIANTS(fixture, names)					\
	static void __attribute__((constructor)) shorten_ ## fixture(void) \
	{								\
		struct __fixture_variant_metadata *__variant, **__link;	\
									\
		if (!short_run())					\
			return;						\
		__link = &_ ## fixture ## _fixture_object.variant;	\
		for (__variant = *__link; __variant;			\
		     __variant = __variant->next) {			\
			if (!has_word(names, __variant->name))		\
				continue;				\
			*__link = __variant;				\
			__link = &__variant->next;			\
		}							\
		*__link = NULL;						\
	}

/* For FIXTURE_TEARDOWN(): whatever the test left open, running or loaded. */
int test_clean(void);

#endif /* FREQ_TEST_H */
