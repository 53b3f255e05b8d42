/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Test users of services of the door that no other release uses yet.
 */
#ifndef FREQ_SERVICES_H
#define FREQ_SERVICES_H

#include "request/request.h"

extern const struct freq_request freq_services_sleep;
extern const struct freq_request freq_services_wake;
extern const struct freq_request freq_services_timer;

bool freq_services_sleep_now(const struct freq_state *state);
int freq_services_open(void *state, struct freq_call *call);
int freq_services_close(void *state, struct freq_call *call);
int freq_services_flush(void *state, struct freq_call *call);
int freq_services_read(void *state, struct freq_call *call);
int freq_services_write(void *state, struct freq_call *call);
int freq_services_poll(void *state, struct freq_call *call);
int freq_services_fdinfo(void *state, struct freq_call *call);
int freq_services_tick(void *state, struct freq_call *call);
int freq_services_show(void *state, struct freq_call *call);
int freq_services_store(void *state, struct freq_call *call);

#endif /* FREQ_SERVICES_H */
