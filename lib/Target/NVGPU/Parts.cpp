//===- Parts.cpp - results of parts of a key range, and their merge ----------===//
#include "Parts.h"

using namespace mlir;
using namespace mlir::attn;

/// Parts of pieces that a thread loads together: as many as hide a trip to the second-level cache.
static constexpr int64_t loadsInFlight = 16;

namespace {
/// What a block does in a merge.
enum Duty { Nothing, Helps, Leads };
} // namespace

/// Words of a row's record: the accumulator's columns, maximum, sum, padding to 16 bytes.
static int64_t recordBytes(int64_t columns) { return 4 * (columns + 4); }

static Val addressOf(KernelBuilder &b, Value pointer) {
  return b.val(LLVM::PtrToIntOp::create(b, b.getI64Type(), pointer));
}

Val PartMemory::rowAddress(Val unit, Val row) {
  Val record = unit.wide() * rows.wide() + row.wide();
  Val at = record * recordBytes(columns) + 3 * 4 * numPartCounters;
  return addressOf(b, b.pointerAt(workspace, at, 1));
}

void PartMemory::storeStats(Val unit, Val row, Val maximum, Val sum) {
  b.ptx("st.global.v2.f32 [$0], {$1, $2};", {rowAddress(unit, row) + 4 * columns, maximum, sum});
}

//===----------------------------------------------------------------------===//
// Who merges
//===----------------------------------------------------------------------===//

Val PartMemory::counterAddress(Counter which, Val item) {
  return addressOf(b, b.pointerAt(workspace, (item.wide() << 2) + 4 * numPartCounters * which, 1));
}

static void meetAt(KernelBuilder &b, const PartMeeting &meeting) {
  b.ptx("bar.sync $0, $1;", {b.i32(meeting.barrier), b.i32(meeting.threads)});
}

static Val atomicAdd(KernelBuilder &b, StringRef order, Val address) {
  return b
      .ptx("atom." + order + ".gpu.global.add.u32 $0, [$1], 1;", {}, {b.getI32Type()}, {address})
      .front();
}

/// A word that the first thread makes, for all.
Val PartMemory::share(const PartMeeting &meeting, function_ref<Val()> make) {
  meetAt(b, meeting);
  b.ifThen(meeting.thread.eq(0), [&] { b.ptx("st.shared.b32 [$0], $1;", {meeting.flag, make()}); });
  meetAt(b, meeting);
  return b.ptx("ld.shared.b32 $0, [$1];", {}, {b.getI32Type()}, {meeting.flag}).front();
}

/// Whether a merge begins within some fifty microseconds. `begun`: how many had begun before.
Val PartMemory::waitForMerge(const PartMeeting &meeting, Val begun) {
  constexpr int64_t mostPolls = 64; // each a trip to the second-level cache
  Val at = counterAddress(MergesBegun, meeting.item);
  auto goesOn = [&](ArrayRef<Val> it) { return it[0].lt(b.i32(mostPolls)) & it[1].eq(begun); };
  Vals end = b.loopWhile({b.i32(0), begun}, goesOn, [&](Vals it) -> Vals {
    Val now = b.ptx("ld.relaxed.gpu.global.u32 $0, [$1];", {}, {b.getI32Type()}, {at}).front();
    return {it[0] + 1, now};
  });
  b.ptx("fence.acq_rel.gpu;", {});
  return end[1].eq(begun).select(b.i32(Nothing), b.i32(Helps));
}

/// The block that counts an item's last part leaves the counters as the next launch needs them, and
/// says that a merge of several rounds begins, of which round 0 is its own.
void PartMemory::lead(const PartMeeting &m, Val isLong, Val begun) {
  b.ptx("st.relaxed.gpu.global.u32 [$0], 0;", {counterAddress(Arrivals, m.item)});
  b.ifThen(isLong, [&] {
    b.ptx("st.relaxed.gpu.global.u32 [$0], 1;", {counterAddress(RoundsTaken, m.item)});
    b.ptx("fence.acq_rel.gpu;\nst.relaxed.gpu.global.u32 [$0], $1;",
          {counterAddress(MergesBegun, m.item), begun + 1});
  });
}

/// The first thread: counts the part. -> the block's duty. The meeting before orders all threads'
/// stores before this count; on the way back the same in reverse.
Val PartMemory::count(const PartMeeting &m) {
  Val isLong = m.rounds.ge(2);
  Val begun = b.choose(
      isLong,
      [&] {
        return b.ptx("ld.relaxed.gpu.global.u32 $0, [$1];", {}, {b.getI32Type()},
                     {counterAddress(MergesBegun, m.item)});
      },
      [&] { return Vals{b.i32(0)}; })[0];
  Val before = atomicAdd(b, "acq_rel", counterAddress(Arrivals, m.item));
  return b.choose(
      before.eq(m.parts - 1),
      [&] {
        lead(m, isLong, begun);
        return Vals{b.i32(Leads)};
      },
      [&] {
        return b.choose(
            isLong & m.mayWait, [&] { return Vals{waitForMerge(m, begun)}; },
            [&] { return Vals{b.i32(Nothing)}; });
      })[0];
}

