#ifndef HWC_CONSTANT_H_
#define HWC_CONSTANT_H_

// A tensor that is the same for every sample. As a stream it leaves in packs of
// its channels.

#include "ap_int.h"
#include "hls_stream.h"
#include "nnet_common.h"
#include "nnet_types.h"

namespace hwc {

struct constant_config {
    static const unsigned n_in = 1;   // elements
    static const unsigned n_chan = 1; // channels
    static const unsigned reuse_factor = 1;
    typedef ap_int<8> entry_t;
};

template <class CONFIG_T, class res_T> void constant(res_T *res, typename CONFIG_T::entry_t *entries) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    #pragma HLS ARRAY_PARTITION variable=entries complete
Element:
    for (unsigned i = 0; i < CONFIG_T::n_in; i++) {
        #pragma HLS UNROLL
        res[i] = res_T(entries[i]);
    }
}

template <class CONFIG_T, class res_T>
void constant(hls::stream<res_T> &res, typename CONFIG_T::entry_t *entries) {
    #pragma HLS ARRAY_PARTITION variable=entries cyclic factor=CONFIG_T::n_chan
Pack:
    for (unsigned i = 0; i < CONFIG_T::n_in; i += CONFIG_T::n_chan) {
        #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
        res_T out;
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            out[c] = typename res_T::value_type(entries[i + c]);
        }
        res.write(out);
    }
}

} // namespace hwc

#endif
