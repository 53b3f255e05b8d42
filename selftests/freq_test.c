// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modules, the server and its requests: what all programs use that test or
 * measure /dev/freq. See freq_test.h.
 *
 * Modules are loaded and removed by the system calls themselves, not by
 * modprobe, since the tests are about the errno of the first try.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "freq_test.h"

/* MODULE_INIT_COMPRESSED_FILE, which older headers lack. */
#define COMPRESSED_FILE	4

bool complain(const char *file, int line, const char *what, long long want,
	      long long seen)
{
	fprintf(stderr, "# %s:%d: %s: wanted %lld, saw %lld\n", file, line,
		what, want, seen);
	return true;
}

/* Whether a text, of words with spaces between them, has the word. */
bool has_word(const char *text, const char *word)
{
	size_t length = strlen(word);
	const char *at = text;

	while ((at = strstr(at, word))) {
		if ((at == text || at[-1] == ' ') &&
		    (!at[length] || at[length] == ' '))
			return true;
		at++;
	}
	return false;
}

/*
 * FREQ_TEST_SHORT in the environment: the same tests with fewer rounds and
 * variants, where it would take too long otherwise.
 */
bool short_run(void)
{
	return getenv("FREQ_TEST_SHORT");
}

/* How many rounds to make, of which there are so many in a whole run. */
unsigned int rounds(unsigned int whole)
{
	return short_run() ? (whole + 4) / 5 : whole;
}

/* How many times longer all takes than on an ordinary kernel. */
unsigned int time_factor(void)
{
	const char *factor = getenv("FREQ_TIME_FACTOR");

	return factor ? atoi(factor) : 1;
}

/* What the harness limits a test by is linked to this. */
unsigned int __wrap_alarm(unsigned int seconds)
{
	return __real_alarm(seconds * time_factor());
}

unsigned long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

unsigned long long now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000ULL + now.tv_nsec / 1000;
}

static __s64 clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

__s64 boottime_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

/*
 * CLOCK_BOOTTIME at the last tick, which can be longer ago than a tick. A lower
 * bound: a delay between the calls, in this order, makes it earlier.
 */
__s64 boottime_coarse_ns(void)
{
	__s64 offset = clock_ns(CLOCK_BOOTTIME);

	offset -= clock_ns(CLOCK_MONOTONIC);
	return clock_ns(CLOCK_MONOTONIC_COARSE) + offset;
}

__s64 tick_ns(void)
{
	struct timespec tick;

	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	return tick.tv_sec * 1000000000LL + tick.tv_nsec;
}

/* Between two looks at a condition: lets the others run on few processors. */
void nap(void)
{
	const struct timespec millisecond = { .tv_nsec = 1000000 };

	nanosleep(&millisecond, NULL);
}

/* A splitmix64 generator: a seed tells the whole sequence. */
__u64 random_next(__u64 *state)
{
	__u64 z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* Puts an array in disorder. */
void shuffle(__u64 *list, __u32 count, __u64 *seed)
{
	__u32 i, j;
	__u64 other;

	for (i = count - 1; i > 0; i--) {
		j = random_below(seed, i + 1);
		other = list[i];
		list[i] = list[j];
		list[j] = other;
	}
}

/* Whether the file that the path names is that of the module. */
static bool path_names(const char *path, const char *module)
{
	const char *base = strrchr(path, '/');
	size_t length = strlen(module);
	size_t i;

	base = base ? base + 1 : path;
	for (i = 0; i < length; i++) {
		char c = base[i] == '-' ? '_' : base[i];

		if (c != module[i])
			return false;
	}
	return !strncmp(base + length, ".ko", 3);
}

static int module_load_file(const char *folder, const char *path,
			    const char *parameters)
{
	size_t length = strlen(path);
	char name[PATH_MAX];
	int flags = 0;
	int error = 0;
	int fd;

	snprintf(name, sizeof(name), "%s/%s", folder, path);
	if (length < 3 || strcmp(path + length - 3, ".ko"))
		flags = COMPRESSED_FILE;
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, parameters, flags))
		error = -errno;
	close(fd);
	/* The device comes with the door. Tests use it as any user. */
	if (!error && path_names(path, "freq") && chmod(DEVICE, 0666))
		error = -errno;
	return error;
}

