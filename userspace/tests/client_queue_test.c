// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests that can be queued, and how they are cancelled: with a server that
 * answers as it is told, and keeps the last argument.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <libfreq.h>

#include "client_queue_test.h"
#include "tap.h"

/* Whether a call has failed, and with this errno. */
#define fails(err, call) (errno = 0, (call) == -1 && errno == (err))

/* What the server answers: an errno; or as if it had so many frequencies. */
static int answers;
static __u64 grants;

/* What it was asked for */
static unsigned long asked;
static struct freq_allocate_v3 allocate;
static struct freq_group group;
static struct freq_cancel cancel;

static void answer_allocate(struct freq_allocate_v3 *arg)
{
	allocate = *arg;
	if (grants)
		arg->frequency = 10;
	arg->grant = grants;
}

static void answer_group(const struct freq_group *arg)
{
	struct freq_granted *granted = (struct freq_granted *)(uintptr_t)
				       arg->granted;
	__u32 i;

	group = *arg;
	granted->grant = 0;
	for (i = 0; grants && i < arg->count; i++) {
		granted[i].frequency = 10 + i;
		granted[i].grant = grants + i;
	}
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	(void)fd;
	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	asked = request;
	if (answers) {
		errno = answers;
		return -1;
	}
	if (request == FREQ_IOC_ALLOCATE_V3)
		answer_allocate(arg);
	else if (request == FREQ_IOC_ALLOCATE_GROUP)
		answer_group(arg);
	else
		cancel = *(struct freq_cancel *)arg;
	return 0;
}

static void test_queue(struct freq_client *client)
{
	static const __u32 flags = FREQ_ALLOCATE_KEEP | FREQ_ALLOCATE_EXACT;
	const struct freq_allocate_v3 wanted = {
		.frequency = 12,
		.flags = flags | FREQ_ALLOCATE_QUEUE,
		.deadline = 13,
		.grant = 14,
	};
	__u64 frequency = 12, grant = 15;

	grants = 0;
	ok(!freq_client_queue(client, flags, 13, 14, &frequency, &grant),
	   "queue: queued");
	ok(asked == FREQ_IOC_ALLOCATE_V3 &&
	   !memcmp(&wanted, &allocate, sizeof(wanted)), "queue: the argument");
	ok(frequency == 12 && grant == 15, "queue: nothing was written");
	ok(!freq_client_queue(client, flags, 13, 14, &frequency, NULL),
	   "queue: queued, without room for a grant");
	grants = 100;
	ok(freq_client_queue(client, flags, 13, 14, &frequency, &grant) == 1,
	   "queue: allocated");
	ok(frequency == 10 && grant == 100, "queue: what was allocated");
	ok(freq_client_queue(client, 0, 13, 14, &frequency, NULL) == 1,
	   "queue: allocated, without room for a grant");
	ok(allocate.flags == FREQ_ALLOCATE_QUEUE, "queue: no other flags");
}

static void test_queue_group(struct freq_client *client)
{
	static const __u32 flags = FREQ_ALLOCATE_KEEP | FREQ_GROUP_RESERVE;
	static const struct freq_span spans[2];
	struct freq_granted granted[3] = { { .frequency = 1 } };
	const struct freq_group wanted = {
		.spans = (uintptr_t)spans,
		.granted = (uintptr_t)granted,
		.span_count = 2,
		.count = 2,
		.flags = flags | FREQ_ALLOCATE_QUEUE,
		.deadline = 13,
		.cookie = 14,
	};

	grants = 0;
	ok(!freq_client_queue_group(client, flags, spans, 2, 13, 14, granted,
				    2), "queue_group: queued");
	ok(asked == FREQ_IOC_ALLOCATE_GROUP &&
	   !memcmp(&wanted, &group, sizeof(wanted)),
	   "queue_group: the argument");
	grants = 100;
	ok(freq_client_queue_group(client, flags, spans, 2, 13, 14, granted,
				   2) == 1, "queue_group: allocated");
	ok(granted[0].frequency == 10 && granted[0].grant == 100 &&
	   granted[1].frequency == 11 && granted[1].grant == 101 &&
	   !granted[2].grant, "queue_group: what was allocated");
}

static void test_cancel(struct freq_client *client)
{
	ok(!freq_client_cancel(client, UINT64_MAX), "cancel");
	ok(asked == FREQ_IOC_CANCEL && cancel.cookie == UINT64_MAX,
	   "cancel: the argument");
}

/* An older release says E2BIG of what it does not know of an argument. */
static void test_errors(struct freq_client *client)
{
	static const int errors[] = {
		EEXIST, EDQUOT, EINVAL, ENOENT, EPERM, ENODEV, ENOTTY, EFAULT,
		ENOMEM, EINTR,
	};
	struct freq_granted granted = { 0 };
	__u64 frequency = 12, grant = 15;
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		answers = errors[i];
		ok(fails(answers, freq_client_queue(client, 0, 1, 1, &frequency,
						    &grant)),
		   "queue: %s", strerror(answers));
		ok(fails(answers, freq_client_queue_group(client, 0, NULL, 0, 1,
							  1, &granted, 1)),
		   "queue_group: %s", strerror(answers));
		ok(fails(answers, freq_client_cancel(client, 1)),
		   "cancel: %s", strerror(answers));
	}
	answers = E2BIG;
	ok(fails(ENOTTY, freq_client_queue(client, 0, 1, 1, &frequency,
					   &grant)), "queue: an older release");
	ok(fails(E2BIG, freq_client_queue_group(client, 0, NULL, 0, 1, 1,
						&granted, 65)),
	   "queue_group: too many");
	ok(frequency == 12 && grant == 15, "nothing was written");
	answers = 0;
}

int main(void)
{
	struct freq_client *client = freq_client_open("/dev/null", O_RDWR);

	if (!client)
		return 1;
	test_queue(client);
	test_queue_group(client);
	test_cancel(client);
	test_errors(client);
	freq_client_close(client);
	return tap_done();
}
