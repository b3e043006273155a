//===- Loops.h - the two inner loops of an attention row ---------------------===//
#ifndef ATTN_LIB_REFERENCE_LOOPS_H
#define ATTN_LIB_REFERENCE_LOOPS_H

#include <cstdint>

namespace mlir::attn::reference {

/// Real is double (exact) or float (plain). Each sum is taken in index order.

/// `columns[c * count + k] = keys[k * size + c]`: with one column of all keys in a row, many keys'
/// sums advance together without changing the order inside any of them.
template <typename Real>
void keyColumns(const double *keys, int64_t count, int64_t size, Real *columns);

/// `products[k] = sum_c query[c] * columns[c * count + k]` for k in [first, last).
template <typename Real>
void keyProducts(const Real *query, const Real *columns, int64_t count, int64_t size, int64_t first,
                 int64_t last, Real *products);

/// `sums[c] += weight * value[c]`.
template <typename Real>
void addWeighted(Real weight, const double *value, int64_t size, Real *sums);

} // namespace mlir::attn::reference

#endif // ATTN_LIB_REFERENCE_LOOPS_H
