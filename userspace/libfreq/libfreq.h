/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libfreq: allocation of frequencies, or of any exclusive numbers, to the
 * programs of a machine, by way of /dev/freq.
 *
 * Functions that return int return 0, or -1 with errno set and nothing
 * changed, unless they say otherwise. The errors of every request
 * are those of <linux/freq.h>:
 *
 *	ENODEV	no release runs
 *	ENOTTY	the running release does not know this request
 *	EPERM	the client is not open for writing, or lacks a privilege
 *	ENOMEM	out of memory
 *
 * A client can be used by many threads at once, except that none may use it
 * while or after it is closed. A listing or an array is for one thread at a
 * time.
 */
#ifndef LIBFREQ_H
#define LIBFREQ_H

#include <stddef.h>

#include <linux/freq.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct freq_client - an open /dev/freq, which holds what it allocates
 */
struct freq_client;

/**
 * struct freq_listing - a walk over the frequencies of the server
 */
struct freq_listing;

/**
 * struct freq_array - frequencies, in a memory block that grows
 * @values: the frequencies, in hertz; NULL if there is no room for any
 * @count: the number of frequencies
 * @room: the capacity of @values
 *
 * All zero is an empty array. freq_array_free() gives the memory back.
 */
struct freq_array {
	__u64 *values;
	size_t count;
	size_t room;
};

/**
 * freq_client_open() - become a client of the server
 * @path: the device; NULL for that of FREQ_DEVICE in the environment, or
 *	/dev/freq without it
 * @access: O_RDWR, or O_RDONLY for a client that only asks
 *
 * This works while no release runs, too. The descriptor is closed on exec.
 *
 * Return: the client, for freq_client_close(); NULL with errno:
 * ENODEV if there is no such character device, EACCES if the caller has no
 * access to it, EINVAL for another @access, ENOMEM, or another error of
 * open(2).
 */
struct freq_client *freq_client_open(const char *path, int access);

/**
 * freq_client_close() - end a client
 * @client: from freq_client_open(), freed by this; or NULL
 *
 * Its frequencies go back to the server, except those allocated to be kept. If
 * a copy of the descriptor is open elsewhere, nothing goes back. errno is
 * preserved.
 */
void freq_client_close(struct freq_client *client);

/**
 * freq_client_fd() - the descriptor of a client
 * @client: the client, which keeps the descriptor
 *
 * Return: the descriptor. This cannot fail.
 */
int freq_client_fd(const struct freq_client *client);

/**
 * freq_client_allocate() - allocate a free frequency
 * @client: the client
 * @flags: FREQ_ALLOCATE_*
 * @frequency: out: the frequency, in hertz
 *
 * Return: 0; -1 with errno: ENOSPC if none is free, EINVAL for an unknown
 * flag, or an error of every request.
 */
int freq_client_allocate(struct freq_client *client, __u32 flags,
			 __u64 *frequency);

/**
 * freq_client_deallocate() - give a frequency back
 * @client: the client
 * @frequency: the frequency, in hertz
 *
 * Return: 0; -1 with errno: ENOENT if it is not allocated, EPERM if another
 * client holds it, or an error of every request.
 */
int freq_client_deallocate(struct freq_client *client, __u64 frequency);

/**
 * freq_client_allocate_until() - allocate a frequency, or wait for it
 * @client: the client
 * @flags: FREQ_ALLOCATE_*
 * @deadline: until when to wait, in ns of CLOCK_MONOTONIC; 0: not at all;
 *	FREQ_FOR_EVER
 * @frequency: in: the wanted frequency with FREQ_ALLOCATE_EXACT, else ignored;
 *	out: the frequency, in hertz
 * @grant: out: the number of the grant; can be NULL
 *
 * Needs release 3 in every case; freq_client_allocate() does not. Threads that
 * share the client can make other requests while one of them waits.
 *
 * Return: 0; -1 with errno: ENOSPC if none is free and @deadline is 0; EBUSY if
 * the wanted one is allocated and @deadline is 0; ENOENT if the wanted one is
 * not in the pool; ETIMEDOUT if @deadline came first; EINTR if a signal did;
 * EINVAL for an unknown flag or a negative @deadline; ENOTTY if the running
 * release cannot do it (FREQ_FEATURE_GRANTS); or an error of every request.
 */
