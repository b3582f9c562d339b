// Drives a verilated streaming design from beats in memory: one call, millions
// of cycles. Compiled together with the model into one shared library.
//
// Every port has a state of its own and pauses of its own; nothing couples the
// streams but the design.
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
// HWC_INPUT_LIST(X), HWC_OUTPUT_LIST(X), HWC_TAP_LIST(X): X(name, bytes, beats per frame)
#include "hwc_config.h"
#include "verilated.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "ports are copied bytewise");

namespace {

// Where the model's $readmemh files are. The process's own working directory
// must not be changed: it belongs to the whole Python process.
thread_local std::string memory_folder;
thread_local std::string missing_file;

enum Status { kDone = 0, kDeadlock = 1, kProtocol = 2, kFatal = 3, kRefill = 4 };
enum Record { kTapValues = 1, kTapCycles = 2 };

constexpr int kResetCycles = 8;
// Cycles to watch for output that nobody asked for.
constexpr int kSurplusCycles = 256;

// Pauses of one port: in a cycle without one, one begins with a chance in a
// thousand; it lasts 1 to 2 * burst - 1 cycles.
class Pauses {
public:
    explicit Pauses(uint64_t seed) : state_{seed * 2654435769u + 0x9E3779B97F4A7C15u} {}
    bool operator()(uint32_t permille, uint32_t burst) {
        if (left_ > 0) {
            --left_;
            return true;
        }
        if (permille == 0 || draw() % 1000 >= permille) return false;
        if (burst > 1) left_ = draw() % (2 * burst - 1);
        return true;
    }

private:
    uint64_t draw() {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return (state_ * 0x2545F4914F6CDD1Du) >> 33;
    }
    uint64_t state_;
    uint64_t left_ = 0;
};

}  // namespace

