//===- Candidates.cpp - schedules near a schedule -------------------------===//
#include "attn/Tuning/Candidates.h"
#include "attn/Planning/Transforms.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::tuning;

namespace {

/// Collects schedules that differ from one.
class Neighbourhood {
public:
  explicit Neighbourhood(ScheduleAttr from) : from(from) {}

  void addPanels();
  void addStream();
  SmallVector<ScheduleAttr> take() { return found.takeVector(); }

private:
  using Change = std::pair<StringRef, int64_t>;

  int64_t get(StringRef name) const { return from.getInt(name); }
  /// `from` with some numbers replaced; keys stay a multiple of the register block.
  void add(ArrayRef<Change> changes, StringRef form = "");
  /// The number itself times two, and halved.
  void addScaled(StringRef name, int64_t least, int64_t most);
  void addEach(StringRef name, ArrayRef<int64_t> values);

  ScheduleAttr from;
  llvm::SetVector<ScheduleAttr, SmallVector<ScheduleAttr>> found;
};

} // namespace

/// The multiple of `unit` nearest to `value`, at least one.
static int64_t nearestMultiple(int64_t value, int64_t unit) {
  return std::max<int64_t>(1, (value + unit / 2) / unit) * unit;
}

void Neighbourhood::add(ArrayRef<Change> changes, StringRef form) {
  Builder b(from.getContext());
  NamedAttrList fields(from.getFields());
  for (auto [name, value] : changes)
    fields.set(name, b.getI64IntegerAttr(value));
  if (!form.empty())
    fields.set("form", b.getStringAttr(form));
  auto made = ScheduleAttr::get(from.getContext(), fields.getDictionary(from.getContext()));
  int64_t keys = made.getInt("keys"), block = made.getInt("register_keys");
  if (block > 0 && keys % block != 0) {
    fields.set("keys", b.getI64IntegerAttr(nearestMultiple(keys, block)));
    made = ScheduleAttr::get(from.getContext(), fields.getDictionary(from.getContext()));
  }
  if (made != from)
    found.insert(made);
}

void Neighbourhood::addScaled(StringRef name, int64_t least, int64_t most) {
  for (int64_t value : {get(name) * 2, get(name) / 2})
    if (value >= least && value <= most)
      add({{name, value}});
}

void Neighbourhood::addEach(StringRef name, ArrayRef<int64_t> values) {
  for (int64_t value : values)
    if (value != get(name))
      add({{name, value}});
}

/// Most promising first: a search that is interrupted has seen the best of them.
void Neighbourhood::addPanels() {
  addScaled("panels", 1, 64);
  addScaled("keys", 8, 1024);
  // Taller panels want fewer keys in registers, and the other way round.
  int64_t lanes = get("lanes");
  const std::pair<int64_t, int64_t> blocks[] = {{1, 12}, {1, 8}, {2, 8}, {2, 6}, {2, 4},
                                                {2, 12}, {3, 4}, {3, 8}, {4, 4}, {4, 6}};
  for (auto [vectors, keys] : blocks)
    add({{"rows", vectors * lanes}, {"register_keys", keys}, {"register_values", keys}});
  addEach("register_keys", {4, 6, 8, 12});
  addEach("register_values", {4, 6, 8, 12});
  addEach("unroll", {1, 2, 4, 8});
  add({{"keys", get("keys") + 4 * get("register_keys")}});
  if (get("keys") > 4 * get("register_keys"))
    add({{"keys", get("keys") - 4 * get("register_keys")}});
}

void Neighbourhood::addStream() {
  addScaled("keys", 8, 256);
  addEach("register_keys", {1, 2, 4, 8});
  addEach("register_values", {1, 2, 3, 4});
  addScaled("splits", 1, 256);
  // Packed panels, one vector of rows.
  add({{"rows", get("lanes")},
       {"keys", 64},
       {"panels", 1},
       {"register_keys", 4},
       {"register_values", 4},
       {"splits", 1}},
      "panels");
}

SmallVector<ScheduleAttr> tuning::neighbours(ScheduleAttr schedule) {
  Neighbourhood near(schedule);
  if (schedule.getInt("lanes") <= 0)
    return {};
  if (schedule.getWord("form") == "stream")
    near.addStream();
  else
    near.addPanels();
  return near.take();
}

SmallVector<ScheduleAttr> tuning::feasibleNeighbours(AttentionOp attention, TargetAttr target) {
  ScopedDiagnosticHandler mute(attention.getContext(), [](Diagnostic &) { return success(); });
  ScheduleAttr before = attention.getScheduleAttr();
  SmallVector<ScheduleAttr> kept;
  for (ScheduleAttr schedule : neighbours(before)) {
    attention.setScheduleAttr(schedule);
    if (succeeded(checkSchedule(attention, target)))
      kept.push_back(schedule);
  }
  attention.setScheduleAttr(before);
  return kept;
}