int freq_client_allocate_until(struct freq_client *client, __u32 flags,
			       __s64 deadline, __u64 *frequency, __u64 *grant);

/**
 * freq_client_deallocate_grant() - give a frequency back, unless it was
 *	allocated anew
 * @client: the client
 * @frequency: the frequency, in hertz
 * @grant: the number of the grant that is to end; 0 for whichever it is, as
 *	freq_client_deallocate() does
 *
 * Return: 0; -1 with errno: ENOENT if it is not allocated, ESTALE if it is
 * allocated by another grant, EPERM if another client holds it, ENOTTY if the
 * running release cannot do it (FREQ_FEATURE_GRANTS), or an error of every
 * request.
 */
int freq_client_deallocate_grant(struct freq_client *client, __u64 frequency,
				 __u64 grant);

/**
 * freq_client_set_label() - label a client, for those who list its frequencies
 * @client: the client
 * @label: a text of up to FREQ_LABEL_MAX bytes; an empty one, or NULL, for none
 *
 * Return: 0; -1 with errno: E2BIG for a longer text, EILSEQ for one with a
 * control character, ENOTTY if the running release cannot do it
 * (FREQ_FEATURE_GRANTS), or an error of every request.
 */
int freq_client_set_label(struct freq_client *client, const char *label);

/**
 * freq_client_allocate_batch() - allocate several frequencies, all or none
 * @client: the client
 * @flags: FREQ_ALLOCATE_*, for all of them
 * @frequencies: out: the frequencies, in hertz, in the order in which
 *	freq_client_allocate() would have returned them; has room for @count.
 *	Clobbered on an error.
 * @count: their number, 1 to FREQ_BATCH_MAX
 *
 * Return: 0; -1 with errno: ENOSPC if fewer are free, E2BIG for too large a
 * @count, EINVAL for 0 or an unknown flag, EFAULT if @frequencies cannot be
 * written, ENOTTY if the running release cannot do it (FREQ_FEATURE_BATCH), or
 * an error of every request.
 */
int freq_client_allocate_batch(struct freq_client *client, __u32 flags,
			       __u64 *frequencies, size_t count);

/**
 * freq_client_allocate_group() - allocate the lowest free frequencies of spans,
 *	or wait for them, all or none
 * @client: the client
 * @flags: FREQ_ALLOCATE_KEEP, FREQ_GROUP_*
 * @spans: where to look, the first span first; they stay the caller's
 * @span_count: their number, up to FREQ_SPANS_MAX; 0 for the whole pool
 * @spacing: the distance of neighbours, in hertz, with FREQ_GROUP_ROW; else 0
 * @deadline: until when to wait, in ns of CLOCK_MONOTONIC; 0: not at all;
 *	FREQ_FOR_EVER
 * @granted: out: the frequencies, in hertz, and the numbers of their grants, in
 *	the order in which they were found; has room for @count. Clobbered on an
 *	error.
 * @count: their number, 1 to FREQ_GROUP_MAX
 *
 * Nothing is held while it waits, unless @flags has FREQ_GROUP_RESERVE.
 *
 * Return: 0; -1 with errno: ENOENT if @spans do not have so many frequencies, or
 * no such row, allocated or not; ENOSPC if too few are free and @deadline is 0;
 * ETIMEDOUT if @deadline came first; EINTR if a signal did; ERANGE for a span
 * that ends before it begins, or a row whose last frequency would be 2^64 or
 * more; E2BIG for too large a @count or @span_count, or for a row in spans with
 * more than FREQ_ROW_SEARCH_MAX frequencies; EINVAL for a @count of 0, an unknown
 * flag, FREQ_GROUP_RESERVE with FREQ_GROUP_ROW or without a @deadline, another
 * @spacing than 0 without FREQ_GROUP_ROW, or a negative @deadline; EPERM with
 * FREQ_GROUP_RESERVE and a @deadline that is more than FREQ_RESERVE_MAX_NS ahead,
 * without CAP_SYS_ADMIN; EFAULT if @spans cannot be read, or @granted cannot be
 * written; ENOTTY if the running release cannot do it (FREQ_FEATURE_GRANTS); or
 * an error of every request.
 */
int freq_client_allocate_group(struct freq_client *client, __u32 flags,
			       const struct freq_span *spans, size_t span_count,
			       __u64 spacing, __s64 deadline,
			       struct freq_granted *granted, size_t count);

