// SPDX-License-Identifier: GPL-2.0-only
/*
 * The functions of libfreq for clients, without a server: their own checks, and
 * errors of the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libfreq.h>

#include "tap.h"

/* Whether a call has failed, and with this errno. */
#define fails(err, call) (errno = 0, (call) == -1 && errno == (err))

static void test_open(void)
{
	struct freq_client *client;

	ok(!freq_client_open("/dev/null", O_WRONLY) && errno == EINVAL,
	   "open: another access");
	ok(!freq_client_open("/nonexistent/freq", O_RDWR) && errno == ENODEV,
	   "open: no such device");
	setenv("FREQ_DEVICE", "/nonexistent/freq", 1);
	ok(!freq_client_open(NULL, O_RDWR) && errno == ENODEV,
	   "open: the environment's device");
	client = freq_client_open("/dev/null", O_RDWR);
	ok(client && freq_client_fd(client) >= 0, "open: the path's");
	ok(client && fcntl(freq_client_fd(client), F_GETFD) == FD_CLOEXEC,
	   "open: closed on exec");
	ok(client && !(fcntl(freq_client_fd(client), F_GETFL) & O_NONBLOCK),
	   "open: requests can wait");
	errno = ERANGE;
	freq_client_close(client);
	freq_client_close(NULL);
	ok(errno == ERANGE, "close: errno stays");
}

/* Whether a path is refused, without blocking. */
static int is_no_device(const char *path, int access)
{
	struct freq_client *client;

	alarm(10);
	client = freq_client_open(path, access);
	alarm(0);
	if (!client)
		return errno == ENODEV;
	freq_client_close(client);
	return 0;
}

static void test_no_device(void)
{
	char folder[] = "/tmp/client_test.XXXXXX", fifo[64];

	if (!mkdtemp(folder))
		exit(1);
	snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
	ok(!mkfifo(fifo, 0600) && is_no_device(fifo, O_RDONLY),
	   "open: a FIFO to read from");
	ok(is_no_device(fifo, O_RDWR), "open: a FIFO");
	ok(is_no_device(folder, O_RDONLY), "open: a folder");
	ok(is_no_device("/proc/self/exe", O_RDONLY), "open: a file");
	unlink(fifo);
	rmdir(folder);
}

/* /dev/null is a device that knows no request. */
static void test_not_known(struct freq_client *client)
{
	__u64 frequencies[2] = { 10, 11 }, frequency = 12, grant = 14;
	static const struct freq_span span = { .first = 10, .last = 15 };
	struct freq_granted granted = { .frequency = 15, .grant = 16 };
	struct freq_info info;
	size_t index = 13;

	ok(fails(ENOTTY, freq_client_allocate(client, 0, &frequency)),
	   "allocate is not known");
	ok(fails(ENOTTY, freq_client_deallocate(client, 10)),
	   "deallocate is not known");
	ok(fails(ENOTTY, freq_client_inject(client, frequencies, 2, &index)),
	   "inject is not known");
	ok(fails(ENOTTY, freq_client_allocate_batch(client, 0, frequencies,
						    2)),
	   "allocate_batch is not known");
	ok(fails(ENOTTY, freq_client_allocate_group(client, 0, &span, 1, 0, 0,
						    &granted, 1)),
	   "allocate_group is not known");
	ok(fails(ENOTTY, freq_client_queue(client, 0, FREQ_FOR_EVER, 1,
					   &frequency, &grant)),
	   "queue is not known");
	ok(fails(ENOTTY, freq_client_queue_group(client, 0, &span, 1,
						 FREQ_FOR_EVER, 1, &granted,
						 1)),
	   "queue_group is not known");
	ok(fails(ENOTTY, freq_client_cancel(client, 1)),
	   "cancel is not known");
	ok(fails(ENOTTY, freq_client_deallocate_batch(client, frequencies, 2,
						      &index)),
	   "deallocate_batch is not known");
	ok(fails(ENOTTY, freq_client_allocate_until(client, 0, 0, &frequency,
						    &grant)),
	   "allocate_until is not known");
	ok(fails(ENOTTY, freq_client_deallocate_grant(client, 10, 1)),
	   "deallocate_grant is not known");
	ok(fails(ENOTTY, freq_client_set_label(client, "label")),
	   "set_label is not known");
	ok(fails(ENOTTY, freq_client_subscribe(client, 1, 0, NULL, 0,
					       sizeof(struct freq_record))),
	   "subscribe is not known");
	ok(fails(ENOTTY, freq_client_info(client, &info, sizeof(info))),
	   "info is not known");
	ok(fails(ENOTTY, freq_client_stop(client)), "stop is not known");
	ok(frequency == 12 && index == 13 && grant == 14 &&
	   frequencies[0] == 10 && frequencies[1] == 11 &&
	   granted.frequency == 15 && granted.grant == 16,
	   "nothing was written");
}

