//===- MatrixWeights.cpp - weights on the matrix unit's own time -------------===//
//
// The matrix unit works beside the vector unit, but only on instructions that are within the
// processor's window of some hundred; so its instructions are spread among those of the weights.
//
//===----------------------------------------------------------------------===//
#include "MatrixWeights.h"
#include "MatrixPowers.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::attn;

static const double infinity = std::numeric_limits<double>::infinity();
static constexpr double log2e = 1.4426950408889634;
/// Keys that go from tile registers to weights at a time.
static constexpr int64_t chunkKeys = 32;
/// Largest sum of a tile's weights that leaves the reference as it is.
static constexpr double largestSum = 65536;
/// A table's weights reach up to 2, so that one bit tells where the reference is too small. It
/// starts this far above the first maximum, and so has the same room as a sum up to `largestSum`.
static constexpr double tableRoom = 15 * 0.69314718055994531;
/// Words of the slice `begun`.
static constexpr int64_t turnWord = 0, panelWord = 1;

MatrixWeights::MatrixWeights(CpuBuilder &b, WorkPlan &plan, const MatrixPanel &panel)
    : b(b), plan(plan), panel(panel), kernels(b, plan, ""),
      firstTurn(plan.overlap ? begunWord(turnWord) : b.index(0)) {}

//===----------------------------------------------------------------------===//
// State
//===----------------------------------------------------------------------===//

Value MatrixWeights::loadState(Value memref, const Column &column) {
  return b.load(memref, {b.index(0), column.at}, b.f32Vector());
}
void MatrixWeights::storeState(Value value, Value memref, const Column &column) {
  b.store(value, memref, {b.index(0), column.at});
}

static Value equals(CpuBuilder &b, Value a, double value) {
  return arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, a, b.splat(value));
}
static Value anyLane(CpuBuilder &b, Value lanes) {
  return vector::ReductionOp::create(b, vector::CombiningKind::OR, lanes);
}

/// A row that has seen nothing yet subtracts 0 instead of -infinity.
static Value usable(CpuBuilder &b, Value maximum) {
  return b.select(equals(b, maximum, -infinity), b.splat(0), maximum);
}

SmallVector<MatrixWeights::Column> MatrixWeights::columns(bool masked) {
  SmallVector<Column> result;
  for (int64_t j = 0; j < plan.vectors; ++j) {
    Column &c = result.emplace_back();
    c.number = j;
    c.at = b.index(j * plan.lanes);
    c.inBlock = b.index(j % 2 * plan.lanes);
    c.reference = usable(b, loadState(panel.maxima, c));
    c.shift = b.mulf(c.reference, b.splat(-log2e));
    auto lanes = [&](Value memref) { return b.load(memref, {b.index(0), c.at}, b.i32Vector()); };
    Value heads = lanes(panel.heads), positions = lanes(panel.positions);
    if (plan.hasRegion()) {
      c.code = std::make_unique<ScoreCode>(b, plan.dot.getScore().front(), *panel.outer);
      c.code->prepare(panel.context->batch, heads, positions);
    }
    if (masked) {
      c.mask = std::make_unique<LaneMask>(b, panel.mask, *panel.context, positions, heads);
      c.mask->prepare();
    }
  }
  return result;
}

Value MatrixWeights::unseen() {
  Value any;
  for (int64_t j = 0; j < plan.vectors; ++j) {
    Value maximum = b.load(panel.maxima, {b.index(0), b.index(j * plan.lanes)}, b.f32Vector());
    Value none = equals(b, maximum, -infinity);
    any = any ? b.either(any, none) : none;
  }
  return anyLane(b, any);
}

