// Balanced network of conductance-based leaky integrate-and-fire neurons (Vogels and Abbott 2005; Brette et al. 2007,
// benchmark 1), as one hand-written float32 loop on one thread.
//
//   tau dV/dt = E_L - V + g_e (E_e - V) + g_i (E_i - V) + I,   dg/dt = -g / tau_g,   V >= V_th: spike, V = V_reset
//
// One step: g *= exp(-dt / tau_g); the spikes of the previous step are added to g; V is advanced with that g, except in the
// 50 steps after a spike, where it keeps its value. The decay of the next step is taken at the end of the update, so that
// one pass over the state does all of it.
#include "common.hpp"
#include "simd_exp.hpp"

namespace {

constexpr float kTau = 20.0f, kRest = -60.0f, kThreshold = -50.0f, kReset = -60.0f, kRevE = 0.0f, kRevI = -80.0f;
constexpr float kDrive = 20.0f, kDt = 0.1f, kTauE = 5.0f, kTauI = 10.0f;
constexpr int kRefractory = 50;
constexpr int kRing = 64;  // steps of spike lists kept; more than kRefractory + 1

struct Cells {
    int n, padded;
    ref::Buffer<float> v, g_e, g_i;
    ref::Buffer<int32_t> list;
    int count = 0;
    // Kernel `bytes`: steps of refractoriness left, and a byte per neuron for its spike.
    ref::Buffer<int32_t> refractory;
    ref::Buffer<uint8_t> spike;
    // Kernel `avx512`: a bit per neuron that is free to move, a bit per spike, and the lists of the last steps, from which
    // neurons are freed again. Refractoriness so costs two bits a neuron and a few operations a spike.
    ref::Buffer<uint64_t> free_bits, spike_bits;
    ref::Buffer<int32_t> ring;
    int ring_count[kRing] = {};

