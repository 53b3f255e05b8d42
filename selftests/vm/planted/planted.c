// SPDX-License-Identifier: GPL-2.0-only
/*
 * One defect, selected by name, for the guest's kernel to report: see test.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

static char *defect = "none";
module_param(defect, charp, 0444);
MODULE_PARM_DESC(defect, "Name of the defect");

static void none(void)
{
}

static void warning(void)
{
	WARN(1, "planted on purpose\n");
}

/* Several: a stale register or stack slot may still point to the last one. */
static void leak(void)
{
	void *object;
	int i;

	for (i = 0; i < 8; i++) {
		object = kmalloc(100, GFP_KERNEL);
		OPTIMIZER_HIDE_VAR(object);
	}
}

/* A write: without KASAN, slub finds it later, unlike a read. */
static void use_after_free(void)
{
	struct kmem_cache *cache;
	char *object;

	cache = kmem_cache_create("planted", 100, 0, 0, NULL);
	if (!cache)
		return;
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	if (object) {
		kmem_cache_free(cache, object);
		OPTIMIZER_HIDE_VAR(object);
		object[50] = 1;
	}
	kmem_cache_destroy(cache);
}

/* GFP_KERNEL may sleep, but does not with enough free memory. */
static void atomic_sleep(void)
{
	static DEFINE_SPINLOCK(lock);
	void *object;

	spin_lock(&lock);
	object = kmalloc(100, GFP_KERNEL);
	spin_unlock(&lock);
	kfree(object);
}

/* In one thread: an ABBA inversion without a deadlock */
static void lock_inversion(void)
{
	static DEFINE_MUTEX(one);
	static DEFINE_MUTEX(other);

	mutex_lock(&one);
	mutex_lock(&other);
	mutex_unlock(&other);
	mutex_unlock(&one);

	mutex_lock(&other);
	mutex_lock(&one);
	mutex_unlock(&one);
	mutex_unlock(&other);
}

static const struct {
	const char *name;
	void (*commit)(void);
} defects[] = {
	{ "none", none },
	{ "warning", warning },
	{ "leak", leak },
	{ "use_after_free", use_after_free },
	{ "atomic_sleep", atomic_sleep },
	{ "lock_inversion", lock_inversion },
};

static int __init planted_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(defects); i++) {
		if (strcmp(defect, defects[i].name))
			continue;
		defects[i].commit();
		return 0;
	}
	return -EINVAL;
}

static void __exit planted_exit(void)
{
}

module_init(planted_init);
module_exit(planted_exit);

MODULE_DESCRIPTION("Defects for the kernel to report");
MODULE_AUTHOR("The freq authors");
MODULE_LICENSE("GPL");
