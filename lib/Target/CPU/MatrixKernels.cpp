//===- MatrixKernels.cpp - products on the matrix unit -----------------------===//
//
// Tile registers 0 to 3 are sums (2 x 2 tiles), 4 and 5 left operands, 6 and 7 right ones: all
// eight. With 1 x 4 tiles of sums 4 is the left operand, and 5 to 7 are right ones in turn.
//
//===----------------------------------------------------------------------===//
#include "MatrixKernels.h"
#include "TileInstructions.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/bit.h"

using namespace mlir;
using namespace mlir::attn;

/// Rows of a tile, and words of a row.
static constexpr int64_t tileSize = 16;
/// Rows or columns of two tiles.
static constexpr int64_t high = 2 * tileSize;
static constexpr int64_t leftTile = 4, rightTile = 6;
/// A word of two bf16.
static constexpr int64_t bf16Ones = 0x3f803f80;

void MatrixKernels::configure(CpuBuilder &b) {
  configureTiles(b, SmallVector<TileSize>(8, wholeTile));
}

/// arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) of Linux.
void MatrixKernels::requestPermission(CpuBuilder &b, ModuleOp module) {
  Type i64 = b.getI64Type();
  auto type = b.getFunctionType({i64, i64, i64}, i64);
  if (!module.lookupSymbol("syscall")) {
    OpBuilder detached(b.getContext());
    auto declaration = func::FuncOp::create(detached, b.getLoc(), "syscall", type);
    declaration.setPrivate();
    module.push_back(declaration);
  }
  auto number = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, b.getI64IntegerAttr(value));
  };
  func::CallOp::create(b, "syscall", TypeRange{i64},
                       ValueRange{number(158), number(0x1023), number(18)});
}

/// Where a tile begins in a slice of words, and how far its rows are apart.
MatrixKernels::Operand MatrixKernels::at(Value memref, Value row, Value column) {
  int64_t columns = cast<MemRefType>(memref.getType()).getDimSize(1);
  Value word = b.add(b.mul(row, b.index(columns)), column);
  Value base = memref::ExtractAlignedPointerAsIndexOp::create(b, memref);
  return {b.add(base, b.mul(word, b.index(4))), b.index(4 * columns)};
}

void MatrixKernels::load(int64_t tile, const Operand &operand) {
  Value stride = arith::IndexCastOp::create(b, b.getI64Type(), operand.stride);
  StringRef name = operand.bypass ? "llvm.x86.tileloaddt164" : "llvm.x86.tileloadd64";
  callTile(b, name, {tile}, {pointerTo(b, operand.address), stride});
}

void MatrixKernels::store(int64_t tile, const Operand &operand) {
  Value stride = arith::IndexCastOp::create(b, b.getI64Type(), operand.stride);
  callTile(b, "llvm.x86.tilestored64", {tile}, {pointerTo(b, operand.address), stride});
}

Value attn::keyTileRow(CpuBuilder &b, const WorkPlan &plan, Value key, Value step) {
  Value block = b.index(2 * tileSize), within = b.rem(key, block);
  Value first = b.mul(b.sub(key, within), b.index(plan.rowWords() / tileSize));
  return b.add(b.add(first, b.mul(step, block)), within);
}

SmallVector<Value> attn::valueTileAt(CpuBuilder &b, const WorkPlan &plan, Value column,
                                     Value word) {
  Value block = b.index(2 * tileSize), within = b.rem(column, block);
  Value first = b.mul(b.sub(column, within), b.index(plan.keys / (2 * tileSize)));
  Value step = b.div(word, b.index(tileSize));
  return {b.add(b.add(first, b.mul(step, block)), within), b.rem(word, b.index(tileSize))};
}

void MatrixKernels::loadLeft(int64_t tile, const Left &left) {
  Operand operand = at(left.tiles, b.add(left.row, tile * tileSize), b.index(0));
  operand.bypass = left.bypass;
  load(leftTile + tile, operand);
}

void MatrixKernels::loadRight(int64_t tile, const Right &right) {
  load(rightTile + tile, at(right.words, right.row, b.add(right.column, tile * tileSize)));
}

/// All four, in the order in which the products need them.
void MatrixKernels::loadOperands(const Left &left, const Right &right) {
  for (int64_t tile = 0; tile < 2; ++tile) {
    loadRight(tile, right);
    loadLeft(tile, left);
  }
}

/// Adds one step of the sum: one or two left tiles, one below the other, by two right tiles side by
/// side; `before` and `between` stand in front of and behind each product.
void MatrixKernels::multiply(int64_t leftTiles, function_ref<void(int64_t)> before,
                             function_ref<void(int64_t)> between) {
  for (int64_t product = 0; product < 2 * leftTiles; ++product) {
    if (before)
      before(product);
    callTile(b, "llvm.x86.tdpbf16ps", {product, leftTile + product / 2, rightTile + product % 2});
    if (between)
      between(product);
  }
}

