//===- WarpgroupTile.h - registers and shared memory of a warpgroup tile --*- C++ -*-===//
//
// Planning bounds its choice by these sums and the lowering lays memory out by them.
//
//===----------------------------------------------------------------------===//
#ifndef ATTN_PLANNING_WARPGROUPTILE_H
#define ATTN_PLANNING_WARPGROUPTILE_H

#include "attn/Planning/TileSizes.h"
#include <algorithm>

namespace mlir::attn {

/// `consumers` warpgroups of 64 query rows each, one producer warpgroup, and a ring of `stages`
/// key tiles and value tiles. Elements have 16 bits. All sizes in bytes.
struct WarpgroupTile : TileSizes {
  int64_t consumers = 0, queryBuffers = 1;
  bool hasDocuments = false, queriesInRegisters = false;

  int64_t rows() const { return 64 * consumers; }
  int64_t threads() const { return 128 * (consumers + 1); }

  /// Columns of one swizzled chunk: at most 128 bytes of a row. Columns past the head size are
  /// filled with zeros by the copy engine.
  static int64_t chunkColumns(int64_t size) { return size > 32 ? 64 : size > 16 ? 32 : 16; }
  static int64_t chunks(int64_t size) {
    return (size + chunkColumns(size) - 1) / chunkColumns(size);
  }
  static int64_t rowBytes(int64_t size) { return chunks(size) * chunkColumns(size) * 2; }

  int64_t queryBytesPerGroup() const { return 64 * rowBytes(qkSize); }
  int64_t queryBytes() const { return consumers * queryBytesPerGroup(); }
  int64_t keyBytes() const { return keys * rowBytes(qkSize); }
  int64_t valueBytes() const { return keys * rowBytes(vSize); }

  int64_t keyOffset() const { return queryBuffers * queryBytes(); }
  int64_t valueOffset() const { return keyOffset() + stages * keyBytes(); }
  int64_t barrierOffset() const { return valueOffset() + stages * valueBytes(); }
  /// Behind the full and empty barriers of both rings and of the queries, the ring of tile numbers,
  /// and the flagged tiles of a lazy maximum with their barrier: each consumer's ranges, as nine
  /// words.
  int64_t cardOffset() const {
    int64_t end =
        barrierOffset() + 4 * 8 * stages + 2 * 8 * queryBuffers * consumers + 2 * 16 + 3 * 8;
    return (end + 15) / 16 * 16;
  }
  static constexpr int64_t cards = 4, cardBytes = 48;
  /// For a mask of documents: the key ranges of four tiles of rows, their barriers, and the
  /// smallest and largest id of each of so many blocks of keys.
  static constexpr int64_t documentBlocks = 1024,
                           documentBytes = 4 * 16 + 4 * 8 + 8 * documentBlocks;
  int64_t documentOffset() const { return cardOffset() + cards * consumers * cardBytes; }
  int64_t sharedBytes() const { return documentOffset() + (hasDocuments ? documentBytes : 0); }

  /// Registers a thread has when all are launched: a multiple of 8 of the file's 65536 words.
  int64_t launchRegisters() const { return std::min<int64_t>(248, 65536 / threads() / 8 * 8); }
  /// The producer keeps what the scheduler's arithmetic needs (it spills at 24, and at 32 with
  /// flagged tiles and four chunks per row, or a scout for documents); up to two consumers have 232
  /// either way ...
  int64_t producerRegisters() const { return consumers <= 2 || hasDocuments ? 40 : 32; }
  /// ... and the consumers share the rest.
  int64_t consumerRegisters() const {
    int64_t pool = launchRegisters() * (consumers + 1) - producerRegisters();
    return std::min<int64_t>(248, pool / consumers / 8 * 8);
  }
  /// Queries that stay in registers: four for each step of 16 columns.
  int64_t queryRegisters() const { return queriesInRegisters ? 4 * ((qkSize + 15) / 16) : 0; }
  /// Scores, weights as 16-bit pairs, accumulator, queries; then addresses, row maxima and sums,
  /// predicates.
  int64_t neededRegisters() const {
    return keys / 2 + keys / 4 + vSize / 2 + queryRegisters() + 30 + codeRegisters;
  }
  bool fits(int64_t sharedLimit) const {
    return neededRegisters() <= consumerRegisters() && sharedBytes() <= sharedLimit;
  }
};

} // namespace mlir::attn

#endif // ATTN_PLANNING_WARPGROUPTILE_H
