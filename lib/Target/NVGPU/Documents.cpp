//===- Documents.cpp - key ranges of documents --------------------------------===//
//
// Which keys the rows of a tile may see under `document<i>` is known from the ids alone. A table in
// shared memory holds the smallest and the largest id of each block of keys, of the batch entry
// that the block of threads works on. For each tile of rows, one tile ahead, a warp of its own (the
// scout) takes the smallest and largest id of the rows' blocks and looks for the first and the last
// block of keys that holds some id between them, and for those whose keys all have the rows' one
// id: they need no mask code. Ascending ids, as packed sequences have them, make these ranges
// exact; any other ids make them larger than needed, no more.
//
// All threads make the first table; when the batch entry changes, the scout makes the next by
// itself.
//
//===----------------------------------------------------------------------===//
#include "WarpgroupKernel.h"

using namespace mlir;
using namespace mlir::attn;

static constexpr int64_t blockBits = 6; // a block has 64 keys, or twice as many as often as needed

//===----------------------------------------------------------------------===//
// Table
//===----------------------------------------------------------------------===//

/// Address of an entry: its smallest and its largest id.
Val WarpgroupEmitter::documentEntry(Val entry) { return shared(documentTable()) + (entry << 3); }

/// Blocks per entry, as a power of two: one, unless there are more blocks than entries.
Val WarpgroupEmitter::documentShift() {
  constexpr int64_t bits = llvm::ConstantLog2<WarpgroupTile::documentBlocks>();
  Val last = (a.masks[static_cast<size_t>(documentOperand)].size - 1).max(0) >> blockBits;
  Val zeros = b.ptx("clz.b32 $0, $1;", {}, {b.getI32Type()}, {last}).front();
  return (b.i32(32 - bits) - zeros).max(0);
}

/// By `warps` warps, of which this is number `warp`; `meet` lets them meet.
void WarpgroupEmitter::buildDocuments(Val warp, int64_t warps, function_ref<void()> meet) {
  // Blocks whose ids are on their way together; wide ids take twice the registers.
  Type element = plan.maskTypes[static_cast<size_t>(documentOperand)].getElementType();
  int64_t atOnce = element.isIndex() || element.isInteger(64) ? 2 : 4;
  Val size = a.masks[static_cast<size_t>(documentOperand)].size, shift = documentShift();
  Val blocks = (size + 63) >> blockBits, first = (warp << 5) + lane;
  b.loop(b.i32(0), b.i32(WarpgroupTile::documentBlocks / 32 / warps + 1), {},
         [&](Val i, Vals) -> Vals {
           Val entry = i * (32 * warps) + first;
           b.ifThen(entry.lt(b.i32(WarpgroupTile::documentBlocks)), [&] {
             b.ptx("st.shared.v2.b32 [$0], {$1, $2};",
                   {documentEntry(entry), b.i32(mostDocument), b.i32(leastDocument)});
           });
           return {};
         });
  meet();
  Val rounds = (blocks + (atOnce * warps - 1)).div(atOnce * warps);
  b.loop(b.i32(0), rounds, {}, [&](Val round, Vals) -> Vals {
    Val block0 = (round * warps + warp) * atOnce;
    Vals ids;
    for (int64_t i = 0; i < 2 * atOnce; ++i)
      ids.push_back(shortDocumentOf(documentOperand, (block0 << blockBits) + 32 * i + lane));
    for (int64_t i = 0; i < atOnce; ++i) {
      Val x = ids[static_cast<size_t>(2 * i)], y = ids[static_cast<size_t>(2 * i + 1)];
      Val least = b.reduced("min", x.min(y)), most = b.reduced("max", x.max(y));
      Val block = (block0 + i).min(blocks - 1);
      Val entry = documentEntry(b.val(arith::ShRUIOp::create(b, block.v, shift.v)));
      b.ptx("{ .reg .pred p;\nsetp.eq.s32 p, $3, 0;\n@p red.shared.min.s32 [$0], $1;\n"
            "@p red.shared.max.s32 [$0+4], $2; }",
            {entry, least, most, lane});
    }
    return {};
  });
  meet();
}

/// All threads, before they part: the table of the block's first tile.
void WarpgroupEmitter::prepareDocuments() {
  maskBatch = placeOf(block).batch;
  buildDocuments(thread >> 5, t.threads() / 32, [&] {
    b.intrinsicNoResult("llvm.nvvm.barrier.cta.sync.aligned.all", {b.i32(0)});
  });
}

//===----------------------------------------------------------------------===//
// Scout
//===----------------------------------------------------------------------===//

