// SPDX-License-Identifier: Apache-2.0

// Tells the thread sanitizer about unsafe continuations that are resumed before their task waits for them.
// scripts/test-tsan links this into the tests on Linux.
//
// When a task that is suspended continues, the Swift runtime tells the sanitizer that it sees what the resuming thread has
// written. A task that finds its continuation resumed already goes on without being suspended, and the runtime tells
// nothing: all that the resuming thread has written would be reported as a race. These functions stand before those of the
// runtime, call them, and say what they do to the order of things. Where the task goes on is in the context of the
// continuation: there, a function is put before the rest of the task.
//
// Checked continuations wait by a call within the runtime, which nothing can stand before.

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

#define SWIFT __attribute__((swiftcall))
#define SWIFT_ASYNC __attribute__((swiftasynccall))

SWIFT void *swift_task_getCurrent(void);

typedef struct Context Context;
typedef SWIFT_ASYNC void Function(__attribute__((swift_async_context)) Context *);

/// The beginning of the context of every asynchronous function.
struct Context {
    Context *parent;
    Function *resume;
};

/// Where the task goes on that waits with a context.
typedef struct Entry {
    Context *context;
    Function *resume;
    struct Entry *next;
} Entry;

static Entry *entries[4096];
static bool is_locked;

/// Sets or returns where the task of a context goes on. An entry remains when a task was suspended after all, and is used
/// again for the next context at its address.
static Function *resume_of(Context *context, Function *set) {
    while (__atomic_test_and_set(&is_locked, __ATOMIC_ACQUIRE)) {}
    Entry **list = &entries[((uintptr_t)context >> 4) % 4096];
    Entry *entry = *list;
    while (entry && entry->context != context) entry = entry->next;
    if (!entry) {
        entry = malloc(sizeof(Entry));
        if (!entry) abort();
        *entry = (Entry){context, NULL, *list};
        *list = entry;
    }
    if (set) entry->resume = set;
    Function *resume = entry->resume;
    __atomic_clear(&is_locked, __ATOMIC_RELEASE);
    return resume;
}

static SWIFT_ASYNC void (*real_await)(Context *);
static SWIFT void (*real_resume)(void *);
static SWIFT void (*real_throwing_resume)(void *);
static SWIFT void (*real_resume_with_error)(void *, void *);

static void *find(const char *name) {
    void *function = dlsym(RTLD_NEXT, name);
    if (!function) {
        fprintf(stderr, "Continuations.c: the Swift runtime has no %s: its continuations work differently by now\n", name);
        abort();
    }
    return function;
}

__attribute__((constructor)) static void find_real_functions(void) {
    real_await = find("swift_continuation_await");
    real_resume = find("swift_continuation_resume");
    real_throwing_resume = find("swift_continuation_throwingResume");
    real_resume_with_error = find("swift_continuation_throwingResumeWithError");
}

static SWIFT_ASYNC void resumed(__attribute__((swift_async_context)) Context *context) {
    __tsan_acquire(swift_task_getCurrent());
    __attribute__((musttail)) return resume_of(context, NULL)(context);
}

SWIFT_ASYNC void swift_continuation_await(Context *context) {
    if (context->resume != resumed) resume_of(context, context->resume);
    context->resume = resumed;
    __attribute__((musttail)) return real_await(context);
}

SWIFT void swift_continuation_resume(void *task) {
    __tsan_release(task);
    real_resume(task);
}

SWIFT void swift_continuation_throwingResume(void *task) {
    __tsan_release(task);
    real_throwing_resume(task);
}

SWIFT void swift_continuation_throwingResumeWithError(void *task, void *error) {
    __tsan_release(task);
    real_resume_with_error(task, error);
}
