//===- MatrixPowers.h - weights of scores, rounded to bf16 -------------------===//
#ifndef ATTN_LIB_TARGET_CPU_MATRIXPOWERS_H
#define ATTN_LIB_TARGET_CPU_MATRIXPOWERS_H

#include "CpuBuilder.h"

namespace mlir::attn {

/// 2^x for a weight that is rounded to bf16. The fraction is in [0, 1), since scalef takes the
/// floor of its exponent itself: no rounding of x, no subtraction. The polynomial is minimax with
/// p(0) = 1, off by 8.6e-5 at most, a twentieth of half the spacing of bf16.
Value weightExp2(CpuBuilder &b, Value x);

/// Words of two bf16, rounded half up: weights are not negative. Two additions, a shift and a
/// selection of bits take half as long as the conversion instruction and a permutation. The
/// selection is an intrinsic, or LLVM would make a permutation of it.
Value packWeights(CpuBuilder &b, Value first, Value second);

/// Powers in 16 bits. Adding `base`, so large that `fraction` bits are left behind the point,
/// leaves (x + 127) * 2^fraction in the low 16 bits of the sum: the exponent of bf16, and a
/// fraction f. 128 corrections make 2^f - 1 of it. With eight bits the result is off by 1.9e-3
/// about its mean (rounding to bf16: 1.7e-3), and its mean by 1.3e-3, which weights and their sums
/// have in common; with seven, which need no shift, by 2.3e-3.
struct TableForm {
  double base;
  int64_t fraction;
  // The sum's upper bits as long as the table holds it.
  int64_t mask, upper;
};
/// `powers` of the schedule.
TableForm tableForm(StringRef powers);

/// Words of two bf16 powers of the exponents in the low bits of `first` and `second`.
Value tableWords(CpuBuilder &b, const TableForm &form, Value first, Value second);

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_MATRIXPOWERS_H
