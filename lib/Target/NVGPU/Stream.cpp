//===- Stream.cpp - groups, units and rows of a stream kernel ----------------===//
#include "Stream.h"
#include "Products.h"

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

PackedGroups::PackedGroups(const HeadMap &map) {
  SmallVector<HeadGroup> all = computeHeadGroups(map);
  count = static_cast<int64_t>(all.size());
  for (const HeadGroup &group : all)
    size = std::max(size, static_cast<int64_t>(group.heads.size()));
  for (const HeadGroup &group : all) {
    keyHead.push_back(group.key);
    valueHead.push_back(group.value);
    for (int64_t row = 0; row < size; ++row) {
      bool isThere = row < static_cast<int64_t>(group.heads.size());
      member.push_back(isThere ? group.heads[static_cast<size_t>(row)] : -1);
    }
  }
  for (auto [i, head] : llvm::enumerate(member))
    isEven &= head == static_cast<int64_t>(i);
}

/// Score head of a row of a group; -1 for none.
Val StreamEmitter::memberOf(Val group, Val row) {
  Val index = group * groups.size + row;
  return groups.isEven ? index : tableEntry(groups.member, index, "members");
}

//===----------------------------------------------------------------------===//
// Units
//===----------------------------------------------------------------------===//

/// Heads of a group may have different masks: keys that some head sees, keys that all see.
KeyBounds StreamEmitter::boundsOfGroup(Val first, Val last, Val group) {
  if (!plan.mask.contains(MaskKind::PerHead))
    return boundsOf(plan.mask, first, last, group);
  KeyBounds all;
  for (int64_t row = 0; row < groups.size; ++row) {
    Val head = memberOf(group, b.i32(row)).max(0);
    KeyBounds one = concrete(boundsOf(plan.mask, first, last, head));
    all = row == 0 ? one
                   : KeyBounds{all.low.min(one.low), all.high.max(one.high),
                               all.fullLow.max(one.fullLow), all.fullHigh.min(one.fullHigh)};
  }
  return all;
}

/// First step of a worker's range.
Val StreamEmitter::startOf(Val worker) {
  return worker.min(s.cutters) * s.share + worker.min(s.more) +
         (worker - s.cutters).max(0) * s.steps;
}

/// Whose range holds a step of a sequence that is cut.
Val StreamEmitter::workerOf(Val step) {
  Val longer = s.share + 1, inLonger = s.more * longer;
  Val among = step.lt(inLonger).select(step.div(longer), (step - inLonger).max(0).div(s.share));
  return among + step.ge(inLonger).select(s.more, b.i32(0));
}

/// Heads, rows and key range of the unit, whose steps are [local, local + length) of its item's.
void StreamEmitter::placeUnit(StreamUnit &unit, Val local, Val length) {
  Val batchGroup = unit.item.div(a.rowTiles);
  unit.batch = batchGroup.div(groups.count);
  unit.group = batchGroup - unit.batch * groups.count;
  unit.keyHead = headFrom(groups.keyHead, unit.group, "group_keys");
  unit.valueHead = headFrom(groups.valueHead, unit.group, "group_values");
  unit.firstRow = (unit.item - batchGroup * a.rowTiles) * rowsOfTile();
  Val lastRow = (unit.firstRow + rowsOfTile()).min(a.queries * groups.size) - 1;
  KeyBounds found = boundsOfGroup(unit.firstRow.div(groups.size) + a.offset,
                                  lastRow.div(groups.size) + a.offset, unit.group);
  unit.hasLow = static_cast<bool>(found.fullLow);
  KeyBounds bounds = concrete(found);
  int64_t keys = keysOfStep();
  Val end = (bounds.high.max(0).min(a.keys) + (keys - 1)).div(keys);
  unit.from = (bounds.low.max(0).div(keys) + local).min(end);
  // Whatever the launch thought of the item's length, its last steps go to the end.
  unit.to = (local + length).ge(s.steps).select(end, (unit.from + length).min(end));
  unit.fullFrom = (bounds.fullLow.max(0) + (keys - 1)).div(keys);
  unit.fullEnd = bounds.fullHigh.max(0).min(a.keys).div(keys);
}

