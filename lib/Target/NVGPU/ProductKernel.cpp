//===- ProductKernel.cpp - frame, copies and result of a product -------------===//
#include "ProductKernel.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::attn;

/// Elements in 16 bytes: a chunk.
static constexpr int64_t chunk = 8, chunkBytes = 16;

/// Blocks of a tile of rows; groups of open number count as many.
static int64_t blocksBeside(const ProductNest &nest, const ProductTile &tile) {
  auto weight = cast<MemRefType>(nest.weight.getType());
  int64_t blocks = llvm::divideCeil(nest.columns, tile.columns);
  for (const ProductNest::Axis &axis : nest.axes) {
    if (!axis.isGroup())
      continue;
    if (weight.isDynamicDim(static_cast<unsigned>(axis.weight)))
      return std::numeric_limits<int64_t>::max();
    blocks *= weight.getDimSize(static_cast<unsigned>(axis.weight));
  }
  return blocks;
}

ProductTile ProductTile::forFewRows(const ProductNest &nest) {
  constexpr int64_t multiprocessors = 128; // about as many as large cards have
  return blocksBeside(nest, narrow()) < multiprocessors ? slim() : narrow();
}

ProductEmitter::ProductEmitter(KernelBuilder &b, const ProductNest &nest, ProductTile tile,
                               StringRef name)
    : b(b), nest(nest), t(tile), name(name.str()),
      isHalf(cast<MemRefType>(nest.in.getType()).getElementType().isF16()) {
  collectParameters();
}

//===----------------------------------------------------------------------===//
// Frame
//===----------------------------------------------------------------------===//

void ProductEmitter::collectParameters() {
  for (Value memref : {nest.in, nest.weight, nest.out}) {
    given.push_back({KernelParameter::Kind::Address, memref});
    SmallVector<int64_t> strides = cast<MemRefType>(memref.getType()).getStridesAndOffset().first;
    for (auto [i, stride] : llvm::enumerate(strides))
      if (ShapedType::isDynamic(stride))
        given.push_back({KernelParameter::Kind::Stride, memref, static_cast<unsigned>(i)});
  }
}

ProductEmitter::Operand ProductEmitter::readOperand(Value memref, ValueRange arguments,
                                                    size_t &next) {
  Operand operand;
  operand.address = b.val(arguments[next++]);
  for (int64_t stride : cast<MemRefType>(memref.getType()).getStridesAndOffset().first)
    operand.strides.push_back(ShapedType::isDynamic(stride) ? b.val(arguments[next++])
                                                            : b.i64(stride));
  return operand;
}

void ProductEmitter::createFunction() {
  constexpr size_t counts = 3; // blocks, rows, tiles of rows
  SmallVector<Type> types(counts + nest.axes.size() + given.size(), b.getI64Type());
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), types);
  auto bytes = LLVM::LLVMArrayType::get(b.getI8Type(), static_cast<uint64_t>(t.sharedBytes()));
  auto memory = LLVM::GlobalOp::create(b, bytes, /*isConstant=*/false, LLVM::Linkage::Internal,
                                       name + "_shared", Attribute(), /*alignment=*/128,
                                       /*addrSpace=*/3);
  auto function = LLVM::LLVMFuncOp::create(b, name, type);
  function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), b.getUnitAttr());
  function->setAttr(NVVM::NVVMDialect::getMaxntidAttrName(),
                    b.getDenseI32ArrayAttr({static_cast<int32_t>(t.threads())}));
  b.setInsertionPointToStart(function.addEntryBlock(b));
  ValueRange arguments = function.getBody().getArguments();
  auto narrow = [&](Value wide) { return b.val(arith::TruncIOp::create(b, b.getI32Type(), wide)); };
  blocks = narrow(arguments[0]), rows = narrow(arguments[1]), rowTiles = narrow(arguments[2]);
  for (Value extent : arguments.slice(counts, nest.axes.size()))
    extents.push_back(narrow(extent));
  size_t next = counts + nest.axes.size();
  in = readOperand(nest.in, arguments, next);
  weight = readOperand(nest.weight, arguments, next);
  out = readOperand(nest.out, arguments, next);
  base = b.val(LLVM::PtrToIntOp::create(b, b.getI32Type(),
                                        LLVM::AddressOfOp::create(b, memory).getResult()));
}

