//===- TokenOpsProduct.cpp - loops of products of tokens with a weight ---===//
//
// Few rows read the weight as it lies, once: rows of it go through all tokens' sums, which the
// first-level cache holds. Many rows meet a block of it packed, since its rows lie a large power of
// two apart in memory, and a panel as it lies would fill few sets of the cache. Every sum is made
// in the order of its terms, however rows and columns are divided.
#include "TokenOpsProduct.h"
#include "VectorLoops.h"
#include "attn/IR/AttnOps.h"

using namespace mlir;
using namespace mlir::attn;

/// Rows that take the weight as it lies, and those of them that share its loads.
static constexpr int64_t fewRows = 16, sharingRows = 4;
/// Rows of the weight that go through a row's sums at a time, as they lie and packed: a packed
/// block is at most 128 rows of 128 bytes, half of a first-level cache.
static constexpr int64_t lyingDepth = 4, packedDepth = 128;
/// Vectors of columns of an item without packing: longer pieces of a row are fetched better,
/// shorter ones divide better.
static constexpr int64_t lyingVectors = 16;
/// Rows of an item, enough to make a packed block worth its copy, and of a register block: with two
/// registers of columns these are 12 accumulators, which 16 registers hold and which hide the
/// latency of a fused multiply-add.
static constexpr int64_t itemRows = 192, blockRows = 6;

namespace {

/// Where a row of the tokens of all sequences lies.
struct RowPlace {
  Value batch, token;
};

/// What the body of an item needs beside the product.
struct Item {
  const RowProduct &p;
  Value head;   // of the result; null where heads are summed
  Value column; // the first
  Value places; // [rows][batch, token] of each row
  int64_t lanes, vectors;
  Value sums;  // [rows][vectors * lanes] f32
  Value panel; // [packedDepth][vectors * lanes] f32
  Value wide;  // [blockRows][packedDepth] f32: inputs of another type, widened

  int64_t columns() const { return vectors * lanes; }
};

} // namespace

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

/// Writes where `count` rows from `first` on lie: asked for often, and a division is slow.
static void findPlaces(LoopBuilder &b, const Item &item, Value first, Value count, Value length) {
  forRange(b, indexConstant(b, 0), count, [&](Value row) {
    Value all = arith::AddIOp::create(b, first, row);
    Value place[] = {arith::DivUIOp::create(b, all, length),
                     arith::RemUIOp::create(b, all, length)};
    for (auto [i, value] : llvm::enumerate(place))
      memref::StoreOp::create(b, value, item.places,
                              ValueRange{row, indexConstant(b, static_cast<int64_t>(i))});
  });
}

static RowPlace placeOf(LoopBuilder &b, const Item &item, Value row) {
  auto load = [&](int64_t i) {
    return memref::LoadOp::create(b, item.places, ValueRange{row, indexConstant(b, i)}).getResult();
  };
  return {load(0), load(1)};
}

/// The head of `memref` that belongs to the result's: one may be shared by all. Where heads are
/// summed, the part.
static Value headIn(LoopBuilder &b, const Item &item, Value memref, int64_t dimension, Value part) {
  if (!item.head)
    return part;
  bool shared = cast<MemRefType>(memref.getType()).getDimSize(dimension) == 1;
  return shared ? indexConstant(b, 0) : item.head;
}

static Value loadInput(LoopBuilder &b, const Item &item, RowPlace at, Value part, Value k) {
  Value head = headIn(b, item, item.p.in, 1, part);
  Value x = loadF32(b, item.p.in, ValueRange{at.batch, head, at.token, k});
  return vector::BroadcastOp::create(b, VectorType::get({item.lanes}, b.getF32Type()), x);
}

static Value loadWeight(LoopBuilder &b, const Item &item, Value part, Value k, Value column) {
  Value head = headIn(b, item, item.p.weight, 0, part);
  Value at = arith::AddIOp::create(b, item.column, column);
  return loadVector(b, item.p.weight, ValueRange{head, k, at}, item.lanes);
}

static Value columnOf(LoopBuilder &b, const Item &item, int64_t vector) {
  return indexConstant(b, vector * item.lanes);
}