/// What the range of `worker` holds of the item at `step`.
StreamUnit StreamEmitter::unitOf(Val worker, Val step) {
  StreamUnit unit;
  Val end = startOf(worker + 1);
  unit.sequence = step.div(s.steps);
  Val local = step - unit.sequence * s.steps, length = (s.steps - local).min(end - step);
  unit.inGang = block - block.div(s.gang) * s.gang;
  unit.item = unit.sequence * s.gang + unit.inGang;
  // Workers and sequences both grow along the line, so their sum names a unit.
  unit.number = (worker + unit.sequence) * s.gang + unit.inGang;
  unit.isWhole = length.eq(s.steps);
  Val another = worker + grid.div(s.gang), isLast = (step + length).ge(end);
  unit.next[0] = isLast.select(another, worker);
  unit.next[1] = isLast.select(startOf(another), step + length);
  unit.isFinal = isLast & another.ge(s.workers);
  placeUnit(unit, local, length);
  return unit;
}

/// The units of this block, one after the other.
void StreamEmitter::walk(ArrayRef<Val> init, function_ref<Vals(const StreamUnit &, Vals)> body) {
  Val gang = block.div(s.gang);
  Val place[] = {gang, startOf(gang)};
  b.loopWhile(
      concat({place, init}), [&](ArrayRef<Val> it) { return it[0].lt(s.workers); },
      [&](Vals it) {
        StreamUnit unit = unitOf(it[0], it[1]);
        Vals next = body(unit, Vals(ArrayRef<Val>(it).drop_front(2)));
        return concat({unit.next, next});
      });
}

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

SmallVector<Type> StreamEmitter::streamArgumentTypes() {
  SmallVector<Type> types(5, LLVM::LLVMPointerType::get(b.getContext(), 1));
  types.append(11, b.getI32Type());
  types.append(9, b.getI64Type());
  return types;
}

void StreamEmitter::readStreamArguments(ValueRange arguments) {
  s.query = arguments[0], a.out = arguments[1], a.lse = arguments[2];
  a.sinks = arguments[3], s.workspace = arguments[4];
  Val *numbers[] = {&a.queries, &a.keys,       &s.workers,   &s.cutters,  &s.steps,
                    &s.share,   &s.more,       &a.rowTiles,  &s.gang,     &a.offset,
                    &s.rows,    &s.queryBatch, &s.queryHead, &s.queryRow, &a.outBatch,
                    &a.outHead, &a.outRow,     &a.lseBatch,  &a.lseHead,  &a.lseRow};
  for (auto [i, number] : llvm::enumerate(numbers))
    *number = b.val(arguments[5 + i]);
  memory = std::make_unique<PartMemory>(b, s.workspace, s.rows, sizes.vSize, factor);
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

/// What a row of the tile is. Rows past the end have a valid position and head, and are not live.
StreamEmitter::Row StreamEmitter::rowOfTile(const StreamUnit &unit, Val inTile) {
  Row row;
  row.inTile = inTile;
  row.packed = unit.firstRow + inTile;
  row.position = row.packed.div(groups.size);
  Val member = memberOf(unit.group, row.packed - row.position * groups.size);
  row.isLive = row.packed.lt(a.queries * groups.size);
  if (groups.isEven) {
    row.head = member;
    return row;
  }
  row.isLive = row.isLive & member.ge(0);
  row.head = member.max(0);
  return row;
}

/// 16 bytes of a row's queries; zeros where there are none.
Vals StreamEmitter::loadQueryPiece(const StreamUnit &unit, Val inTile, Val piece) {
  Row row = rowOfTile(unit, inTile);
  Val head = headFrom(plan.heads.query, row.head, "query_heads");
  Val isThere = row.isLive & piece.lt(b.i32(sizes.qkSize / 8));
  Val at = (unit.batch.wide() * s.queryBatch + head.wide() * s.queryHead +
            row.position.wide() * s.queryRow + (piece << 3).wide())
           << 1;
  Value pointer = b.pointerAt(s.query, at, 1);
  Val address = b.val(LLVM::PtrToIntOp::create(b, b.getI64Type(), pointer));
  Type word = b.getI32Type();
  return b.ptx("{ .reg .pred p;\nsetp.ne.s32 p, $5, 0;\nmov.b32 $0, 0; mov.b32 $1, 0; mov.b32 $2, "
               "0; mov.b32 $3, 0;\n@p ld.global.v4.b32 {$0, $1, $2, $3}, [$4]; }",
               {}, {word, word, word, word}, {address, isThere.select(b.i32(1), b.i32(0))});
}

QueryTile StreamEmitter::tileOfRows(const StreamUnit &unit, ArrayRef<Row> both) {
  QueryTile rows;
  rows.batch = unit.batch;
  for (unsigned r = 0; r < 2; ++r)
    rows.position[r] = both[r].position + a.offset, rows.rowHead[r] = both[r].head;
  rows.head = both[0].head;
  return rows;
}