/// Blocks of the same weights side by side: rows first, then columns, then groups.
void ProductEmitter::placeBlock() {
  int64_t columnTiles = llvm::divideCeil(nest.columns, t.columns);
  Val number = b.special("ctaid.x");
  Val others = number.div(rowTiles);
  firstRow = (number - others * rowTiles) * t.rows;
  Val group = others.div(columnTiles);
  firstColumn = (others - group * columnTiles) * t.columns;
  groupAt.resize(nest.axes.size());
  for (size_t i = nest.axes.size(); i > 0; --i) {
    if (!nest.axes[i - 1].isGroup())
      continue;
    Val rest = group.div(extents[i - 1]);
    groupAt[i - 1] = group - rest * extents[i - 1];
    group = rest;
  }
  thread = b.special("tid.x"), lane = thread & 31, warp = b.uniform(thread >> 5);
  warpRow = warp.div(t.columnWarps) * (t.rows / t.rowWarps);
  warpColumn = (warp - warp.div(t.columnWarps) * t.columnWarps) * (t.columns / t.columnWarps);
}

/// Elements before a row of the product; rows count up the last variable first.
Val ProductEmitter::rowOffset(const Operand &operand, int64_t ProductNest::Axis::*axis, Val row) {
  Val offset = b.i64(0);
  for (size_t i = nest.axes.size(); i > 0; --i) {
    const ProductNest::Axis &where = nest.axes[i - 1];
    if (where.isGroup())
      continue;
    Val rest = row.div(extents[i - 1]);
    Val index = row - rest * extents[i - 1];
    offset = offset + index.wide() * operand.strides[static_cast<size_t>(where.*axis)];
    row = rest;
  }
  return offset;
}