static void clearSums(LoopBuilder &b, const Item &item, Value rows) {
  auto type = VectorType::get({item.lanes}, b.getF32Type());
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  forRange(b, indexConstant(b, 0), rows, [&](Value row) {
    forStep(b, item.columns(), item.lanes,
            [&](Value column) { storeVector(b, zero, item.sums, ValueRange{row, column}); });
  });
}

static void storeSums(LoopBuilder &b, const Item &item, Value count) {
  forRange(b, indexConstant(b, 0), count, [&](Value row) {
    RowPlace at = placeOf(b, item, row);
    forStep(b, item.columns(), item.lanes, [&](Value column) {
      Value sum = loadVector(b, item.sums, ValueRange{row, column}, item.lanes);
      SmallVector<Value, 4> to = {at.batch};
      if (item.head)
        to.push_back(item.head);
      to.append({at.token, arith::AddIOp::create(b, item.column, column)});
      storeVector(b, sum, item.p.out, to);
    });
  });
}

/// Visits [0, count) in blocks of `sizes`, largest first, what one leaves by the next.
static void forBlocks(LoopBuilder &b, Value count, ArrayRef<int64_t> sizes,
                      function_ref<void(Value first, int64_t size)> body) {
  Value from = indexConstant(b, 0);
  for (int64_t size : sizes) {
    Value step = indexConstant(b, size);
    Value left = arith::RemUIOp::create(b, arith::SubIOp::create(b, count, from), step);
    Value to = arith::SubIOp::create(b, count, left);
    auto loop = scf::ForOp::create(b, from, to, step);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(loop.getBody()->getTerminator());
    body(loop.getInductionVar(), size);
    b.setInsertionPointAfter(loop);
    from = to;
  }
}

//===----------------------------------------------------------------------===//
// Few rows
//===----------------------------------------------------------------------===//

/// sums[row + t] += sum_j in[row + t][k + j] * weight[k + j], for `depth` rows of the weight.
static void addLying(LoopBuilder &b, const Item &item, Value row, int64_t rows, Value part, Value k,
                     int64_t depth) {
  SmallVector<SmallVector<Value>> inputs;
  for (int64_t t = 0; t < rows; ++t) {
    RowPlace at = placeOf(b, item, addIndex(b, row, t));
    for (auto &own = inputs.emplace_back(); static_cast<int64_t>(own.size()) < depth;)
      own.push_back(loadInput(b, item, at, part, addIndex(b, k, static_cast<int64_t>(own.size()))));
  }
  forStep(b, item.columns(), item.lanes, [&](Value column) {
    SmallVector<Value> weights;
    for (int64_t j = 0; j < depth; ++j)
      weights.push_back(loadWeight(b, item, part, addIndex(b, k, j), column));
    for (int64_t t = 0; t < rows; ++t) {
      SmallVector<Value, 2> place = {addIndex(b, row, t), column};
      Value sum = loadVector(b, item.sums, place, item.lanes);
      for (int64_t j = 0; j < depth; ++j)
        sum = vector::FMAOp::create(b, inputs[t][j], weights[j], sum);
      storeVector(b, sum, item.sums, place);
    }
  });
}

static void emitLying(LoopBuilder &b, const Item &item, Value rows) {
  int64_t depth = dividingPower(item.p.inner, lyingDepth);
  clearSums(b, item, rows);
  forRange(b, 0, item.p.parts, [&](Value part) {
    forStep(b, item.p.inner, depth, [&](Value k) {
      forBlocks(b, rows, {sharingRows, 1},
                [&](Value row, int64_t size) { addLying(b, item, row, size, part, k, depth); });
    });
  });
  storeSums(b, item, rows);
}

//===----------------------------------------------------------------------===//
// Many rows
//===----------------------------------------------------------------------===//

