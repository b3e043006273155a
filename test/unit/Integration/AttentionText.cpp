//===- AttentionText.cpp - writes functions around one attention --------------===//
#include "AttentionText.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace mlir::attn::test;

const std::string mlir::attn::test::softcapRegion = R"(
    %cap = arith.constant 5.0 : f32
    %divided = arith.divf %s, %cap : f32
    %bent = math.tanh %divided : f32
    %r = arith.mulf %bent, %cap : f32)";

/// Eight slopes; heads beyond start over.
const std::string mlir::attn::test::alibiRegion = R"(
    %eight = arith.constant 8 : index
    %which = arith.remui %h, %eight : index
    %slope = attn.lookup %which in [0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625]
    %apart = arith.subi %i, %j : index
    %whole = arith.index_cast %apart : index to i64
    %distance = arith.sitofp %whole : i64 to f32
    %penalty = arith.mulf %slope, %distance : f32
    %r = arith.subf %s, %penalty : f32)";

const std::string mlir::attn::test::biasRegion = R"(
    %bias = tensor.extract %table[%b, %h, %j] : tensor<?x?x?xf32>
    %r = arith.addf %s, %bias : f32)";

static std::string tensorType(int64_t heads, int64_t size, const std::string &dtype) {
  return "tensor<?x" + std::to_string(heads) + "x?x" + std::to_string(size) + "x" + dtype + ">";
}

/// 17 digits, with the point that the grammar wants.
static std::string real(double value) {
  char text[40];
  std::snprintf(text, sizeof(text), "%.17e", value);
  return text;
}

static std::string maskClause(const AttentionText &t) {
  if (t.mask.empty())
    return "";
  std::string names, types;
  for (size_t i = 0; i < t.maskOperands.size(); ++i) {
    names += (i ? ", %m" : "%m") + std::to_string(i);
    types += (i ? ", " : "") + t.maskOperands[i];
  }
  return " mask(<" + t.mask + ">" + (names.empty() ? "" : ", " + names + " : " + types) + ")";
}

std::string AttentionText::str() const {
  int64_t outHeads = scoreHeads ? scoreHeads : std::max({queryHeads, keyHeads, valueHeads});
  std::string q = tensorType(queryHeads, qkSize, dtype), k = tensorType(keyHeads, qkSize, dtype),
              v = tensorType(valueHeads, vSize, dtype), o = tensorType(outHeads, vSize, dtype),
              l = "tensor<?x" + std::to_string(outHeads) + "x?xf32>",
              s = "tensor<" + std::to_string(outHeads) + "xf32>";
  bool lse = normalizer.empty();
  std::string results = lse ? o + ", " + l : o, values = lse ? "%o, %l" : "%o";
  std::string text = "func.func @" + name + "(%q: " + q + ", %k: " + k + ", %v: " + v;
  if (sinks)
    text += ", %sinks: " + s;
  if (offset)
    text += ", %offset: index";
  if (!table.empty())
    text += ", %table: " + table;
  for (size_t i = 0; i < maskOperands.size(); ++i)
    text += ", %m" + std::to_string(i) + ": " + maskOperands[i];
  text += ") -> (" + results + ") {\n  " + values + " = attn.attention %q, %k, %v scale(" +
          real(scale != 0 ? scale : 1 / std::sqrt(static_cast<double>(qkSize))) + ")";
  text += maskClause(*this);
  text += heads.empty() ? "" : " heads(" + heads + ")";
  text += sinks ? " sinks(%sinks : " + s + ")" : "";
  text += offset ? " offset(%offset)" : "";
  text += normalizer.empty() ? "" : " normalizer<" + normalizer + ">";
  text += schedule.empty() ? "" : " schedule<" + schedule + ">";
  if (!score.empty())
    text += " score {\n  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):" + score +
            "\n    attn.yield %r : f32\n  }";
  return text + "\n      : " + q + ", " + k + ", " + v + " -> " + results + "\n  return " + values +
         " : " + results + "\n}\n";
}