Val ProductEmitter::groupOffset(const Operand &operand, int64_t ProductNest::Axis::*axis) {
  Val offset = b.i64(0);
  for (auto [i, where] : llvm::enumerate(nest.axes))
    if (where.isGroup() && where.*axis >= 0)
      offset = offset + groupAt[i].wide() * operand.strides[static_cast<size_t>(where.*axis)];
  return offset;
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

/// Where a chunk of a row lies: rows that one ldmatrix reads lie in different banks.
Val ProductEmitter::chunkOf(Val number, Val row, int64_t chunks) {
  constexpr int64_t banks = 8; // chunks that one access of a warp's quarter covers
  return chunks >= banks ? number ^ (row & (banks - 1))
                         : number ^ ((row >> llvm::Log2_64(banks / chunks)) & (chunks - 1));
}

/// [rows][depth].
SmallVector<ProductEmitter::Copy> ProductEmitter::copiesOfRows() {
  SmallVector<Copy> copies;
  int64_t chunks = t.depth / chunk;
  Val start = groupOffset(in, &ProductNest::Axis::in);
  for (int64_t i = 0; i < t.rows * chunks / t.threads(); ++i) {
    Val number = thread + i * t.threads();
    Val row = number.div(chunks), column = number - row * chunks;
    Val global = (firstRow + row).min(rows - 1);
    Val offset = start + rowOffset(in, &ProductNest::Axis::in, global) + (column * chunk).wide();
    copies.push_back({in.address + offset * 2,
                      row * (2 * t.depth) + chunkOf(column, row, chunks) * chunkBytes,
                      (firstRow + row).lt(rows), column * chunk});
  }
  return copies;
}

/// [depth][columns], or [columns][depth] of transposed weights.
SmallVector<ProductEmitter::Copy> ProductEmitter::copiesOfWeights() {
  SmallVector<Copy> copies;
  size_t last = weight.strides.size() - 1;
  int64_t chunks = (nest.transposed ? t.depth : t.columns) / chunk;
  Val start = groupOffset(weight, &ProductNest::Axis::weight);
  for (int64_t i = 0; i < t.depth * t.columns / chunk / t.threads(); ++i) {
    Val number = thread + i * t.threads();
    Val line = number.div(chunks), inLine = (number - line * chunks);
    Val column = firstColumn + (nest.transposed ? line : inLine * chunk),
        depth = nest.transposed ? inLine * chunk : line;
    Val inside = column.min(nest.columns - 1);
    if (!nest.transposed)
      inside = column.min(nest.columns - chunk);
    Val offset = nest.transposed ? inside.wide() * weight.strides[last - 1] + depth.wide()
                                 : depth.wide() * weight.strides[last - 1] + inside.wide();
    copies.push_back({weight.address + (start + offset) * 2,
                      line * (chunks * chunkBytes) + chunkOf(inLine, line, chunks) * chunkBytes,
                      nest.columns % t.columns ? column.lt(b.i32(nest.columns)) : Val(), depth});
  }
  return copies;
}

/// Step `number` of the loop over g and k goes to its slot; what lies outside arrives as zeros.
void ProductEmitter::load(Val number) {
  int64_t steps = llvm::divideCeil(nest.inner, t.depth);
  Val sum = number.div(steps), first = (number - sum * steps) * t.depth;
  Val slot = shared(0) + (number - number.div(t.stages) * t.stages) * t.stageBytes();
  auto issue = [&](const Copy &copy, Val target, Val distance) {
    Val inside = copy.isInside;
    if (nest.inner % t.depth != 0) {
      Val isDeep = (first + copy.depth).lt(b.i32(nest.inner));
      inside = inside ? inside & isDeep : isDeep;
      distance = isDeep.select(distance, b.i64(0));
    }
    Val bytes = inside ? inside.select(b.i32(chunkBytes), b.i32(0)) : b.i32(chunkBytes);
    b.ptx("cp.async.cg.shared.global [$0], [$1], 16, $2;",
          {target + copy.to, copy.from + distance * 2, bytes});
  };
  auto axis = [&](const Operand &operand, int64_t at) {
    return at < 0 ? b.i64(0) : sum.wide() * operand.strides[static_cast<size_t>(at)];
  };
  size_t depthAxis = weight.strides.size() - (nest.transposed ? 1 : 2);
  for (const Copy &copy : rowCopies)
    issue(copy, slot, first.wide() + axis(in, nest.inSum));
  for (const Copy &copy : weightCopies)
    issue(copy, slot + t.inBytes(),
          first.wide() * weight.strides[depthAxis] + axis(weight, nest.weightSum));
}

//===----------------------------------------------------------------------===//
// The result
//===----------------------------------------------------------------------===//

/// Through shared memory, so that 16 bytes of a row go out at once.
void ProductEmitter::store(ArrayRef<Val> sums) {
  int64_t chunks = t.columns / chunk;
  Type element = isHalf ? Type(b.getF16Type()) : Type(b.getBF16Type());
  StringRef round = isHalf ? "llvm.nvvm.ff2f16x2.rn" : "llvm.nvvm.ff2bf16x2.rn";
  auto placeOf = [&](Val row, Val number) {
    return shared(0) + row * (2 * t.columns) + chunkOf(number, row, chunks) * chunkBytes;
  };
  for (int64_t m = 0; m < t.rowTiles(); ++m)
    for (int64_t n = 0; n < t.columnTiles(); ++n)
      for (int64_t half = 0; half < 2; ++half) {
        auto at = static_cast<size_t>((m * t.columnTiles() + n) * 4 + 2 * half);
        Val pair =
            b.bits(b.intrinsic(round, VectorType::get({2}, element), {sums[at + 1], sums[at]}),
                   b.getI32Type());
        Val row = warpRow + (lane >> 2) + (16 * m + 8 * half);
        Val place = placeOf(row, warpColumn.div(chunk) + n) + ((lane & 3) << 2);
        b.ptx("st.shared.b32 [$0], $1;", {place, pair});
      }
  b.intrinsicNoResult("llvm.nvvm.barrier.cta.sync.aligned.all", {b.i32(0)});
  Val start = groupOffset(out, &ProductNest::Axis::out);
  for (int64_t i = 0; i < t.rows * chunks / t.threads(); ++i) {
    Val number = thread + i * t.threads();
    Val row = number.div(chunks), inLine = number - row * chunks;
    Val global = firstRow + row, column = firstColumn + inLine * chunk;
    b.ifThen(global.lt(rows) & column.lt(b.i32(nest.columns)), [&] {
      Val offset = start + rowOffset(out, &ProductNest::Axis::out, global) + column.wide();
      Vals words = b.ptx("ld.shared.v4.b32 {$0, $1, $2, $3}, [$4];", {},
                         SmallVector<Type>(4, b.getI32Type()), {placeOf(row, inLine)});
      b.ptx("st.global.v4.b32 [$0], {$1, $2, $3, $4};",
            {out.address + offset * 2, words[0], words[1], words[2], words[3]});
    });
  }
}