/* What the module needs stands after it, the innermost last. */
static int module_load_needs(const char *folder, char *needs)
{
	char *word = strrchr(needs, ' ');
	int error;

	while (word || *needs) {
		const char *path = word ? word + 1 : needs;

		if (*path) {
			error = module_load_file(folder, path, "");
			if (error && error != -EEXIST)
				return error;
		}
		if (!word)
			break;
		*word = '\0';
		word = strrchr(needs, ' ');
	}
	return 0;
}

/**
 * module_load() - load an installed module and what it needs
 * @name: its name
 * @parameters: its parameters, or NULL
 *
 * Return: 0 or the negative errno of finit_module() for the module itself:
 * -EEXIST if it is loaded already.
 */
int module_load(const char *name, const char *parameters)
{
	char folder[PATH_MAX / 2];
	char list[PATH_MAX];
	struct utsname uts;
	char *line = NULL;
	size_t room = 0;
	int error = -ENOENT;
	FILE *file;

	uname(&uts);
	snprintf(folder, sizeof(folder), "/lib/modules/%s", uts.release);
	snprintf(list, sizeof(list), "%s/modules.dep", folder);
	file = fopen(list, "re");
	if (!file)
		return -errno;

	while (getline(&line, &room, file) > 0) {
		char *colon = strchr(line, ':');

		if (!colon)
			continue;
		*colon = '\0';
		if (!path_names(line, name))
			continue;
		colon[strcspn(colon + 1, "\n") + 1] = '\0';
		error = module_load_needs(folder, colon + 1);
		if (!error)
			error = module_load_file(folder, line,
						 parameters ?: "");
		break;
	}
	free(line);
	fclose(file);
	return error;
}

/* A release's module of an earlier commit: see earlier_test.sh. */
int module_load_earlier(const char *name)
{
	char file[64];

	snprintf(file, sizeof(file), "%s.ko", name);
	return module_load_file("/earlier", file, "");
}

/* One try: a module that is not idle is refused at once. */
int module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

/* The references of a module: -1 if it is not loaded. */
int module_references(const char *name)
{
	char found[64];
	char *line = NULL;
	size_t room = 0;
	int references = -1;
	int count;
	FILE *file;

	file = fopen("/proc/modules", "re");
	if (!file)
		return -1;
	while (getline(&line, &room, file) > 0) {
		if (sscanf(line, "%63s %*s %d", found, &count) == 2 &&
		    !strcmp(found, name)) {
			references = count;
			break;
		}
	}
	free(line);
	fclose(file);
	return references;
}

bool module_loaded(const char *name)
{
	return module_references(name) >= 0;
}

/* One try at removing each of our modules; how many remain. */
static int modules_sweep(void)
{
	char names[32][64];
	char *line = NULL;
	size_t room = 0;
	int count = 0;
	int remain = 0;
	FILE *file;
	int i;

	file = fopen("/proc/modules", "re");
	if (!file)
		return 1;
	while (count < 32 && getline(&line, &room, file) > 0) {
		if (sscanf(line, "%63s", names[count]) == 1 &&
		    (!strcmp(names[count], "freq") ||
		     !strncmp(names[count], "freq_", 5)))
			count++;
	}
	free(line);
	fclose(file);

	for (i = 0; i < count; i++)
		remain += !!module_unload(names[i]);
	return remain;
}

/* One try at ending the server, whatever it holds, and a rehearsal of it. */
static void server_end(void)
{
	struct listing held;
	size_t i;
	int fd;

	fd = open_rehearsal();
	if (fd >= 0)
		close(fd);
	fd = open_client();
	if (fd < 0)
		return;
	if (!listing_take(&held, fd, FREQ_LIST_ALLOCATED, FREQ_LIST_MAX)) {
		for (i = 0; i < held.count; i++)
			try_deallocate(fd, held.entries[i].frequency);
		listing_free(&held);
	}
	try_stop(fd);
	close(fd);
}