/**
 * freq_client_queue() - allocate a frequency, or queue the request for it
 * @client: a client that subscribes, to FREQ_RECORD_OUTCOME among others
 * @flags: FREQ_ALLOCATE_KEEP, FREQ_ALLOCATE_EXACT
 * @deadline: until when it is queued, in ns of CLOCK_MONOTONIC; FREQ_FOR_EVER
 * @cookie: a number for the request, which no other one of the client that is
 *	queued has
 * @frequency: in: the wanted frequency with FREQ_ALLOCATE_EXACT, else ignored;
 *	out: the frequency, in hertz, if it is allocated
 * @grant: out: the number of the grant, if it is allocated; can be NULL
 *
 * As freq_client_allocate_until(), but does not wait. What becomes of a request
 * that is queued is a record of FREQ_RECORD_OUTCOME whose value is @cookie, see
 * freq_client_read_records(). Such requests are cancelled when the subscription
 * ends.
 *
 * Return: 1 if it is allocated, and no record comes; 0 if it is queued; -1 with
 * errno: ENOENT if the wanted one is not in the pool; EEXIST if a request with
 * this @cookie is queued; EDQUOT if FREQ_QUEUED_MAX of the client are; EINTR if a
 * signal came before it was queued; EINVAL without such a subscription, for an
 * unknown flag, or for a @deadline of 0 or a negative one; ENOTTY if the running
 * release cannot do it (FREQ_FEATURE_GRANTS); or an error of every request.
 */
int freq_client_queue(struct freq_client *client, __u32 flags, __s64 deadline,
		      __u64 cookie, __u64 *frequency, __u64 *grant);

/**
 * freq_client_queue_group() - allocate the lowest free frequencies of spans, all
 *	or none, or queue the request for them
 * @client: as in freq_client_queue()
 * @flags: FREQ_ALLOCATE_KEEP, FREQ_GROUP_RESERVE
 * @spans: where to look, the first span first; they stay the caller's
 * @span_count: their number, up to FREQ_SPANS_MAX; 0 for the whole pool
 * @deadline: as in freq_client_queue()
 * @cookie: as in freq_client_queue()
 * @granted: out: as in freq_client_allocate_group(), if they are allocated; else
 *	clobbered
 * @count: their number, 1 to FREQ_GROUP_MAX; more than 1 only with
 *	FREQ_GROUP_RESERVE
 *
 * As freq_client_queue(). There is a record for each frequency, and all of them
 * have the @cookie.
 *
 * Return: 1 if they are allocated, and no record comes; 0 if the request is
 * queued; -1 with errno: ENOENT if @spans do not have so many frequencies,
 * allocated or not; EEXIST, EDQUOT, EINTR as freq_client_queue(); ERANGE for a
 * span that ends before it begins; E2BIG for too large a @count or @span_count;
 * EINVAL as freq_client_queue(), for a @count of 0, and for a larger one than 1
 * without FREQ_GROUP_RESERVE; EPERM with FREQ_GROUP_RESERVE and a @deadline that
 * is more than FREQ_RESERVE_MAX_NS ahead, without CAP_SYS_ADMIN; EFAULT if @spans
 * cannot be read, or @granted cannot be written; ENOTTY if the running release
 * cannot do it (FREQ_FEATURE_GRANTS); or an error of every request.
 */
int freq_client_queue_group(struct freq_client *client, __u32 flags,
			    const struct freq_span *spans, size_t span_count,
			    __s64 deadline, __u64 cookie,
			    struct freq_granted *granted, size_t count);

/**
 * freq_client_cancel() - cancel a request that is queued
 * @client: the client that made it
 * @cookie: its number
 *
 * No record comes of it any more, and the number can be used again.
 *
 * Return: 0; -1 with errno: ENOENT if no request of the client with this @cookie
 * is queued: there is a record of its outcome then; ENOTTY if the running release
 * cannot do it (FREQ_FEATURE_GRANTS); or an error of every request.
 */
int freq_client_cancel(struct freq_client *client, __u64 cookie);