/// Entries that hold some id between `least` and `most`; those whose keys all have the only id
/// between them, if these are neighbours. In entries, ends excluded.
KeyBounds WarpgroupEmitter::scanDocuments(Val least, Val most) {
  Val size = a.masks[static_cast<size_t>(documentOperand)].size;
  Val entries =
      b.val(arith::ShRUIOp::create(b, ((size - 1).max(0) >> blockBits).v, documentShift().v)) + 1;
  // An id that stands for many is never the only one.
  Val isOne = least.eq(most) & least.ne(leastDocument) & least.ne(mostDocument);
  Val many = b.i32(mostDocument), none = b.i32(0);
  Vals found = b.loop(b.i32(0), (entries + 31) >> 5, {many, none, many, none, none},
                      [&](Val round, Vals it) -> Vals {
                        Val entry = (round << 5) + lane, isThere = entry.lt(entries);
                        Vals ids = b.ptx("ld.shared.v2.b32 {$0, $1}, [$2];", {},
                                         {b.getI32Type(), b.getI32Type()},
                                         {documentEntry(entry.min(entries - 1))});
                        Val some = isThere & most.ge(ids[0]) & ids[1].ge(least);
                        Val all = some & isOne & ids[0].eq(ids[1]);
                        return {some.select(it[0].min(entry), it[0]), some.select(entry + 1, it[1]),
                                all.select(it[2].min(entry), it[2]), all.select(entry + 1, it[3]),
                                it[4] + all.select(b.i32(1), none)};
                      });
  KeyBounds bounds{b.reduced("min", found[0]), b.reduced("max", found[1]),
                   b.reduced("min", found[2]), b.reduced("max", found[3])};
  Val count = b.reduced("add", found[4]);
  bounds.low = bounds.low.min(bounds.high);
  bounds.fullHigh = count.eq(bounds.fullHigh - bounds.fullLow).select(bounds.fullHigh, none);
  return bounds;
}

/// Keys of the documents of a tile of rows.
KeyBounds WarpgroupEmitter::findDocuments(const QueryTile &tile) {
  Val size = a.masks[static_cast<size_t>(documentOperand)].size;
  Val first = tile.rowTile * t.rows(), last = (first + t.rows()).min(a.queries) - 1;
  Val from = first + a.offset, to = last + a.offset, bits = documentShift() + blockBits;
  auto entryOf = [&](Val position) {
    return b.val(arith::ShRUIOp::create(b, position.min(size - 1).max(0).v, bits.v));
  };
  // The entries of the rows are fewer than lanes.
  Val mine = (entryOf(from) + lane).min(entryOf(to));
  Vals ids = b.ptx("ld.shared.v2.b32 {$0, $1}, [$2];", {}, {b.getI32Type(), b.getI32Type()},
                   {documentEntry(mine)});
  KeyBounds found = scanDocuments(b.reduced("min", ids[0]), b.reduced("max", ids[1]));
  auto keysOf = [&](Val entries) { return b.val(arith::ShLIOp::create(b, entries.v, bits.v)); };
  // A row without a document sees nothing.
  Val isKnown = from.ge(0) & to.lt(size), low = keysOf(found.low), high = keysOf(found.high);
  return {low, high, keysOf(found.fullLow), isKnown.select(keysOf(found.fullHigh), b.i32(0))};
}

/// A warp of the producer's: the ranges of each tile, as soon as its number is known.
void WarpgroupEmitter::emitScout() {
  Val batch = placeOf(block).batch;
  b.loopWhile(
      {block, b.i32(0), batch}, [&](ArrayRef<Val> it) { return isTile(it[0]); },
      [&](Vals it) -> Vals {
        QueryTile tile = placeOf(tileNumber(it[0]));
        maskBatch = tile.batch;
        b.ifThen((tile.batch - it[2]).ne(0), [&] {
          buildDocuments(b.i32(0), 1, [&] { b.ptx("bar.warp.sync 0xffffffff;", {}); });
        });
        KeyBounds found = findDocuments(tile);
        Val slot = it[1] & (WarpgroupTile::cards - 1);
        b.ptx("{ .reg .pred p;\nsetp.eq.s32 p, $6, 0;\n"
              "@p st.shared.v4.b32 [$0], {$1, $2, $3, $4};\n"
              "@p mbarrier.arrive.release.cta.shared::cta.b64 _, [$5]; }",
              {shared(t.documentOffset()) + (slot << 4), found.low, found.high, found.fullLow,
               found.fullHigh, shared(documentBarriers()) + (slot << 3), lane});
        return {nextTile(it[1]), it[1] + 1, tile.batch};
      });
}

/// A thread that asks for the key range of the block's tile `number`.
void WarpgroupEmitter::readDocuments(Val number) {
  if (!t.hasDocuments)
    return;
  Val slot = number & (WarpgroupTile::cards - 1);
  wait(shared(documentBarriers()) + (slot << 3), (number >> 2) & 1);
  Vals found =
      b.ptx("ld.shared.v4.b32 {$0, $1, $2, $3}, [$4];", {}, SmallVector<Type>(4, b.getI32Type()),
            {shared(t.documentOffset()) + (slot << 4)});
  documentBounds[documentOperand] = {found[0], found[1], found[2], found[3]};
}
