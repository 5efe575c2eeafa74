// exp(x) in float32, written so that the compiler vectorises it inside a loop without a call.
#pragma once
#include <cstdint>
#include <cstring>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace ref {

// exp(x) = 2^k exp(f) with |f| <= ln(2) / 2 and exp(f) from a polynomial of degree 6: 1 + f and four coefficients fitted
// for the least largest relative error (3e-9, under float32 rounding). Not clamped: |x| must be under 87.
inline float fast_exp(float x) {
    const float k = __builtin_rintf(x * 1.44269504089f);
    // ln 2 in two pieces keeps f exact to one rounding.
    float f = __builtin_fmaf(k, -0.693145752f, x);
    f = __builtin_fmaf(k, -1.42860677e-6f, f);
    float p = 0.001381461275741458f;
    p = __builtin_fmaf(p, f, 0.008368710055947304f);
    p = __builtin_fmaf(p, f, 0.04166838899254799f);
    p = __builtin_fmaf(p, f, 0.1666652113199234f);
    p = __builtin_fmaf(p, f, 0.4999999403953552f);
    p = __builtin_fmaf(p, f, 1.0f);
    p = __builtin_fmaf(p, f, 1.0f);
    // 2^k goes straight into the exponent of p, which lies in [0.7, 1.42].
    uint32_t bits;
    std::memcpy(&bits, &p, 4);
    bits += static_cast<uint32_t>(static_cast<int32_t>(k)) << 23;
    std::memcpy(&p, &bits, 4);
    return p;
}

#if defined(__AVX512F__)
// The same for 16 values, with the instruction that scales by 2^k. All lanes; the masked forms avoid a false warning of
// GCC 12 about the undefined source operand of the plain ones.
inline __m512 fast_exp16(__m512 x) {
    const __mmask16 all = 0xFFFF;
    const __m512 k = _mm512_maskz_roundscale_ps(all, _mm512_mul_ps(x, _mm512_set1_ps(1.44269504089f)), 8);
    __m512 f = _mm512_fmadd_ps(k, _mm512_set1_ps(-0.693145752f), x);
    f = _mm512_fmadd_ps(k, _mm512_set1_ps(-1.42860677e-6f), f);
    __m512 p = _mm512_set1_ps(0.001381461275741458f);
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.008368710055947304f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.04166838899254799f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.1666652113199234f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.4999999403953552f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f));
    return _mm512_maskz_scalef_ps(all, p, k);
}
#endif

}  // namespace ref
