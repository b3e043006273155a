//===- Loops.cpp - the two inner loops of an attention row -------------------===//
#include "Loops.h"

namespace mlir::attn::reference {

template <typename Real>
void keyColumns(const double *keys, int64_t count, int64_t size, Real *columns) {
  for (int64_t k = 0; k < count; ++k)
    for (int64_t c = 0; c < size; ++c)
      columns[c * count + k] = static_cast<Real>(keys[k * size + c]);
}

template <typename Real>
void keyProducts(const Real *query, const Real *columns, int64_t count, int64_t size, int64_t first,
                 int64_t last, Real *__restrict products) {
  for (int64_t k = first; k < last; ++k)
    products[k] = 0;
  for (int64_t c = 0; c < size; ++c)
    for (int64_t k = first; k < last; ++k)
      products[k] += query[c] * columns[c * count + k];
}

template <typename Real>
void addWeighted(Real weight, const double *value, int64_t size, Real *__restrict sums) {
  for (int64_t c = 0; c < size; ++c)
    sums[c] += weight * static_cast<Real>(value[c]);
}

template void keyColumns(const double *, int64_t, int64_t, double *);
template void keyColumns(const double *, int64_t, int64_t, float *);
template void keyProducts(const double *, const double *, int64_t, int64_t, int64_t, int64_t,
                          double *);
template void keyProducts(const float *, const float *, int64_t, int64_t, int64_t, int64_t,
                          float *);
template void addWeighted(double, const double *, int64_t, double *);
template void addWeighted(float, const double *, int64_t, float *);

} // namespace mlir::attn::reference
