//===- WorkPlan.h - the facts one attn.work is lowered by --------------------===//
#ifndef ATTN_LIB_TARGET_CPU_WORKPLAN_H
#define ATTN_LIB_TARGET_CPU_WORKPLAN_H

#include "attn/IR/AttnAttrs.h"
#include "attn/IR/AttnTiledOps.h"

namespace mlir::attn {

/// A static slice of a thread's workspace: a `rows x columns` memref of 32-bit words at `offset`
/// bytes.
struct Slice {
  int64_t offset = 0, rows = 0, columns = 0;
};

/// Query rows that share a read of a key, and that are neighbours in a packed vector of scores.
inline constexpr int64_t streamRows = 4;

/// Gathers the canonical form of an `attn.work` (see `WorkPlan::create`) and lays out the
/// workspace.
///
/// The schedule's panel is `rows` query rows, held with rows in lanes ("T form"): the query panel
/// is [size][rows], scores are [key][rows] and the accumulator is [value size][rows], so that
/// maxima, sums and rescaling are vertical operations and no head size needs padding.
///
/// A word of the products' operands is one float32, or with `pairs` two bf16 that a dot instruction
/// multiplies and adds at once: neighbours along the head size in queries and keys, rows 2n and 2n
/// + 1 in values and weights.
struct WorkPlan {
  WorkOp work;
  StreamOp stream;
  TileDotOp dot;
  OnlineInitOp init;
  StoreTileOp storeOut, storeLse; // storeLse may be null
  TargetAttr target;
  SmallVector<HeadGroup> groups;

  int64_t lanes = 0, vectors = 0, rows = 0, panels = 0, keys = 0;
  int64_t qkSize = 0, vSize = 0, registerKeys = 0, registerValues = 0, unroll = 0;
  Normalizer normalizer = Normalizer::Softmax;
  double scale = 1;
  bool longestFirst = false;
  // Scores are in a unit that saves a product for each, because only the weights see them: as bits,
  // where the queries take scale * log2(e) with them, or as the pairs' products come.
  bool freeScores = false;
  bool pairs = false; // products of bf16 pairs
  // The pairs are multiplied by the matrix unit (AMX): tiles of 16 rows of 16 words, each 1 KiB of
  // its own. Rows of words are padded to whole tiles. The key tile is [keys / 32][words / 16][32
  // keys][16 words], the value tile [columns / 32][keys / 32][32 columns][16 words of two keys].
  bool tiles = false;
  // Weights refer to a maximum that is raised only when they grow large (`maximum = lazy`), and
  // are computed while the matrix unit multiplies scores that are `stages` blocks of 32 keys by 32
  // rows ahead (`overlap`).
  bool lazy = false, overlap = false;
  int64_t stages = 1;
  // Powers of the lazy form from a table of 16 bits, where nothing but the outputs sees them
  // (`powers = table`, `short_table`).
  StringRef powers;
  bool tablePowers = false;
  /// Whether the product with the values adds up the weights, too: while the matrix unit multiplies
  /// values, the vector unit has nothing else to do.
  bool sumsWithValues() const { return tablePowers; }
  // Tile loads that ask not to stay in the first-level cache: none, keys, values, both.
  StringRef bypass;
  // Stream form: few rows, lanes along the head size; the query panel and the accumulator are
  // [rows][chunks of a row].
  bool streamed = false;
  // The matrix unit makes the scores of the stream form, which come without their factor, and for
  // more rows than vectors visit at once the products with values, too (see StreamTiles).
  bool scoreTiles = false, weightTiles = false;
  // Group form: parts and accumulator as in the stream form, queries, scores and weights as in a
  // panel; for groups of many rows.
  bool grouped = false;
  // Values are the first columns of the keys, and are read from the key tile.
  bool sharesTile = false;
  int64_t splits = 1; // most parts of the key range

  // Workspace of a thread, in bytes. Slices of a panel repeat every `panelBytes`.
  Slice query, accumulator, maximum, sum, position, head; // per panel
  // In the lazy form, per panel: not 0 as long as the accumulator holds nothing, not even zeros.
  Slice fresh;
  // Shared by the panels. Weights replace the scores unless they are pairs. Key and value tiles are
  // rows one behind the other, for those that are not read where they lie.
  Slice keyTile, valueTile, scores, weights, rescale;
  // Maxima of the scores of one panel and tile, where the product with the keys finds them.
  Slice tileMaximum;
  // In the lazy form: sums of the weights of one key tile; scores of blocks of 32 keys by 32 rows,
  // in buffers in turn; with `overlap`, the turn of a panel's first block, and the panel whose
  // first scores are there already, -1 if none.
  Slice blockSum, blockScores, begun;
  // With `overlap`: addresses of rows asked for meanwhile (see MatrixAsks.cpp), [steps of 32
  // keys][asksPerStep() numbers of 64 bits].
  Slice asked;
  int64_t panelBytes = 0, bytes = 0;
  // State of a panel in a part of the key range: accumulator, maximum and sum, in this order.
  Slice partAccumulator, partMaximum, partSum;
  // Stream form, per panel: packed scores of two tiles in turn (see StreamKernels).
  Slice packed[2];
  // With `scoreTiles`, per panel: the queries of `scoreColumns()` rows and 32 elements each, 16
  // words of two elements by these rows. With `weightTiles`: scores of a tile's keys by a panel's
  // rows, before they are packed.
  Slice tileQuery, tileScores;
  // With `weightTiles`, shared by the panels: weights of a tile of keys, as words of two keys for
  // each row, and words of two keys of 32 rows of values.
  Slice weightRows, valueWords;
  int64_t partPanelBytes = 0;