/// A step whose operands are loaded before the first product that needs them.
void MatrixKernels::addProducts(int64_t leftTiles, const Left &left, const Right &right,
                                function_ref<void(int64_t)> between) {
  loadRight(0, right);
  loadLeft(0, left);
  multiply(
      leftTiles,
      [&](int64_t product) {
        if (product == 1)
          loadRight(1, right);
        if (product == 2)
          loadLeft(1, left);
      },
      between);
}

MatrixKernels::Left MatrixKernels::keysAt(const ScoreBlock &block, int64_t step) {
  return {block.keys, keyTileRow(b, plan, block.firstKey, b.index(step)),
          plan.bypass == "keys" || plan.bypass == "both"};
}
MatrixKernels::Right MatrixKernels::queriesAt(const ScoreBlock &block, int64_t step) {
  return {block.query, b.index(step * tileSize), b.index(block.column)};
}

void MatrixKernels::loadFirst(const ScoreBlock &block) {
  loadOperands(keysAt(block, 0), queriesAt(block, 0));
}

void MatrixKernels::scoreStep(const ScoreBlock &block, int64_t step, const Company *company) {
  if (step == 0)
    for (int64_t tile = 0; tile < 4; ++tile)
      callTile(b, "llvm.x86.tilezero", {tile});
  function_ref<void(int64_t)> between = company ? company->between : nullptr;
  if (company && step == 0)
    multiply(2, nullptr, between);
  else
    addProducts(2, keysAt(block, step), queriesAt(block, step), between);
  if (step + 1 < scoreSteps())
    return;
  if (company)
    company->beforeStores();
  for (int64_t i = 0; i < 2; ++i)
    for (int64_t j = 0; j < 2; ++j)
      store(2 * i + j, at(block.scores, b.add(block.scoreRow, i * tileSize),
                          b.index(block.scoreColumn + j * tileSize)));
}

func::FuncOp MatrixKernels::emitScores() {
  Type f32 = b.getF32Type(), word = plan.wordType();
  auto function =
      createPrivateFunction(b, plan.work->getParentOfType<ModuleOp>(), prefix + "_scores",
                            {typeOf(plan.keyTile, word), typeOf(plan.query, word),
                             typeOf(plan.scores, f32), b.getIndexType()});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.front());
  b.loop(b.index(0), function.getArgument(3), 2 * tileSize, [&](Value n) {
    for (int64_t column = 0; column < plan.rows; column += 2 * tileSize)
      for (int64_t step = 0; step < scoreSteps(); ++step)
        scoreStep({function.getArgument(0), function.getArgument(1), function.getArgument(2), n, n,
                   column, column},
                  step);
  });
  func::ReturnOp::create(b);
  return function;
}

/// Multiplies the accumulator by each row's factor, unless all are 1 (no maximum moved) or it holds
/// nothing.
void MatrixKernels::rescale(Value accumulator, Value factors, Value fresh) {
  SmallVector<Value> columns;
  Value same;
  for (int64_t j = 0; j < plan.vectors; ++j) {
    columns.push_back(b.load(factors, {b.index(0), b.index(j * plan.lanes)}, b.f32Vector()));
    Value ones = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, columns.back(), b.splat(1));
    same = same ? b.both(same, ones) : ones;
  }
  Value changed = b.negate(Value(vector::ReductionOp::create(b, vector::CombiningKind::AND, same)));
  if (fresh)
    changed = b.both(changed, b.negate(fresh));
  b.when(changed, [&] {
    b.loop(b.index(0), b.index(plan.vSize), 1, [&](Value d) {
      for (auto [j, factor] : llvm::enumerate(columns)) {
        Value column = b.index(static_cast<int64_t>(j) * plan.lanes);
        b.store(b.mulf(b.load(accumulator, {d, column}, b.f32Vector()), factor), accumulator,
                {d, column});
      }
    });
  });
}

/// Whether the sums start at zero; null if they never do.
Value MatrixKernels::freshOf(func::FuncOp function) {
  return plan.lazy ? function.getArgument(5) : Value();
}

/// Starts each of the first `tiles` sums, at zero or at what `load` loads; `before` comes first.
void MatrixKernels::beginSums(func::FuncOp function, int64_t tiles,
                              function_ref<void(int64_t tile)> load,
                              function_ref<void(int64_t tile)> before) {
  auto forTiles = [&](function_ref<void(int64_t)> begin) {
    for (int64_t tile = 0; tile < tiles; ++tile) {
      if (before)
        before(tile);
      begin(tile);
    }
  };
  auto clear = [&] { forTiles([&](int64_t tile) { callTile(b, "llvm.x86.tilezero", {tile}); }); };
  if (Value fresh = freshOf(function))
    return b.when(fresh, clear, [&] { forTiles(load); });
  forTiles(load);
}

