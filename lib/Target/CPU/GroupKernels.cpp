//===- GroupKernels.cpp - decode products of many rows -----------------------===//
#include "GroupKernels.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::attn;

/// Words of a key row between two requests for rows that are needed next: a cache line.
static constexpr int64_t lineWords = 16;
static constexpr int64_t lineBytes = 64;

func::FuncOp GroupKernels::createFunction(StringRef suffix, ArrayRef<Type> memrefs,
                                          int64_t numbers) {
  SmallVector<Type> inputs(memrefs);
  inputs.append(static_cast<size_t>(numbers), b.getIndexType());
  return createPrivateFunction(b, plan.work->getParentOfType<ModuleOp>(), prefix + suffix.str(),
                               inputs);
}

static MemRefType typeOf(const Slice &slice, Type element) {
  return MemRefType::get({slice.rows, slice.columns}, element);
}

RowIndex GroupKernels::Rows::at(Value row) const {
  RowIndex index(place);
  index.push_back(row);
  return index;
}

/// Rows of the caller's tensor, or of a copied tile, which has them alone.
GroupKernels::Rows GroupKernels::rowsOf(func::FuncOp function, int64_t firstNumber, bool isCopy) {
  auto argument = [&](int64_t i) { return function.getArgument(static_cast<unsigned>(i)); };
  if (isCopy)
    return {argument(0), {}};
  return {argument(0), {argument(firstNumber), argument(firstNumber + 1)}};
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// A word of a key: one float32, or two bf16.
Value GroupKernels::loadWord(const Rows &keys, Value row, Value word) {
  RowIndex at = keys.at(row);
  if (!plan.pairs) {
    at.push_back(word);
    return memref::LoadOp::create(b, keys.source, at);
  }
  at.push_back(b.mul(word, b.index(2)));
  Value pair = b.load(keys.source, at, VectorType::get(2, b.getBF16Type()));
  pair = vector::BitCastOp::create(b, VectorType::get(1, b.getI32Type()), pair);
  return vector::ExtractOp::create(b, pair, ArrayRef<int64_t>{0});
}

/// `registerKeys` keys from number `n` on.
void GroupKernels::scoreBlock(func::FuncOp function, const Rows &keys, Value n) {
  Value query = function.getArgument(1), scores = function.getArgument(2),
        live = function.getArgument(7);
  Value first = plan.widensKeys() ? b.index(0) : Value(function.getArgument(6));
  SmallVector<Value> rows;
  for (int64_t i = 0; i < plan.registerKeys; ++i)
    rows.push_back(b.add(first, b.minimum(b.add(n, i), b.add(live, -1))));
  SmallVector<Value> zeros(plan.registerKeys, b.splat(0));
  auto vector = VectorType::get(plan.lanes, plan.wordType());
  auto addWord = [&](Value word, SmallVector<Value> &sums) {
    Value part = b.load(query, {word, b.index(0)}, vector);
    for (auto [row, sum] : llvm::zip(rows, sums)) {
      Value key = b.broadcast(loadWord(keys, row, word));
      sum = plan.pairs ? b.dotPairs(part, key, sum) : b.fma(part, key, sum);
    }
  };
  int64_t whole = plan.rowWords() / lineWords * lineWords;
  SmallVector<Value> sums =
      b.loop(b.index(0), b.index(whole), lineWords, zeros, [&](Value word, ValueRange args) {
        SmallVector<Value> inner(args);
        for (int64_t i = 0; i < lineWords; ++i) {
          askWhileScoring(function, n, word, i);
          addWord(b.add(word, i), inner);
        }
        return inner;
      });
  for (int64_t word = whole; word < plan.rowWords(); ++word)
    addWord(b.index(word), sums);
  double factor = plan.scoreFactor();
  for (auto [i, sum] : llvm::enumerate(sums))
    b.store(factor == 1.0 ? sum : b.mulf(sum, b.splat(factor)), scores,
            {b.add(n, static_cast<int64_t>(i)), b.index(0)});
}

/// Cache lines of a row of `size` elements of `memref`.
static int64_t linesOfRow(Value memref, int64_t size) {
  auto element = cast<MemRefType>(memref.getType()).getElementType();
  return std::max<int64_t>(1, size * element.getIntOrFloatBitWidth() / 8 / lineBytes);
}

/// Asks for line number `line` of rows that begin with row `next` and follow each other.
void GroupKernels::askForLine(const Rows &wanted, Value next, Value line, int64_t size) {
  constexpr int64_t secondLevel = 2;
  auto element = cast<MemRefType>(wanted.source.getType()).getElementType();
  int64_t elements = 8 * lineBytes / element.getIntOrFloatBitWidth();
  Value lines = b.index(linesOfRow(wanted.source, size));
  RowIndex at = wanted.at(b.add(next, b.div(line, lines)));
  at.push_back(b.mul(b.rem(line, lines), b.index(elements)));
  b.prefetch(wanted.source, at, secondLevel);
}

/// In front of the products of word number `i` of a line of a block of keys, which begins with
/// `word`: its share of the lines that are wanted, in the order of memory. Evenly, for a core has
/// few misses under way: many at once wait for each other, and the products for them.
void GroupKernels::askWhileScoring(func::FuncOp function, Value n, Value word, int64_t i) {
  if (plan.isLatent() && plan.widensKeys())
    return; // the copy reads it
  Rows wanted = {function.getArgument(3), {function.getArgument(4), function.getArgument(9)}};
  int64_t size = plan.isLatent() ? plan.qkSize : plan.vSize, steps = plan.rowWords() / lineWords;
  int64_t lines = plan.registerKeys * linesOfRow(wanted.source, size);
  int64_t share = (lines + steps - 1) / std::max<int64_t>(1, steps);
  Value first = b.add(b.mul(n, b.index(linesOfRow(wanted.source, size))),
                      b.mul(b.div(word, b.index(lineWords)), b.index(share)));
  for (int64_t line = i * share / lineWords; line < (i + 1) * share / lineWords; ++line)
    askForLine(wanted, function.getArgument(10), b.add(first, line), size);
}

func::FuncOp GroupKernels::emitScores() {
  Type f32 = b.getF32Type();
  Type keys = plan.widensKeys() ? Type(typeOf(plan.keyTile, f32)) : plan.work.getKey().getType();
  Type wanted = (plan.isLatent() ? plan.work.getKey() : plan.work.getValue()).getType();
  constexpr int64_t numbers = 7, firstNumber = 4;
  func::FuncOp function = createFunction(
      "_scores", {keys, typeOf(plan.query, plan.wordType()), typeOf(plan.scores, f32), wanted},
      numbers);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.front());
  Rows rows = rowsOf(function, firstNumber, plan.widensKeys());
  b.loop(b.index(0), function.getArgument(8), plan.registerKeys,
         [&](Value n) { scoreBlock(function, rows, n); });
  func::ReturnOp::create(b);
  return function;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// The weight of key `n`, or with pairs the word of keys n and n + 1, or of the strict product the
/// half that is key n's, as float32.
Value GroupKernels::loadWeight(Value weights, Value n, Value row, bool strict) {
  Value turn = plan.pairs ? b.div(n, b.index(2)) : n;
  Value word = memref::LoadOp::create(b, weights, ValueRange{turn, row});
  if (!plan.pairs || !strict)
    return word;
  Value isEven = b.compare(arith::CmpIPredicate::eq, b.rem(n, b.index(2)), b.index(0));
  Value low = arith::ShLIOp::create(b, word, b.i32(16)), high = b.both(word, b.i32(-65536));
  return arith::BitcastOp::create(b, b.getF32Type(), b.select(isEven, low, high));
}

ValueRows GroupKernels::valueRows(func::FuncOp function, bool strict) {
  constexpr int64_t firstNumber = 5;
  Rows rows = rowsOf(function, firstNumber, plan.sharesTile);
  ValueRows v;
  v.chunks = plan.valueChunks();
  v.source = rows.source;
  v.place = rows.place;
  v.first = plan.sharesTile ? b.index(0) : Value(function.getArgument(7));
  v.accumulator = function.getArgument(2);
  v.rescale = function.getArgument(3);
  v.step = strict ? ValueStep::Strict : plan.pairs ? ValueStep::Pairs : ValueStep::Plain;
  v.weight = [this, strict, weights = function.getArgument(1)](Value n, Value row, int64_t r) {
    return loadWeight(weights, n, b.add(row, r), strict);
  };
  return v;
}

/// What asks for the next keys in the loop over keys of the blocks of `chunks` chunks from `chunk`
/// on: an even share of the tile's lines for each step.
std::function<void(Value)> GroupKernels::askWhileAdding(func::FuncOp function, int64_t chunks,
                                                        Value chunk) {
  if (plan.isLatent())
    return nullptr; // asked for by the scores
  Rows wanted = {function.getArgument(4), {function.getArgument(5), function.getArgument(10)}};
  Value next = function.getArgument(11);
  int64_t blocks = (plan.valueChunks().chunks + chunks - 1) / chunks;
  int64_t perStep = plan.pairs ? 2 : 1, steps = blocks * plan.keys / perStep;
  int64_t lines = plan.keys * linesOfRow(wanted.source, plan.qkSize);
  int64_t share = (lines + steps - 1) / steps;
  Value before = b.mul(b.div(chunk, b.index(chunks)), b.index(plan.keys / perStep));
  return [this, wanted, next, share, before, perStep](Value n) {
    Value first = b.mul(b.add(before, b.div(n, b.index(perStep))), b.index(share));
    for (int64_t i = 0; i < share; ++i)
      askForLine(wanted, next, b.add(first, i), plan.qkSize);
  };
}

func::FuncOp GroupKernels::emitValues(bool strict) {
  Type f32 = b.getF32Type();
  Type values = plan.sharesTile ? Type(typeOf(plan.keyTile, f32)) : plan.work.getValue().getType();
  constexpr int64_t numbers = 7;
  func::FuncOp function =
      createFunction(strict ? "_values_strict" : "_values",
                     {values, typeOf(plan.weights, plan.wordType()), typeOf(plan.accumulator, f32),
                      typeOf(plan.rescale, f32), plan.work.getKey().getType()},
                     numbers);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.front());
  ValueRows v = valueRows(function, strict);
  Value count = function.getArgument(8), rows = function.getArgument(9);
  int64_t chunks = chunksOfBlock(plan, v.chunks, plan.registerValues);
  // Many rows: each weight meets one vector, and comes from memory with the instruction that
  // multiplies it.
  bool oneByOne = 2 * plan.registerValues > sumRegisters(plan) && v.chunks.vectors > 1;
  // Columns outside: those of a tile's keys stay in the first-level cache for all rows.
  auto forRows = [&](Value chunk, int64_t some, bool isTail) {
    ValueBlock block = {nullptr, plan.registerValues, chunk, some, isTail};
    v.ask = strict ? nullptr : askWhileAdding(function, chunks, chunk);
    for (int64_t i = 0; i < (oneByOne ? v.chunks.vectors : 1); ++i)
      b.loop(b.index(0), rows, plan.registerValues, [&](Value row) {
        block.row = row;
        if (oneByOne)
          block.vector = i;
        addValueBlock(b, v, block, b.index(0), count);
      });
  };
  forChunks(b, v.chunks, chunks, forRows);
  func::ReturnOp::create(b);
  return function;
}
