// Plain C++ of the event-driven product `out += x @ W` with a matrix that is drawn again at every use: float32, one thread.
//
// The specification is that of `neuroeqx.ops.procedural` (Philox4x32-10 by counter, alias tables of gaps, weights from a
// stream of their own), so both add the same synapses. Built as a library that `procedural.py` calls.
#include <cstdint>

namespace {

constexpr int kLanes = 16, kWords = 4 * kLanes;

struct Law {
    int64_t n_pre, n_post;
    int32_t degree, digits, weights;  // degree < 0: gaps; weights: 0 constant, 1 uniform, 2 normal
    const uint32_t *seed, *gaps, *normal;
};

// The words first ... first + 63 of a stream, written as a loop over lanes that a compiler makes vectors of.
inline void fill(uint32_t* words, uint32_t first, uint32_t row, uint32_t stream, const uint32_t* seed) {
    uint32_t c0[kLanes], c1[kLanes], c2[kLanes], c3[kLanes], k0 = seed[0], k1 = seed[1];
    for (int l = 0; l < kLanes; l++) c0[l] = first / 4 + l, c1[l] = row, c2[l] = stream, c3[l] = 0;
    for (int round = 0; round < 10; round++) {
        for (int l = 0; l < kLanes; l++) {
            const uint64_t p0 = uint64_t(0xD2511F53u) * c0[l], p1 = uint64_t(0xCD9E8D57u) * c2[l];
            c0[l] = uint32_t(p1 >> 32) ^ c1[l] ^ k0;
            c1[l] = uint32_t(p1);
            c2[l] = uint32_t(p0 >> 32) ^ c3[l] ^ k1;
            c3[l] = uint32_t(p0);
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (int l = 0; l < kLanes; l++)
        words[4 * l] = c0[l], words[4 * l + 1] = c1[l], words[4 * l + 2] = c2[l], words[4 * l + 3] = c3[l];
}

inline uint32_t digit(uint32_t word, const uint32_t* table) {
    const uint32_t bucket = word >> 22, entry = table[bucket];
    return (word & 0x3FFFFF) < entry >> 10 ? bucket : entry & 1023;
}

inline float coefficient(const Law& law, uint32_t word) {
    if (law.weights == 1) return float(word >> 8) * 0x1p-24f;
    const uint32_t u = word & 0x7FFFFFFF, zeros = __builtin_clz(u | 64), shift = 25 - zeros;
    const uint32_t* entry = law.normal + 2 * ((shift << 6) + (u >> shift));
    const uint32_t fall = uint64_t(entry[1]) * (u << (zeros + 6) << 1) >> 32;
    const int32_t z = int32_t(entry[0] - fall);
    return float(word >> 31 ? -z : z) * 0x1p-26f;
}

void add_row(const Law& law, float* out, const float* theta, uint32_t row, float x) {
    uint32_t places[2 * kWords], values[kWords];
    const uint32_t width = uint32_t(law.n_post);
    const float slope = law.weights == 2 ? theta[1] : theta[1] - theta[0];
    uint64_t position = 0;  // the next place that may be taken
    for (uint32_t first = 0; law.degree >= 0 ? first < uint32_t(law.degree) : position < width; first += kWords) {
        for (int d = 0; d < (law.digits == 2 ? 2 : 1); d++)
            fill(places + d * kWords, first * (law.digits == 2 ? 2 : 1) + d * kWords, row, 0, law.seed);
        if (law.weights) fill(values, first, row, 1, law.seed);
        for (uint32_t j = 0; j < kWords; j++) {
            uint64_t place;
            if (law.degree >= 0) {
                if (first + j >= uint32_t(law.degree)) return;
                place = uint64_t(places[j]) * width >> 32;
            } else {
                uint32_t gap = digit(places[law.digits == 2 ? 2 * j : j], law.gaps), last = gap;
                if (law.digits == 2) {
                    last = digit(places[2 * j + 1], law.gaps + 1024);
                    gap += last << 10;
                }
                if (last == 1023) {
                    position += law.digits == 2 ? 1023 * 1024 : 1023;
                    continue;
                }
                place = position + gap;
                position = place + 1;
                if (place >= width) return;
            }
            out[place] += x * (law.weights ? theta[0] + slope * coefficient(law, values[j]) : theta[0]);
        }
    }
}

}  // namespace

extern "C" void add_matvecs(const Law* law, float* out, const float* theta, const float* const* spikes, int64_t count) {
    for (int64_t v = 0; v < count; v++)
        for (int64_t row = 0; row < law->n_pre; row++)
            if (spikes[v][row] != 0) add_row(*law, out, theta, uint32_t(row), spikes[v][row]);
}
