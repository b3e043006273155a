/*===- attn_cpu.h - what the running processor can do ---------------------===*\
|*
|* Part of every bundle for several processors, and of the C++ runtime; both must
|* choose alike. Plain C, nothing but the C library.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ATTN_CPU_H
#define ATTN_CPU_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Whether processor and operating system have a feature (LLVM's spelling, `avx512f`; `length`
    characters). Unknown names are lacking. */
int attn_cpu_has(const char *feature, int32_t length);

/** Whether all of a list have, `avx,avx2`. */
int attn_cpu_has_all(const char *features);

/** The first of `count` variants whose features the machine has; with ATTN_CPU_VARIANT in the
    environment the one of that name, if the machine has its features. -1 when there is none. */
int32_t attn_cpu_pick(const char *const *names, const char *const *features, int32_t count);

/** attn_cpu_pick, asked once: `*choice`, zero at first, remembers the answer. */
int32_t attn_cpu_picked(const char *const *names, const char *const *features, int32_t count,
                        int32_t *choice);

#ifdef __cplusplus
}
#endif

#endif /* ATTN_CPU_H */