/**
 * server_clean() - stop the server and remove all our modules
 *
 * Processes that were killed may still be on their way out, so this tries
 * until it is done or a deadline passes.
 *
 * Return: 0, or -EBUSY if something of ours is still loaded.
 */
int server_clean(void)
{
	unsigned long long end = now_ms() + DEADLINE_MS;

	while (modules_sweep()) {
		server_end();
		if (!modules_sweep())
			break;
		if (now_ms() > end)
			return -EBUSY;
		nap();
	}
	return 0;
}

/**
 * server_start() - a fresh server, whatever was before
 * @release: the module that shall run
 * @parameters: its parameters, or NULL
 */
int server_start(const char *release, const char *parameters)
{
	int error = server_clean();

	return error ?: module_load(release, parameters);
}

/**
 * server_upgrade() - another release takes over, and the one before goes
 * @from: the module that runs
 * @to: the module that shall run
 *
 * Return: 0, or the negative errno of the step that failed. Nothing is tried
 * twice.
 */
int server_upgrade(const char *from, const char *to)
{
	int error = module_load(to, NULL);

	return error ?: module_unload(from);
}

/* The number in the name of a release's module. */
__u32 release_number(const char *module)
{
	return strtoul(module + strlen("freq_v"), NULL, 10);
}

/* What the release of a number says that it knows */
__u64 release_features(__u32 number)
{
	if (number < 2)
		return 0;
	return number < 3 ? FEATURES_V2 : FEATURES_V3;
}

/* What is counted of upgrades; ~0 if it cannot be read. */
__u64 upgrade_figure(const char *counter)
{
	char path[PATH_MAX];
	__u64 value = ~0ULL;
	char *text;

	snprintf(path, sizeof(path), SYSFS "upgrades/%s", counter);
	text = read_text(path);
	if (text)
		value = strtoull(text, NULL, 10);
	free(text);
	return value;
}

/* What is to go wrong in release 90, which is loaded; "none" ends it. */
int set_knob(const char *value)
{
	int fd = open(KNOBS "fail", O_WRONLY | O_CLOEXEC);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) != (ssize_t)strlen(value))
		error = -errno;
	close(fd);
	return error;
}

/* Whether the test release waits for its knob to be turned. */
bool knob_waits(void)
{
	char *text = read_text(KNOBS "waits");
	bool waits = text && !strcmp(text, "Y\n");

	free(text);
	return waits;
}

int open_client(void)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* A client of another user's, of this process. No other thread may run. */
int open_client_as(uid_t uid)
{
	int fd;

	if (seteuid(uid))
		return -errno;
	fd = open_client();
	if (seteuid(0))
		return -errno;
	return fd;
}