/// Adds the weights of word rows [from, from + count) to the sums of `vectors` vectors of rows from
/// `column`, which take turns.
SmallVector<Value> MatrixKernels::addWeights(func::FuncOp function, Value from, int64_t count,
                                             int64_t column, int64_t vectors, ValueRange sums) {
  SmallVector<Value> next(sums);
  for (int64_t i = 0; i < count * vectors; ++i) {
    Value row = b.add(from, i / vectors), at = b.index(column + i % vectors * tileSize);
    Value words = b.load(function.getArgument(1), {row, at}, b.i32Vector());
    Value &sum = next[static_cast<size_t>(i) % next.size()];
    sum = b.dotPairs(words, b.splatI32(bf16Ones), sum);
  }
  return next;
}

/// The steps of a sum over keys: `step` for the words from each `k` on, or `first` for the first.
/// Blocks of value columns share the rows of weights that they add up to the sums of `vectors`
/// vectors of rows from `column`.
void MatrixKernels::forKeys(func::FuncOp function, const WeightShare &share, int64_t column,
                            int64_t vectors, function_ref<void(Value k)> step,
                            function_ref<void()> first) {
  // Additions to one sum wait for each other: no more than four within a step of some 64 cycles.
  int64_t turns = (share.rows + 3) / 4;
  SmallVector<Value> sums(turns * vectors, b.splat(0));
  auto addFrom = [&](Value k, ValueRange from) {
    return addWeights(function, b.add(k, b.mul(share.part, b.index(share.rows))), share.rows,
                      column, vectors, from);
  };
  Value begin = b.index(first ? tileSize : 0);
  if (first) {
    first();
    sums = addFrom(b.index(0), sums);
  }
  sums = b.loop(begin, function.getArgument(4), tileSize, sums, [&](Value k, ValueRange args) {
    step(k);
    return addFrom(k, args);
  });
  for (auto [i, sum] : llvm::enumerate(sums)) {
    int64_t vector = static_cast<int64_t>(i) % vectors;
    SmallVector<Value> at = {b.index(0), b.index(column + vector * tileSize)};
    Value total = function.getArgument(6);
    b.store(b.addf(b.load(total, at, b.f32Vector()), sum), total, at);
  }
}

/// Sum `tile` of two by two from value column `first` and row `column` of the panel.
MatrixKernels::Operand MatrixKernels::sumAt(func::FuncOp function, Value first, int64_t column,
                                            int64_t tile) {
  return at(function.getArgument(2), b.add(first, tile / 2 * tileSize),
            b.index(column + tile % 2 * tileSize));
}

MatrixKernels::Left MatrixKernels::valuesAt(func::FuncOp function, Value first, Value k) {
  return {function.getArgument(0), valueTileAt(b, plan, first, k).front(), bypassesValues()};
}
MatrixKernels::Right MatrixKernels::weightsAt(func::FuncOp function, Value k, int64_t column) {
  return {function.getArgument(1), k, b.index(column)};
}

/// One or two tiles of value columns from `first`, by 32 rows of the panel from `column`.
void MatrixKernels::valueBlock(func::FuncOp function, Value first, int64_t leftTiles,
                               int64_t column, const WeightShare &share) {
  auto sum = [&](int64_t tile) { return sumAt(function, first, column, tile); };
  int64_t tiles = 2 * leftTiles;
  beginSums(function, tiles, [&](int64_t tile) { load(tile, sum(tile)); });
  forKeys(function, share, column, 2, [&](Value k) {
    addProducts(leftTiles, valuesAt(function, first, k), weightsAt(function, k, column));
  });
  for (int64_t tile = 0; tile < tiles; ++tile)
    store(tile, sum(tile));
}

/// Blocks of 32 value columns by a panel of 32 rows, one behind the other. The operands of a
/// block's first step are loaded before the sums of the block in front of it are stored, as a load
/// behind stores comes late; and each sum where the one before it has left, because a load waits
/// for its register.
void MatrixKernels::valueBlocksInTurn(func::FuncOp function, int64_t blocks) {
  auto loadSum = [&](int64_t block) {
    return [=](int64_t tile) { load(tile, sumAt(function, b.index(block * high), 0, tile)); };
  };
  auto loadFirstStep = [&](int64_t block) {
    loadOperands(valuesAt(function, b.index(block * high), b.index(0)),
                 weightsAt(function, b.index(0), 0));
  };
  int64_t sharing = sharingBlocks(blocks);
  beginSums(function, 4, loadSum(0));
  loadFirstStep(0);
  for (int64_t block = 0; block < blocks; ++block) {
    Value first = b.index(block * high);
    WeightShare share = {b.index(block), block < sharing ? tileSize / sharing : 0};
    forKeys(
        function, share, 0, 2,
        [&](Value k) { addProducts(2, valuesAt(function, first, k), weightsAt(function, k, 0)); },
        [&] { multiply(2, nullptr, nullptr); });
    auto leave = [&](int64_t tile) { store(tile, sumAt(function, first, 0, tile)); };
    if (block + 1 < blocks) {
      loadFirstStep(block + 1);
      beginSums(function, 4, loadSum(block + 1), leave);
    } else {
      llvm::for_each(llvm::seq<int64_t>(0, 4), leave);
    }
  }
}

