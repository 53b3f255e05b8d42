/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The differences between the kernels that freq is built for, 6.1 and later.
 * Kbuild gives FREQ_KERNEL: the version and, in three digits, the patch level.
 */
#ifndef FREQ_COMPAT_H
#define FREQ_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/sysfs.h>

/* Since 6.13, a namespace of symbols is given as a string. */
#if FREQ_KERNEL < 6013
#define EXPORT_SYMBOL_FREQ(symbol) EXPORT_SYMBOL_NS_GPL(symbol, FREQ)
#define IMPORT_SYMBOLS_FREQ() MODULE_IMPORT_NS(FREQ)
#else
#define EXPORT_SYMBOL_FREQ(symbol) EXPORT_SYMBOL_NS_GPL(symbol, "FREQ")
#define IMPORT_SYMBOLS_FREQ() MODULE_IMPORT_NS("FREQ")
#endif

/* Since 6.16, the functions of a binary attribute are given a const one. */
#if FREQ_KERNEL < 6016
#define freq_const_bin_attribute struct bin_attribute
#else
#define freq_const_bin_attribute const struct bin_attribute
#endif

/* Since 6.13, a timer gets its function when it is set up. */
#if FREQ_KERNEL < 6013
static inline void
freq_hrtimer_setup(struct hrtimer *timer,
		   enum hrtimer_restart (*callback)(struct hrtimer *timer),
		   clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = callback;
}
#else
#define freq_hrtimer_setup hrtimer_setup
#endif

#endif /* FREQ_COMPAT_H */