/* A walk is for one of the two kinds of entries. */
static void test_listing(struct freq_client *client)
{
	static const size_t sizes[] = { 0, 8, 64, 71, 73, 76, 257, 264 };
	struct freq_grant_entry grant;
	struct freq_listing *listing;
	struct freq_entry entry;
	size_t i;

	listing = freq_client_list(client, 0);
	ok(listing && fails(ENOTTY, freq_listing_next(listing, &entry)),
	   "list is not known");
	ok(listing && fails(EINVAL, freq_listing_next_grant(listing, &grant)),
	   "listing without grants");
	freq_listing_free(listing);
	listing = freq_client_list_grants(client, 0, sizeof(grant));
	ok(listing && fails(ENOTTY, freq_listing_next_grant(listing, &grant)),
	   "list_grants is not known");
	ok(listing && fails(EINVAL, freq_listing_next(listing, &entry)),
	   "listing with grants");
	freq_listing_free(listing);
	freq_listing_free(NULL);

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		errno = 0;
		ok(!freq_client_list_grants(client, 0, sizes[i]) &&
		   errno == EINVAL, "list_grants of %zu bytes", sizes[i]);
	}
	listing = freq_client_list_grants(client, 0, FREQ_GRANT_ENTRY_SIZE_MAX);
	ok(listing, "list_grants of the most bytes");
	freq_listing_free(listing);
}

/* A label that no field can hold: there is no request. */
static void test_label_length(struct freq_client *client)
{
	char label[FREQ_LABEL_MAX + 2];

	memset(label, 'x', sizeof(label) - 1);
	label[FREQ_LABEL_MAX + 1] = '\0';
	ok(fails(E2BIG, freq_client_set_label(client, label)),
	   "label of %d bytes", FREQ_LABEL_MAX + 1);
	label[FREQ_LABEL_MAX] = '\0';
	ok(fails(ENOTTY, freq_client_set_label(client, label)),
	   "label of %d bytes", FREQ_LABEL_MAX);
	ok(fails(ENOTTY, freq_client_set_label(client, NULL)), "no label");
}

