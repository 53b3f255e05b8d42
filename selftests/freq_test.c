// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tests of /dev/freq share: see freq_test.h.
 *
 * Modules are loaded and removed by the system calls themselves, not by
 * modprobe, since the tests are about the errno of the first try.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

#include "freq_test.h"

/* MODULE_INIT_COMPRESSED_FILE, which older headers lack. */
#define COMPRESSED_FILE	4

#define CHILDREN_MAX	256

static pid_t children[CHILDREN_MAX];
static pid_t main_process;

bool complain(const char *file, int line, const char *what, long long want,
	      long long seen)
{
	fprintf(stderr, "# %s:%d: %s: wanted %lld, saw %lld\n", file, line,
		what, want, seen);
	return true;
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
	unsigned long long end = now_ms() + 5000;

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

bool release_runs(const char *module)
{
	char text[16];

	snprintf(text, sizeof(text), "%u\n", release_number(module));
	return sysfs_is("release", text);
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

/* Its device, and all that sysfs had of it. */
bool rehearsal_gone(void)
{
	return access(REHEARSAL, F_OK) && errno == ENOENT &&
	       access(REHEARSAL_SYSFS, F_OK) && errno == ENOENT;
}

int try_ioctl(int fd, unsigned long request, void *argument)
{
	return ioctl(fd, request, argument) ? -errno : 0;
}

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

static int entry_compare(const void *a, const void *b)
{
	const struct freq_entry *one = a;
	const struct freq_entry *other = b;

	return (one->frequency > other->frequency) -
	       (one->frequency < other->frequency);
}

void listing_sort(struct listing *listing)
{
	if (listing->count)
		qsort(listing->entries, listing->count,
		      sizeof(*listing->entries), entry_compare);
}

/* In a sorted list; NULL if it is not there. */
const struct freq_entry *listing_find(const struct listing *listing,
				      __u64 frequency)
{
	const struct freq_entry key = { .frequency = frequency };

	if (!listing->count)
		return NULL;
	return bsearch(&key, listing->entries, listing->count, sizeof(key),
		       entry_compare);
}

void listing_free(struct listing *listing)
{
	free(listing->entries);
	memset(listing, 0, sizeof(*listing));
}

/**
 * listing_format() - a list as sysfs has to show it
 * @sorted: a list in ascending order
 * @allocated: the allocated of it, or the free
 *
 * Return: a string to be freed, with its newline.
 */
char *listing_format(const struct listing *sorted, bool allocated)
{
	/* Two numbers, a dash and a comma an entry. */
	char *text = malloc(sorted->count * 44 + 2);
	__u64 first = 0, last = 0;
	bool open = false;
	char *end = text;
	size_t i;

	if (!text)
		return NULL;
	*end = '\0';
	for (i = 0; i <= sorted->count; i++) {
		const struct freq_entry *entry = NULL;

		if (i < sorted->count) {
			entry = &sorted->entries[i];
			if (allocated != !!(entry->flags &
					    FREQ_ENTRY_ALLOCATED))
				continue;
			if (open && entry->frequency - 1 == last) {
				last = entry->frequency;
				continue;
			}
		}
		if (open) {
			if (end != text)
				*end++ = ',';
			end += sprintf(end, "%llu", first);
			if (first != last)
				end += sprintf(end, "-%llu", last);
		}
		if (entry) {
			first = entry->frequency;
			last = first;
			open = true;
		}
	}
	strcpy(end, "\n");
	return text;
}

/* The order is found by a client that takes all and is closed again. */
static int snapshot_order(struct snapshot *snapshot)
{
	__u64 frequency;
	size_t room = snapshot->info.free + 1;
	int error;
	int fd;

	snapshot->order = calloc(room, sizeof(*snapshot->order));
	if (!snapshot->order)
		return -ENOMEM;
	fd = open_client();
	if (fd < 0)
		return fd;
	while (!(error = try_allocate(fd, 0, &frequency))) {
		if (snapshot->nr_order == room) {
			error = -EOVERFLOW;
			break;
		}
		snapshot->order[snapshot->nr_order++] = frequency;
	}
	close(fd);
	return error == -ENOSPC ? 0 : error;
}

int snapshot_take(struct snapshot *snapshot, int fd)
{
	int error;

	memset(snapshot, 0, sizeof(*snapshot));
	error = try_info(fd, &snapshot->info);
	if (!error)
		error = listing_take(&snapshot->list, fd, 0, FREQ_LIST_MAX);
	if (!error)
		error = snapshot_order(snapshot);
	listing_sort(&snapshot->list);
	return error;
}

static bool info_same(const struct freq_info *one,
		      const struct freq_info *other)
{
	if (!memcmp(one, other, sizeof(*one)))
		return true;
	fprintf(stderr,
		"# INFO differs: release %u %u, clients %u %u, free %llu %llu, allocated %llu %llu, features %#llx %#llx\n",
		one->release, other->release, one->clients, other->clients,
		one->free, other->free, one->allocated, other->allocated,
		one->features, other->features);
	return false;
}

bool listing_same(const struct listing *one, const struct listing *other)
{
	size_t i;

	if (one->count != other->count) {
		fprintf(stderr, "# LIST has %zu entries, then %zu\n",
			one->count, other->count);
		return false;
	}
	for (i = 0; i < one->count; i++) {
		const struct freq_entry *a = &one->entries[i];
		const struct freq_entry *b = &other->entries[i];

		if (!memcmp(a, b, sizeof(*a)))
			continue;
		fprintf(stderr,
			"# LIST differs: frequency %llu %llu, flags %#x %#x, uid %u %u, pid %d %d, pad %u %u\n",
			a->frequency, b->frequency, a->flags, b->flags,
			a->uid, b->uid, a->pid, b->pid, a->pad, b->pad);
		return false;
	}
	return true;
}

/* Whether nothing changed; tells the first difference otherwise. */
bool snapshot_same(const struct snapshot *one, const struct snapshot *other)
{
	size_t i;

	if (!info_same(&one->info, &other->info) ||
	    !listing_same(&one->list, &other->list))
		return false;
	if (one->nr_order != other->nr_order) {
		fprintf(stderr, "# %zu could be allocated, then %zu\n",
			one->nr_order, other->nr_order);
		return false;
	}
	for (i = 0; i < one->nr_order; i++) {
		if (one->order[i] == other->order[i])
			continue;
		fprintf(stderr,
			"# free list differs at %zu: %llu %llu\n", i,
			one->order[i], other->order[i]);
		return false;
	}
	return true;
}

/* Whether nothing changed but which release it is, and what that one knows. */
bool state_same(const struct snapshot *one, const struct snapshot *other)
{
	struct snapshot same = *one;

	same.info.release = other->info.release;
	same.info.features = other->info.features;
	return snapshot_same(&same, other);
}

void snapshot_free(struct snapshot *snapshot)
{
	listing_free(&snapshot->list);
	free(snapshot->order);
	memset(snapshot, 0, sizeof(*snapshot));
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

static bool sysfs_is_in(const char *folder, const char *name,
			const char *text)
{
	char path[PATH_MAX];
	char *seen;
	bool same;

	snprintf(path, sizeof(path), "%s%s", folder, name);
	seen = read_text(path);
	same = seen && !strcmp(seen, text);
	if (!same)
		fprintf(stderr, "# %s: wanted %.200s# saw %.200s", name, text,
			seen ?: "nothing\n");
	free(seen);
	return same;
}

bool sysfs_is(const char *name, const char *text)
{
	return sysfs_is_in(SYSFS, name, text);
}

/* Whether a folder of sysfs shows just what LIST tells. */
bool sysfs_agrees_in(const char *folder, int fd)
{
	struct listing list;
	char *available, *allocated;
	bool same;

	if (listing_take(&list, fd, 0, FREQ_LIST_MAX))
		return false;
	listing_sort(&list);
	available = listing_format(&list, false);
	allocated = listing_format(&list, true);
	same = available && allocated &&
	       sysfs_is_in(folder, "free", available) &&
	       sysfs_is_in(folder, "allocated", allocated);
	free(available);
	free(allocated);
	listing_free(&list);
	return same;
}

bool sysfs_agrees(int fd)
{
	return sysfs_agrees_in(SYSFS, fd);
}

/* The kernel's log, from here on. */
int log_open(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (log >= 0)
		lseek(log, 0, SEEK_END);
	return log;
}

/* The next record; its length, 0 if there is none yet, or a negative errno. */
static ssize_t log_next(int log, char *record, size_t size)
{
	ssize_t got;

	/* EPIPE: overtaken by newer records, which are read next. */
	do {
		got = read(log, record, size - 1);
	} while (got < 0 && errno == EPIPE);
	if (got < 0)
		return errno == EAGAIN ? 0 : -errno;
	record[got] = '\0';
	return got;
}

/**
 * log_count() - what of ours was logged since log_open(), or this was asked
 * @log: the log
 * @text: what it has to be
 *
 * A machine that is up may have things of its own to say.
 *
 * Return: the number of records, or -1, after telling, if there was another.
 */
int log_count(int log, const char *text)
{
	char record[8192];
	int count = 0;
	ssize_t got;

	while ((got = log_next(log, record, sizeof(record))) > 0) {
		if (!strstr(record, "freq") && !strstr(record, "Call Trace"))
			continue;
		if (text && strstr(record, text)) {
			count += count >= 0;
			continue;
		}
		fprintf(stderr, "# logged: %s", record);
		count = -1;
	}
	return got < 0 ? -1 : count;
}

/* Whether nothing of ours was logged since then. */
bool log_silent(int log)
{
	return !log_count(log, NULL);
}

/* Another user for good, with no privilege. */
int become(uid_t uid)
{
	if (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
	    setresuid(uid, uid, uid))
		return -errno;
	/* The change cleared it, and orphans shall not stay behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return 0;
}

/**
 * child_start() - run a function in another process
 * @child: filled; child_wait() or child_kill() it
 * @body: what it does, with its end of the line; not 0 if it failed
 * @data: for body
 *
 * As with any fork, the child has all descriptors that the test has.
 */
int child_start(struct child *child, int (*body)(int line, void *data),
		void *data)
{
	int ends[2];
	int i;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return -errno;
	fflush(stdout);
	fflush(stderr);
	child->pid = fork();
	if (child->pid < 0)
		return -errno;
	if (!child->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		i = body(ends[1], data);
		fflush(stderr);
		_exit(i ? 1 : 0);
	}
	close(ends[1]);
	child->line = ends[0];

	main_process = getpid();
	for (i = 0; i < CHILDREN_MAX; i++) {
		if (!children[i]) {
			children[i] = child->pid;
			break;
		}
	}
	return 0;
}

static void child_forget(pid_t pid)
{
	int i;

	for (i = 0; i < CHILDREN_MAX; i++) {
		if (children[i] == pid)
			children[i] = 0;
	}
}

/* Until the child is gone; its exit status, or 128 + its signal. */
int child_wait(struct child *child)
{
	int status;

	if (waitpid(child->pid, &status, 0) != child->pid)
		return -errno;
	child_forget(child->pid);
	close(child->line);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

int child_kill(struct child *child)
{
	kill(child->pid, SIGKILL);
	return child_wait(child);
}

/**
 * child_kill_timed() - kill a child that has to end at once
 * @child: the child
 * @us: how long it took, in microseconds of the guest
 *
 * Return: as child_wait(); -ETIMEDOUT if it did not end, and may still.
 */
int child_kill_timed(struct child *child, unsigned long long *us)
{
	struct pollfd ended = {
		.fd = syscall(SYS_pidfd_open, child->pid, 0),
		.events = POLLIN,
	};
	unsigned long long start = now_us();
	int count;

	if (ended.fd < 0)
		return -errno;
	kill(child->pid, SIGKILL);
	count = poll(&ended, 1, DEADLINE_MS);
	*us = now_us() - start;
	close(ended.fd);
	return count == 1 ? child_wait(child) : -ETIMEDOUT;
}

/* R, S, D, T, Z and so on; 0 if there is no such process. */
char process_state(pid_t pid)
{
	char path[32], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(file);
	return state;
}

void children_kill(void)
{
	int i;

	if (main_process != getpid())
		return;
	for (i = 0; i < CHILDREN_MAX; i++) {
		if (!children[i])
			continue;
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
		children[i] = 0;
	}
}

int line_say(int line, char word)
{
	return send(line, &word, 1, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

static int line_wait(int line)
{
	struct pollfd ready = { .fd = line, .events = POLLIN };

	return poll(&ready, 1, DEADLINE_MS) == 1 ? 0 : -ETIMEDOUT;
}

/* The other side has to say just this word. */
int line_hear(int line, char word)
{
	char heard;
	int error = line_wait(line);

	if (error)
		return error;
	if (read(line, &heard, 1) != 1)
		return -EPIPE;
	return heard == word ? 0 : -EPROTO;
}

int line_send_fd(int line, int fd)
{
	union {
		char space[CMSG_SPACE(sizeof(fd))];
		struct cmsghdr align;
	} control = {};
	struct iovec word = { .iov_base = "f", .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &word,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(line, &message, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

/* A descriptor, or a negative errno. */
int line_receive_fd(int line)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char letter;
	struct iovec word = { .iov_base = &letter, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &word,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header;
	int error = line_wait(line);
	int fd;

	if (error)
		return error;
	if (recvmsg(line, &message, MSG_CMSG_CLOEXEC) != 1)
		return -EPIPE;
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS)
		return -EPROTO;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* A page of its own, or NULL. */
void *page_map(int protection)
{
	void *page = mmap(NULL, page_size(), protection,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? NULL : page;
}

/* An address with just so many bytes before memory that is not ours. */
void *page_straddle(size_t before)
{
	size_t page = page_size();
	size_t size = (before + page - 1) / page * page;
	char *start = mmap(NULL, size + page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (start == MAP_FAILED || mprotect(start + size, page, PROT_NONE))
		return NULL;
	return start + size - before;
}

static int slow_page_register(struct slow_page *slow, __u64 mode)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range.len = page_size(),
		.mode = mode,
	};

	slow->page = page_map(PROT_READ | PROT_WRITE);
	if (!slow->page)
		return -ENOMEM;
	range.range.start = (uintptr_t)slow->page;
	slow->fault = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (slow->fault < 0 || ioctl(slow->fault, UFFDIO_API, &api) ||
	    ioctl(slow->fault, UFFDIO_REGISTER, &range))
		return -errno;
	return 0;
}

static int slow_page_copy(struct slow_page *slow, const void *content,
			  size_t size, __u64 mode)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)slow->page,
		.len = page_size(),
		.mode = mode,
	};
	void *page = page_map(PROT_READ | PROT_WRITE);
	int error = 0;

	if (!page)
		return -ENOMEM;
	memcpy(page, content, size);
	copy.src = (uintptr_t)page;
	if (ioctl(slow->fault, UFFDIO_COPY, &copy))
		error = -errno;
	munmap(page, page_size());
	return error;
}

/* Each access faults. */
int slow_page_map(struct slow_page *slow)
{
	slow->written = false;
	return slow_page_register(slow, UFFDIO_REGISTER_MODE_MISSING);
}

/* A read finds this content, a write faults. */
int slow_page_map_protected(struct slow_page *slow, const void *content,
			    size_t size)
{
	int error = slow_page_register(slow, UFFDIO_REGISTER_MODE_MISSING |
					     UFFDIO_REGISTER_MODE_WP);

	slow->written = true;
	return error ?: slow_page_copy(slow, content, size,
				       UFFDIO_COPY_MODE_WP);
}

/* Until a thread is stuck in the fault. */
int slow_page_wait(const struct slow_page *slow)
{
	struct pollfd ready = { .fd = slow->fault, .events = POLLIN };
	struct uffd_msg message;

	if (poll(&ready, 1, DEADLINE_MS) != 1)
		return -ETIMEDOUT;
	return read(slow->fault, &message, sizeof(message)) < 0 ? -errno : 0;
}

/* The fault ends: with this content, unless the page has one already. */
int slow_page_deliver(struct slow_page *slow, const void *content,
		      size_t size)
{
	struct uffdio_writeprotect writable = {
		.range = {
			.start = (uintptr_t)slow->page,
			.len = page_size(),
		},
	};
	int error = 0;

	if (!slow->written)
		error = slow_page_copy(slow, content, size, 0);
	else if (ioctl(slow->fault, UFFDIO_WRITEPROTECT, &writable))
		error = -errno;
	close(slow->fault);
	return error;
}

/* The page goes: whoever is stuck gets EFAULT. */
int slow_page_refuse(struct slow_page *slow)
{
	int error = munmap(slow->page, page_size()) ? -errno : 0;

	close(slow->fault);
	return error;
}

/*
 * After a test, also one that failed half way: its children and its open
 * descriptors would keep the server from being stopped.
 */
int test_clean(void)
{
	children_kill();
	syscall(SYS_close_range, 3, ~0U, 0);
	return server_clean();
}

/*
 * A test that ran out of time was killed and had no teardown. The harness
 * leaves the tests by _exit(), so this runs once, at the end of them all.
 */
static void __attribute__((destructor)) leave_nothing(void)
{
	server_clean();
}