int open_rehearsal(void)
{
	int fd = open(REHEARSAL, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int try_ioctl(int fd, unsigned long request, void *argument)
{
	return ioctl(fd, request, argument) ? -errno : 0;
}

/* A request of another size than the header knows. */
unsigned long sized(unsigned long request, size_t size)
{
	return _IOC(_IOC_DIR(request), _IOC_TYPE(request), _IOC_NR(request),
		    size);
}

#ifdef __x86_64__
/* The system call of a 32-bit program: the arguments are the same. */
int compat_call(int number, int fd, unsigned int second, void *third)
{
	int result;

	asm volatile("int $0x80" : "=a" (result)
		     : "a" (number), "b" (fd), "c" (second), "d" (third)
		     : "r8", "r9", "r10", "r11", "memory");
	return result;
}

int compat_ioctl(int fd, unsigned int request, void *argument)
{
	return compat_call(COMPAT_IOCTL, fd, request, argument);
}
#endif

int try_stop(int fd)
{
	return try_ioctl(fd, FREQ_IOC_STOP, NULL);
}

int try_info(int fd, struct freq_info *info)
{
	memset(info, 0, sizeof(*info));
	return try_ioctl(fd, FREQ_IOC_INFO, info);
}

int try_list(int fd, struct freq_list *list)
{
	return try_ioctl(fd, FREQ_IOC_LIST, list);
}

int try_allocate(int fd, __u32 flags, __u64 *frequency)
{
	struct freq_allocate allocate = { .flags = flags };
	int error = try_ioctl(fd, FREQ_IOC_ALLOCATE, &allocate);

	*frequency = allocate.frequency;
	return error;
}

int try_deallocate(int fd, __u64 frequency)
{
	struct freq_deallocate deallocate = { .frequency = frequency };

	return try_ioctl(fd, FREQ_IOC_DEALLOCATE, &deallocate);
}

int try_inject(int fd, const __u64 *frequencies, __u32 count,
	       __u32 *index)
{
	struct freq_inject inject = {
		.frequencies = (uintptr_t)frequencies,
		.count = count,
	};
	int error = try_ioctl(fd, FREQ_IOC_INJECT, &inject);

	if (index)
		*index = inject.index;
	return error;
}

/* @count frequencies from 1000 on */
int try_inject_range(int fd, __u32 count)
{
	__u64 list[1024];
	__u32 i;

	if (count > sizeof(list) / sizeof(*list))
		return -E2BIG;
	for (i = 0; i < count; i++)
		list[i] = 1000 + i;
	return try_inject(fd, list, count, NULL);
}

int try_allocate_batch(int fd, __u32 flags, __u64 *frequencies, __u32 count)
{
	struct freq_batch batch = {
		.frequencies = (uintptr_t)frequencies,
		.count = count,
		.flags = flags,
	};

	return try_ioctl(fd, FREQ_IOC_ALLOCATE_BATCH, &batch);
}

int try_deallocate_batch(int fd, const __u64 *frequencies, __u32 count,
			 __u32 *index)
{
	struct freq_batch batch = {
		.frequencies = (uintptr_t)frequencies,
		.count = count,
	};
	int error = try_ioctl(fd, FREQ_IOC_DEALLOCATE_BATCH, &batch);

	if (index)
		*index = batch.index;
	return error;
}

int try_info_v3(int fd, struct freq_info_v3 *info)
{
	memset(info, 0, sizeof(*info));
	return try_ioctl(fd, FREQ_IOC_INFO_V3, info);
}

int try_allocate_v3(int fd, struct freq_allocate_v3 *allocate)
{
	return try_ioctl(fd, FREQ_IOC_ALLOCATE_V3, allocate);
}

int try_allocate_exact(int fd, __u64 frequency)
{
	struct freq_allocate_v3 allocate = {
		.frequency = frequency,
		.flags = FREQ_ALLOCATE_EXACT,
	};
	int error = try_allocate_v3(fd, &allocate);

	if (!error && allocate.frequency != frequency)
		return -EPROTO;
	return error;
}

int try_deallocate_grant(int fd, __u64 frequency, __u64 grant)
{
	struct freq_deallocate_v3 deallocate = {
		.frequency = frequency,
		.grant = grant,
	};

	return try_ioctl(fd, FREQ_IOC_DEALLOCATE_V3, &deallocate);
}

int try_list_grants(int fd, struct freq_list_grants *list)
{
	return try_ioctl(fd, FREQ_IOC_LIST_GRANTS, list);
}

int try_allocate_group(int fd, struct freq_group *group)
{
	return try_ioctl(fd, FREQ_IOC_ALLOCATE_GROUP, group);
}

/* Padded by zeros, and cut off at the most there can be. */
int try_client_label(int fd, const char *text)
{
	struct freq_label label = { };

	memcpy(label.label, text, strnlen(text, FREQ_LABEL_MAX));
	return try_ioctl(fd, FREQ_IOC_LABEL, &label);
}

int try_subscribe(int fd, struct freq_subscribe *subscribe)
{
	return try_ioctl(fd, FREQ_IOC_SUBSCRIBE, subscribe);
}

/* All frequencies; kinds 0 ends the subscription. */
int try_subscribe_to(int fd, __u32 kinds, __u32 flags)
{
	struct freq_subscribe subscribe = {
		.kinds = kinds,
		.flags = flags,
		.record_size = sizeof(struct freq_record),
	};

	return try_subscribe(fd, &subscribe);
}

/* One read() of at most @room records: their number, or a negative errno. */
int try_read_records(int fd, struct freq_record *records, int room)
{
	ssize_t got = read(fd, records, room * sizeof(*records));

	if (got < 0)
		return -errno;
	if (!got || got % sizeof(*records) || got / sizeof(*records) > (size_t)room)
		return -EPROTO;
	return got / sizeof(*records);
}

int try_cancel(int fd, __u64 cookie)
{
	struct freq_cancel cancel = { .cookie = cookie };

	return try_ioctl(fd, FREQ_IOC_CANCEL, &cancel);
}

/* What LIST_GRANTS has of a frequency: 0; -ENOENT; the errno of the request. */
int grant_find(int fd, __u64 frequency, struct freq_grant_entry *entry)
{
	struct freq_grant_entry entries[64];
	struct freq_list_grants list = {
		.entries = (uintptr_t)entries,
		.entry_size = sizeof(*entries),
	};
	int error;
	__u32 i;

	memset(entry, 0, sizeof(*entry));
	do {
		list.count = sizeof(entries) / sizeof(*entries);
		error = try_list_grants(fd, &list);
		if (error)
			return error;
		for (i = 0; i < list.count; i++) {
			if (entries[i].frequency != frequency)
				continue;
			*entry = entries[i];
			return 0;
		}
	} while (list.cursor);
	return -ENOENT;
}

/* The number of the grant by which it is allocated; 0 if it is free. */
__u64 grant_of(int fd, __u64 frequency)
{
	struct freq_grant_entry entry;

	return grant_find(fd, frequency, &entry) ? 0 : entry.grant;
}

/* How many requests wait for a frequency; ~0 if nobody knows. */
__u32 waiters_of(int fd)
{
	struct freq_info_v3 info;

	return try_info_v3(fd, &info) ? ~0U : info.waiters;
}

/* The number of clients that subscribe; ~0 if it cannot be read. */
__u32 subscriptions_of(int fd)
{
	struct freq_info_v3 info;

	return try_info_v3(fd, &info) ? ~0U : info.subscriptions;
}

/**
 * listing_take() - all of LIST, page by page
 * @listing: filled; listing_free() it
 * @fd: the client that asks
 * @flags: FREQ_LIST_*
 * @page: entries a page
 */
int listing_take(struct listing *listing, int fd, __u32 flags,
		 __u32 page)
{
	struct freq_list list = { .flags = flags };
	size_t room = 0;
	int error;

	memset(listing, 0, sizeof(*listing));
	do {
		if (room < listing->count + page) {
			room = 2 * room + page;
			listing->entries = realloc(listing->entries,
						   room * sizeof(struct freq_entry));
			if (!listing->entries)
				return -ENOMEM;
		}
		list.entries = (uintptr_t)&listing->entries[listing->count];
		list.count = page;
		error = try_list(fd, &list);
		if (!error && list.count > page)
			error = -EOVERFLOW;
		if (error) {
			listing_free(listing);
			return error;
		}
		listing->count += list.count;
	} while (list.cursor);
	return 0;
}

void listing_free(struct listing *listing)
{
	free(listing->entries);
	memset(listing, 0, sizeof(*listing));
}

int write_text(const char *path, const char *text)
{
	ssize_t length = strlen(text);
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	int error;

	if (fd < 0)
		return -errno;
	error = write(fd, text, length) == length ? 0 : -errno;
	close(fd);
	return error;
}

/* All of a file, however long; NULL if it cannot be read. */
char *read_text(const char *path)
{
	size_t room = 65536;
	size_t length = 0;
	char *text = malloc(room);
	ssize_t got = 0;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && text) {
		if (length + 1 == room) {
			room *= 2;
			text = realloc(text, room);
			if (!text)
				break;
		}
		got = read(fd, text + length, room - length - 1);
		if (got <= 0)
			break;
		length += got;
	}
	if (fd >= 0)
		close(fd);
	if (fd < 0 || got < 0) {
		free(text);
		return NULL;
	}
	if (text)
		text[length] = '\0';
	return text;
}

/*
 * A test that ran out of time was killed and had no teardown. The harness
 * leaves the tests by _exit(), so this runs once, at the end of them all.
 */
static void __attribute__((destructor)) leave_nothing(void)
{
	server_clean();
}
