//===- PanelKernels.cpp - the two products of a panel ------------------------===//
//
// Register block: `registerKeys` (or value columns) by `vectors` accumulators, one SSA value each
// and carried by the loop, so that they stay in registers. One operand is broadcast from memory,
// the other is loaded as it lies.
//
//===----------------------------------------------------------------------===//
#include "PanelKernels.h"
#include "MatrixKernels.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using namespace mlir::attn;

func::FuncOp attn::createPrivateFunction(CpuBuilder &b, ModuleOp module, StringRef name,
                                         TypeRange inputs) {
  OpBuilder detached(b.getContext());
  auto function = func::FuncOp::create(detached, b.getLoc(), name, b.getFunctionType(inputs, {}));
  function.setPrivate();
  function->setAttr("llvm.linkage",
                    LLVM::LinkageAttr::get(b.getContext(), LLVM::Linkage::Internal));
  SymbolTable(module).insert(function);
  function.addEntryBlock();
  return function;
}

Value PanelKernels::multiplyAdd(Value a, Value b, Value sum) {
  return plan.pairs ? this->b.dotPairs(a, b, sum) : this->b.fma(a, b, sum);
}

/// Rows `stride` elements apart, wherever they begin.
static MemRefType rowsAnywhere(int64_t rows, int64_t columns, int64_t stride, Type element) {
  auto layout = StridedLayoutAttr::get(element.getContext(), ShapedType::kDynamic, {stride, 1});
  return MemRefType::get({rows, columns}, element, layout);
}

/// Elements, not words, as memory holds them.
MemRefType PanelKernels::keyTileType() const {
  Type element = plan.pairs ? Type(b.getBF16Type()) : Type(b.getF32Type());
  int64_t size = plan.rowWords() * (plan.pairs ? 2 : 1);
  return rowsAnywhere(plan.keys, size, size, element);
}

MemRefType PanelKernels::valueTileType() const {
  if (plan.tiles)
    return typeOf(plan.valueTile, plan.wordType());
  int64_t stride = plan.sharesTile ? plan.rowWords() : plan.vSize;
  return rowsAnywhere(plan.tileRows(), plan.vSize, stride, plan.wordType());
}

/// One word of each A row, broadcast.
Value PanelKernels::broadcastWord(const Product &p, Value k, int64_t i) {
  SmallVector<Value> at = p.indexA(k, i);
  if (cast<MemRefType>(p.a.getType()).getElementType() == plan.wordType())
    return b.broadcast(memref::LoadOp::create(b, p.a, at));
  at.back() = b.mul(at.back(), b.index(2));
  Value pair = b.load(p.a, at, VectorType::get(2, b.getBF16Type()));
  Value word = vector::BitCastOp::create(b, VectorType::get(1, b.getI32Type()), pair);
  return vector::BroadcastOp::create(b, b.i32Vector(), word);
}

SmallVector<Value> PanelKernels::step(const Product &p, Value k, ArrayRef<Value> sums) {
  SmallVector<Value> next(sums), loaded;
  for (int64_t j = 0; j < plan.vectors; ++j)
    loaded.push_back(
        b.load(p.b, {k, b.index(j * plan.lanes)}, VectorType::get(plan.lanes, plan.wordType())));
  for (int64_t i = 0; i < p.rows; ++i) {
    Value a = broadcastWord(p, k, i);
    for (int64_t j = 0; j < plan.vectors; ++j) {
      Value &sum = next[i * plan.vectors + j];
      sum = multiplyAdd(a, loaded[j], sum);
    }
  }
  return next;
}

/// Part `half` of a word of pairs as float32, or the whole word.
Value PanelKernels::part(Value word, int64_t half) {
  return plan.pairs ? b.unpackHalf(word, half) : word;
}

/// As `step`, but in float32, one key at a time, and without excluded ones.
SmallVector<Value> PanelKernels::strictStep(const Product &p, Value k, ArrayRef<Value> sums) {
  SmallVector<Value> next(sums);
  for (int64_t half = 0; half < (plan.pairs ? 2 : 1); ++half)
    for (int64_t j = 0; j < plan.vectors; ++j) {
      Value word =
          b.load(p.b, {k, b.index(j * plan.lanes)}, VectorType::get(plan.lanes, plan.wordType()));
      Value weight = part(word, half);
      Value bits = arith::BitcastOp::create(b, b.i32Vector(), weight);
      Value excluded = b.compare(arith::CmpIPredicate::eq, bits, b.splatI32(INT32_MIN));
      for (int64_t i = 0; i < p.rows; ++i) {
        Value &sum = next[i * plan.vectors + j];
        sum = b.select(excluded, sum, b.fma(part(broadcastWord(p, k, i), half), weight, sum));
      }
    }
  return next;
}

SmallVector<Value> PanelKernels::product(const Product &p, ArrayRef<Value> init) {
  return b.loop(b.index(0), p.count, p.unroll, init, [&](Value k, ValueRange args) {
    SmallVector<Value> sums(args);
    for (int64_t u = 0; u < p.unroll; ++u)
      sums = p.strict ? strictStep(p, b.add(k, u), sums) : step(p, b.add(k, u), sums);
    return sums;
  });
}

