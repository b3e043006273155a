//===- Records.cpp - measurements as JSON ---------------------------------===//

#include "attn/Driver/Run.h"

#include "llvm/Support/JSON.h"

#include <cmath>

using namespace mlir;
using namespace mlir::attn;

/// JSON has neither infinities nor NaNs; an unbounded error becomes the largest number.
static llvm::json::Value numberOrNull(std::optional<double> number) {
  if (!number)
    return nullptr;
  return std::isfinite(*number) ? *number : std::numeric_limits<double>::max();
}

static llvm::json::Value knownOrNull(double number) {
  return number > 0 ? llvm::json::Value(number) : llvm::json::Value(nullptr);
}

static std::optional<double> perSecond(double amount, std::optional<double> seconds) {
  if (!seconds || *seconds <= 0)
    return std::nullopt;
  return amount / *seconds;
}

static void printHeads(llvm::json::OStream &json, const HeadFacts &heads) {
  json.attributeArray("layers", [&] {
    for (int64_t layer : heads.layers)
      json.value(layer);
  });
  json.attribute("query_heads", heads.queryHeads);
  json.attribute("key_heads", heads.keyHeads);
  json.attribute("value_heads", heads.valueHeads);
  json.attribute("qk_size", heads.qkSize);
  json.attribute("v_size", heads.vSize);
  json.attribute("mask", heads.mask);
  json.attribute("form", heads.form);
  json.attribute("kv_bytes_per_token", heads.cacheBytesPerToken);
}

static void printOne(llvm::json::OStream &json, const RunRecord &record) {
  json.attribute("name", record.name);
  json.attribute("model", record.model);
  json.attribute("target", record.target);
  json.attribute("device", record.device.empty() ? llvm::json::Value(nullptr)
                                                 : llvm::json::Value(record.device));
  json.attribute("dtype", record.dtype);
  json.attribute("threads", record.threads);
  json.attribute("batch", record.cost.batch);
  json.attribute("q_len", record.cost.queryLength);
  json.attribute("kv_len", record.cost.keyLength);
  printHeads(json, record.heads);
  json.attribute("compile_s", numberOrNull(record.compileSeconds));
  json.attribute("median_s", numberOrNull(record.medianSeconds));
  json.attribute("flops", record.cost.flops);
  json.attribute("bytes", record.cost.bytes);
  json.attribute("flops_per_s", numberOrNull(perSecond(record.cost.flops, record.medianSeconds)));
  json.attribute("bytes_per_s", numberOrNull(perSecond(record.cost.bytes, record.medianSeconds)));
  json.attribute("ceiling", numberOrNull(record.ceiling));
  json.attribute("ceiling_share", numberOrNull(record.ceilingShare));
  json.attribute("machine_flops_per_s", knownOrNull(record.measuredCeiling.flops));
  json.attribute("machine_bytes_per_s", knownOrNull(record.measuredCeiling.bytes));
  json.attribute("max_error", numberOrNull(record.maxError));
  json.attribute("allowed_error", numberOrNull(record.allowedError));
  json.attribute("error_ratio", numberOrNull(record.errorRatio));
  json.attribute("checked_rows", record.checkedRows ? llvm::json::Value(*record.checkedRows)
                                                    : llvm::json::Value(nullptr));
}

std::string attn::printRecords(const std::vector<RunRecord> &records) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::json::OStream json(os, /*IndentSize=*/2);
  json.array([&] {
    for (const RunRecord &record : records)
      json.object([&] { printOne(json, record); });
  });
  json.flush();
  os << "\n";
  return text;
}
