#ifndef HWC_SCALAR_H_
#define HWC_SCALAR_H_

// Functions of one integer, chosen per channel: thresholds, rescale, table, copy.
// Exact integer arithmetic; every type comes from the layer's config struct.
// OP::value(x, channel, tables...) gives one element; map() applies it to an
// array (io_parallel) or to a stream of channel packs (io_stream).

#include "ap_int.h"
#include "hls_stream.h"
#include "nnet_common.h"
#include "nnet_types.h"

namespace hwc {

template <class OP, class x_T, class y_T, class CONFIG_T, class... TABLE>
void map(x_T x[CONFIG_T::n_in], y_T y[CONFIG_T::n_in], TABLE *...tables) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
Element:
    for (unsigned i = 0; i < CONFIG_T::n_in; i++) {
        #pragma HLS UNROLL
        y[i] = OP::template value<x_T, y_T, CONFIG_T>(x[i], i % CONFIG_T::n_chan, tables...);
    }
}

template <class OP, class data_T, class res_T, class CONFIG_T, class... TABLE>
void map(hls::stream<data_T> &data, hls::stream<res_T> &res, TABLE *...tables) {
    // A flattened image arrives in packs of its channels and leaves in one
    // pack, so the two pack sizes may differ.
    res_T out;
    unsigned filled = 0;
Pack:
    for (unsigned i = 0; i < CONFIG_T::n_in / data_T::size; i++) {
        #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
        data_T in = data.read();
    Element:
        for (unsigned j = 0; j < data_T::size; j++) {
            #pragma HLS UNROLL
            out[filled] = OP::template value<typename data_T::value_type, typename res_T::value_type, CONFIG_T>(
                in[j], (i * data_T::size + j) % CONFIG_T::n_chan, tables...);
            filled++;
            if (filled == res_T::size) {
                res.write(out);
                filled = 0;
            }
        }
    }
}

struct threshold_config {
    static const unsigned n_in = 1;
    static const unsigned n_chan = 1;
    static const unsigned n_rows = 1;  // 1, or n_chan
    static const unsigned n_steps = 1; // thresholds per row
    static const unsigned reuse_factor = 1;
    static const long long lo = 0;
    static const long long step = 1;
    typedef ap_int<16> threshold_t;
    typedef ap_int<2> sign_t;
    typedef ap_int<17> accum_t; // holds x, -x and every threshold
};

// y = lo + step * #{k : sign * x >= thresholds[k]}
struct threshold_op {
    template <class x_T, class y_T, class CONFIG_T>
    static y_T value(x_T x, unsigned channel, typename CONFIG_T::threshold_t *thresholds,
                     typename CONFIG_T::sign_t *signs) {
        #pragma HLS INLINE
        const unsigned row = CONFIG_T::n_rows == 1 ? 0 : channel;
        typename CONFIG_T::accum_t oriented = x;
        if (signs[row] < 0)
            oriented = -oriented;
        ap_uint<32> count = 0;
    Step:
        for (unsigned k = 0; k < CONFIG_T::n_steps; k++) {
            #pragma HLS UNROLL
            typename CONFIG_T::accum_t bound = thresholds[row * CONFIG_T::n_steps + k];
            if (oriented >= bound)
                count++;
        }
        ap_int<64> level = CONFIG_T::lo + CONFIG_T::step * (long long)count.to_int64();
        return y_T(level);
    }
};

template <class data_T, class res_T, class CONFIG_T>
void threshold(data_T data[CONFIG_T::n_in], res_T res[CONFIG_T::n_in],
               typename CONFIG_T::threshold_t thresholds[CONFIG_T::n_rows * CONFIG_T::n_steps],
               typename CONFIG_T::sign_t signs[CONFIG_T::n_rows]) {
    #pragma HLS ARRAY_PARTITION variable=thresholds complete
    #pragma HLS ARRAY_PARTITION variable=signs complete
    map<threshold_op, data_T, res_T, CONFIG_T>(data, res, thresholds, signs);
}

template <class data_T, class res_T, class CONFIG_T>
void threshold(hls::stream<data_T> &data, hls::stream<res_T> &res,
               typename CONFIG_T::threshold_t thresholds[CONFIG_T::n_rows * CONFIG_T::n_steps],
               typename CONFIG_T::sign_t signs[CONFIG_T::n_rows]) {
    #pragma HLS ARRAY_PARTITION variable=thresholds complete
    #pragma HLS ARRAY_PARTITION variable=signs complete
    map<threshold_op, data_T, res_T, CONFIG_T>(data, res, thresholds, signs);
}

struct rescale_config {
    static const unsigned n_in = 1;
    static const unsigned n_chan = 1;
    static const unsigned n_rows = 1; // 1, or n_chan
    static const unsigned reuse_factor = 1;
    static const bool half_even = false;
    static const long long lo = 0;
    static const long long hi = 0;
    typedef ap_int<16> mul_t;
    typedef ap_int<16> add_t;
    typedef ap_uint<6> shift_t;
    typedef ap_int<50> accum_t; // holds the product, and 1 << (shift + 1)
};

