/* Runs PTX on the host, for tests: the instructions that kernels of token loops and products are
 * made of, one thread after the other, with the meeting points of warps and blocks. What it does
 * not know it refuses by name. */
#ifndef ATTN_TEST_PTX_H
#define ATTN_TEST_PTX_H

#include <stdint.h>

/* Reads a file of PTX; 0 when it cannot, with a line on stderr. */
int ptx_load(const char *path);
/* Number of parameters of the entry of this name; 0 without one. */
int ptx_has(const char *name);
/* Runs an entry on a grid of blocks in two dimensions; parameters are as cuLaunchKernel has them.
 * 0 when done, else 1 with a line on stderr. */
int ptx_run(const char *name, unsigned blocks, unsigned blocks_y, unsigned threads,
            unsigned dynamic_shared, void **parameters);

#endif