  int64_t itemRows() const { return rows * panels; }
  /// Words of a query or key row; rows of words of a tile of weights or values.
  int64_t rowWords() const;
  /// Keys of a tile are computed in multiples of this.
  int64_t keyStep() const { return tiles ? 32 : registerKeys; }
  /// In the lazy form: blocks by which the scores are ahead of the weights.
  int64_t blocksAhead() const { return overlap ? stages : 0; }
  /// Turns of the score buffers, and rows of a buffer. The odd one keeps loads of one buffer and
  /// stores to another apart in the low address bits.
  int64_t scoreTurns() const { return blocksAhead() + 1; }
  static constexpr int64_t scoreBufferRows = 33;
  /// Rows asked for with each 32 keys of a visit: one of the next tile's keys and one of its
  /// values, and a panel's queries or outputs spread over the keys; and lines of a row.
  int64_t asksPerStep() const { return 2 + queriesPerStep(); }
  int64_t queriesPerStep() const { return (keyStep() * rows + keys - 1) / keys; }
  int64_t linesPerAsk() const { return (2 * std::max(qkSize, vSize) + 63) / 64; }
  /// Whether memory holds words of the products' operands.
  bool keysAreWords() const { return isBf16 ? pairs && qkSize % 2 == 0 : isF32; }
  bool valuesAreWords() const { return isF32; }
  int64_t tileRows() const { return pairs ? keys / 2 : keys; }
  Type wordType() const;
  /// Factor of the queries while they are loaded, and what is left of the scale for the scores:
  /// queries stay bf16, so only a power of two can be moved into them.
  double queryFactor() const;
  double scoreFactor() const;
  /// A weight is 2^(factor * (score - maximum)).
  double weightFactor() const;
  /// From the unit of scores to that of the log-sum-exp.
  double maximumFactor() const;
  /// What a vector of a row in memory holds in the stream form: `lanes` elements, or `lanes` words
  /// of two bf16, which become two vectors (even and odd elements) unless a dot instruction takes
  /// them as they are.
  struct RowChunks {
    int64_t elements, chunks, vectors, size; // per chunk, per row, per chunk, of the row
    bool words;
    bool byPairs = false; // values: two rows at once, see ValueRows.cpp for the order of elements
  };
  RowChunks queryChunks() const { return rowChunks(qkSize, true); }
  RowChunks valueChunks() const { return rowChunks(vSize, false); }
  /// bf16 words stay words in the products with keys where the dot product is as fast as
  /// multiply-adds: at a quarter of their rate (Sapphire Rapids) it takes 32 cycles for a key of
  /// 128 elements and four rows, taking the words apart and multiplying 20.
  bool keyDots() const { return streamed && isBf16 && target.getFlag("bf16_dot") && hasDots(); }
  /// Where they do, the plain product with values takes two keys at once.
  bool valuePairs() const { return keyDots(); }
  /// Group form: whether values are columns of the keys.
  bool isLatent() const { return latent; }
  /// Lanes of vectors along a row of values: those of the target, also where half a vector holds
  /// the rows of a panel.
  int64_t columnLanes() const { return target.getInt("lanes"); }
  /// Group form: keys whose words no product takes as they lie are copied to a tile of float32.
  bool widensKeys() const { return grouped && !isF32 && !pairs; }
  /// Rows of a tile of weights of the stream form: four, or as many as hold the largest group and
  /// divide a panel.
  int64_t weightTileRows() const;
  /// Rows of queries of a product with keys on the matrix unit: those of a tile of weights, or
  /// four, whose scores are packed as they are stored.
  int64_t scoreColumns() const { return weightTiles ? weightTileRows() : streamRows; }
  /// Whether items need the tile registers of the matrix unit.
  bool usesMatrixUnit() const { return tiles || scoreTiles; }
  /// Keys that the plain products of the stream form take at once.
  int64_t simpleKeys() const { return weightTiles ? 32 : packedKeys(); }
  /// Whether a tile of the stream form has so many keys that all its values are read, and then all
  /// keys of the next: each change from one to the other costs what is fetched ahead.
  bool inStretches() const {
    constexpr int64_t leastKeys = 128;
    return streamed && !grouped && !scoreTiles && keys >= leastKeys;
  }
  /// Keys of the unit by which the key range is cut and masks are asked: a tile, or what a stretch
  /// has a number of.
  int64_t unitKeys() const {
    constexpr int64_t ofStretch = 32;
    return inStretches() ? ofStretch : keys;
  }
  /// Keys of a packed vector of the stream form.
  int64_t packedKeys() const { return lanes / 4; }
  bool hasRegion() { return !dot.getScore().empty(); }
  /// Whether the product with the keys finds the maxima of a tile that all rows see.
  bool findsMaximum() { return isSoftmax() && !hasRegion() && !tiles && !streamed; }
  bool isSoftmax() const { return normalizer == Normalizer::Softmax; }

  /// Reads the work's body. Fails with a diagnostic if it is not the form `attn-tile` writes, or if
  /// its schedule does not fit the target.
  static FailureOr<WorkPlan> create(WorkOp work, TargetAttr target);

private:
  LogicalResult readBody();
  LogicalResult readSchedule();
  LogicalResult readForm();
  LogicalResult readGroup();
  LogicalResult readMatrix();
  /// Dot products of bf16 pairs come in 256 and 512 bits.
  bool hasDots() const { return lanes == 8 || lanes == 16; }
  bool usesPairs();
  bool usesTiles();
  void readStreamTiles();
  bool hasFreeScores();
  bool sharesKeys();
  RowChunks rowChunks(int64_t size, bool isKey) const;

  bool isBf16 = false, isF32 = false; // keys and values
  bool latent = false;
  void layOut();
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_WORKPLAN_H
