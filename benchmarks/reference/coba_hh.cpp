// Balanced network of Hodgkin-Huxley neurons of Traub and Miles with exponential conductances (Brette et al. 2007,
// benchmark 3), as one hand-written float32 loop on one thread.
//
//   C dV/dt = g_L (E_L - V) + g_Na m^3 h (E_Na - V) + g_K n^4 (E_K - V) + g_e (E_e - V) + g_i (E_i - V)
//
// One step: g *= exp(-dt / tau_g); the spikes of the previous step are added to g; then, all from the state at the beginning
// of the step, V by exponential Euler with the total conductance held and every gate by its exact exponential with V held.
// A spike is an upward crossing of -20 mV. There is no drive: the conductances at the start ignite the activity.
#include "common.hpp"
#include "simd_exp.hpp"

namespace {

// mV, ms, nS, pF.
constexpr float kC = 200.0f, kGL = 10.0f, kEL = -60.0f, kGNa = 20000.0f, kENa = 50.0f, kGK = 6000.0f, kEK = -90.0f;
constexpr float kVT = -63.0f, kRevE = 0.0f, kRevI = -80.0f, kCrossing = -20.0f;
constexpr float kDt = 0.1f, kTauE = 5.0f, kTauI = 10.0f;

// How the ten exponentials of a step are taken. `kLibrary`: as written, by the vector mathematics library of the compiler.
// `kInline`: as written, by `fast_exp`. `kShared`: those of (V_T + 40 - V) / 5, three times in the equations, taken once.
enum class Exp { kLibrary, kInline, kShared };

struct Cells {
    int n, padded;
    ref::Buffer<float> v, m, h, n_gate, g_e, g_i;
    ref::Buffer<uint8_t> spike;
    ref::Buffer<int32_t> list;
    int count = 0;

