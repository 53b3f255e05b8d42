/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The attributes: texts of the running release in sysfs.
 */
#ifndef FREQ_ATTRIBUTE_H
#define FREQ_ATTRIBUTE_H

struct attribute_group;
struct freq_release;
struct freq_server;

extern const struct attribute_group *freq_attribute_groups[];

int freq_attributes_add(struct freq_server *server,
			const struct freq_release *release);
void freq_attributes_prune(struct freq_server *server,
			   const struct freq_release *release);
void freq_attributes_forget_readers(struct freq_server *server);
void freq_attributes_notify(struct freq_server *server, u32 version);

#endif /* FREQ_ATTRIBUTE_H */
