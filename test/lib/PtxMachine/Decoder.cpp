//===- Decoder.cpp - what a statement's opcode and operands ask for -------------------===//
#include "Decoder.h"

#include <algorithm>

using namespace ptx;

/// Cut at the dots; `shared::cta` is one part.
static std::vector<std::string_view> cut(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find('.', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

Decoder::Decoder(const Statement &statement, std::string_view name, KernelBuilder &kernel)
    : statement(statement), kernel(kernel), parts(cut(statement.text)),
      understood(parts.size(), false) {
  std::fill_n(understood.begin(), cut(name).size(), true);
  in.line = statement.line;
  if (statement.guard.empty())
    return;
  const KernelBuilder::Named *guard = kernel.findRegister(statement.guard);
  in.hasGuard = true;
  in.guardNegated = statement.guardNegated;
  if (guard && guard->bits == 1)
    in.guard = guard->place;
  else
    refuse("expected a predicate, found '" + std::string(statement.guard) + "'");
}

void Decoder::refuse(std::string text) {
  if (!problem)
    problem = {statement.line, std::string(statement.text) + ": " + std::move(text)};
}

const Operand &Decoder::operand(size_t i) {
  static const Operand none;
  if (i < statement.operands.size())
    return statement.operands[i];
  refuse("expected " + std::to_string(i + 1) + " operands or more");
  return none;
}

bool Decoder::has(std::string_view modifier) {
  for (size_t i = 1; i < parts.size(); ++i)
    if (parts[i] == modifier)
      return understood[i] = true;
  return false;
}

int Decoder::which(std::initializer_list<std::string_view> modifiers) {
  int position = 0;
  for (std::string_view modifier : modifiers) {
    if (has(modifier))
      return position;
    ++position;
  }
  return -1;
}

bool Decoder::isType(std::string_view part, Type &type) const {
  static const std::unordered_map<std::string_view, Type> types = {
      {"b8", {Type::Bits, 8}},
      {"b16", {Type::Bits, 16}},
      {"b32", {Type::Bits, 32}},
      {"b64", {Type::Bits, 64}},
      {"u8", {Type::Unsigned, 8}},
      {"u16", {Type::Unsigned, 16}},
      {"u32", {Type::Unsigned, 32}},
      {"u64", {Type::Unsigned, 64}},
      {"s8", {Type::Signed, 8}},
      {"s16", {Type::Signed, 16}},
      {"s32", {Type::Signed, 32}},
      {"s64", {Type::Signed, 64}},
      {"f16", {Type::Real, 16}},
      {"f32", {Type::Real, 32}},
      {"f64", {Type::Real, 64}},
      {"bf16", {Type::BFloat, 16}},
      {"pred", {Type::Predicate, 1}},
      {"f16x2", {Type::Real, 16, true}},
      {"bf16x2", {Type::BFloat, 16, true}}};
  auto found = types.find(part);
  if (found != types.end())
    type = found->second;
  return found != types.end();
}

Type Decoder::type(size_t n) {
  Type type;
  for (size_t i = 1; i < parts.size(); ++i)
    if (isType(parts[i], type) && n-- == 0) {
      understood[i] = true;
      return type;
    }
  refuse("expected a type");
  return {Type::Bits, 32};
}

Space Decoder::space() {
  static const std::pair<std::string_view, Space> spaces[] = {{"global", Space::Global},
                                                              {"shared", Space::Shared},
                                                              {"shared::cta", Space::Shared},
                                                              {"const", Space::Constant},
                                                              {"param", Space::Parameter}};
  for (auto [name, space] : spaces)
    if (has(name))
      return space;
  return Space::Generic;
}

unsigned Decoder::vector() { return has("v2") ? 2 : has("v4") ? 4 : has("v8") ? 8 : 1; }

unsigned Decoder::bitsOf(const Operand &operand) const {
  const KernelBuilder::Named *named =
      operand.kind == Operand::Name ? kernel.findRegister(operand.name) : nullptr;
  return named ? named->bits : 0;
}

static bool findSpecial(std::string_view name, Constant::Kind &kind) {
  static const std::unordered_map<std::string_view, Constant::Kind> specials = {
      {"%tid.x", Constant::ThreadX},    {"%tid.y", Constant::Zero},
      {"%tid.z", Constant::Zero},       {"%laneid", Constant::LaneId},
      {"%warpid", Constant::WarpId},    {"%ctaid.x", Constant::BlockX},
      {"%ctaid.y", Constant::BlockY},   {"%ctaid.z", Constant::BlockZ},
      {"%ntid.x", Constant::ThreadsX},  {"%ntid.y", Constant::One},
      {"%ntid.z", Constant::One},       {"%nctaid.x", Constant::BlocksX},
      {"%nctaid.y", Constant::BlocksY}, {"%nctaid.z", Constant::BlocksZ}};
  auto found = specials.find(name);
  if (found != specials.end())
    kind = found->second;
  return found != specials.end();
}

Register Decoder::source(const Operand &operand, unsigned bits) {
  auto width = static_cast<uint8_t>(bits);
  if (operand.kind == Operand::Number)
    return kernel.constant(Constant::Plain, width, operand.bits);
  if (const auto *named = kernel.findRegister(operand.name)) {
    if (named->bits == bits || (bits == 32 && named->bits == 16))
      return named->place;
    refuse("expected " + std::to_string(bits) + " bits, found '" + std::string(operand.name) + "'");
    return {};
  }
  Constant::Kind kind;
  if (findSpecial(operand.name, kind))
    return kernel.constant(kind, width, 0);
  Space space;
  uint64_t address;
  if (operand.kind == Operand::Name && kernel.findSymbol(operand.name, space, address))
    return kernel.constant(space == Space::Parameter ? Constant::ParameterAddress : Constant::Plain,
                           width, address);
  refuse("unknown operand '" + std::string(operand.name) + "'");
  return {};
}

Register Decoder::destination(const Operand &operand, unsigned bits) {
  if (operand.kind == Operand::Discarded)
    return kernel.scratch(static_cast<uint8_t>(bits));
  const auto *named = operand.kind == Operand::Name ? kernel.findRegister(operand.name) : nullptr;
  if (named && (named->bits == bits || (bits == 16 && named->bits == 32)))
    return named->place;
  refuse("expected a register of " + std::to_string(bits) + " bits, found '" +
         std::string(operand.name) + "'");
  return {};
}

void Decoder::address(size_t i, unsigned slot, Space space) {
  const Operand &at = operand(i);
  if (at.kind != Operand::Address || at.parts.empty())
    return refuse("expected an address");
  const Operand &base = at.parts[0];
  in.offset = static_cast<int64_t>(at.bits);
  unsigned bits = bitsOf(base);
  in.option[3] |= static_cast<uint32_t>(bits == 32) << slot;
  in.from[slot] = source(base, bits == 32 ? 32 : 64);
  if (bits == 32 && space != Space::Shared)
    refuse("expected an address of 64 bits");
}

void Decoder::listSources(const Operand &operand, unsigned bits) {
  if (operand.kind != Operand::Vector) {
    listed.push_back(source(operand, bits));
    return;
  }
  for (const Operand &part : operand.parts)
    listed.push_back(source(part, bits));
}

void Decoder::listDestinations(const Operand &operand, unsigned bits) {
  if (operand.kind != Operand::Vector) {
    listed.push_back(destination(operand, bits));
    return;
  }
  for (const Operand &part : operand.parts)
    listed.push_back(destination(part, bits));
}

uint64_t Decoder::number(size_t i) {
  if (operand(i).kind != Operand::Number)
    refuse("expected a number as operand " + std::to_string(i + 1));
  return operand(i).bits;
}

Problem Decoder::finish() {
  if (problem)
    return problem;
  for (size_t i = 0; i < parts.size(); ++i)
    if (!understood[i])
      return {statement.line, "unknown modifier '." + std::string(parts[i]) + "' of '" +
                                  std::string(statement.text) + "'"};
  return {};
}
