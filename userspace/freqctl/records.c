// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records of what happens, in words: as a row of a table, or as JSON.
 */
#include <stdio.h>
#include <string.h>

#include "boot_time.h"
#include "json.h"
#include "label.h"
#include "names.h"
#include "records.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* As 18446744073709551615 */
#define NUMBER_SIZE 24
/* As keep,until= and a time */
#define DETAILS_SIZE 96

/* What a record has, depending on its kind */
enum {
	HAS_FREQUENCY = 0x1,
	HAS_GRANT = 0x2,
	HAS_KEEP = 0x4,
	HAS_CLIENT = 0x8,
};

/**
 * struct kind - a kind of records
 * @name: its name
 * @parts: HAS_*
 */
struct kind {
	const char *name;
	unsigned int parts;
};

static const struct kind kinds[] = {
	[FREQ_RECORD_ALLOCATED] = {
		"allocated", HAS_FREQUENCY | HAS_GRANT | HAS_KEEP | HAS_CLIENT,
	},
	[FREQ_RECORD_DEALLOCATED] = {
		"deallocated", HAS_FREQUENCY | HAS_GRANT | HAS_KEEP | HAS_CLIENT,
	},
	[FREQ_RECORD_INJECTED] = { "injected", HAS_FREQUENCY | HAS_CLIENT },
	[FREQ_RECORD_WAITING] = {
		"waiting", HAS_FREQUENCY | HAS_KEEP | HAS_CLIENT,
	},
	[FREQ_RECORD_UPGRADED] = { "upgraded" },
	[FREQ_RECORD_PRESENT_END] = { "present_end" },
};

/**
 * records_find_kind() - the kind with a name
 * @name: one of RECORDS_KINDS
 * @kind: out: FREQ_RECORD_*
 *
 * Return: 0; -1 if there is no such kind.
 */
int records_find_kind(const char *name, unsigned int *kind)
{
	for (*kind = 0; *kind < FREQ_RECORD_PRESENT_END; (*kind)++)
		if (!strcmp(kinds[*kind].name, name))
			return 0;
	return -1;
}

static struct kind kind_of(const struct freq_record *record)
{
	static const struct kind unknown = { "unknown", HAS_FREQUENCY };

	return record->kind < COUNT(kinds) ? kinds[record->kind] : unknown;
}

/* Without a certain frequency, a request waits for any. */
static bool has_frequency(const struct freq_record *record)
{
	return kind_of(record).parts & HAS_FREQUENCY &&
	       !(record->flags & FREQ_RECORD_ANY);
}

static bool waits_for_ever(const struct freq_record *record)
{
	return record->value == FREQ_FOR_EVER;
}

/* ---- A row of a table */

/**
 * records_print_heading() - print the heading of the rows on stdout
 */
void records_print_heading(void)
{
	printf("%-25s  %-11s  %-20s  %7s  %-15s  %-15s  %-20s  %-12s  %s\n",
	       "TIME", "KIND", "FREQUENCY", "PID", "COMMAND", "USER", "GRANT",
	       "DETAILS", "LABEL");
}

/* DETAILS_SIZE is enough for all that there are. */
static void add_detail(char details[DETAILS_SIZE], const char *detail)
{
	if (*details)
		strcat(details, ",");
	strcat(details, detail);
}

/* Until when a request waits */
static void add_deadline(char details[DETAILS_SIZE],
			 const struct freq_record *record)
{
	char until[BOOT_TIME_SIZE];

	if (waits_for_ever(record))
		return;
	add_detail(details, "until=");
	strcat(details, boot_time_format(boot_time_deadline(record->value),
					 until));
}

static void add_value(char details[DETAILS_SIZE], const char *name,
		      const struct freq_record *record)
{
	add_detail(details, name);
	sprintf(details + strlen(details), "=%llu", record->value);
}

static void make_details(const struct freq_record *record,
			 char details[DETAILS_SIZE])
{
	*details = '\0';
	if (record->flags & FREQ_RECORD_PRESENT)
		add_detail(details, "present");
	if (record->flags & FREQ_RECORD_CLOSED)
		add_detail(details, "closed");
	if (record->flags & FREQ_RECORD_KEEP)
		add_detail(details, "keep");
	switch (record->kind) {
	case FREQ_RECORD_INJECTED:
		add_value(details, "count", record);
		break;
	case FREQ_RECORD_WAITING:
		add_deadline(details, record);
		break;
	case FREQ_RECORD_UPGRADED:
		add_value(details, "release", record);
		break;
	}
	if (!*details)
		strcpy(details, "-");
}

