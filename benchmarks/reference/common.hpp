// Shared parts of the hand-written reference loops: aligned memory, random numbers, CSR networks, event delivery,
// spike statistics, command line and JSON. One thread, float32.
#pragma once
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace ref {

[[noreturn]] inline void fail(const std::string& message) {
    std::fprintf(stderr, "error: %s\n", message.c_str());
    std::exit(2);
}

inline double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// ---------------------------------------------------------------------------------------------------- memory
// Zero-filled, 2 MiB aligned and advised to huge pages: rows are read at random, and on 4 KiB pages a large table costs
// a TLB miss per row (2 to 10 % of the step at 100k neurons, in single runs).
template <class T>
class Buffer {
public:
    explicit Buffer(size_t count = 0) : count_(count) {
        const size_t page = size_t{2} << 20;
        const size_t bytes = std::max(page, (count * sizeof(T) + 64 + page - 1) & ~(page - 1));
        data_ = static_cast<T*>(std::aligned_alloc(page, bytes));
        if (!data_) fail("out of memory");
        madvise(data_, bytes, MADV_HUGEPAGE);
        std::memset(static_cast<void*>(data_), 0, bytes);
    }
    Buffer(Buffer&& o) noexcept : data_(o.data_), count_(o.count_) { o.data_ = nullptr; o.count_ = 0; }
    Buffer& operator=(Buffer&& o) noexcept { std::swap(data_, o.data_); std::swap(count_, o.count_); return *this; }
    Buffer(const Buffer&) = delete;
    ~Buffer() { std::free(data_); }
    T* data() { return data_; }
    const T* data() const { return data_; }
    size_t size() const { return count_; }
    T& operator[](size_t i) { return data_[i]; }
    const T& operator[](size_t i) const { return data_[i]; }

private:
    T* data_;
    size_t count_;
};

template <class T>
Buffer<T> read_binary(const std::string& path, long expected = -1) {
    FILE* file = std::fopen(path.c_str(), "rb");
    if (!file) fail("cannot open " + path);
    std::fseek(file, 0, SEEK_END);
    const long count = std::ftell(file) / static_cast<long>(sizeof(T));
    std::rewind(file);
    if (expected >= 0 && count != expected)
        fail(path + " holds " + std::to_string(count) + " values, not " + std::to_string(expected));
    Buffer<T> out(count);
    if (std::fread(out.data(), sizeof(T), count, file) != static_cast<size_t>(count)) fail("cannot read " + path);
    std::fclose(file);
    return out;
}

template <class T>
void write_binary(const std::string& path, const T* data, size_t count) {
    FILE* file = std::fopen(path.c_str(), "wb");
    if (!file || std::fwrite(data, sizeof(T), count, file) != count) fail("cannot write " + path);
    std::fclose(file);
}

// ---------------------------------------------------------------------------------------------------- random numbers
// SplitMix64: enough for drawing a network, and the same on every machine.
class Random {
public:
    explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ULL + 0x1234567ULL) {}
    uint64_t bits() {
        uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
        return z ^ (z >> 31);
    }
    double uniform() { return ((bits() >> 11) + 0.5) * 0x1.0p-53; }
    uint32_t below(uint32_t n) { return static_cast<uint32_t>(((bits() >> 32) * n) >> 32); }
    double normal() { return std::sqrt(-2.0 * std::log(uniform())) * std::cos(6.283185307179586 * uniform()); }

private:
    uint64_t state_;
};

// ---------------------------------------------------------------------------------------------------- network
struct Network {
    int n = 0;
    int n_exc = 0;  // sources 0 .. n_exc - 1 are excitatory
    Buffer<int32_t> indptr, indices;
    size_t synapses() const { return indices.size(); }
};

inline Network fixed_out_degree(int n, int n_exc, int degree, Random& random) {
    Network net{n, n_exc, Buffer<int32_t>(n + 1), Buffer<int32_t>(size_t(n) * degree)};
    for (int i = 0; i <= n; i++) net.indptr[i] = i * degree;
    for (size_t k = 0; k < net.indices.size(); k++) net.indices[k] = random.below(n);
    return net;
}

