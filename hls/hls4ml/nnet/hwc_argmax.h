#ifndef HWC_ARGMAX_H_
#define HWC_ARGMAX_H_

// Index of the largest element of a vector, the first one on a tie; and indices of
// the k largest, largest first.

#include "ap_int.h"
#include "hls_stream.h"
#include "nnet_common.h"
#include "nnet_types.h"

namespace hwc {

struct argmax_config {
    static const unsigned n_in = 1;
    static const unsigned reuse_factor = 1;
};

template <class data_T, class res_T, class CONFIG_T> void argmax(data_T data[CONFIG_T::n_in], res_T res[1]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    data_T best = data[0];
    res_T index = 0;
Element:
    for (unsigned i = 1; i < CONFIG_T::n_in; i++) {
        #pragma HLS UNROLL
        if (data[i] > best) {
            best = data[i];
            index = i;
        }
    }
    res[0] = index;
}

template <class data_T, class res_T, class CONFIG_T>
void argmax(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    typename data_T::value_type best = 0;
    typename res_T::value_type index = 0;
Pack:
    for (unsigned i = 0; i < CONFIG_T::n_in / data_T::size; i++) {
        #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
        data_T in = data.read();
    Element:
        for (unsigned j = 0; j < data_T::size; j++) {
            #pragma HLS UNROLL
            if ((i == 0 && j == 0) || in[j] > best) {
                best = in[j];
                index = i * data_T::size + j;
            }
        }
    }
    res_T out;
    out[0] = index;
    res.write(out);
}

struct top_k_config {
    static const unsigned n_in = 1;
    static const unsigned k = 1;
    static const unsigned reuse_factor = 1;
};

// Insert element i into the best ones; those equal to it came earlier and stay before it.
template <class data_T, class res_T, class CONFIG_T> void top_k_insert(data_T x, unsigned i, data_T *best, res_T *index) {
    #pragma HLS INLINE
Place:
    for (int place = CONFIG_T::k - 1; place >= 0; place--) {
        #pragma HLS UNROLL
        const bool filled = (unsigned)place < i;
        if (filled && !(x > best[place]))
            continue;
        // This place is free or its holder is smaller: the holder moves down.
        if (filled && place + 1 < (int)CONFIG_T::k) {
            best[place + 1] = best[place];
            index[place + 1] = index[place];
        }
        const bool here = place == 0 || ((unsigned)place <= i && !(x > best[place - 1]));
        if (here && (unsigned)place <= i) {
            best[place] = x;
            index[place] = i;
        }
    }
}

template <class data_T, class res_T, class CONFIG_T> void top_k(data_T *data, res_T *res) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    data_T best[CONFIG_T::k];
    #pragma HLS ARRAY_PARTITION variable=best complete
    res_T index[CONFIG_T::k];
    #pragma HLS ARRAY_PARTITION variable=index complete
Element:
    for (unsigned i = 0; i < CONFIG_T::n_in; i++) {
        #pragma HLS UNROLL
        top_k_insert<data_T, res_T, CONFIG_T>(data[i], i, best, index);
    }
    for (unsigned place = 0; place < CONFIG_T::k; place++) {
        #pragma HLS UNROLL
        res[place] = index[place];
    }
}

template <class data_T, class res_T, class CONFIG_T>
void top_k(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    typedef typename data_T::value_type x_T;
    typedef typename res_T::value_type y_T;
    x_T best[CONFIG_T::k];
    #pragma HLS ARRAY_PARTITION variable=best complete
    y_T index[CONFIG_T::k];
    #pragma HLS ARRAY_PARTITION variable=index complete
Pack:
    for (unsigned i = 0; i < CONFIG_T::n_in; i += data_T::size) {
        #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
        data_T in = data.read();
        for (unsigned c = 0; c < data_T::size; c++) {
            #pragma HLS UNROLL
            top_k_insert<x_T, y_T, CONFIG_T>(in[c], i + c, best, index);
        }
    }
    res_T out;
    for (unsigned place = 0; place < CONFIG_T::k; place++) {
        #pragma HLS UNROLL
        out[place] = index[place];
    }
    res.write(out);
}

} // namespace hwc

#endif