extern "C" {

// Filled in by both sides; mirrored by ctypes in _driver.py.
struct HwcInput {
    const uint8_t* data;  // beats * bytes of the port
    uint64_t beats;       // of this call
    uint64_t position;    // beats of this call that were taken
    uint64_t done;        // beats taken over all calls
    uint64_t* first;      // cycle of each frame's first beat
    uint64_t* last;       // cycle of each frame's last beat
    uint32_t permille;    // chance of a pause before a beat is offered
    uint32_t final;       // nothing comes after this call's beats
    const uint8_t* pattern;  // instead of pauses: 1 in cycles in which a beat may be offered
    uint64_t period;         // cycles after which the pattern repeats; 0: there is none
};

struct HwcOutput {
    uint8_t* data;   // of the whole run
    uint64_t beats;  // of the whole run
    uint64_t done;
    uint64_t* first;
    uint64_t* last;
    uint32_t permille;  // chance of not being ready
    uint32_t reserved;
    const uint8_t* pattern;  // instead of pauses: 1 in cycles that are ready
    uint64_t period;         // as for an input
};

struct HwcJob {
    HwcInput* inputs;
    HwcOutput* outputs;
    uint64_t watchdog;  // cycles without any transfer that mean a deadlock
    uint64_t cycles;    // until the last output beat, over all calls
    uint32_t burst;     // see Pauses
    uint32_t record;    // of taps, see Record
};

struct HwcTap {
    const uint8_t* data;
    uint64_t bytes;
    uint64_t beats;
    uint64_t moved;  // one more than the cycle of its last beat; 0: it never had one
    const uint64_t* cycles;  // of every beat, or of each frame's first and last one
    uint64_t cycle_count;
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

struct InputPort {
    uint8_t* data;
    CData* valid;
    const CData* ready;
    size_t bytes;
    uint64_t frame_beats;
    Pauses pauses;
    bool offering = false;
};

struct OutputPort {
    const char* name;
    const uint8_t* data;
    const CData* valid;
    const CData* last;
    CData* ready;
    size_t bytes;
    uint64_t frame_beats;
    Pauses pauses;
    uint64_t beat = 0;  // in the frame
    bool held = false;  // last cycle: valid and not ready
    bool held_last = false;
    std::vector<uint8_t> held_beat = std::vector<uint8_t>(bytes);
};

struct TapPort {
    const uint8_t* data;
    const CData* fire;
    size_t bytes;
    uint64_t frame_beats;
    uint64_t beat = 0;  // in the frame
    uint64_t beats = 0;
    uint64_t moved = 0;
    std::vector<uint8_t> values{};
    std::vector<uint64_t> cycles{};
};

struct Model {
    std::string folder;
    std::string error;
    VerilatedContext context;
    std::unique_ptr<Vtop> top;
    std::vector<InputPort> inputs;
    std::vector<OutputPort> outputs;
    std::vector<TapPort> taps;
    uint64_t idle = 0;

    Model(const char* design_folder, uint32_t seed) : folder{design_folder} {
        // Registers without reset and memories without content start random:
        // a design that depends on them gives wrong answers here, not on the board.
        context.randReset(2);
        context.randSeed(static_cast<int>(seed & 0x3fffffff) + 1);
        memory_folder = folder;
        missing_file.clear();
        top.reset(new Vtop{&context, "top"});
        bind(seed);
        top->aclk = 0;
        top->aresetn = 0;
        for (InputPort& port : inputs) {
            *port.valid = 0;
            std::memset(port.data, 0, port.bytes);
        }
        for (OutputPort& port : outputs) *port.ready = 0;
#define HWC_IDLE(signal) top->signal = 0;
        HWC_IDLE_LIST(HWC_IDLE)
#undef HWC_IDLE
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

    void bind(uint64_t seed) {
        uint64_t number = 2 * seed;
#define HWC_BYTES(signal) reinterpret_cast<uint8_t*>(&top->signal)
#define HWC_BIND(name, count, frame)                                                       \
    static_assert(sizeof(top->name##_tdata) >= count, #name "_tdata is narrower than a beat"); \
    inputs.push_back({HWC_BYTES(name##_tdata), &top->name##_tvalid, &top->name##_tready,   \
                      count, frame, Pauses{++number}});
        HWC_INPUT_LIST(HWC_BIND)
#undef HWC_BIND
#define HWC_BIND(name, count, frame)                                                       \
    static_assert(sizeof(top->name##_tdata) >= count, #name "_tdata is narrower than a beat"); \
    outputs.push_back({#name, HWC_BYTES(name##_tdata), &top->name##_tvalid,                \
                       &top->name##_tlast, &top->name##_tready, count, frame, Pauses{++number}});
        HWC_OUTPUT_LIST(HWC_BIND)
#undef HWC_BIND
#define HWC_BIND(name, count, frame)                                                       \
    static_assert(sizeof(top->name##_data) >= count, #name "_data is narrower than a beat"); \
    taps.push_back({HWC_BYTES(name##_data), &top->name##_fire, count, frame});
        HWC_TAP_LIST(HWC_BIND)
#undef HWC_BIND
#undef HWC_BYTES
    }

    template <typename Port>
    static bool paused(Pauses& pauses, const Port& port, const HwcJob& job) {
        if (port.period > 0) return port.pattern[job.cycles % port.period] == 0;
        return pauses(port.permille, job.burst);
    }

    // One clock cycle. Returns kDone, or kProtocol with `error` set.
    int cycle(HwcJob& job) {
        for (size_t i = 0; i < inputs.size(); ++i) {
            InputPort& port = inputs[i];
            const HwcInput& feed = job.inputs[i];
            if (!port.offering && feed.position < feed.beats && !paused(port.pauses, feed, job)) {
                port.offering = true;
                std::memcpy(port.data, feed.data + feed.position * port.bytes, port.bytes);
            }
            *port.valid = port.offering;
        }
        for (size_t i = 0; i < outputs.size(); ++i)
            *outputs[i].ready = !paused(outputs[i].pauses, job.outputs[i], job);
        top->aclk = 0;
        top->eval();
        // Everything is sampled just before the rising edge.
        bool moved = false;
        for (size_t i = 0; i < outputs.size(); ++i)
            if (const int status = sample(outputs[i], job.outputs[i], job.cycles, moved))
                return status;
        for (TapPort& tap : taps)
            if (*tap.fire) observe(tap, job);
        for (size_t i = 0; i < inputs.size(); ++i) {
            InputPort& port = inputs[i];
            if (!port.offering || !*port.ready) continue;
            HwcInput& feed = job.inputs[i];
            const uint64_t beat = feed.done % port.frame_beats;
            if (beat == 0) feed.first[feed.done / port.frame_beats] = job.cycles;
            if (beat + 1 == port.frame_beats) feed.last[feed.done / port.frame_beats] = job.cycles;
            port.offering = false;
            ++feed.position;
            ++feed.done;
            moved = true;
        }
        idle = moved ? 0 : idle + 1;
        top->aclk = 1;
        top->eval();
        ++job.cycles;
        return kDone;
    }

    int sample(OutputPort& port, HwcOutput& sink, uint64_t now, bool& moved) {
        const bool valid = *port.valid, last = *port.last, ready = *port.ready;
        if (port.held) {
            if (!valid) return fail(port, "_tvalid was withdrawn before the beat was taken");
            if (std::memcmp(port.data, port.held_beat.data(), port.bytes) != 0)
                return fail(port, "_tdata changed while waiting for ", "_tready");
            if (last != port.held_last)
                return fail(port, "_tlast changed while waiting for ", "_tready");
        }
        port.held = valid && !ready;
        if (port.held) {
            std::memcpy(port.held_beat.data(), port.data, port.bytes);
            port.held_last = last;
        }
        if (!valid || !ready) return kDone;
        if (sink.done == sink.beats) return fail(port, ": more output beats than the frames have");
        const bool due = port.beat + 1 == port.frame_beats;
        if (last != due)
            return fail(port, due ? "_tlast is missing on the last beat of a frame"
                                  : "_tlast in the middle of a frame");
        std::memcpy(sink.data + sink.done * port.bytes, port.data, port.bytes);
        if (port.beat == 0) sink.first[sink.done / port.frame_beats] = now;
        if (due) sink.last[sink.done / port.frame_beats] = now;
        port.beat = due ? 0 : port.beat + 1;
        ++sink.done;
        moved = true;
        return kDone;
    }

    static void observe(TapPort& tap, const HwcJob& job) {
        if (job.record & kTapValues)
            tap.values.insert(tap.values.end(), tap.data, tap.data + tap.bytes);
        const bool due = tap.beat + 1 == tap.frame_beats;
        if (job.record & kTapCycles) {
            tap.cycles.push_back(job.cycles);
        } else {
            if (tap.beat == 0) tap.cycles.push_back(job.cycles);
            if (due) tap.cycles.push_back(job.cycles);
        }
        tap.beat = due ? 0 : tap.beat + 1;
        ++tap.beats;
        tap.moved = job.cycles + 1;
    }

    // kRefill as soon as a port has no beat left but more are to come: before the
    // cycle in which it would have to offer one, so that the cut leaves no trace.
    int run(HwcJob& job) {
        for (;;) {
            bool pending = false;
            for (size_t i = 0; i < inputs.size(); ++i) {
                if (job.inputs[i].position < job.inputs[i].beats)
                    pending = true;
                else if (!job.inputs[i].final)
                    return kRefill;
            }
            for (size_t i = 0; i < outputs.size(); ++i)
                pending |= job.outputs[i].done < job.outputs[i].beats;
            if (!pending) break;
            if (const int status = cycle(job)) return status;
            if (idle > job.watchdog) return kDeadlock;
        }
        const uint64_t cycles = job.cycles;
        for (int i = 0; i < kSurplusCycles; ++i)
            if (const int status = cycle(job)) return status;
        job.cycles = cycles;
        return kDone;
    }

    int fail(const OutputPort& port, const char* what, const char* other = nullptr) {
        error = std::string{port.name} + what;
        if (other) error += std::string{port.name} + other;
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

// What a tap saw; the memory is the model's.
void hwc_tap(void* handle, uint32_t number, HwcTap* result) {
    const TapPort& tap = static_cast<Model*>(handle)->taps.at(number);
    *result = {tap.values.data(), tap.values.size(), tap.beats,
               tap.moved, tap.cycles.data(), tap.cycles.size()};
}

}  // extern "C"
