#ifndef HWC_JOIN_H_
#define HWC_JOIN_H_

// Operations with several inputs: add, mul, concat. As arrays (io_parallel) the
// inputs are read element by element; as streams (io_stream) one pack of every
// input makes one pack of the output. Every input arrives in packs of its
// channels. Sums may wrap in accum_t on the way: the total fits.

#include "ap_int.h"
#include "hls_stream.h"
#include "nnet_common.h"
#include "nnet_types.h"

namespace hwc {

struct add_config {
    static const unsigned n_in = 1;   // elements of one input
    static const unsigned n_chan = 1; // channels
    static const unsigned n_rows = 1; // multipliers of an input: 1, or n_chan
    static const unsigned reuse_factor = 1;
    typedef ap_int<8> multiplier_t;
    typedef ap_int<16> accum_t;
};

// The sum over inputs from number `input` on, of element i.
template <class CONFIG_T>
typename CONFIG_T::accum_t add_terms(typename CONFIG_T::multiplier_t *multipliers, unsigned input, unsigned i) {
    #pragma HLS INLINE
    return 0;
}

template <class CONFIG_T, class x_T, class... rest_T>
typename CONFIG_T::accum_t add_terms(typename CONFIG_T::multiplier_t *multipliers, unsigned input, unsigned i, x_T *x,
                                     rest_T *...rest) {
    #pragma HLS INLINE
    const unsigned row = CONFIG_T::n_rows == 1 ? 0 : i % CONFIG_T::n_chan;
    typename CONFIG_T::accum_t sum = add_terms<CONFIG_T>(multipliers, input + 1, i, rest...);
    sum += multipliers[input * CONFIG_T::n_rows + row] * x[i];
    return sum;
}

template <class CONFIG_T, class res_T, class... x_T>
void add(res_T *res, typename CONFIG_T::multiplier_t *multipliers, x_T *...x) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    #pragma HLS ARRAY_PARTITION variable=multipliers complete
Element:
    for (unsigned i = 0; i < CONFIG_T::n_in; i++) {
        #pragma HLS UNROLL
        res[i] = res_T(add_terms<CONFIG_T>(multipliers, 0, i, x...));
    }
}

template <class CONFIG_T>
void add_packs(typename CONFIG_T::accum_t *sum, typename CONFIG_T::multiplier_t *multipliers, unsigned input) {
    #pragma HLS INLINE
}

template <class CONFIG_T, class x_T, class... rest_T>
void add_packs(typename CONFIG_T::accum_t *sum, typename CONFIG_T::multiplier_t *multipliers, unsigned input,
               hls::stream<x_T> &x, hls::stream<rest_T> &...rest) {
    #pragma HLS INLINE
    x_T in = x.read();
    for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
        #pragma HLS UNROLL
        sum[c] += multipliers[input * CONFIG_T::n_rows + (CONFIG_T::n_rows == 1 ? 0 : c)] * in[c];
    }
    add_packs<CONFIG_T>(sum, multipliers, input + 1, rest...);
}

template <class CONFIG_T, class res_T, class... x_T>
void add(hls::stream<res_T> &res, typename CONFIG_T::multiplier_t *multipliers, hls::stream<x_T> &...x) {
    #pragma HLS ARRAY_PARTITION variable=multipliers complete
Pack:
    for (unsigned i = 0; i < CONFIG_T::n_in / CONFIG_T::n_chan; i++) {
        #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
        typename CONFIG_T::accum_t sum[CONFIG_T::n_chan];
        #pragma HLS ARRAY_PARTITION variable=sum complete
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            sum[c] = 0;
        }
        add_packs<CONFIG_T>(sum, multipliers, 0, x...);
        res_T out;
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            out[c] = typename res_T::value_type(sum[c]);
        }
        res.write(out);
    }
}

struct mul_config {
    static const unsigned n_in = 1;
    static const unsigned n_chan = 1;
    static const unsigned n_gate = 1; // n_in, or n_chan: then a gate holds for every position
    static const unsigned reuse_factor = 1;
};

template <class CONFIG_T, class res_T, class x_T, class gate_T> void mul(res_T *res, x_T *x, gate_T *gate) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
Element:
    for (unsigned i = 0; i < CONFIG_T::n_in; i++) {
        #pragma HLS UNROLL
        res[i] = res_T(x[i] * gate[i % CONFIG_T::n_gate]);
    }
}

template <class CONFIG_T, class res_T, class x_T, class gate_T>
void mul(hls::stream<res_T> &res, hls::stream<x_T> &x, hls::stream<gate_T> &gate) {
    gate_T factor;
Pack:
    for (unsigned i = 0; i < CONFIG_T::n_in / CONFIG_T::n_chan; i++) {
        #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
        if (i == 0 || CONFIG_T::n_gate == CONFIG_T::n_in)
            factor = gate.read();
        x_T in = x.read();
        res_T out;
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            out[c] = typename res_T::value_type(in[c] * factor[c]);
        }
        res.write(out);
    }
}

struct concat_config {
    static const unsigned n_positions = 1; // product of all axes but the last
    static const unsigned n_chan = 1;      // channels of the output
    static const unsigned reuse_factor = 1;
    typedef ap_uint<8> width_t; // channels of one input
};

// Arrays do not know their length: `widths` says how many channels each input has.
template <class CONFIG_T, class res_T>
void concat_pixel(res_T *res, typename CONFIG_T::width_t *widths, unsigned position) {
    #pragma HLS INLINE
}

template <class CONFIG_T, class res_T, class x_T, class... rest_T>
void concat_pixel(res_T *res, typename CONFIG_T::width_t *widths, unsigned position, x_T *x, rest_T *...rest) {
    #pragma HLS INLINE
    const unsigned width = widths[0].to_uint();
    for (unsigned c = 0; c < width; c++)
        res[c] = res_T(x[position * width + c]);
    concat_pixel<CONFIG_T>(res + width, widths + 1, position, rest...);
}

template <class CONFIG_T, class res_T, class... x_T>
void concat(res_T *res, typename CONFIG_T::width_t *widths, x_T *...x) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    #pragma HLS ARRAY_PARTITION variable=widths complete
Position:
    for (unsigned position = 0; position < CONFIG_T::n_positions; position++) {
        #pragma HLS UNROLL
        concat_pixel<CONFIG_T>(res + position * CONFIG_T::n_chan, widths, position, x...);
    }
}

template <class CONFIG_T, class res_T> void concat_packs(res_T &out, unsigned first) {
    #pragma HLS INLINE
}

template <class CONFIG_T, class res_T, class x_T, class... rest_T>
void concat_packs(res_T &out, unsigned first, hls::stream<x_T> &x, hls::stream<rest_T> &...rest) {
    #pragma HLS INLINE
    x_T in = x.read();
    for (unsigned c = 0; c < x_T::size; c++) {
        #pragma HLS UNROLL
        out[first + c] = typename res_T::value_type(in[c]);
    }
    concat_packs<CONFIG_T>(out, first + x_T::size, rest...);
}

template <class CONFIG_T, class res_T, class... x_T>
void concat(hls::stream<res_T> &res, typename CONFIG_T::width_t *widths, hls::stream<x_T> &...x) {
Position:
    for (unsigned position = 0; position < CONFIG_T::n_positions; position++) {
        #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
        res_T out;
        concat_packs<CONFIG_T>(out, 0, x...);
        res.write(out);
    }
}

} // namespace hwc

#endif
