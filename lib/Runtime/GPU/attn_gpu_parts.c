/*===- attn_gpu_parts.c - ranges of key steps: how many, and memory of parts ---===*\
|*
|* A kernel of the stream form reads keys and values once for few rows. Its work is a line of key
|* steps. The launch cuts its beginning into equal ranges and leaves the other items whole. Where a
|* range ends inside an item, the item's parts meet in a workspace (Parts.h beside the kernel's
|* generator has its layout).
|*
\*===----------------------------------------------------------------------===*/
#include "attn_gpu_internal.h"

#include <string.h>

enum { NUM_PART_COUNTERS = 16384, COUNTERS_PER_ITEM = 3 };

/* ---- how many ranges ------------------------------------------------------------------------ */

/* Keys that a row tile may see: all, or a window and the positions of the tile. */
static int64_t keys_seen(const attn_gpu_entry *entry, int64_t keys) {
  int64_t most = entry->most_keys + entry->rows;
  return entry->most_keys > 0 && most < keys ? most : keys;
}

/* Key tiles of a step: warpgroups take turns at tiles of a latent. */
static int64_t tiles_of_step(const attn_gpu_entry *entry) {
  return entry->values_in_keys && entry->has_maps ? 2 : 1;
}

/* Steps of an item; where a window begins inside a step, it touches one more. */
static int64_t steps_of(const attn_gpu_entry *entry, int64_t keys) {
  int64_t step = entry->keys * tiles_of_step(entry);
  int64_t all = (keys + step - 1) / step;
  int64_t seen = (keys_seen(entry, keys) + step - 1) / step + (entry->most_keys > 0);
  seen = seen < all ? seen : all;
  return seen > 0 ? seen : 1;
}

/* The most row tiles of a sequence that run side by side as one gang. */
enum { LARGEST_GANG = 8 };
/* How a merge goes (Stream.h, Parts.cpp). */
enum { PARTS_AT_ONCE = 16, COLUMNS_OF_PIECE = 4 };

/* Measured on an H200 with a block on each of 132 multiprocessors: bytes per microsecond that
 * memory sends, microseconds that a block alone needs for a tile of keys whatever its size (the
 * second, of values in keys), that going from one unit to the next costs, that storing and counting
 * a part costs, that a second piece of an item in each range costs, that a round of a merge takes
 * and each trip for more parts in it, and for how long a full ring hides that a block does not
 * read. The minimum is flat: only their ratios matter. */
static const double chip_rate = 4.45e6, tile_time = 0.64, latent_time = 1.65, unit_time = 0.5,
                    meet_time = 3.0, piece_time = 4.0, round_time = 1.5, trip_time = 0.8,
                    ring_time = 2.5;
/* The same of the warps' latents: whatever the tile's size, and for each product in it. */
static const double warps_time = 0.8, product_time = 7.9e-7;

/* `cut` sequences in up to `cutters` ranges, the others whole. The kernel divides by the share. */
static void deal(attn_gpu_ranges *r, int64_t cut, int64_t cutters, int64_t gangs) {
  int64_t all = cut * r->steps;
  r->cut = cut, r->cutters = cutters < all ? cutters : all;
  r->share = cut ? all / r->cutters : 1, r->more = cut ? all % r->cutters : 0;
  r->workers = r->cutters + r->sequences - cut;
  r->blocks = (r->workers < gangs ? r->workers : gangs) * r->gang;
}

/* Whether some range ends inside an item. */
static int has_parts(const attn_gpu_ranges *r) {
  return r->cut && (r->more || r->share % r->steps);
}

/* Microseconds that a block needs for a tile of keys. Of warps that multiply values in keys, beside
 * the others of its multiprocessor. */
static double block_time(const attn_gpu_entry *entry) {
  double products = (double)(entry->rows * entry->keys * (entry->qk_size + entry->v_size));
  if (!entry->values_in_keys)
    return tile_time;
  return entry->has_maps ? latent_time
                         : warps_time + product_time * products * (double)entry->blocks;
}

/* What memory needs for a step of `gangs` ranges, side by side on `processors`, which share it
 * evenly. Where some have a block more than others, theirs goes on when the others are done, as
 * fast as those blocks are. */
static double memory_time(double each, double block, int64_t gangs, int64_t processors) {
  int64_t least = gangs / processors, more = gangs % processors;
  double rest = (double)more * each, alone = block / (double)(least + 1);
  if (!least || !more)
    return (double)gangs * each;
  return (double)(least * processors) * each + (rest > alone ? rest : alone);
}

/* `gangs` ranges side by side: the slower of memory, which sends keys once to each gang, and of one
 * block, and an eighth of the other that it does not hide. */