/// The largest step of at most `wish` that divides `count`.
static int64_t unrollFor(int64_t wish, int64_t count) {
  while (count % wish != 0)
    --wish;
  return wish;
}

/// A score with the part of the scale that the queries could not take.
Value PanelKernels::scaled(Value score) {
  double factor = plan.scoreFactor();
  return factor == 1.0 ? score : b.mulf(score, b.splat(factor));
}

func::FuncOp PanelKernels::emitScores() {
  Type f32 = b.getF32Type(), word = plan.wordType();
  auto function =
      createPrivateFunction(b, plan.work->getParentOfType<ModuleOp>(), prefix + "_scores",
                            {keyTileType(), typeOf(plan.query, word), typeOf(plan.scores, f32),
                             typeOf(plan.tileMaximum, f32), b.getIndexType()});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.front());
  Value key = function.getArgument(0), query = function.getArgument(1),
        scores = function.getArgument(2), maxima = function.getArgument(3);
  for (int64_t j = 0; plan.findsMaximum() && j < plan.vectors; ++j)
    b.store(b.splat(-std::numeric_limits<double>::infinity()), maxima,
            {b.index(0), b.index(j * plan.lanes)});
  b.loop(b.index(0), function.getArgument(4), plan.registerKeys, [&](Value n) {
    auto indexA = [&](Value k, int64_t i) { return SmallVector<Value>{b.add(n, i), k}; };
    Product p{key,
              query,
              b.index(plan.rowWords()),
              plan.registerKeys,
              indexA,
              unrollFor(plan.unroll, plan.rowWords()),
              false};
    SmallVector<Value> sums =
        product(p, SmallVector<Value>(plan.registerKeys * plan.vectors, b.splat(0)));
    storeScores(sums, n, scores, maxima);
  });
  func::ReturnOp::create(b);
  return function;
}

/// Scores of the keys from `first`. The maxima stay in memory between blocks: the next one's sums
/// need all registers.
void PanelKernels::storeScores(ArrayRef<Value> sums, Value first, Value scores, Value maxima) {
  for (int64_t j = 0; j < plan.vectors; ++j) {
    Value column = b.index(j * plan.lanes);
    SmallVector<Value> at = {b.index(0), column};
    Value top = plan.findsMaximum() ? b.load(maxima, at, b.f32Vector()) : Value();
    for (int64_t i = 0; i < plan.registerKeys; ++i) {
      Value score = scaled(sums[i * plan.vectors + j]);
      b.store(score, scores, {b.add(first, i), column});
      if (top)
        top = b.maxf(score, top);
    }
    if (top)
      b.store(top, maxima, at);
  }
}

/// `rows` value columns from `first`: load, rescale, add the products, store.
void PanelKernels::valueBlock(func::FuncOp function, Value first, int64_t rows, bool strict) {
  Value value = function.getArgument(0), weights = function.getArgument(1),
        accumulator = function.getArgument(2), rescale = function.getArgument(3);
  SmallVector<Value> init;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < plan.vectors; ++j) {
      Value factor = b.load(rescale, {b.index(0), b.index(j * plan.lanes)}, b.f32Vector());
      init.push_back(b.mulf(
          b.load(accumulator, {b.add(first, i), b.index(j * plan.lanes)}, b.f32Vector()), factor));
    }
  auto indexA = [&](Value k, int64_t i) {
    return plan.tiles ? valueTileAt(b, plan, b.add(first, i), k)
                      : SmallVector<Value>{k, b.add(first, i)};
  };
  int64_t rowsPerBlock = plan.pairs ? plan.registerKeys / 2 : plan.registerKeys;
  // Only values that are not finite are multiplied strictly: as little code as possible.
  int64_t unroll = strict ? 1 : unrollFor(plan.unroll, rowsPerBlock);
  Product p{value, weights, function.getArgument(4), rows, indexA, unroll, strict};
  SmallVector<Value> sums = product(p, init);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < plan.vectors; ++j)
      b.store(sums[i * plan.vectors + j], accumulator, {b.add(first, i), b.index(j * plan.lanes)});
}

func::FuncOp PanelKernels::emitValues(bool strict) {
  Type f32 = b.getF32Type(), word = plan.wordType();
  auto function = createPrivateFunction(
      b, plan.work->getParentOfType<ModuleOp>(), prefix + (strict ? "_values_strict" : "_values"),
      {valueTileType(), typeOf(plan.weights, word), typeOf(plan.accumulator, f32),
       typeOf(plan.rescale, f32), b.getIndexType()});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.front());
  int64_t whole = plan.vSize / plan.registerValues * plan.registerValues;
  if (whole > 0)
    b.loop(b.index(0), b.index(whole), plan.registerValues,
           [&](Value first) { valueBlock(function, first, plan.registerValues, strict); });
  if (whole < plan.vSize)
    valueBlock(function, b.index(whole), plan.vSize - whole, strict);
  func::ReturnOp::create(b);
  return function;
}
