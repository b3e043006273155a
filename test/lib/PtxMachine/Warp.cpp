//===- Warp.cpp - which lanes go on, and where ------------------------------------------===//
#include "Warp.h"
#include "Grid.h"

using namespace ptx;

Warp::Warp(Block &block, unsigned number, const Kernel &kernel)
    : block(block), number(number), kernel(kernel), undefinedLanes(kernel.numRegisters, AllLanes),
      hiddenUndefined(kernel.numRegisters, 0), isHidden(kernel.numRegisters, false),
      written(kernel.numRegisters, 0), file(kernel.numWords, 0xffffffff) {
  knowledge.own.assign(block.threads / WarpSize, 0);
  knowledge.own[number] = 1;
  fragments.push_back({Fragment::Ready, AllLanes, 0, false});
  fillConstants();
}

uint64_t Warp::valueOf(const Constant &constant, int lane) const {
  const uint32_t *grid = block.grid.launch.grid;
  switch (constant.kind) {
  case Constant::Plain:
    return constant.value;
  case Constant::ParameterAddress:
    return reinterpret_cast<uint64_t>(block.grid.parameterBase()) + constant.value;
  case Constant::ThreadX:
    return number * WarpSize + static_cast<unsigned>(lane);
  case Constant::LaneId:
    return static_cast<unsigned>(lane);
  case Constant::WarpId:
    return number;
  case Constant::BlockX:
    return block.number % grid[0];
  case Constant::BlockY:
    return block.number / grid[0] % grid[1];
  case Constant::BlockZ:
    return block.number / grid[0] / grid[1];
  case Constant::ThreadsX:
    return block.threads;
  case Constant::BlocksX:
    return grid[0];
  case Constant::BlocksY:
    return grid[1];
  case Constant::BlocksZ:
    return grid[2];
  case Constant::One:
    return 1;
  case Constant::Zero:
    return 0;
  }
  return 0;
}

void Warp::fillConstants() {
  for (const Constant &constant : kernel.constants) {
    if (constant.bits == 1)
      file[constant.place.at] = constant.value ? AllLanes : 0;
    for (int lane = 0; constant.bits > 1 && lane < WarpSize; ++lane) {
      if (constant.bits == 64)
        values<uint64_t>(constant.place)[lane] = valueOf(constant, lane);
      else
        values<uint32_t>(constant.place)[lane] = static_cast<uint32_t>(valueOf(constant, lane));
    }
    undefinedLanes[constant.place.number] = 0;
  }
}

//===----------------------------------------------------------------------===//
// Messages and memory
//===----------------------------------------------------------------------===//

Status Warp::fail(const Instruction &in, std::string text) {
  block.grid.fail("line " + std::to_string(in.line) + ": " + std::move(text) + " (block " +
                  std::to_string(block.number) + ", warp " + std::to_string(number) + ")");
  return Status::Fail;
}

bool Warp::mustBeDefined(const Instruction &in, Register r, uint32_t lanes, const char *what) {
  uint32_t bad = undefined(r) & lanes;
  if (!bad)
    return true;
  int lane = __builtin_ctz(bad);
  std::string text = std::string(what) + " depends on something undefined (lane " +
                     std::to_string(lane) + " of " + kernel.registerNames[r.number] + ")";
  for (const std::string &last : {block.shared.lastUndefined, block.grid.memory.lastUndefined})
    if (!last.empty())
      text += "; " + last;
  if (!products.empty())
    text +=
        "; a product of line " + std::to_string(products[0].in->line) + " has not been waited for";
  fail(in, text);
  return false;
}

Accessor Warp::accessor(const Instruction &in, uint32_t lane) const {
  Accessor who;
  who.actor = number, who.lane = lane;
  who.clock = clock(), who.epoch = epoch;
  who.line = in.line;
  who.known = &knowledge.own;
  return who;
}

GlobalAccessor Warp::globalAccessor(const Instruction &in, bool isAtomic) const {
  GlobalAccessor who;
  who.launch = block.grid.number, who.block = block.number, who.warp = number;
  who.clock = clock(), who.line = in.line;
  who.known = &knowledge;
  who.isAtomic = isAtomic;
  return who;
}

//===----------------------------------------------------------------------===//
// Fragments
//===----------------------------------------------------------------------===//

bool Warp::isBlocked() const {
  for (const Fragment &fragment : fragments)
    if (fragment.state != Fragment::Blocked)
      return false;
  return true;
}

void Warp::release() {
  for (Fragment &fragment : fragments)
    if (fragment.state == Fragment::Blocked)
      fragment.state = Fragment::Ready;
}

std::string Warp::where() const {
  std::string text;
  for (const Fragment &fragment : fragments)
    text += (text.empty() ? "line " : ", line ") +
            std::to_string(kernel.instructions[fragment.at].line) +
            (fragment.state == Fragment::Blocked   ? " (at a barrier)"
             : fragment.state == Fragment::Meeting ? " (for its other lanes)"
                                                   : "");
  return text;
}

/// Fragments at one place become one. What was stuck there may go on.
void Warp::merge() {
  for (size_t i = 0; i < fragments.size(); ++i)
    for (size_t j = i + 1; j < fragments.size();) {
      Fragment &one = fragments[i], &two = fragments[j];
      if (one.at != two.at || one.state == Fragment::Blocked || two.state == Fragment::Blocked) {
        ++j;
        continue;
      }
      one.lanes |= two.lanes;
      one.state = Fragment::Ready;
      one.gaveWay &= two.gaveWay;
      fragments.erase(fragments.begin() + static_cast<long>(j));
    }
}