/**
 * freq_client_deallocate_batch() - give several frequencies back, all or none
 * @client: the client
 * @frequencies: the frequencies, in hertz; they stay the caller's. The last
 *	one will be the first in line.
 * @count: their number, 1 to FREQ_BATCH_MAX
 * @index: out, on ENOENT and EPERM only: the index of the first that cannot be
 *	given back, 0 if @client is not open for writing; can be NULL
 *
 * Return: 0; -1 with errno: ENOENT if one is not allocated, or is earlier in
 * @frequencies, EPERM if another client holds one, E2BIG for too large a
 * @count, EINVAL for 0, EFAULT if @frequencies cannot be read, ENOTTY if the
 * running release cannot do it (FREQ_FEATURE_BATCH), or an error of every
 * request.
 */
int freq_client_deallocate_batch(struct freq_client *client,
				 const __u64 *frequencies, size_t count,
				 size_t *index);

/**
 * freq_client_inject() - add frequencies to the server, all or none
 * @client: the client
 * @frequencies: the frequencies, in hertz; they stay the caller's
 * @count: their number, 1 to FREQ_INJECT_MAX
 * @index: out, on EEXIST only: the index of one that exists already, or is
 *	repeated in @frequencies; can be NULL
 *
 * Return: 0; -1 with errno: EEXIST, E2BIG for too large a @count, EINVAL for
 * 0, EPERM without CAP_SYS_ADMIN, EINTR if a signal came while the request
 * waited for its turn, ENOTTY if the running release cannot do it, or an
 * error of every request.
 */
int freq_client_inject(struct freq_client *client, const __u64 *frequencies,
		       size_t count, size_t *index);

/**
 * freq_client_info() - the running release and its counts
 * @client: the client
 * @info: out: a struct freq_info, or one of its later forms, such as struct
 *	freq_info_v3; see <linux/freq.h>. A field that the running release does
 *	not know is 0.
 * @size: sizeof(*info): a program that was built when the structure was
 *	shorter goes on working
 *
 * Return: 0; -1 with errno: E2BIG or EINVAL if the running release cannot
 * serve this @size, or an error of every request.
 */
int freq_client_info(struct freq_client *client, void *info, size_t size);

/**
 * freq_client_stop() - detach the running release from the device
 * @client: the client
 *
 * Return: 0; -1 with errno: EBUSY if anything is allocated, if another client
 * has ever allocated something and is still open, or if another release is
 * taking over; EPERM without CAP_SYS_ADMIN, or an error of every request.
 */
int freq_client_stop(struct freq_client *client);

/**
 * freq_client_list() - begin a walk over the frequencies
 * @client: the client; it must outlive the listing
 * @flags: FREQ_LIST_*; 0 for all frequencies
 *
 * Return: the listing, for freq_listing_free(); NULL with errno ENOMEM. Only
 * freq_listing_next() makes requests.
 */
struct freq_listing *freq_client_list(struct freq_client *client,
				      __u32 flags);

/**
 * freq_listing_next() - the next frequency of a walk
 * @listing: from freq_client_list()
 * @entry: out: the frequency and its holder; see <linux/freq.h>
 *
 * A request returns a page. A change by another client between two requests
 * shows in the later pages.
 *
 * Return: 1 with @entry filled; 0 at the end; -1 with errno: EINVAL for an
 * unknown flag, or for a listing of freq_client_list_grants(); or an error of
 * every request.
 */
int freq_listing_next(struct freq_listing *listing, struct freq_entry *entry);

/**
 * freq_client_list_grants() - begin a walk over the frequencies and grants
 * @client: the client; it must outlive the listing
 * @flags: FREQ_LIST_*; 0 for all frequencies
 * @size: sizeof(struct freq_grant_entry) as the caller knows it
 *
 * Return: the listing, for freq_listing_next_grant() and freq_listing_free();
 * NULL with errno: EINVAL for another @size than FREQ_IOC_LIST_GRANTS has,
 * ENOMEM. Only freq_listing_next_grant() makes requests.
 */
struct freq_listing *freq_client_list_grants(struct freq_client *client,
					     __u32 flags, size_t size);

/**
 * freq_listing_next_grant() - the next frequency of a walk, with its grant
 * @listing: from freq_client_list_grants()
 * @entry: out: the frequency, its grant and its holder; see <linux/freq.h>. As
 *	many bytes are written as the listing was begun with.
 *
 * As freq_listing_next().
 *
 * Return: 1 with @entry filled; 0 at the end; -1 with errno: EINVAL for an
 * unknown flag, or for a listing of freq_client_list(); ENOTTY if the running
 * release cannot do it (FREQ_FEATURE_GRANTS); or an error of every request.
 */