static double time_of_ranges(const attn_gpu_entry *entry, int64_t gangs, int64_t processors,
                             int64_t steps) {
  double columns = (double)(entry->qk_size + (entry->values_in_keys ? 0 : entry->v_size));
  double tiles = (double)tiles_of_step(entry), block = tiles * block_time(entry);
  double each = tiles * (double)entry->keys * columns * 2 / chip_rate;
  double memory = memory_time(each, block, gangs, processors);
  double step = memory > block ? memory + block / 8 : block + memory / 8;
  return (double)steps * step + unit_time;
}

/* The consumers of a block. */
static int64_t merging_threads(const attn_gpu_entry *entry) {
  return !entry->has_maps ? entry->threads : entry->values_in_keys ? 256 : 128;
}

/* Pieces of a round: a thread has sixteen loads in flight, of several pieces where there are few
 * parts (StreamResults.cpp). */
static int64_t pieces_of_round(const attn_gpu_entry *entry, int64_t pieces, int64_t parts) {
  int64_t threads = merging_threads(entry), each = 1;
  while (each < 4 && 2 * each * parts <= PARTS_AT_ONCE && each * threads < pieces)
    each *= 2;
  return each * threads;
}

/* All blocks that have nothing else to do take rounds: those whose range ends in the item. Ranges
 * that do not divide an item touch it at both ends. Before whole items the merge is hidden as long
 * as the ring still fills. */
static double merge_time(const attn_gpu_entry *entry, const attn_gpu_ranges *r) {
  int64_t pieces = r->rows * (entry->v_size / COLUMNS_OF_PIECE);
  int is_even = !r->more && r->cutters % r->cut == 0, at_end = r->cut == r->sequences;
  int64_t parts = r->cutters / r->cut + (is_even ? 0 : 2);
  int64_t at_once = pieces_of_round(entry, pieces, parts);
  int64_t rounds = (pieces + at_once - 1) / at_once, helpers = at_end && parts > 2 ? parts - 1 : 1;
  int64_t trips = (parts + PARTS_AT_ONCE - 1) / PARTS_AT_ONCE;
  double time;
  if (!has_parts(r))
    return 0;
  time =
      meet_time + (is_even ? 0 : piece_time) +
      (double)((rounds + helpers - 1) / helpers) * (round_time + trip_time * (double)(trips - 1));
  if (!at_end)
    time -= ring_time;
  return time > 0 ? time : 0;
}

static double time_of(const attn_gpu_entry *entry, const attn_gpu_ranges *r, int64_t gangs) {
  int64_t whole = r->sequences - r->cut, last = whole % gangs;
  int64_t processors = r->gang == 1 ? gangs / entry->blocks : gangs;
  double time = 0;
  if (whole >= gangs)
    time = (double)(whole / gangs) * time_of_ranges(entry, gangs, processors, r->steps);
  if (last > 0)
    time += time_of_ranges(entry, last, processors, r->steps);
  if (r->cut) {
    int64_t ranges = r->cutters < gangs ? r->cutters : gangs;
    time += time_of_ranges(entry, ranges, processors, r->share + (r->more > 0));
    time += merge_time(entry, r);
  }
  return time;
}

/* Within the entry's bound of parts, and as many items as there are counters. A range of `share`
 * steps cuts an item into at most steps / share + 2 parts. */
static int may_cut(const attn_gpu_entry *entry, const attn_gpu_ranges *r) {
  return !has_parts(r) || (r->cut * r->gang <= NUM_PART_COUNTERS &&
                           (r->steps + r->share - 1) / r->share + 1 <= entry->most_parts);
}

/* Deals `r` out in another way if that is faster. */
static void try_cut(const attn_gpu_entry *entry, attn_gpu_ranges *r, int64_t cut, int64_t cutters,
                    int64_t gangs) {
  attn_gpu_ranges other = *r;
  if (!cut || cutters <= 0 || cut == cutters)
    return;
  deal(&other, cut, cutters, gangs);
  if (may_cut(entry, &other) && time_of(entry, &other, gangs) < time_of(entry, r, gangs))
    *r = other;
}

attn_gpu_ranges attn_gpu_choose_ranges(const attn_gpu_entry *entry, int64_t batch, int64_t queries,
                                       int64_t keys, int processors) {
  int64_t packed = queries * entry->group_size, slots = processors * entry->blocks, gangs, all,
          rest;
  attn_gpu_ranges r = {.row_tiles = (packed + entry->rows - 1) / entry->rows,
                       .rows = packed < entry->rows ? packed : entry->rows};
  r.gang = r.row_tiles <= LARGEST_GANG && r.row_tiles <= slots ? r.row_tiles : 1;
  r.sequences = all = batch * entry->groups * (r.row_tiles / r.gang);
  r.steps = steps_of(entry, keys);
  gangs = slots / r.gang;
  deal(&r, 0, 0, gangs); /* whole items */
  /* As many ranges as run side by side; parts of items of equal size; whole items for all but those
   * that would leave multiprocessors idle. */
  try_cut(entry, &r, all, gangs, gangs);
  try_cut(entry, &r, all, gangs / all * all, gangs);
  try_cut(entry, &r, all, gangs / 2 / all * all, gangs);
  rest = all > gangs ? all % gangs : 0;
  try_cut(entry, &r, rest, gangs, gangs);
  try_cut(entry, &r, rest, rest ? gangs / rest * rest : 0, gangs);
  return r;
}

