// Drives a verilated streaming design from beats in memory: one call, millions
// of cycles. Compiled together with the model into one shared library.
//
// Little-endian hosts only: Verilator keeps a port of any width as little-endian
// words, so that the beat's bytes can be copied in and out as they are.

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "Vtop.h"
#include "hwc_config.h"  // HWC_IN_BYTES, HWC_OUT_BYTES, HWC_TAP_LIST(X): X(number, bytes)
#include "verilated.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "ports are copied bytewise");

namespace {

// Where the model's $readmemh files are. The process's own working directory
// must not be changed: it belongs to the whole Python process.
thread_local std::string memory_folder;
thread_local std::string missing_file;

enum Status { kDone = 0, kDeadlock = 1, kProtocol = 2, kFatal = 3 };

constexpr int kResetCycles = 8;
// Cycles to watch for output that nobody asked for.
constexpr int kSurplusCycles = 256;

class Random {
public:
    explicit Random(uint64_t seed) : state_{seed * 2654435769u + 0x9E3779B97F4A7C15u} {}
    bool hit(uint32_t permille) {
        if (permille == 0) return false;
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return ((state_ * 0x2545F4914F6CDD1Du) >> 33) % 1000 < permille;
    }

private:
    uint64_t state_;
};

template <typename Port>
void put(Port& port, const uint8_t* bytes, size_t count) {
    static_assert(sizeof(Port) >= HWC_IN_BYTES, "s_axis_tdata is narrower than a beat");
    std::memcpy(&port, bytes, count);
}

}  // namespace

extern "C" {

// Filled in by both sides; mirrored by ctypes in verilated.py.
struct HwcJob {
    // What to do.
    const uint8_t* input;         // input_beats * HWC_IN_BYTES
    uint64_t input_beats;
    uint8_t* output;              // output_beats * HWC_OUT_BYTES, for the whole run
    uint64_t output_beats;        // of the whole run, over all calls
    uint64_t output_frame_beats;  // tlast is due on every such beat
    uint64_t* frame_end;          // cycle of each frame's last output beat
    uint64_t watchdog;            // cycles without any transfer that mean a deadlock
    uint32_t input_permille;      // chance of a pause before an input beat is offered
    uint32_t output_permille;     // chance of not being ready in a cycle
    uint32_t last;                // drain: run until output_beats have come
    // What came of it, over all calls.
    uint32_t reserved;
    uint64_t cycles;
    uint64_t inputs_done;
    uint64_t outputs_done;
    uint64_t first_input_cycle;
    uint64_t first_output_cycle;
};

FILE* __real_fopen(const char* name, const char* mode);

// The library is linked with --wrap=fopen: a relative name means the design's folder.
FILE* __wrap_fopen(const char* name, const char* mode) {
    if (name[0] == '/' || memory_folder.empty()) return __real_fopen(name, mode);
    const std::string path = memory_folder + "/" + name;
    FILE* const file = __real_fopen(path.c_str(), mode);
    // Verilator only warns, and the memory would be left with random content.
    if (!file) missing_file = path;
    return file;
}

}  // extern "C"

// The model must not end the Python process (Verilator's own functions call exit).
void vl_fatal(const char* file, int line, const char*, const char* message) {
    throw std::runtime_error(std::string{file} + ":" + std::to_string(line) + ": " + message);
}
void vl_stop(const char* file, int line, const char*) {
    throw std::runtime_error(std::string{file} + ":" + std::to_string(line) + ": $stop");
}
void vl_finish(const char* file, int line, const char*) {
    throw std::runtime_error(std::string{file} + ":" + std::to_string(line) + ": $finish");
}

namespace {

struct Model {
    std::string folder;
    std::string error;
    VerilatedContext context;
    std::unique_ptr<Vtop> top;
    Random input_random;
    Random output_random;
    bool offering = false;
    bool held = false;  // last cycle: valid and not ready
    uint8_t held_beat[HWC_OUT_BYTES];
    bool held_last = false;
    uint64_t idle = 0;
    uint64_t output_beat_in_frame = 0;
    std::vector<std::vector<uint8_t>> taps{HWC_TAP_COUNT};
    std::vector<uint64_t> tap_moved = std::vector<uint64_t>(HWC_TAP_COUNT);

    Model(const char* design_folder, uint32_t seed)
        : folder{design_folder}, input_random{seed * 2ull + 1}, output_random{seed * 2ull + 2} {
        // Registers without reset and memories without content start random:
        // a design that depends on them gives wrong answers here, not on the board.
        context.randReset(2);
        context.randSeed(static_cast<int>(seed & 0x3fffffff) + 1);
        memory_folder = folder;
        missing_file.clear();
        top.reset(new Vtop{&context, "top"});
        top->aclk = 0;
        top->aresetn = 0;
        top->s_axis_tvalid = 0;
        top->m_axis_tready = 0;
        std::memset(&top->s_axis_tdata, 0, sizeof(top->s_axis_tdata));
        for (int i = 0; i < kResetCycles; ++i) {
            top->eval();
            top->aclk = 1;
            top->eval();
            top->aclk = 0;
        }
        memory_folder.clear();
        if (!missing_file.empty()) {
            throw std::runtime_error("memory file not found: " + missing_file);
        }
        top->aresetn = 1;
    }