    explicit Cells(const ref::Buffer<float>& v0)
        : n(static_cast<int>(v0.size())), padded((n + 63) / 64 * 64), v(padded), g_e(padded), g_i(padded), list(padded),
          refractory(padded), spike(padded), free_bits(padded / 64), spike_bits(padded / 64),
          ring(size_t(kRing) * padded) {
        // Cells that only fill up the last vector rest, never free to move.
        for (int i = 0; i < padded; i++) {
            v[i] = i < n ? v0[i] : kRest;
            if (i < n) free_bits[i >> 6] |= uint64_t{1} << (i & 63);
        }
    }
};

template <bool kExponential>
inline float advance(float v, float g_e, float g_i) {
    if (kExponential) {
        const float total = 1.0f + g_e + g_i;
        const float v_inf = (kRest + kDrive + g_e * kRevE + g_i * kRevI) / total;
        return v_inf + (v - v_inf) * ref::fast_exp(-total * (kDt / kTau));
    }
    return v + (kRest - v + g_e * (kRevE - v) + g_i * (kRevI - v) + kDrive) * (kDt / kTau);
}

// Portable: the compiler vectorises the branch-free loop; spikes leave as bytes.
template <bool kExponential>
void update_bytes(Cells& c, int, float decay_e, float decay_i) {
    float* __restrict v = c.v.data();
    float* __restrict g_e = c.g_e.data();
    float* __restrict g_i = c.g_i.data();
    int32_t* __restrict refractory = c.refractory.data();
    uint8_t* __restrict spike = c.spike.data();
    const int n = c.n;
#pragma GCC ivdep
    for (int i = 0; i < n; i++) {
        const float moved = advance<kExponential>(v[i], g_e[i], g_i[i]);
        const int left = refractory[i];
        const float next = left > 0 ? v[i] : moved;
        const bool fired = next >= kThreshold;
        v[i] = fired ? kReset : next;
        refractory[i] = fired ? kRefractory : (left > 0 ? left - 1 : 0);
        spike[i] = fired;
        g_e[i] *= decay_e;
        g_i[i] *= decay_i;
    }
}

void list_bytes(Cells& c, int) { c.count = ref::compact_bytes(c.spike.data(), c.n, c.list.data()); }

#if defined(__AVX512F__)
template <bool kExponential>
inline __m512 advance16(__m512 v, __m512 g_e, __m512 g_i) {
    const __m512 k_i = _mm512_set1_ps(kRevI), step = _mm512_set1_ps(kDt / kTau), one = _mm512_set1_ps(1.0f);
    if (kExponential) {
        const __m512 total = _mm512_add_ps(one, _mm512_add_ps(g_e, g_i));
        __m512 inverse = _mm512_maskz_rcp14_ps(0xFFFF, total);  // one Newton step brings it to float32
        inverse = _mm512_mul_ps(inverse, _mm512_fnmadd_ps(total, inverse, _mm512_set1_ps(2.0f)));
        const __m512 v_inf = _mm512_mul_ps(_mm512_fmadd_ps(g_i, k_i, _mm512_set1_ps(kRest + kDrive)), inverse);
        const __m512 decay = ref::fast_exp16(_mm512_mul_ps(total, _mm512_set1_ps(-kDt / kTau)));
        return _mm512_fmadd_ps(_mm512_sub_ps(v, v_inf), decay, v_inf);
    }
    const __m512 leak = _mm512_sub_ps(_mm512_set1_ps(kRest + kDrive), v);
    const __m512 current = _mm512_fnmadd_ps(g_e, v, _mm512_fmadd_ps(g_i, _mm512_sub_ps(k_i, v), leak));
    return _mm512_fmadd_ps(current, step, v);
}

template <bool kExponential>
void update_avx512(Cells& c, int step, float decay_e, float decay_i) {
    static_assert(kRevE == 0.0f, "advance16 leaves E_e out");
    uint64_t* free_words = c.free_bits.data();
    if (step > kRefractory) {
        const int slot = (step - kRefractory - 1) % kRing;
        const int32_t* freed = c.ring.data() + size_t(slot) * c.padded;
        for (int j = 0; j < c.ring_count[slot]; j++) free_words[freed[j] >> 6] |= uint64_t{1} << (freed[j] & 63);
    }
    __mmask16* free_bits = reinterpret_cast<__mmask16*>(free_words);
    __mmask16* spike_bits = reinterpret_cast<__mmask16*>(c.spike_bits.data());
    float *v = c.v.data(), *g_e = c.g_e.data(), *g_i = c.g_i.data();
    const __m512 threshold = _mm512_set1_ps(kThreshold), reset = _mm512_set1_ps(kReset);
    const __m512 a_e = _mm512_set1_ps(decay_e), a_i = _mm512_set1_ps(decay_i);
    for (int i = 0; i < c.padded; i += 16) {
        const __m512 old = _mm512_load_ps(v + i), e = _mm512_load_ps(g_e + i), h = _mm512_load_ps(g_i + i);
        const __mmask16 moves = free_bits[i >> 4];
        const __m512 next = _mm512_mask_mov_ps(old, moves, advance16<kExponential>(old, e, h));
        const __mmask16 fired = _mm512_cmp_ps_mask(next, threshold, _CMP_GE_OQ);
        _mm512_store_ps(v + i, _mm512_mask_mov_ps(next, fired, reset));
        _mm512_store_ps(g_e + i, _mm512_mul_ps(e, a_e));
        _mm512_store_ps(g_i + i, _mm512_mul_ps(h, a_i));
        free_bits[i >> 4] = moves & ~fired;
        spike_bits[i >> 4] = fired;
    }
}

void list_avx512(Cells& c, int step) {
    int count = 0;
    for (int w = 0; w < c.padded / 64; w++)
        for (uint64_t word = c.spike_bits[w]; word; word &= word - 1) c.list[count++] = 64 * w + __builtin_ctzll(word);
    c.count = count;
    const int slot = step % kRing;
    c.ring_count[slot] = count;
    std::memcpy(c.ring.data() + size_t(slot) * c.padded, c.list.data(), 4 * size_t(count));
}
#endif

using Update = void (*)(Cells&, int, float, float);
using List = void (*)(Cells&, int);

struct Weights {
    float e, i;
};

// One run. With statistics each phase is timed by itself and spikes are recorded; without, nothing but the model runs.
template <bool kObserved>
long run(const ref::Network& net, const ref::Buffer<float>& v0, Weights w, int steps, Update update, List make_list,
         double* seconds, ref::Statistics* stats, ref::Phases* phases) {
    Cells c(v0);
    const float decay_e = static_cast<float>(std::exp(-double(kDt) / kTauE));
    const float decay_i = static_cast<float>(std::exp(-double(kDt) / kTauI));
    long spikes = 0;
    const double start = ref::now();
    for (int step = 0; step < steps; step++) {
        const double t0 = kObserved ? ref::now() : 0;
        ref::deliver(net, c.list.data(), c.count, c.g_e.data(), c.g_i.data(), w.e, w.i);
        const double t1 = kObserved ? ref::now() : 0;
        update(c, step, decay_e, decay_i);
        const double t2 = kObserved ? ref::now() : 0;
        make_list(c, step);
        spikes += c.count;
        if (kObserved) {
            const double t3 = ref::now();
            phases->events += t1 - t0;
            phases->neurons += t2 - t1;
            phases->list += t3 - t2;
            stats->add(step, c.list.data(), c.count, net);
        }
    }
    if (seconds) *seconds = ref::now() - start;
    return spikes;
}

// The model once more, plainly and in double precision: what the fast loop is checked against.
std::vector<int> plain_counts(const ref::Network& net, const ref::Buffer<float>& v0, Weights w, int steps,
                              bool exponential) {
    const int n = net.n;
    std::vector<double> v(v0.data(), v0.data() + n), g_e(n, 0.0), g_i(n, 0.0);
    std::vector<int> left(n, 0), counts(n, 0), fired;
    for (int step = 0; step < steps; step++) {
        for (int i = 0; i < n; i++) {
            g_e[i] *= std::exp(-0.1 / 5.0);
            g_i[i] *= std::exp(-0.1 / 10.0);
        }
        for (int source : fired)
            for (int k = net.indptr[source]; k < net.indptr[source + 1]; k++)
                (source < net.n_exc ? g_e : g_i)[net.indices[k]] += source < net.n_exc ? w.e : w.i;
        fired.clear();
        for (int i = 0; i < n; i++) {
            if (left[i] > 0) {
                left[i]--;
                continue;
            }
            const double total = 1.0 + g_e[i] + g_i[i], drive = -60.0 + 20.0 - 80.0 * g_i[i];
            const double v_inf = drive / total;
            v[i] = exponential ? v_inf + (v[i] - v_inf) * std::exp(-total * 0.1 / 20.0)
                               : v[i] + (drive - total * v[i]) * 0.1 / 20.0;
            if (v[i] >= -50.0) {
                v[i] = -60.0;
                left[i] = kRefractory;
                counts[i]++;
                fired.push_back(i);
            }
        }
    }
    return counts;
}

}  // namespace