// Every ordered pair with probability p, by geometric skips over the n * n table.
inline Network bernoulli(int n, int n_exc, double p, Random& random) {
    std::vector<int32_t> targets, starts(n + 1, 0);
    targets.reserve(static_cast<size_t>(1.01 * p * n * n) + 1000);
    const double scale = 1.0 / std::log1p(-p);
    for (int64_t cell = -1, total = int64_t(n) * n;;) {
        cell += 1 + static_cast<int64_t>(std::log(random.uniform()) * scale);
        if (cell >= total) break;
        starts[cell / n + 1]++;
        targets.push_back(static_cast<int32_t>(cell % n));
    }
    Network net{n, n_exc, Buffer<int32_t>(n + 1), Buffer<int32_t>(targets.size())};
    for (int i = 0; i < n; i++) net.indptr[i + 1] = net.indptr[i] + starts[i + 1];
    std::copy(targets.begin(), targets.end(), net.indices.data());
    return net;
}

// ---------------------------------------------------------------------------------------------------- events
// Rows ahead to prefetch. 3 to 8 measure alike on rows of 80; longer rows are streamed by the hardware once begun.
constexpr int kPrefetchRows = 4;
constexpr int kPrefetchLines = 8;

inline void deliver_rows(const Network& net, const int32_t* list, int begin, int end, int count, float* __restrict g,
                         float weight) {
    const int32_t* indptr = net.indptr.data();
    const int32_t* indices = net.indices.data();
    for (int j = begin; j < end; j++) {
        if (j + kPrefetchRows < count) {
            const int row = list[j + kPrefetchRows];
            const char* p = reinterpret_cast<const char*>(indices + indptr[row]);
            const int bytes = 4 * (indptr[row + 1] - indptr[row]);
            for (int line = 0; line < kPrefetchLines && 64 * line < bytes; line++) __builtin_prefetch(p + 64 * line);
        }
        const int row = list[j];
        for (int32_t k = indptr[row]; k < indptr[row + 1]; k++) g[indices[k]] += weight;
    }
}

// `list` is ascending, so the excitatory sources come first.
inline void deliver(const Network& net, const int32_t* list, int count, float* g_e, float* g_i, float w_e, float w_i) {
    const int split = static_cast<int>(std::lower_bound(list, list + count, net.n_exc) - list);
    deliver_rows(net, list, 0, split, count, g_e, w_e);
    deliver_rows(net, list, split, count, count, g_i, w_i);
}

// Bytes (0 or 1, padded with zeros to a multiple of 64) to the ascending list of their positions. Most cache lines hold no
// spike: one test a line, then one a word.
inline int compact_bytes(const uint8_t* spikes, int n, int32_t* list) {
    int count = 0;
    for (int i = 0; i < n; i += 64) {
        uint64_t words[8];
        std::memcpy(words, spikes + i, 64);
        uint64_t any = 0;
        for (int w = 0; w < 8; w++) any |= words[w];
        if (!any) continue;
        for (int w = 0; w < 8; w++)
            for (uint64_t word = words[w]; word; word &= word - 1)
                list[count++] = i + 8 * w + (__builtin_ctzll(word) >> 3);
    }
    return count;
}

// ---------------------------------------------------------------------------------------------------- statistics
struct Statistics {
    std::vector<int32_t> counts, last, raster;
    std::vector<double> isi_sum, isi_square;
    double synaptic_events = 0;
    bool keep_raster;
    Statistics(int n, bool raster_wanted)
        : counts(n, 0), last(n, -1), isi_sum(n, 0), isi_square(n, 0), keep_raster(raster_wanted) {}