// y = clip(round((mul * x + add) / 2^shift), lo, hi)
struct rescale_op {
    template <class x_T, class y_T, class CONFIG_T>
    static y_T value(x_T x, unsigned channel, typename CONFIG_T::mul_t *mul, typename CONFIG_T::add_t *add,
                     typename CONFIG_T::shift_t *shift) {
        #pragma HLS INLINE
        const unsigned row = CONFIG_T::n_rows == 1 ? 0 : channel;
        typedef typename CONFIG_T::accum_t accum_T;
        const int places = shift[row].to_int();
        accum_T product = mul[row] * x;
        product += add[row];
        accum_T result = product >> places; // arithmetic: towards minus infinity
        if (CONFIG_T::half_even) {
            accum_T whole = result << places;
            accum_T rest = product - whole;
            accum_T twice = rest << 1;
            accum_T one = accum_T(1) << places;
            if (twice > one || (twice == one && result[0]))
                result += 1;
        }
        const accum_T lo = CONFIG_T::lo;
        const accum_T hi = CONFIG_T::hi;
        if (result < lo)
            result = lo;
        if (result > hi)
            result = hi;
        return y_T(result);
    }
};

template <class data_T, class res_T, class CONFIG_T>
void rescale(data_T data[CONFIG_T::n_in], res_T res[CONFIG_T::n_in], typename CONFIG_T::mul_t mul[CONFIG_T::n_rows],
             typename CONFIG_T::add_t add[CONFIG_T::n_rows], typename CONFIG_T::shift_t shift[CONFIG_T::n_rows]) {
    #pragma HLS ARRAY_PARTITION variable=mul complete
    #pragma HLS ARRAY_PARTITION variable=add complete
    #pragma HLS ARRAY_PARTITION variable=shift complete
    map<rescale_op, data_T, res_T, CONFIG_T>(data, res, mul, add, shift);
}

template <class data_T, class res_T, class CONFIG_T>
void rescale(hls::stream<data_T> &data, hls::stream<res_T> &res, typename CONFIG_T::mul_t mul[CONFIG_T::n_rows],
             typename CONFIG_T::add_t add[CONFIG_T::n_rows], typename CONFIG_T::shift_t shift[CONFIG_T::n_rows]) {
    #pragma HLS ARRAY_PARTITION variable=mul complete
    #pragma HLS ARRAY_PARTITION variable=add complete
    #pragma HLS ARRAY_PARTITION variable=shift complete
    map<rescale_op, data_T, res_T, CONFIG_T>(data, res, mul, add, shift);
}

struct table_config {
    static const unsigned n_in = 1;
    static const unsigned n_chan = 1;
    static const unsigned n_rows = 1;    // 1, or n_chan
    static const unsigned n_entries = 1; // entries per row
    static const unsigned step = 1;      // of the domain
    static const unsigned reuse_factor = 1;
    static const long long lo = 0; // least integer of the domain
    typedef ap_int<16> entry_t;
    typedef ap_int<17> accum_t; // holds x - lo
};

// y = entries[c][(x - lo) / step]
struct table_op {
    template <class x_T, class y_T, class CONFIG_T>
    static y_T value(x_T x, unsigned channel, typename CONFIG_T::entry_t *entries) {
        #pragma HLS INLINE
        const unsigned row = CONFIG_T::n_rows == 1 ? 0 : channel;
        typename CONFIG_T::accum_t distance = x;
        distance -= typename CONFIG_T::accum_t(CONFIG_T::lo);
        const unsigned place = distance.to_uint64() / CONFIG_T::step;
        return y_T(entries[row * CONFIG_T::n_entries + place]);
    }
};

template <class data_T, class res_T, class CONFIG_T>
void table(data_T data[CONFIG_T::n_in], res_T res[CONFIG_T::n_in],
           typename CONFIG_T::entry_t entries[CONFIG_T::n_rows * CONFIG_T::n_entries]) {
    map<table_op, data_T, res_T, CONFIG_T>(data, res, entries);
}

template <class data_T, class res_T, class CONFIG_T>
void table(hls::stream<data_T> &data, hls::stream<res_T> &res,
           typename CONFIG_T::entry_t entries[CONFIG_T::n_rows * CONFIG_T::n_entries]) {
    map<table_op, data_T, res_T, CONFIG_T>(data, res, entries);
}

struct copy_config {
    static const unsigned n_in = 1;
    static const unsigned n_chan = 1;
    static const unsigned reuse_factor = 1;
};

struct copy_op {
    template <class x_T, class y_T, class CONFIG_T> static y_T value(x_T x, unsigned channel) {
        #pragma HLS INLINE
        return y_T(x);
    }
};

template <class data_T, class res_T, class CONFIG_T> void copy(data_T data[CONFIG_T::n_in], res_T res[CONFIG_T::n_in]) {
    map<copy_op, data_T, res_T, CONFIG_T>(data, res);
}

template <class data_T, class res_T, class CONFIG_T> void copy(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    map<copy_op, data_T, res_T, CONFIG_T>(data, res);
}

} // namespace hwc

#endif