int freq_listing_next_grant(struct freq_listing *listing,
			    struct freq_grant_entry *entry);

/**
 * freq_listing_free() - end a walk
 * @listing: from freq_client_list() or freq_client_list_grants(), freed by
 *	this; or NULL
 */
void freq_listing_free(struct freq_listing *listing);

/**
 * freq_client_subscribe() - have records of what happens for this client
 * @client: the client; read-only access is enough
 * @kinds: 1 << FREQ_RECORD_* of each kind that is wanted; 0 ends the
 *	subscription
 * @flags: FREQ_SUBSCRIBE_*
 * @spans: the frequencies that are wanted; they stay the caller's
 * @span_count: their number, up to FREQ_SPANS_MAX; 0 for all frequencies
 * @size: sizeof(struct freq_record) as the caller knows it
 *
 * The records are read by freq_client_read_records(). A subscription that the
 * client has already is replaced. It is that of all who share the client's open
 * file.
 *
 * Return: 0; -1 with errno: EINVAL for an unknown kind or flag, or for another
 * @size than FREQ_IOC_SUBSCRIBE has; E2BIG for too large a @span_count; ERANGE
 * for a span that ends before it begins; EDQUOT if FREQ_SUBSCRIBERS_MAX other
 * clients of the user subscribe; EFAULT if @spans cannot be read; ENOTTY if the
 * running release cannot do it (FREQ_FEATURE_GRANTS); or an error of every
 * request.
 */
int freq_client_subscribe(struct freq_client *client, __u32 kinds, __u32 flags,
			  const struct freq_span *spans, size_t span_count,
			  size_t size);

/**
 * freq_client_read_records() - read records, and wait for the first one
 * @client: a client that subscribes
 * @records: out: the records, the oldest first
 * @count: the capacity of @records. As many as are there are read at once, but
 *	the kernel has a limit, which is 64 at present.
 * @size: that of the subscription
 *
 * If O_NONBLOCK is set on freq_client_fd(), this does not wait. poll(2) reports
 * POLLIN if there is a record, or if the server was stopped.
 *
 * Return: the number of records, 1 or more; -1 with errno: ENODEV if the server
 * was stopped, which ends the subscription; EINVAL without a subscription, for a
 * @count of 0, or for another @size than FREQ_IOC_SUBSCRIBE has; EAGAIN if there
 * is no record and O_NONBLOCK is set; EINTR if a signal came first; EFAULT if
 * @records cannot be written; ENOMEM.
 */
int freq_client_read_records(struct freq_client *client,
			     struct freq_record *records, size_t count,
			     size_t size);

/**
 * freq_array_add() - append one frequency
 * @array: the array
 * @frequency: the frequency, in hertz
 *
 * Return: 0; -1 with errno ENOMEM.
 */
int freq_array_add(struct freq_array *array, __u64 frequency);

/**
 * freq_array_add_spec() - append the frequencies that a text describes
 * @array: the array
 * @spec: as in "10", "10-15,30", "868.1MHz" or
 *	"446.00625MHz-446.19375MHz/12.5kHz"; an empty text describes none
 *
 * Return: 0; -1 with errno: EINVAL if @spec is no such text, ERANGE if a
 * number is 2^64 or more, E2BIG if the array would then have more than
 * FREQ_INJECT_MAX (found before memory is taken), ENOMEM.
 */
int freq_array_add_spec(struct freq_array *array, const char *spec);

/**
 * freq_array_sort() - put an array in ascending order, without repetitions
 * @array: the array
 */
void freq_array_sort(struct freq_array *array);

/**
 * freq_array_format() - write an array as the kernel writes lists: 10-15,30
 * @array: the array, in ascending order and without repetitions
 *
 * Return: the text, for free(); NULL with errno: EINVAL for another order,
 * ENOMEM.
 */
char *freq_array_format(const struct freq_array *array);

/**
 * freq_array_free() - give back the memory of an array
 * @array: the array, empty afterwards
 */
void freq_array_free(struct freq_array *array);

#ifdef __cplusplus
}
#endif

#endif /* LIBFREQ_H */
