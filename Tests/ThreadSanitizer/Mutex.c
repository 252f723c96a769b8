// SPDX-License-Identifier: Apache-2.0

// Tells the thread sanitizer about Synchronization.Mutex on Linux. scripts/test-tsan links this into the tests.
//
// A lock that is free is taken and given back by atomic operations that the compiler puts into the code that uses it, where
// the sanitizer sees them. A lock that is contended is handed over by functions of libswiftSynchronization, which is not
// compiled for the sanitizer: all that the lock guards would be reported as a race. These functions stand before them. They
// call the real ones, and say what those do to the order of things.

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *

// _MutexHandle._lockSlow(_: UInt32), ._tryLockSlow() -> Bool, ._unlockSlow()
#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK_SLOW "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

static SWIFT void (*real_lock_slow)(uint32_t, SELF);
static SWIFT bool (*real_try_lock_slow)(SELF);
static SWIFT void (*real_unlock_slow)(SELF);

static void *find(const char *name) {
    void *function = dlsym(RTLD_NEXT, name);
    if (!function) {
        fprintf(stderr, "Mutex.c: libswiftSynchronization has no %s: its Mutex works differently by now\n", name);
        abort();
    }
    return function;
}

__attribute__((constructor)) static void find_real_functions(void) {
    real_lock_slow = find(LOCK_SLOW);
    real_try_lock_slow = find(TRY_LOCK_SLOW);
    real_unlock_slow = find(UNLOCK_SLOW);
}

SWIFT void lock_slow(uint32_t thread, SELF mutex) __asm__(LOCK_SLOW);
SWIFT void lock_slow(uint32_t thread, SELF mutex) {
    real_lock_slow(thread, mutex);
    __tsan_acquire(mutex);
}

SWIFT bool try_lock_slow(SELF mutex) __asm__(TRY_LOCK_SLOW);
SWIFT bool try_lock_slow(SELF mutex) {
    bool is_locked = real_try_lock_slow(mutex);
    if (is_locked) __tsan_acquire(mutex);
    return is_locked;
}

SWIFT void unlock_slow(SELF mutex) __asm__(UNLOCK_SLOW);
SWIFT void unlock_slow(SELF mutex) {
    __tsan_release(mutex);
    real_unlock_slow(mutex);
}