/// One tile of value columns from `first` by 64 rows of the panel from `column`: a tile of values
/// is loaded once for all of them, and the weights of a panel are read in one sweep, which the
/// first-level cache holds from one tile of columns to the next.
void MatrixKernels::wideValueBlock(func::FuncOp function, Value first, int64_t column,
                                   const WeightShare &share) {
  Value accumulator = function.getArgument(2), weights = function.getArgument(1);
  constexpr int64_t sums = 4, rightTiles = 3;
  auto sumAt = [&](int64_t j) { return at(accumulator, first, b.index(column + j * tileSize)); };
  beginSums(function, sums, [&](int64_t j) { load(j, sumAt(j)); });
  forKeys(function, share, column, sums, [&](Value k) {
    SmallVector<Value> left = valueTileAt(b, plan, first, k);
    Operand values = at(function.getArgument(0), left.front(), b.index(0));
    values.bypass = bypassesValues();
    for (int64_t j = 0; j < sums; ++j) {
      int64_t right = leftTile + 1 + j % rightTiles;
      load(right, at(weights, k, b.index(column + j * tileSize)));
      if (j == 0)
        load(leftTile, values);
      callTile(b, "llvm.x86.tdpbf16ps", {j, leftTile, right});
    }
  });
  for (int64_t j = 0; j < sums; ++j)
    store(j, sumAt(j));
}

/// As many of the blocks of value columns as divide the rows of a tile of weights share their sums;
/// those behind them add up nothing.
int64_t MatrixKernels::sharingBlocks(int64_t blocks) {
  if (!plan.sumsWithValues() || blocks == 0)
    return 0;
  return static_cast<int64_t>(llvm::bit_floor(static_cast<uint64_t>(std::min(tileSize, blocks))));
}

/// `block` for each `width` value columns of the first `whole`.
void MatrixKernels::forValueBlocks(int64_t whole, int64_t width,
                                   function_ref<void(Value, const WeightShare &)> block) {
  int64_t sharing = sharingBlocks(whole / width);
  if (sharing > 0)
    b.loop(b.index(0), b.index(sharing * width), width,
           [&](Value first) { block(first, {b.div(first, b.index(width)), tileSize / sharing}); });
  if (sharing * width < whole)
    b.loop(b.index(sharing * width), b.index(whole), width,
           [&](Value first) { block(first, {b.index(0), 0}); });
}

func::FuncOp MatrixKernels::emitValues() {
  Type f32 = b.getF32Type(), word = plan.wordType();
  SmallVector<Type> inputs = {typeOf(plan.valueTile, word), typeOf(plan.weights, word),
                              typeOf(plan.accumulator, f32), typeOf(plan.rescale, f32),
                              b.getIndexType()};
  if (plan.lazy)
    inputs.push_back(b.getI1Type());
  if (plan.sumsWithValues())
    inputs.push_back(typeOf(plan.sum, f32));
  auto function =
      createPrivateFunction(b, plan.work->getParentOfType<ModuleOp>(), prefix + "_values", inputs);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.front());
  rescale(function.getArgument(2), function.getArgument(3), freshOf(function));
  emitValueBlocks(function);
  func::ReturnOp::create(b);
  return function;
}

void MatrixKernels::emitValueBlocks(func::FuncOp function) {
  constexpr int64_t wide = 4 * tileSize;
  int64_t size = plan.accumulator.rows, whole = size / high * high;
  if (plan.rows % wide == 0)
    return forValueBlocks(size, tileSize, [&](Value first, const WeightShare &share) {
      for (int64_t column = 0; column < plan.rows; column += wide)
        wideValueBlock(function, first, column, share);
    });
  auto forRows = [&](Value first, int64_t leftTiles, const WeightShare &share) {
    for (int64_t column = 0; column < plan.rows; column += high)
      valueBlock(function, first, leftTiles, column, share);
  };
  if (plan.rows == high && whole > 0)
    valueBlocksInTurn(function, whole / high);
  else
    forValueBlocks(whole, high,
                   [&](Value first, const WeightShare &share) { forRows(first, 2, share); });
  if (whole < size)
    forRows(b.index(whole), 1, {b.index(0), plan.sumsWithValues() && whole == 0 ? tileSize : 0});
}
