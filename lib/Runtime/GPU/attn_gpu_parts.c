/*===- attn_gpu_parts.c - parts of key ranges: how many, and their memory --===*\
|*
|* A kernel of the stream form reads keys and values once for few rows. When there are fewer items
|* than multiprocessors, key ranges are cut into parts, whose results meet in a workspace (Parts.h
|* beside the kernel's generator has its layout).
|*
\*===----------------------------------------------------------------------===*/
#include "attn_gpu_internal.h"

#include <string.h>

enum { NUM_PART_COUNTERS = 16384, ROWS = 64, NUM_COUNTER_PAIRS = 1024 };

/* ---- how many parts ------------------------------------------------------------------------- */

/* Measured on an H100: bytes per microsecond of the chip's memory, microseconds that a block needs
 * for a tile of keys whatever its size, that going from one unit to the next costs, that meeting in
 * the workspace costs, and that a thread needs to add some parts to four columns. The minimum is
 * flat: only their ratios matter. */
static const double chip_rate = 3.05e6, tile_time = 0.72, unit_time = 2.0, meet_time = 3.0,
                    round_time = 0.5;
enum { PARTS_AT_ONCE = 16, LAST_PARTS = 8, MERGING_THREADS = 128 }; /* as in Parts.cpp */

/* Time of units that run side by side in `blocks` blocks. */
static double stream_time(double units, double blocks, double bytes, double block_rate) {
  double rate = blocks * block_rate;
  if (units == 0)
    return 0;
  return units * bytes / (rate < chip_rate ? rate : chip_rate);
}

/* Multiprocessors share the memory's rate evenly, so what decides is units per multiprocessor: all
 * have `whole`, some one more. If these are few they cannot use the whole rate; where a
 * multiprocessor still has room, the one more has run from the start and both are left in part. */
static double units_time(const attn_gpu_entry *entry, int64_t units, double bytes,
                         double block_rate, int64_t processors) {
  int64_t slots = processors * entry->blocks, whole = units / processors, more = units % processors;
  int64_t beside = whole && whole < entry->blocks ? entry->blocks : 1;
  double time = 0;
  if (whole)
    time = stream_time((double)(whole * processors), (double)(units < slots ? units : slots), bytes,
                       block_rate);
  return time + stream_time((double)more, (double)(more * beside), bytes, block_rate) +
         (double)((units - 1) / slots) * unit_time;
}

/* The block that comes last reads what all parts of an item left. */
static double merge_time(const attn_gpu_entry *entry, const attn_gpu_parts *cut) {
  int64_t pieces = (cut->rows * entry->v_size / 4 + MERGING_THREADS - 1) / MERGING_THREADS;
  int64_t rounds =
      cut->parts / PARTS_AT_ONCE + (cut->parts % PARTS_AT_ONCE + LAST_PARTS - 1) / LAST_PARTS;
  return cut->parts > 1 ? meet_time + (double)(pieces * rounds) * round_time : 0;
}

/* Values in keys: a block per multiprocessor, whose tensor cores need `latent_time` for a tile
 * whatever its rows; row tiles of the same keys run side by side and share what memory sends. */
static const double latent_time = 1.68, latent_unit_time = 5.0;

static double latent_round(const attn_gpu_parts *cut, double units, double tiles,
                           double tile_bytes) {
  double memory = units * tile_bytes / ((double)cut->row_tiles * chip_rate);
  return units > 0 ? tiles * (memory > latent_time ? memory : latent_time) + latent_unit_time : 0;
}

static double latent_units_time(const attn_gpu_entry *entry, const attn_gpu_parts *cut,
                                int64_t tiles, int64_t processors) {
  double bytes = 2.0 * (double)(entry->keys * entry->qk_size);
  double count = (double)((tiles + cut->parts - 1) / cut->parts);
  return (double)(cut->units / processors) * latent_round(cut, (double)processors, count, bytes) +
         latent_round(cut, (double)(cut->units % processors), count, bytes) +
         merge_time(entry, cut);
}

static double time_of(const attn_gpu_entry *entry, const attn_gpu_parts *cut, int64_t tiles,
                      int64_t processors) {
  double tile_bytes = 2.0 * (double)(entry->keys * (entry->qk_size + entry->v_size));
  int64_t tiles_of_unit = (tiles + cut->parts - 1) / cut->parts;
  return units_time(entry, cut->units, (double)tiles_of_unit * tile_bytes, tile_bytes / tile_time,
                    processors) +
         merge_time(entry, cut);
}

/* Keys that a row tile may see: all, or a window and the positions of the tile. */
static int64_t keys_seen(const attn_gpu_entry *entry, int64_t keys) {
  int64_t most = entry->most_keys + ROWS;
  return entry->most_keys > 0 && most < keys ? most : keys;
}

/* Within the entry's bounds, the tiles there are, and the counters. */
static int64_t allowed_parts(const attn_gpu_entry *entry, int64_t wanted, int64_t items,
                             int64_t tiles) {
  if (wanted < entry->least_parts)
    wanted = entry->least_parts;
  if (wanted > entry->most_parts)
    wanted = entry->most_parts;
  return wanted < 1 || wanted > tiles || items > NUM_PART_COUNTERS ? 1 : wanted;
}