Val PartMemory::takeRound(const PartMeeting &m) {
  return share(m, [&] { return atomicAdd(b, "relaxed", counterAddress(RoundsTaken, m.item)); });
}

void PartMemory::meet(const PartMeeting &m, function_ref<void(Val)> mergeRound) {
  Val duty = b.uniform(share(m, [&] { return count(m); }));
  b.ifThen(duty.ne(Nothing), [&] {
    Val first = b.choose(
        duty.eq(Leads), [&] { return Vals{b.i32(0)}; }, [&] { return Vals{takeRound(m)}; })[0];
    b.loopWhile(
        {first}, [&](ArrayRef<Val> it) { return it[0].lt(m.rounds); },
        [&](Vals it) -> Vals {
          mergeRound(it[0]);
          return b.choose(
              m.rounds.ge(2), [&] { return Vals{takeRound(m)}; }, [&] { return Vals{m.rounds}; });
        });
  });
}

//===----------------------------------------------------------------------===//
// Merge
//===----------------------------------------------------------------------===//

/// Part `number` of one piece, when it is there; else one that weighs nothing. The first-level
/// cache knows nothing of other blocks' stores: loads go past it.
PartMemory::Part PartMemory::loadPart(const Walk &walk, Val number, Val isThere) {
  Type f32 = b.getF32Type();
  Val at = number.wide() * walk.step;
  Vals x = b.ptx(
      "{ .reg .pred p;\nsetp.ne.s32 p, $8, 0;\nmov.b32 $0, 0fFF800000; mov.b32 $1, 0f00000000; "
      "mov.b32 $2, 0f00000000; mov.b32 $3, 0f00000000; mov.b32 $4, 0f00000000; mov.b32 $5, "
      "0f00000000;\n@p ld.relaxed.gpu.global.v2.f32 {$0, $1}, [$6];\n"
      "@p ld.relaxed.gpu.global.v4.f32 {$2, $3, $4, $5}, [$7]; }",
      {}, SmallVector<Type>(6, f32),
      {walk.stats + at, walk.columns + at, isThere.select(b.i32(1), b.i32(0))});
  return {x[0], x[1], Vals(ArrayRef<Val>(x).drop_front(2))};
}

/// State: maximum, sum, columns.
Vals PartMemory::mergeSome(ArrayRef<Val> state, ArrayRef<Part> some) {
  Val scale = b.f32(factor), most = state[0];
  for (const Part &part : some)
    most = most.max(part.maximum);
  Val used = most.realEq(-std::numeric_limits<double>::infinity()).select(b.f32(0), most);
  auto weightOf = [&](Val maximum) { return b.exp2((maximum - used) * scale); };
  Val keep = weightOf(state[0]);
  Vals next = {most};
  for (const Val &x : state.drop_front())
    next.push_back(x * keep);
  for (const Part &part : some) {
    Val weight = weightOf(part.maximum);
    next[1] = b.fma(part.sum, weight, next[1]);
    for (auto [i, x] : llvm::enumerate(part.columns))
      next[2 + i] = b.fma(x, weight, next[2 + i]);
  }
  return next;
}

SmallVector<MergedRow> PartMemory::merge(const PartRange &range, ArrayRef<PartPiece> pieces) {
  constexpr size_t words = 6;
  int64_t atOnce = loadsInFlight / static_cast<int64_t>(pieces.size());
  SmallVector<Walk> walks;
  Vals state;
  for (const PartPiece &piece : pieces) {
    Val first = rowAddress(range.first, piece.row);
    walks.push_back({first + 4 * columns, first + (piece.column.wide() << 2),
                     range.stride.wide() * rows.wide() * recordBytes(columns)});
    state.append({b.minusInfinity(), b.f32(0), b.f32(0), b.f32(0), b.f32(0), b.f32(0)});
  }
  Val rounds = (range.count + (atOnce - 1)).div(atOnce);
  state = b.loop(b.i32(0), rounds, state, [&](Val round, Vals before) {
    SmallVector<SmallVector<Part>> loaded(pieces.size());
    for (auto [i, walk] : llvm::enumerate(walks))
      for (int64_t n = 0; n < atOnce; ++n) {
        Val number = round * atOnce + n;
        loaded[i].push_back(loadPart(walk, number, number.lt(range.count) & pieces[i].isThere));
      }
    Vals next;
    for (auto [i, some] : llvm::enumerate(loaded))
      llvm::append_range(next, mergeSome(ArrayRef<Val>(before).slice(words * i, words), some));
    return next;
  });
  SmallVector<MergedRow> merged;
  for (size_t i = 0; i < pieces.size(); ++i) {
    ArrayRef<Val> mine = ArrayRef<Val>(state).slice(words * i, words);
    merged.push_back({Vals(mine.drop_front(2)), mine[0], mine[1]});
  }
  return merged;
}
