/* How the runtime deals out the work of a stream kernel. */
#include "attn_gpu_internal.h"

#include <stdio.h>

static void show(const char *what, attn_gpu_entry entry, int64_t batch, int64_t queries,
                 int64_t keys) {
  attn_gpu_ranges r = attn_gpu_choose_ranges(&entry, batch, queries, keys, 132);
  printf("%s: %d sequences of %d steps, %d in %d ranges of %d and %d steps, %d blocks in gangs of "
         "%d\n",
         what, (int)r.sequences, (int)r.steps, (int)r.cut, (int)r.cutters, (int)r.share,
         (int)r.more, (int)r.blocks, (int)r.gang);
}

int main(void) {
  attn_gpu_entry gqa = {.rows = 64,
                        .keys = 64,
                        .has_maps = 1,
                        .qk_size = 128,
                        .v_size = 128,
                        .is_stream = 1,
                        .blocks = 1,
                        .groups = 8,
                        .group_size = 4,
                        .most_parts = 256};
  attn_gpu_entry window = gqa, one = gqa, rows = gqa, warps = gqa, whole = gqa, latent = gqa;
  window.most_keys = 512;
  one.groups = 1, one.group_size = 32;
  rows.groups = 4, rows.group_size = 16;
  whole.most_parts = 1;
  show("long", gqa, 1, 1, 131072);
  show("batch 16", gqa, 16, 1, 8192);
  show("batch 17", gqa, 17, 1, 8192);
  show("batch 64", gqa, 64, 1, 8192);
  show("rows", rows, 40, 1, 4096);
  warps.has_maps = 0, warps.threads = 128, warps.rows = 16, warps.blocks = 2;
  show("warps, batch 16", warps, 16, 1, 8192);
  show("warps, batch 17", warps, 17, 1, 8192);
  show("mqa", one, 64, 1, 8192);
  show("mqa, few", one, 4, 1, 4096);
  show("short", gqa, 1, 1, 64);
  show("middle", gqa, 1, 1, 2048);
  show("none", gqa, 1, 1, 0);
  show("window", window, 1, 1, 131072);
  show("many queries", gqa, 1, 100, 8192);
  show("more queries", gqa, 1, 1000, 8192);
  show("large batch", gqa, 4096, 1, 8192);
  show("limit", whole, 1, 1, 131072);
  latent.qk_size = 576, latent.v_size = 512, latent.groups = 1;
  latent.values_in_keys = 1, latent.group_size = 128;
  show("latent, batch 128", latent, 128, 1, 4096);
  show("latent, batch 16", latent, 16, 1, 8192);
  latent.group_size = 16;
  show("latent, 16 heads", latent, 128, 1, 8192);
  show("latent, 16 heads, batch 16", latent, 16, 1, 8192);
  show("latent, one sequence", latent, 1, 1, 131072);
  latent.has_maps = 0, latent.threads = 128;
  latent.rows = 16, latent.keys = 32;
  show("warps' latent, 16 heads", latent, 128, 1, 8192);
  latent.rows = 64, latent.group_size = 40, latent.threads = 256;
  show("warps' latent, 40 heads, two queries", latent, 16, 2, 8192);
  return 0;
}
