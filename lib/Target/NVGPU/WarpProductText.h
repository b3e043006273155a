//===- WarpProductText.h - inline PTX of a warp's matrix products ------------===//
#ifndef ATTN_LIB_TARGET_NVGPU_WARPPRODUCTTEXT_H
#define ATTN_LIB_TARGET_NVGPU_WARPPRODUCTTEXT_H

#include "mlir/Support/LLVM.h"
#include <string>

namespace mlir::attn {

/// Text of one block of PTX.
class WarpProductText {
public:
  explicit WarpProductText(bool isHalf) : isHalf(isHalf) {}
  std::string text;
  /// In front of every instruction: empty, or a predicate.
  std::string guard;

  /// `{name<first>, ...}`.
  static std::string numbered(StringRef name, int64_t first, int64_t count);
  /// Loads 16 rows of 16 columns at `[$address + offset]` into `name0` ... `name3`.
  void load(StringRef name, size_t address, int64_t offset, bool transposed);
  /// accumulator += left * right; a `fresh` accumulator starts at zero.
  void multiply(size_t accumulator, const std::string &left, const std::string &right, bool fresh);

private:
  bool isHalf;
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_WARPPRODUCTTEXT_H