/* ---- their memory --------------------------------------------------------------------------- */

/* Counters, then records, numbered by worker plus sequence and by row tile; Parts.h has one. */
static int32_t find_memory(const attn_gpu_entry *entry, const attn_gpu_ranges *r, void *stream,
                           void **memory) {
  size_t counters = COUNTERS_PER_ITEM * NUM_PART_COUNTERS;
  size_t records = (size_t)((r->cutters + r->cut) * r->gang * r->rows);
  size_t bytes = 4 * counters + 4 * records * (size_t)(entry->v_size + 4);
  uint64_t address = 0;
  int32_t code = 0;
  if (has_parts(r))
    code = attn_gpu_workspace(ATTN_GPU_PARTS, stream, bytes, counters, &address);
  *memory = (void *)(uintptr_t)address;
  return code;
}

/* ---- launch --------------------------------------------------------------------------------- */

static int32_t driver_error(int result) { return result ? ATTN_ERROR_DRIVER + result : 0; }

int32_t attn_gpu_launch_stream(const attn_gpu_entry *entry, attn_gpu_state *state,
                               const attn_gpu_device *device, const attn_tensor *args,
                               int64_t offset, void *stream) {
  const attn_tensor *q = &args[entry->query], *k = &args[entry->key], *v = &args[entry->value],
                    *out = &args[entry->out], *lse = entry->lse >= 0 ? &args[entry->lse] : 0;
  attn_gpu_ranges r =
      attn_gpu_choose_ranges(entry, q->sizes[0], q->sizes[2], k->sizes[2], device->processors);
  attn_tensor_map maps[2];
  void *query = q->data, *out_data = out->data, *lse_data = lse ? lse->data : 0,
       *sinks = entry->sinks >= 0 ? args[entry->sinks].data : 0, *memory = 0;
  int64_t strides[9] = {0};
  int32_t code;
  if (r.sequences * r.gang * r.steps >= INT64_C(1) << 30 ||
      q->sizes[2] * entry->group_size >= INT64_C(1) << 30)
    return ATTN_ERROR_DEVICE;
  code = entry->has_maps ? attn_gpu_encode(&maps[0], k, q, entry->qk_size, entry->keys) : 0;
  if (!code && entry->has_maps)
    code = attn_gpu_encode(&maps[1], v, out, entry->v_size, entry->keys);
  if (!code)
    code = find_memory(entry, &r, stream, &memory);
  if (code)
    return code;
  memcpy(strides, q->strides, 3 * sizeof(int64_t));
  memcpy(strides + 3, out->strides, 3 * sizeof(int64_t));
  if (lse)
    memcpy(strides + 6, lse->strides, 3 * sizeof(int64_t));
  {
    enum { MAPS = 2, FIRST = 7, NUMBERS = 11, STRIDES = 9, TENSORS = 8 };
    int32_t numbers[NUMBERS] = {(int32_t)q->sizes[2], (int32_t)k->sizes[2], (int32_t)r.workers,
                                (int32_t)r.cutters,   (int32_t)r.steps,     (int32_t)r.share,
                                (int32_t)r.more,      (int32_t)r.row_tiles, (int32_t)r.gang,
                                (int32_t)offset,      (int32_t)r.rows};
    const attn_tensor *inputs[2] = {k, v};
    void *parameters[FIRST + NUMBERS + STRIDES + TENSORS] = {&maps[0],  &maps[1], &query, &out_data,
                                                             &lse_data, &sinks,   &memory};
    void **at = &parameters[FIRST];
    int i, j;
    for (i = 0; i < NUMBERS; ++i)
      *at++ = &numbers[i];
    for (i = 0; i < STRIDES; ++i)
      *at++ = &strides[i];
    for (i = 0; !entry->has_maps && i < 2; ++i) {
      *at++ = (void *)&inputs[i]->data;
      for (j = 0; j < 3; ++j)
        *at++ = (void *)&inputs[i]->strides[j];
    }
    return driver_error(attn_gpu_start_entry(entry, device->kernel, (unsigned)r.blocks, stream,
                                             &parameters[entry->has_maps ? 0 : MAPS]));
  }
}