static const char *frequency_text(const struct freq_record *record,
				  char text[NUMBER_SIZE])
{
	if (has_frequency(record))
		snprintf(text, NUMBER_SIZE, "%llu", record->frequency);
	else if (record->kind == FREQ_RECORD_WAITING)
		strcpy(text, "any");
	else
		strcpy(text, "-");
	return text;
}

static void print_row(const struct records *records,
		      const struct freq_record *record)
{
	char time[BOOT_TIME_SIZE], details[DETAILS_SIZE];
	char frequency[NUMBER_SIZE], label[LABEL_TEXT_SIZE];
	char pid[NUMBER_SIZE] = "-", grant[NUMBER_SIZE] = "-";
	const char *command = NULL, *user = "-";
	struct kind kind = kind_of(record);

	boot_time_format(boot_time_seconds(record->time, records->offset),
			 time);
	if (kind.parts & HAS_CLIENT) {
		if (record->pid)
			snprintf(pid, sizeof(pid), "%d", (int)record->pid);
		command = names_process(records->names, record->pid);
		user = names_user(records->names, record->uid);
	}
	if (kind.parts & HAS_GRANT)
		snprintf(grant, sizeof(grant), "%llu", record->grant);
	make_details(record, details);
	label_escape(record->label, label);
	printf("%-25s  %-11s  %-20s  %7s  %-15s  %-15s  %-20s  %-12s  %s\n",
	       time, kind.name, frequency_text(record, frequency), pid,
	       command ? command : "-", user, grant, details,
	       *label ? label : "-");
}

/* ---- JSON */

/**
 * struct object - an object that is being made
 * @value: the object
 * @failed: there was no memory for a part of it
 */
struct object {
	json_t *value;
	bool failed;
};

static void set(struct object *object, const char *name, json_t *value)
{
	if (json_object_set_new(object->value, name, value))
		object->failed = true;
}

static void set_client(struct object *object, const struct records *records,
		       const struct freq_record *record)
{
	const char *command = names_process(records->names, record->pid);

	set(object, "pid",
	    record->pid ? json_integer(record->pid) : json_null());
	set(object, "command", command ? json_string(command) : json_null());
	set(object, "uid", json_integer(record->uid));
	set(object, "user",
	    json_string(names_user(records->names, record->uid)));
	set(object, "label", json_label(record->label));
}

static json_t *json_deadline(const struct freq_record *record)
{
	if (waits_for_ever(record))
		return json_null();
	return json_integer(boot_time_deadline(record->value));
}

/* What only records of one kind have */
static void set_special(struct object *object, const struct freq_record *record)
{
	switch (record->kind) {
	case FREQ_RECORD_ALLOCATED:
		set(object, "present",
		    json_boolean(record->flags & FREQ_RECORD_PRESENT));
		break;
	case FREQ_RECORD_DEALLOCATED:
		set(object, "closed",
		    json_boolean(record->flags & FREQ_RECORD_CLOSED));
		break;
	case FREQ_RECORD_INJECTED:
		set(object, "count", json_number(record->value));
		break;
	case FREQ_RECORD_WAITING:
		set(object, "deadline", json_deadline(record));
		break;
	case FREQ_RECORD_UPGRADED:
		set(object, "release", json_number(record->value));
		break;
	}
}

static json_t *json_record(const struct records *records,
			   const struct freq_record *record)
{
	struct object object = { .value = json_object() };
	struct kind kind = kind_of(record);

	set(&object, "sequence", json_number(record->sequence));
	set(&object, "lost", json_number(record->lost));
	set(&object, "time",
	    json_integer(boot_time_seconds(record->time, records->offset)));
	set(&object, "kind", json_string(kind.name));
	if (kind.parts & HAS_FREQUENCY)
		set(&object, "frequency",
		    has_frequency(record) ? json_number(record->frequency) :
					    json_null());
	if (kind.parts & HAS_GRANT)
		set(&object, "grant", json_number(record->grant));
	if (kind.parts & HAS_KEEP)
		set(&object, "keep",
		    json_boolean(record->flags & FREQ_RECORD_KEEP));
	set_special(&object, record);
	if (kind.parts & HAS_CLIENT)
		set_client(&object, records, record);
	if (object.failed) {
		json_decref(object.value);
		return NULL;
	}
	return object.value;
}

/**
 * records_print() - print a record on stdout
 * @records: how to print it
 * @record: the record
 *
 * Return: 0; -1 after a message.
 */
int records_print(const struct records *records,
		  const struct freq_record *record)
{
	if (records->json)
		return json_print(json_record(records, record), "\n");
	print_row(records, record);
	return 0;
}