    Cells(const ref::Buffer<float>& v0, const ref::Buffer<float>& g_e0, const ref::Buffer<float>& g_i0, float decay_e,
          float decay_i)
        : n(static_cast<int>(v0.size())), padded((n + 63) / 64 * 64), v(padded), m(padded), h(padded), n_gate(padded),
          g_e(padded), g_i(padded), spike(padded), list(padded) {
        for (int i = 0; i < n; i++) v[i] = v0[i];
        // A pass ends with the decay of the next step; that of the first step is taken here.
        for (int i = 0; i < n; i++) g_e[i] = g_e0[i] * decay_e;
        for (int i = 0; i < n; i++) g_i[i] = g_i0[i] * decay_i;
    }
};

// x / (exp(x) - 1) given exp(x); the series where the difference would cancel (next term: x^6 / 30240).
inline float ratio(float x, float exp_x) {
    const bool small = x < 0.1f && x > -0.1f;
    const float square = x * x;
    const float series = 1.0f - 0.5f * x + square * (1.0f / 12.0f - square * (1.0f / 720.0f));
    const float difference = small ? 1.0f : exp_x - 1.0f;
    return small ? series : x / difference;
}

template <Exp kExp>
inline float exponential(float x) {
    return kExp == Exp::kLibrary ? std::exp(x) : ref::fast_exp(x);
}

template <Exp kExp>
inline float gate(float x, float alpha, float beta) {
    const float sum = alpha + beta, limit = alpha / sum;
    return limit + (x - limit) * exponential<kExp>(-kDt * sum);
}

template <Exp kExp>
void update(Cells& c, float decay_e, float decay_i) {
    float* __restrict v = c.v.data();
    float* __restrict m = c.m.data();
    float* __restrict h = c.h.data();
    float* __restrict n = c.n_gate.data();
    float* __restrict g_e = c.g_e.data();
    float* __restrict g_i = c.g_i.data();
    uint8_t* __restrict spike = c.spike.data();
    const int count = c.n;
    // The arrays are distinct; without this GCC 12 counts the checks it would need and gives up.
#pragma GCC ivdep
    for (int i = 0; i < count; i++) {
        const float old = v[i], u = old - kVT;
        const float x = (13.0f - u) * 0.25f, y = (u - 40.0f) * 0.2f, z = (15.0f - u) * 0.2f;
        const float exp_minus_y = exponential<kExp>(-y);
        float y_ratio, z_ratio;
        if (kExp == Exp::kShared) {
            y_ratio = exp_minus_y * ratio(-y, exp_minus_y);  // y / (e^y - 1) = e^-y (-y) / (e^-y - 1)
            z_ratio = ratio(z, exp_minus_y * 0.006737946999f);  // z = -y - 5
        } else {
            y_ratio = ratio(y, exponential<kExp>(y));
            z_ratio = ratio(z, exponential<kExp>(z));
        }
        const float alpha_m = 1.28f * ratio(x, exponential<kExp>(x)), beta_m = 1.4f * y_ratio;
        const float alpha_h = 0.128f * exponential<kExp>((17.0f - u) * (1.0f / 18.0f));
        const float beta_h = 4.0f / (1.0f + exp_minus_y);
        const float alpha_n = 0.16f * z_ratio, beta_n = 0.5f * exponential<kExp>((10.0f - u) * (1.0f / 40.0f));

        const float na = kGNa * m[i] * m[i] * m[i] * h[i], k = kGK * (n[i] * n[i]) * (n[i] * n[i]);
        const float total = kGL + na + k + g_e[i] + g_i[i];
        const float v_inf = (kGL * kEL + na * kENa + k * kEK + g_e[i] * kRevE + g_i[i] * kRevI) / total;
        const float next = v_inf + (old - v_inf) * exponential<kExp>(-total * (kDt / kC));
        m[i] = gate<kExp>(m[i], alpha_m, beta_m);
        h[i] = gate<kExp>(h[i], alpha_h, beta_h);
        n[i] = gate<kExp>(n[i], alpha_n, beta_n);
        v[i] = next;
        spike[i] = (old < kCrossing) & (next >= kCrossing);
        g_e[i] *= decay_e;
        g_i[i] *= decay_i;
    }
}

using Update = void (*)(Cells&, float, float);

struct Setting {
    ref::Buffer<float> v0, g_e0, g_i0;
    float w_e, w_i;
};

// One run. With statistics each phase is timed by itself and spikes are recorded; without, nothing but the model runs.
template <bool kObserved>
long run(const ref::Network& net, const Setting& set, int steps, Update advance, double* seconds, ref::Statistics* stats,
         ref::Phases* phases) {
    const float decay_e = static_cast<float>(std::exp(-double(kDt) / kTauE));
    const float decay_i = static_cast<float>(std::exp(-double(kDt) / kTauI));
    Cells c(set.v0, set.g_e0, set.g_i0, decay_e, decay_i);
    long spikes = 0;
    const double start = ref::now();
    for (int step = 0; step < steps; step++) {
        const double t0 = kObserved ? ref::now() : 0;
        ref::deliver(net, c.list.data(), c.count, c.g_e.data(), c.g_i.data(), set.w_e, set.w_i);
        const double t1 = kObserved ? ref::now() : 0;
        advance(c, decay_e, decay_i);
        const double t2 = kObserved ? ref::now() : 0;
        c.count = ref::compact_bytes(c.spike.data(), c.n, c.list.data());
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

double plain_ratio(double x) { return std::fabs(x) < 1e-9 ? 1.0 : x / std::expm1(x); }

// The model once more, plainly and in double precision: what the fast loop is checked against.
std::vector<int> plain_counts(const ref::Network& net, const Setting& set, int steps) {
    const int n = net.n;
    std::vector<double> v(set.v0.data(), set.v0.data() + n), g_e(set.g_e0.data(), set.g_e0.data() + n);
    std::vector<double> g_i(set.g_i0.data(), set.g_i0.data() + n), m(n, 0.0), h(n, 0.0), k(n, 0.0);
    std::vector<int> counts(n, 0), fired;
    const auto gate_step = [](double& x, double alpha, double beta) {
        x = alpha / (alpha + beta) + (x - alpha / (alpha + beta)) * std::exp(-0.1 * (alpha + beta));
    };
    for (int step = 0; step < steps; step++) {
        for (int i = 0; i < n; i++) {
            g_e[i] *= std::exp(-0.1 / 5.0);
            g_i[i] *= std::exp(-0.1 / 10.0);
        }
        for (int source : fired)
            for (int j = net.indptr[source]; j < net.indptr[source + 1]; j++)
                (source < net.n_exc ? g_e : g_i)[net.indices[j]] += source < net.n_exc ? set.w_e : set.w_i;
        fired.clear();
        for (int i = 0; i < n; i++) {
            const double old = v[i], u = old + 63.0;
            const double na = 20000.0 * m[i] * m[i] * m[i] * h[i], kal = 6000.0 * std::pow(k[i], 4.0);
            const double total = 10.0 + na + kal + g_e[i] + g_i[i];
            const double v_inf = (10.0 * -60.0 + na * 50.0 + kal * -90.0 + g_i[i] * -80.0) / total;
            v[i] = v_inf + (old - v_inf) * std::exp(-total * 0.1 / 200.0);
            gate_step(m[i], 0.32 * 4.0 * plain_ratio((13.0 - u) / 4.0), 0.28 * 5.0 * plain_ratio((u - 40.0) / 5.0));
            gate_step(h[i], 0.128 * std::exp((17.0 - u) / 18.0), 4.0 / (1.0 + std::exp((40.0 - u) / 5.0)));
            gate_step(k[i], 0.032 * 5.0 * plain_ratio((15.0 - u) / 5.0), 0.5 * std::exp((10.0 - u) / 40.0));
            if (old < -20.0 && v[i] >= -20.0) {
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
    defaults.insert({{"exp", "shared"}, {"ge0", ""}, {"gi0", ""}});
    const ref::Options options(argc, argv, defaults);
    const int steps = static_cast<int>(options.integer("steps")), repeats = static_cast<int>(options.integer("repeats"));
    const std::string exp_name = options.choice("exp", {"library", "inline", "shared"});
    if (steps < 1 || repeats < 0) ref::fail("--steps must be at least 1 and --repeats at least 0");
    const Update advance = exp_name == "library"  ? update<Exp::kLibrary>
                           : exp_name == "inline" ? update<Exp::kInline>
                                                  : update<Exp::kShared>;

    ref::Random random(options.integer("seed"));
    const ref::Network net = ref::network_from(options, random);
    const float divisor = ref::weight_divisor(options, net);
    const Setting set{ref::normals(options, "v0", net.n, random, -65.0, 5.0),
                      ref::normals(options, "ge0", net.n, random, 40.0, 15.0, 0.0),
                      ref::normals(options, "gi0", net.n, random, 200.0, 120.0, 0.0), 6.0f / divisor, 67.0f / divisor};
    if (options.given("dump")) {
        ref::write_binary(options.text("dump") + "/indptr.bin", net.indptr.data(), net.indptr.size());
        ref::write_binary(options.text("dump") + "/indices.bin", net.indices.data(), net.indices.size());
        ref::write_binary(options.text("dump") + "/v0.bin", set.v0.data(), set.v0.size());
        ref::write_binary(options.text("dump") + "/ge0.bin", set.g_e0.data(), set.g_e0.size());
        ref::write_binary(options.text("dump") + "/gi0.bin", set.g_i0.data(), set.g_i0.size());
    }

    ref::Statistics stats(net.n, options.given("raster"));
    ref::Report report{"coba_hh", "exponential_euler", "exp_" + exp_name, options.text("conn"), &net, &stats, steps};
    run<true>(net, set, steps, advance, nullptr, &stats, &report.phases);
    for (int r = 0; r < repeats; r++) {
        double seconds = 0;
        report.spikes.push_back(run<false>(net, set, steps, advance, &seconds, nullptr, nullptr));
        report.seconds.push_back(seconds);
    }

    report.window = std::min(steps, 100);
    ref::Statistics first(net.n, false);
    ref::Phases unused;
    run<true>(net, set, report.window, advance, nullptr, &first, &unused);
    report.compare(first.counts, plain_counts(net, set, report.window));
    ref::print(report);
    if (options.given("counts")) ref::write_binary(options.text("counts"), stats.counts.data(), stats.counts.size());
    if (options.given("raster")) ref::write_binary(options.text("raster"), stats.raster.data(), stats.raster.size());
    return 0;
}