int Warp::choose() {
  int best = -1;
  merge();
  if (block.grid.settings.tearsWarps)
    return chooseTorn();
  for (size_t i = 0; i < fragments.size(); ++i)
    if (fragments[i].state == Fragment::Ready && !fragments[i].gaveWay &&
        (best < 0 || fragments[i].at < fragments[static_cast<size_t>(best)].at))
      best = static_cast<int>(i);
  // All have had a turn: this one of the warp is over.
  for (Fragment &fragment : fragments)
    fragment.gaveWay &= best >= 0;
  return best;
}

/// Any fragment that can go on, and now and then only some of its lanes.
int Warp::chooseTorn() {
  static constexpr uint32_t OneIn = 8;
  Grid &grid = block.grid;
  std::vector<int> ready;
  for (size_t i = 0; i < fragments.size(); ++i)
    if (fragments[i].state == Fragment::Ready && !fragments[i].gaveWay)
      ready.push_back(static_cast<int>(i));
  for (Fragment &fragment : fragments)
    fragment.gaveWay &= !ready.empty();
  if (ready.empty())
    return -1;
  int which = ready[grid.random(static_cast<uint32_t>(ready.size()))];
  Fragment &fragment = fragments[static_cast<size_t>(which)];
  uint32_t stay = grid.random(OneIn) == 0 ? fragment.lanes & grid.random(AllLanes) : 0;
  if (stay == fragment.lanes || !stay)
    return which;
  Fragment rest = fragment;
  fragment.lanes &= ~stay;
  rest.lanes = stay;
  fragments.push_back(rest);
  return which;
}

/// False when all that is left of the warp waits for lanes that do not come.
bool Warp::checkMeetings() {
  for (const Fragment &fragment : fragments)
    if (fragment.state != Fragment::Meeting)
      return true;
  if (fragments.empty())
    return true;
  return block.grid.fail("lanes of a warp wait for each other at different places: " + where() +
                         " (block " + std::to_string(block.number) + ", warp " +
                         std::to_string(number) + ")");
}

bool Warp::run(unsigned quantum) {
  // More than a warp of any kernel needs at sizes that are worth executing here.
  static constexpr uint32_t MostInstructions = 1u << 25;
  while (quantum && !fragments.empty()) {
    int which = choose();
    if (which < 0)
      return checkMeetings();
    if (!runFragment(static_cast<size_t>(which), quantum))
      return false;
  }
  if (now > MostInstructions)
    return block.grid.fail("a warp has run " + std::to_string(now) + " instructions: " + where());
  if (!quantum)
    block.grid.progress();
  return true;
}

/// The place of the next fragment that could go on instead.
uint32_t Warp::nextOther(size_t which) const {
  uint32_t next = ~UINT32_C(0);
  for (size_t i = 0; i < fragments.size(); ++i)
    if (i != which && fragments[i].state != Fragment::Blocked)
      next = std::min(next, fragments[i].at);
  return next;
}

bool Warp::runFragment(size_t which, unsigned &quantum) {
  uint32_t other = fragments.size() > 1 ? nextOther(which) : ~UINT32_C(0);
  bool wasBehind = fragments[which].at < other;
  static constexpr uint32_t MostTorn = 24;
  bool isTorn = block.grid.settings.tearsWarps;
  uint32_t turn = isTorn ? 1 + block.grid.random(MostTorn) : quantum;
  for (bool goesOn = true; goesOn && quantum && turn; --quantum, --turn) {
    if (!step(which, goesOn))
      return false;
    if (goesOn && wasBehind && !isTorn && fragments[which].at >= other)
      break;
  }
  return true;
}

void Warp::leave(size_t which, uint32_t lanes) {
  livingLanes &= ~lanes;
  fragments[which].lanes &= ~lanes;
  fragments[which].at++;
  if (!fragments[which].lanes)
    fragments.erase(fragments.begin() + static_cast<long>(which));
  for (Fragment &fragment : fragments)
    if (fragment.state == Fragment::Meeting)
      fragment.state = Fragment::Ready;
}

void Warp::branch(size_t which, const Instruction &in, uint32_t taken) {
  Fragment &fragment = fragments[which];
  uint32_t rest = fragment.lanes & ~taken, next = fragment.at + 1;
  if (taken) {
    fragment.at = in.target;
    fragment.lanes = taken;
    if (rest)
      fragments.push_back({Fragment::Ready, rest, next, false});
  } else {
    fragment.at = next;
  }
}

/// One instruction. `goesOn` becomes false where the fragment does not, or its numbers changed.
bool Warp::step(size_t which, bool &goesOn) {
  Fragment &fragment = fragments[which];
  if (fragment.at >= kernel.instructions.size())
    return block.grid.fail("ran past the end of the kernel");
  const Instruction &in = kernel.instructions[fragment.at];
  uint32_t lanes = fragment.lanes;
  ++now;
  if (in.hasGuard) {
    bool isLenient = !in.run && block.grid.settings.hasUnusedRows;
    if (!isLenient && !mustBeDefined(in, in.guard, lanes, in.run ? "a guard" : "a branch"))
      return false;
    lanes &= in.guardNegated ? ~predicate(in.guard) : predicate(in.guard);
  }
  if (!in.run) {
    goesOn = lanes == fragment.lanes || !lanes;
    branch(which, in, lanes);
    return true;
  }
  Status status = lanes ? in.run(*this, in, lanes) : Status::Next;
  switch (status) {
  case Status::Fail:
    return false;
  case Status::Meet:
    fragment.state = Fragment::Meeting;
    goesOn = false;
    return true;
  case Status::Exit:
    leave(which, lanes);
    goesOn = false;
    return true;
  case Status::Block:
    fragment.state = Fragment::Blocked;
    goesOn = false;
    break;
  case Status::GiveWay:
    fragment.gaveWay = true;
    goesOn = false;
    break;
  case Status::Next:
    break;
  }
  ++fragment.at;
  return true;
}
