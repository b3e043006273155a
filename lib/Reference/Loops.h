//===- Loops.h - the two inner loops of an attention row ---------------------===//
#ifndef ATTN_LIB_REFERENCE_LOOPS_H
#define ATTN_LIB_REFERENCE_LOOPS_H

#include <cstdint>

namespace mlir::attn::reference {

/// Each sum below is taken in index order, product by product, each rounded: the same bits on
/// every machine. double serves the exact evaluation, float the plain one.

/// `columns[c * count + k] = keys[k * size + c]`: with one column of all keys in a row, many keys'
/// sums advance together without changing the order inside any of them.
template <typename Real>
void keyColumns(const double *keys, int64_t count, int64_t size, Real *columns) {
  for (int64_t k = 0; k < count; ++k)
    for (int64_t c = 0; c < size; ++c)
      columns[c * count + k] = static_cast<Real>(keys[k * size + c]);
}

/// `products[k] = sum_c query[c] * columns[c * count + k]` for k in [first, last).
void keyProducts(const double *query, const double *columns, int64_t count, int64_t size,
                 int64_t first, int64_t last, double *products);
void keyProducts(const float *query, const float *columns, int64_t count, int64_t size,
                 int64_t first, int64_t last, float *products);

/// `sums[c] += weight * value[c]`.
void addWeighted(double weight, const double *value, int64_t size, double *sums);
void addWeighted(float weight, const double *value, int64_t size, float *sums);

} // namespace mlir::attn::reference

#endif // ATTN_LIB_REFERENCE_LOOPS_H