static void packWeight(LoopBuilder &b, const Item &item, Value part, Value first, Value depth) {
  forRange(b, indexConstant(b, 0), depth, [&](Value k) {
    for (int64_t v = 0; v < item.vectors; ++v) {
      Value column = columnOf(b, item, v);
      Value row = loadWeight(b, item, part, arith::AddIOp::create(b, first, k), column);
      storeVector(b, row, item.panel, ValueRange{k, column});
    }
  });
}

/// Inputs of a block as float32, which a product then reads one by one.
static void widenInputs(LoopBuilder &b, const Item &item, ArrayRef<RowPlace> places, Value part,
                        Value first, Value depth) {
  int64_t lanes = dividingPower(item.p.inner, maxLanes);
  auto loop = scf::ForOp::create(b, indexConstant(b, 0), depth, indexConstant(b, lanes));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(loop.getBody()->getTerminator());
  Value k = loop.getInductionVar(), from = arith::AddIOp::create(b, first, k);
  Value head = headIn(b, item, item.p.in, 1, part);
  for (auto [t, at] : llvm::enumerate(places)) {
    Value x = loadVector(b, item.p.in, ValueRange{at.batch, head, at.token, from}, lanes);
    storeVector(b, x, item.wide, ValueRange{indexConstant(b, static_cast<int64_t>(t)), k});
  }
}

/// sums[row + t] += sum_k in[row + t][first + k] * panel[k].
static void addPacked(LoopBuilder &b, const Item &item, Value row, int64_t rows, Value part,
                      Value first, Value depth) {
  SmallVector<RowPlace> places;
  for (int64_t t = 0; t < rows; ++t)
    places.push_back(placeOf(b, item, addIndex(b, row, t)));
  if (item.wide)
    widenInputs(b, item, places, part, first, depth);
  SmallVector<Value> sums;
  for (int64_t t = 0; t < rows; ++t)
    for (int64_t v = 0; v < item.vectors; ++v)
      sums.push_back(loadVector(b, item.sums, ValueRange{addIndex(b, row, t), columnOf(b, item, v)},
                                item.lanes));
  auto type = VectorType::get({item.lanes}, b.getF32Type());
  sums = accumulate(b, depth, sums, [&](Value k, SmallVector<Value> &carried) {
    SmallVector<Value> weights;
    for (int64_t v = 0; v < item.vectors; ++v)
      weights.push_back(loadVector(b, item.panel, ValueRange{k, columnOf(b, item, v)}, item.lanes));
    for (int64_t t = 0; t < rows; ++t) {
      Value x = item.wide ? vector::BroadcastOp::create(
                                b, type, loadF32(b, item.wide, ValueRange{indexConstant(b, t), k}))
                                .getResult()
                          : loadInput(b, item, places[t], part, arith::AddIOp::create(b, first, k));
      for (int64_t v = 0; v < item.vectors; ++v) {
        Value &sum = carried[t * item.vectors + v];
        sum = vector::FMAOp::create(b, x, weights[v], sum);
      }
    }
  });
  for (int64_t t = 0; t < rows; ++t)
    for (int64_t v = 0; v < item.vectors; ++v)
      storeVector(b, sums[t * item.vectors + v], item.sums,
                  ValueRange{addIndex(b, row, t), columnOf(b, item, v)});
}

/// Rows of the weight in the panel that begins at row `first`.
static Value panelDepth(LoopBuilder &b, const Item &item, Value first) {
  Value most = indexConstant(b, packedDepth);
  if (item.p.inner % packedDepth == 0)
    return most;
  Value left = arith::SubIOp::create(b, indexConstant(b, item.p.inner), first);
  return arith::MinUIOp::create(b, left, most);
}

static void emitPacked(LoopBuilder &b, const Item &item, Value rows) {
  clearSums(b, item, rows);
  forRange(b, 0, item.p.parts, [&](Value part) {
    forStep(b, item.p.inner, packedDepth, [&](Value first) {
      Value depth = panelDepth(b, item, first);
      packWeight(b, item, part, first, depth);
      forBlocks(b, rows, {blockRows, 2, 1}, [&](Value row, int64_t size) {
        addPacked(b, item, row, size, part, first, depth);
      });
    });
  });
  storeSums(b, item, rows);
}

