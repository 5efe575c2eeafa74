// Plain C++ of the event-driven product `out += x @ W`, float32, one thread, for a matrix stored by rows.
//
// Built as a library: `event_matvec.py` calls it on the very arrays that it gives to JAX, so that both read the same pages.
// Rows are given by `indptr`, or all have `degree` synapses where that is null. `shared`: one weight for all synapses.
#include <cstdint>
#include <cstring>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace {

constexpr int kAhead = 4;        // active rows between the one being added and the one being fetched
constexpr int64_t kLines = 4;    // at most this many cache lines of a row are fetched: the processor follows longer rows

struct Pointers {
    const int32_t* indptr;
    int64_t begin(int64_t row) const { return indptr[row]; }
    int64_t end(int64_t row) const { return indptr[row + 1]; }
};

struct Degree {
    int64_t degree;
    int64_t begin(int64_t row) const { return row * degree; }
    int64_t end(int64_t row) const { return (row + 1) * degree; }
};

inline uint64_t nonzero(const float* x) {  // which of 64 values are not zero
#if defined(__AVX512F__)
    uint64_t bits = 0;
    for (int part = 0; part < 4; part++) {
        const __mmask16 mask = _mm512_cmp_ps_mask(_mm512_loadu_ps(x + 16 * part), _mm512_setzero_ps(), _CMP_NEQ_UQ);
        bits |= static_cast<uint64_t>(mask) << (16 * part);
    }
    return bits;
#else
    uint32_t words[64], any = 0;
    std::memcpy(words, x, sizeof words);
    for (uint32_t word : words) any |= word << 1;
    uint64_t bits = 0;
    if (any)
        for (int i = 0; i < 64; i++) bits |= static_cast<uint64_t>(x[i] != 0) << i;
    return bits;
#endif
}

int64_t compact(const float* x, int64_t n, int32_t* list) {
    int64_t count = 0, i = 0;
    for (; i + 64 <= n; i += 64)
        for (uint64_t bits = nonzero(x + i); bits; bits &= bits - 1)
            list[count++] = static_cast<int32_t>(i) + __builtin_ctzll(bits);
    for (; i < n; i++)
        if (x[i] != 0) list[count++] = static_cast<int32_t>(i);
    return count;
}

inline void fetch(const void* from, int64_t values) {
    const char* p = static_cast<const char*>(from);
    for (int64_t line = 0; line < kLines && 16 * line < values; line++) __builtin_prefetch(p + 64 * line);
}

template <bool shared, class Rows>
void add(float* __restrict out, const float* __restrict weight, const int32_t* __restrict indices, Rows rows,
         const float* __restrict x, const int32_t* __restrict list, int64_t count) {
    for (int64_t a = 0; a < count; a++) {
        if (a + kAhead < count) {
            const int64_t row = list[a + kAhead], begin = rows.begin(row), length = rows.end(row) - begin;
            fetch(indices + begin, length);
            if (!shared) fetch(weight + begin, length);
        }
        const int64_t row = list[a], end = rows.end(row);
        const float value = shared ? x[row] * weight[0] : x[row];
        for (int64_t k = rows.begin(row); k < end; k++) out[indices[k]] += shared ? value : value * weight[k];
    }
}

template <class Rows>
void add_any(float* out, const float* weight, bool shared, const int32_t* indices, Rows rows, const float* x,
             const int32_t* list, int64_t count) {
    if (shared)
        add<true>(out, weight, indices, rows, x, list, count);
    else
        add<false>(out, weight, indices, rows, x, list, count);
}

}  // namespace

// `rounds` times all `vectors`. With `counts`, `lists` hold their active entries, `[vectors, n]`; else `lists` is room.
extern "C" void add_matvec(float* out, const float* weight, int shared, const int32_t* indices, const int32_t* indptr,
                           int64_t degree, int64_t n, const float* const* spikes, int vectors, int32_t* lists,
                           const int64_t* counts, int rounds) {
    for (int round = 0; round < rounds; round++)
        for (int v = 0; v < vectors; v++) {
            int32_t* list = counts ? lists + v * n : lists;
            const int64_t count = counts ? counts[v] : compact(spikes[v], n, list);
            if (indptr)
                add_any(out, weight, shared, indices, Pointers{indptr}, spikes[v], list, count);
            else
                add_any(out, weight, shared, indices, Degree{degree}, spikes[v], list, count);
        }
}

// The lists of active entries of all vectors.
extern "C" void list_active(int64_t n, const float* const* spikes, int vectors, int32_t* lists, int64_t* counts) {
    for (int v = 0; v < vectors; v++) counts[v] = compact(spikes[v], n, lists + v * n);
}
