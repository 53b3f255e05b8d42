/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The events of the trace system freq.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM freq

#if !defined(FREQ_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define FREQ_TRACE_H

#include <linux/tracepoint.h>

/* A request was answered; duration in ns, from its arrival to its answer. */
TRACE_EVENT(freq_request,
	    TP_PROTO(u32 nr, u64 client, int err, u64 duration),
	    TP_ARGS(nr, client, err, duration),
	    TP_STRUCT__entry(__field(u32, nr)
			     __field(int, err)
			     __field(u64, client)
			     __field(u64, duration)),
	    TP_fast_assign(__entry->nr = nr;
			   __entry->err = err;
			   __entry->client = client;
			   __entry->duration = duration;),
	    TP_printk("nr=0x%02x client=%llu err=%d duration=%llu",
		      __entry->nr, __entry->client, __entry->err,
		      __entry->duration)
);

/* The mutex is about to be dropped; duration in ns: that of the hold. */
TRACE_EVENT(freq_hold,
	    TP_PROTO(unsigned long caller, u64 duration),
	    TP_ARGS(caller, duration),
	    TP_STRUCT__entry(__field(unsigned long, caller)
			     __field(u64, duration)),
	    TP_fast_assign(__entry->caller = caller;
			   __entry->duration = duration;),
	    TP_printk("caller=%pS duration=%llu", (void *)__entry->caller,
		      __entry->duration)
);

/* A release came to the door; err says whether it was let in. */
TRACE_EVENT(freq_prepare,
	    TP_PROTO(u32 release, u32 running, int err),
	    TP_ARGS(release, running, err),
	    TP_STRUCT__entry(__field(u32, release)
			     __field(u32, running)
			     __field(int, err)),
	    TP_fast_assign(__entry->release = release;
			   __entry->running = running;
			   __entry->err = err;),
	    TP_printk("release=%u running=%u err=%d", __entry->release,
		      __entry->running, __entry->err)
);

/* A release runs; before is the one before, 0 if there was none; gate in ns. */
TRACE_EVENT(freq_commit,
	    TP_PROTO(u32 release, u32 before, u64 gate),
	    TP_ARGS(release, before, gate),
	    TP_STRUCT__entry(__field(u32, release)
			     __field(u32, before)
			     __field(u64, gate)),
	    TP_fast_assign(__entry->release = release;
			   __entry->before = before;
			   __entry->gate = gate;),
	    TP_printk("release=%u before=%u gate=%llu", __entry->release,
		      __entry->before, __entry->gate)
);

/* A release gave up after the door had let it in. */
TRACE_EVENT(freq_abort,
	    TP_PROTO(u32 release, int err),
	    TP_ARGS(release, err),
	    TP_STRUCT__entry(__field(u32, release)
			     __field(int, err)),
	    TP_fast_assign(__entry->release = release;
			   __entry->err = err;),
	    TP_printk("release=%u err=%d", __entry->release, __entry->err)
);

#endif /* FREQ_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH door
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