//===----------------------------------------------------------------------===//
// Items
//===----------------------------------------------------------------------===//

static Value scratch(LoopBuilder &b, int64_t rows, int64_t columns) {
  auto type = MemRefType::get({rows, columns}, b.getF32Type());
  return memref::AllocaOp::create(b, type, b.getI64IntegerAttr(64));
}

/// Columns of a register block: two registers of float32.
static int64_t blockColumns(LoopBuilder &b, int64_t columns) {
  constexpr int64_t usualLanes = 8;
  auto module = b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  auto target = module ? module->getAttrOfType<TargetAttr>("attn.target") : TargetAttr();
  int64_t lanes = target ? target.getInt("lanes") : 0;
  return dividingPower(columns, 2 * (lanes > 0 ? lanes : usualLanes));
}

/// One index per head of the result, block of its columns and block of rows.
static void forItems(LoopBuilder &b, const RowProduct &p, Value columnBlocks, Value rowBlocks,
                     function_ref<void(Value head, Value columnBlock, Value rowBlock)> body) {
  SmallVector<Value> sizes = {columnBlocks, rowBlocks};
  if (p.heads > 0)
    sizes.insert(sizes.begin(), indexConstant(b, p.heads));
  parallelFor(b, sizes, [&](ValueRange at) {
    body(p.heads > 0 ? at.front() : Value(), at.take_back(2)[0], at.back());
  });
}

static Item makeItem(LoopBuilder &b, const RowProduct &p, int64_t rows, int64_t lanes,
                     int64_t vectors) {
  Item item{p, {}, {}, {}, lanes, vectors, scratch(b, rows, lanes * vectors), {}, {}};
  item.places = memref::AllocaOp::create(b, MemRefType::get({rows, 2}, b.getIndexType()));
  return item;
}

static void tileFewRows(LoopBuilder &b, const RowProduct &p, Value length, Value rows) {
  int64_t lanes = dividingPower(p.columns, maxLanes);
  int64_t vectors = dividingPower(p.columns / lanes, lyingVectors);
  Value blocks = indexConstant(b, p.columns / (lanes * vectors));
  forItems(b, p, blocks, indexConstant(b, 1), [&](Value head, Value block, Value) {
    Item item = makeItem(b, p, fewRows, lanes, vectors);
    item.head = head;
    item.column = arith::MulIOp::create(b, block, indexConstant(b, item.columns()));
    findPlaces(b, item, indexConstant(b, 0), rows, length);
    emitLying(b, item, rows);
  });
}

static void tileManyRows(LoopBuilder &b, const RowProduct &p, Value length, Value rows) {
  int64_t columns = blockColumns(b, p.columns), lanes = std::min(columns, maxLanes);
  bool isWide = cast<MemRefType>(p.in.getType()).getElementType().isF32();
  Value size = indexConstant(b, itemRows), blocks = indexConstant(b, p.columns / columns);
  Value rowBlocks = arith::CeilDivUIOp::create(b, rows, size);
  forItems(b, p, blocks, rowBlocks, [&](Value head, Value block, Value rowBlock) {
    Item item = makeItem(b, p, itemRows, lanes, columns / lanes);
    item.head = head;
    item.column = arith::MulIOp::create(b, block, indexConstant(b, columns));
    item.panel = scratch(b, packedDepth, columns);
    if (!isWide)
      item.wide = scratch(b, blockRows, packedDepth);
    Value first = arith::MulIOp::create(b, rowBlock, size);
    Value count = arith::MinUIOp::create(b, arith::SubIOp::create(b, rows, first), size);
    findPlaces(b, item, first, count, length);
    emitPacked(b, item, count);
  });
}

void attn::tileRowProduct(LoopBuilder &b, const RowProduct &p) {
  Value length = sizeOf(b, p.in, 2);
  Value rows = arith::MulIOp::create(b, sizeOf(b, p.in, 0), length);
  Value isFew =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ule, rows, indexConstant(b, fewRows));
  ifElse(
      b, isFew, [&] { tileFewRows(b, p, length, rows); },
      [&] { tileManyRows(b, p, length, rows); });
}
