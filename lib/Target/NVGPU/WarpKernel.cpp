//===- WarpKernel.cpp - frame and tiles of rows of the warps' form -----------===//
#include "WarpKernel.h"
#include "Products.h"

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Frame
//===----------------------------------------------------------------------===//

void WarpEmitter::createFunction() {
  SmallVector<Type> types = commonArgumentTypes(b);
  size_t common = types.size();
  llvm::append_range(types, tensorArgumentTypes());
  size_t tensors = types.size();
  llvm::append_range(types, maskArgumentTypes());
  LLVM::LLVMFuncOp function = beginKernel(b, name, types, w.threads(), plan.blocks);
  ValueRange args = function.getBody().getArguments();
  readCommonArguments(args);
  readTensorArguments(args.drop_front(common));
  readMaskArguments(args.drop_front(tensors));
}

/// The thread's number, read again: nothing made of it lives from here to there.
void WarpEmitter::placeThread() {
  thread = b.ptx("mov.u32 $0, %tid.x;", {}, {b.getI32Type()}, {}).front();
  lane = thread & 31, quad = lane & 3;
}

/// Where the lane reads operands: `ldmatrix` takes the address of a row of
/// each of four 8 x 8 blocks from eight lanes. Left operands and transposed right ones have the
/// second block below the first, keys beside it.
void WarpEmitter::placeLane() {
  placeThread();
  Val row = lane & 15, column = (lane >> 4) << 4;
  Val keyRow = (lane & 7) + ((lane >> 4) << 3), keyColumn = ((lane >> 3) & 1) << 4;
  int64_t qkBytes = WarpTile::rowBytes(w.qkSize), vBytes = WarpTile::rowBytes(w.vSize);
  Val warp = thread >> 5;
  queryLane = shared(0) + row * qkBytes + column;
  keyLane = shared(0) + keyRow * qkBytes + keyColumn;
  valueLane = shared(0) + row * vBytes + column;
  if (w.sharesRows) {
    keyLane = keyLane + warp * (w.warpKeys() * qkBytes);
    valueLane = valueLane + warp * (w.warpKeys() * vBytes);
  } else {
    queryLane = queryLane + warp * (w.warpRows() * qkBytes);
  }
}

LogicalResult WarpEmitter::emit() {
  if (failed(checkScore()))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  LLVM::GlobalOp memory = sharedMemory(b, plan.function->getParentOfType<ModuleOp>());
  factor = (plan.scalesScores() ? 1 : plan.scale) * 1.4426950408889634;
  createFunction();
  for (int64_t operand : plan.documentOperands())
    documentBounds[operand] = {b.i32(0), b.i32(0), b.i32(0), b.i32(0)};
  ends = endsOf(plan.mask);
  documentBounds.clear();
  base = b.val(LLVM::PtrToIntOp::create(b, b.getI32Type(),
                                        LLVM::AddressOfOp::create(b, memory).getResult()));
  block = b.special("ctaid.x");
  placeThread();
  clearPadding();
  emitBlock();
  LLVM::ReturnOp::create(b, ValueRange());
  return success();
}

//===----------------------------------------------------------------------===//
// Tiles of rows
//===----------------------------------------------------------------------===//

/// What the card says of the block's rows; packed rows are not on it.
QueryTile WarpEmitter::rowsFromCard() {
  QueryTile tile;
  tile.batch = maskBatch = fromCard(Batch), tile.head = fromCard(Head);
  tile.firstRow = fromCard(RowTile) * w.rows();
  return tile;
}

/// The thread's two rows in one of the warp's tiles of 16 rows.
QueryTile WarpEmitter::partOf(const QueryTile &tile, int64_t rowTile) {
  QueryTile part = tile;
  part.lane = lane;
  part.row = tile.firstRow + (thread >> 5) * w.warpRows() + 16 * rowTile + (lane >> 2);
  return part;
}

/// All key tiles -> accumulator, maximum and sum (complete) of all row tiles, and whether some
/// weights left their range. `exact`: no tile keeps its reference.
Vals WarpEmitter::computeRows(Val exact) {
  auto tiles = static_cast<size_t>(w.rowTiles);
  findDocuments();
  QueryTile tile = tileOf(block, w.rows());
  tile.firstRow = tile.rowTile * w.rows();
  rangesOf(tile, w.rows());
  documentBounds.clear(); // they hold of all rows; later code asks for one
  if (plan.lazy) {
    tile.edge = exact.select(tile.count, tile.edge);
    tile.edge2 = exact.select(tile.count, tile.edge2);
  }
  placeLane();
  startTile(tile);
  Vals acc(tiles * static_cast<size_t>(w.vSize / 2), b.f32(0)),
      maximum(2 * tiles, b.minusInfinity()), sum(2 * tiles, b.f32(0)), early;
  RowState state = unpack(runTiles(tile, concat({acc, maximum, sum}), early));
  for (int64_t lanes : {1, 2})
    for (Val &x : state.sum)
      x = x + b.shuffle(x, lanes);
  Val doubt;
  for (size_t m = 0; plan.lazy && m < tiles; ++m) {
    auto of = [&](ArrayRef<Val> all) {
      return all.empty() ? all : all.slice(m * (all.size() / tiles), all.size() / tiles);
    };
    Val here = isDoubtful(tile, of(state.acc), of(state.sum), of(early));
    doubt = doubt ? doubt | here : here;
  }
  Vals out = concat({state.acc, state.maximum, state.sum});
  if (plan.lazy)
    out.push_back(doubt);
  return out;
}

/// Whether any thread of the block has doubts; all warps meet.
Val WarpEmitter::blockHasDoubt(Val doubt) {
  return b
      .ptx("{ .reg .pred p, q;\nsetp.ne.s32 p, $1, 0;\nbar.red.or.pred q, 0, p;\n"
           "selp.b32 $0, 1, 0, q; }",
           {}, {b.getI32Type()}, {doubt})
      .front();
}

void WarpEmitter::storeRows(ArrayRef<Val> all) {
  RowState state = unpack(all);
  placeThread();
  QueryTile tile = rowsFromCard();
  for (size_t m = 0; m < static_cast<size_t>(w.rowTiles); ++m) {
    size_t columns = static_cast<size_t>(w.vSize / 2);
    QueryTile part = partOf(tile, static_cast<int64_t>(m));
    Vals acc(ArrayRef<Val>(state.acc).slice(m * columns, columns)),
        maximum(ArrayRef<Val>(state.maximum).slice(2 * m, 2)),
        sum(ArrayRef<Val>(state.sum).slice(2 * m, 2));
    if (plan.roles.sinks >= 0)
      addSinks(part, acc, maximum, sum);
    store(part, acc, maximum, sum);
    repairRows(part, acc, sum);
  }
}

/// The block's tile of rows. With a lazy maximum a tile in doubt is computed once more, exactly:
/// the doubt depends on the data alone, so the same input gives the same bits.
void WarpEmitter::emitBlock() {
  enum { First, Again, Done };
  if (!plan.lazy)
    return storeRows(computeRows(Val()));
  b.loopWhile(
      {b.i32(First)}, [&](ArrayRef<Val> it) { return it[0].lt(b.i32(Done)); },
      [&](Vals it) -> Vals {
        Val isAgain = it[0].eq(Again);
        Vals rows = computeRows(isAgain);
        Val doubt = b.uniform(isAgain.select(b.i32(0), blockHasDoubt(rows.back())));
        b.ifThen(doubt.eq(0), [&] { storeRows(ArrayRef<Val>(rows).drop_back()); });
        return {b.uniform(doubt.eq(0).select(b.i32(Done), b.i32(Again)))};
      });
}