    void add(int step, const int32_t* list, int count, const Network& net) {
        for (int j = 0; j < count; j++) {
            const int i = list[j];
            if (counts[i]++) {
                const double isi = step - last[i];
                isi_sum[i] += isi;
                isi_square[i] += isi * isi;
            }
            last[i] = step;
            synaptic_events += net.indptr[i + 1] - net.indptr[i];
            if (keep_raster) raster.insert(raster.end(), {step, i});
        }
    }
    // Mean over the neurons with at least three intervals; -1 when there is none.
    double cv_isi() const {
        double sum = 0;
        int used = 0;
        for (size_t i = 0; i < counts.size(); i++) {
            if (counts[i] < 4) continue;
            const double intervals = counts[i] - 1, mean = isi_sum[i] / intervals;
            sum += std::sqrt(std::max(0.0, isi_square[i] / intervals - mean * mean)) / mean;
            used++;
        }
        return used ? sum / used : -1;
    }
    long spikes(int begin, int end) const {
        long total = 0;
        for (int i = begin; i < end; i++) total += counts[i];
        return total;
    }
};

struct Phases {
    double events = 0, neurons = 0, list = 0;
};

// ---------------------------------------------------------------------------------------------------- command line
class Options {
public:
    Options(int argc, char** argv, std::map<std::string, std::string> defaults) : values_(std::move(defaults)) {
        for (int i = 1; i < argc; i++) {
            const std::string name = argv[i];
            if (name.rfind("--", 0) != 0 || !values_.count(name.substr(2)) || i + 1 >= argc)
                fail("unknown or incomplete option " + name);
            values_[name.substr(2)] = argv[++i];
        }
    }
    const std::string& text(const std::string& name) const { return values_.at(name); }
    long integer(const std::string& name) const { return std::strtol(text(name).c_str(), nullptr, 10); }
    bool given(const std::string& name) const { return !text(name).empty(); }
    const std::string& choice(const std::string& name, std::vector<std::string> allowed) const {
        const std::string& value = text(name);
        if (std::find(allowed.begin(), allowed.end(), value) == allowed.end())
            fail("--" + name + " does not accept " + value);
        return value;
    }

private:
    std::map<std::string, std::string> values_;
};

inline std::map<std::string, std::string> common_defaults() {
    return {{"scale", "1"},  {"steps", "5000"}, {"repeats", "5"},  {"seed", "0"},   {"conn", "fixed80"}, {"indptr", ""},
            {"indices", ""}, {"v0", ""},        {"counts", ""},    {"raster", ""},  {"dump", ""}};
}

inline Network network_from(const Options& options, Random& random) {
    if (options.given("indptr") != options.given("indices")) fail("--indptr and --indices go together");
    const std::string& conn = options.choice("conn", {"fixed80", "p02", "file"});
    if (options.given("indptr")) {
        Network net{0, 0, read_binary<int32_t>(options.text("indptr")), read_binary<int32_t>(options.text("indices"))};
        net.n = static_cast<int>(net.indptr.size()) - 1;
        net.n_exc = static_cast<int>(int64_t(net.n) * 4 / 5);
        if (net.n < 1 || net.indptr[0] != 0 || size_t(net.indptr[net.n]) != net.indices.size())
            fail("--indptr does not describe --indices");
        for (int i = 0; i < net.n; i++)
            if (net.indptr[i + 1] < net.indptr[i]) fail("--indptr descends");
        for (size_t k = 0; k < net.indices.size(); k++)
            if (net.indices[k] < 0 || net.indices[k] >= net.n) fail("--indices out of range");
        return net;
    }
    if (conn == "file") fail("--conn file needs --indptr and --indices");
    const int scale = static_cast<int>(options.integer("scale"));
    if (scale < 1) fail("--scale must be at least 1");
    return conn == "fixed80" ? fixed_out_degree(4000 * scale, 3200 * scale, 80, random)
                             : bernoulli(4000 * scale, 3200 * scale, 0.02, random);
}

// The weights of `p02` are divided by the scale, those of `fixed80` are not; a network from files takes the rule of --conn.
inline float weight_divisor(const Options& options, const Network& net) {
    return options.text("conn") == "p02" ? static_cast<float>(net.n) / 4000.0f : 1.0f;
}