/* A count that no field can hold: there is no request. */
static void test_too_many(struct freq_client *client)
{
#if SIZE_MAX > UINT32_MAX
	static const size_t counts[] = {
		(size_t)UINT32_MAX + 1, (size_t)UINT32_MAX + 2, SIZE_MAX,
	};
	struct freq_granted granted = { .frequency = 11, .grant = 12 };
	struct freq_span span = { .first = 10, .last = 15 };
	__u64 frequency = 10;
	size_t index = 13, i;

	for (i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		ok(fails(E2BIG, freq_client_inject(client, &frequency,
						   counts[i], &index)),
		   "inject of %zu", counts[i]);
		ok(fails(E2BIG, freq_client_allocate_batch(client, 0,
							   &frequency,
							   counts[i])),
		   "allocate_batch of %zu", counts[i]);
		ok(fails(E2BIG, freq_client_deallocate_batch(client, &frequency,
							     counts[i],
							     &index)),
		   "deallocate_batch of %zu", counts[i]);
		ok(fails(E2BIG, freq_client_allocate_group(client, 0, &span, 1,
							   0, 0, &granted,
							   counts[i])),
		   "allocate_group of %zu", counts[i]);
		ok(fails(E2BIG, freq_client_allocate_group(client, 0, &span,
							   counts[i], 0, 0,
							   &granted, 1)),
		   "allocate_group of %zu spans", counts[i]);
		ok(fails(E2BIG, freq_client_queue_group(client, 0, &span, 1, 1,
							1, &granted,
							counts[i])),
		   "queue_group of %zu", counts[i]);
		ok(fails(E2BIG, freq_client_queue_group(client, 0, &span,
							counts[i], 1, 1,
							&granted, 1)),
		   "queue_group of %zu spans", counts[i]);
	}
	ok(frequency == 10 && index == 13 && granted.frequency == 11 &&
	   granted.grant == 12, "nothing was written");
#else
	(void)client;
#endif
}

static void test_record_size(struct freq_client *client)
{
	static const size_t sizes[] = { 0, 8, 88, 95, 97, 100, 257, 264 };
	static struct freq_record records[4];
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		ok(fails(EINVAL, freq_client_subscribe(client, 1, 0, NULL, 0,
						       sizes[i])),
		   "subscribe with %zu bytes", sizes[i]);
		ok(fails(EINVAL, freq_client_read_records(client, records, 1,
							  sizes[i])),
		   "read_records of %zu bytes", sizes[i]);
	}
	ok(fails(ENOTTY, freq_client_subscribe(client, 1, 0, NULL, 0,
					       FREQ_RECORD_SIZE_MAX)),
	   "subscribe with the most bytes");
#if SIZE_MAX > UINT32_MAX
	ok(fails(E2BIG, freq_client_subscribe(client, 1, 0, NULL,
					      (size_t)UINT32_MAX + 1,
					      sizeof(*records))),
	   "subscribe with more spans than its field can hold");
#endif
}

/* /dev/null has nothing to read, /dev/zero as much as one wants. */
static void test_read_records(struct freq_client *client)
{
	static struct freq_record records[4];
	struct freq_client *zero = freq_client_open("/dev/zero", O_RDONLY);

	ok(fails(EINVAL, freq_client_read_records(client, records, 4,
						  sizeof(*records))),
	   "read_records of a device without records");
	if (!zero)
		exit(1);
	memset(records, 0xff, sizeof(records));
	ok(freq_client_read_records(zero, records, 3, sizeof(*records)) == 3,
	   "read_records of three");
	ok(!records[0].sequence && !records[2].sequence &&
	   records[3].sequence == UINT64_MAX, "three were written");
	ok(fails(EINVAL, freq_client_read_records(zero, records, 0,
						  sizeof(*records))),
	   "read_records of none");
	ok(fails(EFAULT, freq_client_read_records(zero, NULL, SIZE_MAX,
						  sizeof(*records))),
	   "read_records of the largest count");
	freq_client_close(zero);
}

static void test_info_size(struct freq_client *client)
{
	struct freq_info info;

	ok(fails(EINVAL, freq_client_info(client, &info, 0)), "info of 0");
	ok(fails(E2BIG, freq_client_info(client, &info, _IOC_SIZEMASK + 1)),
	   "info of more than a request number can tell");
}

int main(void)
{
	struct freq_client *client;

	test_open();
	test_no_device();
	client = freq_client_open("/dev/null", O_RDWR);
	if (!client)
		return 1;
	test_not_known(client);
	test_too_many(client);
	test_info_size(client);
	test_listing(client);
	test_label_length(client);
	test_record_size(client);
	test_read_records(client);
	freq_client_close(client);
	return tap_done();
}