int main(int argc, char** argv) {
    auto defaults = ref::common_defaults();
    defaults.insert({{"method", "euler"}, {"kernel", "auto"}});
    const ref::Options options(argc, argv, defaults);
    const int steps = static_cast<int>(options.integer("steps")), repeats = static_cast<int>(options.integer("repeats"));
    const bool exponential = options.choice("method", {"euler", "exp"}) == "exp";
    std::string kernel = options.choice("kernel", {"auto", "bytes", "avx512"});
    if (steps < 1 || repeats < 0) ref::fail("--steps must be at least 1 and --repeats at least 0");

    ref::Random random(options.integer("seed"));
    const ref::Network net = ref::network_from(options, random);
    const ref::Buffer<float> v0 = ref::normals(options, "v0", net.n, random, -55.0, 2.0);
    const float divisor = ref::weight_divisor(options, net);
    const Weights w{0.6f / divisor, 6.7f / divisor};
    if (options.given("dump")) {
        ref::write_binary(options.text("dump") + "/indptr.bin", net.indptr.data(), net.indptr.size());
        ref::write_binary(options.text("dump") + "/indices.bin", net.indices.data(), net.indices.size());
        ref::write_binary(options.text("dump") + "/v0.bin", v0.data(), v0.size());
    }

    Update update = exponential ? update_bytes<true> : update_bytes<false>;
    List make_list = list_bytes;
#if defined(__AVX512F__)
    if (kernel != "bytes") {
        kernel = "avx512";
        update = exponential ? update_avx512<true> : update_avx512<false>;
        make_list = list_avx512;
    }
#else
    if (kernel == "avx512") ref::fail("--kernel avx512 needs a processor with AVX-512");
    kernel = "bytes";
#endif

    ref::Statistics stats(net.n, options.given("raster"));
    ref::Report report{"coba_lif", exponential ? "exponential_euler" : "euler", kernel, options.text("conn"), &net, &stats, steps};
    run<true>(net, v0, w, steps, update, make_list, nullptr, &stats, &report.phases);
    for (int r = 0; r < repeats; r++) {
        double seconds = 0;
        report.spikes.push_back(run<false>(net, v0, w, steps, update, make_list, &seconds, nullptr, nullptr));
        report.seconds.push_back(seconds);
    }

    const int window = std::min(steps, 200);
    ref::Statistics first(net.n, false);
    ref::Phases unused;
    run<true>(net, v0, w, window, update, make_list, nullptr, &first, &unused);
    report.window = window;
    report.compare(first.counts, plain_counts(net, v0, w, window, exponential));
    ref::print(report);
    if (options.given("counts")) ref::write_binary(options.text("counts"), stats.counts.data(), stats.counts.size());
    if (options.given("raster")) ref::write_binary(options.text("raster"), stats.raster.data(), stats.raster.size());
    return 0;
}