/// A NaN is not too large: its row is NaN with any reference. A row without a reference must have
/// none of its keys weighed.
Value MatrixWeights::tooLarge() {
  Value any;
  for (int64_t j = 0; j < plan.vectors; ++j) {
    SmallVector<Value> at = {b.index(0), b.index(j * plan.lanes)};
    Value sum = b.load(panel.blockSums, at, b.f32Vector());
    Value bare = equals(b, b.load(panel.maxima, at, b.f32Vector()), -infinity);
    Value limit = b.select(bare, b.splat(0), b.splat(largestSum));
    // Of the table's weights a NaN says that they left its range.
    auto above = plan.tablePowers ? arith::CmpFPredicate::UGT : arith::CmpFPredicate::OGT;
    Value large = arith::CmpFOp::create(b, above, sum, limit);
    any = any ? b.either(any, large) : large;
  }
  return anyLane(b, any);
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// A word of the slice `begun`.
Value MatrixWeights::begunWord(int64_t word) {
  Value number =
      memref::LoadOp::create(b, panel.begun, ValueRange{b.index(0), b.index(word)}).getResult();
  return arith::IndexCastOp::create(b, b.getIndexType(), number);
}
void MatrixWeights::setBegunWord(int64_t word, Value number) {
  memref::StoreOp::create(b, b.toI32(number), panel.begun, ValueRange{b.index(0), b.index(word)});
}
/// Whether the panel before has left this one's first scores.
Value MatrixWeights::isBegun() {
  return b.compare(arith::CmpIPredicate::eq, begunWord(panelWord), panel.number);
}
void MatrixWeights::forget(CpuBuilder &b, Value begun) {
  memref::StoreOp::create(b, b.i32(0), begun, ValueRange{b.index(0), b.index(turnWord)});
  memref::StoreOp::create(b, b.i32(-1), begun, ValueRange{b.index(0), b.index(panelWord)});
}

/// Buffers in turn: later scores arrive while these are read.
Value MatrixWeights::bufferRow(const Block &block) {
  return b.mul(block.turn, b.index(WorkPlan::scoreBufferRows));
}

/// The 32 rows from `32 * rows` of this panel by chunk `number`. Turns go on from panel to panel.
MatrixWeights::Block MatrixWeights::ownBlock(Value number, int64_t rows) {
  Value count = b.add(b.mul(number, b.index(blocks())), rows);
  Value turn = b.rem(b.add(firstTurn, count), b.index(plan.scoreTurns()));
  return {number, panel.queryOf(panel.number), turn, rows};
}

/// What is multiplied under the weights of a block of chunk `number` of `count`: a later block, or
/// one of the first of panel `next`.
MatrixWeights::Block MatrixWeights::laterBlock(Value number, int64_t rows, Value count,
                                               Value next) {
  int64_t ahead = rows + plan.blocksAhead();
  Value later = b.add(number, ahead / blocks());
  Value isNext = b.compare(arith::CmpIPredicate::sge, later, count);
  Block block = ownBlock(later, ahead % blocks());
  block.number = b.select(isNext, b.sub(later, count), later);
  block.query = panel.queryOf(b.select(isNext, next, panel.number));
  return block;
}

MatrixKernels::ScoreBlock MatrixWeights::kernelBlock(const Block &block) {
  Value firstKey = b.mul(block.number, b.index(chunkKeys));
  return {panel.keys,       block.query,      panel.scores,
          firstKey,         bufferRow(block), block.rows * 2 * plan.lanes,
          /*scoreColumn=*/0};
}

void MatrixWeights::scoreBlock(const Block &block) {
  for (int64_t step = 0; step < kernels.scoreSteps(); ++step)
    kernels.scoreStep(kernelBlock(block), step);
}

/// The score of the vector in row `row` of the buffer, scaled and after region and mask. Keys past
/// the end repeat the last one where the mask or the region reads memory.
Value MatrixWeights::score(const Column &column, Value row, Value key) {
  Value score = b.load(panel.scores, {row, column.inBlock}, b.f32Vector());
  if (double factor = plan.scoreFactor(); factor != 1.0)
    score = b.mulf(score, b.splat(factor));
  Value last = b.add(panel.range.high, -1), read = column.mask ? b.minimum(key, last) : key;
  if (column.code)
    score = column.code->apply(score, read);
  if (!column.mask)
    return score;
  Value live = b.broadcast(b.compare(arith::CmpIPredicate::sle, key, last));
  return b.select(b.both(column.mask->visible(read), live), score, b.splat(-infinity));
}

/// Maxima of a block's two columns.
void MatrixWeights::raiseBlock(ArrayRef<Column> columns, const Block &block,
                               MutableArrayRef<Value> tops) {
  Value key = b.add(panel.range.low, b.mul(block.number, b.index(chunkKeys))),
        first = bufferRow(block);
  SmallVector<Value> found =
      b.loop(b.index(0), b.index(chunkKeys), 1, tops, [&](Value n, ValueRange args) {
        SmallVector<Value> next;
        for (auto [j, column] : llvm::enumerate(columns))
          next.push_back(b.maxf(score(column, b.add(first, n), b.add(key, n)), args[j]));
        return next;
      });
  llvm::copy(found, tops.begin());
}

void MatrixWeights::raiseBlocks(ArrayRef<Column> columns, Value from, Value to, Value begun,
                                SmallVectorImpl<Value> &tops) {
  tops = b.loop(from, to, 1, tops, [&](Value number, ValueRange args) {
    SmallVector<Value> next(args);
    Value none = b.boolean(false);
    Value first =
        begun ? b.both(begun, b.compare(arith::CmpIPredicate::eq, number, b.index(0))) : none;
    for (int64_t rows = 0; rows < blocks(); ++rows) {
      Block block = ownBlock(number, rows);
      b.when(b.negate(rows < plan.blocksAhead() ? first : none), [&] { scoreBlock(block); });
      raiseBlock(columns.slice(static_cast<size_t>(2 * rows), 2), block,
                 MutableArrayRef(next).slice(static_cast<size_t>(2 * rows), 2));
    }
    return next;
  });
}

void MatrixWeights::raise(Value count, Value mayBeBegun) {
  SmallVector<Column> rows = columns(false);
  SmallVector<Value> tops(plan.vectors, b.splat(-infinity));
  Value chunks = b.div(count, b.index(chunkKeys)), clear = b.div(panel.clear, b.index(chunkKeys));
  Value seen = b.minimum(clear, chunks);
  Value begun = plan.overlap ? b.both(mayBeBegun, isBegun()) : Value();
  raiseBlocks(rows, b.index(0), seen, begun, tops);
  raiseBlocks(columns(true), seen, chunks, begun, tops);
  for (auto [column, top] : llvm::zip(rows, tops)) {
    Value old = loadState(panel.maxima, column);
    Value now = b.maxf(plan.tablePowers ? b.addf(top, b.splat(tableRoom)) : top, old);
    storeState(now, panel.maxima, column);
    Value power = b.mulf(b.subf(old, usable(b, now)), b.splat(log2e));
    // Nothing to scale in a row that had no reference.
    Value factor = b.select(equals(b, old, -infinity), b.splat(1), b.exp2(power));
    for (Value state : {panel.rescale, panel.sums})
      storeState(b.mulf(loadState(state, column), factor), state, column);
  }
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// The exponent of a weight. Without a region one multiply-add makes it of a raw score.
Value MatrixWeights::power(const Column &column, Value row, Value key) {
  if (column.code || column.mask) {
    Value above = b.subf(score(column, row, key), column.reference);
    return b.mulf(above, b.splat(log2e));
  }
  Value raw = b.load(panel.scores, {row, column.inBlock}, b.f32Vector());
  return b.fma(raw, b.splat(plan.scoreFactor() * log2e), column.shift);
}

/// The output's quotient does not see what rounding to bf16 hides; the log-sum-exp does.
Value MatrixWeights::weight(const Column &column, Value row, Value key) {
  Value x = power(column, row, key);
  return plan.storeLse ? b.exp2(x) : weightExp2(b, x);
}

/// The sum that holds an exponent. What is too small for bf16 becomes zero; NaN stays.
Value MatrixWeights::tablePower(const Column &column, Value row, Value key) {
  TableForm form = tableForm(plan.powers);
  // The unit more rounds the fraction's last bit, which the words drop.
  double rounding = form.fraction == 8 ? 1.0 / 256 : 0;
  Value base = b.splat(form.base + 127 + rounding), x;
  if (column.code)
    x = b.addf(power(column, row, key), base);
  else
    x = b.fma(b.load(panel.scores, {row, column.inBlock}, b.f32Vector()),
              b.splat(plan.scoreFactor() * log2e), b.addf(column.shift, base));
  return b.maxf(b.splat(form.base), x);
}

/// Words of keys 2n and 2n + 1, and the bits that tell whether the table held them.
void MatrixWeights::tablePair(const Column &column, Value row, Value key, Value word,
                              MutableArrayRef<Value> seen) {
  Value &bits = seen[static_cast<size_t>(column.number)];
  auto bitsOf = [&](Value x) -> Value { return arith::BitcastOp::create(b, b.i32Vector(), x); };
  Value first = bitsOf(tablePower(column, row, key)),
        second = bitsOf(tablePower(column, b.add(row, 1), b.add(key, 1)));
  bits = b.either(bits, b.either(first, second));
  b.store(tableWords(b, tableForm(plan.powers), first, second), panel.weights, {word, column.at});
}

/// `sum` as it is, computed before what follows. LLVM would put the additions of a long block off
/// to its end, and keep all weights in registers and on the stack until then.
static Value addedHere(CpuBuilder &b, Value sum) {
  return LLVM::InlineAsmOp::create(b, sum.getType(), sum, "", "=v,0", /*has_side_effects=*/true,
                                   /*is_align_stack=*/false, LLVM::tailcallkind::TailCallKind::None,
                                   LLVM::AsmDialectAttr(), ArrayAttr())
      .getResult(0);
}

/// Weights of keys 2n and 2n + 1 of a block, for column `j` of its two.
void MatrixWeights::pair(ArrayRef<Column> columns, const Block &block, int64_t j, Value n,
                         MutableArrayRef<Value> sums) {
  const Column &column = columns[static_cast<size_t>(2 * block.rows + j)];
  Value row = b.add(bufferRow(block), b.mul(n, b.index(2)));
  Value key =
      b.add(b.add(panel.range.low, b.mul(block.number, b.index(chunkKeys))), b.mul(n, b.index(2)));
  Value word = b.add(b.mul(block.number, b.index(chunkKeys / 2)), n);
  if (table)
    return tablePair(column, row, key, word, sums);
  Value first = weight(column, row, key), second = weight(column, b.add(row, 1), b.add(key, 1));
  Value &sum = sums[static_cast<size_t>(column.number)];
  b.store(packWeights(b, first, second), panel.weights, {word, column.at});
  sum = b.addf(sum, b.addf(first, second));
}

/// Asks for lines [from, to) of the rows that belong to the block's keys.
void MatrixWeights::askForRows(const Block &block, int64_t from, int64_t to) {
  constexpr int32_t isRead = 0, secondLevel = 2, isData = 1;
  constexpr int64_t lineBytes = 64;
  for (int64_t i = from; i < to; ++i) {
    Value row = b.index(i / plan.linesPerAsk());
    Value address = memref::LoadOp::create(b, panel.asked, ValueRange{block.number, row});
    Value offset =
        arith::ConstantOp::create(b, b.getI64IntegerAttr(i % plan.linesPerAsk() * lineBytes));
    address = arith::AddIOp::create(b, address, offset);
    auto pointer = LLVM::LLVMPointerType::get(b.getContext());
    LLVM::Prefetch::create(b, LLVM::IntToPtrOp::create(b, pointer, address), isRead, secondLevel,
                           isData);
  }
}

/// Weights of a block, while the matrix unit makes the scores of the first of two later ones:
/// behind each of its products comes a share of the weights. The first operands of the second one
/// are loaded before the scores are stored: a load behind stores comes late.
void MatrixWeights::weave(ArrayRef<Column> columns, const Block &block, ArrayRef<Block> later,
                          MutableArrayRef<Value> sums) {
  int64_t pairs = chunkKeys, products = 4 * kernels.scoreSteps(), done = 0, at = 0;
  int64_t asks = block.rows == 0 ? plan.asksPerStep() * plan.linesPerAsk() : 0;
  auto weighShare = [&](int64_t) {
    askForRows(block, at * asks / products, (at + 1) * asks / products);
    for (; done < (at + 1) * pairs / products; ++done) {
      int64_t column = 2 * block.rows + done % 2;
      pair(columns, block, done % 2, b.index(done / 2), sums);
      for (auto j = static_cast<size_t>(column); j < sums.size(); j += columns.size())
        sums[j] = addedHere(b, sums[j]);
    }
    ++at;
  };
  auto loadNext = [&] { kernels.loadFirst(kernelBlock(later.back())); };
  MatrixKernels::Company company = {weighShare, loadNext};
  for (int64_t step = 0; step < kernels.scoreSteps(); ++step)
    kernels.scoreStep(kernelBlock(later.front()), step, &company);
}

SmallVector<Value> MatrixWeights::weighBlock(ArrayRef<Column> columns, const Block &block,
                                             ValueRange sums) {
  return b.loop(b.index(0), b.index(chunkKeys / 2), 1, sums, [&](Value n, ValueRange args) {
    SmallVector<Value> next(args);
    for (int64_t j = 0; j < 2; ++j)
      pair(columns, block, j, n, next);
    return next;
  });
}

/// What a loop over blocks starts with: sums, or where the table is used, bits of exponents.
SmallVector<Value> MatrixWeights::startOfSums() {
  if (!table)
    return SmallVector<Value>(plan.vectors, b.splat(0));
  return SmallVector<Value>(plan.vectors, b.splatI32(tableForm(plan.powers).upper));
}

/// Sums after `body` for the blocks of each chunk.
SmallVector<Value>
MatrixWeights::forBlocks(Value from, Value to, ValueRange start,
                         function_ref<void(const Block &, SmallVectorImpl<Value> &sums)> body) {
  return b.loop(from, to, 1, start, [&](Value number, ValueRange args) {
    SmallVector<Value> sums(args);
    for (int64_t block = 0; block < blocks(); ++block)
      body(ownBlock(number, block), sums);
    return sums;
  });
}

/// The scores of the first blocks come before the loop, unless the panel before has left them.
/// Under the weights of the last blocks come the first scores of the next panel; behind the item's
/// last panel, or one that has too few blocks, this panel's own ones once more, in vain.
SmallVector<Value> MatrixWeights::weighWoven(ArrayRef<Column> columns, Value chunks,
                                             Value mayBeBegun) {
  using Predicate = arith::CmpIPredicate;
  int64_t ahead = plan.blocksAhead();
  Value next = b.add(panel.number, 1), units = b.mul(chunks, b.index(blocks()));
  Value begun = b.both(mayBeBegun, isBegun());
  Value some = b.compare(Predicate::sgt, units, b.index(0));
  b.when(b.both(some, b.negate(begun)), [&] {
    for (int64_t block = 0; block < ahead; ++block)
      scoreBlock(ownBlock(b.index(block / blocks()), block % blocks()));
  });
  Value goesOn = b.both(b.compare(Predicate::slt, next, panel.panels),
                        b.compare(Predicate::sge, units, b.index(ahead)));
  Value last = b.select(goesOn, next, panel.number);
  auto laterThan = [&](Value number, int64_t rows) {
    return laterBlock(number, rows, chunks, last);
  };
  kernels.loadFirst(kernelBlock(laterThan(b.index(0), 0)));
  SmallVector<Value> sums = forBlocks(
      b.index(0), chunks, startOfSums(), [&](const Block &block, SmallVectorImpl<Value> &inner) {
        int64_t next = block.rows + 1;
        Value number = b.add(block.number, next / blocks());
        weave(columns, block,
              {laterThan(block.number, block.rows), laterThan(number, next % blocks())}, inner);
      });
  setBegunWord(turnWord, ownBlock(chunks, 0).turn);
  setBegunWord(panelWord, b.select(goesOn, next, b.index(-1)));
  return sums;
}

void MatrixWeights::addSums() {
  for (int64_t j = 0; j < plan.vectors; ++j) {
    SmallVector<Value> at = {b.index(0), b.index(j * plan.lanes)};
    Value tile = b.load(panel.blockSums, at, b.f32Vector());
    b.store(b.addf(b.load(panel.sums, at, b.f32Vector()), tile), panel.sums, at);
  }
}

/// Sums of the tile. Bits of an exponent that the table cannot hold make them too large, and so
/// does a weight of a row without a reference; what the table holds is added up with the values.
void MatrixWeights::storeSums(ArrayRef<Column> columns, ValueRange sums) {
  TableForm form = tableForm(plan.powers);
  Value some = b.broadcast(b.compare(arith::CmpIPredicate::sgt, panel.clear, b.index(0)));
  for (const Column &column : columns) {
    Value sum = sums[static_cast<size_t>(column.number)];
    if (table) {
      Value upper = b.both(sum, b.splatI32(form.mask));
      Value beyond = b.compare(arith::CmpIPredicate::ne, upper, b.splatI32(form.upper));
      Value bare = b.both(some, equals(b, loadState(panel.maxima, column), -infinity));
      sum = b.select(b.either(beyond, bare), b.splat(infinity), b.splat(0));
    }
    storeState(sum, panel.blockSums, column);
  }
}

void MatrixWeights::weighAll(Value mayBeBegun) {
  SmallVector<Column> rows = columns(false);
  Value chunks = b.div(panel.clear, b.index(chunkKeys));
  auto inTurn = [&](const Block &block, SmallVectorImpl<Value> &sums) {
    scoreBlock(block);
    sums = weighBlock(rows, block, sums);
  };
  bool weaves = plan.overlap && mayBeBegun;
  SmallVector<Value> start = startOfSums();
  storeSums(rows, weaves ? weighWoven(rows, chunks, mayBeBegun)
                         : forBlocks(b.index(0), chunks, start, inTurn));
}

/// The buffer that no later block has been put in.
MatrixWeights::Block MatrixWeights::freeBlock(Value number, int64_t rows) {
  Value clear = b.mul(b.div(panel.clear, b.index(chunkKeys)), b.index(blocks()));
  Block block = ownBlock(number, rows);
  block.turn =
      b.rem(b.add(firstTurn, b.add(clear, plan.blocksAhead())), b.index(plan.scoreTurns()));
  return block;
}

/// Weights of chunks that not all rows see; adds to `blockSums`.
void MatrixWeights::weighMasked(Value from, Value to) {
  b.when(b.compare(arith::CmpIPredicate::slt, from, to), [&] {
    SmallVector<Column> rows = columns(true);
    SmallVector<Value> sums;
    for (const Column &column : rows)
      sums.push_back(loadState(panel.blockSums, column));
    sums = forBlocks(from, to, sums, [&](const Block &own, SmallVectorImpl<Value> &inner) {
      Block block = freeBlock(own.number, own.rows);
      scoreBlock(block);
      inner = weighBlock(rows, block, inner);
    });
    storeSums(rows, sums);
  });
}

void MatrixWeights::weigh(Value count, Value isFirst, Value mayBeBegun) {
  weighClear(isFirst, mayBeBegun);
  weighMasked(b.div(panel.clear, b.index(chunkKeys)), b.div(count, b.index(chunkKeys)));
}

/// A second attempt takes the polynomial, which holds what the table does not, and leaves no scores
/// behind.
void MatrixWeights::weighClear(Value isFirst, Value mayBeBegun) {
  if (!plan.tablePowers)
    return weighAll(mayBeBegun);
  b.when(
      isFirst,
      [&] {
        table = true;
        weighAll(mayBeBegun);
        table = false;
      },
      [&] {
        weighAll(nullptr);
        if (plan.overlap)
          setBegunWord(panelWord, b.index(-1));
      });
}
