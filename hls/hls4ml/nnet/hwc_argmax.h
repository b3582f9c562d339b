#ifndef HWC_ARGMAX_H_
#define HWC_ARGMAX_H_

// Index of the largest element of a vector, the first one on a tie.

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

} // namespace hwc

#endif
