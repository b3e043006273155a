//===- Loops.cpp - the two inner loops of an attention row -------------------===//
#include "Loops.h"

// The widest vectors of the machine at hand, chosen when the program starts. Vectors hold sums of
// different keys or columns, never parts of one sum, so the width changes no bit.
// Sanitizers want their run time before the choice is made, so they get one version.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define ATTN_SANITIZED
#endif
#endif
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(ATTN_SANITIZED)
#define ATTN_ANY_VECTORS __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define ATTN_ANY_VECTORS
#endif

namespace mlir::attn::reference {

template <typename Real>
[[gnu::always_inline]] static inline void products(const Real *query, const Real *columns,
                                                   int64_t count, int64_t size, int64_t first,
                                                   int64_t last, Real *__restrict result) {
  for (int64_t k = first; k < last; ++k)
    result[k] = 0;
  for (int64_t c = 0; c < size; ++c)
    for (int64_t k = first; k < last; ++k)
      result[k] += query[c] * columns[c * count + k];
}

template <typename Real>
[[gnu::always_inline]] static inline void weighted(Real weight, const double *value, int64_t size,
                                                   Real *__restrict sums) {
  for (int64_t c = 0; c < size; ++c)
    sums[c] += weight * static_cast<Real>(value[c]);
}

ATTN_ANY_VECTORS void keyProducts(const double *query, const double *columns, int64_t count,
                                  int64_t size, int64_t first, int64_t last, double *result) {
  products(query, columns, count, size, first, last, result);
}

ATTN_ANY_VECTORS void keyProducts(const float *query, const float *columns, int64_t count,
                                  int64_t size, int64_t first, int64_t last, float *result) {
  products(query, columns, count, size, first, last, result);
}

ATTN_ANY_VECTORS void addWeighted(double weight, const double *value, int64_t size, double *sums) {
  weighted(weight, value, size, sums);
}

ATTN_ANY_VECTORS void addWeighted(float weight, const double *value, int64_t size, float *sums) {
  weighted(weight, value, size, sums);
}

} // namespace mlir::attn::reference