    // One clock cycle. Returns kDone, or kProtocol with `error` set.
    int cycle(HwcJob& job, uint64_t& position) {
        if (!offering && position < job.input_beats && !input_random.hit(job.input_permille)) {
            offering = true;
            put(top->s_axis_tdata, job.input + position * HWC_IN_BYTES, HWC_IN_BYTES);
        }
        const bool ready = !output_random.hit(job.output_permille);
        top->s_axis_tvalid = offering;
        top->m_axis_tready = ready;
        top->aclk = 0;
        top->eval();
        // Everything is sampled just before the rising edge.
        const bool taken = offering && top->s_axis_tready;
        const bool valid = top->m_axis_tvalid;
        const bool last = top->m_axis_tlast;
        const uint8_t* const beat = reinterpret_cast<const uint8_t*>(&top->m_axis_tdata);
        if (held) {
            if (!valid) return fail("m_axis_tvalid was withdrawn before the beat was taken");
            if (std::memcmp(beat, held_beat, HWC_OUT_BYTES) != 0)
                return fail("m_axis_tdata changed while waiting for m_axis_tready");
            if (last != held_last)
                return fail("m_axis_tlast changed while waiting for m_axis_tready");
        }
        held = valid && !ready;
        if (held) {
            std::memcpy(held_beat, beat, HWC_OUT_BYTES);
            held_last = last;
        }
        if (valid && ready) {
            if (job.outputs_done == job.output_beats)
                return fail("more output beats than the frames have");
            const bool due = output_beat_in_frame + 1 == job.output_frame_beats;
            if (last != due)
                return fail(due ? "m_axis_tlast is missing on the last beat of a frame"
                                : "m_axis_tlast in the middle of a frame");
            std::memcpy(job.output + job.outputs_done * HWC_OUT_BYTES, beat, HWC_OUT_BYTES);
            if (job.outputs_done == 0) job.first_output_cycle = job.cycles;
            if (due) job.frame_end[job.outputs_done / job.output_frame_beats] = job.cycles;
            output_beat_in_frame = due ? 0 : output_beat_in_frame + 1;
            ++job.outputs_done;
        }
#define HWC_SAMPLE_TAP(number, bytes)                                                     \
    if (top->tap_##number##_fire) {                                                       \
        const auto* const data = reinterpret_cast<const uint8_t*>(&top->tap_##number##_data); \
        static_assert(sizeof(top->tap_##number##_data) >= bytes, "tap is narrower than a beat"); \
        taps[number].insert(taps[number].end(), data, data + bytes);                      \
        tap_moved[number] = job.cycles + 1;                                               \
    }
        HWC_TAP_LIST(HWC_SAMPLE_TAP)
#undef HWC_SAMPLE_TAP
        if (taken) {
            if (job.inputs_done == 0) job.first_input_cycle = job.cycles;
            offering = false;
            ++position;
            ++job.inputs_done;
        }
        idle = taken || (valid && ready) ? 0 : idle + 1;
        top->aclk = 1;
        top->eval();
        ++job.cycles;
        return kDone;
    }

    int run(HwcJob& job) {
        uint64_t position = 0;
        while (position < job.input_beats || (job.last && job.outputs_done < job.output_beats)) {
            if (const int status = cycle(job, position)) return status;
            if (idle > job.watchdog) return kDeadlock;
        }
        if (job.last) {
            const uint64_t cycles = job.cycles;
            for (int i = 0; i < kSurplusCycles; ++i) {
                if (const int status = cycle(job, position)) return status;
            }
            job.cycles = cycles;
        }
        return kDone;
    }

    int fail(const char* message) {
        error = message;
        return kProtocol;
    }
};

}  // namespace

extern "C" {

// A model after reset, or null with a message in `error`.
void* hwc_create(const char* folder, uint32_t seed, char* error, size_t size) {
    try {
        return new Model{folder, seed};
    } catch (const std::exception& problem) {
        std::snprintf(error, size, "%s", problem.what());
        return nullptr;
    }
}

void hwc_destroy(void* model) { delete static_cast<Model*>(model); }

int hwc_run(void* handle, HwcJob* job) {
    Model& model = *static_cast<Model*>(handle);
    try {
        return model.run(*job);
    } catch (const std::exception& problem) {
        model.error = problem.what();
        return kFatal;
    }
}

const char* hwc_error(void* handle) { return static_cast<Model*>(handle)->error.c_str(); }

uint64_t hwc_tap(void* handle, uint32_t number, const uint8_t** data) {
    const auto& tap = static_cast<Model*>(handle)->taps.at(number);
    *data = tap.data();
    return tap.size();
}

// One more than the cycle in which a tap last saw a beat; 0: it never did.
uint64_t hwc_tap_moved(void* handle, uint32_t number) {
    return static_cast<Model*>(handle)->tap_moved.at(number);
}

}  // extern "C"