inline Buffer<float> normals(const Options& options, const char* file_option, int n, Random& random, double mean,
                             double deviation, double low = -1e30) {
    if (options.given(file_option)) return read_binary<float>(options.text(file_option), n);
    Buffer<float> out(n);
    for (int i = 0; i < n; i++) out[i] = static_cast<float>(std::max(low, mean + deviation * random.normal()));
    return out;
}

// ---------------------------------------------------------------------------------------------------- result
constexpr double kDtMs = 0.1;

struct Report {
    std::string model, method, kernel, connectivity;
    const Network* net = nullptr;
    const Statistics* stats = nullptr;
    int steps = 0;
    Phases phases{};
    std::vector<double> seconds{};
    std::vector<long> spikes{};  // of every timed repeat
    int window = 0;              // steps compared with the plain double-precision loop
    long window_spikes = 0, plain_spikes = 0;
    int mismatched = 0;

    void compare(const std::vector<int32_t>& counts, const std::vector<int>& plain) {
        for (size_t i = 0; i < counts.size(); i++) {
            window_spikes += counts[i];
            plain_spikes += plain[i];
            mismatched += counts[i] != plain[i];
        }
    }
};

inline void print(Report r) {
    const Network& net = *r.net;
    const Statistics& s = *r.stats;
    std::vector<int> in_degree(net.n, 0);
    for (size_t k = 0; k < net.synapses(); k++) in_degree[net.indices[k]]++;
    const auto [low, high] = std::minmax_element(in_degree.begin(), in_degree.end());
    const long total = s.spikes(0, net.n);
    const bool same = std::all_of(r.spikes.begin(), r.spikes.end(), [&](long x) { return x == total; });
    std::sort(r.seconds.begin(), r.seconds.end());
    const size_t m = r.seconds.size();
    const double median = m ? 0.5 * (r.seconds[m / 2] + r.seconds[(m - 1) / 2]) : 0, us = 1e6 / r.steps;
    const double biology = r.steps * kDtMs * 1e-3;
    std::printf("{\"simulator\": \"c++\", \"model\": \"%s\", \"method\": \"%s\", \"kernel\": \"%s\", \"connectivity\": \"%s\", ",
                r.model.c_str(), r.method.c_str(), r.kernel.c_str(), r.connectivity.c_str());
    std::printf("\"neurons\": %d, \"synapses\": %zu, \"steps\": %d, \"dt_ms\": %g, \"repeats\": %zu, ", net.n, net.synapses(),
                r.steps, kDtMs, m);
    std::printf("\"us_per_step\": %.4f, \"us_per_step_min\": %.4f, ", median * us, (m ? r.seconds[0] : 0) * us);
    std::printf("\"phases_us\": {\"events\": %.4f, \"neurons\": %.4f, \"list\": %.4f}, ", r.phases.events * us,
                r.phases.neurons * us, r.phases.list * us);
    std::printf("\"rate_hz\": %.4f, \"rate_exc_hz\": %.4f, \"rate_inh_hz\": %.4f, ", total / biology / net.n,
                s.spikes(0, net.n_exc) / biology / std::max(1, net.n_exc),
                s.spikes(net.n_exc, net.n) / biology / std::max(1, net.n - net.n_exc));
    std::printf("\"spikes\": %ld, \"synaptic_events\": %.0f, \"cv_isi\": %.4f, ", total, s.synaptic_events, s.cv_isi());
    std::printf("\"in_degree\": {\"mean\": %.3f, \"min\": %d, \"max\": %d}, ", double(net.synapses()) / net.n, *low, *high);
    std::printf("\"checks\": {\"repeats_identical\": %s, \"window_steps\": %d, \"window_spikes\": %ld, "
                "\"plain_float64_spikes\": %ld, \"mismatched_neurons\": %d}}\n",
                same ? "true" : "false", r.window, r.window_spikes, r.plain_spikes, r.mismatched);
}

}  // namespace ref