attn_gpu_parts attn_gpu_choose_parts(const attn_gpu_entry *entry, int64_t batch, int64_t queries,
                                     int64_t keys, int processors) {
  static const int64_t counts[] = {1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 24, 32, 48, 64, 96, 128};
  enum { COUNTS = sizeof(counts) / sizeof(counts[0]) };
  int64_t packed = queries * entry->group_size;
  int64_t tiles = (keys_seen(entry, keys) + entry->keys - 1) / entry->keys, i;
  double best_time = 0;
  attn_gpu_parts best, cut;
  cut.row_tiles = (packed + ROWS - 1) / ROWS;
  cut.items = batch * entry->groups * cut.row_tiles;
  cut.rows = packed < ROWS ? packed : ROWS;
  best = cut;
  best.parts = 0;
  /* Some counts, and those that give each multiprocessor one unit or two. */
  for (i = 0; i < COUNTS + 2; ++i) {
    int64_t wanted = i < COUNTS ? counts[i] : (i - COUNTS + 1) * processors / cut.items;
    double time;
    cut.parts = allowed_parts(entry, wanted, cut.items, tiles);
    cut.units = cut.items * cut.parts;
    time = entry->values_in_keys ? latent_units_time(entry, &cut, tiles, processors)
                                 : time_of(entry, &cut, tiles, processors);
    if (!best.parts || time < best_time)
      best = cut, best_time = time;
  }
  return best;
}

/* ---- their memory --------------------------------------------------------------------------- */

/* Counters, then maxima and sums, then accumulators. */
static int32_t find_memory(const attn_gpu_entry *entry, const attn_gpu_parts *parts, void *stream,
                           void **memory) {
  size_t records = (size_t)(parts->units * parts->rows);
  size_t bytes =
      4 * (size_t)NUM_PART_COUNTERS + (records + 1) / 2 * 16 + 4 * records * (size_t)entry->v_size;
  uint64_t address = 0;
  int32_t code = 0;
  if (parts->parts > 1)
    code = attn_gpu_workspace(ATTN_GPU_PARTS, stream, bytes, NUM_PART_COUNTERS, &address);
  *memory = (void *)(uintptr_t)address;
  return code;
}

/* ---- launch --------------------------------------------------------------------------------- */

static int32_t driver_error(int result) { return result ? ATTN_ERROR_DRIVER + result : 0; }

/* A grid that fills the device and takes units from a counter, or has one block per unit. */
static unsigned blocks_of(const attn_gpu_entry *entry, int64_t units, int processors) {
  int64_t most = processors * entry->blocks;
  return (unsigned)(!entry->has_maps || units < most ? units : most);
}

int32_t attn_gpu_launch_stream(const attn_gpu_entry *entry, attn_gpu_state *state,
                               const attn_gpu_device *device, const attn_tensor *args,
                               int64_t offset, void *stream) {
  const attn_tensor *q = &args[entry->query], *k = &args[entry->key], *v = &args[entry->value],
                    *out = &args[entry->out], *lse = entry->lse >= 0 ? &args[entry->lse] : 0;
  attn_gpu_parts cut =
      attn_gpu_choose_parts(entry, q->sizes[0], q->sizes[2], k->sizes[2], device->processors);
  attn_tensor_map maps[2];
  void *query = q->data, *out_data = out->data, *lse_data = lse ? lse->data : 0,
       *sinks = entry->sinks >= 0 ? args[entry->sinks].data : 0, *memory = 0;
  int64_t strides[9] = {0};
  int32_t code;
  if (cut.units >= INT64_C(1) << 30 || q->sizes[2] * entry->group_size >= INT64_C(1) << 30)
    return ATTN_ERROR_DEVICE;
  code = entry->has_maps ? attn_gpu_encode(&maps[0], k, q, entry->qk_size, entry->keys) : 0;
  if (!code && entry->has_maps)
    code = attn_gpu_encode(&maps[1], v, out, entry->v_size, entry->keys);
  if (!code)
    code = find_memory(entry, &cut, stream, &memory);
  if (code)
    return code;
  memcpy(strides, q->strides, 3 * sizeof(int64_t));
  memcpy(strides + 3, out->strides, 3 * sizeof(int64_t));
  if (lse)
    memcpy(strides + 6, lse->strides, 3 * sizeof(int64_t));
  {
    int32_t numbers[8] = {
        (int32_t)(__atomic_fetch_add(&state->launches, 1, __ATOMIC_RELAXED) % NUM_COUNTER_PAIRS),
        (int32_t)q->sizes[2],
        (int32_t)k->sizes[2],
        (int32_t)cut.units,
        (int32_t)cut.parts,
        (int32_t)cut.row_tiles,
        (int32_t)offset,
        (int32_t)cut.rows};
    const attn_tensor *inputs[2] = {k, v};
    void *parameters[24 + 8] = {&maps[0], &maps[1], &query, &out_data, &lse_data, &sinks, &memory};
    void **at = &parameters[24];
    int i, j;
    for (i = 0; i < 8; ++i)
      parameters[7 + i] = &numbers[i];
    for (i = 0; i < 9; ++i)
      parameters[15 + i] = &strides[i];
    for (i = 0; !entry->has_maps && i < 2; ++i) {
      *at++ = (void *)&inputs[i]->data;
      for (j = 0; j < 3; ++j)
        *at++ = (void *)&inputs[i]->strides[j];
    }
    return driver_error(
        attn_driver.launch(device->kernel, blocks_of(entry, cut.units, device->processors), 1, 1,
                           (unsigned)entry->threads, 1, 1, (unsigned)entry->shared_bytes, stream,
                           &parameters[entry->has_maps ? 0 : 2], 0));
  }
}
